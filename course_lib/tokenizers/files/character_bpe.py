"""The `tokenizer.json` of byte pair encoding over characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.decoders import build_decoder
from course_lib.tokenizers.files.byte_bpe import pairs
from course_lib.tokenizers.files.common import check_added, check_vocab, parts, skeleton
from course_lib.tokenizers.files.section import Unsupported
from course_lib.tokenizers.normalizers import build_normalizer
from course_lib.tokenizers.words import build_words


def to_json(
    *,
    vocab: Mapping[str, int],
    merges: Sequence[tuple[int, int]],
    added_tokens: Sequence[AddedToken],
    unknown: str | None,
    byte_fallback: bool,
    fuse_unknown: bool,
    ignore_merges: bool,
    subword_prefix: str,
    word_suffix: str,
    normalizer: Mapping[str, Any] | None,
    pre_tokenizer: Mapping[str, Any] | None,
    decoder: Mapping[str, Any] | None,
    post_processor: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The `tokenizer.json` of these arguments of `CharacterBPE`."""
    name_of = {i: name for name, i in vocab.items()}
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": unknown,
        "continuing_subword_prefix": subword_prefix or None,
        "end_of_word_suffix": word_suffix or None,
        "fuse_unk": fuse_unknown,
        "byte_fallback": byte_fallback,
        "ignore_merges": ignore_merges,
        "vocab": dict(sorted(vocab.items(), key=lambda item: item[1])),
        "merges": [[name_of[left], name_of[right]] for left, right in merges],
    }
    return skeleton(
        added=added_tokens,
        normalizer=normalizer,
        pre_tokenizer=pre_tokenizer,
        post_processor=post_processor,
        decoder=decoder,
        model=model,
    )


def from_json(content: Mapping[str, Any], where: str) -> tuple[dict[str, Any], Any]:
    """Arguments of `CharacterBPE`, and what its `frame_with` takes.

    Args:
        content: a `tokenizer.json`.
        where: the file's name, for messages.

    Raises:
        Unsupported: it says something that this tokenizer does not do.
        ValueError: it is of another kind of tokenizer, or broken.
    """
    found = parts(content, "BPE", where)
    model = found.model
    model.must_be("dropout", None)
    vocab = check_vocab(model.get("vocab"), where)
    check_added(found.added, vocab, where)
    arguments: dict[str, Any] = {
        "vocab": vocab,
        "merges": pairs(vocab, model.array("merges"), where),
        "added_tokens": found.added,
        "unknown": model.text("unk_token", None),
        "byte_fallback": model.flag("byte_fallback", False),
        "fuse_unknown": model.flag("fuse_unk", False),
        "ignore_merges": model.flag("ignore_merges", False),
        "subword_prefix": model.text("continuing_subword_prefix", ""),
        "word_suffix": model.text("end_of_word_suffix", ""),
    }
    if arguments["byte_fallback"] and (arguments["subword_prefix"] or arguments["word_suffix"]):
        raise Unsupported(f"{where}: byte_fallback beside marks of words is not supported")
    model.done()
    for name, section, build in (
        ("normalizer", found.normalizer, build_normalizer),
        ("pre_tokenizer", found.pre_tokenizer, build_words),
        ("decoder", found.decoder, build_decoder),
    ):
        arguments[name] = None if section is None else dict(section.content)
        build(arguments[name], f"{where}: {name}")
    return arguments, found.post_processor
