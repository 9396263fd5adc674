"""An objective as plain values: what the command line names, and what every rank gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch

from course_lib.objectives import (
    Denoiser,
    causal_example,
    delete_tokens,
    denoising_example,
    infill,
    mask_tokens,
    masked_example,
    permute_sentences,
    rotate,
    span_corruption_example,
    ul2,
)
from course_lib.objectives.span_corruption import span_counts
from course_lib.training.batch import Objective

FAMILY_OF = {
    "causal": "decoder-only",
    "masked": "encoder-only",
    "masked-static": "encoder-only",
    "span-corruption": "encoder-decoder",
    "ul2": "encoder-decoder",
    "denoising": "encoder-decoder",
}
"""The objectives, and the family that each of them is for. A family's first is its default."""
NOISES = ("mask", "delete", "infill", "permute", "rotate")
SEPARATORS = ("<|endoftext|>", "</s>", "[SEP]")
MASKS = ("<mask>", "[MASK]")
MODES = ("[R]", "[S]", "[X]")
_MARGIN = {
    "causal": 0,
    "masked": 0,
    "masked-static": 0,
    "span-corruption": 2,
    "ul2": 2,
    "denoising": 4,
}
"""Places of a row left free, since noise may put in more marks than it takes tokens out."""


@dataclass(frozen=True)
class ObjectiveSettings:
    """One objective with its numbers and the ids it needs.

    Attributes:
        name: One of ``FAMILY_OF``.
        vocab_size: V.
        separator_id: Stands between documents, ends a text, and starts a decoder.
        special_ids: Ids that are never hidden.
        mask_id: The id that hides; None where nothing is hidden by one.
        sentinel_ids: In their order of use.
        mode_ids: Of UL2's three kinds of denoisers.
        stop_ids: Ids that end a sentence.
        continues_word: Whether each id goes on with the word before; None chooses tokens.
        rate: Share of the tokens; None takes the paper's.
        mean_span: Mean length of a span; None takes the paper's.
        noises: What spoils a text, in order.
    """

    name: str
    vocab_size: int
    separator_id: int
    special_ids: tuple[int, ...] = ()
    mask_id: int | None = None
    sentinel_ids: tuple[int, ...] = ()
    mode_ids: tuple[int, ...] = ()
    stop_ids: tuple[int, ...] = ()
    continues_word: tuple[bool, ...] | None = None
    rate: float | None = None
    mean_span: float | None = None
    noises: tuple[str, ...] = ("permute", "infill")

    def identity(self) -> dict[str, Any]:
        """Return all of it, as JSON has it."""
        return asdict(self)

    def make(self) -> Objective:
        """Return the function from rows and a generator to an example."""
        if self.name == "causal":
            return causal_example
        if self.name.startswith("masked"):
            assert self.mask_id is not None
            words = None if self.continues_word is None else torch.tensor(self.continues_word)
            return partial(
                masked_example,
                mask_id=self.mask_id,
                vocab_size=self.vocab_size,
                special_ids=self.special_ids,
                rate=0.15 if self.rate is None else self.rate,
                continues_word=words,
                static_copies=10 if self.name == "masked-static" else None,
                pad_id=self.separator_id,
            )
        if self.name == "denoising":
            return partial(
                denoising_example,
                noises=self._noises(),
                start_id=self.separator_id,
                pad_id=self.separator_id,
            )
        return partial(
            span_corruption_example,
            sentinels=self.sentinel_ids,
            start_id=self.separator_id,
            eos_id=self.separator_id,
            denoisers=denoisers(self.name, self.rate, self.mean_span, self.mode_ids),
            pad_id=self.separator_id,
        )

    def _noises(self) -> list[Any]:
        rate: dict[str, Any] = {} if self.rate is None else {"rate": self.rate}
        span: dict[str, Any] = {} if self.mean_span is None else {"mean_span": self.mean_span}
        special: dict[str, Any] = {"special_ids": self.special_ids}
        hides: dict[str, Any] = {"mask_id": self.mask_id}
        made: dict[str, Any] = {
            "mask": partial(mask_tokens, **hides, **rate, **special),
            "delete": partial(delete_tokens, **rate, **special),
            "infill": partial(infill, **hides, **rate, **span),
            "permute": partial(permute_sentences, stop_ids=self.stop_ids),
            "rotate": rotate,
        }
        return [made[name] for name in self.noises]


def denoisers(
    name: str, rate: float | None, mean_span: float | None, mode_ids: Sequence[int] = ()
) -> tuple[Denoiser, ...]:
    """Return what ``"span-corruption"`` or ``"ul2"`` cuts."""
    if name == "ul2":
        return ul2(*mode_ids)
    mean = 3.0 if mean_span is None else mean_span
    return (Denoiser(0.15 if rate is None else rate, mean, anywhere=True),)


def row_length(name: str, seq_len: int) -> int:
    """Say how many ids a row holds, so that no side of an example is longer than the context.

    Raises:
        ValueError: If nothing would be left.
    """
    length = seq_len - _MARGIN[name]
    if length < 2:
        raise ValueError(
            f"a context of {seq_len} tokens is too short for {name}: it needs {2 + _MARGIN[name]}"
        )
    return length


def special_tokens(
    name: str, seq_len: int, rate: float | None, mean_span: float | None
) -> tuple[str, ...]:
    """Say which tokens of its own an objective needs, besides the separator."""
    if name == "causal":
        return ()
    if name.startswith("masked") or name == "denoising":
        return ("<mask>",)
    most = 0
    for one in denoisers(name, rate, mean_span):
        settings = (torch.tensor([v], dtype=torch.float64) for v in (one.rate, one.mean_span))
        _, spans = span_counts(torch.tensor([seq_len]), *settings)
        most = max(most, int(spans) + 1)
    return (*(MODES if name == "ul2" else ()), *(f"<extra_id_{n}>" for n in range(most)))


def settings_for(
    name: str,
    tokenizer: Any,
    vocab_size: int,
    seq_len: int,
    *,
    rate: float | None = None,
    mean_span: float | None = None,
    noises: Sequence[str] | None = None,
    whole_words: bool = False,
) -> ObjectiveSettings:
    """Find an objective's ids in a tokenizer.

    Args:
        name: One of ``FAMILY_OF``.
        tokenizer: Has ``special_tokens``, ``vocab_size`` and ``decode``.
        vocab_size: Of the model.
        seq_len: Tokens of a row.
        rate: Share of the tokens; None takes the paper's.
        mean_span: Mean length of a span; None takes the paper's.
        noises: What spoils a text; None takes BART's.
        whole_words: Whether words are chosen instead of tokens.

    Raises:
        ValueError: If the tokenizer lacks a token, or an option is not one of this objective.
    """
    check_options(name, rate, mean_span, noises, whole_words)
    known = tokenizer.special_tokens
    found: dict[str, Any] = {}
    needed = special_tokens(name, seq_len, rate, mean_span)
    if "<mask>" in needed:
        found["mask_id"] = known[first_known(MASKS, known, "to hide others")]
    missing = [one for one in needed if one != "<mask>" and one not in known]
    if missing:
        raise ValueError(f"the tokenizer lacks {len(missing)} tokens, such as {missing[0]}")
    found["sentinel_ids"] = tuple(known[one] for one in needed if one.startswith("<extra_id_"))
    found["mode_ids"] = tuple(known[one] for one in needed if one in MODES)
    texts: list[str] = []
    chosen = tuple(noises or ("permute", "infill"))
    if whole_words or (name == "denoising" and "permute" in chosen):
        texts = [tokenizer.decode([one]) for one in range(tokenizer.vocab_size)]
    special = {*known.values()}
    if whole_words:
        found["continues_word"] = tuple(
            n not in special and not text[:1].isspace() for n, text in enumerate(texts)
        )
    stops = [n for n, text in enumerate(texts) if n not in special and _ends_sentence(text)]
    return ObjectiveSettings(
        name,
        vocab_size,
        known[first_known(SEPARATORS, known, "to put between documents")],
        special_ids=tuple(sorted(special)),
        stop_ids=tuple(stops) if name == "denoising" else (),
        rate=rate,
        mean_span=mean_span,
        noises=chosen,
        **found,
    )


def first_known(names: Sequence[str], known: Any, use: str) -> str:
    """Return the first of some tokens that a tokenizer has.

    Raises:
        ValueError: If it has none.
    """
    for name in names:
        if name in known:
            return name
    raise ValueError(f"the tokenizer has no token {' or '.join(names)} {use}")


def _ends_sentence(text: str) -> bool:
    return text.rstrip(" ").endswith((".", "!", "?", "\n"))


def check_options(
    name: str,
    rate: float | None,
    mean_span: float | None,
    noises: Sequence[str] | None,
    whole_words: bool,
) -> None:
    """Raise ``ValueError`` for an option that is not one of this objective, or out of range."""
    takes = {
        "--mask-rate": name not in ("causal", "ul2"),
        "--mean-span": name in ("span-corruption", "denoising"),
        "--noise": name == "denoising",
        "--whole-words": name.startswith("masked"),
    }
    given = {
        "--mask-rate": rate is not None,
        "--mean-span": mean_span is not None,
        "--noise": noises is not None,
        "--whole-words": whole_words,
    }
    for option, is_given in given.items():
        if is_given and not takes[option]:
            raise ValueError(f"{option} is no option of the objective {name}")
    if rate is not None and not 0 < rate <= 1:
        raise ValueError(f"--mask-rate must be above 0, at most 1, got {rate}")
    if mean_span is not None and not 1 <= mean_span < float("inf"):
        raise ValueError(f"--mean-span must be 1 token or more, got {mean_span}")
