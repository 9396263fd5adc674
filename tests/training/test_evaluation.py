from collections.abc import Callable

import pytest
import torch

from course_lib.model.transformer import Transformer
from course_lib.objectives import IGNORE, causal_example, token_losses
from course_lib.training import evaluate


def test_every_token_weighs_the_same_whatever_its_batch(
    make_model: Callable[..., Transformer], rows: torch.Tensor
) -> None:
    model = make_model()
    some = rows[:21]
    example = causal_example(some)
    each = token_losses(model(example.inputs), example.targets)
    expected = each.sum().item() / int((example.targets != IGNORE).sum())
    for batch_size in (1, 4, 21, 100):
        assert evaluate(model, some, batch_size=batch_size) == pytest.approx(expected, rel=1e-5)
    parts = [causal_example(some[:5]), some[5:]]
    assert evaluate(model, parts) == pytest.approx(expected, rel=1e-5)


def test_dropout_is_off_meanwhile_and_on_again_after(
    make_model: Callable[..., Transformer], rows: torch.Tensor
) -> None:
    model = make_model(dropout=0.5)
    model.train()
    assert evaluate(model, rows[:5]) == evaluate(model, rows[:5])
    assert model.training
    model.eval()
    evaluate(model, rows[:5])
    assert not model.training


def test_nothing_to_measure_is_refused(make_model: Callable[..., Transformer]) -> None:
    with pytest.raises(ValueError, match="at least 1 target that counts, got 0"):
        evaluate(make_model(), torch.full((2, 5), IGNORE))
