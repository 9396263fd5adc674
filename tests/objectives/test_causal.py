import math

import pytest
import torch

from course_lib.objectives import IGNORE, Example, causal_example, causal_loss, token_losses


def test_targets_are_the_inputs_one_step_ahead() -> None:
    example = causal_example(torch.tensor([5, 6, 7, 8]))
    assert example.inputs.tolist() == [5, 6, 7]
    assert example.targets.tolist() == [6, 7, 8]
    assert example.source is None


def test_a_batch_is_the_same_as_its_rows() -> None:
    rows = torch.arange(12).view(3, 4)
    batch = causal_example(rows)
    for index, row in enumerate(rows):
        single = causal_example(row)
        assert torch.equal(batch.inputs[index], single.inputs)
        assert torch.equal(batch.targets[index], single.targets)


def test_padding_never_counts_and_never_reaches_the_model() -> None:
    example = causal_example(torch.tensor([4, 9, IGNORE, IGNORE]))
    assert example.inputs.tolist() == [4, 9, 0]
    assert example.targets.tolist() == [9, IGNORE, IGNORE]


def test_the_input_tokens_are_left_as_they_were() -> None:
    tokens = torch.tensor([4, 9, IGNORE])
    example = causal_example(tokens)
    example.targets[0] = 1
    assert tokens.tolist() == [4, 9, IGNORE]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [([3], "at least 2 ids a row, got 1"), ([3, IGNORE, 4], "end of a row only")],
)
def test_rows_that_make_no_sense_are_refused(tokens: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        causal_example(torch.tensor(tokens))


def test_an_example_needs_one_shape() -> None:
    with pytest.raises((ValueError, TypeError)):
        Example(inputs=torch.zeros(3, dtype=torch.long), targets=torch.zeros(2, dtype=torch.long))


def test_loss_by_hand() -> None:
    # Two words at odds 3 : 1, then at even odds; the third place does not count.
    logits = torch.tensor([[[math.log(3), 0.0], [0.0, 0.0], [9.0, 0.0]]])
    targets = torch.tensor([[0, 1, IGNORE]])
    by_hand = (-math.log(3 / 4) - math.log(1 / 2)) / 2
    assert causal_loss(logits, targets).item() == pytest.approx(by_hand, abs=1e-6)
    expected = [-math.log(3 / 4), -math.log(1 / 2), 0.0]
    assert token_losses(logits, targets)[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_equal_scores_cost_log_vocabulary() -> None:
    loss = causal_loss(torch.zeros(2, 3, 50), torch.ones(2, 3, dtype=torch.long))
    assert loss.item() == pytest.approx(math.log(50), abs=1e-6)


def test_the_mean_is_over_tokens_not_over_rows() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 7, generator=generator)
    targets = torch.tensor([[1, 2, 3, 4], [5, IGNORE, IGNORE, IGNORE]])
    each = token_losses(logits, targets)
    assert causal_loss(logits, targets).item() == pytest.approx(each.sum().item() / 5, abs=1e-6)


def test_low_precision_logits_are_summed_in_float32() -> None:
    logits = torch.zeros(1, 1, 5000, dtype=torch.bfloat16)
    loss = causal_loss(logits, torch.zeros(1, 1, dtype=torch.long))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(math.log(5000), abs=1e-4)
