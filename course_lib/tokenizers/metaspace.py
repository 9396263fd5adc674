"""Writing spaces as a character of their own, as SentencePiece does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import regex

from course_lib.tokenizers.align import Span
from course_lib.tokenizers.files.section import Section, Unsupported

SPACE = "\u2581"
"""The character that stands for a space inside pieces."""
_WORD = regex.compile(f"{SPACE}[^{SPACE}]*|[^{SPACE}]+")
_STRETCH = regex.compile(r"\S+")
Prefix = Literal["always", "first", "never"]


@dataclass(frozen=True, kw_only=True)
class Metaspace:
    """Turns text into words in which each space is a `▁` that belongs to the word after it.

    Args:
        prefix: put a space before the text if there is none, so that a word is the same at the
            beginning of a text as inside; "first" does so only at the beginning of the whole text,
            and not after a special token.
        split_words: cut before every space.
        split_at_space: cut at all white space first and forget how much of it there was.
    """

    prefix: bool | Prefix = True
    split_words: bool = True
    split_at_space: bool = False

    @property
    def scheme(self) -> Prefix:
        """How files call `prefix`."""
        if isinstance(self.prefix, bool):
            return "always" if self.prefix else "never"
        return self.prefix

    def cut(self, text: str, first: bool = True) -> list[str]:
        """The words of a text.

        Args:
            text: the text.
            first: whether it stands at the beginning of the whole text.
        """
        if not self.split_at_space:
            return self._words(text, first)
        return [
            word
            for match in _STRETCH.finditer(text)
            for word in self._words(match[0], first and match.start() == 0)
        ]

    def cut_with_spans(self, text: str, first: bool = True) -> list[tuple[str, list[Span]]]:
        """The words, and for each character of a word its span in the text.

        A space that was put in front has the span of the character after it.
        """
        stretches = [(0, text)] if text else []
        if self.split_at_space:
            stretches = [(match.start(), match[0]) for match in _STRETCH.finditer(text)]
        found = []
        for at, stretch in stretches:
            spans = [(i, i + 1) for i in range(at, at + len(stretch))]
            words = self._words(stretch, first and at == 0)
            if sum(map(len, words)) > len(stretch):
                spans.insert(0, spans[0])
            for word in words:
                found.append((word, spans[: len(word)]))
                spans = spans[len(word) :]
        return found

    def _words(self, text: str, first: bool) -> list[str]:
        marked = text.replace(" ", SPACE)
        added = self.prefix is True or self.prefix == "always" or (self.prefix == "first" and first)
        if added and marked and not marked.startswith(SPACE):
            marked = SPACE + marked
        if self.split_words:
            return _WORD.findall(marked)
        return [marked] if marked else []

    def sections(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The `pre_tokenizer` and the `decoder` of a file that says this."""
        metaspace = {
            "type": "Metaspace",
            "replacement": SPACE,
            "prepend_scheme": self.scheme,
            "split": self.split_words,
        }
        if not self.split_at_space:
            return metaspace, metaspace
        steps = [{"type": "WhitespaceSplit"}, metaspace]
        return {"type": "Sequence", "pretokenizers": steps}, metaspace


def read_metaspace(steps: Sequence[Section]) -> Metaspace:
    """How the steps of a `pre_tokenizer` treat spaces.

    Raises:
        Unsupported: they do something else besides.
        ValueError: a part is missing or of the wrong kind.
    """
    kinds = [step.text("type") for step in steps]
    if kinds not in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]):
        where = steps[0].where if steps else "pre_tokenizer"
        raise Unsupported(
            f"{where} {kinds} is not supported, only Metaspace, alone or after WhitespaceSplit"
        )
    for step in steps[:-1]:
        step.done()
    return replace(metaspace_of(steps[-1]), split_at_space=len(steps) == 2)


def metaspace_of(section: Section) -> Metaspace:
    """Read a `Metaspace` section, which is built the same in a pre-tokenizer and in a decoder."""
    section.text("type")
    section.must_be("replacement", SPACE)
    section.get("str_rep", None)  # the replacement once more, in files of 2020 and before
    # Before version 0.14 of the Rust library the scheme was a Boolean.
    before = "always" if section.flag("add_prefix_space", True) else "never"
    scheme = section.text("prepend_scheme", before)
    if scheme not in ("always", "first", "never"):
        raise ValueError(
            f"{section.where}: prepend_scheme={scheme!r:.60}: expected always, first or never"
        )
    split = section.flag("split", True)
    section.done()
    prefix: bool | Prefix = "first" if scheme == "first" else scheme == "always"
    return Metaspace(prefix=prefix, split_words=split)
