"""Wrong arguments at the doors of this folder; see `tests.doors`."""

import pytest

from course_lib.training import adamw, evaluate, schedule, train
from course_lib.training.optimizer import decay_groups
from tests.doors import ROWS, Door, model, trials

pytestmark = pytest.mark.usefixtures("as_installed")
DOORS: dict[str, Door] = {
    "train": (
        lambda **given: train(**{"optimizer": adamw(given["model"], 1e-3), "progress": False}
                              | given),
        lambda: {
            "model": model(), "batches": [ROWS] * 9, "steps": 1, "accumulate": 1, "clip": 1.0,
            "seed": 0, "evaluate_every": 1, "held_out": ROWS, "resume": False, "progress": False,
            "run": {"a": 1},
        },
        {
            "batches": "object", "steps": "whole", "accumulate": "whole", "clip": "number?",
            "seed": "whole", "evaluate_every": "whole?", "resume": "flag", "progress": "flag",
            "run": "mapping?",
        },
    ),
    "evaluate": (
        evaluate,
        lambda: {"model": model(), "held_out": ROWS, "batch_size": 2, "seed": 0},
        {"model": "model", "batch_size": "whole", "seed": "whole"},
    ),
    "adamw": (
        adamw,
        lambda: {"model": model(), "lr": 0.1, "weight_decay": 0.1, "eps": 1e-8},
        {"model": "model", "lr": "number", "weight_decay": "number", "eps": "number"},
    ),
    "decay_groups": (
        decay_groups,
        lambda: {"model": model(), "weight_decay": 0.1},
        {"model": "model", "weight_decay": "number"},
    ),
    "constant": (schedule.constant, lambda: {"warmup": 2}, {"warmup": "whole"}),
    "linear": (
        schedule.linear,
        lambda: {"steps": 9, "warmup": 2, "final": 0.5},
        {"steps": "whole", "warmup": "whole", "final": "share"},
    ),
    "warmup_cosine": (
        schedule.warmup_cosine,
        lambda: {"steps": 9, "warmup": 2, "final": 0.5},
        {"steps": "whole", "warmup": "whole", "final": "share"},
    ),
    "warmup_stable_decay": (
        schedule.warmup_stable_decay,
        lambda: {"steps": 9, "warmup": 2, "decay": 3, "final": 0.5},
        {"steps": "whole", "warmup": "whole", "decay": "whole", "final": "share"},
    ),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)
