"""Regular expressions that a file brings along: compiled with care, and run for a limited time."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from course_lib.tokenizers.files.section import Section

LONGEST_PATTERN = 20_000
_SECONDS = 5.0  # of a search in a short text
# An expression that calls itself can fill the memory on any text.
_RECURSION = regex.compile(r"\(\?(?:R|[+-]?\d+|&|P>)")


def compile_pattern(expression: str) -> regex.Pattern[str]:
    r"""Compile an expression in the syntax of the `regex` package, which is near Oniguruma's.

    Python's own `re` has no `\p{L}`, and its `\s` takes four control characters more. A set inside
    a set is a set, as in the expressions of a `tokenizer.json`.

    Raises:
        ValueError: it is empty, no regular expression, calls itself, or is nested too deeply.
    """
    if not expression:
        raise ValueError("pattern is empty: it would cut nothing")
    if len(expression) > LONGEST_PATTERN:
        raise ValueError(f"pattern has {len(expression)} characters, at most {LONGEST_PATTERN}")
    if _RECURSION.search(expression):
        raise ValueError(f"pattern calls itself, which is not supported: {expression!r:.80}")
    try:
        return regex.compile(expression, regex.V1)
    except RecursionError:
        raise ValueError(f"pattern is nested too deeply: {expression!r:.80}") from None
    except (regex.error, OverflowError, MemoryError) as error:
        raise ValueError(f"pattern is no regular expression: {expression!r:.80}: {error}") from None


def find_all(pattern: regex.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Where the pattern matches, in order; an endless search is given up.

    Raises:
        ValueError: it took longer than 5 seconds and one more for each 100,000 characters.
    """
    try:
        for match in pattern.finditer(text, timeout=_SECONDS + len(text) / 100_000):
            yield match.span()
    except TimeoutError:
        raise ValueError(
            f"pattern takes too long on a text of {len(text)} characters: {pattern.pattern!r:.80}"
        ) from None


def read_pattern(section: Section) -> str | regex.Pattern[str]:
    """The `pattern` of a section: a string, or a compiled regular expression.

    Raises:
        ValueError: it is neither, empty, or no regular expression.
    """
    inner = section.inside("pattern")
    text, expression = inner.text("String", None), inner.text("Regex", None)
    inner.done()
    if (text is None) == (expression is None):
        raise ValueError(f"{inner.where}: expected either a String or a Regex")
    if not (text or expression):
        raise ValueError(f"{inner.where} is empty")
    return text if expression is None else compile_pattern(expression)
