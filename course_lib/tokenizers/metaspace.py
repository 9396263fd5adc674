"""Writing spaces as a character of their own, as SentencePiece does.

Chapter: 03_tokenizer
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

SPACE = "\u2581"
"""The character that stands for a space inside pieces."""
_WORD = regex.compile(f"{SPACE}[^{SPACE}]*|[^{SPACE}]+")
_STRETCH = regex.compile(r"\S+")


@dataclass(frozen=True, kw_only=True)
class Metaspace:
    """Turns text into words in which each space is a `▁` that belongs to the word after it.

    Args:
        prefix: put a space before the text if there is none, so that a word is the same at the
            beginning of a text as inside.
        split_words: cut before every space.
        split_at_space: cut at all white space first and forget how much of it there was.
    """

    prefix: bool = True
    split_words: bool = True
    split_at_space: bool = False

    def cut(self, text: str) -> list[str]:
        """The words of a text."""
        if not self.split_at_space:
            return self._words(text)
        return [word for stretch in _STRETCH.findall(text) for word in self._words(stretch)]

    def cut_with_places(self, text: str) -> list[tuple[str, list[int]]]:
        """The words, and for each place in a word, its end included, the place in the text.

        A space that was put in front has no width: both of its sides are at the same place.
        """
        stretches = [(0, text)]
        if self.split_at_space:
            stretches = [(match.start(), match[0]) for match in _STRETCH.finditer(text)]
        found = []
        for at, stretch in stretches:
            added = self.prefix and not stretch.startswith((" ", SPACE))
            for word in self._words(stretch):
                places = list(range(at, at + len(word) + 1))
                if added:
                    places = [at, *places[:-1]]
                    added = False
                found.append((word, places))
                at = places[-1]
        return found

    def _words(self, text: str) -> list[str]:
        marked = text.replace(" ", SPACE)
        if self.prefix and marked and not marked.startswith(SPACE):
            marked = SPACE + marked
        if self.split_words:
            return _WORD.findall(marked)
        return [marked] if marked else []
