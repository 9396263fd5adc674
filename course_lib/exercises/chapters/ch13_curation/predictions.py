"""Chapter 13, predictions: how much of a crawl is kept."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch13_curation import CHAPTER, SECTION

# DCLM-Baseline: tokens kept, of the tokens of its pool (Li et al. 2024).
POOL_TOKENS, KEPT_TOKENS = 240e12, 3.8e12


def _percent() -> float:
    return 100 * KEPT_TOKENS / POOL_TOKENS


EXERCISES = [
    Spec(
        id="13.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="How much is kept",
        prompt="""
        A group collected all of Common Crawl as text, 240 trillion tokens of it, and cleaned it in
        several steps, the last one a learned quality filter. Write a guess before you compute: the
        kept part was 3.8 trillion tokens.
        """,
        parts=[
            Number(
                prompt="Which share of the tokens was kept, in percent?",
                key=_percent,
                tolerance=0.1,
                near=[
                    Near(
                        lambda: 100 - _percent(),
                        "That is the share that was dropped.",
                        "dropped-share",
                    ),
                    Near(
                        lambda: _percent() / 100,
                        "That is the share as a fraction; the question wants percent.",
                        "fraction-for-percent",
                    ),
                    Near(
                        lambda: 100 * POOL_TOKENS / KEPT_TOKENS / 100,
                        "You divided the pool by what was kept. A share is the part over the "
                        "whole.",
                        "inverted-ratio",
                    ),
                ],
                units={"": 1.0, "%": 1.0, "percent": 1.0},
                unit_hint="percent, such as 12 %",
                key_format="{:,.1f} %",
                feedback="3.8 of 240 is 1.6 in a hundred.",
                too_small="Less than was kept. Divide 3.8 by 240.",
                too_large="More than was kept: of a hundred tokens fewer than two stayed.",
            )
        ],
        reveal=lambda: (
            f"{_percent():.1f} %: within the lecture's 1 to 3 %. Rules alone, on English pages, "
            "keep about 11 % (C4, RefinedWeb). The share depends on what counts as raw."
        ),
        hints=["The part over the whole, times 100."],
        explain="""
        The two numbers are those of DCLM-Baseline. A share of kept text means little without its
        denominator: all languages or one, raw pages or pages that passed a first filter, documents
        or tokens.
        """,
    ),
]
