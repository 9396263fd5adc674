"""The vocabulary in a GGUF file, as the `tokenizer.json` that everyone reads."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from course_lib.weights.fields import Fields
from course_lib.weights.gguf_file import GgufFile

_TOKENS, _TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
_MERGES = "tokenizer.ggml.merges"


class TokenKind(IntEnum):
    """What llama.cpp takes a token for; OWN is one that was added and is not special."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    OWN = 4
    UNUSED = 5


HOW_BYTES_ARE_SPELLED = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}
# Ids that only programs use which chat or fill gaps, and what byte-level BPE has no use for.
_MEANINGLESS = ("_token_id", ".scores", ".token_type_count")
_DIGITS = {"type": "Digits", "individual_digits": True}
# llama.cpp's name of a way to cut text -> what is done before GPT-2's own pattern.
CUTS: dict[str, list[dict[str, Any]]] = {"gpt-2": [], "smollm": [_DIGITS], "starcoder": [_DIGITS]}


def tokenizer_files(opened: GgufFile) -> dict[str, dict[str, Any]]:
    """Write the byte-level BPE of a GGUF file as the two files that the hub has.

    Args:
        opened: The file.

    Returns:
        The contents of `tokenizer.json` and `tokenizer_config.json`, by name.

    Raises:
        ValueError: If the vocabulary is damaged, or of a kind that is not read here; naming file
            and key.
    """
    reader = Fields(str(opened.folder), opened.values, None, lambda first, second: False)
    kind = reader.get("tokenizer.ggml.model", kind=str)
    if kind != "gpt2":
        raise ValueError(
            f"{reader.file}: tokenizer.ggml.model={kind!r}: expected 'gpt2', byte-level BPE"
        )
    pre = reader.get("tokenizer.ggml.pre", "gpt-2", str)
    if pre not in CUTS:
        raise ValueError(
            f"{reader.file}: tokenizer.ggml.pre={pre!r}: expected one of {', '.join(CUTS)}"
        )
    reader.must_be("tokenizer.ggml.add_space_prefix", False)
    for key in ("add_sep_token", "remove_extra_whitespaces"):
        reader.must_be(f"tokenizer.ggml.{key}", False)
    tokens = _texts(reader, _TOKENS)
    table = opened.entries.get("token_embd.weight")
    if table is not None and table.shape and len(tokens) > table.shape[0]:
        raise ValueError(
            f"{reader.file}: {_TOKENS} has {len(tokens)} values, but token_embd.weight has "
            f"{table.shape[0]} rows"
        )
    merges = _texts(reader, _MERGES)
    types = reader.get(_TYPES, [TokenKind.NORMAL] * len(tokens), list)
    if len(types) != len(tokens):
        raise ValueError(
            f"{reader.file}: {_TYPES} has {len(types)} values, but {_TOKENS} has {len(tokens)}"
        )
    vocab: dict[str, int] = {}
    for number, token in enumerate(tokens):
        if vocab.setdefault(token, number) != number:
            raise ValueError(
                f"{reader.file}: {_TOKENS} has {token!r:.60} twice, at {vocab[token]} and {number}"
            )
    added = []
    for number, (token, type_) in enumerate(zip(tokens, types, strict=True)):
        if type_ not in tuple(TokenKind):
            raise ValueError(
                f"{reader.file}: {_TYPES}[{number}]={type_!r}: expected 1 to {len(TokenKind)}"
            )
        if type_ in (TokenKind.UNKNOWN, TokenKind.CONTROL, TokenKind.OWN):
            flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
            added.append(
                {"id": number, "content": token, **flags, "special": type_ != TokenKind.OWN}
            )
    names = _named(reader, tokens)
    steps = [*CUTS[pre], HOW_BYTES_ARE_SPELLED]
    written = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}
        if CUTS[pre]
        else HOW_BYTES_ARE_SPELLED,
        "post_processor": _frame(reader, names, vocab),
        "decoder": {**HOW_BYTES_ARE_SPELLED, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": merges,
        },
    }
    template = reader.get("tokenizer.chat_template", None, str)
    for key in reader.rest():
        if key.startswith("tokenizer.ggml.") and not key.endswith(_MEANINGLESS):
            value = opened.values[key]
            raise ValueError(
                f"{reader.file}: {key}={value!r:.60}: this tokenizer has no such thing"
            )
    about = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **names,
        **({} if template is None else {"chat_template": template}),
    }
    return {"tokenizer.json": written, "tokenizer_config.json": about}


def _texts(reader: Fields, key: str) -> list[str]:
    found = reader.get(key, kind=list)
    if not all(isinstance(one, str) for one in found):
        raise ValueError(f"{reader.file}: {key} holds {type(found[0]).__name__}: expected texts")
    return found


def _named(reader: Fields, tokens: Sequence[str]) -> dict[str, str]:
    """The tokens with a part to play: `bos_token` and so on."""
    names = {}
    for key, name in (("bos", "bos"), ("eos", "eos"), ("unknown", "unk"), ("padding", "pad")):
        number = reader.size(f"tokenizer.ggml.{key}_token_id", None)
        if number is None:
            continue
        if number >= len(tokens):
            raise ValueError(
                f"{reader.file}: tokenizer.ggml.{key}_token_id={number}, but there are "
                f"{len(tokens)} tokens"
            )
        names[f"{name}_token"] = tokens[number]
    return names


def _frame(reader: Fields, names: dict[str, str], vocab: dict[str, int]) -> dict[str, Any] | None:
    """What goes before and after a text, where the file asks for it."""
    asked = {
        name: reader.flag(f"tokenizer.ggml.add_{name}_token", False) for name in ("bos", "eos")
    }
    if not any(asked.values()):
        return None
    around: dict[str, list[dict[str, Any]]] = {"bos": [], "eos": []}
    used = {}
    for name in (name for name, wanted in asked.items() if wanted):
        token = names.get(f"{name}_token")
        if token is None:
            raise ValueError(
                f"{reader.file}: tokenizer.ggml.add_{name}_token=True, but "
                f"tokenizer.ggml.{name}_token_id is missing"
            )
        around[name] = [{"SpecialToken": {"id": token, "type_id": 0}}]
        used[token] = {"id": token, "ids": [vocab[token]], "tokens": [token]}
    first, second = ({"Sequence": {"id": name, "type_id": n}} for n, name in enumerate("AB"))
    single = [*around["bos"], first, *around["eos"]]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, *around["bos"], second, *around["eos"]],
        "special_tokens": used,
    }
