"""Shapes that arithmetic would stretch are refused, also where no test checks signatures."""

import inspect

import pytest
import torch

from course_lib.adaptation import dpo_loss, grpo_loss

PAIRS = ("chosen", "rejected", "reference_chosen", "reference_rejected", "n_tokens")
ANSWERS = ("log_probs", "old_log_probs", "advantages", "counts", "reference_log_probs")


@pytest.mark.parametrize("wrong", PAIRS[1:])
@pytest.mark.parametrize("shape", [(1,), (4, 1), ()])
def test_dpo_takes_one_number_of_each_pair(wrong: str, shape: tuple[int, ...]) -> None:
    given = {name: torch.ones(4) for name in PAIRS}
    loss = inspect.unwrap(dpo_loss)
    assert loss(**given, likelihood=1).loss.isfinite()
    given[wrong] = torch.ones(shape)
    with pytest.raises(ValueError, match=rf"{wrong} must have the shape of chosen, \[4\], got"):
        loss(**given, likelihood=1)


@pytest.mark.parametrize("wrong", ANSWERS[1:])
@pytest.mark.parametrize("shape", [(1, 3), (4, 1), (1,)])
def test_grpo_takes_one_number_of_each_token(wrong: str, shape: tuple[int, ...]) -> None:
    given = {
        name: torch.ones(4, 3, dtype=torch.bool if name == "counts" else None) for name in ANSWERS
    }
    given["advantages"] = torch.ones(4)
    loss = inspect.unwrap(grpo_loss)
    assert loss(**given, beta=0.1).isfinite()
    given[wrong] = torch.ones(shape, dtype=given[wrong].dtype)
    with pytest.raises(ValueError, match=f"{wrong} must .*, got"):
        loss(**given, beta=0.1)
