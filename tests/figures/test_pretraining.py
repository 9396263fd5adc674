"""The figure of the three objectives draws what the objectives made."""

from dataclasses import replace

import pytest
import torch

from course_lib.figures.pretraining import ObjectiveRow, ScorePair, side_by_side, what_it_bought
from course_lib.model.masks import causal_mask
from course_lib.objectives import IGNORE, Example, causal_example

WORDS = ["the", "teacher", "teaches", "[MASK]", "<X>", "<s>"]
ALL = torch.ones(3, 3, dtype=torch.bool)
MASKED = ObjectiveRow(
    "encoder-only",
    Example(inputs=torch.tensor([0, 3, 2]), targets=torch.tensor([IGNORE, 1, IGNORE])),
    ALL,
    "labels",
    "BERT",
)
CAUSAL = ObjectiveRow(
    "decoder-only", causal_example(torch.tensor([0, 1, 2])), causal_mask(2), "writing", "GPT"
)
SPANS = ObjectiveRow(
    "encoder-decoder",
    Example(
        inputs=torch.tensor([5, 4]),
        targets=torch.tensor([4, 1]),
        source=torch.tensor([0, 4, 2]),
    ),
    causal_mask(2),
    "translation",
    "T5",
)


def test_the_table_is_the_summary() -> None:
    drawn = side_by_side({"masked": MASKED, "causal": CAUSAL, "spans": SPANS}, WORDS)
    head, *rows = drawn.table
    assert head[:2] == ["objective", "family"] and head[-2:] == ["good at", "examples"]
    assert rows == [
        ["masked", "encoder-only", "every place", "the [MASK] teaches", "– teacher –", "1 of 3",
         "labels", "BERT"],
        ["causal", "decoder-only", "3 of 4 pairs of places", "the teacher", "teacher teaches",
         "2 of 2", "writing", "GPT"],
        ["spans", "encoder-decoder", "3 of 4 pairs of places, and all of the source",
         "the <X> teaches; <s> <X>", "<X> teacher", "2 of 2", "translation", "T5"],
    ]  # fmt: skip
    for words in ("masked (encoder-only) reads “the [MASK] teaches”", "loss at 1 of 3 places"):
        assert words in drawn.alt


def test_only_places_with_loss_and_visible_pairs_are_filled() -> None:
    axes = side_by_side({"causal": CAUSAL}, WORDS).figure.axes[0]
    filled = [patch for patch in axes.patches if patch.get_facecolor()[3]]
    assert len(axes.patches) == 2 + 2 + 4 and len(filled) == 2 + 3
    hidden = replace(CAUSAL, sees=torch.eye(2, dtype=torch.bool))
    axes = side_by_side({"causal": hidden}, WORDS).figure.axes[0]
    assert sum(bool(patch.get_facecolor()[3]) for patch in axes.patches) == 2 + 2


def test_a_phone_gets_a_narrow_form() -> None:
    drawn = side_by_side({"masked": MASKED, "causal": CAUSAL, "spans": SPANS}, WORDS)
    assert "figure-narrow" in drawn._repr_mimebundle_()[0]["text/html"]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="objectives must hold at least 1"):
        side_by_side({}, WORDS)
    with pytest.raises(ValueError, match=r"\['a'\].sees must be \(3, 3\) for one row of 3 places"):
        side_by_side({"a": replace(MASKED, sees=causal_mask(2))}, WORDS)
    batch = Example(inputs=torch.zeros(1, 3).long(), targets=torch.zeros(1, 3).long())
    with pytest.raises(ValueError, match="got"):
        side_by_side({"a": replace(MASKED, example=batch)}, WORDS)


ENTRIES = {
    "entities": {
        "masked": ScorePair([0.1, 0.3], [0.8, 0.9], leads=True),
        "causal": ScorePair([0.2, 0.2], [0.6, 0.4]),
    },
    "translation": {"causal": ScorePair([0.0, 0.0], [0.0, 0.0])},
}


def test_means_and_spreads_stand_in_the_table_and_a_lead_is_bold() -> None:
    drawn = what_it_bought(ENTRIES)
    assert drawn.table[1:] == [
        ["entities", "masked", "0.20 ± 0.14", "0.85 ± 0.07", "*"],
        ["entities", "causal", "0.20 ± 0.00", "0.50 ± 0.14", ""],
        ["translation", "causal", "0.00 ± 0.00", "0.00 ± 0.00", ""],
    ]
    assert "masked 0.20 to 0.85, leads, causal 0.20 to 0.50; translation" in drawn.alt
    bold = [text.get_text() for text in drawn.figure.axes[0].texts if text.get_weight() == "bold"]
    assert bold == ["entities", "0.85", "translation"]


def test_scores_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 entry"):
        what_it_bought({})
    for scratch, after in (([0.1], [0.2]), ([0.1, 0.2], [0.2])):
        with pytest.raises(ValueError, match="as many scores of both kinds, at least 2"):
            what_it_bought({"a": {"b": ScorePair(scratch, after)}})
