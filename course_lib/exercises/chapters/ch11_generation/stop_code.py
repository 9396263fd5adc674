"""Chapter 11, code: how much of a text may be shown while a stop string may still come."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch11_generation import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference


def shown(text: str, stop: str) -> str:
    """Cut at the stop string, or hold back the longest ending that could become one."""
    if stop in text:
        return text[: text.index(stop)]
    held = max(n for n in range(len(stop)) if text.endswith(stop[:n]))
    return text[: len(text) - held]


def _from_the_front(text: str, stop: str) -> str:
    for start in range(len(text)):
        rest = text[start:]
        if rest.startswith(stop) or stop.startswith(rest):
            return text[:start]
    return text


def _longest_first(text: str, stop: str) -> str:
    before, met, _ = text.partition(stop)
    if met:
        return before
    for n_held in range(len(stop) - 1, 0, -1):
        if text.endswith(stop[:n_held]):
            return text[:-n_held]
    return text


def stop_case(draw: Draw) -> dict[str, Any]:
    """Draw texts of two letters, in which a stop string and its beginnings are frequent."""
    stop = draw.pick(["b", "ba", "aab", "abab", "bbb", "aba"])
    text = "".join("ab"[i] for i in draw.integers(draw.size(0, 9), low=0, high=1))
    return {"text": text, "stop": stop}


_HELD = "max(n for n in range(len(stop)) if text.endswith(stop[:n]))"
STOP_WRONG = {
    "holds-nothing": Wrong(
        edit(shown, ("return text[: len(text) - held]", "return text")),
        "You show an ending that may become the stop string. Once shown it cannot be taken back.",
    ),
    "shortest": Wrong(
        edit(shown, (_HELD, "min((n for n in range(1, len(stop)) if text.endswith(stop[:n])), "
                     "default=0)")),
        "You hold back the shortest ending that fits. A longer one may fit too: hold back the "
        "longest.",
    ),
    "always": Wrong(
        edit(shown, (_HELD, "min(len(stop) - 1, len(text))")),
        "You always hold back as many characters as the stop string may need. Show what cannot "
        "belong to it: a reader is waiting.",
    ),
    "one-character": Wrong(
        edit(shown, ("range(len(stop))", "range(min(2, len(stop)))")),
        "You hold back one character at the most. All but the last character of the stop string "
        "may be there already.",
    ),
    "last-stop": Wrong(
        edit(shown, ("text.index(stop)", "text.rindex(stop)")),
        "You cut at the last stop string. The text ends at the first.",
    ),
    "keeps-the-stop": Wrong(
        edit(shown, ("return text[: text.index(stop)]",
                     "return text[: text.index(stop) + len(stop)]")),
        "You show the stop string itself. The text ends before it.",
    ),
    "shows-all-after": Wrong(
        edit(shown, ("return text[: text.index(stop)]", "return text")),
        "The stop string has come, and you show it and what follows. The text ends before it.",
    ),
}  # fmt: skip

_STOP = '''
def shown(text, stop):
    """The part of the text that may be shown now. More may follow later."""
    # the stop string is there: what stands before its first place
    # else: the text less its longest ending that begins the stop string
    ...
    return ...
'''

EXERCISES = [
    Spec(
        id="11.f",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="What may be shown",
        prompt="""
        A text arrives piece by piece and is to end before the string `stop`. Write `shown(text,
        stop)`, which is called with all that has come so far: if `stop` is there, return what
        stands before its first place. If not, return the text without the longest ending that is a
        beginning of `stop`; it may still become one.
        """,
        code=Code(
            reference=shown,
            starters=[("all but the frame blank", _STOP)],
            also_correct=[_from_the_front, _longest_first],
            wrong=STOP_WRONG,
            generate=stop_case,
            properties=[equals_reference()],
        ),
        hints=[
            "`text.endswith(stop[:n])` says whether the last `n` characters begin the stop string.",
            "Try the longest ending first: `len(stop) - 1` characters.",
        ],
        explain="""
        With the stop string `abab` and the text `xaba`, `aba` must wait, though `a` alone would
        fit as well. What is held back is shown as soon as another letter comes.
        """,
    ),
]
