"""The engine by itself: who leaves, who waits, who fails."""

import threading

import pytest
import torch

from course_lib import Transformer, TransformerConfig
from course_lib.serve.engine import Busy, Draining, Failed, ServedRow, ServingEngine, Written

CONFIG = TransformerConfig(vocab_size=40, d_model=16, n_heads=2, max_seq_len=64, n_decoder_layers=1)
MODEL = Transformer(CONFIG, generator=torch.Generator().manual_seed(0)).eval()


class Letters:
    """A tokenizer whose tokens are letters."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) - 64 for letter in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(64 + i) for i in ids)


def engine(**limits: int) -> ServingEngine:
    made = ServingEngine(MODEL, Letters(), **limits)
    made.start()
    return made


class Collected:
    """What one row tells."""

    def __init__(self) -> None:
        self.told: list[Written | Failed] = []
        self.over = threading.Event()

    def __call__(self, one: Written | Failed) -> None:
        self.told.append(one)
        if isinstance(one, Failed) or one.reason:
            self.over.set()


def test_a_row_that_leaves_is_gone_before_the_next_step() -> None:
    made = engine(max_rows=2)
    kept: list[int] = []
    other = Collected()

    def send(one: Written | Failed) -> None:
        assert isinstance(one, Written)
        kept.append(one.token)
        if len(kept) == 3:
            row.left.set()

    row = ServedRow([1, 2], 50, send)
    made.submit([row, ServedRow([3], 12, other)])
    assert other.over.wait(60)
    assert len(kept) == 3 and len(row.written) == 3
    assert len(other.told) == 12
    made.close()


def test_a_row_that_leaves_while_it_waits_never_begins() -> None:
    made = ServingEngine(MODEL, Letters(), max_rows=1)
    gone, last = Collected(), Collected()
    rows = [ServedRow([1], 2, gone), ServedRow([2], 2, last)]
    made.submit(rows)
    rows[0].left.set()
    made.start()
    assert last.over.wait(60) and gone.told == []
    made.close()


def test_what_is_over_the_limit_is_refused_whole() -> None:
    made = ServingEngine(MODEL, Letters(), max_rows=1, max_waiting=1)
    made.submit([ServedRow([1], 2, Collected())])
    with pytest.raises(Busy):
        made.submit([ServedRow([1], 2, Collected())] * 2)
    assert len(made.waiting) == 1
    made.submit([ServedRow([1], 2, Collected())])
    with pytest.raises(Busy):
        made.submit([ServedRow([1], 2, Collected())])
    made.close()


def test_a_row_that_fails_takes_nobody_along() -> None:
    made = engine(max_rows=3)

    def broken(logits: torch.Tensor) -> torch.Tensor:
        raise KeyError("a step of somebody's own")

    good, bad = Collected(), Collected()
    made.submit([ServedRow([1], 6, bad, processors=[broken]), ServedRow([2], 6, good)])
    assert good.over.wait(60) and bad.over.wait(60)
    assert len(good.told) == 6
    assert isinstance(bad.told[0], Failed) and "KeyError" in bad.told[0].message
    made.close()


def test_rows_are_finished_while_it_drains_and_none_are_taken() -> None:
    made = ServingEngine(MODEL, Letters(), max_rows=1)
    told = [Collected(), Collected()]
    made.submit([ServedRow([1], 3, one) for one in told])
    made.drain()
    with pytest.raises(Draining):
        made.submit([ServedRow([1], 3, Collected())])
    made.start()
    assert all(one.over.wait(60) for one in told)
    made.close()


def test_what_is_not_finished_at_the_end_is_told() -> None:
    made = ServingEngine(MODEL, Letters())
    told = Collected()
    made.submit([ServedRow([1], 3, told)])
    made.close()
    assert isinstance(told.told[0], Failed) and made.idle


@pytest.mark.parametrize("limits", [{"max_rows": 0}, {"max_waiting": -1}])
def test_limits_are_checked(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="max_"):
        ServingEngine(MODEL, Letters(), **limits)
