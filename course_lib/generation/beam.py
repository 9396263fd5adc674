"""Beam search: follow the best few beginnings at once, and return the best finished texts.

Chapter: 11_generative_configuration
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, SupportsIndex

import torch
from torch import Tensor

from course_lib.checks import check_numbers, whole_number
from course_lib.generation.chain import LogitsProcessor, PastTokens, apply, check_steps, process
from course_lib.generation.checks import (
    TokenIds,
    check_ends,
    check_prompt,
    check_source,
)
from course_lib.generation.reader import Reader
from course_lib.model.masks import Mask
from course_lib.model.transformer import Transformer
from course_lib.shapes import Float, Int

_NEVER = -1e9  # the score of a beam that does not exist


class Beams(NamedTuple):
    """The best texts of each row, best first.

    Attributes:
        tokens: Generated ids without the prompt, `Int "B R N"`, padded after the end.
        lengths: Tokens of each text, its end token included, `Int "B R"`.
        scores: Sum of the log-probabilities divided by length to the power of the length penalty,
            `Float "B R"`.
    """

    tokens: Int[Tensor, "B R N"]
    lengths: Int[Tensor, "B R"]
    scores: Float[Tensor, "B R"]


class _Finished:
    """The finished texts of one row, best first, and whether a better one can still come."""

    def __init__(self, room: int, early_stopping: bool | str, length_penalty: float | int) -> None:
        self.room, self.early, self.penalty = room, early_stopping, length_penalty
        self.texts: list[tuple[float, list[int]]] = []
        self.open = True

    @property
    def full(self) -> bool:
        return len(self.texts) == self.room

    def add(self, ended: list[tuple[float, list[int]]]) -> None:
        """Take the texts that ended in one step, each with its sum of log-probabilities."""
        if not self.open or (self.early is True and self.full):
            return
        self.texts += [(total / len(tokens) ** self.penalty, tokens) for total, tokens in ended]
        self.texts.sort(key=lambda text: -text[0])  # stable: of equal scores the older one stays
        del self.texts[self.room :]

    def close_if_hopeless(self, best_running: float, length: int, longest: int) -> None:
        if self.early == "never" and self.penalty > 0:
            length = longest  # a positive penalty favours long texts: hope for the longest
        hope = best_running / length**self.penalty
        self.open = self.open and (not self.full or hope > self.texts[-1][0])


def beam_search(
    model: Transformer,
    tokens: Int[Tensor, "B T"],
    *,
    n_beams: SupportsIndex,
    max_new_tokens: SupportsIndex,
    n_return: SupportsIndex = 1,
    length_penalty: float | int = 1.0,
    early_stopping: bool | Literal["never"] = False,
    processors: Sequence[LogitsProcessor] = (),
    keep: Mask[Tensor, "B T"] | None = None,
    eos_id: TokenIds | None = None,
    pad_id: SupportsIndex | None = None,
    source: Int[Tensor, "B S"] | None = None,
    source_keep: Mask[Tensor, "B S"] | None = None,
) -> Beams:
    """Search for likely texts, keeping the `n_beams` best beginnings at every step.

    It finds likelier texts than greedy search, not better ones: with open text they repeat
    themselves even more. One beam is greedy search. Canonical beam search, which never stops too
    early, is `early_stopping="never"` with `length_penalty=0`.

    Args:
        model: A model with a decoder; in evaluation mode, if it has dropout.
        tokens: The prompts, padded on the left; for an encoder-decoder the decoder's first tokens.
        n_beams: Beginnings kept, at least 1.
        max_new_tokens: The most tokens to write, at least 1.
        n_return: Texts returned for each row, at most `n_beams`.
        length_penalty: A text's score is its log-probability over its length to this power: above
            0 favours long texts, 0 leaves the sum, below 0 favours short ones.
        early_stopping: True stops once `n_beams` texts have ended; False also when no running beam
            beats them at its present length; "never" only when none can.
        processors: Steps applied to the log-probabilities, from left to right.
        keep: True for real prompt tokens, False for padding; None means all are real.
        eos_id: End token or tokens.
        pad_id: Fills a text after its end; None means the first end token, or 0.
        source: The encoder's side of an encoder-decoder.
        source_keep: True for real source tokens.

    Returns:
        The best `n_return` texts of each row, their lengths and scores. Where processors leave a
        row fewer texts, the missing ones have length 0 and score minus infinity.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If an argument does not fit, or the logits allow no choice.

    Source: Wu et al. 2016, section 7, and the rules of the `transformers` library for stopping.
    """
    tokens, keep, n_new = check_prompt(model, tokens, keep, max_new_tokens)
    ends, fill = check_ends(model, eos_id, pad_id)
    source, source_keep = check_source(model, source, source_keep)
    n_beams, n_return = whole_number(n_beams, "n_beams", 1), whole_number(n_return, "n_return", 1)
    [length_penalty] = check_numbers(length_penalty=length_penalty)
    steps = check_steps(processors)
    _check(n_beams, n_return, early_stopping, model.config.vocab_size, len(ends))
    rows = [_Finished(n_beams, early_stopping, length_penalty) for _ in tokens]
    with torch.inference_mode():
        cache = model.new_cache(len(tokens), tokens.shape[1] + n_new)
        read = Reader(model, cache, n_new=n_new, source=source, source_keep=source_keep)
        start = PastTokens(tokens, torch.ones_like(tokens, dtype=torch.bool), tokens.shape[1])
        if keep is not None:
            start = start._replace(keep=keep)
        _search(rows, read, start, n_new, ends, steps)
    return _collect(rows, n_return, fill, tokens.device)


def _search(
    rows: list[_Finished],
    read: Reader,
    past: PastTokens,
    n_new: int,
    ends: list[int],
    processors: list[LogitsProcessor],
) -> None:
    """Fill the rows with finished texts; `past` holds their prompts."""
    n_rows, n_beams, device = len(rows), rows[0].room, past.tokens.device
    padded = not bool(past.keep.all())
    end_ids = torch.tensor(ends, dtype=torch.long, device=device)
    spread = torch.arange(n_rows, device=device).repeat_interleave(n_beams)
    offset = torch.arange(n_rows, device=device)[:, None] * n_beams  # (B, 1)
    scores = torch.full((n_rows, n_beams), _NEVER, device=device)
    scores[:, 0] = 0.0  # all beams begin alike, so only the first may choose

    logits = read(past.tokens, past.keep if padded else None, past.n_prompt)[spread]
    past = past._replace(tokens=past.tokens[spread], keep=past.keep[spread])  # (B * n_beams, N)
    read.reorder(spread)
    n_vocab = logits.shape[1]
    n_candidates = min(max(2, 1 + len(ends)) * n_beams, n_beams * n_vocab)
    for step in range(n_new):
        log_probs = _continuations(logits, processors, past, scores)
        totals = log_probs.view(n_rows, n_beams, -1) + scores[..., None]
        best, where = totals.flatten(1).topk(n_candidates)  # (B, n_candidates)
        parent, token = where // n_vocab + offset, where % n_vocab
        ended = torch.isin(token, end_ids) | (step == n_new - 1)
        # Only the best n_beams may finish; the other candidates are there to go on.
        for b, row in enumerate(rows):
            ranks = [r for r in range(n_beams) if ended[b, r] and best[b, r] > _NEVER / 2]
            texts = [past.tokens[parent[b, r], past.n_prompt :].tolist() for r in ranks]
            row.add(
                [
                    (float(best[b, r]), [*text, int(token[b, r])])
                    for r, text in zip(ranks, texts, strict=True)
                ]
            )
        scores, running = (best + ended * _NEVER).topk(n_beams)
        parent, token = parent.gather(1, running).flatten(), token.gather(1, running).flatten()
        past = past._replace(
            tokens=torch.cat([past.tokens[parent], token[:, None]], 1),
            keep=torch.cat([past.keep[parent], torch.ones_like(parent).bool()[:, None]], 1),
        )
        for row, best_running in zip(rows, scores[:, 0].tolist(), strict=True):
            row.close_if_hopeless(best_running, step + 1, n_new)
        everyone_full = all(row.early is True and row.full for row in rows)
        if not any(row.open for row in rows) or everyone_full or bool(ended.all()):
            break
        read.reorder(parent, same_prompt=True)
        logits = read(past.tokens, past.keep if padded else None, past.tokens.shape[1])


def _continuations(
    logits: Float[Tensor, "N V"],
    processors: list[LogitsProcessor],
    past: PastTokens,
    scores: Float[Tensor, "B R"],
) -> Float[Tensor, "N V"]:
    """Return the processed log-probabilities; a beam that no token can continue has none.

    Raises:
        ValueError: If no beam of some row can go on, or a number is unusable: as `process`.
    """
    before = logits.log_softmax(-1)
    log_probs = before.clone() if processors else before
    for step in processors:
        log_probs = apply(step, log_probs, past)
    best = log_probs.amax(-1).view_as(scores)  # amax carries NaN along
    stuck = (best == -math.inf) & (scores > _NEVER / 2)
    going = (best.isfinite() & (scores > _NEVER / 2)).any(-1)
    unusable = best.isnan() | (best == math.inf)
    if bool(unusable.any()) or bool((stuck.any(-1) & ~going).any()):
        process(before, processors, past)  # finds out which step it was
    return log_probs


def _collect(rows: list[_Finished], n_return: int, fill: int, device: torch.device) -> Beams:
    """Stack the best texts; where a row has fewer, the missing ones score minus infinity."""
    nothing: tuple[float, list[int]] = (-math.inf, [])
    best = [(row.texts + [nothing] * n_return)[:n_return] for row in rows]
    longest = max(len(tokens) for texts in best for _, tokens in texts)
    padded = [[t + [fill] * (longest - len(t)) for _, t in texts] for texts in best]
    return Beams(
        torch.tensor(padded, device=device),
        torch.tensor([[len(tokens) for _, tokens in texts] for texts in best], device=device),
        torch.tensor([[score for score, _ in texts] for texts in best], device=device),
    )


def _check(
    n_beams: int, n_return: int, early_stopping: bool | str, n_vocab: int, n_ends: int
) -> None:
    if n_beams > n_vocab - n_ends:
        raise ValueError(
            f"n_beams got {n_beams}, wants at most {n_vocab - n_ends}: the tokens that can go on"
        )
    if n_return > n_beams:
        raise ValueError(f"n_return got {n_return}, wants 1 to n_beams={n_beams}")
    if early_stopping not in (True, False, "never"):
        raise ValueError(f"early_stopping got {early_stopping!r}, wants True, False or 'never'")
