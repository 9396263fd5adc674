"""Steps that allow, exclude, prefer or force tokens: equal to `transformers`, and bad input."""

import math

import numpy as np
import pytest
import torch
from transformers.generation import logits_process as peer

from course_lib import Transformer, TransformerConfig, generate
from course_lib.generation import (
    PastTokens,
    allow_only,
    beam_search,
    bias_words,
    epsilon_cutoff,
    eta_cutoff,
    exclude_words,
    force_first,
    force_last,
)

CONFIG = TransformerConfig(
    vocab_size=12, d_model=16, n_heads=2, max_seq_len=32, n_decoder_layers=1, tie_embeddings=False
)
MODEL = Transformer(CONFIG, generator=torch.Generator().manual_seed(0)).eval()
WORDS = [[3], [1, 2], [4, 4], [5, 6, 7], [0]]


def past(tokens: torch.Tensor, n_prompt: int = 0) -> PastTokens:
    return PastTokens(tokens, torch.ones_like(tokens, dtype=torch.bool), n_prompt)


@pytest.mark.parametrize("n_seen", [1, 2, 5, 40])
def test_same_as_transformers(n_seen: int) -> None:
    generator = torch.Generator().manual_seed(n_seen)
    for _ in range(20):
        logits = torch.randn(6, 12, generator=generator)
        tokens = torch.randint(0, 8, (6, n_seen), generator=generator)
        seen = past(tokens)
        expected = peer.NoBadWordsLogitsProcessor(WORDS)(tokens, logits.clone())
        assert torch.equal(exclude_words([3, *WORDS[1:]])(logits, seen), expected)
        biases = {(3,): 2.5, (1, 2): -1.0, (7, 2): 0.5, (2, 5, 6): 4.0, (9,): -math.inf}
        expected = peer.SequenceBiasLogitsProcessor(biases)(tokens, logits.clone())
        torch.testing.assert_close(bias_words(biases)(logits, seen), expected)

        def allowed(row: int, ids: list[int] | torch.Tensor) -> list[int]:
            return sorted({row, int(ids[-1]), 11})

        constrained = peer.PrefixConstrainedLogitsProcessor(allowed, num_beams=1)
        assert torch.equal(allow_only(allowed)(logits, seen), constrained(tokens, logits.clone()))
        same = peer.PrefixConstrainedLogitsProcessor(lambda *_: [1, 4], num_beams=1)
        assert torch.equal(allow_only([1, 4])(logits), same(tokens, logits.clone()))
        first = peer.ForcedBOSTokenLogitsProcessor(4)(tokens, logits.clone())
        assert torch.equal(force_first(4)(logits, past(tokens, 1)), first)
        last = peer.ForcedEOSTokenLogitsProcessor(5 + 1, [2, 9])(tokens, logits.clone())
        assert torch.equal(force_last([2, 9], 6)(logits, past(tokens)), last)


@pytest.mark.parametrize("n_kept", [1, 3, 99])
@pytest.mark.parametrize("epsilon", [1e-4, 0.01, 0.2, 0.9])
def test_cutoffs_are_those_of_transformers(epsilon: float, n_kept: int) -> None:
    generator = torch.Generator().manual_seed(0)
    for spread in (0.1, 1.0, 6.0):
        logits = torch.randn(8, 30, generator=generator) * spread
        logits[0, :5] = 2.0  # ties
        logits[1, 3:] = -math.inf
        for ours, theirs in (
            (epsilon_cutoff, peer.EpsilonLogitsWarper),
            (eta_cutoff, peer.EtaLogitsWarper),
        ):
            usual = logits if ours is epsilon_cutoff else logits.clamp(min=-1e30)
            expected = theirs(epsilon, min_tokens_to_keep=n_kept)(None, usual.clone())
            assert torch.equal(ours(epsilon, n_kept)(usual), expected)
            assert bool(ours(epsilon, n_kept)(logits).amax(-1).isfinite().all())


def test_padding_is_part_of_no_word() -> None:
    logits = torch.zeros(2, 12)
    tokens = torch.tensor([[1, 5], [1, 5]])
    seen = PastTokens(tokens, torch.tensor([[False, True], [True, True]]), 0)
    out = exclude_words([[1, 5, 9]])(logits, seen)
    assert out[:, 9].tolist() == [0.0, -math.inf]
    texts = []
    allow_only(lambda row, ids: texts.append(ids) or [0])(logits, seen)
    assert texts == [[5], [1, 5]]


def test_generate_and_beams_obey() -> None:
    prompt = torch.tensor([[1, 2], [3, 4]])
    steps = [
        force_first(7),
        exclude_words([int(generate(MODEL, prompt, max_new_tokens=3).tokens[0, 1])]),
    ]
    steps.append(force_last(5, 6))
    for out in (
        generate(MODEL, prompt, max_new_tokens=6, processors=steps).tokens,
        beam_search(MODEL, prompt, n_beams=3, max_new_tokens=6, processors=steps).tokens[:, 0],
    ):
        assert out[:, 0].tolist() == [7, 7] and out[:, -1].tolist() == [5, 5]
    spelled = [9, 8, 7, 6, 5, 4]
    out = generate(
        MODEL,
        prompt,
        max_new_tokens=6,
        processors=[allow_only(lambda row, ids: [spelled[len(ids) - 2]])],
    )
    assert out.tokens.tolist() == [spelled, spelled]


@pytest.mark.parametrize(
    "word", [5, np.int64(5), torch.tensor(5), (5,), [5], torch.tensor([5]), np.array([5])]
)
def test_ids_of_any_integer_type(word) -> None:
    out = exclude_words([word])(torch.zeros(1, 12), past(torch.zeros(1, 1).long()))
    assert out.isinf().nonzero().tolist() == [[0, 5]]
    out = allow_only(word)(torch.zeros(1, 12))
    assert out.isfinite().nonzero().tolist() == [[0, 5]]


@pytest.mark.parametrize(
    ("make", "error", "wanted"),
    [
        (lambda: exclude_words([]), ValueError, "got no word"),
        (lambda: exclude_words([[]]), ValueError, "empty word"),
        (lambda: exclude_words([[-1]]), ValueError, "wants an integer >= 0"),
        (lambda: exclude_words([[1.5]]), TypeError, "1.5"),
        (lambda: exclude_words(["ab"]), TypeError, "ab"),
        (lambda: bias_words({(1,): math.nan}), ValueError, "nan"),
        (lambda: bias_words({(1,): math.inf}), ValueError, "inf"),
        (lambda: bias_words({}), ValueError, "no word"),
        (lambda: allow_only([]), ValueError, "no token"),
        (lambda: force_first(-1), ValueError, "force_first got -1"),
        (lambda: force_first(True), TypeError, "force_first got True"),
        (lambda: force_last([], 3), ValueError, "no token"),
        (lambda: force_last(2, 0), ValueError, "max_new_tokens got 0"),
        (lambda: epsilon_cutoff(0.0), ValueError, "epsilon got 0.0"),
        (lambda: eta_cutoff(1.0), ValueError, "epsilon got 1.0"),
        (lambda: eta_cutoff(0.5, 0), ValueError, "min_tokens_to_keep got 0"),
    ],
)
def test_bad_settings_are_named(make, error, wanted: str) -> None:
    with pytest.raises(error, match=wanted):
        make()


@pytest.mark.parametrize(
    "step",
    [exclude_words([99]), bias_words({(1, 99): 1.0}), allow_only(99), force_first(99),
     force_last(99, 1), allow_only(lambda row, ids: [99])],
    ids=repr,
)  # fmt: skip
def test_ids_beyond_the_vocabulary_are_named(step) -> None:
    with pytest.raises(ValueError, match="got token 99, wants 0 to 11"):
        step(torch.zeros(1, 12), past(torch.zeros(1, 1).long()))
