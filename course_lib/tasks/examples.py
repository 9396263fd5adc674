"""From items to what a model reads and should answer, for every kind of item and every family."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from course_lib.checks import check_lists
from course_lib.config import TransformerConfig
from course_lib.objectives import IGNORE, Example
from course_lib.shapes import Int
from course_lib.tasks.items import Continuation, Item, LabelledText, Question, TaggedWords, TextPair
from course_lib.tasks.labels import align_labels
from course_lib.tokenizers import Tokenizer

_ENDS = ("[SEP]", "</s>", "<|endoftext|>")
_STARTS = ("[CLS]", "<s>")
_Row = dict[str, list[int]]


class DoesNotFitError(ValueError):
    """An item cannot be shown to the model as a whole, and a part of it teaches nothing."""


@dataclass(frozen=True)
class Encoder:
    """How texts become ids for one model.

    Attributes:
        tokenizer: Cuts texts.
        config: Of the model.
        before: Ids put before a text.
        after: Ids put after it.
        start_id: What the decoder of an encoder-decoder reads first.
        end_id: What a written text ends with.
        pad_id: Stands where nothing is read.
        prefix: Text put before each source, as T5 names its task.
    """

    tokenizer: Tokenizer
    config: TransformerConfig
    before: tuple[int, ...]
    after: tuple[int, ...]
    start_id: int
    end_id: int
    pad_id: int
    prefix: str = ""

    @classmethod
    def of(
        cls,
        tokenizer: Tokenizer,
        config: TransformerConfig,
        published: Any = None,
        prefix: str = "",
    ) -> "Encoder":
        """Find the special ids where a tokenizer and a checkpoint say them.

        Args:
            tokenizer: Frames texts as its file says; one without a frame gets the token that ends
                a text on both sides, as rows have it in pre-training.
            config: Of the model.
            published: Fields of the checkpoint's `config.json` such as `decoder_start_token_id`.
            prefix: Text put before each source.

        Raises:
            ValueError: If the tokenizer is larger than the model, or has no token to end a text.
        """
        if tokenizer.vocab_size > config.vocab_size:
            raise ValueError(
                f"tokenizer has {tokenizer.vocab_size} tokens, the model only {config.vocab_size}: "
                "they do not belong together"
            )
        known, fields = tokenizer.special_tokens, dict(published or {})
        end = next((known[name] for name in _ENDS if name in known), None)
        end = _id(fields, "eos_token_id", end, config)
        if end is None:
            raise ValueError(f"tokenizer has no token {', '.join(_ENDS)} to end a text with")
        before, after = tokenizer.special_frame
        if not before and not after:
            start = next((known[name] for name in _STARTS if name in known), end)
            before, after = [start if config.family == "encoder-only" else end], [end]
        pad = _id(fields, "pad_token_id", known.get("[PAD]", known.get("<pad>", end)), config)
        start_id = _id(fields, "decoder_start_token_id", end, config)
        assert pad is not None and start_id is not None
        if config.family == "decoder-only" and tuple(after) == (pad,):
            after = []  # a text's label is read at the last token that is no padding
        return cls(tokenizer, config, tuple(before), tuple(after), start_id, end, pad, prefix)

    def frame(self, text: str) -> list[int]:
        """Return the ids of a text with what stands before and after it."""
        return [*self.before, *self.tokenizer.encode(text), *self.after]

    def cut(self, text: str) -> tuple[list[int], list[tuple[int, int]], bool]:
        """Frame a text of any length: its ids, their places in it, and whether its end was lost.

        Raises:
            ValueError: If the model's context has no room for a text.
        """
        ids, spans = self.tokenizer.encode(text), self.tokenizer.offsets(text)
        room = self.config.max_seq_len - len(self.before) - len(self.after)
        if room < 1:
            raise ValueError(f"max_seq_len {self.config.max_seq_len} leaves no room for a text")
        none = (0, 0)
        kept = [*self.before, *ids[:room], *self.after]
        places = [none] * len(self.before) + spans[:room] + [none] * len(self.after)
        return kept, places, len(ids) > room


@dataclass
class Examples:
    """Encoded items, of which training takes some by number.

    Attributes:
        rows: Of each item: ``inputs``, ``targets`` and, for an encoder-decoder, ``source``.
        pad_id: Fills rows up to the longest of a batch.
        kept: Which of the items these are.
        notes: What happened to how many items, such as that they were cut.
    """

    rows: list[_Row]
    pad_id: int
    kept: list[int]
    notes: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def numbers(self) -> Int[Tensor, "N 1"]:
        """The number of each row, as ``course_lib.data.batches`` serves them."""
        return torch.arange(len(self.rows))[:, None]

    def __call__(
        self, numbers: Int[Tensor, "B 1"], generator: torch.Generator | None = None
    ) -> Example:
        """Make a batch of some rows, as long as the longest of them: an objective for `train`.

        Args:
            numbers: Of the rows.
            generator: Not drawn from.
        """
        chosen = [self.rows[number] for number in numbers.flatten().tolist()]
        parts: dict[str, Tensor] = {}
        for name in chosen[0]:
            fill = IGNORE if name == "targets" else self.pad_id
            parts[name] = _pad([row[name] for row in chosen], fill)
        lengths = torch.tensor([len(row["inputs"]) for row in chosen])
        parts["keep"] = torch.arange(parts["inputs"].shape[1]) < lengths[:, None]
        if "source" in parts:
            lengths = torch.tensor([len(row["source"]) for row in chosen])
            parts["source_keep"] = torch.arange(parts["source"].shape[1]) < lengths[:, None]
        return Example(**parts)

    def digest(self) -> str:
        """Name the content, so that a run is resumed on its own data only."""
        return hashlib.sha256(repr((self.rows, self.pad_id)).encode()).hexdigest()[:16]


_Make = Callable[[Any, Encoder, dict[str, int], Counter[str]], _Row]


def encode_items(items: Sequence[Item], encoder: Encoder, labels: Sequence[str] = ()) -> Examples:
    """Encode items of one kind.

    A text that is too long for the model loses its end; a pair or a question whose answer would be
    lost is left out. `notes` counts both.

    Args:
        items: All of one type.
        encoder: Says how texts become ids.
        labels: All labels, whose places are their ids.

    Returns:
        The rows, in order.

    Raises:
        ValueError: If there is no item, a label is unknown, or none of the items fits.
        TypeError: If items or labels are no list, or the items of several types, or of none.
    """
    check_lists(items=items, labels=labels)
    if not len(items):
        raise ValueError("items must hold at least 1, got none")
    kind = type(items[0])
    if any(type(item) is not kind for item in items):
        raise TypeError(f"items must all be {kind.__name__}")
    ids = {label: number for number, label in enumerate(labels)}
    if len(ids) < len(labels):
        raise ValueError(f"labels must differ, got {list(labels)}")
    makers: dict[type, _Make] = {
        LabelledText: _labelled,
        TaggedWords: _tagged,
        TextPair: _pair,
        Continuation: _pair,
        Question: _question if encoder.config.family == "encoder-only" else _asked,
    }
    if kind not in makers:
        known = ", ".join(one.__name__ for one in makers)
        raise TypeError(f"items must be one of {known}, got {kind.__name__}")
    make = makers[kind]
    made = Examples([], encoder.pad_id, [])
    for number, item in enumerate(items):
        try:
            row = make(item, encoder, ids, made.notes)
        except DoesNotFitError as error:
            made.notes[f"left out: {error}"] += 1
            continue
        except ValueError as error:
            raise ValueError(f"items[{number}]: {error}") from error
        made.rows.append(row)
        made.kept.append(number)
    if not made.rows:
        raise ValueError(
            f"none of the {len(items)} items fits max_seq_len {encoder.config.max_seq_len}: "
            + "; ".join(made.notes)
        )
    return made


def prompt(item: TextPair | Question, encoder: Encoder) -> list[int]:
    """Return what a model reads before it writes: the encoder's side, or a decoder's first ids."""
    if isinstance(item, Question):
        text = f"{encoder.prefix}{item.context} {item.question}"
    else:
        text = encoder.prefix + item.source
    if isinstance(item, Continuation) and encoder.config.family == "decoder-only":
        return [*encoder.before, *encoder.tokenizer.encode(text)]
    ids = encoder.frame(text)
    if encoder.config.family == "decoder-only" and not encoder.after:
        ids.append(encoder.end_id)
    return ids


def _labelled(
    item: LabelledText, encoder: Encoder, ids: dict[str, int], notes: Counter[str]
) -> _Row:
    tokens, _, was_cut = encoder.cut(encoder.prefix + item.text)
    notes["cut to max_seq_len"] += was_cut
    targets = [_label(item.label, ids)] + [IGNORE] * (len(tokens) - 1)
    return _sides(tokens, targets, encoder)


def _tagged(item: TaggedWords, encoder: Encoder, ids: dict[str, int], notes: Counter[str]) -> _Row:
    if not item.words:
        raise DoesNotFitError("no words")
    tokens, pieces, was_cut = encoder.cut(item.text)
    notes["cut to max_seq_len"] += was_cut
    numbers = [_label(label, ids) for label in item.labels]
    return _sides(tokens, align_labels(pieces, item.spans, numbers), encoder)


def _question(item: Question, encoder: Encoder, ids: dict[str, int], notes: Counter[str]) -> _Row:
    """Question first, then the text, as BERT has them; the answer is a span of the text."""
    tokens, place = question_ids(item, encoder)
    pieces = encoder.tokenizer.offsets(item.context)
    stop = item.start + len(item.answer)
    inside = [n for n, (a, b) in enumerate(pieces) if a < stop and b > item.start and a < b]
    if not inside:
        raise DoesNotFitError("the answer has no token")
    first, last = place + inside[0], place + inside[-1]
    room = encoder.config.max_seq_len
    if len(tokens) > room:
        if last >= room - len(encoder.after):
            raise DoesNotFitError("the answer lies beyond max_seq_len")
        notes["cut to max_seq_len"] += 1
        tokens = tokens[: room - len(encoder.after)] + list(encoder.after)
    targets = [first, last] + [IGNORE] * (len(tokens) - 2)
    return {"inputs": tokens, "targets": targets}


def question_ids(item: Question, encoder: Encoder) -> tuple[list[int], int]:
    """Return the ids of a question and its text, and the place at which the text begins."""
    tokens = encoder.frame(item.question)
    if not encoder.after:
        tokens.append(encoder.end_id)
    context = encoder.tokenizer.encode(item.context)
    return [*tokens, *context, *encoder.after], len(tokens)


def _asked(item: Question, encoder: Encoder, ids: dict[str, int], notes: Counter[str]) -> _Row:
    return _written(prompt(item, encoder), item.answer, encoder)


def _pair(item: TextPair, encoder: Encoder, ids: dict[str, int], notes: Counter[str]) -> _Row:
    text = item.target
    border = (item.source[-1:], text[:1])
    if isinstance(item, Continuation) and not any(map(str.isspace, border)):
        text = " " + text  # a byte-level token holds the blank before a word
    return _written(prompt(item, encoder), text, encoder)


def _written(read: list[int], text: str, encoder: Encoder) -> _Row:
    written = encoder.tokenizer.encode(text)
    if not written:
        raise DoesNotFitError("no target")
    room = encoder.config.max_seq_len
    targets = [*written, encoder.end_id]
    if encoder.config.family == "encoder-decoder":
        if len(read) > room or len(targets) > room:
            raise DoesNotFitError("longer than max_seq_len")
        return {"inputs": [encoder.start_id, *written], "targets": targets, "source": read}
    if encoder.config.family == "encoder-only":
        raise ValueError("an encoder-only model writes no text: take a model with a decoder")
    if len(read) + len(written) > room:
        raise DoesNotFitError("longer than max_seq_len")
    unasked = [IGNORE] * (len(read) - 1)
    return {"inputs": [*read, *written], "targets": [*unasked, *targets]}


def _sides(tokens: list[int], targets: list[int], encoder: Encoder) -> _Row:
    if encoder.config.family != "encoder-decoder":
        return {"inputs": tokens, "targets": targets}
    # BART's way: the decoder reads the text again, shifted right by its start token.
    shifted = [encoder.start_id, *tokens[:-1]]
    return {"inputs": shifted, "targets": targets, "source": tokens}


def _label(label: str, ids: dict[str, int]) -> int:
    if label not in ids:
        known = ", ".join(ids)
        raise ValueError(f"unknown label {label!r}: known are {known}")
    return ids[label]


def _id(
    fields: dict[str, Any], name: str, otherwise: int | None, config: TransformerConfig
) -> int | None:
    value = fields.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    if type(value) is int and 0 <= value < config.vocab_size:
        return value
    return otherwise


def _pad(rows: list[list[int]], fill: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [fill] * (longest - len(row)) for row in rows])
