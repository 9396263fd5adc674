"""The files of a byte-level BPE tokenizer: `tokenizer.json`, or `vocab.json` with `merges.txt`.

Both spell a token with one printable character for each byte, because JSON and text files cannot
hold arbitrary bytes: a space is written `Ġ`, a newline `Ċ`.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.tokenizers.files import (
    JSON_NAME,
    added_tokens,
    check_parts,
    check_vocab,
    find,
    read_json,
    read_text,
    skeleton,
    write_json,
)
from course_lib.tokenizers.pretokenize import PATTERNS

if TYPE_CHECKING:
    from course_lib.tokenizers.byte_bpe import ByteLevelBPE

# The order in which GPT-2 numbers the 256 bytes: first those that print as themselves, then the
# other 68, which are spelled with the characters from U+0100 on.
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTE_ORDER = PRINTABLE + sorted(set(range(256)) - set(PRINTABLE))
CHARACTER_OF = {
    b: chr(b if n < len(PRINTABLE) else 256 + n - len(PRINTABLE)) for n, b in enumerate(BYTE_ORDER)
}
BYTE_OF = {character: b for b, character in CHARACTER_OF.items()}


def spell(token: bytes) -> str:
    """A token's bytes as printable characters: `b" the"` is `Ġthe`."""
    return "".join(CHARACTER_OF[b] for b in token)


def unspell(spelling: str) -> bytes:
    """The bytes behind a spelling.

    Raises:
        ValueError: a character that stands for no byte.
    """
    try:
        return bytes(BYTE_OF[character] for character in spelling)
    except KeyError as error:
        raise ValueError(
            f"token {spelling!r} is no byte-level spelling: {error.args[0]!r} stands for no byte"
        ) from None


def write_tokenizer_json(tokenizer: ByteLevelBPE, path: str | PathLike[str]) -> None:
    """Write the tokenizer in the layout of the Rust library.

    Raises:
        ValueError: a special token is spelled like an ordinary one, which the file cannot say.
    """
    special = tokenizer.special_tokens
    ordinary = tokenizer.ordinary_tokens
    spelled = {i: spell(token) for i, token in sorted(ordinary.items())}
    if clash := set(spelled.values()) & set(special):
        raise ValueError(f"special tokens {sorted(clash)} are spelled like ordinary tokens")
    vocab = {name: i for i, name in spelled.items()} | special
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": tokenizer.add_prefix_space,
        "trim_offsets": True,
        "use_regex": tokenizer.pattern == "gpt2",
    }
    if byte_level["use_regex"]:
        pre_tokenizer = byte_level
    else:
        pattern = PATTERNS.get(tokenizer.pattern, tokenizer.pattern)
        split = {
            "type": "Split",
            "pattern": {"Regex": pattern},
            "behavior": "Isolated",
            "invert": False,
        }
        pre_tokenizer = {"type": "Sequence", "pretokenizers": [split, byte_level]}
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": tokenizer.ignore_merges,
        "vocab": dict(sorted(vocab.items(), key=lambda item: item[1])),
        "merges": [[spelled[left], spelled[right]] for left, right in tokenizer.merges],
    }
    decoder = byte_level | {"add_prefix_space": True, "use_regex": True}
    sections = {"pre_tokenizer": pre_tokenizer, "decoder": decoder, "model": model}
    write_json(path, skeleton(tokenizer, **sections))


def read_byte_level_bpe(path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of `ByteLevelBPE` out of its files, and the content of the `tokenizer.json`.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: the files are of another kind of tokenizer, or broken.
    """
    file = find(path, JSON_NAME, "vocab.json")
    content = read_json(file)
    if "model" in content and isinstance(content["model"], dict):
        return _from_tokenizer_json(content, file), content
    merges_file = file.with_name("merges.txt")
    if not merges_file.is_file():
        raise FileNotFoundError(f"{file.name} needs merges.txt beside it in {file.parent}")
    # split("\n"), not splitlines: a token may hold other line ends, such as U+0085.
    lines = [line for line in read_text(merges_file).split("\n") if line.strip("\r")]
    if lines and lines[0].startswith("#version"):
        lines = lines[1:]
    check_vocab(content, file)
    return _arguments(content, [line.rstrip("\r") for line in lines], None, file), {}


def _from_tokenizer_json(content: dict[str, Any], file: Path) -> dict[str, Any]:
    model = check_parts(
        content,
        file,
        "BPE",
        normalizer=(None,),
        pre_tokenizer=("ByteLevel", "Sequence"),
        decoder=("ByteLevel",),
    )
    for option in ("continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "dropout"):
        if model.get(option):
            raise ValueError(f"{file}: {option} = {model[option]!r} is not byte-level BPE")
    special = added_tokens(content, file)
    check_vocab(model["vocab"], file)
    arguments = _arguments(model["vocab"], model["merges"], special, file)
    pattern, prefix = _pre_tokenizer(content["pre_tokenizer"], file)
    ignore = bool(model.get("ignore_merges"))
    return arguments | {"pattern": pattern, "add_prefix_space": prefix, "ignore_merges": ignore}


def _pre_tokenizer(section: dict[str, Any], file: Path) -> tuple[str, bool]:
    """The pattern and whether a space is put in front."""
    steps = section["pretokenizers"] if section["type"] == "Sequence" else [section]
    kinds = [step["type"] for step in steps]
    if kinds not in (["ByteLevel"], ["Split", "ByteLevel"]):
        raise ValueError(
            f"{file}: pre_tokenizer {kinds} is not supported, only ByteLevel or Split, ByteLevel"
        )
    byte_level = steps[-1]
    prefix = bool(byte_level.get("add_prefix_space"))
    use_regex = bool(byte_level.get("use_regex", True))
    if len(steps) == 1:
        return ("gpt2" if use_regex else r"[\s\S]+"), prefix
    split = steps[0]
    if use_regex or split.get("invert") or split["behavior"] != "Isolated":
        raise ValueError(f"{file}: pre_tokenizer {split} is not supported, only Isolated pieces")
    pattern = split["pattern"].get("Regex")
    if pattern is None:
        raise ValueError(f"{file}: pre_tokenizer splits at {split['pattern']}, not at a Regex")
    return next((name for name, known in PATTERNS.items() if known == pattern), pattern), prefix


def _arguments(
    vocab: dict[str, int], merges: Iterable[Any], special: dict[str, int] | None, file: Path
) -> dict[str, Any]:
    """Bytes and ids out of spellings."""
    pairs = []
    for line, merge in enumerate(merges):
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if len(parts) != 2 or not all(part in vocab for part in parts):
            raise ValueError(f"{file}: merge {line} {merge!r} is not two known tokens")
        pairs.append((vocab[parts[0]], vocab[parts[1]]))
    if special is None:  # vocab.json marks none: what neither is a byte nor comes of a merge
        name_of = {i: name for name, i in vocab.items()}
        known = set(BYTE_OF) | {name_of[left] + name_of[right] for left, right in pairs}
        special = {name: i for name, i in vocab.items() if name not in known}
    tokens = {i: unspell(name) for name, i in vocab.items() if name not in special}
    return {"tokens": tokens, "merges": pairs, "special_tokens": special}
