"""Rows that join and leave get the tokens that they get alone."""

import math
import random

import pytest
import torch

from course_lib import Transformer, TransformerConfig, generate
from course_lib.serve.batch import ContinuousBatch

KINDS = {
    "learned": {"position": "learned"},
    "rotary, grouped": {
        "position": "rotary",
        "n_kv_heads": 2,
        "norm": "rms",
        "gated": True,
        "activation": "silu",
        "bias": False,
    },
    "alibi": {"position": "alibi", "embedding_norm": True},
    "relative": {"position": "relative", "relative_buckets": 8, "relative_max_distance": 20},
    "sinusoidal": {"position": "sinusoidal", "norm_placement": "post", "final_norm": False},
    "none": {"position": "none"},
}


def build(kind: str, **more: object) -> Transformer:
    sizes = dict(vocab_size=61, d_model=32, n_heads=4, max_seq_len=48, n_decoder_layers=2)
    config = TransformerConfig(**{**sizes, **KINDS[kind], **more})  # type: ignore[arg-type]
    model = Transformer(config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.2
            )
    return model.double()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_join_and_leave_get_what_they_get_alone(kind: str) -> None:
    model, draw = build(kind), random.Random(0)
    jobs = [
        ([draw.randrange(61) for _ in range(draw.randint(1, 9))], draw.randint(1, 8))
        for _ in range(8)
    ]
    batch, running, done = ContinuousBatch(model), [], {}
    waiting = list(enumerate(jobs))
    while waiting or running:
        while waiting and len(running) < 3 and draw.random() < 0.7:
            number, (prompt, n_new) = waiting.pop(0)
            first = int(batch.join(prompt, n_new).argmax())
            running.append((number, n_new, [first]))
        over = [row for row, (_, n_new, ids) in enumerate(running) if len(ids) == n_new]
        for row in over:
            done[running[row][0]] = running[row][2]
        batch.leave(over)
        running = [one for row, one in enumerate(running) if row not in over]
        if running:
            logits = batch.step([ids[-1] for _, _, ids in running])
            for (_, _, ids), row in zip(running, logits, strict=True):
                ids.append(int(row.argmax()))
    for number, (prompt, n_new) in enumerate(jobs):
        alone = generate(model, torch.tensor([prompt]), max_new_tokens=n_new).tokens[0].tolist()
        assert done[number] == alone, number


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_a_row_alone(kind: str) -> None:
    model = build(kind)
    batch = ContinuousBatch(model)
    texts = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11]]
    for text in texts:
        batch.join(text, 10)
    for token in (12, 13, 14):
        logits = batch.step([token] * 3)
        for text in texts:
            text.append(token)
    for text, row in zip(texts, logits, strict=True):
        wanted = model(torch.tensor([text]))[0, -1].float()
        assert torch.allclose(row, wanted, atol=1e-5)


def test_what_unused_memory_holds_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = torch.empty

    def filled(*shape: object, **options: object) -> torch.Tensor:
        return empty(*shape, **options).fill_(math.nan)  # type: ignore[call-overload]

    model = build("learned")
    monkeypatch.setattr(torch, "empty", filled)
    batch = ContinuousBatch(model)
    batch.join([1, 2, 3], 5)
    batch.join([4], 5)
    assert batch.step([5, 6]).isfinite().all()
    batch.leave([0])
    assert batch.step([7]).isfinite().all()


def test_the_last_row_that_leaves_takes_the_cache_along() -> None:
    batch = ContinuousBatch(build("learned"))
    batch.join([1, 2], 3)
    assert batch.cache is not None and batch.cache.max_length == 5
    batch.leave([0])
    assert batch.cache is None and len(batch) == 0
    assert batch.join([3], 2).shape == (1, 61)


def test_a_row_reaches_the_end_of_the_table_of_positions() -> None:
    model = build("learned")
    batch = ContinuousBatch(model)
    batch.join([1] * 40, 7)
    batch.step([1])
    batch.join([2] * 3, 40)  # the long row is at column 41 of more than the table has
    for _ in range(6):
        logits = batch.step([1, 2])
    wanted = model(torch.tensor([[1] * 47]))[0, -1].float()
    assert torch.allclose(logits[0], wanted, atol=1e-5)
    batch.leave([0])
    for _ in range(30):
        logits = batch.step([2])
    wanted = model(torch.tensor([[2] * 39]))[0, -1].float()
    assert torch.allclose(logits[0], wanted, atol=1e-5)


def test_only_a_decoder_is_served() -> None:
    sizes = dict(vocab_size=61, d_model=32, n_heads=4, max_seq_len=48)
    both = TransformerConfig(**sizes, n_decoder_layers=1, n_encoder_layers=1)
    with pytest.raises(ValueError, match="decoder-only"):
        ContinuousBatch(Transformer(both).eval())
    reads = TransformerConfig(**sizes, n_encoder_layers=1)
    with pytest.raises(ValueError, match="decoder"):
        ContinuousBatch(Transformer(reads).eval())


def test_a_planted_shift_of_positions_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that counted columns, padding included, would compute something else."""
    model = build("learned")
    batch = ContinuousBatch(model)
    batch.join([1, 2, 3], 4)
    batch.join([4], 4)
    batch.lengths = [3, 3]
    row = batch.step([5, 6])[1]
    wanted = model(torch.tensor([[4, 6]]))[0, -1].float()
    assert not torch.allclose(row, wanted, atol=1e-3)
