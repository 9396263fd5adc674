"""Speculative decoding: a cheap guess of several tokens, checked by the model in one pass.

Greedy text is exactly what the model alone would have written; sampled text has the distribution of
the model. Only the number of passes changes.

Chapter: 11_generative_configuration
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, SupportsIndex, runtime_checkable

import torch
from torch import Tensor

from course_lib.checks import whole_number
from course_lib.generation.chain import LogitsProcessor, PastTokens, probabilities
from course_lib.generation.checks import (
    TokenIds,
    check_ends,
    check_model,
    check_prompt,
)
from course_lib.generation.processors import temperature
from course_lib.generation.sampler import draw, uniform
from course_lib.model.transformer import Transformer
from course_lib.shapes import Float, Int


class Speculation(NamedTuple):
    """What the model wrote, and what it cost.

    Attributes:
        tokens: Generated ids without the prompt, `Int " N"`.
        n_passes: Forward passes of the target model, reading the prompt included.
        n_proposed: Tokens guessed.
        n_accepted: Guesses that were kept.
    """

    tokens: Int[Tensor, " N"]
    n_passes: int
    n_proposed: int
    n_accepted: int

    @property
    def tokens_per_pass(self) -> float:
        """Tokens written for each pass of the target model; plain decoding has 1."""
        return len(self.tokens) / self.n_passes


@runtime_checkable
class Draft(Protocol):
    """Guesses what comes next.

    A draft that says its `n_vocab` is compared with the target before any work is done.
    """

    def start(self, chain: Sequence[LogitsProcessor], generator: torch.Generator | None) -> None:
        """Begin a text; guesses use the same chain of steps as the target."""

    def propose(
        self, text: Int[Tensor, " N"], n_prompt: int, n: int
    ) -> tuple[Int[Tensor, " M"], Float[Tensor, "M V"]]:
        """Return up to `n` guesses after `text`, and the distribution each was drawn from."""


class ModelDraft:
    """A smaller model guesses, token by token.

    Args:
        model: A decoder-only model with the target's vocabulary.

    Raises:
        ValueError: If the model is not decoder-only, or would drop elements at random.
    """

    def __init__(self, model: Transformer) -> None:
        if model.config.family != "decoder-only":
            raise ValueError(f"model got an {model.config.family} model, wants a decoder-only one")
        check_model(model)
        self.model, self.n_vocab = model, model.config.vocab_size

    def start(self, chain: Sequence[LogitsProcessor], generator: torch.Generator | None) -> None:
        """Forget the last text."""
        self.chain, self.generator = chain, generator
        self.cache = self.model.new_cache(1)

    def propose(
        self, text: Int[Tensor, " N"], n_prompt: int, n: int
    ) -> tuple[Int[Tensor, " M"], Float[Tensor, "M V"]]:
        """Write `n` tokens.

        Args:
            text: Prompt and what has been accepted so far.
            n_prompt: Tokens of the prompt.
            n: Guesses wanted.

        Returns:
            The guesses and the distribution each was drawn from.
        """
        assert self.model.decoder is not None
        limit = self.model.decoder.positions.limit
        n = n if limit is None else min(n, limit - len(text))
        if self.cache.max_length < len(text) + n:  # read again, with room for more
            self.cache = self.model.new_cache(1, 2 * (len(text) + n))
        guesses, chances = [], []
        # What was read of rejected guesses is forgotten; everything before the last token stands.
        self.cache.crop(min(self.cache.length, len(text) - 1))
        for _ in range(n):
            new = text[None, self.cache.length :]
            logits = self.model(new, cache=self.cache)[:, -1].float()
            chances.append(_distribution(logits, self.chain, text, n_prompt))
            guesses.append(draw(chances[-1], _numbers(self.generator)))
            text = torch.cat([text, guesses[-1]])
        if not guesses:
            return text[:0], torch.zeros(0, self.n_vocab)
        return torch.cat(guesses), torch.cat(chances)


class LookupDraft:
    """The text so far guesses: where its last tokens occurred before, what came next then?

    It costs no model, and is right wherever a text repeats itself.

    Args:
        n_vocab: Tokens of the target's vocabulary, V.
        n_match: Tokens that must have occurred before, at least 1.

    Raises:
        ValueError: If a number is below 1.
    """

    def __init__(self, n_vocab: SupportsIndex, n_match: SupportsIndex = 2) -> None:
        self.n_vocab = whole_number(n_vocab, "n_vocab", 1)
        self.n_match = whole_number(n_match, "n_match", 1)

    def start(self, chain: Sequence[LogitsProcessor], generator: torch.Generator | None) -> None:
        """Do nothing: a guess from the text needs neither."""

    def propose(
        self, text: Int[Tensor, " N"], n_prompt: int, n: int
    ) -> tuple[Int[Tensor, " M"], Float[Tensor, "M V"]]:
        """Copy what followed the latest earlier occurrence of the last tokens.

        Args:
            text: Prompt and what has been accepted so far.
            n_prompt: Tokens of the prompt.
            n: Guesses wanted.

        Returns:
            At most `n` guesses, none if there is no earlier occurrence; each is certain of itself.
        """
        guesses = text[:0]
        if len(text) > self.n_match:
            runs = text[:-1].unfold(0, self.n_match, 1)  # (R, n_match)
            found = (runs == text[-self.n_match :]).all(1).nonzero()
            if len(found):
                after = int(found[-1]) + self.n_match
                guesses = text[after : after + n]
        certain = torch.nn.functional.one_hot(guesses, self.n_vocab)
        return guesses, certain.float()


def speculate(
    model: Transformer,
    draft: Draft,
    tokens: Int[Tensor, "B T"],
    *,
    max_new_tokens: SupportsIndex,
    n_draft: SupportsIndex = 4,
    processors: Sequence[LogitsProcessor] = (),
    sample: bool = False,
    generator: torch.Generator | None = None,
    eos_id: TokenIds | None = None,
) -> Speculation:
    """Continue one prompt, checking up to `n_draft` guesses in each pass.

    A guess x with probability p(x) under the target and q(x) under the draft is kept with
    probability min(1, p/q). The first one that is not kept is replaced by a draw from what p has
    more than q, max(p - q, 0), and the guesses after it are dropped. If all are kept, the pass
    gives one more token for free. The result has exactly the distribution p; without `sample` it is
    the greedy text.

    Args:
        model: The target, decoder-only, in evaluation mode if it has dropout.
        draft: Makes the guesses.
        tokens: One prompt, B = 1.
        max_new_tokens: The most tokens to write, at least 1.
        n_draft: Guesses a pass, at least 1.
        processors: Steps applied to the logits of target and draft.
        sample: Draw instead of taking the maximum.
        generator: Source of randomness; needed if, and only if, `sample` is True.
        eos_id: End token or tokens.

    Returns:
        The new tokens, and how many passes and guesses they took.

    Raises:
        ValueError: If an argument does not fit, or the logits allow no draw.

    Source: Leviathan, Kalman and Matias 2023, algorithm 1; Chen et al. 2023.
    """
    tokens, _, n_new = check_prompt(model, tokens, None, max_new_tokens)
    ends, _ = check_ends(model, eos_id, None)
    if model.config.family != "decoder-only":
        raise ValueError(f"model got an {model.config.family} model, wants a decoder-only one")
    if len(tokens) != 1:
        raise ValueError(
            f"tokens got {len(tokens)} rows, wants 1: rows would accept unequally many"
        )
    n_draft = whole_number(n_draft, "n_draft", 1)
    _check_vocabulary(model, getattr(draft, "n_vocab", None))
    if sample is (generator is None):
        got = "None" if generator is None else "one"
        raise ValueError(f"generator got {got} with sample={sample}, wants one if and only if True")
    # Greedy is sampling at temperature 0: p and q are then certain, and the rule stays the same.
    chain: list[LogitsProcessor] = [*processors] if sample else [*processors, temperature(0)]
    with torch.inference_mode():
        text, counts = _run(model, draft, tokens[0], n_new, n_draft, chain, generator, ends)
    return Speculation(text[tokens.shape[1] :].clone(), *counts)


def _run(
    model: Transformer,
    draft: Draft,
    text: Tensor,
    max_new_tokens: int,
    n_draft: int,
    chain: Sequence[LogitsProcessor],
    generator: torch.Generator | None,
    ends: list[int],
) -> tuple[Tensor, tuple[int, int, int]]:
    n_prompt, longest = len(text), len(text) + max_new_tokens
    cache = model.new_cache(1, longest)
    draft.start(chain, generator)
    n_passes = n_proposed = n_accepted = 0
    while len(text) < longest:
        n_wanted = min(n_draft, longest - len(text) - 1)  # the pass itself adds one more
        guesses, q = draft.propose(text, n_prompt, n_wanted)
        _check_vocabulary(model, q.shape[-1])
        n_passes, n_proposed = n_passes + 1, n_proposed + len(guesses)
        read = torch.cat([text[cache.length :], guesses])[None]
        logits = model.logits(model.decode(read, None, cache)[:, -len(guesses) - 1 :])[0].float()
        for i in range(len(guesses) + 1):
            p = _distribution(logits[i : i + 1], chain, text, n_prompt)
            if i == len(guesses):
                token = draw(p, _numbers(generator))
            else:
                token = guesses[i : i + 1]
                kept = float(_numbers(generator)) * float(q[i, token]) < float(p[0, token])
                if kept:
                    n_accepted += 1
                else:
                    token = draw((p - q[i : i + 1]).clamp(min=0), _numbers(generator))
            text = torch.cat([text, token])
            if int(token) in ends:
                return text, (n_passes, n_proposed, n_accepted)
            if i < len(guesses) and not kept:
                break
        cache.crop(len(text) - 1)  # the last token has not been read, rejected ones must go
    return text, (n_passes, n_proposed, n_accepted)


def _check_vocabulary(model: Transformer, n_vocab: int | None) -> None:
    """Refuse a draft whose ids are others: its chances could not be compared."""
    if n_vocab is not None and n_vocab != model.config.vocab_size:
        raise ValueError(
            f"draft has a vocabulary of {n_vocab} tokens, the model one of "
            f"{model.config.vocab_size}: wants the same"
        )


def _distribution(
    logits: Float[Tensor, "1 V"],
    chain: Sequence[LogitsProcessor],
    text: Int[Tensor, " N"],
    n_prompt: int,
) -> Float[Tensor, "1 V"]:
    past = PastTokens(text[None], torch.ones_like(text[None], dtype=torch.bool), n_prompt)
    return probabilities(logits, chain, past)


def _numbers(generator: torch.Generator | None) -> Float[Tensor, "1 1"]:
    """Return one uniform number; without a generator nothing depends on it, so any will do."""
    if generator is None:
        return torch.full((1, 1), 0.5, dtype=torch.float64)
    return uniform(generator, 1)
