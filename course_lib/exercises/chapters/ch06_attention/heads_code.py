"""Chapter 06, code: split a width into heads, and merge the heads again."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Contract, Spec, Wrong
from course_lib.exercises.chapters.ch06_attention import CHAPTER
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference

SECTION = "Multiple heads"


def split_heads(x: Array, heads: int) -> Array:
    """Give each head its slice of the width: (B, T, D) to (B, H, T, D / H)."""
    batch, length, width = x.shape
    parts = x.reshape(batch, length, heads, width // heads)
    return parts.transpose(0, 2, 1, 3)


def _split_loops(x: Array, heads: int) -> Array:
    size = x.shape[2] // heads
    result = np.zeros((x.shape[0], heads, x.shape[1], size))
    for b in range(x.shape[0]):
        for h in range(heads):
            for t in range(x.shape[1]):
                result[b, h, t] = x[b, t, h * size : (h + 1) * size]
    return result


def _split_stacked(x: Array, heads: int) -> Array:
    return np.stack(np.split(x, heads, axis=2), axis=1)


def merge_heads(x: Array) -> Array:
    """Put the heads side by side again: (B, H, T, K) to (B, T, H K)."""
    batch, heads, length, size = x.shape
    side_by_side = x.transpose(0, 2, 1, 3)
    return side_by_side.reshape(batch, length, heads * size)


def _merge_loops(x: Array) -> Array:
    batch, heads, length, size = x.shape
    result = np.zeros((batch, length, heads * size))
    for h in range(heads):
        for b in range(batch):
            result[b, :, h * size : (h + 1) * size] = x[b, h]
    return result


def _merge_concatenated(x: Array) -> Array:
    return np.concatenate([x[:, h] for h in range(x.shape[1])], axis=-1)


def split_case(draw: Draw) -> dict[str, Any]:
    """Draw a batch whose width the heads divide."""
    heads, size = draw.size(1, 4), draw.size(1, 4)
    return {"x": draw.array(draw.size(1, 3), draw.size(1, 5), heads * size), "heads": heads}


def merge_case(draw: Draw) -> dict[str, Any]:
    """Draw a batch that is split into heads already."""
    return {"x": draw.array(draw.size(1, 3), draw.size(1, 4), draw.size(1, 5), draw.size(1, 4))}


def _slices(case: Case) -> str | None:
    x, heads = case["x"], case["heads"]
    size = x.shape[2] // heads
    for h in range(heads):
        if not np.array_equal(case.got[:, h], x[:, :, h * size : (h + 1) * size]):
            return f"Head {h} does not hold the columns {h * size} to {(h + 1) * size - 1} of x"
    return None


def _word_stays(case: Case) -> str | None:
    x = case["x"]
    x[:, :, 0] += 100.0
    moved = np.abs(case.call(x=x) - case.got)[:, 1:]
    return "Changing the first word moved the result of another word" if moved.any() else None


_SPLIT = '''
import numpy as np

def split_heads(x, heads):
    """(batch, length, width) to (batch, heads, length, width / heads)."""
    batch, length, width = x.shape
    # cut the last axis into heads and their columns
    parts = ...
    # bring the heads before the words
    return ...
'''
_MERGE = '''
import numpy as np

def merge_heads(x):
    """(batch, heads, length, size) to (batch, length, heads * size)."""
    batch, heads, length, size = x.shape
    ...
'''

EXERCISES = [
    Spec(
        id="06.g",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Split the width into heads",
        prompt="""
        Write `split_heads(x, heads)`: from (batch, length, width) to
        (batch, heads, length, width / heads). Head 0 gets the first columns of every word, head 1
        the next, and so on.
        """,
        code=Code(
            reference=split_heads,
            starters=[("two steps blank", _SPLIT)],
            also_correct=[_split_loops, _split_stacked],
            wrong={
                "no-transpose": Wrong(
                    edit(
                        split_heads,
                        ("(batch, length, heads, width // heads)", "(batch, heads, length, -1)"),
                        ("parts.transpose(0, 2, 1, 3)", "parts"),
                    ),
                    "The shape is right and the content is not: `reshape` only cuts the numbers "
                    "anew, so a head gets some words whole and no slice of the others. Cut the "
                    "last axis first, then transpose.",
                ),
                "interleaved": Wrong(
                    edit(
                        split_heads,
                        ("heads, width // heads)", "width // heads, heads)"),
                        ("transpose(0, 2, 1, 3)", "transpose(0, 3, 1, 2)"),
                    ),
                    "Your heads take turns: head 0 holds the columns 0, H, 2H, … Each head takes "
                    "*neighbouring* columns, so the last axis is cut as (heads, size).",
                ),
                "words-before-heads": Wrong(
                    edit(split_heads, ("parts.transpose(0, 2, 1, 3)", "parts")),
                    "The cut is right, but the words still stand before the heads. Each head works "
                    "on a whole sequence: bring the heads to the second axis with "
                    "`transpose(0, 2, 1, 3)`.",
                ),
                "turned": Wrong(
                    edit(split_heads, ("transpose(0, 2, 1, 3)", "transpose(0, 2, 3, 1)")),
                    "Each head's table is turned: columns before words. The last two axes must be "
                    "(length, size).",
                ),
                "batch-folded": Wrong(
                    edit(
                        split_heads,
                        (
                            "parts.transpose(0, 2, 1, 3)",
                            "parts.transpose(0, 2, 1, 3).reshape(batch * heads, length, -1)",
                        ),
                    ),
                    "You fold the heads into the batch. Some libraries do; here four axes are "
                    "wanted, (batch, heads, length, size).",
                ),
                "heads-reversed": Wrong(
                    edit(
                        split_heads,
                        ("parts.transpose(0, 2, 1, 3)", "np.stack(np.split(x, heads, 2)[::-1], 1)"),
                    ),
                    "Your heads are in reverse order: head 0 must get the first columns.",
                ),
            },
            generate=split_case,
            properties=[equals_reference()],
            diagnose=[Property("each head holds its own columns", _slices)],
            contract=Contract(alias=True),
        ),
        hints=[
            "`x.reshape(batch, length, heads, width // heads)` cuts only the last axis.",
            "`transpose` takes the axes in their new order; only axes 1 and 2 change places.",
        ],
        explain="""
        `reshape` never moves a number, it only draws new borders; `transpose` moves them. Splitting
        needs both, in this order.
        """,
    ),
    Spec(
        id="06.g2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Merge the heads",
        prompt="""
        Write `merge_heads(x)`, which undoes the split: from (batch, heads, length, size) to
        (batch, length, heads × size), the heads of each word side by side in their order.
        """,
        code=Code(
            reference=merge_heads,
            starters=[("only the docstring", _MERGE)],
            also_correct=[_merge_loops, _merge_concatenated],
            wrong={
                "no-transpose": Wrong(
                    edit(merge_heads, ("x.transpose(0, 2, 1, 3)", "x")),
                    "Without a transpose, one row of your result joins *different words of one "
                    "head*. Bring the words before the heads first, then reshape.",
                ),
                "interleaved": Wrong(
                    edit(merge_heads, ("transpose(0, 2, 1, 3)", "transpose(0, 2, 3, 1)")),
                    "You put first columns beside first columns, so the heads are interleaved. "
                    "Each head's columns stay together, head after head.",
                ),
                "mean": Wrong(
                    edit(
                        merge_heads,
                        ("side_by_side.reshape(batch, length, heads * size)", "x.mean(axis=1)"),
                    ),
                    "You average the heads. They hold different things; put them side by side, and "
                    "let the output matrix mix them afterwards.",
                ),
                "sum": Wrong(
                    edit(
                        merge_heads,
                        ("side_by_side.reshape(batch, length, heads * size)", "x.sum(axis=1)"),
                    ),
                    "You add the heads up, so what each one found can no longer be told apart. Put "
                    "them side by side.",
                ),
                "first-head": Wrong(
                    edit(
                        merge_heads,
                        ("side_by_side.reshape(batch, length, heads * size)", "x[:, 0]"),
                    ),
                    "You keep head 0 and lose the others. The merged width is heads × size.",
                ),
                "along-words": Wrong(
                    edit(
                        merge_heads,
                        ("(batch, length, heads * size)", "(batch, length * heads, size)"),
                    ),
                    "You put the heads one below the other, as if they were more words. They "
                    "belong side by side: the width grows, not the length.",
                ),
            },
            generate=merge_case,
            properties=[equals_reference()],
            diagnose=[Property("a word's heads stay with that word", _word_stays)],
            contract=Contract(alias=True),
        ),
        hints=[
            "Which axis must stand beside `size` before the two become one?",
            "`x.transpose(0, 2, 1, 3)` has the shape (batch, length, heads, size).",
        ],
        explain="Transpose, then reshape: the two steps of the split, undone in reverse order.",
    ),
]
