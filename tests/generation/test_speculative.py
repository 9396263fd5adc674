"""Speculative decoding is exact: greedy token for token, sampled by chi-square."""

import itertools
from dataclasses import replace

import pytest
import torch
from scipy.stats import chisquare

from course_lib import Transformer, TransformerConfig, generate
from course_lib.generation import speculative
from course_lib.generation.penalties import no_repeat_ngram, repetition_penalty
from course_lib.generation.processors import temperature, top_k
from course_lib.generation.speculative import LookupDraft, ModelDraft, speculate

TARGET = TransformerConfig(
    vocab_size=11,
    d_model=16,
    n_heads=2,
    max_seq_len=48,
    n_decoder_layers=2,
    position="rotary",
    tie_embeddings=False,
)


def build(config: TransformerConfig, seed: int) -> Transformer:
    generator = torch.Generator().manual_seed(seed)
    model = Transformer(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return model


MODEL = build(TARGET, 0)
OTHER = build(replace(TARGET, n_decoder_layers=1), 1)
PROMPT = torch.tensor([[1, 2, 3, 4]])


def near() -> Transformer:
    """A draft that is often right: the target with noise."""
    model = build(TARGET, 0)
    generator = torch.Generator().manual_seed(7)
    for parameter in model.parameters():
        parameter += torch.randn(parameter.shape, generator=generator) * 0.05
    return model


DRAFTS = {
    "itself": lambda: ModelDraft(MODEL),
    "near": lambda: ModelDraft(near()),
    "other": lambda: ModelDraft(OTHER),
    "lookup": lambda: LookupDraft(11, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAFTS)
@pytest.mark.parametrize("n_draft", [1, 4, 9])
def test_greedy_is_equal_token_for_token(name: str, n_draft: int) -> None:
    for steps in ([], [repetition_penalty(1.5), no_repeat_ngram(2)]):
        plain = generate(MODEL, PROMPT, max_new_tokens=30, processors=steps)
        fast = speculate(
            MODEL, DRAFTS[name](), PROMPT, max_new_tokens=30, n_draft=n_draft, processors=steps
        )
        assert fast.tokens.tolist() == plain.tokens[0].tolist()
        assert fast.n_passes == 30 - fast.n_accepted  # each pass adds one token of its own
        assert fast.tokens_per_pass == 30 / fast.n_passes


def test_a_perfect_draft_needs_the_fewest_passes() -> None:
    fast = speculate(MODEL, ModelDraft(MODEL), PROMPT, max_new_tokens=30, n_draft=4)
    assert (fast.n_passes, fast.n_accepted, fast.n_proposed) == (6, 24, 24)
    sampled = speculate(
        MODEL,
        ModelDraft(MODEL),
        PROMPT,
        max_new_tokens=30,
        n_draft=4,
        sample=True,
        generator=torch.Generator().manual_seed(0),
    )
    assert (sampled.n_passes, sampled.n_accepted) == (6, 24)


def exact_chances(n: int, steps) -> torch.Tensor:
    """Probability of every text of n tokens under the target."""
    every = torch.tensor(list(itertools.product(range(11), repeat=n)))
    chances = torch.ones(len(every), dtype=torch.float64)
    for i in range(n):
        text = torch.cat([PROMPT.expand(len(every), -1), every[:, :i]], 1)
        p = speculative.probabilities(MODEL(text)[:, -1], steps).double()
        chances *= p.gather(1, every[:, i : i + 1])[:, 0]
    return chances


def pairs_drawn(draft, steps, n_texts: int = 1500) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    counts = torch.zeros(11 * 11, dtype=torch.float64)
    for _ in range(n_texts):
        out = speculate(
            MODEL,
            draft,
            PROMPT,
            max_new_tokens=2,
            n_draft=2,
            sample=True,
            generator=generator,
            processors=steps,
        )
        counts[int(out.tokens[0]) * 11 + int(out.tokens[1])] += 1
    return counts


def p_value(counts: torch.Tensor, chances: torch.Tensor) -> float:
    assert counts[chances == 0].sum() == 0
    expected = chances * counts.sum()
    common = expected >= 5
    seen = torch.cat([counts[common], counts[~common].sum()[None]])
    due = torch.cat([expected[common], expected[~common].sum()[None]])
    if due[-1] == 0:
        seen, due = seen[:-1], due[:-1]
    return chisquare(seen, due * seen.sum() / due.sum()).pvalue


@pytest.mark.slow
@pytest.mark.parametrize("name", ["other", "lookup"])
def test_sampled_texts_have_the_targets_distribution(name: str) -> None:
    steps = [temperature(1.5), top_k(4)]
    counts = pairs_drawn(DRAFTS[name](), steps)
    assert p_value(counts, exact_chances(2, steps)) > 0.001


@pytest.mark.slow
def test_guesses_that_are_always_accepted_are_caught() -> None:
    """The planted fault: a draft that understates its chances has every guess accepted."""

    class Boaster(ModelDraft):
        def propose(self, *arguments):
            guesses, q = super().propose(*arguments)
            return guesses, q * 1e-6

    counts = pairs_drawn(Boaster(OTHER), [temperature(1.5)], n_texts=600)
    assert p_value(counts, exact_chances(2, [temperature(1.5)])) < 0.001


def test_an_end_token_ends_the_text() -> None:
    plain = generate(MODEL, PROMPT, max_new_tokens=20)
    end = int(plain.tokens[0, 9])
    short = generate(MODEL, PROMPT, max_new_tokens=20, eos_id=end)
    for make in DRAFTS.values():
        fast = speculate(MODEL, make(), PROMPT, max_new_tokens=20, eos_id=end)
        assert fast.tokens.tolist() == short.tokens[0].tolist()


def test_lookup_copies_what_followed() -> None:
    draft = LookupDraft(11, 2)
    guesses, q = draft.propose(torch.tensor([5, 6, 7, 8, 5, 6]), 0, 3)
    assert guesses.tolist() == [7, 8, 5]
    assert q.argmax(1).tolist() == [7, 8, 5] and bool((q.sum(1) == 1).all())
    assert draft.propose(torch.tensor([5, 6, 7, 8]), 0, 3)[0].tolist() == []
    assert draft.propose(torch.tensor([5]), 0, 3)[0].tolist() == []


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"tokens": PROMPT.expand(2, -1)}, "tokens got 2 rows"),
        ({"n_draft": 0}, "n_draft got 0"),
        ({"sample": True}, "generator got None"),
        ({"generator": torch.Generator()}, "generator got one"),
        ({"max_new_tokens": 0}, "max_new_tokens got 0"),
        ({"model": build(replace(TARGET, n_encoder_layers=1), 0)}, "wants a decoder-only one"),
    ],
)
def test_bad_arguments_are_named(options, wanted: str) -> None:
    arguments = {"model": MODEL, "tokens": PROMPT, "max_new_tokens": 3, **options}
    with pytest.raises(ValueError, match=wanted):
        speculate(draft=LookupDraft(11), **arguments)
    with pytest.raises(ValueError, match="n_match got 0"):
        LookupDraft(11, 0)
    with pytest.raises(ValueError, match="wants a decoder-only one"):
        ModelDraft(build(replace(TARGET, n_encoder_layers=1), 0))


def test_one_guess_a_pass_is_enough() -> None:
    whole = generate(MODEL, PROMPT, max_new_tokens=5).tokens
    fast = speculate(MODEL, LookupDraft(11), PROMPT, max_new_tokens=5, n_draft=1)
    assert fast.tokens.tolist() == whole[0].tolist()
