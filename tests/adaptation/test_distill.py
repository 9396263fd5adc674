import math

import pytest
import torch

from course_lib import Transformer, TransformerConfig
from course_lib.adaptation import distill, distillation_loss
from course_lib.data import batches
from course_lib.objectives import IGNORE, causal_loss
from course_lib.training import adamw, evaluate, train


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def logits(seed: int) -> torch.Tensor:
    return torch.randn(2, 3, 5, generator=drawn(seed))


TARGETS = torch.tensor([[1, 2, IGNORE], [0, IGNORE, 4]])


def test_by_hand() -> None:
    # The teacher says 3 : 1, the student 1 : 1; the second place does not count.
    teacher = torch.tensor([[[math.log(3.0), 0.0], [50.0, 0.0]]])
    student = torch.tensor([[[0.0, 0.0], [0.0, 50.0]]])
    by_hand = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    loss = distillation_loss(student, teacher, torch.tensor([[0, IGNORE]]))
    assert loss.item() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1, 2.0, 4.0])
def test_it_is_torchs_divergence_at_any_temperature(temperature: float) -> None:
    student, teacher, counts = logits(0), logits(1), TARGETS != IGNORE
    p = torch.distributions.Categorical(logits=teacher[counts] / temperature)
    q = torch.distributions.Categorical(logits=student[counts] / temperature)
    expected = torch.distributions.kl_divergence(p, q).mean() * temperature**2
    loss = distillation_loss(student, teacher, TARGETS, temperature=temperature)
    torch.testing.assert_close(loss, expected)


def test_agreement_costs_nothing_and_only_the_student_gets_a_gradient() -> None:
    student, teacher = logits(0).requires_grad_(), logits(1).requires_grad_()
    assert distillation_loss(student, student, TARGETS).item() == pytest.approx(0, abs=1e-7)
    distillation_loss(student, teacher, TARGETS, hard=0.5).backward()
    assert student.grad is not None and teacher.grad is None
    assert student.grad[0, 2].abs().sum() == 0


def test_hard_targets_are_the_ordinary_loss() -> None:
    student, teacher = logits(0), logits(1)
    ordinary = causal_loss(student, TARGETS)
    soft = distillation_loss(student, teacher, TARGETS, temperature=2)
    torch.testing.assert_close(distillation_loss(student, teacher, TARGETS, hard=1), ordinary)
    mixed = distillation_loss(student, teacher, TARGETS, temperature=2, hard=0.25)
    torch.testing.assert_close(mixed, 0.75 * soft + 0.25 * ordinary)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"temperature": -1.0}, "got -1.0"),
        ({"hard": 1.5}, "hard must be a share, 0 to 1, got 1.5"),
        ({"hard": float("nan")}, "got nan"),
    ],
)
def test_numbers_out_of_range_are_refused(more: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distillation_loss(logits(0), logits(1), TARGETS, **more)


def test_shapes_and_targets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 that counts"):
        distillation_loss(logits(0), logits(1), torch.full((2, 3), IGNORE))


def test_a_student_of_another_width_learns_from_its_teacher() -> None:
    def model_of(d_model: int) -> Transformer:
        config = TransformerConfig(
            vocab_size=16, d_model=d_model, n_heads=2, n_decoder_layers=1, max_seq_len=12
        )
        return Transformer(config, generator=drawn(d_model))

    steps = torch.randint(2, (96, 13), generator=drawn())  # each word is one of two, at random
    rows = (2 * steps.cumsum(1) + steps) % 16
    teacher, student = model_of(32), model_of(16)
    feed = batches(rows, 16, generator=drawn())
    train(teacher, feed, optimizer=adamw(teacher, 1e-2), steps=80, progress=False)
    before = {name: p.clone() for name, p in teacher.named_parameters()}
    history = distill(
        student, teacher, batches(rows, 16, generator=drawn()), optimizer=adamw(student, 1e-2),
        steps=120, temperature=2.0, progress=False,
    )  # fmt: skip
    assert history.losses[-1] < 0.2 * history.losses[0]
    assert evaluate(student, rows) < evaluate(model_of(16), rows) - 0.5
    assert teacher.training
    assert all(torch.equal(p, before[name]) for name, p in teacher.named_parameters())
    with pytest.raises(ValueError, match="another model than student"):
        distill(teacher, teacher, feed, optimizer=adamw(teacher, 1e-3), steps=1)
    other = Transformer(
        TransformerConfig(vocab_size=8, d_model=16, n_heads=2, n_decoder_layers=1, max_seq_len=12)
    )
    with pytest.raises((ValueError, TypeError)):
        distill(
            other, teacher, batches(rows % 8, 16, generator=drawn()),
            optimizer=adamw(other, 1e-3), steps=1, progress=False,
        )  # fmt: skip
