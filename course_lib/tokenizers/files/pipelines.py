"""Options of a `tokenizer_config.json` that change how a class of `transformers` treats text.

They are written into the sections of the `tokenizer.json` beside which they stand. Where the two
contradict each other and nothing simple follows, the folder is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from course_lib.tokenizers.files.byte_bpe import is_byte_level
from course_lib.tokenizers.files.common import model_type
from course_lib.tokenizers.files.section import Section, Unsupported
from course_lib.tokenizers.metaspace import SPACE

KEYS = (
    "add_prefix_space",
    "do_lower_case",
    "do_lowercase",
    "keep_accents",
    "language",
    "legacy",
    "legacy_behaviour",
    "predict_timestamps",
    "remove_space",
    "src_lang",
    "strip_accents",
    "task",
    "tgt_lang",
    "tokenize_chinese_chars",
)
_OF_BERT = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
# They put a language or a task in front of a text, by lists that only the class has.
_FRAMES = ("language", "legacy_behaviour", "predict_timestamps", "src_lang", "task", "tgt_lang")
_NO_PREFIX = ("clip", "mbart", "mbart50", "nllb", "openaigpt", "pegasus", "t5", "xlnet")
_OLD_SENTENCEPIECE = ("albert", "fnet", "rembert", "xlnet")
_BLANKS = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
_LLAMA_NORMALIZERS = (
    None,
    _BLANKS,
    {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE}, _BLANKS]},
)


def obey_class(content: dict[str, Any], config: Section, name: str) -> None:
    """Write into the sections of a file what its class makes of the options.

    Args:
        content: a `tokenizer.json`, whose sections are replaced and not changed.
        config: the `tokenizer_config.json` beside it.
        name: stem of the class, such as `bert`.

    Raises:
        Unsupported: an option contradicts the file, and is not obeyed here.
        ValueError: an option is of the wrong kind.
    """
    for key in _FRAMES:
        config.must_be(key, None, False, "")
    kind = model_type(content["model"])
    if is_byte_level(content):
        if config.get("add_prefix_space", None) is not None:
            prefix = config.flag("add_prefix_space")
            content["pre_tokenizer"] = _byte_level(content["pre_tokenizer"], prefix)
    elif name == "llama":
        _llama(content, config)
    elif kind in ("BPE", "Unigram") and name not in _NO_PREFIX:
        _agree(config, "add_prefix_space", _puts_blank_in_front(content))
    if kind == "WordPiece":
        _wordpiece(content, config)
    elif kind == "Unigram":
        types = [step.get("type") for step in _steps(content.get("normalizer"), "normalizers")]
        if name in (*_OLD_SENTENCEPIECE, "debertav2"):
            _agree(config, "do_lower_case", "Lowercase" in types)
        if name in _OLD_SENTENCEPIECE:
            _agree(config, "keep_accents", "StripAccents" not in types)
        if name in ("rembert", "xlnet"):
            config.must_be("remove_space", None, True)


def _agree(config: Section, key: str, found: bool) -> None:
    """Refuse an option that says the contrary of the file."""
    if config.flag(key, found) != found:
        raise Unsupported(
            f"{config.where}: {key}={not found} contradicts tokenizer.json, which says {found}"
        )


def _steps(section: Any, key: str) -> Iterator[Mapping[str, Any]]:
    """The innermost steps of a section."""
    if isinstance(section, dict):
        if section.get("type") == "Sequence":
            for step in section.get(key) or ():
                yield from _steps(step, key)
        else:
            yield section


def _byte_level(section: Mapping[str, Any], prefix: bool) -> dict[str, Any]:
    if section["type"] == "Sequence":
        *steps, last = section["pretokenizers"]
        return {**section, "pretokenizers": [*steps, _byte_level(last, prefix)]}
    return {**section, "add_prefix_space": prefix}


def _puts_blank_in_front(content: Mapping[str, Any]) -> bool:
    normalizers = _steps(content.get("normalizer"), "normalizers")
    if any(step.get("type") == "Prepend" for step in normalizers):
        return True
    for step in _steps(content.get("pre_tokenizer"), "pretokenizers"):
        if step.get("type") == "Metaspace":
            scheme = step.get("prepend_scheme")
            return scheme != "never" if scheme else bool(step.get("add_prefix_space", True))
    return False


def _llama(content: dict[str, Any], config: Section) -> None:
    """`legacy`: a blank goes before every stretch of a text, not only before the first."""
    silent = config.get("legacy", None) is None and config.get("add_prefix_space", None) is None
    prefix = config.flag("add_prefix_space", True)
    scheme = ("always" if config.flag("legacy", False) else "first") if prefix else "never"
    before = list(_steps(content.get("pre_tokenizer"), "pretokenizers"))
    kinds = [step.get("type") for step in before]
    known = content.get("normalizer") in _LLAMA_NORMALIZERS and kinds in ([], ["Metaspace"])
    if silent and (not known or config.get("tokenizer_class", None) is None):
        return
    if not known:
        raise Unsupported(
            f"{config.where}: legacy and add_prefix_space beside another pipeline than LLaMA's"
        )
    content["normalizer"] = None
    content["pre_tokenizer"] = {
        "type": "Metaspace",
        "replacement": SPACE,
        "prepend_scheme": scheme,
        "split": False,
    }
    steps: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if prefix:
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    content["decoder"] = {"type": "Sequence", "decoders": steps}


def _wordpiece(content: dict[str, Any], config: Section) -> None:
    normalizer = content.get("normalizer")
    if isinstance(normalizer, dict) and normalizer.get("type") == "BertNormalizer":
        said = {
            ours: config.content[key] for key, ours in _OF_BERT.items() if key in config.content
        }
        for key in _OF_BERT:
            config.flag(key, False)
        content["normalizer"] = normalizer | {
            ours: value
            for ours, value in said.items()
            if value is not None or ours == "strip_accents"
        }
    else:
        types = [step.get("type") for step in _steps(normalizer, "normalizers")]
        _agree(config, "do_lower_case", "Lowercase" in types)
        _agree(config, "strip_accents", "StripAccents" in types)
        config.must_be("tokenize_chinese_chars", None)
    unknown = config.get("unk_token", None)
    unknown = unknown.get("content") if isinstance(unknown, dict) else unknown
    if unknown is not None and unknown in content["model"]["vocab"]:
        content["model"] = content["model"] | {"unk_token": unknown}
