"""Chapter 13, predictions: how much of a crawl is kept."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch13_curation import CHAPTER, SECTION

# DCLM-Baseline: tokens kept, of the tokens of its pool (Li et al. 2024).
POOL_TOKENS, KEPT_TOKENS = 240e12, 3.8e12


def _share() -> float:
    return KEPT_TOKENS / POOL_TOKENS


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
                prompt="Which share of the tokens was kept?",
                key=_share,
                tolerance=0.002,
                relative=False,
                near=[
                    Near(
                        lambda: 1 - _share(),
                        "That is the share that was dropped.",
                        "dropped-share",
                    ),
                    Near(
                        lambda: KEPT_TOKENS / (POOL_TOKENS - KEPT_TOKENS) * 10,
                        "Ten times too much: 3.8 of 240 is less than 4 of 200, and that is 2 %.",
                        "a-place-too-far",
                    ),
                ],
                form="share",
                unit_hint="a share such as 0.5, or 50 %",
                key_format="{:.3f}",
                feedback="3.8 of 240 is 0.016, or 1.6 %.",
                too_small="Less than was kept. Divide 3.8 by 240.",
                too_large="More than was kept: of a hundred tokens fewer than two stayed.",
            )
        ],
        reveal=lambda: (
            f"{_share():.1%}: within the lecture's 1 to 3 %. Without a learned filter about "
            "11 % are kept, of English text (C4) or of all pages (RefinedWeb). The share depends "
            "on what counts as raw."
        ),
        hints=["The part over the whole, times 100."],
        explain="""
        The two numbers are those of DCLM-Baseline. A share of kept text means little without its
        denominator: all languages or one, raw pages or pages that passed a first filter, documents
        or tokens.
        """,
    ),
]
