"""Chapter 09, numbers: visible pairs."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch09_models import CHAPTER, SECTION
from course_lib.exercises.chapters.ch09_models.facts import READ, WRITTEN, pairs


def all_pairs() -> int:
    """Count those of an encoder-decoder: encoder, decoder, and the bridge between them."""
    inside = pairs("encoder") + pairs("decoder", WRITTEN, WRITTEN)
    return inside + pairs("cross", WRITTEN, READ)


def _near(value: int, feedback: str, belief: str) -> Near:
    return Near(lambda: float(value), feedback, belief)


EXERCISES = [
    Spec(
        id="09.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Visible pairs",
        prompt="""
        Count the pairs (who looks, who is looked at) that one layer's masks leave visible. There
        is no padding. A word counts as seeing itself where the mask allows it.
        """,
        parts=[
            Number(
                id="encoder",
                prompt=f"An encoder that reads {READ} words.",
                key=lambda: float(pairs("encoder")),
                tolerance=0.0,
                relative=False,
                near=[
                    _near(
                        READ * (READ - 1),
                        "You left out that each word sees itself.",
                        "diagonal-hidden",
                    ),
                    _near(
                        READ * (READ - 1) // 2,
                        "You counted each two words once. Looking is directed: A at B, and B at A.",
                        "attention-symmetric",
                    ),
                    _near(
                        READ * (READ + 1) // 2,
                        "That is the decoder's number. An encoder sees what follows, too.",
                        "encoder-causal",
                    ),
                ],
                units=counts("pairs", "pair", "pairs of words"),
                low=0.0,
                unit_hint="a number of pairs",
                feedback=f"{READ} rows of {READ}.",
                too_small="Too small. Every word sees every word.",
                too_large=f"Too large. There are {READ} who look and {READ} to look at.",
            ),
            Number(
                id="decoder",
                prompt=f"A decoder-only model that has {READ} words before it.",
                key=lambda: float(pairs("decoder")),
                tolerance=0.0,
                relative=False,
                near=[
                    _near(
                        READ * (READ - 1) // 2,
                        "You lost the diagonal: a word sees itself, and the first one sees "
                        "nothing else.",
                        "diagonal-hidden",
                    ),
                    _near(
                        READ * READ // 2,
                        "Not quite half: the diagonal belongs to the visible side as a whole.",
                        "half-of-the-table",
                    ),
                    _near(
                        READ * READ,
                        "That is the whole table. What comes later is hidden.",
                        "no-mask",
                    ),
                ],
                units=counts("pairs", "pair", "pairs of words"),
                low=0.0,
                unit_hint="a number of pairs",
                feedback=f"1 + 2 + … + {READ}.",
                too_small=f"Too small. Row 1 has one entry, row {READ} has {READ}.",
                too_large=f"Too large. Row 1 has one entry, row {READ} has {READ}.",
            ),
            Number(
                id="all",
                prompt=f"An encoder-decoder that reads {READ} words and holds {WRITTEN} written "
                "ones: encoder, decoder and the bridge, one layer of each.",
                key=lambda: float(all_pairs()),
                tolerance=0.0,
                relative=False,
                near=[
                    _near(
                        pairs("encoder") + pairs("decoder", WRITTEN, WRITTEN),
                        "You left out the bridge: every written word sees every word read.",
                        "no-bridge",
                    ),
                    _near(
                        READ * READ + WRITTEN * WRITTEN + READ * WRITTEN,
                        "The decoder's own mask is causal: 1 + 2 + … pairs, not the whole table.",
                        "no-mask",
                    ),
                    _near(
                        (READ + WRITTEN) ** 2,
                        "You joined both texts. The words read never look at the written ones, and "
                        "the decoder does not look ahead.",
                        "one-text",
                    ),
                    _near(
                        (READ + WRITTEN) * (READ + WRITTEN + 1) // 2,
                        "That is a decoder-only model that has both texts in one row. Here the "
                        "encoder reads its words both ways.",
                        "one-text-causal",
                    ),
                ],
                units=counts("pairs", "pair", "pairs of words"),
                low=0.0,
                unit_hint="a number of pairs",
                feedback=f"{pairs('encoder')} + {pairs('decoder', WRITTEN, WRITTEN)} + "
                f"{pairs('cross', WRITTEN, READ)}.",
                too_small="Too small. Three masks: encoder, decoder, bridge.",
                too_large="Too large. Three masks: encoder, decoder, bridge.",
            ),
        ],
        hints=["Draw the tables and count the rows."],
        explain="""
        A causal mask leaves n (n + 1) / 2 of n² pairs, a little more than half. The bridge leaves
        all of its own.
        """,
    ),
]
