"""A `pre_tokenizer` section as a function: the words of a text, and where their characters lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from course_lib.tokenizers.align import Span
from course_lib.tokenizers.files.section import Section
from course_lib.tokenizers.metaspace import metaspace_of
from course_lib.tokenizers.pretokenize import build_cutter, in_turn, steps_of

Words = Callable[[str, bool], list[tuple[str, list[Span]]]]


def build_words(section: Mapping[str, Any] | None, where: str = "pre_tokenizer") -> Words:
    """The function that cuts a normalized text into words.

    It takes the text and whether it stands at the beginning of the whole text, and returns each
    word with the span in the text of each of its characters.

    Args:
        section: steps that cut, and at the end perhaps a `Metaspace`; None makes all one word.
        where: what messages call it.

    Raises:
        Unsupported: a step that is not known here.
        ValueError: a part is missing or of the wrong kind.
    """
    steps = [] if section is None else steps_of(Section(section, where))
    metaspace = None
    if steps and steps[-1].text("type") == "Metaspace":
        metaspace = metaspace_of(steps.pop())
    cut = in_turn([build_cutter(step.content, step.where) for step in steps])

    def words(text: str, first: bool) -> list[tuple[str, list[Span]]]:
        made: list[tuple[str, list[Span]]] = []
        for start, end in cut(text):
            if metaspace is None:
                made.append((text[start:end], [(i, i + 1) for i in range(start, end)]))
                continue
            for word, spans in metaspace.cut_with_spans(text[start:end], first and start == 0):
                made.append((word, [(a + start, b + start) for a, b in spans]))
        return made

    return words
