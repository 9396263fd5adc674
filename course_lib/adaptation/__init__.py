"""Making a model fit for a purpose: other text, other sizes, other wishes, fewer bytes."""

from course_lib.adaptation.continued import LossMatrix, continue_pretraining, domain_losses
from course_lib.adaptation.distill import distill, distillation_loss
from course_lib.adaptation.lora import LoRALinear, add_lora, lora_modules, merge_lora
from course_lib.adaptation.lora_files import load_lora, save_lora
from course_lib.adaptation.mixing import Mixture, check_apart, mix, token_counts
from course_lib.adaptation.quantize import Int8Report, quantize_int8, round_to_int8, weight_bytes

__all__ = [
    "Int8Report",
    "LoRALinear",
    "LossMatrix",
    "Mixture",
    "add_lora",
    "check_apart",
    "continue_pretraining",
    "distill",
    "distillation_loss",
    "domain_losses",
    "load_lora",
    "lora_modules",
    "merge_lora",
    "mix",
    "quantize_int8",
    "round_to_int8",
    "save_lora",
    "token_counts",
    "weight_bytes",
]
