"""Logits processors: small functions that reshape a next-token distribution before a draw.

Each function here returns a step of a chain. The order of a chain matters: temperature before top-p
changes how many tokens top-p keeps.

Chapter: 11_generative_configuration
"""

import math
from typing import SupportsIndex

import numpy as np
import torch
from torch import Tensor

from course_lib.checks import check_numbers, whole_number
from course_lib.generation.chain import Processor
from course_lib.shapes import Bool, Float, Int

_SMALL = 1024  # up to this many tokens, top-p sorts them all
_FIRST_LOOK = 128  # of more, it sorts this many at first, and the rest if they hold too little


def temperature(t: float | int) -> Processor:
    """Divide the logits by `t`: below 1 sharpens the distribution, above 1 flattens it.

    The ranking of the tokens never changes. `t = 0` is the limit: the first maximum alone stays.

    Args:
        t: Temperature, at least 0.

    Raises:
        TypeError: If a number is none.
        ValueError: If `t` is negative, infinite or not a number.

    Source: Ackley, Hinton and Sejnowski 1985, section 2. The row maximum is subtracted first, so
        that a small `t` cannot overflow; the distribution is the same.
    """
    [t] = check_numbers(**{"temperature: t": t})
    if not 0 <= t < math.inf:
        raise ValueError(f"temperature: t got {t}, wants a finite number >= 0")

    def rule(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        best, where = logits.max(-1, keepdim=True)
        if t == 0:
            return torch.full_like(logits, -math.inf).scatter(-1, where, 0.0)
        if t == 1:
            return logits
        below, number = logits - best, torch.finfo(logits.dtype)
        if number.tiny <= t <= number.max:
            return below / t
        # 0 / 0 and inf / inf, for a `t` that this type rounds to 0 or to infinity, are no numbers.
        return torch.where(below.isinf() | (below == 0), below, below / t)

    return Processor(f"temperature({t})", rule)


def top_k(k: SupportsIndex, min_tokens_to_keep: SupportsIndex = 1) -> Processor:
    """Keep the `k` most likely tokens.

    Tokens that tie with the k-th all stay, so more than `k` can remain; `k >= V` changes nothing.

    Args:
        k: Number of tokens, at least 1.
        min_tokens_to_keep: Keep at least this many, whatever `k` says.

    Raises:
        TypeError: If a number is none.
        ValueError: If `k` or `min_tokens_to_keep` is below 1.

    Source: Fan, Lewis and Dauphin 2018, section 5.4.
    """
    n_kept = max(whole_number(k, "top_k: k", 1), at_least_one(min_tokens_to_keep, "top_k"))

    def rule(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        if n_kept >= logits.shape[-1]:
            return logits
        threshold = logits.topk(n_kept).values[:, -1:]
        return logits.masked_fill(logits < threshold, -math.inf)

    return Processor(f"top_k({k})", rule)


def top_p(p: float | int, min_tokens_to_keep: SupportsIndex = 1) -> Processor:
    """Keep the smallest set of most likely tokens whose probability reaches `p` (the nucleus).

    The token that crosses `p` stays, so the set is never empty. Among equal logits at the edge the
    lowest ids stay. `p = 1` changes nothing.

    Args:
        p: Probability to reach, in (0, 1].
        min_tokens_to_keep: Keep at least this many, whatever `p` says.

    Raises:
        TypeError: If a number is none.
        ValueError: If `p` is outside (0, 1] or `min_tokens_to_keep` is below 1.

    Source: Holtzman et al. 2020, section 3.1.
    """
    p = _share(p, "top_p", "p")
    at_least = at_least_one(min_tokens_to_keep, "top_p")

    def rule(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        if p == 1:
            return logits
        enough = p * (1 - 4 * torch.finfo(logits.dtype).eps)  # p, up to the rounding of the logits
        best, mass = _from_the_top(logits, enough, max(_FIRST_LOOK, at_least))
        # A token stays if the mass of all tokens before it has not reached p yet.
        last = torch.searchsorted(mass, mass.new_full((len(mass), 1), enough))
        last = last.clamp(at_least - 1, best.shape[-1] - 1)
        edge = best.gather(-1, last)
        return torch.where(_at_most(logits, edge, last + 1), logits, -math.inf)

    return Processor(f"top_p({p})", rule)


def min_p(p: float | int, min_tokens_to_keep: SupportsIndex = 1) -> Processor:
    """Drop tokens less likely than `p` times the most likely one.

    Where the model is sure the bar is high, where it is unsure the bar is low. `p = 0` changes
    nothing.

    Args:
        p: Share of the largest probability, in [0, 1].
        min_tokens_to_keep: Keep at least this many, whatever `p` says.

    Raises:
        TypeError: If a number is none.
        ValueError: If `p` is outside [0, 1] or `min_tokens_to_keep` is below 1.

    Source: Nguyen et al. 2024, section 3.
    """
    [p] = check_numbers(**{"min_p: p": p})
    if not 0 <= p <= 1:
        raise ValueError(f"min_p: p got {p}, wants a number in [0, 1]")
    at_least = at_least_one(min_tokens_to_keep, "min_p")

    def rule(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        chances = logits.softmax(-1)
        drop = chances < p * chances.amax(-1, keepdim=True)
        if at_least > 1:
            drop = drop.scatter(-1, logits.topk(min(at_least, logits.shape[-1])).indices, False)
        return logits.masked_fill(drop, -math.inf)

    return Processor(f"min_p({p})", rule)


def typical_p(p: float | int, min_tokens_to_keep: SupportsIndex = 1) -> Processor:
    """Keep the tokens whose surprise is closest to the expected one, until their mass reaches `p`.

    The most likely token can be dropped: it may be too predictable. `p = 1` changes nothing.

    Args:
        p: Probability to reach, in (0, 1].
        min_tokens_to_keep: Keep at least this many, whatever `p` says.

    Raises:
        TypeError: If a number is none.
        ValueError: If `p` is outside (0, 1] or `min_tokens_to_keep` is below 1.

    Source: Meister et al. 2023, section 4. Tokens that tie with the last one kept all stay.
    """
    p = _share(p, "typical_p", "p")
    at_least = at_least_one(min_tokens_to_keep, "typical_p")

    def rule(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        if p == 1:
            return logits
        log_chances = logits.log_softmax(-1)
        entropy = -(log_chances * log_chances.exp()).nansum(-1, keepdim=True)  # 0 log 0 is 0
        distance, order = (-log_chances - entropy).abs().sort(stable=True, dim=-1)
        mass = log_chances.gather(-1, order).exp().cumsum(-1)
        last = (mass < p).sum(-1, keepdim=True).clamp(max=logits.shape[-1] - 1)
        drop = distance > distance.gather(-1, last)
        drop[:, :at_least] = False
        return logits.masked_fill(torch.zeros_like(drop).scatter(-1, order, drop), -math.inf)

    return Processor(f"typical_p({p})", rule)


def _at_most(
    logits: Float[Tensor, "B V"], edge: Float[Tensor, "B 1"], n: Int[Tensor, "B 1"]
) -> Bool[Tensor, "B V"]:
    """Say which logits reach the edge, at most `n` a row: of equal ones there, the first stay."""
    stays = logits >= edge
    if int(stays.count_nonzero()) == sum(n.flatten().tolist()):
        return stays
    equal = logits == edge
    spare = n - (logits > edge).sum(-1, keepdim=True)
    return stays & (~equal | (equal.cumsum(-1) <= spare))


def _from_the_top(
    logits: Float[Tensor, "B V"], enough: float, n_first: int
) -> tuple[Float[Tensor, "B N"], Float[Tensor, "B N"]]:
    """Return each row's largest logits, until their chances reach `enough`, and their masses."""
    n_tokens = logits.shape[-1]
    if n_tokens > _SMALL:
        best, ids = logits.topk(min(n_first, n_tokens))
        mass = logits.softmax(-1).gather(-1, ids).cumsum(-1, dtype=torch.float64)
        if not bool((mass[:, -1] < enough).any()):
            return best, mass
    best = _descending(logits)
    return best, best.softmax(-1).cumsum(-1, dtype=torch.float64)


def _descending(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
    if logits.device.type != "cpu" or logits.dtype not in (torch.float32, torch.float64):
        return logits.sort(-1, descending=True).values
    # On a processor NumPy sorts bare values about five times faster than torch sorts pairs.
    rising = np.sort(logits.detach().numpy(), axis=-1)
    return torch.from_numpy(rising[:, ::-1].copy())


def _share(given: float | int, step: str, name: str) -> float | int:
    p: float | int
    [p] = check_numbers(**{f"{step}: {name}": given})
    if not 0 < p <= 1:
        raise ValueError(f"{step}: {name} got {p}, wants a number in (0, 1]")
    return p


def at_least_one(n: SupportsIndex, step: str) -> int:
    """Return `min_tokens_to_keep` as an `int`, or raise in the step's name."""
    return whole_number(n, f"{step}: min_tokens_to_keep", 1)
