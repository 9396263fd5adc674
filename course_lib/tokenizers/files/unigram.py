"""The `tokenizer.json` of a Unigram tokenizer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.decoders import cleaned, uncleaned
from course_lib.tokenizers.files.common import check_added, parts, skeleton
from course_lib.tokenizers.files.section import Section, Unsupported, check_unicode
from course_lib.tokenizers.metaspace import Metaspace, metaspace_of, read_metaspace
from course_lib.tokenizers.normalizers import build_normalizer
from course_lib.tokenizers.pretokenize import steps_of


def to_json(
    *,
    pieces: Sequence[tuple[str, float]],
    added_tokens: Sequence[AddedToken],
    unknown: str,
    byte_fallback: bool,
    normalizer: Mapping[str, Any] | None,
    spaces: Metaspace,
    clean_up_text: bool,
    post_processor: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The `tokenizer.json` of these arguments of `Unigram`."""
    pre_tokenizer, decoder = spaces.sections()
    if byte_fallback:
        decoder = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, decoder]}
    id_of = {token.content: token.id for token in added_tokens}
    model = {
        "type": "Unigram",
        "unk_id": id_of[unknown],
        "vocab": [[spelling, score] for spelling, score in pieces],
        "byte_fallback": byte_fallback,
    }
    return skeleton(
        added=added_tokens,
        normalizer=normalizer,
        pre_tokenizer=pre_tokenizer,
        post_processor=post_processor,
        decoder=cleaned(decoder) if clean_up_text else decoder,
        model=model,
    )


def from_json(content: Mapping[str, Any], where: str) -> tuple[dict[str, Any], Any]:
    """Arguments of `Unigram`, and what its `frame_with` takes.

    Args:
        content: a `tokenizer.json`.
        where: the file's name, for messages.

    Raises:
        Unsupported: it says something that this tokenizer does not do.
        ValueError: it is of another kind of tokenizer, or broken.
    """
    decoder, clean_up_text = uncleaned(content.get("decoder"))
    found = parts({**content, "decoder": decoder}, "Unigram", where)
    model = found.model
    pieces = [_piece(entry, n, where) for n, entry in enumerate(model.array("vocab"))]
    check_added(found.added, {name: n for n, (name, _) in enumerate(pieces)}, where)
    unknown = model.number("unk_id")
    if unknown >= len(pieces):
        raise ValueError(f"{where}: unk_id={unknown}, but there are only {len(pieces)} pieces")
    byte_fallback = model.flag("byte_fallback", False)
    model.done()
    spaces = read_metaspace(steps_of(found.pre_tokenizer))
    _check_decoder(found.decoder, spaces, byte_fallback, where)
    normalizer = None if found.normalizer is None else found.normalizer.content
    build_normalizer(normalizer, f"{where}: normalizer")
    name = pieces[unknown][0]
    added = found.added
    if name not in {token.content for token in added}:
        added = [*added, AddedToken(content=name, id=unknown)]
    arguments = {
        "pieces": pieces,
        "special_tokens": {},
        "added_tokens": added,
        "unknown": name,
        "byte_fallback": byte_fallback,
        "normalizer": normalizer,
        "spaces": spaces,
        "clean_up_text": clean_up_text,
    }
    return arguments, found.post_processor


def _piece(entry: object, n: int, where: str) -> tuple[str, float]:
    if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
        raise ValueError(f"{where}: vocab[{n}]={entry!r:.60}: expected a piece and its score")
    check_unicode(entry[0], f"{where}: vocab[{n}]")
    number = isinstance(entry[1], int | float) and not isinstance(entry[1], bool)
    if not number or not math.isfinite(entry[1]):
        raise ValueError(f"{where}: vocab[{n}] has the score {entry[1]!r:.60}")
    return entry[0], float(entry[1])


def _check_decoder(section: Section | None, spaces: Metaspace, fallback: bool, where: str) -> None:
    """Refuse a decoder that is not the way back from the pre-tokenizer."""
    kinds = None
    if section is not None:
        kinds = [section.text("type")]
        last = section
        if kinds == ["Sequence"]:
            steps = section.sections("decoders")
            kinds = [step.text("type") for step in steps]
            section.done()
            for step in steps[:-1]:
                step.done()
            last = steps[-1] if steps else section
        right = ["ByteFallback", "Metaspace"] if fallback else ["Metaspace"]
        if kinds == right and (metaspace_of(last).scheme == "never") == (spaces.scheme == "never"):
            return
    raise Unsupported(f"{where}: decoder {kinds} is not supported beside this pre_tokenizer")
