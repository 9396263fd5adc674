"""Chapter 09, numbers and warm-up: how many pairs of words each family looks at."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.chapter_09_code import masks
from course_lib.exercises.spec import Choice, Near, Number, Option, Spec

CHAPTER = "09_transformer_models"
SECTION = "Transformer models"
READ, WRITTEN = 8, 5


def pairs(kind: str, rows: int = READ, columns: int = READ) -> int:
    """Count the pairs that a mask leaves visible, all words being real."""
    return int(masks(kind, rows, np.ones(columns, dtype=bool)).sum())


def all_pairs() -> int:
    """Count those of an encoder-decoder: encoder, decoder, and the bridge between them."""
    inside = pairs("encoder") + pairs("decoder", WRITTEN, WRITTEN)
    return inside + pairs("cross", WRITTEN, READ)


def _near(value: int, feedback: str, belief: str) -> Near:
    return Near(lambda: float(value), feedback, belief)


EXERCISES = [
    Spec(
        id="09.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: the causal mask",
        prompt="From the page on attention.",
        parts=[
            Choice(
                prompt="A text of 5 tokens under a causal mask. Which does the third one see?",
                options=[
                    Option(
                        "tokens 1, 2 and 3",
                        lambda: np.flatnonzero(np.tri(5)[2]).tolist() == [0, 1, 2],
                        "Itself and those before it.",
                    ),
                    Option(
                        "tokens 1 and 2",
                        False,
                        "It sees itself as well: its own query meets its own key.",
                        "diagonal-hidden",
                    ),
                    Option(
                        "tokens 3, 4 and 5",
                        False,
                        "Turned around: what comes later is what must be hidden.",
                        "mask-turned",
                    ),
                    Option(
                        "all five",
                        False,
                        "That is attention without a mask. The causal one hides 4 and 5.",
                        "no-mask",
                    ),
                ],
            )
        ],
        hints=["Which tokens are there when the third one is being read?"],
        explain="Row 3 of the lower left half of the table: three entries.",
    ),
    Spec(
        id="09.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what leaves the encoder",
        prompt="From the page on the simplified architecture.",
        parts=[
            Choice(
                prompt="An encoder of width 64 reads a sentence of 7 tokens. What leaves it?",
                options=[
                    Option(
                        "7 vectors of 64 numbers",
                        True,
                        "One vector for each input token, at the width of the model.",
                    ),
                    Option(
                        "one vector of 64 numbers",
                        False,
                        "Nothing in the encoder brings the tokens together in one vector: each "
                        "keeps its own, from first layer to last.",
                        "fixed-size-context",
                    ),
                    Option(
                        "7 probabilities for each word of the vocabulary",
                        False,
                        "Logits are made by a head. What leaves the encoder are vectors.",
                        "encoder-gives-logits",
                    ),
                    Option(
                        "a table of 7 × 7 weights",
                        False,
                        "Such tables are computed inside, one for each head of each layer. They "
                        "mix the vectors and are then dropped.",
                        "weights-are-result",
                    ),
                ],
            )
        ],
        hints=["How many vectors did the decoder of that page look at?"],
        explain="As many vectors as tokens: a longer sentence gives more of them.",
    ),
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
