"""Processors that say which tokens may, must or must not come, whatever the model prefers."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import SupportsIndex

import torch
from torch import Tensor

from course_lib.checks import whole_number
from course_lib.generation.chain import PastTokens, Processor
from course_lib.generation.checks import TokenIds, token_ids
from course_lib.shapes import Float

Word = SupportsIndex | Sequence[SupportsIndex]  # one token, or the tokens of a word in their order
Allowed = Callable[[int, list[int]], TokenIds]


def bias_words(biases: Mapping[Word, float | int]) -> Processor:
    """Add a number to the logit of some tokens, and of the last token of some words.

    A word of several tokens gets its number once all but its last token stand at the end of the
    text. Tokenizers spell a word with and without a blank before it, so give both spellings.

    Args:
        biases: What is added to each token (an integer) or word (a tuple of integers), in logits;
            minus infinity excludes, plus infinity is refused.

    Raises:
        TypeError: If an id is no integer.
        ValueError: If there is no word, an empty one, a negative id or a number that is not usable.
    """
    return _bias("bias_words", dict(biases))


def exclude_words(words: Iterable[Word]) -> Processor:
    """Exclude some tokens, and the last token of some words once the others stand before it.

    Args:
        words: Tokens (integers) and words (their tokens, in order).

    Raises:
        TypeError: If an id is no integer.
        ValueError: If there is no word, an empty one or a negative id.
    """
    plain = [word.tolist() if hasattr(word, "tolist") else word for word in words]
    made = [tuple(word) if isinstance(word, Sequence) else word for word in plain]
    return _bias("exclude_words", dict.fromkeys(made, -math.inf))


def allow_only(allowed: TokenIds | Allowed) -> Processor:
    """Exclude every token but some.

    Args:
        allowed: Token or tokens; or a function that says for each row, from its number in the batch
            and the ids it holds so far (prompt included, padding not), which may come next.

    Raises:
        TypeError: If an id is no integer.
        ValueError: If there is none, or one is negative.
    """
    name = "allow_only"
    if not callable(allowed):
        ids = _some(token_ids(allowed, name), name)
        return Processor(f"{name}({ids})", lambda logits: _only(logits, [ids] * len(logits), name))

    def rule(logits: Float[Tensor, "B V"], history: PastTokens) -> Float[Tensor, "B V"]:
        tokens, keep, _ = history
        texts = [row[real].tolist() for row, real in zip(tokens, keep, strict=True)]
        rows = [token_ids(allowed(b, text), name) for b, text in enumerate(texts)]
        return _only(logits, rows, name)

    return Processor(f"{name}({getattr(allowed, '__name__', 'a function')})", rule, looks_back=True)


def force_first(token: SupportsIndex) -> Processor:
    """Make a token the first that is generated; translation models name their language like this.

    Args:
        token: Its id.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is negative.
    """
    return _forced_at(0, [whole_number(token, "force_first", 0)], f"force_first({token})")


def force_last(ids: TokenIds, max_new_tokens: SupportsIndex) -> Processor:
    """Make the last of `max_new_tokens` tokens one of some, so that no text ends without its end.

    Args:
        ids: The end token or tokens; of several the draw takes each equally likely.
        max_new_tokens: The same number as `generate` gets.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If there is no id, a negative one, or `max_new_tokens` is below 1.
    """
    n = whole_number(max_new_tokens, "force_last: max_new_tokens", 1)
    return _forced_at(n - 1, _some(token_ids(ids, "force_last"), "force_last"), f"force_last({n})")


def check_known(ids: Iterable[int], logits: Float[Tensor, "B V"], name: str) -> None:
    """Refuse ids that the logits do not have.

    Args:
        ids: Token ids, none negative.
        logits: Scores of the next token.
        name: The step.

    Raises:
        ValueError: Naming the step and the largest id.
    """
    n_tokens = logits.shape[-1]
    if (highest := max(ids, default=0)) >= n_tokens:
        raise ValueError(f"{name} got token {highest}, wants 0 to {n_tokens - 1}")


def _bias(name: str, biases: dict[Word, float | int]) -> Processor:
    words: dict[tuple[int, ...], float] = {}
    for word, bias in biases.items():
        if math.isnan(bias) or bias == math.inf:
            raise ValueError(f"{name}: bias of {word} got {bias}, wants a number below infinity")
        items = word if isinstance(word, Sequence) else [word]
        ids = tuple(whole_number(i, f"{name}: {word}", 0) for i in items)
        if not ids:
            raise ValueError(f"{name} got an empty word, wants at least one token")
        words[ids] = words.get(ids, 0.0) + float(bias)
    if not words:
        raise ValueError(f"{name} got no word, wants at least one")

    def rule(logits: Float[Tensor, "B V"], history: PastTokens) -> Float[Tensor, "B V"]:
        check_known((i for ids in words for i in ids), logits, name)
        tokens, keep, _ = history
        total = torch.zeros_like(logits)
        for (*before, last), bias in words.items():
            n = len(before)
            if n > tokens.shape[1]:
                continue
            here = logits.new_full((len(logits),), bias)
            if n:
                met = (tokens[:, -n:] == tokens.new_tensor(before)).all(-1) & keep[:, -n:].all(-1)
                here = torch.where(met, here, 0.0)
            total[:, last] += here
        return logits + total

    return Processor(f"{name}({len(words)} words)", rule, looks_back=True)


def _only(
    logits: Float[Tensor, "B V"], rows: Sequence[Sequence[int]], name: str
) -> Float[Tensor, "B V"]:
    allowed = torch.zeros_like(logits, dtype=torch.bool)
    for b, ids in enumerate(rows):
        check_known(ids, logits, name)
        allowed[b, list(ids)] = True
    return logits.masked_fill(~allowed, -math.inf)


def _forced_at(place: int, ids: list[int], name: str) -> Processor:
    def rule(logits: Float[Tensor, "B V"], history: PastTokens) -> Float[Tensor, "B V"]:
        check_known(ids, logits, name)
        if history.tokens.shape[1] - history.n_prompt != place:
            return logits
        forced = torch.full_like(logits, -math.inf)
        forced[:, ids] = 0.0
        return forced

    return Processor(name, rule, looks_back=True)


def _some(ids: list[int], name: str) -> list[int]:
    if not ids:
        raise ValueError(f"{name} got no token, wants at least one")
    return ids
