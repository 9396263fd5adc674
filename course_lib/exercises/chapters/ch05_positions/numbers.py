"""Chapter 05, numbers: the fastest and the slowest wave."""

from __future__ import annotations

import math

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch05_positions import CHAPTER, SECTION


def wavelength(pair: int, d: int) -> float:
    """Compute how many positions a pair needs to go round once."""
    return 2 * math.pi * 10000 ** (2 * pair / d)


EXERCISES = [
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
                units=counts("positions", "position", "tokens", "places"),
                low=0.0,
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
                units=counts("positions", "position", "tokens", "places"),
                low=0.0,
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
