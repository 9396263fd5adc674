"""Pairs asked of a model: both measures are those of the model's own predictions."""

import re

import pytest
import torch

from course_lib import Transformer, TransformerConfig, generate
from course_lib.prompting.scoring import encode_pair, score
from course_lib.prompting.word_pairs import WORD_PAIRS, answer_pairs
from course_lib.tokenizers import ByteLevelBPE

PAIRS = (("a", "b"), ("c", "dd"), ("e", "f"))
ANSWERS = "bcdefghijklmnopqrstuvwxyz"


class Letters:
    """A tokenizer of one byte a token."""

    def encode(self, text: str) -> list[int]:
        return list(text.encode())


def make_model(seed: int = 0, vocab_size: int = 128) -> Transformer:
    config = TransformerConfig(
        vocab_size=vocab_size, d_model=16, n_heads=2, n_decoder_layers=1, max_seq_len=64
    )
    return Transformer(config, generator=torch.Generator().manual_seed(seed)).eval()


def test_every_word_is_asked_for_once_and_no_answer_stands_twice_in_a_relation() -> None:
    for name, pairs in WORD_PAIRS.items():
        left = [first for first, _ in pairs]
        assert len(set(left)) == len(left) >= 24, name


def test_the_log_likelihood_is_that_of_scoring() -> None:
    model, tokenizer = make_model(), Letters()
    got = answer_pairs(model, tokenizer, PAIRS, 0, generator=torch.Generator())
    asked = [encode_pair(tokenizer, f"{left} ->", f" {right}") for left, right in PAIRS]
    wanted = score(model, [prompt for prompt, _ in asked], [answer for _, answer in asked])
    assert got.log_likelihood == pytest.approx(wanted.total.mean().item(), abs=1e-4)


class Words:
    """A tokenizer of one word a token, the blank before it included."""

    spellings = ("a", " ->", *(f" {letter}" for letter in ANSWERS))

    def encode(self, text: str) -> list[int]:
        return [self.spellings.index(one) for one in re.findall(r"\s?\S+", text)]


def test_exact_is_what_greedy_decoding_writes() -> None:
    tokenizer, n_right = Words(), 0
    for seed in range(8):
        model = make_model(seed, len(Words.spellings))
        greedy = int(generate(model, torch.tensor([[0, 1]]), max_new_tokens=1).tokens[0, 0])
        for place, letter in enumerate(ANSWERS, start=2):
            got = answer_pairs(model, tokenizer, [("a", letter)], 0, generator=torch.Generator())
            assert got.exact == (place == greedy)
            n_right += place == greedy
    assert n_right


def test_examples_are_drawn_among_the_others() -> None:
    seen: list[str] = []

    class Listening(Letters):
        def encode(self, text: str) -> list[int]:
            seen.append(text)
            return super().encode(text)

    answer_pairs(make_model(), Listening(), PAIRS, 2, generator=torch.Generator().manual_seed(0))
    for (left, right), text in zip(PAIRS, seen[::2], strict=True):
        assert text.endswith(f"{left} -> {right}") and text.count(f"{left} ->") == 1
        assert text.count("->") == 3


@pytest.mark.parametrize("n_examples", [-1, 3])
def test_too_many_examples_are_refused(n_examples: int) -> None:
    with pytest.raises(ValueError, match="n_examples must be 0 to 2"):
        answer_pairs(make_model(), Letters(), PAIRS, n_examples, generator=torch.Generator())


def test_a_byte_tokenizer_of_the_package_will_do() -> None:
    tokenizer = ByteLevelBPE.train(["a -> b\nc -> dd\n"], 270)
    config = TransformerConfig(
        vocab_size=tokenizer.vocab_size, d_model=16, n_heads=2, n_decoder_layers=1, max_seq_len=64
    )
    got = answer_pairs(Transformer(config).eval(), tokenizer, PAIRS, 1, generator=torch.Generator())
    assert got.log_likelihood < 0
