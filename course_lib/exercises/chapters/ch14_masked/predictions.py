"""Chapter 14, prediction: how many places of a row carry loss."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch14_masked import CHAPTER, SECTION

LENGTH, RATE, HIDDEN = 512, 0.15, 0.8

EXERCISES = [
    Spec(
        id="14.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="How much is asked",
        prompt=f"""
        A row has {LENGTH} ordinary tokens. BERT chooses 15 % of them; of those 80 % are hidden,
        10 % exchanged and 10 % kept.
        """,
        parts=[
            Number(
                prompt="How many places carry loss?",
                key=lambda: LENGTH * RATE,
                tolerance=0.015,
                near=[
                    Near(
                        lambda: LENGTH * RATE * HIDDEN,
                        "These are the hidden ones. All chosen tokens are asked for, the exchanged "
                        "and the kept ones too.",
                        "only-masks-count",
                    ),
                    Near(
                        lambda: float(LENGTH),
                        "Then a model would be paid for copying what it sees. Only chosen places "
                        "carry loss.",
                        "mlm-learns-from-all",
                    ),
                    Near(
                        lambda: LENGTH * RATE * (1 - HIDDEN / 8),
                        "You left the kept ones out. They were chosen, so they are asked for.",
                        "kept-do-not-count",
                    ),
                ],
                feedback="15 % of 512 are 76.8: 76 or 77 places.",
                too_small="All chosen tokens count, whatever is shown in their place.",
                too_large="Only chosen tokens count.",
            )
        ],
        reveal=lambda: (
            f"{LENGTH * RATE:.0f} of {LENGTH}. A causal model asks for the next token at all "
            f"{LENGTH - 1} places that have one: {(LENGTH - 1) / (LENGTH * RATE):.1f} times as "
            "many. That is the price of seeing both sides."
        ),
        hints=["Chosen means asked for."],
        explain="""
        An encoder needs several times as many rows for as many targets. What it gets in return is a
        vector for each token that knows both sides.
        """,
    ),
]
