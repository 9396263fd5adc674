"""Beam search on a small tree of texts, step by step: what is extended, what is kept, what is lost.

Chapter: 11_generative_configuration
"""

from collections.abc import Mapping
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget, number
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, listed, scroll
from course_lib.widgets.markup import table as html_table

TREE: Mapping[str, Mapping[str, float]] = {
    "": {"the": 0.5, "a": 0.4, "no": 0.1},
    "the": {"old": 0.4, "keys": 0.35, "red": 0.25},
    "a": {"man": 0.9, "dog": 0.1},
    "no": {"man": 0.6, "dog": 0.4},
    "the old": {"man": 0.55, "dog": 0.45},
    "the keys": {"are": 0.7, "open": 0.3},
    "the red": {"door": 0.8, "wine": 0.2},
    "a man": {"came": 0.8, "left": 0.2},
    "a dog": {"came": 0.5, "left": 0.5},
    "no man": {"came": 0.6, "left": 0.4},
    "no dog": {"came": 0.7, "left": 0.3},
}


class BeamStepper(CourseWidget):
    """A reader says which text a number of beams ends with, then follows the search.

    Args:
        tree: From a beginning, words with blanks between them, to the chance of each next word. It
            starts at "", and a beginning that is not in it ends there; all ends are equally long.
        max_beams: The most beams to choose, from 2 to 4.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        TypeError: If a chance is no number.
        ValueError: If the tree has no start or a part that nothing leads to, its texts differ in
            length or are more than 16, chances do not add up to 1, or `max_beams` is out of range.
    """

    _esm = bundle("beam_stepper.js")
    beams = traitlets.Int(1, help="beginnings that are kept").tag(sync=True)
    step = traitlets.Int(0, help="words written so far").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        tree: Mapping[str, Mapping[str, float | int]] = TREE,
        *,
        max_beams: int = 3,
        title: str = "Beam search, one word at a time",
        describe: str = "",
    ) -> None:
        """Checks the tree and writes the static form: what each number of beams finds."""
        if not 2 <= max_beams <= 4:
            raise ValueError(f"max_beams must be 2 to 4, got {max_beams}")
        chances = {
            start: {word: number(f"tree[{start!r}][{word!r}]", p) for word, p in row.items()}
            for start, row in tree.items()
        }
        _check(chances)
        payload: dict[str, Any] = {
            # pairs, since the order of a mapping is lost on the way to the page
            "tree": [
                [start, [[word, p] for word, p in row.items()]] for start, row in chances.items()
            ],
            "beams": max_beams,
            "title": title,
            "describe": describe,
            "badge": "toy numbers",
        }
        rows = (
            (
                _beams(k),
                [f"<td>{escape(best['text'])}</td>", f"<td>{fixed(best['chance'], 3)}</td>"],
            )
            for k in range(1, max_beams + 1)
            for best in [beam_steps(payload, k)[-1][0]]
        )
        static = card(
            title,
            payload["badge"],
            f"<p>{escape(describe)}</p>" if describe else "",
            "<details><summary>What is found</summary>"
            f"{scroll(title, html_table('search', ['best text', 'chance'], rows))}"
            f"<p>{escape(describe_search(payload))}</p></details>",
        )
        super().__init__(payload, static, f"{title}. {describe_search(payload)}")


def _check(tree: Mapping[str, Mapping[str, float]]) -> None:
    if not tree.get(""):
        raise ValueError(f"tree must start at '', got {list(tree)[:3]}")
    reached = {f"{start} {word}".strip() for start, row in tree.items() for word in row}
    stray = sorted(set(tree) - reached - {""})
    if stray:
        raise ValueError(f"tree must lead to each of its beginnings, got nothing to {stray}")
    ends = sorted(reached - set(tree))
    lengths = sorted({len(end.split()) for end in ends})
    if len(lengths) != 1 or len(ends) > 16:
        raise ValueError(
            f"tree must have at most 16 texts of one length, got {len(ends)}: {lengths}"
        )
    for start, row in tree.items():
        if abs(sum(row.values()) - 1) > 1e-9 or min(row.values()) < 0:
            raise ValueError(f"tree[{start!r}] must have chances that add up to 1, got {row}")


def beam_steps(payload: Mapping[str, Any], n_beams: int) -> list[list[dict[str, Any]]]:
    """Searches the tree; the candidates of every step, best first.

    Args:
        payload: Of a `BeamStepper`.
        n_beams: How many beginnings are kept.

    Returns:
        For each step its candidates: text, chance, and whether it is kept. Of equal chances the
        one that stands first in the tree comes first.
    """
    steps: list[list[dict[str, Any]]] = []
    kept: list[tuple[str, float]] = [("", 1.0)]
    tree = dict(payload["tree"])
    while kept[0][0] in tree:
        found = [
            (f"{text} {word}".strip(), chance * p)
            for text, chance in kept
            for word, p in tree[text]
        ]
        found.sort(key=lambda one: -one[1])
        steps.append(
            [
                {"text": text, "chance": chance, "kept": place < n_beams}
                for place, (text, chance) in enumerate(found)
            ]
        )
        kept = found[:n_beams]
    return steps


def best_text(payload: Mapping[str, Any]) -> tuple[str, float]:
    """Finds the likeliest text of all, by trying every one."""
    last = beam_steps(payload, 10**6)[-1][0]
    return last["text"], last["chance"]


def _beams(n: int) -> str:
    return f"{n} beam{'' if n == 1 else 's'}"


def describe_beams(payload: Mapping[str, Any], n_beams: int, step: int) -> str:
    """Says what one step of a search kept and dropped.

    Args:
        payload: Of a `BeamStepper`.
        n_beams: How many beginnings are kept.
        step: From 1; 0 is the empty text.
    """
    steps = beam_steps(payload, n_beams)
    if step == 0:
        return f"{_beams(n_beams)}, before the first word: the empty text."
    here = steps[step - 1]
    kept, dropped = (
        [f"{one['text']} {fixed(one['chance'], 3)}" for one in here if one["kept"] is on]
        for on in (True, False)
    )
    lost = f" Dropped: {listed(dropped)}." if dropped else ""
    end = f" The best of them is the answer: {here[0]['text']}." if step == len(steps) else ""
    return f"{_beams(n_beams)}, word {step} of {len(steps)}: kept {listed(kept)}.{lost}{end}"


def describe_search(payload: Mapping[str, Any]) -> str:
    """Says what each number of beams finds, and what the likeliest text is."""
    found = [
        f"{_beams(k)}: {best['text']} {fixed(best['chance'], 3)}"
        for k in range(1, payload["beams"] + 1)
        for best in [beam_steps(payload, k)[-1][0]]
    ]
    text, chance = best_text(payload)
    return f"{'; '.join(found)}. The likeliest of all texts is {text}, {fixed(chance, 3)}."
