"""Chapter 03, code: one merge of byte pair encoding."""

from __future__ import annotations

from typing import Any

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch03_tokenizer import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def merge(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """Replace each occurrence of a pair of ids by a new id, from left to right."""
    merged = []
    i = 0
    while i < len(ids):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
            merged.append(new)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


def _with_text(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    text = "".join(chr(1 + i) for i in ids)
    both = "".join(chr(1 + i) for i in pair)
    return [ord(character) - 1 for character in text.replace(both, chr(1 + new))]


def _looking_back(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    merged: list[int] = []
    for token in ids:
        if merged and (merged[-1], token) == pair:
            merged[-1] = new
        else:
            merged.append(token)
    return merged


def _overlap(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    starts = {i for i in range(len(ids) - 1) if (ids[i], ids[i + 1]) == pair}
    merged = []
    for i, token in enumerate(ids):
        if i in starts:
            merged.append(new)
        elif i - 1 not in starts:
            merged.append(token)
    return merged


def _first_only(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    for i in range(len(ids) - 1):
        if (ids[i], ids[i + 1]) == pair:
            return [*ids[:i], new, *ids[i + 2 :]]
    return list(ids)


def _from_the_right(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    merged = []
    i = len(ids) - 1
    while i >= 0:
        if i > 0 and (ids[i - 1], ids[i]) == pair:
            merged.append(new)
            i -= 2
        else:
            merged.append(ids[i])
            i -= 1
    return merged[::-1]


def _in_place(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    i = 0
    while i + 1 < len(ids):
        if (ids[i], ids[i + 1]) == pair:
            ids[i : i + 2] = [new]
        i += 1
    return ids


def _either_order(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    merged = []
    i = 0
    while i < len(ids):
        if i + 1 < len(ids) and sorted(ids[i : i + 2]) == sorted(pair):
            merged.append(new)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


def _in_blocks(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    merged = []
    for i in range(0, len(ids), 2):
        block = tuple(ids[i : i + 2])
        merged += [new] if block == pair else list(block)
    return merged


def _as_digits(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    text = " ".join(map(str, ids)).replace(" ".join(map(str, pair)), str(new))
    return [int(number) for number in text.split()]


def merge_case(draw: Draw) -> dict[str, Any]:
    """Draw ids of a small alphabet, some of them part of another's digits, and a pair among them.

    In three cases of four the pair is one that stands in the ids, at whatever place.
    """
    n = draw.size(0, 12)
    alphabet = draw.pick([[1], [1, 2], [1, 2, 12], [1, 11, 12, 112], [0, 7, 256, 257], [3, 33, 5]])
    ids = [alphabet[place] for place in draw.integers(n, low=0, high=len(alphabet) - 1)]
    pair = (draw.pick(alphabet), draw.pick(alphabet))
    if n > 1 and draw.integer(0, 3) < 3:
        place = draw.integer(0, n - 2)
        pair = (ids[place], ids[place + 1])
    new = draw.pick([300, 9, 1121, 256 + 44])
    return {"ids": ids, "pair": pair, "new": new}


def _comes_back(case: Case) -> str | None:
    back: list[int] = []
    for token in case.got:
        back += case["pair"] if token == case["new"] else [token]
    return None if back == case["ids"] else f"With the pair written out again you have {back}"


def _none_left(case: Case) -> str | None:
    left = sum(p == case["pair"] for p in zip(case.got, case.got[1:], strict=False))
    return f"The pair still stands in {left} place{'s' * (left > 1)}" if left else None


CODE = Code(
    reference=merge,
    starters=[
        (
            "two lines blank",
            '''
            def merge(ids, pair, new):
                """Replace each occurrence of the pair by new, from left to right."""
                merged = []
                i = 0
                while i < len(ids):
                    # match: is there a next id, and are the two the pair?
                    if ...:
                        merged.append(new)
                        # step: past everything that was used
                        i += ...
                    else:
                        merged.append(ids[i])
                        i += 1
                return merged
            ''',
        ),
        (
            "blank",
            '''
            def merge(ids, pair, new):
                """Replace each occurrence of the pair by new, from left to right."""
                return ...
            ''',
        ),
    ],
    also_correct=[_with_text, _looking_back],
    wrong={
        "overlap": Wrong(
            _overlap,
            "In `a a a` the pair `a a` begins twice, but the middle `a` can be used only once. "
            "After a merge, go on behind both of its parts.",
        ),
        "keeps-the-second": Wrong(
            edit(merge, ("i += 2", "i += 1")),
            "After a merge you step one place, so the second part of the pair is used again. Step "
            "past both: two places.",
        ),
        "first-match-only": Wrong(
            _first_only,
            "You replace the first occurrence and stop. A merge replaces every occurrence in one "
            "pass.",
        ),
        "from-the-right": Wrong(
            _from_the_right,
            "You go from right to left. In `a a a` that gives `a A` where the rule, left to "
            "right, gives `A a`; training and encoding must use the same rule.",
        ),
        "skips-the-end": Wrong(
            edit(merge, ("while i < len(ids):", "while i < len(ids) - 1:")),
            "Your loop ends before the last id, so a text that does not end with the pair loses "
            "its last token. Look ahead only where there is something ahead.",
        ),
        "in-place": Wrong(
            _in_place,
            "The result is right, but the list you were given is changed. Whoever called you "
            "still needs it: build a new list.",
        ),
        "either-order": Wrong(
            _either_order,
            "You merge `b a` as well as `a b`. A pair has an order; writing the new token out "
            "again would turn `b a` into `a b`.",
        ),
        "even-places-only": Wrong(
            _in_blocks,
            "You cut the ids into blocks of two, so a pair that begins at an odd place is missed. "
            "Look at every place, and jump only after a merge.",
        ),
        "as-text": Wrong(
            _as_digits,
            "You join the ids to a text and replace digits. The ids 11, 2 and 1, 12 then look "
            "alike. Compare whole ids.",
        ),
        "twice-over": Wrong(
            edit(merge, ("merged.append(new)", "merged.extend([new, new])")),
            "You put two new ids for each pair, so nothing gets shorter. One merge, one token.",
        ),
    },
    generate=merge_case,
    properties=[equals_reference(0.0)],
    cases=48,
    diagnose=[
        Property("the pair written out again gives the ids back", _comes_back),
        Property("no pair is left", _none_left),
    ],
)

EXERCISES = [
    Spec(
        id="03.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="One merge",
        prompt="""
        Write `merge(ids, pair, new)`: a new list in which every occurrence of the two ids of
        `pair`, one right after the other, is replaced by the one id `new`. Go from left to right;
        an id that has been used is gone, so `[1, 1, 1]` with the pair `(1, 1)` and 9 gives
        `[9, 1]`. The pair is a tuple. Leave `ids` as it is.
        """,
        code=CODE,
        hints=[
            "Use an index that you move yourself: by two after a merge, by one otherwise.",
            "Before you look at `ids[i + 1]`, ask whether it is there. A slice of a list is a "
            "list, and `[1, 1] == (1, 1)` is false.",
            "`if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:`",
        ],
        explain="""
        This one function is used twice: in training, after each count, and in encoding, once for
        each learned merge in its order.
        """,
    ),
]
