"""The files of byte-level BPE: `tokenizer.json`, or `vocab.json` with `merges.txt`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from course_lib.files import read_text
from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.byte_spelling import BYTE_OF, spell, unspell
from course_lib.tokenizers.files.common import check_added, check_vocab, parts, skeleton
from course_lib.tokenizers.files.section import Section, Unsupported
from course_lib.tokenizers.patterns import compile_pattern
from course_lib.tokenizers.pretokenize import PATTERNS, build_cutter, steps_of

ALL = r"[\s\S]+"
"""A pattern that does not cut."""


def to_json(
    *,
    tokens: Mapping[int, bytes],
    merges: Sequence[tuple[int, int]],
    added_tokens: Sequence[AddedToken],
    pattern: str,
    ignore_merges: bool,
    add_prefix_space: bool,
    normalizer: Mapping[str, Any] | None,
    cuts: Sequence[Mapping[str, Any]],
    unknown: str | None,
    fuse_unknown: bool,
    post_processor: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The `tokenizer.json` of these arguments of `ByteLevelBPE`.

    Raises:
        ValueError: a special token is spelled like an ordinary one, which the file cannot say.
    """
    added = {token.content: token.id for token in added_tokens}
    spelled = {i: spell(token) for i, token in sorted(tokens.items())}
    if clash := set(spelled.values()) & set(added):
        raise ValueError(f"special tokens {sorted(clash)} are spelled like ordinary tokens")
    if add_prefix_space and pattern not in ("gpt2", ALL):
        raise ValueError("a file cannot say add_prefix_space beside a pattern of its own")
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": True,
        "use_regex": pattern == "gpt2",
    }
    steps: list[Mapping[str, Any]] = list(cuts)
    if pattern not in ("gpt2", ALL):
        expression = {"Regex": PATTERNS.get(pattern, pattern)}
        split = {"type": "Split", "pattern": expression, "behavior": "Isolated", "invert": False}
        steps.append(split)
    pre_tokenizer: dict[str, Any] = byte_level
    if steps:
        pre_tokenizer = {"type": "Sequence", "pretokenizers": [*steps, byte_level]}
    vocab = {name: i for i, name in spelled.items()} | added
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": unknown,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": fuse_unknown,
        "byte_fallback": False,
        "ignore_merges": ignore_merges,
        "vocab": dict(sorted(vocab.items(), key=lambda item: item[1])),
        "merges": [[spelled[left], spelled[right]] for left, right in merges],
    }
    return skeleton(
        added=added_tokens,
        normalizer=normalizer,
        pre_tokenizer=pre_tokenizer,
        post_processor=post_processor,
        decoder=byte_level | {"add_prefix_space": True, "use_regex": True},
        model=model,
    )


def from_json(content: Mapping[str, Any], where: str) -> tuple[dict[str, Any], Any]:
    """Arguments of `ByteLevelBPE`, and what its `frame_with` takes.

    Args:
        content: a `tokenizer.json`.
        where: the file's name, for messages.

    Raises:
        Unsupported: it says something that this tokenizer does not do.
        ValueError: it is of another kind of tokenizer, or broken.
    """
    found = parts(content, "BPE", where)
    arguments = _pre_tokenizer(found.pre_tokenizer, where)
    decoder = found.decoder
    if decoder is None or decoder.text("type") != "ByteLevel":
        raise Unsupported(
            f"{where}: decoder of type {decoder and decoder.content['type']} is not "
            "supported, only ByteLevel"
        )
    for key in ("add_prefix_space", "trim_offsets", "use_regex"):
        decoder.flag(key, True)  # decoding depends on none of them
    decoder.done()
    model = found.model
    model.must_be("dropout", None)
    model.must_be("continuing_subword_prefix", None, "")
    model.must_be("end_of_word_suffix", None, "")
    model.must_be("byte_fallback", None, False)
    unknown, fuse = model.text("unk_token", None), model.flag("fuse_unk", False)
    ignore_merges = model.flag("ignore_merges", False)
    vocab = check_vocab(model.get("vocab"), where)
    check_added(found.added, vocab, where)
    added = {token.content for token in found.added}
    if unknown is not None and unknown not in vocab:
        raise ValueError(f"{where}: unk_token={unknown!r} is not in the vocabulary")
    merges = pairs(vocab, model.array("merges"), where)
    check_made(added, vocab, merges, where)
    if unknown is not None and unknown not in added and vocab.keys() >= BYTE_OF.keys():
        name_of = {i: name for name, i in vocab.items()}
        if unknown in {*BYTE_OF, *(name_of[left] + name_of[right] for left, right in merges)}:
            unknown = None  # an ordinary token, and no byte is without one: nothing becomes it
    tokens = {i: unspell(name) for name, i in vocab.items() if name not in added | {unknown}}
    arguments |= {
        "tokens": tokens,
        "merges": merges,
        "added_tokens": found.added,
        "ignore_merges": ignore_merges,
        "normalizer": None if found.normalizer is None else found.normalizer.content,
        "unknown": unknown,
        "fuse_unknown": fuse,
    }
    if unknown is not None and unknown not in added:  # a token of the model that is no word
        unknown_token = AddedToken(content=unknown, id=vocab[unknown])
        arguments["added_tokens"] = [*found.added, unknown_token]
    model.done()
    return arguments, found.post_processor


def check_made(
    added: Iterable[str], vocab: Mapping[str, int], merges: Sequence[tuple[int, int]], where: str
) -> None:
    """Refuse a token outside the model that is also a word of it: here each has one of the two.

    Raises:
        Unsupported: a merge makes an added token.
    """
    name_of = {i: name for name, i in vocab.items()}
    if both := {name_of[left] + name_of[right] for left, right in merges} & set(added):
        raise Unsupported(f"{where}: a merge makes the added token {min(both)!r:.60}")


def is_byte_level(content: Mapping[str, Any]) -> bool:
    """Whether the pre-tokenizer of a file spells text in bytes at its end."""
    section = content.get("pre_tokenizer")
    while isinstance(section, dict) and section.get("type") == "Sequence":
        steps = section.get("pretokenizers")
        section = steps[-1] if isinstance(steps, list) and steps else None
    return isinstance(section, dict) and section.get("type") == "ByteLevel"


def _pre_tokenizer(section: Section | None, where: str) -> dict[str, Any]:
    """The pattern, what cuts before it, and whether a space is put in front."""
    steps = steps_of(section)
    if not steps or steps[-1].text("type") != "ByteLevel":
        kinds = [step.text("type") for step in steps]
        raise Unsupported(
            f"{where}: pre_tokenizer {kinds} is not supported, only what ends in ByteLevel"
        )
    *cuts, byte_level = steps
    for cut in cuts:
        build_cutter(cut.content, cut.where)
    prefix = byte_level.flag("add_prefix_space", True)
    byte_level.flag("trim_offsets", True)  # only the one of the post-processor is obeyed
    pattern = "gpt2" if byte_level.flag("use_regex", True) else ALL
    byte_level.done()
    if cuts and pattern == ALL and not prefix and (expression := _isolated(cuts[-1].content)):
        pattern = next((n for n, known in PATTERNS.items() if known == expression), expression)
        compile_pattern(PATTERNS.get(pattern, pattern))
        cuts.pop()
    return {
        "pattern": pattern,
        "add_prefix_space": prefix,
        "cuts": [dict(cut.content) for cut in cuts],
    }


def _isolated(split: Mapping[str, Any]) -> str | None:
    """The expression of a step that loses nothing, the form in which most files have theirs."""
    if split["type"] != "Split" or split.get("invert") or split.get("behavior") != "Isolated":
        return None
    return split["pattern"].get("Regex")


def from_lists(vocab: Mapping[str, Any], merges_file: Path, where: str) -> dict[str, Any]:
    """Arguments of `ByteLevelBPE` out of `vocab.json` and `merges.txt`.

    Args:
        vocab: content of the `vocab.json`.
        merges_file: the other file.
        where: the first file's name, for messages.

    Raises:
        ValueError: one of them is broken.
    """
    checked = check_vocab(vocab, where)
    # split("\n"), not splitlines: a token may hold other line ends, such as U+0085.
    lines = [line for line in read_text(merges_file).split("\n") if line.strip("\r")]
    if lines and lines[0].startswith("#version"):
        lines = lines[1:]
    merges = pairs(checked, [line.rstrip("\r") for line in lines], where)
    # vocab.json marks no special tokens: they are what neither is a byte nor comes of a merge
    name_of = {i: name for name, i in checked.items()}
    known = set(BYTE_OF) | {name_of[left] + name_of[right] for left, right in merges}
    special = {name: i for name, i in checked.items() if name not in known}
    tokens = {i: unspell(name) for name, i in checked.items() if name not in special}
    return {"tokens": tokens, "merges": merges, "special_tokens": special}


def pairs(vocab: Mapping[str, int], merges: Iterable[Any], where: str) -> list[tuple[int, int]]:
    """The merges as pairs of ids, out of either form in which files have them.

    Raises:
        ValueError: one is not two tokens of the vocabulary.
    """
    made = []
    for line, merge in enumerate(merges):
        two = merge.split(" ") if isinstance(merge, str) else merge
        if (
            not isinstance(two, list)
            or len(two) != 2
            or not all(isinstance(part, str) and part in vocab for part in two)
        ):
            raise ValueError(f"{where}: merge {line} {merge!r:.80} is not two known tokens")
        made.append((vocab[two[0]], vocab[two[1]]))
    return made
