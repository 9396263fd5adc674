"""Vocabularies as plain lists, with the options that stand in the files beside them.

`vocab.txt` (WordPiece) or `vocab.json` and `merges.txt` (byte-level BPE), `tokenizer_config.json`,
`added_tokens.json` and `special_tokens_map.json`. An option that nothing here obeys is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course_lib.files import read_json
from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.files import byte_bpe, wordpiece
from course_lib.tokenizers.files.section import Section, Unsupported

CONFIG = "tokenizer_config.json"
ADDED = "added_tokens.json"
SPECIAL_MAP = "special_tokens_map.json"
NAMED = tuple(f"{role}_token" for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
LISTED = ("additional_special_tokens", "extra_special_tokens")
# What says nothing about how one text becomes ids: names of things, and how batches are made.
ELSEWHERE = (
    "model_max_length",
    "max_len",
    "max_length",
    "stride",
    "padding_side",
    "padding",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "truncation",
    "truncation_side",
    "truncation_strategy",
    "tokenizer_class",
    "name_or_path",
    "special_tokens_map_file",
    "tokenizer_file",
    "vocab_file",
    "merges_file",
    "chat_template",
    "model_input_names",
    "processor_class",
    "backend",
    "is_local",
    "local_files_only",
    "use_fast",
    "model_type",
)


_USUAL_ROLE = {
    f"[{role.upper()}]": f"{role}_token" for role in ("pad", "unk", "cls", "sep", "mask")
}


class Beside:
    """What the files beside a vocabulary say.

    Args:
        file: the vocabulary.

    Raises:
        ValueError: one of the files is broken.
    """

    def __init__(self, file: Path) -> None:
        config = file.with_name(CONFIG)
        self.config = Section(read_json(config) if config.is_file() else {}, str(config))
        for key in ELSEWHERE:
            self.config.get(key, None)
        self.config.must_be("auto_map", None)  # code of the checkpoint's own, which is not run
        self.config.must_be("split_special_tokens", None, False)
        self._file = file

    def tokens(self, vocab: Mapping[str, int], usual: Sequence[str] = ()) -> list[AddedToken]:
        """The tokens outside the model.

        Args:
            vocab: spelling -> id of the model.
            usual: special tokens of the roles that no file names.

        Raises:
            ValueError: a token is named that has no id, or two of them have the same.
        """
        described: dict[str, AddedToken] = {}
        decoder = self.config.maybe_inside("added_tokens_decoder")
        for i, entry in decoder.sections_by_name() if decoder else ():
            if not (i.isascii() and i.isdigit()) or len(i) > 8:
                raise ValueError(f"{entry.where}: expected an id")
            token = _token(entry, int(i))
            described[token.content] = token
        ids = dict(vocab) | {token.content: token.id for token in described.values()}
        added = self._file.with_name(ADDED)
        more = Section(read_json(added), str(added)) if added.is_file() else None
        for name in more.content if more else ():
            ids[name] = more.number(name)  # type: ignore[union-attr]
            plain = AddedToken(content=name, id=ids[name], special=False, normalized=True)
            described.setdefault(name, plain)
        named = self._named()
        rest = [name for name in usual if _USUAL_ROLE.get(name) not in self._roles]
        for name in [*named, *rest]:
            if name not in ids and name not in usual:
                raise ValueError(f"{self.config.where}: {name!r} is no token of {self._file.name}")
            if name in ids and not (name in described and described[name].special):
                flags = named.get(name, {})
                described[name] = AddedToken(content=name, id=ids[name], **flags)
        return list(described.values())

    def _named(self) -> dict[str, dict[str, bool]]:
        """The special tokens that have a role or stand in a list, with their flags."""
        found: dict[str, dict[str, bool]] = {}
        self._roles: set[str] = set()
        special_map = self._file.with_name(SPECIAL_MAP)
        sources = [self.config]
        if special_map.is_file():
            sources.append(Section(read_json(special_map), str(special_map)))
        for source in sources:
            entries = [(role, source.get(role, None)) for role in NAMED]
            for key in LISTED:
                listed = source.get(key, [])
                values = listed.values() if isinstance(listed, dict) else source.array(key, [])
                entries += [(key, value) for value in values]
            for key, value in entries:
                if value is None:
                    continue
                self._roles.add(key)
                if isinstance(value, str):
                    found.setdefault(value, {})
                    continue
                token = _token(Section(value, f"{source.where}: {key}"), 0)
                found[token.content] = {
                    flag: getattr(token, flag)
                    for flag in ("lstrip", "rstrip", "single_word", "normalized")
                }
        if special_map.is_file():
            sources[1].done()
        return found

    def role(self, name: str) -> str | None:
        """Spelling of the token with a role, such as `cls_token`."""
        value = self.config.get(name, None)
        return value["content"] if isinstance(value, dict) else value


def _token(entry: Section, i: int) -> AddedToken:
    entry.must_be("__type", "AddedToken", None)
    token = AddedToken(
        content=entry.text("content"),
        id=i,
        special=entry.flag("special", True),
        normalized=entry.flag("normalized", False),
        single_word=entry.flag("single_word", False),
        lstrip=entry.flag("lstrip", False),
        rstrip=entry.flag("rstrip", False),
    )
    entry.done()
    return token


def template(before: Sequence[tuple[str, int]], after: Sequence[tuple[str, int]]) -> Any:
    """A `post_processor` that puts these tokens round a text; None for none."""
    if not (before or after):
        return None

    def piece(name: str, segment: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": name, "type_id": segment}}

    def text(name: str, segment: int) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": segment}}

    front, back = [piece(n, 0) for n, _ in before], [piece(n, 0) for n, _ in after]
    second = [text("B", 1), *(piece(n, 1) for n, _ in after)]
    return {
        "type": "TemplateProcessing",
        "single": [*front, text("A", 0), *back],
        "pair": [*front, text("A", 0), *back, *second],
        "special_tokens": {n: {"id": n, "ids": [i], "tokens": [n]} for n, i in [*before, *after]},
    }


def from_vocab_txt(file: Path, usual: Sequence[str]) -> tuple[dict[str, Any], Any]:
    """Arguments of `WordPiece` out of `vocab.txt` and the files beside it, and its frame.

    Args:
        file: the `vocab.txt`.
        usual: special tokens to look for where no file names any.

    Raises:
        Unsupported: an option that is not obeyed here.
        ValueError: a file is broken.
    """
    arguments = wordpiece.from_vocab(file, usual)
    beside = Beside(file)
    config = beside.config
    config.must_be("do_basic_tokenize", None, True)
    never = config.get("never_split", None)
    accents = config.get("strip_accents", None)
    added = beside.tokens(arguments["vocab"], usual)
    names = {token.content for token in added}
    if never and not set(never) <= names:
        raise Unsupported(f"{config.where}: never_split={never!r:.60} is not supported")
    lower = config.flag("do_lower_case", True)
    config.must_be("do_lowercase", None, lower)  # an old second name of the same
    unknown = beside.role("unk_token") or "[UNK]"
    arguments |= {
        "vocab": arguments["vocab"] | {token.content: token.id for token in added},
        "special_tokens": [token.content for token in added if token.special],
        "added_tokens": added,
        "unknown": unknown,
        "lower_case": lower,
        "strip_accents": None if accents is None else config.flag("strip_accents"),
        "split_chinese": config.flag("tokenize_chinese_chars", True),
        "clean_up_text": config.flag("clean_up_tokenization_spaces", False),
    }
    config.done()
    ids = {token.content: token.id for token in added}
    cls = beside.role("cls_token") or "[CLS]"
    sep = beside.role("sep_token") or "[SEP]"
    both = cls in ids and sep in ids
    return arguments, template([(cls, ids[cls])], [(sep, ids[sep])]) if both else None


def from_vocab_json(content: Mapping[str, Any], file: Path) -> tuple[dict[str, Any], Any]:
    """Arguments of `ByteLevelBPE` out of `vocab.json`, `merges.txt` and the files beside them.

    Args:
        content: content of the `vocab.json`.
        file: its path.

    Raises:
        FileNotFoundError: there is no `merges.txt`.
        Unsupported: an option that is not obeyed here.
        ValueError: a file is broken.
    """
    merges = file.with_name("merges.txt")
    if not merges.is_file():
        raise FileNotFoundError(f"{file.name} needs merges.txt beside it in {file.parent}")
    arguments = byte_bpe.from_lists(content, merges, str(file))
    beside = Beside(file)
    config = beside.config
    special = arguments.pop("special_tokens")
    added = {token.content: token for token in beside.tokens(dict(content))}
    found = {name: AddedToken(content=name, id=i) for name, i in special.items()} | added
    byte_bpe.check_made(found, content, arguments["merges"], str(file))
    config.must_be("errors", None, "replace", "strict", "ignore")  # `decode` is told when called
    config.must_be("clean_up_tokenization_spaces", None, False)
    arguments |= {
        "tokens": {
            i: t
            for i, t in arguments["tokens"].items()
            if i not in {token.id for token in found.values()}
        },
        "added_tokens": list(found.values()),
        "add_prefix_space": config.flag("add_prefix_space", False),
    }
    frames: list[list[tuple[str, int]]] = []
    for flag, role, other in (
        ("add_bos_token", "bos_token", "cls_token"),
        ("add_eos_token", "eos_token", "sep_token"),
    ):
        pair = beside.role("cls_token") is not None and beside.role("sep_token") is not None
        name = beside.role(other) if pair else beside.role(role)
        wanted = config.flag(flag, pair)
        if wanted and name not in found:
            raise ValueError(f"{config.where}: {flag}=True, but there is no {role}")
        frames.append([(str(name), found[str(name)].id)] if wanted else [])
    config.done()
    return arguments, template(*frames)
