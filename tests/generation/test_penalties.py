"""Processors that look back: facts from other projects, parity with transformers, padding."""

import math

import pytest
import torch
from torch import Tensor
from transformers.generation import logits_process as peer

from course_lib.generation.chain import PastTokens, probabilities, process
from course_lib.generation.penalties import (
    frequency_penalty,
    min_new_tokens,
    no_repeat_ngram,
    presence_penalty,
    repetition_penalty,
)
from course_lib.generation.recipe import recipe

INF = math.inf


def history(tokens: list[list[int]], n_prompt: int = 0) -> PastTokens:
    ids = torch.tensor(tokens)
    return PastTokens(ids, torch.ones_like(ids, dtype=torch.bool), n_prompt)


def banned(logits: Tensor) -> list[list[int]]:
    return [(row == -INF).nonzero().flatten().tolist() for row in logits]


def test_repetition_penalty_by_hand() -> None:
    logits = torch.full((2, 6), 0.1)
    logits[0, 0], logits[1, 5] = -0.1, 0.4
    after = repetition_penalty(2.0)(logits, history([[0, 1], [5, 0]]))
    assert after[0, :2].tolist() == pytest.approx([-0.2, 0.05])
    assert after[1, [0, 5]].tolist() == pytest.approx([0.05, 0.2])
    assert after[:, 2:5].flatten().tolist() == pytest.approx([0.1] * 6)


def test_repetition_penalty_of_fifty_removes_what_was_seen() -> None:
    logits = torch.full((1, 5), 0.2).log()
    after = probabilities(logits, [repetition_penalty(50.0)], history([[0, 1, 2]]))
    torch.testing.assert_close(after, torch.tensor([[0, 0, 0, 0.5, 0.5]]))


def test_frequency_and_presence_by_hand() -> None:
    logits = torch.full((1, 5), 0.2).log()
    after = probabilities(
        logits, [frequency_penalty(5.0), presence_penalty(5.0)], history([[0, 1, 2, 0, 0]])
    )
    expected = torch.tensor([[0.0, 0.000023, 0.000023, 0.499977, 0.499977]])
    torch.testing.assert_close(after, expected, rtol=0, atol=1e-6)


def test_frequency_and_presence_ignore_the_prompt() -> None:
    logits = torch.zeros(1, 4)
    past = history([[0, 0, 1, 2, 2]], n_prompt=3)
    assert presence_penalty(1.0)(logits, past).tolist() == [[0, 0, -1, 0]]
    assert frequency_penalty(1.0)(logits, past).tolist() == [[0, 0, -2, 0]]
    assert repetition_penalty(2.0)(logits + 1, past).tolist() == [[0.5, 0.5, 0.5, 1]]


def test_no_repeat_ngram_by_hand() -> None:
    past = history([[1, 1, 2, 1], [0, 1, 0, 1]])
    logits = torch.zeros(2, 3)
    assert banned(no_repeat_ngram(2)(logits, past)) == [[1, 2], [0]]
    assert banned(no_repeat_ngram(3)(logits, past)) == [[], [0]]
    assert banned(no_repeat_ngram(1)(logits, past)) == [[1, 2], [0, 1]]
    assert banned(no_repeat_ngram(9)(logits, past)) == [[], []]


def test_no_repeat_ngram_that_leaves_nothing_says_so() -> None:
    with pytest.raises(ValueError, match=r"no_repeat_ngram\(1\) returned only -inf"):
        process(torch.zeros(1, 2), [no_repeat_ngram(1)], history([[0, 1]]))


def test_min_new_tokens() -> None:
    logits = torch.zeros(1, 3)
    step = min_new_tokens(2, eos_id=1)
    assert banned(step(logits, history([[0, 0]], n_prompt=2))) == [[1]]
    assert banned(step(logits, history([[0, 0, 0]], n_prompt=2))) == [[1]]
    assert banned(step(logits, history([[0, 0, 0, 0]], n_prompt=2))) == [[]]


@pytest.mark.parametrize("n_seen", [1, 2, 7, 30])
def test_same_as_transformers(n_seen: int) -> None:
    generator = torch.Generator().manual_seed(n_seen)
    logits = torch.randn(6, 12, generator=generator)
    tokens = torch.randint(0, 12, (6, n_seen), generator=generator)
    past = PastTokens(tokens, torch.ones_like(tokens, dtype=torch.bool), 0)
    for penalty in (0.5, 1.0, 1.3):
        expected = peer.RepetitionPenaltyLogitsProcessor(penalty)(tokens, logits.clone())
        torch.testing.assert_close(repetition_penalty(penalty)(logits, past), expected)
    for n in (2, 3, 4):
        expected = peer.NoRepeatNGramLogitsProcessor(n)(tokens, logits.clone())
        assert torch.equal(no_repeat_ngram(n)(logits, past), expected)


@pytest.mark.parametrize(
    "step",
    [repetition_penalty(1.5), presence_penalty(0.7), frequency_penalty(0.7), no_repeat_ngram(2)],
    ids=repr,
)
def test_padding_is_not_history(step) -> None:
    logits = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    plain = step(logits, history([[3, 4, 3]]))
    ids = torch.tensor([[0, 0, 3, 4, 3]])
    padded = step(logits, PastTokens(ids, torch.tensor([[False, False, True, True, True]]), 0))
    assert torch.equal(plain, padded)


@pytest.mark.parametrize(
    "step",
    [
        repetition_penalty(1.5),
        presence_penalty(0.7),
        frequency_penalty(0.7),
        no_repeat_ngram(2),
        min_new_tokens(9, 0),
    ],
    ids=repr,
)
def test_steps_never_change_their_input(step) -> None:
    logits = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    before = logits.clone()
    past = history([[3, 4, 3]])
    assert not torch.equal(step(logits, past), before)
    assert torch.equal(logits, before)
    assert past.tokens.tolist() == [[3, 4, 3]]


def test_ids_outside_the_logits_are_ignored() -> None:
    after = repetition_penalty(2.0)(torch.ones(1, 3), history([[1, 7]]))
    assert after.tolist() == [[1, 0.5, 1]]


def test_chain_has_the_usual_order() -> None:
    steps = recipe(k=5, t=0.5, p=0.9, repetition=1.2, minimum=0.1, typical=0.9, ngram=3)
    assert [repr(step) for step in steps] == [
        "repetition_penalty(1.2)",
        "no_repeat_ngram(3)",
        "temperature(0.5)",
        "top_k(5)",
        "top_p(0.9)",
        "min_p(0.1)",
        "typical_p(0.9)",
    ]
    assert recipe() == []


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: repetition_penalty(0), "penalty got 0, wants a finite number > 0"),
        (lambda: repetition_penalty(-1.0), "penalty got -1.0"),
        (lambda: presence_penalty(math.nan), "presence_penalty: penalty got nan"),
        (lambda: frequency_penalty(INF), "frequency_penalty: penalty got inf"),
        (lambda: no_repeat_ngram(0), "n got 0, wants an integer >= 1"),
        (lambda: min_new_tokens(-1, 0), "n got -1"),
        (lambda: repetition_penalty(2.0)(torch.zeros(1, 2)), "history got None"),
    ],
)
def test_bad_arguments_are_named(make, wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        make()
