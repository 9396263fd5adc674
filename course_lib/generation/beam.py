"""Beam search: follow the best few beginnings at once, and return the best finished texts.

Chapter: 11_generative_configuration
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course_lib.generation.chain import LogitsProcessor, PastTokens, process
from course_lib.generation.checks import check_ends, check_prompt, check_source
from course_lib.generation.reader import Reader
from course_lib.model.transformer import Transformer

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
    n_beams: int,
    max_new_tokens: int,
    n_return: int = 1,
    length_penalty: float | int = 1.0,
    early_stopping: bool | Literal["never"] = False,
    processors: Sequence[LogitsProcessor] = (),
    keep: Bool[Tensor, "B T"] | None = None,
    eos_id: int | Sequence[int] | None = None,
    pad_id: int | None = None,
    source: Int[Tensor, "B S"] | None = None,
    source_keep: Bool[Tensor, "B S"] | None = None,
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
        The best `n_return` texts of each row, their lengths and scores.

    Raises:
        ValueError: If an argument does not fit, or the logits allow no choice.

    Source: Wu et al. 2016, section 7, and the rules of the `transformers` library for stopping.
    """
    check_prompt(model, tokens, keep, max_new_tokens)
    ends = check_ends(model, eos_id, pad_id)
    check_source(model, source)
    _check(n_beams, n_return, early_stopping, model.config.vocab_size, len(ends))
    rows = [_Finished(n_beams, early_stopping, length_penalty) for _ in tokens]
    with torch.inference_mode():
        _search(
            model,
            tokens,
            n_beams,
            max_new_tokens,
            rows,
            processors,
            keep,
            ends,
            source,
            source_keep,
        )
    fill = pad_id if pad_id is not None else ends[0] if ends else 0
    return _collect(rows, n_return, fill, tokens.device)


def _search(
    model: Transformer,
    tokens: Tensor,
    n_beams: int,
    max_new_tokens: int,
    rows: list[_Finished],
    processors: Sequence[LogitsProcessor],
    keep: Tensor | None,
    ends: list[int],
    source: Tensor | None,
    source_keep: Tensor | None,
) -> None:
    """Fill the rows with finished texts."""
    n_rows, n_prompt = tokens.shape
    device, n_vocab = tokens.device, model.config.vocab_size
    n_candidates = min(max(2, 1 + len(ends)) * n_beams, n_beams * n_vocab)
    end_ids = torch.tensor(ends, dtype=torch.long, device=device)

    spread = torch.arange(n_rows, device=device).repeat_interleave(n_beams)
    offset = torch.arange(n_rows, device=device)[:, None] * n_beams  # (B, 1)
    real = torch.ones_like(tokens, dtype=torch.bool) if keep is None else keep
    scores = torch.full((n_rows, n_beams), _NEVER, device=device)
    scores[:, 0] = 0.0  # all beams begin alike, so only the first may choose

    read = Reader(
        model,
        model.new_cache(n_rows, n_prompt + max_new_tokens),
        n_new=max_new_tokens,
        source=source,
        source_keep=source_keep,
    )
    logits = read(tokens, keep, n_prompt)[spread]  # (B * n_beams, V)
    text, real = tokens[spread], real[spread]  # (B * n_beams, N)
    read.reorder(spread)
    for step in range(max_new_tokens):
        history = PastTokens(text, real, n_prompt)
        log_probs = process(logits.log_softmax(-1), processors, history)
        totals = log_probs.view(n_rows, n_beams, -1) + scores[..., None]
        best, where = totals.flatten(1).topk(n_candidates)  # (B, n_candidates)
        parent, token = where // n_vocab + offset, where % n_vocab
        ended = torch.isin(token, end_ids)
        if step == max_new_tokens - 1:
            ended = torch.ones_like(ended)
        # Only the best n_beams may finish; the other candidates are there to go on.
        for b, row in enumerate(rows):
            ranks = [r for r in range(n_beams) if ended[b, r] and best[b, r] > _NEVER / 2]
            row.add(
                [
                    (float(best[b, r]), [*text[parent[b, r], n_prompt:].tolist(), int(token[b, r])])
                    for r in ranks
                ]
            )
        scores, running = (best + ended * _NEVER).topk(n_beams)
        parent, token = parent.gather(1, running).flatten(), token.gather(1, running).flatten()
        text = torch.cat([text[parent], token[:, None]], 1)
        real = torch.cat([real[parent], torch.ones_like(token, dtype=torch.bool)[:, None]], 1)
        for row, best_running in zip(rows, scores[:, 0].tolist(), strict=True):
            row.close_if_hopeless(best_running, step + 1, max_new_tokens)
        everyone_full = all(row.early is True and row.full for row in rows)
        if not any(row.open for row in rows) or everyone_full or bool(ended.all()):
            break
        read.reorder(parent, same_prompt=True)
        logits = read(text, None if keep is None else real, text.shape[1])


def _collect(rows: list[_Finished], n_return: int, pad_id: int, device: torch.device) -> Beams:
    best = [row.texts[:n_return] for row in rows]
    longest = max(len(tokens) for texts in best for _, tokens in texts)
    padded = [[t + [pad_id] * (longest - len(t)) for _, t in texts] for texts in best]
    return Beams(
        torch.tensor(padded, device=device),
        torch.tensor([[len(tokens) for _, tokens in texts] for texts in best], device=device),
        torch.tensor([[score for score, _ in texts] for texts in best], device=device),
    )


def _check(
    n_beams: int, n_return: int, early_stopping: bool | str, n_vocab: int, n_ends: int
) -> None:
    if n_beams < 1:
        raise ValueError(f"n_beams got {n_beams}, wants at least 1")
    if n_beams > n_vocab - n_ends:
        raise ValueError(
            f"n_beams got {n_beams}, wants at most {n_vocab - n_ends}: the tokens that can go on"
        )
    if not 1 <= n_return <= n_beams:
        raise ValueError(f"n_return got {n_return}, wants 1 to n_beams={n_beams}")
    if early_stopping not in (True, False, "never"):
        raise ValueError(f"early_stopping got {early_stopping!r}, wants True, False or 'never'")
