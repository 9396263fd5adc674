"""How BERT prepares text: cleaning, and cutting into words and signs."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import regex

_CONTROL = regex.compile(r"(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\ufffd]")  # NUL is among them
_SPACE = regex.compile(r"\s")
_MARK = regex.compile(r"\p{Mn}")
_CJK = [
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
]
# What is no space: ASCII signs such as $ and ^ are punctuation to BERT although Unicode calls them
# symbols.
SIGN = regex.compile(r"[!-/:-@\[-`{-~\p{P}]")
_WORDS = regex.compile(r"[!-/:-@\[-`{-~\p{P}]|[^\s!-/:-@\[-`{-~\p{P}]+")


class _CharacterTable(dict[int, str]):
    """Code point -> what it becomes, for `str.translate`; filled as characters come up."""

    def __init__(self, rule: Callable[[str], str]) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, code: int) -> str:
        self[code] = self._rule(chr(code))
        return self[code]


def _clean(character: str) -> str:
    if _CONTROL.match(character):
        return ""
    return " " if _SPACE.match(character) else character


def _apart(character: str) -> str:
    """Every Chinese character is a word of its own."""
    chinese = any(first <= ord(character) <= last for first, last in _CJK)
    return f" {character} " if chinese else character


def _without_mark(character: str) -> str:
    return "" if _MARK.match(character) else character


class BertNormalizer:
    """Drops control characters, makes every space a plain one, and sets CJK characters apart.

    Args:
        lower_case: also lower the case.
        strip_accents: also take off accents; None does so where the case is lowered.
        clean: drop control characters and make every space a plain one.
        split_chinese: set CJK characters apart.

    Source: Devlin et al. 2019, "BERT", and its published code; letters change case one by one, so
    a capital sigma becomes the same small letter everywhere. What is a mark or a control character
    we ask the `regex` package; the Rust library asks a table of Unicode 8 (2015), so the two differ
    on some hundred characters that are younger.
    """

    def __init__(
        self,
        lower_case: bool = True,
        *,
        strip_accents: bool | None = None,
        clean: bool = True,
        split_chinese: bool = True,
    ) -> None:
        self.lower_case = lower_case
        self.strip_accents = lower_case if strip_accents is None else strip_accents
        self.clean, self.split_chinese = clean, split_chinese
        first: list[Callable[[str], str]] = [
            rule for rule, on in ((_clean, clean), (_apart, split_chinese)) if on
        ]
        last: list[Callable[[str], str]] = [_without_mark] if self.strip_accents else []
        last += [str.lower] if lower_case else []
        self._before = _CharacterTable(_apply(first))
        self._after = _CharacterTable(_apply(last)) if last else None

    def __call__(self, text: str) -> str:
        """The normalized text."""
        text = text.translate(self._before)
        if self.strip_accents:
            text = unicodedata.normalize("NFD", text)
        return text if self._after is None else text.translate(self._after)


def _apply(rules: list[Callable[[str], str]]) -> Callable[[str], str]:
    def apply(character: str) -> str:
        for rule in rules:
            character = "".join(map(rule, character))
        return character

    return apply


def words_and_signs(text: str) -> list[str]:
    """Cut at white space, and make each punctuation sign a word of its own."""
    return _WORDS.findall(text)
