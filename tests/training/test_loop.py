import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib.data import Batches
from course_lib.model.transformer import Transformer
from course_lib.objectives import IGNORE, Example, causal_example, causal_loss
from course_lib.training import History, adamw, load_checkpoint, train, warmup_cosine

Make = Callable[..., Transformer]
Serve = Callable[..., Batches]


def run(model: Transformer, batches: Any, steps: int, **options: Any) -> History:
    lr = options.pop("lr", 3e-3)
    return train(
        model, batches, optimizer=adamw(model, lr=lr), steps=steps, progress=False, **options
    )


def weights(model: torch.nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_one_batch_is_learned_by_heart(make_model: Make) -> None:
    # Distinct tokens from place 0 on: nothing is left to chance, so the loss can reach 0.
    batch = torch.randperm(60, generator=torch.Generator().manual_seed(0)).view(4, 15)
    model = make_model(d_model=32)
    history = run(model, iter(lambda: batch, None), 120, lr=1e-2)
    assert history.losses[0] > 3
    assert history.losses[-1] < 0.01


def test_the_history_says_what_happened(make_model: Make, serve: Serve, rows: torch.Tensor) -> None:
    served, again = serve(), serve()
    history = run(
        make_model(),
        served,
        6,
        lr=0.01,
        schedule=warmup_cosine(steps=6, warmup=2),
        held_out=rows[:40],
        evaluate_every=2,
    )
    assert history.steps == len(history.seconds) == len(history.gradient_norms) == 6
    assert not history.interrupted
    factor = warmup_cosine(steps=6, warmup=2)
    assert history.learning_rates == pytest.approx([0.01 * factor(step) for step in range(6)])
    counting = [int((next(again)[:, 1:] != IGNORE).sum()) for _ in range(6)]
    assert history.tokens == counting
    assert [step for step, _ in history.evaluations] == [0, 2, 4, 6]
    assert history.evaluations[-1][1] < history.evaluations[0][1]
    assert History.from_dict(history.to_dict()) == history


def test_accumulating_batches_is_one_update_on_their_union(
    make_model: Make, rows: torch.Tensor
) -> None:
    # Rows of very different numbers of counting tokens: a mean of means would differ.
    uneven = rows[:8].clone()
    uneven[:4, 6:] = IGNORE
    whole, parts = make_model(), make_model()
    one = run(whole, iter(lambda: uneven, None), 1)
    pieces = iter([uneven[:4], uneven[4:]])
    other = run(parts, pieces, 1, accumulate=2)
    assert other.tokens == one.tokens
    assert other.losses == pytest.approx(one.losses, rel=1e-5)
    assert other.gradient_norms == pytest.approx(one.gradient_norms, rel=1e-4)


def test_gradients_are_clipped_to_the_norm(make_model: Make, serve: Serve) -> None:
    def moved(clip: float | None) -> float:
        model = make_model()
        before = weights(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        train(model, serve(), optimizer=optimizer, steps=1, clip=clip, progress=False)
        change = [(a - b).flatten() for a, b in zip(before, weights(model), strict=True)]
        return torch.cat(change).norm().item()

    assert moved(0.01) == pytest.approx(0.01, rel=1e-3)
    assert moved(None) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_resumed_run_ends_like_one_without_a_pause(
    make_model: Make, serve: Serve, rows: torch.Tensor, tmp_path: Path, dropout: float
) -> None:
    options: dict[str, Any] = {
        "schedule": warmup_cosine(steps=12, warmup=2),
        "held_out": rows[:20],
        "evaluate_every": 5,
        "accumulate": 2,
    }
    torch.manual_seed(0)
    whole = make_model(dropout=dropout)
    expected = run(whole, serve(64), 12, **options)

    torch.manual_seed(0)
    path = tmp_path / "run"
    first = make_model(dropout=dropout)
    unmeasured = options | {"held_out": None, "evaluate_every": None}
    run(first, serve(64), 7, checkpoint=path, **unmeasured)
    torch.manual_seed(99)
    second = make_model(seed=5, dropout=dropout)
    history = run(second, serve(64, seed=77), 12, checkpoint=path, resume=True, **options)

    assert same(weights(whole), weights(second))
    assert history.losses == expected.losses
    assert history.learning_rates == expected.learning_rates
    assert history.evaluations[-1] == expected.evaluations[-1]


class Pressed:
    """Batches during which someone presses Ctrl-C."""

    def __init__(self, batches: Batches, at: int, press: Callable[[], None]) -> None:
        self.batches, self.at, self.press, self.served = batches, at, press, 0

    def __iter__(self) -> Iterator[torch.Tensor]:
        return self

    def __next__(self) -> torch.Tensor:
        batch = next(self.batches)
        if self.served == self.at:
            self.press()
        self.served += 1
        return batch

    def state_dict(self) -> dict[str, Any]:
        return self.batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.batches.load_state_dict(state)


def signal_once() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def raise_at_once() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("press", "made"), [(signal_once, 5), (raise_at_once, 4)])
def test_an_interrupt_keeps_everything_and_can_be_resumed_exactly(
    make_model: Make, serve: Serve, tmp_path: Path, press: Callable[[], None], made: int
) -> None:
    whole = make_model()
    expected = run(whole, serve(), 9)
    handler = signal.getsignal(signal.SIGINT)

    path = tmp_path / "run"
    cut = make_model()
    history = run(cut, Pressed(serve(), 4, press), 9, checkpoint=path)
    assert history.interrupted
    assert history.losses == expected.losses[:made]
    assert signal.getsignal(signal.SIGINT) is handler
    assert all(p.grad is None for p in cut.parameters())

    again = make_model(seed=3)
    history = run(again, serve(seed=9), 9, checkpoint=path, resume=True)
    assert not history.interrupted
    assert history.losses == expected.losses
    assert same(weights(whole), weights(again))


def test_an_interrupt_inside_an_update_does_not_spoil_the_checkpoint(
    make_model: Make, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    model = make_model()
    optimizer = adamw(model, lr=0.01)
    real = optimizer.step
    calls = []

    def step() -> None:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        real()

    monkeypatch.setattr(optimizer, "step", step)
    history = train(
        model,
        serve(),
        optimizer=optimizer,
        steps=9,
        checkpoint=path,
        checkpoint_every=2,
        progress=False,
    )
    assert history.interrupted and history.steps == 3
    step_saved, _ = load_checkpoint(path, make_model())
    assert step_saved == 2


def test_examples_and_other_objectives_are_taken_as_they_are(make_model: Make) -> None:
    seen = []

    def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        seen.append(targets)
        return causal_loss(logits, targets)

    tokens = torch.arange(10).view(2, 5)
    example = Example(inputs=tokens, targets=tokens)
    run(make_model(), iter(lambda: example, None), 1, loss=loss)
    assert torch.equal(seen[0], tokens)
    run(make_model(), iter(lambda: tokens, None), 1, loss=loss, objective=causal_example)
    assert torch.equal(seen[1], tokens[:, 1:])


def test_an_encoder_decoder_reads_its_source(make_model: Make) -> None:
    tokens = torch.arange(10).view(2, 5)
    example = Example(inputs=tokens, targets=tokens, source=tokens + 20)
    history = run(make_model(n_encoder_layers=1), iter(lambda: example, None), 40, lr=1e-2)
    assert history.losses[-1] < 0.5 * history.losses[0]


def test_bfloat16_learns_too_and_keeps_float32_weights(make_model: Make, serve: Serve) -> None:
    exact, rough = make_model(), make_model()
    expected = run(exact, serve(), 25)
    history = run(rough, serve(), 25, precision="bfloat16")
    assert all(p.dtype == torch.float32 for p in rough.parameters())
    assert history.losses != expected.losses
    assert history.losses[-1] == pytest.approx(expected.losses[-1], rel=0.05)


def test_a_loss_that_is_not_finite_stops_before_the_update(make_model: Make, serve: Serve) -> None:
    model = make_model()
    before = weights(model)

    def broken(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return causal_loss(logits, targets) * torch.nan

    with pytest.raises(FloatingPointError, match="loss nan and gradient norm nan at step 0"):
        run(model, serve(), 3, loss=broken)
    assert same(before, weights(model))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"accumulate": 0}, "accumulate must be at least 1, got 0"),
        ({"evaluate_every": 0}, "evaluate_every must be at least 1, got 0"),
        ({"evaluate_every": 2}, "evaluate_every 2 needs held_out"),
        ({"clip": 0.0}, "clip must be positive, or None for no clipping, got 0.0"),
        ({"resume": True}, "resume needs a checkpoint"),
        ({"checkpoint_every": 5}, "checkpoint_every needs a checkpoint"),
        ({"precision": "float16"}, "precision must be one of"),
    ],
)
def test_bad_numbers_are_refused_before_any_work(
    make_model: Make, serve: Serve, options: dict[str, Any], message: str
) -> None:
    model = make_model()
    before = weights(model)
    with pytest.raises(ValueError, match=message):
        run(model, serve(), **({"steps": 2} | options))
    assert same(before, weights(model))


def test_an_old_checkpoint_is_not_overwritten_unasked(
    make_model: Make, serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    run(make_model(), serve(), 1, checkpoint=path)
    with pytest.raises(ValueError, match="run exists: pass resume=True"):
        run(make_model(), serve(), 1, checkpoint=path)
    with pytest.raises(ValueError, match="cannot be resumed exactly: .* was saved.* cannot take"):
        run(make_model(), iter([]), 2, checkpoint=path, resume=True)


def test_data_that_run_out_or_hold_no_target_are_named(make_model: Make) -> None:
    tokens = torch.arange(10).view(2, 5)
    with pytest.raises(ValueError, match="batches ran out at step 1"):
        run(make_model(), iter([tokens]), 2)
    nothing = torch.tensor([[1, IGNORE, IGNORE]])
    with pytest.raises(ValueError, match="at least 1 target that counts an update, got 0"):
        run(make_model(), iter([nothing]), 1)
