"""Where the characters of a normalized text come from.

Source: the Rust library `tokenizers`, `normalizer.rs`, whose bookkeeping this follows: each
character of the result replaces one character, or is put after the one before it, and may take
some that follow along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Span = tuple[int, int]


def align(normalize: Callable[[str], str], text: str) -> tuple[str, list[Span]]:
    """Normalize a text and say for each character of the result which characters made it.

    The text is cut into the shortest stretches that can be normalized one by one with the same
    result, such as a letter with its accents; inside a stretch the characters are matched in order.

    Args:
        normalize: a function of text in which a change has only near effects.
        text: the text.

    Returns:
        The normalized text, and `(start, end)` in `text` for each of its characters.
    """
    pieces: list[str] = []
    spans: list[Span] = []
    start, made = 0, ""

    def close(end: int) -> None:
        pieces.append(made)
        spans.extend((at, at + 1) for at in _sources(start, end, len(made)))

    for end in range(1, len(text) + 1):
        alone = normalize(text[end - 1])
        together = normalize(text[start:end])
        if end - 1 > start and together == made + alone:
            close(end - 1)
            start, together = end - 1, alone
        made = together
    close(len(text))
    return "".join(pieces), spans


def _sources(start: int, end: int, n_made: int) -> Iterable[int]:
    """The place from which each of `n_made` characters out of a stretch came."""
    n_given = end - start
    if n_made >= n_given:
        return [min(start + n, end - 1) for n in range(n_made)]
    # The first of fewer characters is the one that took others along, as in composing accents.
    return [start if n == 0 else end - n_made + n for n in range(n_made)]


def follow(changes: Iterable[tuple[str, int]], n_given: int) -> tuple[str, list[Span]]:
    """The text and the spans that a list of changes makes.

    Args:
        changes: each character of the result, with 0 if it replaces the next character given, 1 if
            it is put in without replacing one, and -n if it replaces one and n after it vanish.
        n_given: how many characters were given.
    """
    characters: list[str] = []
    spans: list[Span] = []
    at = 0
    for character, change in changes:
        characters.append(character)
        if change > 0:
            spans.append((at - 1, at) if at else (0, 0))
            continue
        spans.append((min(at, n_given - 1), min(at + 1, n_given)))
        at += 1 - change
    return "".join(characters), spans
