"""Chapter 05, ideas, predictions and numbers: how a model comes to know the order."""

from __future__ import annotations

import math

import numpy as np

from course_lib.exercises.chapter_05_code import sinusoidal
from course_lib.exercises.chapter_07_code import softmax
from course_lib.exercises.spec import Choice, Near, Number, Option, Spec

CHAPTER = "05_positions"
SECTION = "Positional encoding"


def order_shows() -> bool:
    """Tell whether attention without mask and positions gives a word another result elsewhere."""
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 3, 4))
    turned = [2, 1, 0]
    return not np.allclose(_open(q, k, v)[turned], _open(q[turned], k[turned], v[turned]))


def _open(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Attend with no mask: every word sees every word."""
    return softmax(q @ k.T / math.sqrt(q.shape[1])) @ v


def product(a: int, b: int) -> float:
    """Compute the dot product of two rows of width 8."""
    rows = sinusoidal(max(a, b) + 1, 8)
    return round(float(rows[a] @ rows[b]), 9)


def wavelength(pair: int, d: int) -> float:
    """Compute how many positions a pair needs to go round once."""
    return 2 * math.pi * 10000 ** (2 * pair / d)


EXERCISES = [
    Spec(
        id="05.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="The dog and the man",
        prompt="""
        An encoder without any positions reads “dog bites man” and then “man bites dog”. No word is
        masked.
        """,
        parts=[
            Choice(
                prompt="What happens to the vectors that come out?",
                options=[
                    Option(
                        "The same three vectors come out, in another order.",
                        lambda: not order_shows(),
                        "Scores compare words, not places. *dog* meets the same keys in both "
                        "texts. (A causal mask is another matter: it hides what comes later, "
                        "which gives some order away.)",
                    ),
                    Option(
                        "Other vectors, because attention reads from left to right.",
                        order_shows,
                        "Attention compares all pairs at once. Nothing in a dot product says which "
                        "word stood first.",
                        "attention-knows-order",
                    ),
                    Option(
                        "Only *bites* changes, since its neighbours have changed places.",
                        False,
                        "*bites* takes a mean of values, and a mean does not care in which order "
                        "they come.",
                        "neighbours-count",
                    ),
                    Option(
                        "Other vectors, because the feed-forward network counts.",
                        False,
                        "The feed-forward network sees one token at a time and knows nothing of "
                        "its place.",
                        "feed-forward-counts",
                    ),
                ],
            )
        ],
        hints=["Which step of attention would change if rows and columns were shuffled alike?"],
        explain="""
        Shuffle the input of an encoder without positions, and the output is shuffled in the same
        way. To it, a sentence is a bag of words.
        """,
    ),
    Spec(
        id="05.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Both places move",
        prompt="""
        Two positions, 3 and 7, have sinusoidal rows of width 8. Now both move on by five places.
        """,
        parts=[
            Choice(
                id="product",
                prompt="The dot product of the two rows …",
                options=[
                    Option(
                        "stays the same.",
                        lambda: product(8, 12) == product(3, 7),
                        "sin a · sin b + cos a · cos b is cos(a - b): only the difference is left.",
                    ),
                    Option(
                        "grows.",
                        lambda: product(8, 12) > product(3, 7),
                        "The rows are no counters: they do not get longer further on. Every pair "
                        "stays on its circle.",
                        "position-is-counter",
                    ),
                    Option(
                        "shrinks.",
                        lambda: product(8, 12) < product(3, 7),
                        "It would shrink if the two moved apart. Their distance is still four.",
                        "place-is-distance",
                    ),
                ],
            ),
            Choice(
                id="rows",
                prompt="And the rows themselves?",
                options=[
                    Option(
                        "Both change, and keep their length.",
                        lambda: (
                            not np.allclose(sinusoidal(9, 8)[3], sinusoidal(9, 8)[8])
                            and np.allclose((sinusoidal(9, 8) ** 2).sum(axis=1), 4)
                        ),
                        "Each pair turns by its own angle. Four points of circles of radius one: "
                        "the length is always 2.",
                    ),
                    Option(
                        "They stay the same, since the distance does.",
                        lambda: np.allclose(sinusoidal(9, 8)[3], sinusoidal(9, 8)[8]),
                        "A row says where a word stands, so it must change. It is the *product* of "
                        "two that stays.",
                        "rows-are-relative",
                    ),
                    Option(
                        "They change and get longer.",
                        lambda: bool((sinusoidal(9, 8)[8] ** 2).sum() > 4.01),
                        "sin² + cos² is one for each pair, wherever it stands.",
                        "rows-grow",
                    ),
                ],
            ),
        ],
        reveal=lambda: (
            f"Positions 3 and 7: {product(3, 7):.4f}. Positions 8 and 12: {product(8, 12):.4f}. "
            f"Positions 3 and 12, further apart: {product(3, 12):.4f}."
        ),
        hints=["cos(a - b) = cos a · cos b + sin a · sin b."],
        explain="Sines and cosines are chosen so that products of rows depend on distance only.",
    ),
    Spec(
        id="05.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="The fastest and the slowest wave",
        prompt="""
        Sinusoids of width 512: pair i has the angle position / 10000^(2i/512), i from 0 to 255.
        """,
        parts=[
            Number(
                id="shortest",
                prompt="After how many positions has the fastest pair gone round once?",
                key=lambda: wavelength(0, 512),
                tolerance=0.01,
                near=[
                    Near(
                        lambda: 1.0,
                        "In one position the fastest pair turns by 1 radian. A whole turn is 2π "
                        "radians.",
                        "radian-is-turn",
                    ),
                    Near(
                        lambda: 2.0,
                        "That would be half a turn a position. It turns by 1 radian a position, "
                        "and a turn has 2π of them.",
                        "alternates",
                    ),
                    Near(
                        lambda: math.pi,
                        "After π positions it has gone half way round.",
                        "half-turn",
                    ),
                    Near(
                        lambda: 360.0,
                        "Angles are in radians: a turn is 2π, not 360.",
                        "degrees",
                    ),
                ],
                units={"": 1.0, "positions": 1.0, "tokens": 1.0},
                unit_hint="a number of positions",
                key_format="{:.2f}",
                feedback="2π, about 6.28 positions.",
            ),
            Number(
                id="longest",
                prompt="And the slowest?",
                key=lambda: wavelength(255, 512),
                tolerance=0.01,
                near=[
                    Near(
                        lambda: wavelength(256, 512),
                        "The last pair is i = 255, not 256: its exponent is 510/512, just short "
                        "of 1.",
                        "last-pair-is-half",
                    ),
                    Near(
                        lambda: wavelength(255, 512) / (2 * math.pi),
                        "That is the number of positions for one radian. A turn takes 2π times as "
                        "many.",
                        "radian-is-turn",
                    ),
                    Near(
                        lambda: wavelength(511, 512),
                        "You let i run over all 512 columns. There are 256 pairs.",
                        "columns-are-pairs",
                    ),
                    Near(
                        lambda: 2 * math.pi,
                        "That is the fastest pair. The slowest turns 10000^(510/512) times more "
                        "slowly.",
                        "one-speed",
                    ),
                ],
                units={"": 1.0, "positions": 1.0, "tokens": 1.0},
                unit_hint="a number of positions",
                key_format="{:,.0f}",
                feedback="2π · 10000^(510/512), about 60,600 positions.",
            ),
        ],
        hints=["A turn is 2π radians. How many radians does pair i turn in one position?"],
        explain="""
        From six positions to sixty thousand: fast pairs tell neighbours apart, slow ones tell the
        beginning from the end.
        """,
    ),
]
