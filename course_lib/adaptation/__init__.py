"""Making a model fit for a purpose: other text, other sizes, other wishes, fewer bytes."""

from course_lib.adaptation.align import align
from course_lib.adaptation.attempts import pass_at_k, sample_answers
from course_lib.adaptation.bloomberg import BLOOMBERG_RUN, TrainingRun, planned_size
from course_lib.adaptation.continued import LossMatrix, continue_pretraining, domain_losses
from course_lib.adaptation.distill import distill, distillation_loss
from course_lib.adaptation.grpo import Rollouts, group_advantages, grpo_loss, reinforce
from course_lib.adaptation.lora import LoRALinear, add_lora, lora_modules, merge_lora
from course_lib.adaptation.lora_files import load_lora, save_lora
from course_lib.adaptation.mixing import Mixture, check_apart, mix, token_counts
from course_lib.adaptation.preferences import (
    Preference,
    PreferenceLoss,
    answer_example,
    answer_log_probs,
    check_preferences,
    dpo_loss,
    preference_loss,
)
from course_lib.adaptation.published_laws import (
    BESIROGLU,
    CHINCHILLA,
    OPTIMAL_SIZES,
    kaplan_loss,
    kaplan_optimum,
)
from course_lib.adaptation.quantize import Int8Report, quantize_int8, round_to_int8, weight_bytes
from course_lib.adaptation.scaling import (
    ScalingFit,
    ScalingLaw,
    ScalingRun,
    check_design,
    fit_scaling_law,
)
from course_lib.adaptation.zipf_facts import fact_floor, fact_runs

__all__ = [
    "BESIROGLU",
    "BLOOMBERG_RUN",
    "CHINCHILLA",
    "OPTIMAL_SIZES",
    "Int8Report",
    "LoRALinear",
    "LossMatrix",
    "Mixture",
    "Preference",
    "PreferenceLoss",
    "Rollouts",
    "ScalingFit",
    "ScalingLaw",
    "ScalingRun",
    "TrainingRun",
    "add_lora",
    "align",
    "answer_example",
    "answer_log_probs",
    "check_apart",
    "check_design",
    "check_preferences",
    "continue_pretraining",
    "distill",
    "distillation_loss",
    "domain_losses",
    "dpo_loss",
    "fact_floor",
    "fact_runs",
    "fit_scaling_law",
    "group_advantages",
    "grpo_loss",
    "kaplan_loss",
    "kaplan_optimum",
    "load_lora",
    "lora_modules",
    "merge_lora",
    "mix",
    "pass_at_k",
    "planned_size",
    "preference_loss",
    "quantize_int8",
    "reinforce",
    "round_to_int8",
    "sample_answers",
    "save_lora",
    "token_counts",
    "weight_bytes",
]
