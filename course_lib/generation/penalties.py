"""Processors that look back: what a row has already said changes what it may say next.

Chapter: 11_generative_configuration
"""

import math
from typing import SupportsIndex

import torch
from torch import Tensor

from course_lib.checks import check_numbers, whole_number
from course_lib.generation.chain import PastTokens, Processor
from course_lib.generation.checks import TokenIds, token_ids
from course_lib.generation.constraints import check_known
from course_lib.shapes import Bool, Float, Int


def repetition_penalty(penalty: float | int) -> Processor:
    """Make every token already seen less likely, once, however often it was seen.

    Positive logits are divided by the penalty and negative ones multiplied, so the effect depends
    on where zero lies: adding a constant to all logits changes the result. The prompt counts,
    padding does not.

    Args:
        penalty: Above 1 discourages repetition, below 1 encourages it; above 0.

    Raises:
        TypeError: If it is no number.
        ValueError: If `penalty` is not a finite number above 0.

    Source: Keskar et al. 2019, section 4.1, with the sign rule of later implementations.
    """
    [penalty] = check_numbers(**{"repetition_penalty: penalty": penalty})
    if not 0 < penalty < math.inf:
        raise ValueError(f"repetition_penalty: penalty got {penalty}, wants a finite number > 0")

    def rule(logits: Float[Tensor, "B V"], history: PastTokens) -> Float[Tensor, "B V"]:
        seen = _counts(logits, history.tokens, history.keep) > 0
        return torch.where(
            seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits
        )

    return Processor(f"repetition_penalty({penalty})", rule, looks_back=True)


def presence_penalty(penalty: float | int) -> Processor:
    """Subtract `penalty` from the logit of every token generated so far, once.

    The prompt does not count. Unlike the repetition penalty, it does not depend on where zero lies.

    Args:
        penalty: In logits; negative values encourage repetition.

    Raises:
        TypeError: If it is no number.
        ValueError: If `penalty` is not finite.
    """
    penalty = _finite(penalty, "presence_penalty")

    def rule(logits: Float[Tensor, "B V"], history: PastTokens) -> Float[Tensor, "B V"]:
        return torch.where(_counts(logits, *_output(history)) > 0, logits - penalty, logits)

    return Processor(f"presence_penalty({penalty})", rule, looks_back=True)


def frequency_penalty(penalty: float | int) -> Processor:
    """Subtract `penalty` from a token's logit for each time it was generated so far.

    The prompt does not count.

    Args:
        penalty: In logits per occurrence; negative values encourage repetition.

    Raises:
        TypeError: If it is no number.
        ValueError: If `penalty` is not finite.
    """
    penalty = _finite(penalty, "frequency_penalty")

    def rule(logits: Float[Tensor, "B V"], history: PastTokens) -> Float[Tensor, "B V"]:
        return logits - penalty * _counts(logits, *_output(history))

    return Processor(f"frequency_penalty({penalty})", rule, looks_back=True)


def no_repeat_ngram(n: SupportsIndex) -> Processor:
    """Exclude every token that would complete a run of `n` tokens already seen in the row.

    `n = 1` excludes every token seen, prompt included, so a long text can run out of tokens: the
    chain then raises and says so.

    Args:
        n: Length of the run, at least 1.

    Raises:
        TypeError: If `n` is no integer.
        ValueError: If `n` is below 1.

    Source: Paulus, Xiong and Socher 2018, section 2.5 (there for n = 3, in beam search).
    """
    n = whole_number(n, "no_repeat_ngram: n", 1)

    def rule(logits: Float[Tensor, "B V"], history: PastTokens) -> Float[Tensor, "B V"]:
        tokens, keep, _ = history
        n_rows, n_seen = tokens.shape
        if n_seen < n:
            return logits
        runs = tokens.unfold(1, n, 1)  # (B, R, n): every run of n tokens
        now = tokens[:, n_seen - n + 1 :]  # (B, n - 1): the run the next token would complete
        again = (runs[..., :-1] == now[:, None]).all(-1) & keep.unfold(1, n, 1).all(-1)  # (B, R)
        banned = _counts(logits, runs[..., -1], again) > 0
        return logits.masked_fill(banned, -math.inf)

    return Processor(f"no_repeat_ngram({n})", rule, looks_back=True)


def min_new_tokens(n: SupportsIndex, eos_id: TokenIds) -> Processor:
    """Exclude the end tokens until `n` tokens have been generated.

    Args:
        n: Tokens before the end may come, at least 0.
        eos_id: End token or tokens.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If `n` or an id is negative.
    """
    n = whole_number(n, "min_new_tokens: n", 0)
    ends = token_ids(eos_id, "min_new_tokens: eos_id")

    def rule(logits: Float[Tensor, "B V"], history: PastTokens) -> Float[Tensor, "B V"]:
        check_known(ends, logits, "min_new_tokens: eos_id")
        if history.tokens.shape[1] - history.n_prompt >= n:
            return logits
        return logits.index_fill(1, torch.tensor(ends, device=logits.device), -math.inf)

    return Processor(f"min_new_tokens({n})", rule, looks_back=True)


def _counts(
    logits: Float[Tensor, "B V"], tokens: Int[Tensor, "B N"], counted: Bool[Tensor, "B N"]
) -> Float[Tensor, "B V"]:
    """How often each token of the vocabulary occurs among the counted positions of its row."""
    n_tokens = logits.shape[1]
    # Ids that the logits do not have (extra rows of the embedding) go to a spare column.
    bins = tokens.masked_fill(~counted | (tokens >= n_tokens), n_tokens)
    counts = logits.new_zeros(logits.shape[0], n_tokens + 1)
    return counts.scatter_add(1, bins, torch.ones_like(bins, dtype=logits.dtype))[:, :n_tokens]


def _output(history: PastTokens) -> tuple[Tensor, Tensor]:
    return history.tokens[:, history.n_prompt :], history.keep[:, history.n_prompt :]


def _finite(given: float | int, step: str) -> float | int:
    penalty: float | int
    [penalty] = check_numbers(**{f"{step}: penalty": given})
    if not math.isfinite(penalty):
        raise ValueError(f"{step}: penalty got {penalty}, wants a finite number")
    return penalty
