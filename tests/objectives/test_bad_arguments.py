"""Wrong arguments at the doors of this folder; see `tests.doors`."""

from typing import Any

import pytest
import torch
from torch import Tensor

from course_lib import objectives as aims
from tests.doors import ROWS, Door, draws, fault, trials

OWN = ("mask_id", "pad_id", "start_id", "eos_id", "mode_id")

pytestmark = pytest.mark.usefixtures("as_installed")
FLOATS, TARGETS = torch.zeros(2, 3, 7), torch.ones(2, 3, dtype=torch.long)
DOORS: dict[str, Door] = {
    "causal_example": (aims.causal_example, lambda: {"tokens": ROWS}, {"tokens": "ids"}),
    "causal_loss": (
        aims.causal_loss,
        lambda: {"logits": FLOATS, "targets": TARGETS},
        {"logits": "floats", "targets": "ids"},
    ),
    "token_losses": (
        aims.token_losses,
        lambda: {"logits": FLOATS, "targets": TARGETS},
        {"logits": "floats", "targets": "ids"},
    ),
    "Example": (
        aims.Example,
        lambda: {"inputs": ROWS, "targets": ROWS, "keep": ROWS > -1},
        {"inputs": "ids", "targets": "ids", "keep": "mask?"},
    ),
    "masked_example": (
        aims.masked_example,
        lambda: {
            "ids": ROWS, "generator": draws(), "mask_id": 11, "vocab_size": 12, "special_ids": [0],
            "rate": 0.5, "masked": 0.5, "randomised": 0.5, "static_copies": 2, "pad_id": 0,
        },
        {
            "ids": "ids", "generator": "generator", "mask_id": "whole", "vocab_size": "whole",
            "special_ids": "id list", "rate": "share", "masked": "share", "randomised": "share",
            "static_copies": "whole?", "pad_id": "whole",
        },
    ),
    "span_corruption_example": (
        aims.span_corruption_example,
        lambda: {
            "ids": ROWS, "generator": draws(), "sentinels": [11, 10, 9], "start_id": 0,
            "eos_id": 1, "denoisers": [aims.Denoiser()], "pad_id": 0,
        },
        {
            "ids": "ids", "generator": "generator", "sentinels": "id list", "start_id": "whole",
            "eos_id": "whole?", "denoisers": "several", "pad_id": "whole",
        },
    ),
    "Denoiser": (
        aims.Denoiser,
        lambda: {
            "rate": 0.5, "mean_span": 3, "at_end": False, "anywhere": True, "mode_id": 1
        },
        {
            "rate": "share", "mean_span": "number", "at_end": "flag", "anywhere": "flag",
            "mode_id": "whole?",
        },
    ),
    "split_spans": (
        aims.split_spans,
        lambda: {"rows": ROWS, "cut": ROWS == 3, "sentinels": [11, 10, 9], "eos_id": 1},
        {"rows": "ids", "cut": "mask", "sentinels": "id list", "eos_id": "whole?"},
    ),
    "join_spans": (
        aims.join_spans,
        lambda: {"source": [1, 9], "targets": [9, 2], "sentinels": [9]},
        {"source": "id list", "targets": "id list", "sentinels": "id list"},
    ),
    "denoising_example": (
        aims.denoising_example,
        lambda: {
            "ids": ROWS, "generator": draws(), "noises": [aims.rotate], "start_id": 0, "pad_id": 0,
        },
        {
            "ids": "ids", "generator": "generator", "noises": "steps", "start_id": "whole",
            "pad_id": "whole",
        },
    ),
    "mask_tokens": (
        aims.mask_tokens,
        lambda: {
            "rows": ROWS, "generator": draws(), "mask_id": 11, "rate": 0.5, "special_ids": [0]
        },
        {
            "rows": "ids", "generator": "generator", "mask_id": "whole", "rate": "share",
            "special_ids": "id list",
        },
    ),
    "delete_tokens": (
        aims.delete_tokens,
        lambda: {"rows": ROWS, "generator": draws(), "rate": 0.5, "special_ids": [0]},
        {"rows": "ids", "generator": "generator", "rate": "share", "special_ids": "id list"},
    ),
    "infill": (
        aims.infill,
        lambda: {
            "rows": ROWS, "generator": draws(), "mask_id": 11, "rate": 0.5, "mean_span": 3.0
        },
        {
            "rows": "ids", "generator": "generator", "mask_id": "whole", "rate": "share",
            "mean_span": "number",
        },
    ),
    "permute_sentences": (
        aims.permute_sentences,
        lambda: {"rows": ROWS, "generator": draws(), "stop_ids": [3]},
        {"rows": "ids", "generator": "generator", "stop_ids": "id list"},
    ),
    "rotate": (
        aims.rotate,
        lambda: {"rows": ROWS, "generator": draws()},
        {"rows": "ids", "generator": "generator"},
    ),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)


def careless(rows: Any) -> Any:
    return rows[:, 1:]


def indirect(rows: Any) -> Any:
    if not isinstance(rows, Tensor):
        raise TypeError("rows must be a tensor")


def test_a_door_without_a_check_is_found() -> None:
    assert "subscriptable" in fault(lambda: careless(None), "rows")
    assert fault(lambda: careless(ROWS), "rows") == "nothing was said"
    assert fault(lambda: indirect(None), "rows") == "TypeError: rows must be a tensor"  # not ours
    assert "NoneType" in fault(lambda: aims.IGNORE + None, "rows")  # type: ignore[operator]
    assert fault(lambda: aims.rotate(None, draws()), "tokens")  # another argument is named
    assert fault(lambda: aims.rotate(None, draws()), "rows") == ""


def test_a_sentinel_stands_for_one_span() -> None:
    with pytest.raises(ValueError, match="sentinels must differ"):
        aims.split_spans(ROWS, ROWS == 3, sentinels=[11, 11], eos_id=1)


@pytest.mark.parametrize("door", sorted(DOORS))
def test_an_id_that_no_model_has_is_refused(door: str) -> None:
    """All of them below 0, and at any place: -100 alone is padding, and never an id put in."""
    function, make, kinds = DOORS[door]
    wrong: dict[str, Any] = {name: value for name in OWN if name in kinds for value in (-1, -100)}
    rows = [name for name in ("ids", "rows", "tokens") if kinds.get(name) == "ids"]
    for name in rows:
        wrong[name] = ROWS.clone().index_fill(1, torch.tensor([0]), -3)
    if "sentinels" in kinds and door != "join_spans":
        wrong["sentinels"] = [11, -100, 9]  # as one it would be padding
    for name, value in wrong.items():
        with pytest.raises(ValueError, match=f"^{name} must"):
            function(**{**make(), name: value})
