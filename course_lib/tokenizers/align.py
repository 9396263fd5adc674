"""Where the characters of a normalized text come from."""

from __future__ import annotations

from collections.abc import Callable

Span = tuple[int, int]


def align(normalize: Callable[[str], str], text: str) -> tuple[str, list[Span]]:
    """Normalize a text and say for each character of the result which characters made it.

    The text is cut into the shortest stretches that can be normalized one by one with the same
    result, such as a letter with its accents; all that comes of a stretch has the stretch's span.

    Args:
        normalize: a function of text in which a change has only near effects.
        text: the text.

    Returns:
        The normalized text, and `(start, end)` in `text` for each of its characters.
    """
    pieces: list[str] = []
    spans: list[Span] = []
    start, made = 0, ""
    for end in range(1, len(text) + 1):
        alone = normalize(text[end - 1])
        together = normalize(text[start:end])
        if end - 1 > start and together == made + alone:
            pieces.append(made)
            spans.extend([(start, end - 1)] * len(made))
            start, together = end - 1, alone
        made = together
    pieces.append(made)
    spans.extend([(start, len(text))] * len(made))
    return "".join(pieces), spans
