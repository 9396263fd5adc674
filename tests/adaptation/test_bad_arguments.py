"""Wrong arguments at the doors of this folder; see `tests.doors`."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.adaptation import mixing, preferences, quantize, scaling
from course_lib.adaptation.align import align
from course_lib.adaptation.attempts import pass_at_k, sample_answers
from course_lib.adaptation.continued import LossMatrix, continue_pretraining, domain_losses
from course_lib.adaptation.distill import distill, distillation_loss
from course_lib.adaptation.grpo import Rollouts, group_advantages, grpo_loss
from course_lib.adaptation.lora import LoRALinear, add_lora, merge_lora
from course_lib.training import adamw
from tests.doors import ROWS, Door, draws, model, trials

pytestmark = pytest.mark.usefixtures("as_installed")
FLOATS, TARGETS = torch.zeros(2, 3, 7), torch.ones(2, 3, dtype=torch.long)
PAIR = preferences.Preference([1, 2], [3], [4, 5])
RUNS = [
    scaling.ScalingRun(n, d, 2 + n**-0.3 + d**-0.25)
    for n in (10, 40, 160)
    for d in (100, 400, 1600)
]


def reward(prompt: object, answer: Any) -> float:
    return float(len(answer))


DOORS: dict[str, Door] = {
    "add_lora": (
        add_lora,
        lambda: {
            "model": model(), "rank": 2, "alpha": 2.0, "dropout": 0.5, "targets": ["qkv"],
            "generator": draws(),
        },
        {
            "model": "model", "rank": "whole", "alpha": "number?", "dropout": "share",
            "targets": "several",
        },
    ),
    "LoRALinear": (
        LoRALinear,
        lambda: {"base": nn.Linear(4, 4), "rank": 2, "alpha": 2.0, "dropout": 0.5},
        {"base": "model", "rank": "whole", "alpha": "number?", "dropout": "share"},
    ),
    "merge_lora": (
        lambda model: merge_lora(model) if isinstance(model, str | int | None) else None,
        lambda: {"model": model()},
        {"model": "model"},
    ),
    "check_preferences": (
        preferences.check_preferences, lambda: {"pairs": [PAIR]}, {"pairs": "several"}
    ),
    "preference_loss": (
        preferences.preference_loss,
        lambda: {
            "model": model(), "reference": model(), "pairs": [PAIR], "beta": 0.1,
            "likelihood": 1.0, "pad_id": 0,
        },
        {
            "model": "model", "reference": "model", "pairs": "several", "beta": "number",
            "likelihood": "number", "pad_id": "whole",
        },
    ),
    "answer_example": (
        preferences.answer_example,
        lambda: {"prompts": [[1]], "answers": [[2, 3]], "pad_id": 0},
        {"prompts": "lists", "answers": "lists", "pad_id": "whole"},
    ),
    "dpo_loss": (
        preferences.dpo_loss,
        lambda: {
            "chosen": torch.zeros(2), "rejected": torch.zeros(2),
            "reference_chosen": torch.zeros(2), "reference_rejected": torch.zeros(2),
            "beta": 0.1, "likelihood": 1.0, "n_tokens": torch.ones(2),
        },
        {
            "chosen": "floats", "rejected": "object", "reference_chosen": "object",
            "reference_rejected": "object", "beta": "number", "likelihood": "number",
        },
    ),
    "align": (
        align,
        lambda: {
            "model": model(), "pairs": [PAIR], "steps": 1, "batch_size": 1, "warmup": 0.5,
            "progress": False,
        },
        {
            "model": "model", "pairs": "several", "steps": "whole", "batch_size": "whole",
            "warmup": "share",
        },
    ),
    "distillation_loss": (
        distillation_loss,
        lambda: {
            "student": FLOATS, "teacher": FLOATS, "targets": TARGETS, "temperature": 2.0,
            "hard": 0.5,
        },
        {
            "student": "floats", "teacher": "floats", "targets": "ids", "temperature": "number",
            "hard": "share",
        },
    ),
    "distill": (
        lambda student, teacher, temperature, hard: distill(
            student, teacher, [ROWS], steps=1, progress=False, temperature=temperature, hard=hard,
            optimizer=adamw(student, 1e-3) if isinstance(student, nn.Module) else None,
        ),
        lambda: {"student": model(), "teacher": model(), "temperature": 2.0, "hard": 0.5},
        {"student": "model", "teacher": "model", "temperature": "number", "hard": "share"},
    ),
    "group_advantages": (
        group_advantages, lambda: {"rewards": torch.rand(2, 3)}, {"rewards": "floats"}
    ),
    "grpo_loss": (
        grpo_loss,
        lambda: {
            "log_probs": torch.zeros(2, 3), "old_log_probs": torch.zeros(2, 3),
            "advantages": torch.ones(2), "counts": torch.ones(2, 3) > 0, "clip": 0.2,
        },
        {
            "log_probs": "floats", "old_log_probs": "object", "advantages": "floats",
            "counts": "mask", "clip": "share",
        },
    ),
    "Rollouts": (
        Rollouts,
        lambda: {
            "model": model(), "prompts": [[1]], "reward": reward, "prompts_a_batch": 1,
            "answers": 2, "max_new_tokens": 2, "generator": draws(), "temperature": 1.0,
        },
        {
            "model": "model", "prompts": "several", "reward": "function",
            "prompts_a_batch": "whole", "answers": "whole", "max_new_tokens": "whole",
            "generator": "generator", "temperature": "number",
        },
    ),
    "sample_answers": (
        sample_answers,
        lambda: {
            "model": model(), "prompts": [[1]], "max_new_tokens": 2, "generator": draws(),
            "temperature": 0.5,
        },
        {
            "model": "model", "prompts": "several", "max_new_tokens": "whole",
            "generator": "generator", "temperature": "number",
        },
    ),
    "pass_at_k": (
        pass_at_k,
        lambda: {"n_answers": 5, "n_right": 2, "k": 3},
        {"n_answers": "whole", "n_right": "whole", "k": "whole"},
    ),
    "round_to_int8": (
        quantize.round_to_int8, lambda: {"weight": torch.rand(2, 3)}, {"weight": "floats"}
    ),
    "quantize_int8": (quantize.quantize_int8, lambda: {"model": model()}, {"model": "model"}),
    "continue_pretraining": (
        continue_pretraining,
        lambda: {
            "model": model(), "new": [[1, 2, 3]] * 9, "replayed": [[4, 5]] * 9, "replay": 0.5,
            "n_tokens": 20, "seq_len": 4, "separator_id": 0, "batch_size": 2, "warmup": 0.5,
            "seed": 0, "progress": False,
        },
        {
            "model": "model", "new": "several", "replayed": "several", "replay": "share",
            "n_tokens": "whole", "seq_len": "whole", "separator_id": "whole",
            "batch_size": "whole", "warmup": "share", "seed": "whole",
        },
    ),
    "domain_losses": (
        domain_losses,
        lambda: {"model": model(), "held_out": {"a": ROWS}},
        {"model": "model", "held_out": "mapping"},
    ),
    "LossMatrix.of": (LossMatrix.of, lambda: {"stages": {"a": {"b": 1.0}}}, {"stages": "mapping"}),
    "token_counts": (
        mixing.token_counts,
        lambda: {"weights": {"a": 1.0}, "n_tokens": 3},
        {"weights": "mapping", "n_tokens": "whole"},
    ),
    "mix": (
        mixing.mix,
        lambda: {
            "sources": {"a": [[1, 2, 3]]}, "weights": {"a": 1.0}, "n_tokens": 3,
            "generator": draws(), "epochs": 1,
        },
        {
            "sources": "mapping", "weights": "mapping", "n_tokens": "whole",
            "generator": "generator", "epochs": "whole",
        },
    ),
    "check_apart": (
        mixing.check_apart,
        lambda: {"documents": [[1, 2]], "held_out": {"a": [[3]]}, "run_tokens": 2},
        {"documents": "several", "held_out": "mapping", "run_tokens": "whole?"},
    ),
    "fit_scaling_law": (
        scaling.fit_scaling_law,
        lambda: {"runs": RUNS, "generator": np.random.default_rng(0), "n_draws": 20},
        {"runs": "several", "generator": "object", "n_draws": "whole"},
    ),
    "check_design": (scaling.check_design, lambda: {"runs": RUNS}, {"runs": "several"}),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)
