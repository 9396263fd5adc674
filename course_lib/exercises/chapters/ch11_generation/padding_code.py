"""Chapter 11, code: prompts of unequal length in one rectangle."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch11_generation import CHAPTER, SECTION
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference


def left_padded(prompts: list[list[int]], pad: int) -> tuple[Array, Array, Array]:
    """Put every prompt at the right edge; positions count real tokens only."""
    longest = max(len(prompt) for prompt in prompts)
    ids = np.full((len(prompts), longest), pad)
    keep = np.zeros((len(prompts), longest), dtype=bool)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = prompt
        keep[row, longest - len(prompt) :] = True
    positions = np.maximum(np.cumsum(keep, axis=1) - 1, 0)
    return ids, keep, positions


def _with_lists(prompts: list[list[int]], pad: int) -> tuple[Array, Array, Array]:
    longest = max(map(len, prompts))
    gaps = [longest - len(prompt) for prompt in prompts]
    ids = [[pad] * gap + prompt for gap, prompt in zip(gaps, prompts, strict=True)]
    keep = [[False] * gap + [True] * (longest - gap) for gap in gaps]
    positions = [[max(i - gap, 0) for i in range(longest)] for gap in gaps]
    return np.array(ids), np.array(keep), np.array(positions)


def _with_arange(prompts: list[list[int]], pad: int) -> tuple[Array, Array, Array]:
    lengths = np.array([len(prompt) for prompt in prompts])
    places = np.arange(lengths.max()) - (lengths.max() - lengths)[:, None]
    ids = np.full(places.shape, pad)
    ids[places >= 0] = np.concatenate([np.array(prompt) for prompt in prompts])
    return ids, places >= 0, places.clip(0)


def padding_case(draw: Draw) -> dict[str, Any]:
    """Draw prompts that may themselves hold the id that is used as padding."""
    n = draw.size(1, 4)
    prompts = [draw.integers(draw.size(1, 5), low=0, high=9).tolist() for _ in range(n)]
    return {"prompts": prompts, "pad": draw.integer(0, 3)}


_PLACE = "longest - len(prompt) :"
PADDING_WRONG = {
    "right": Wrong(
        edit(left_padded, (f"ids[row, {_PLACE}]", "ids[row, : len(prompt)]"),
             (f"keep[row, {_PLACE}]", "keep[row, : len(prompt)]")),
        "You pad on the right. The model continues from the last column, and there a short prompt "
        "would have padding.",
    ),
    "counts-padding": Wrong(
        edit(left_padded, ("np.cumsum(keep, axis=1)", "np.cumsum(keep | True, axis=1)")),
        "Your positions count the padding too. The first *real* token stands at position 0, as it "
        "would alone.",
    ),
    "by-value": Wrong(
        edit(left_padded, ("    positions =", "    keep = ids != pad\n    positions =")),
        "You take every token with the padding's id for padding. A prompt may hold it too: what is "
        "real follows from the lengths.",
    ),
    "inverted": Wrong(
        edit(left_padded, ("return ids, keep,", "return ids, ~keep,")),
        "Your mask is the other way round: True is for real tokens.",
    ),
    "from-one": Wrong(
        edit(left_padded, ("np.cumsum(keep, axis=1) - 1", "np.cumsum(keep, axis=1)")),
        "Your positions begin with 1. The first real token stands at position 0.",
    ),
    "negative": Wrong(
        edit(left_padded, ("np.maximum(np.cumsum(keep, axis=1) - 1, 0)",
                           "np.cumsum(keep, axis=1) - 1")),
        "The padding gets position −1, which no table of positions has. Give it 0; nobody looks "
        "at it.",
    ),
}  # fmt: skip

_PADDING = '''
import numpy as np

def left_padded(prompts, pad):
    """Of prompts, lists of ids: ids, keep and positions, a row a prompt."""
    longest = max(len(prompt) for prompt in prompts)
    ids = ...           # the prompt at the right edge, `pad` before it
    keep = ...          # True for real tokens
    positions = ...     # 0 for the first real token and for padding
    return ids, keep, positions
'''

EXERCISES = [
    Spec(
        id="11.g",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Padding on the left",
        prompt="""
        Write `left_padded(prompts, pad)` for a list of prompts, each a list of ids. Return three
        arrays with a row for each prompt, as wide as the longest: `ids`, with the prompt at the
        right edge and `pad` before it; `keep`, True for real tokens; and `positions`, which count
        real tokens from 0, and are 0 for padding.
        """,
        code=Code(
            reference=left_padded,
            starters=[("all but the frame blank", _PADDING)],
            also_correct=[_with_lists, _with_arange],
            wrong=PADDING_WRONG,
            generate=padding_case,
            properties=[equals_reference()],
        ),
        hints=[
            "A prompt of length n fills the last n columns.",
            "A running count of real tokens, minus 1, gives the positions.",
        ],
        explain="""
        With these three a row is computed as it would be alone. With `ids` alone the model reads
        the padding as text and counts it, and nothing fails.
        """,
    ),
]
