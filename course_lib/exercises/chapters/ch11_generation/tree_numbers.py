"""Chapter 11, numbers: a tree of texts searched by hand, and how many tokens a pass brings."""

from __future__ import annotations

from itertools import product
from typing import Any

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch11_generation import CHAPTER, SECTION

FIRST = {"A": 0.40, "B": 0.35, "C": 0.25}
SECOND = {"A": (0.55, 0.45), "B": (0.70, 0.30), "C": (0.90, 0.10)}
THIRD = {"A": (0.50, 0.50), "B": (0.60, 0.40), "C": (0.90, 0.10)}


def chance(text: tuple[str, int, int]) -> float:
    """Multiply the chances along one text of three tokens."""
    first, second, third = text
    return FIRST[first] * SECOND[first][second] * THIRD[first][third]


def beam(n_beams: int) -> float:
    """Search with some beams; give the chance of the best text that is left."""
    best: list[tuple[float, tuple[Any, ...]]] = [(p, (a,)) for a, p in FIRST.items()]
    best = sorted(best, reverse=True)[:n_beams]
    for table in (SECOND, THIRD):
        longer = [(p * table[text[0]][i], (*text, i)) for p, text in best for i in (0, 1)]
        best = sorted(longer, reverse=True)[:n_beams]
    return best[0][0]


def tokens_a_pass(kept: float, n_draft: int) -> float:
    """Add up the chances that the first i guesses are kept, and one token of the model's own."""
    return sum(kept**i for i in range(n_draft + 1))


_BEST = max(chance((a, i, j)) for a, i, j in product(FIRST, (0, 1), (0, 1)))


def _probability(n_beams: int, prompt: str, near: list[Near], why: str) -> Number:
    return Number(
        id=f"beams{n_beams}",
        prompt=prompt,
        key=lambda: beam(n_beams),
        tolerance=0.01,
        near=near,
        form="share",
        unit_hint="a probability, such as 0.123 or 12.3 %",
        key_format="{:.4f}",
        feedback=why,
    )


def _at_two_steps(first: str, why: str) -> Near:
    return Near(
        lambda: FIRST[first] * SECOND[first][0],
        f"That is the chance of two tokens. {why}",
        "stops-early",
    )


EXERCISES = [
    Spec(
        id="11.h",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="A tree by hand",
        prompt="""
        Texts have three tokens. The first is A (0.40), B (0.35) or C (0.25). After A: x (0.55) or y
        (0.45), then x or y (0.50 each). After B: x (0.70) or y (0.30), then x (0.60) or y (0.40).
        After C: x (0.90) or y (0.10), then x (0.90) or y (0.10). How likely is the best text that
        each search ends with?
        """,
        parts=[
            _probability(
                1,
                "Greedy, which is one beam",
                [
                    _at_two_steps("A", "A third token follows."),
                    Near(
                        lambda: _BEST,
                        "That is the best text of all. Greedy begins with A, the likeliest first "
                        "token, and does not come back.",
                        "greedy-is-best",
                    ),
                ],
                "0.40 · 0.55 · 0.50 = 0.11.",
            ),
            _probability(
                2,
                "Two beams",
                [
                    Near(
                        lambda: beam(1),
                        "That is the greedy text. B, kept as the second beam, leads to a likelier "
                        "one.",
                        "beam-is-greedy",
                    ),
                    Near(
                        lambda: _BEST,
                        "That text begins with C, which is third after one token: two beams have "
                        "dropped it.",
                        "beam-is-exhaustive",
                    ),
                    _at_two_steps("B", "A third token follows."),
                ],
                "After one token A and B are kept; B x x has 0.35 · 0.70 · 0.60 = 0.147.",
            ),
            _probability(
                3,
                "Three beams",
                [
                    Near(
                        lambda: beam(2),
                        "That is what two beams find. With three, C is kept after the first token. "
                        "Where does it lead?",
                        "no-gain",
                    ),
                    _at_two_steps("C", "A third token follows."),
                ],
                "C x x has 0.25 · 0.90 · 0.90 = 0.2025, the best text of all.",
            ),
        ],
        hints=[
            "Multiply along each text; keep as many texts after each token as there are beams.",
            "A beginning that is dropped cannot come back.",
        ],
        explain="""
        The narrow searches are fooled by a first token that looks good and leads nowhere. More
        beams put the decision off; only a search that drops no beginning is sure to find the
        best text.
        """,
    ),
    Spec(
        id="11.i",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Tokens a pass",
        prompt="""
        A draft guesses 4 tokens, and each guess is kept with a chance of 0.6 if all before it were.
        Whatever happens, the pass also brings one token of the model's own.
        """,
        parts=[
            Number(
                id="four",
                prompt="How many tokens does a pass bring on average?",
                key=lambda: tokens_a_pass(0.6, 4),
                tolerance=0.01,
                near=[
                    Near(
                        lambda: 1 + 4 * 0.6,
                        "You count 0.6 for every guess. The fourth counts only if all four are "
                        "kept: 0.6⁴.",
                        "guesses-are-independent",
                    ),
                    Near(
                        lambda: tokens_a_pass(0.6, 4) - 1,
                        "You left out the model's own token, which comes in every pass.",
                        "no-own-token",
                    ),
                    Near(
                        lambda: 1 / (1 - 0.6),
                        "That is the limit for endlessly many guesses.",
                        "endless-draft",
                    ),
                ],
                units={"": 1.0, "tokens": 1.0, "token": 1.0, "tokens a pass": 1.0},
                low=0.0,
                unit_hint="a number, such as 1.5",
                key_format="{:.3f}",
                feedback="1 + 0.6 + 0.6² + 0.6³ + 0.6⁴ = (1 − 0.6⁵) / (1 − 0.6) = 2.306.",
            ),
            Number(
                id="endless",
                prompt="And what can it not exceed, however many tokens the draft guesses?",
                key=lambda: 1 / (1 - 0.6),
                tolerance=0.01,
                near=[
                    Near(
                        lambda: 1 / 0.6,
                        "You divided by the chance of being kept. A run of kept guesses ends with "
                        "a chance of 0.4 at each: 1 / 0.4.",
                        "divides-by-kept",
                    ),
                    Near(
                        lambda: 0.6 / (1 - 0.6),
                        "You left out the model's own token, which comes in every pass.",
                        "no-own-token",
                    ),
                ],
                units={"": 1.0, "tokens": 1.0, "token": 1.0, "tokens a pass": 1.0},
                low=0.0,
                unit_hint="a number, such as 1.5",
                key_format="{:.3f}",
                feedback="1 / (1 − 0.6) = 2.5: eight guesses bring 2.475 of it.",
            ),
        ],
        hints=[
            "The i-th guess brings a token only if the first i are kept.",
            "Add up 0.6 to the i.",
        ],
        explain="""
        Guesses after a rejected one are lost, so a longer draft soon brings little. A better draft
        does: at 0.9 the limit is 10.
        """,
    ),
]
