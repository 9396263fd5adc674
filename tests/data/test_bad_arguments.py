"""Wrong arguments at the doors of this folder; see `tests.doors`."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from course_lib.data import baselines, batches, corpora, grammar, one_per_row, pack
from course_lib.tokenizers import ByteLevelBPE, Unigram
from tests.doors import ROWS, Door, draws, trials

pytestmark = pytest.mark.usefixtures("as_installed")
DOORS: dict[str, Door] = {
    "pack": (
        pack,
        lambda: {"documents_ids": [[1, 2], [3]], "seq_len": 2, "separator_id": 0, "shared": 1},
        {
            "documents_ids": "lists", "seq_len": "whole", "separator_id": "whole",
            "shared": "whole",
        },
    ),
    "one_per_row": (
        one_per_row,
        lambda: {"documents_ids": [[1, 2], [3]], "seq_len": 4, "separator_id": 0},
        {"documents_ids": "lists", "seq_len": "whole", "separator_id": "whole"},
    ),
    "batches": (
        batches,
        lambda: {"rows": ROWS, "batch_size": 2, "generator": draws(), "parts": 1},
        {"rows": "ids", "batch_size": "whole", "generator": "generator", "parts": "whole"},
    ),
    "NGram": (
        baselines.NGram,
        lambda: {"rows": ROWS, "vocab_size": 12, "order": 2},
        {"rows": "ids", "vocab_size": "whole", "order": "whole"},
    ),
    "bits_per_byte": (
        baselines.bits_per_byte,
        lambda: {"nats_per_token": 2.0, "n_tokens": 3, "n_bytes": 4},
        {"nats_per_token": "number", "n_tokens": "whole", "n_bytes": "whole"},
    ),
    "digest": (corpora.digest, lambda: {"documents": ["a", "b"]}, {"documents": "texts"}),
    "split": (
        corpora.split,
        lambda: {"documents": ["a" * n for n in range(1, 9)], "held_out": 0.5},
        {"documents": "texts", "held_out": "share"},
    ),
    "paragraphs": (corpora.paragraphs, lambda: {"document": "a"}, {"document": "text"}),
    "stories": (
        grammar.stories,
        lambda: {"n": 2, "generator": draws(), "most_events": 2},
        {"n": "whole", "generator": "generator", "most_events": "whole"},
    ),
    "next_words": (
        grammar.next_words,
        lambda: {"words": ["Anna"], "most_events": 2},
        {"words": "several", "most_events": "whole"},
    ),
    "floor": (
        grammar.floor, lambda: {"documents": grammar.stories(2, draws())}, {"documents": "several"}
    ),
    "ByteLevelBPE.train": (
        ByteLevelBPE.train,
        lambda: {"texts": ["a b"], "vocab_size": 257, "special_tokens": ["<end>"]},
        {"texts": "texts", "vocab_size": "whole", "special_tokens": "texts"},
    ),
    "Unigram.train": (
        Unigram.train,
        lambda: {
            "texts": ["a b"] * 3, "vocab_size": 9, "special_tokens": ["<unk>"], "n_sentinels": 2,
        },
        {
            "texts": "texts", "vocab_size": "whole", "special_tokens": "texts",
            "n_sentinels": "whole",
        },
    ),
    "special_id": (
        ByteLevelBPE.train(["a b"], 257, special_tokens=["<end>"]).special_id,
        lambda: {"token": "<end>"},
        {"token": "text"},
    ),
    "read_text_files": (
        corpora.read_text_files, lambda: {"paths": [__file__]}, {"paths": "object"}
    ),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)


TABLE = baselines.NGram(torch.tensor([[0, 1, 2, 3]]), 4, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pack([[1, -100, 3]], 2, 0), r"documents_ids\[0\] must hold ids of 0 or more"),
        (lambda: pack([[1, 2]], 2, -100), "separator_id got -100, wants an integer >= 0"),
        (lambda: one_per_row([[1, -1]], 4, 0), r"documents_ids\[0\] must hold ids of 0 or more"),
        (lambda: one_per_row([[1]], 4, -1), "separator_id got -1, wants an integer >= 0"),
        (lambda: baselines.NGram(torch.tensor([[-5, 1]]), 4, 2), "rows hold id -5, vocab_size is"),
        (lambda: baselines.NGram(torch.full((2, 3), -100), 4, 1), "rows must hold a target"),
        (lambda: baselines.NGram(torch.tensor([[1], [2]]), 4, 2), "rows must hold a target"),
        (lambda: TABLE.evaluate(torch.tensor([[1, 9]])), "rows hold id 9, vocab_size is 4"),
        (lambda: TABLE.token_losses(torch.tensor([[1, -7]])), "rows hold id -7, vocab_size is 4"),
        (lambda: TABLE.evaluate(torch.tensor([[1]])), "rows must hold a target"),
        (lambda: corpora.split(["a", "", "bb"], 0.5), r"documents\[1\] must hold text, got ''"),
    ],
)
def test_what_would_give_a_wrong_number_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_padding_is_no_token_of_a_table() -> None:
    rows = torch.tensor([[0, 1, 2, -100]])
    assert baselines.NGram(rows, 4, 2).evaluate(rows) < 2
