"""The decoders of a `tokenizer.json`: how the spellings of tokens become text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import regex

from course_lib.tokenizers.byte_spelling import BYTE_OF
from course_lib.tokenizers.files.section import Section, Unsupported
from course_lib.tokenizers.metaspace import SPACE, metaspace_of
from course_lib.tokenizers.patterns import find_all, read_pattern

Decoder = Callable[[list[str]], list[str]]
_BYTE = regex.compile(r"<0x([0-9A-Fa-f]{2})>")


def build_decoder(
    section: Mapping[str, Any] | None, where: str = "decoder", depth: int = 0
) -> Decoder:
    """The function that a `decoder` section describes: of spellings, which are then joined.

    Args:
        section: such as `{"type": "Fuse"}`; None puts spaces between the spellings.
        where: what messages call it.
        depth: how deep in others it stands.

    Raises:
        Unsupported: a type or a key that is not known here.
        ValueError: a part is missing or of the wrong kind.
    """
    if section is None:
        return lambda tokens: [" ".join(tokens)]
    if depth > 50:
        raise ValueError(f"{where[:80]} is nested too deeply")
    given = Section(section, where)
    kind = given.text("type")
    if kind == "Sequence":
        steps = [
            build_decoder(part.content, part.where, depth + 1)
            for part in given.sections("decoders")
        ]
        made: Decoder = _in_turn(steps)
    elif kind == "Metaspace":
        return _metaspace(metaspace_of(given).scheme != "never")
    elif kind in _BUILDERS:
        made = _BUILDERS[kind](given)
    else:
        known = ", ".join(["Sequence", "Metaspace", *_BUILDERS])
        raise Unsupported(f"{where} of type {kind} is not supported, only {known}")
    given.done()
    return made


def _in_turn(steps: list[Decoder]) -> Decoder:
    def decode(tokens: list[str]) -> list[str]:
        for step in steps:
            tokens = step(tokens)
        return tokens

    return decode


def _metaspace(prefix: bool) -> Decoder:
    def decode(tokens: list[str]) -> list[str]:
        made = [token.replace(SPACE, " ") for token in tokens]
        if prefix and made:
            made[0] = tokens[0].replace(SPACE, "")
        return made

    return decode


def _replace(section: Section) -> Decoder:
    pattern, content = read_pattern(section), section.text("content")
    if isinstance(pattern, str):
        return lambda tokens: [token.replace(pattern, content) for token in tokens]

    def replace(token: str) -> str:
        parts, done = [], 0
        for start, end in find_all(pattern, token):
            parts += [token[done:start], content]
            done = end
        return "".join([*parts, token[done:]])

    return lambda tokens: [replace(token) for token in tokens]


def fall_back(tokens: list[str]) -> list[str]:
    """Runs of `<0x0A>` become the characters of these bytes; one � a byte if they are none."""
    made: list[str] = []
    run = bytearray()

    def flush() -> None:
        if run:
            try:
                made.append(run.decode())
            except UnicodeDecodeError:
                made.extend("\ufffd" * len(run))
            run.clear()

    for token in tokens:
        if match := _BYTE.fullmatch(token):
            run.append(int(match[1], 16))
        else:
            flush()
            made.append(token)
    flush()
    return made


def _strip(section: Section) -> Decoder:
    sign = section.text("content")
    start, stop = section.number("start"), section.number("stop")
    if len(sign) != 1:
        raise ValueError(f"{section.where}: content={sign!r:.60}: expected one character")

    def strip(token: str) -> str:
        left = len(token) - len(token.lstrip(sign))
        right = len(token) - len(token.rstrip(sign))
        left = min(left, start)
        return token[left : max(left, len(token) - min(right, stop))]

    return lambda tokens: [strip(token) for token in tokens]


def _byte_level(section: Section) -> Decoder:
    for key in ("add_prefix_space", "trim_offsets", "use_regex"):
        section.flag(key, True)  # of the pre-tokenizer of that name; decoding depends on none

    def decode(tokens: list[str]) -> list[str]:
        data = b"".join(
            bytes(map(BYTE_OF.__getitem__, t)) if all(c in BYTE_OF for c in t) else t.encode()
            for t in tokens
        )
        return [data.decode(errors="replace")]

    return decode


def clean_up(text: str, *, whole: bool = False) -> str:
    """Draw the commonest signs and contractions of English to the word before them.

    Args:
        text: a piece, or a text.
        whole: it is a whole text, in which "do not" stays what it is.
    """
    for apart, together in _CLEAN:
        if not (whole and apart == " do not"):
            text = text.replace(apart, together)
    return text


_CLEAN = [
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
]


def cleaned(decoder: Mapping[str, Any]) -> dict[str, Any]:
    """A `decoder` section that cleans up the whole text after another one, as an option asks.

    Unlike `cleanup` of WordPiece, which sees one piece at a time, it draws `n ' t` together too.
    """
    steps = [
        {"type": "Replace", "pattern": {"String": apart}, "content": together}
        for apart, together in _CLEAN
        if apart != " do not"
    ]
    return {"type": "Sequence", "decoders": [decoder, {"type": "Fuse"}, *steps]}


def uncleaned(decoder: Mapping[str, Any] | None) -> tuple[Mapping[str, Any] | None, bool]:
    """The section that `cleaned` was given, and whether it was."""
    steps = (decoder or {}).get("decoders")
    if isinstance(steps, list) and steps and decoder == cleaned(steps[0]):
        return steps[0], True
    return decoder, False


def _wordpiece(section: Section) -> Decoder:
    return join_pieces(section.text("prefix", "##"), section.flag("cleanup", True))


def join_pieces(prefix: str, cleanup: bool) -> Decoder:
    """Words with spaces between them, from pieces of which those inside a word bear a prefix."""

    def decode(tokens: list[str]) -> list[str]:
        made = tokens[:1]
        for token in tokens[1:]:
            inside = token.startswith(prefix)
            made.append(token[len(prefix) :] if inside else f" {token}")
        return [clean_up(token) for token in made] if cleanup else made

    return decode


def _suffix(section: Section) -> Decoder:
    suffix = section.text("suffix", "</w>")

    def decode(tokens: list[str]) -> list[str]:
        last = len(tokens) - 1
        return [t.replace(suffix, "" if n == last else " ") for n, t in enumerate(tokens)]

    return decode


_BUILDERS: dict[str, Callable[[Section], Decoder]] = {
    "Replace": _replace,
    "ByteFallback": lambda section: fall_back,
    "Fuse": lambda section: lambda tokens: ["".join(tokens)],
    "Strip": _strip,
    "ByteLevel": _byte_level,
    "WordPiece": _wordpiece,
    "BPEDecoder": _suffix,
}
