"""The files of WordPiece: `tokenizer.json`, or `vocab.txt` with one piece a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course_lib.files import read_text
from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.decoders import cleaned, uncleaned
from course_lib.tokenizers.files.common import check_added, check_vocab, parts, skeleton
from course_lib.tokenizers.files.section import Section, Unsupported

PREFIX = "##"


def to_json(
    *,
    vocab: Mapping[str, int],
    added_tokens: Sequence[AddedToken],
    unknown: str,
    lower_case: bool,
    strip_accents: bool | None,
    clean_text: bool,
    split_chinese: bool,
    max_input_chars: int,
    clean_up: bool,
    clean_up_text: bool,
    post_processor: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The `tokenizer.json` of these arguments of `WordPiece`."""
    normalizer = {
        "type": "BertNormalizer",
        "clean_text": clean_text,
        "handle_chinese_chars": split_chinese,
        "strip_accents": strip_accents,
        "lowercase": lower_case,
    }
    model = {
        "type": "WordPiece",
        "unk_token": unknown,
        "continuing_subword_prefix": PREFIX,
        "max_input_chars_per_word": max_input_chars,
        "vocab": dict(sorted(vocab.items(), key=lambda item: item[1])),
    }
    decoder = {"type": "WordPiece", "prefix": PREFIX, "cleanup": clean_up}
    return skeleton(
        added=added_tokens,
        normalizer=normalizer,
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor=post_processor,
        decoder=cleaned(decoder) if clean_up_text else decoder,
        model=model,
    )


def from_json(content: Mapping[str, Any], where: str) -> tuple[dict[str, Any], Any]:
    """Arguments of `WordPiece`, and what its `frame_with` takes.

    Args:
        content: a `tokenizer.json`.
        where: the file's name, for messages.

    Raises:
        Unsupported: it says something that this tokenizer does not do.
        ValueError: it is of another kind of tokenizer, or broken.
    """
    decoder_alone, clean_up_text = uncleaned(content.get("decoder"))
    found = parts({**content, "decoder": decoder_alone}, "WordPiece", where)
    pre_tokenizer, decoder = found.pre_tokenizer, found.decoder
    for name, section, wanted in (
        ("normalizer", found.normalizer, "BertNormalizer"),
        ("pre_tokenizer", pre_tokenizer, "BertPreTokenizer"),
        ("decoder", decoder, "WordPiece"),
    ):
        kind = None if section is None else section.text("type")
        if kind != wanted:
            raise Unsupported(f"{where}: {name} of type {kind} is not supported, only {wanted}")
    assert found.normalizer is not None and pre_tokenizer is not None and decoder is not None
    pre_tokenizer.done()
    model = found.model
    model.must_be("continuing_subword_prefix", PREFIX)
    decoder.must_be("prefix", PREFIX)
    vocab = check_vocab(model.get("vocab"), where)
    check_added(found.added, vocab, where)
    unknown = model.text("unk_token", "[UNK]")
    if unknown not in vocab:
        raise ValueError(f"{where}: unk_token={unknown!r:.60} is not in the vocabulary")
    arguments = {
        "vocab": vocab | {token.content: token.id for token in found.added},
        "special_tokens": [],
        "added_tokens": found.added,
        "unknown": unknown,
        "max_input_chars": model.number("max_input_chars_per_word", 100, least=1),
        "clean_up": decoder.flag("cleanup", True),
        "clean_up_text": clean_up_text,
        **_normalizer(found.normalizer),
    }
    for section in (model, decoder):
        section.done()
    return arguments, found.post_processor


def _normalizer(section: Section) -> dict[str, Any]:
    accents = section.get("strip_accents", None)
    read = {
        "lower_case": section.flag("lowercase", True),
        "strip_accents": None if accents is None else section.flag("strip_accents"),
        "clean_text": section.flag("clean_text", True),
        "split_chinese": section.flag("handle_chinese_chars", True),
    }
    section.done()
    return read


def from_vocab(file: Path, special: Sequence[str]) -> dict[str, Any]:
    """Arguments of `WordPiece` out of a `vocab.txt`.

    Args:
        file: the file.
        special: special tokens to look for, since the file marks none.

    Raises:
        ValueError: the file is broken.
    """
    # split("\n"), not splitlines: a piece can be a sign that Python takes for a line end.
    lines = [line.rstrip("\r") for line in read_text(file).split("\n")]
    if lines[-1] == "":
        lines.pop()
    vocab = {line: i for i, line in enumerate(lines)}
    if len(vocab) < len(lines):
        twice = next(line for i, line in enumerate(lines) if vocab[line] != i)
        raise ValueError(f"{file}: {twice!r} stands on more than one line")
    return {"vocab": vocab, "special_tokens": [name for name in special if name in vocab]}
