"""Wrong arguments at the doors of this folder; see `tests.doors`."""

import pytest
import torch

from course_lib import generate
from course_lib.generation import beam_search, chain, cutoffs, penalties, processors
from tests.doors import ROWS, Door, draws, model, trials

pytestmark = pytest.mark.usefixtures("as_installed")
FLOATS, TARGETS = torch.zeros(2, 3, 7), torch.ones(2, 3, dtype=torch.long)
DOORS: dict[str, Door] = {
    "generate": (
        generate,
        lambda: {
            "model": model(), "tokens": ROWS, "max_new_tokens": 2, "processors": [],
            "sample": True, "generator": draws(), "keep": ROWS > -1, "eos_id": 3, "pad_id": 0,
        },
        {
            "model": "model", "tokens": "ids", "max_new_tokens": "whole", "processors": "steps",
            "generator": "generator", "keep": "mask?",
        },
    ),
    "beam_search": (
        beam_search,
        lambda: {
            "model": model(), "tokens": ROWS, "n_beams": 2, "max_new_tokens": 2, "n_return": 2,
            "length_penalty": 1.0, "processors": [],
        },
        {
            "model": "model", "tokens": "ids", "n_beams": "whole", "max_new_tokens": "whole",
            "n_return": "whole", "length_penalty": "number", "processors": "steps",
        },
    ),
    "process": (
        chain.process,
        lambda: {"logits": FLOATS[0], "processors": []},
        {"logits": "floats", "processors": "steps"},
    ),
    "temperature": (processors.temperature, lambda: {"t": 0.5}, {"t": "number"}),
    "top_k": (processors.top_k, lambda: {"k": 3}, {"k": "whole"}),
    "top_p": (processors.top_p, lambda: {"p": 0.5}, {"p": "share"}),
    "min_p": (processors.min_p, lambda: {"p": 0.5}, {"p": "share"}),
    "typical_p": (processors.typical_p, lambda: {"p": 0.5}, {"p": "share"}),
    "epsilon_cutoff": (cutoffs.epsilon_cutoff, lambda: {"epsilon": 0.5}, {"epsilon": "share"}),
    "eta_cutoff": (cutoffs.eta_cutoff, lambda: {"epsilon": 0.5}, {"epsilon": "share"}),
    "repetition_penalty": (
        penalties.repetition_penalty, lambda: {"penalty": 1.5}, {"penalty": "number"}
    ),
    "presence_penalty": (
        penalties.presence_penalty, lambda: {"penalty": 1.5}, {"penalty": "number"}
    ),
    "frequency_penalty": (
        penalties.frequency_penalty, lambda: {"penalty": 1.5}, {"penalty": "number"}
    ),
    "no_repeat_ngram": (penalties.no_repeat_ngram, lambda: {"n": 2}, {"n": "whole"}),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)
