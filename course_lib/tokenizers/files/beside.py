"""A `tokenizer.json` together with what the files beside it say.

Published folders hold `tokenizer_config.json`, and older ones `special_tokens_map.json` and
`added_tokens.json`. What they say of one text's way to ids and back is written into the content of
the `tokenizer.json`, as `transformers` obeys it, or refused by name.

Source: `transformers` 5, `tokenization_utils_tokenizers.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from course_lib.files import read_json
from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.decoders import cleaned
from course_lib.tokenizers.files import classes
from course_lib.tokenizers.files.byte_bpe import is_byte_level
from course_lib.tokenizers.files.common import (
    JSON_NAME,
    check_vocab,
    is_tokenizer_json,
    model_type,
    read_added,
)
from course_lib.tokenizers.files.legacy import ADDED, CONFIG, ELSEWHERE, LISTED, NAMED, SPECIAL_MAP
from course_lib.tokenizers.files.pipelines import KEYS, obey_class
from course_lib.tokenizers.files.section import Section, Unsupported

# Of no effect on ids or text beside a tokenizer.json, for any class: its post_processor says what
# stands round a text, and the rest belongs to slow tokenizers, to offsets, or to whole models.
_HARMLESS = (
    "add_bos_token",
    "add_eos_token",
    "chat_control_tokens",
    "do_basic_tokenize",
    "errors",
    "init_inputs",
    "never_split",
    "offset",
    "response_schema",
    "response_template",
    "return_attention_mask",
    "return_token_type_ids",
    "sp_model_kwargs",
    "spaces_between_special_tokens",
    "tokenizer_type",
    "transformers_version",
    "trim_offsets",
    "trust_remote_code",
    "use_default_system_prompt",
    "vocab_size",
    "vocab_type",
)
_FORCED = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output"
_OF_THE_MODEL = "model_specific_special_tokens"
_READ = (  # by the functions below
    _OF_THE_MODEL,
    "added_tokens_decoder",
    "auto_map",
    "clean_up_tokenization_spaces",
    "extra_ids",
    "fix_mistral_regex",
    "split_by_punct",
    "split_special_tokens",
    _FORCED,
)


def read_tokenizer(file: Path) -> dict[str, Any]:
    """The content of a tokenizer's file, with what the files beside a `tokenizer.json` say.

    Args:
        file: a `tokenizer.json`, or a JSON file of another name, which stands alone.

    Raises:
        Unsupported: an option that is not obeyed here.
        ValueError: a file is broken.
    """
    content = read_json(file)
    if file.name != JSON_NAME or not is_tokenizer_json(content):
        return content
    config, roles, plain = (_read(file.with_name(name)) for name in (CONFIG, SPECIAL_MAP, ADDED))
    if not (config.content or roles.content or plain.content):
        return content
    made = dict(content)
    kind = model_type(content["model"])
    name, declared = _class_of(file, config)
    if declared and (wanted := classes.misfit(name, kind, is_byte_level(content))):
        raise Unsupported(
            f"{config.where}: tokenizer_class={name!r:.60} wants {wanted}; {JSON_NAME} holds a "
            f"{kind} tokenizer"
        )
    tokens = _added(content, config, roles, plain, classes.stem(name))
    made["added_tokens"] = [asdict(token) for token in tokens.values()]
    _pass_over(config)
    plain_llama = classes.stem(name) == "llama" and is_byte_level(content)  # LLaMA 3's
    if not plain_llama and (classes.is_known(name) or (name and not declared)):
        obey_class(made, config, classes.stem(name))
    _clean_up(made, config, kind)
    return made


def _read(file: Path) -> Section:
    return Section(read_json(file) if file.is_file() else {}, str(file))


def _class_of(file: Path, config: Section) -> tuple[str, bool]:
    """The class that reads the folder, or the model's type, and whether it is the first."""
    model = file.with_name("config.json")
    about = read_json(model) if model.is_file() else {}
    kind = about.get("model_type")
    if classes.read_as_they_are(kind):
        return "", False
    name = config.text("tokenizer_class", None) or about.get("tokenizer_class")
    if name is None and isinstance(kind, str):
        return kind, False
    return (name, True) if isinstance(name, str) else ("", False)


def _pass_over(config: Section) -> None:
    """Refuse what nothing here does, and say what is not known at all.

    Raises:
        Unsupported: such an option.
    """
    for key in ("auto_map", "split_by_punct", "split_special_tokens", "fix_mistral_regex"):
        config.must_be(key, None, False)
    known = {*ELSEWHERE, *_HARMLESS, *KEYS, *NAMED, *LISTED, *_READ}
    unknown = sorted(
        key
        for key in config.content
        if key not in known and not key.startswith("_") and not key.endswith("_token")
    )
    if unknown:
        told = ", ".join(unknown)
        warnings.warn(f"{config.where}: not known, not obeyed: {told:.200}", stacklevel=5)


def _clean_up(content: dict[str, Any], config: Section, kind: str) -> None:
    if not config.flag("clean_up_tokenization_spaces", False):
        return
    if kind == "BPE" and not config.flag(_FORCED, False):
        return  # whose tokens hold their blanks, so that `transformers` leaves them alone too
    if content.get("decoder") is None:
        raise Unsupported(f"{config.where}: clean_up_tokenization_spaces=True without a decoder")
    content["decoder"] = cleaned(content["decoder"])


def _added(
    content: Mapping[str, Any], config: Section, roles: Section, plain: Section, name: str
) -> dict[str, AddedToken]:
    """The tokens outside the model: those of the file, and those that the others add or change."""
    tokens = {token.content: token for token in read_added(Section(content, JSON_NAME))}
    vocab = content["model"]["vocab"]
    ids = (
        {entry[0]: n for n, entry in enumerate(vocab)}
        if isinstance(vocab, list)
        else check_vocab(vocab, JSON_NAME)
    )

    def add(token: AddedToken, stated: int | None, where: str) -> None:
        known = tokens.get(token.content)
        i = known.id if known else ids.get(token.content)
        if i is None:
            i = max(len(ids), 1 + max((one.id for one in tokens.values()), default=-1))
        if stated not in (None, i):
            raise ValueError(
                f"{where}: {token.content!r:.60} has the id {stated}; {JSON_NAME} gives it {i}"
            )
        special = token.special or (known is not None and known.special)  # which nothing takes away
        tokens[token.content] = replace(token, id=i, special=special)

    decoder = config.maybe_inside("added_tokens_decoder")
    if decoder is not None:
        entries = list(decoder.sections_by_name())
        if odd := [i for i, _ in entries if not (i.isascii() and i.isdigit() and len(i) < 9)]:
            raise ValueError(f"{decoder.where}: {odd[0]!r:.60}: expected an id")
        for i, entry in sorted(entries, key=lambda pair: int(pair[0])):
            add(_token(entry), int(i), entry.where)
    named = list(_named(config, {} if decoder is not None else roles.content))
    if decoder is None:
        for i, spelling in sorted((plain.number(key), key) for key in plain.content):
            if spelling not in tokens:
                special = any(spelling == token.content for token in named)
                add(_plain(spelling, special), i, plain.where)
    count = config.number("extra_ids", 0) if name == "t5" else 0
    for token in [*named, *(_plain(f"<extra_id_{n}>") for n in range(count))]:
        if token.content and token.content not in tokens:
            add(token, None, config.where)
    return tokens


def _named(config: Section, roles: Mapping[str, Any]) -> Iterator[AddedToken]:
    """The tokens with a role, those of the model's own roles, and those in lists, in this order."""
    said = {**config.content, **roles}
    listed: Any = next((said[key] for key in reversed(LISTED) if said.get(key)), [])
    others = [key for key in said if key.endswith("_token") and key not in NAMED]
    values = [(key, said.get(key)) for key in NAMED]
    values += [(key, said[key]) for key in others if _is_token(said[key])]
    values += list((config.content.get(_OF_THE_MODEL) or {}).items())
    if isinstance(listed, dict):
        values += list(listed.items())
    elif isinstance(listed, list):
        values += [(LISTED[-1], value) for value in listed]
    else:
        raise ValueError(f"{config.where}: {LISTED[-1]}={listed!r:.60}: expected a list")
    for key, value in values:
        if isinstance(value, str):
            yield _plain(value)
        elif value is not None:
            yield replace(_token(Section(value, f"{config.where}: {key}")), special=True)


def _is_token(value: object) -> bool:
    described = isinstance(value, dict) and value.get("__type") == "AddedToken"
    return isinstance(value, str) or described


def _plain(content: str, special: bool = True) -> AddedToken:
    return AddedToken(content=content, id=0, special=special, normalized=not special)


def _token(entry: Section) -> AddedToken:
    entry.must_be("__type", "AddedToken", None)
    special = entry.flag("special", False)
    token = AddedToken(
        content=entry.text("content"),
        id=0,
        special=special,
        normalized=entry.flag("normalized", not special),
        single_word=entry.flag("single_word", False),
        lstrip=entry.flag("lstrip", False),
        rstrip=entry.flag("rstrip", False),
    )
    entry.done()
    return token
