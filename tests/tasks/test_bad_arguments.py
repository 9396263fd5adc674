"""Wrong arguments at the doors of this folder; see `tests.doors`."""

import pytest

from course_lib.ablate import ablate, judge
from course_lib.tasks import labels, metrics
from tests.doors import Door, trials

pytestmark = pytest.mark.usefixtures("as_installed")
DOORS: dict[str, Door] = {
    **{
        name: (
            getattr(metrics, name),
            lambda: {"true": ["a", "b"], "predicted": ["a", "c"]},
            {"true": "several", "predicted": "several"},
        )
        for name in ("exact", "answer_f1", "bleu", "chrf", "rouge", "label_accuracy", "macro_f1")
    },
    **{
        score.__name__: (
            score,
            lambda: {"true": [["O"]], "predicted": [["B-a"]]},
            {"true": "lists", "predicted": "lists"},
        )
        for score in (labels.entity_f1, labels.token_f1, metrics.words_accuracy)
    },
    "entities": (labels.entities, lambda: {"labels": ["O"]}, {"labels": "several"}),
    "as_iob2": (labels.as_iob2, lambda: {"labels": ["O"]}, {"labels": "several"}),
    "align_labels": (
        labels.align_labels,
        lambda: {"pieces": [(0, 2)], "words": [(0, 2)], "labels": [1]},
        {"pieces": "several", "words": "several", "labels": "several"},
    ),
    "judge": (
        judge,
        lambda: {
            "without": [1.0, 2.0], "with_change": [1.0, 3.0], "seeds": [0, 1], "confidence": 0.5
        },
        {
            "without": "several", "with_change": "several", "seeds": "several?",
            "confidence": "share",
        },
    ),
    "ablate": (
        ablate,
        lambda: {
            "run": lambda seed, a: float(seed + a), "base": {"a": 1}, "change": {"a": 2},
            "seeds": [0, 1], "confidence": 0.5,
        },
        {
            "run": "function", "base": "mapping", "change": "mapping", "seeds": "several",
            "confidence": "share",
        },
    ),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)
