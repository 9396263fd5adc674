"""Chapter 02, numbers: how many attention weights?"""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch02_simplified import CHAPTER, SECTION
from course_lib.exercises.chapters.ch02_simplified.facts import HEADS, LAYERS, SOURCE, TARGET


def attention_weights_in_all(source: int, target: int, cross_columns: int | None = None) -> int:
    """Count all attention weights: tables of the encoder, of the decoder, and between the two."""
    columns = source if cross_columns is None else cross_columns
    return LAYERS * HEADS * (source * source + target * target + target * columns)


EXERCISES = [
    Spec(
        id="02.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="How many attention weights?",
        prompt=f"""
        An encoder and a decoder of {LAYERS} layers each, {HEADS} heads in every attention. The
        encoder reads {SOURCE} tokens, the decoder is given {TARGET}.
        """,
        parts=[
            Number(
                prompt="How many attention weights does the model compute in all, hidden cells of "
                "the tables included?",
                key=lambda: attention_weights_in_all(SOURCE, TARGET),
                tolerance=0.0004,
                near=[
                    Near(
                        lambda: LAYERS * HEADS * (SOURCE**2 + TARGET**2),
                        "You left the bridge out. Each decoder layer has a second attention, with "
                        "tables of 8 × 7.",
                        "no-cross-attention",
                    ),
                    Near(
                        lambda: attention_weights_in_all(SOURCE, TARGET, TARGET),
                        "You took 8 × 8 for the tables between the halves. Their columns are the "
                        "7 input tokens.",
                        "cross-is-square",
                    ),
                    Near(
                        lambda: attention_weights_in_all(SOURCE, TARGET) // HEADS,
                        "That is one head. Each attention has 4, each with a table of its own.",
                        "one-head",
                    ),
                    Near(
                        lambda: attention_weights_in_all(SOURCE, TARGET) // LAYERS,
                        "That is one layer on each side. There are 2.",
                        "one-layer",
                    ),
                    Near(
                        lambda: LAYERS * HEADS * (SOURCE + TARGET) ** 2,
                        "You joined both texts to one of 15 tokens. Input tokens never look at "
                        "output tokens, so one quarter of that table does not exist.",
                        "one-text",
                    ),
                    Near(
                        lambda: LAYERS * HEADS * (SOURCE**2 + TARGET * (TARGET + 1) // 2 + 56),
                        "You left out the hidden cells of the decoder's tables. They are there, "
                        "as zeros: count 8 × 8.",
                        "hidden-not-counted",
                    ),
                ],
                units=counts("weights", "attention weights", "numbers"),
                low=0.0,
                unit_hint="a whole number",
                key_format="{:,.0f}",
                feedback="2 · 4 · (7·7 + 8·8 + 8·7) = 8 · 169 = 1,352.",
            )
        ],
        hints=[
            "There are three kinds of tables. How many rows and columns has each?",
            "Each kind exists once for each layer and head.",
        ],
        explain="A table has one row for each token that looks and one column for each looked at.",
    ),
]
