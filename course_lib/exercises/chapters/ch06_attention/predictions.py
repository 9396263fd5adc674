"""Chapter 06, predictions: A key of zeros; four times as wide, no scaling."""

from __future__ import annotations

import math

import numpy as np

from course_lib.exercises.author.spec import Choice, Near, Number, Option, Spec
from course_lib.exercises.author.units import factors
from course_lib.exercises.chapters.ch06_attention import CHAPTER
from course_lib.exercises.chapters.ch06_attention.code import attention

QUERY = np.array([2.0, 0.0, 0.0, 0.0])
KEYS = np.array([[1.0, 1, 0, 0], [0.0, 0, 0, 0], [-1.0, 0, 1, 0]])


def weights_of_word_three() -> np.ndarray:
    """Compute how word 3 shares out its attention: values that name the words show the weights."""
    queries = np.stack([QUERY, QUERY, QUERY])[None]
    return attention(queries, KEYS[None], np.eye(3)[None])[0, 2]


def top_weight(width: int, scaled: bool, words: int = 16) -> float:
    """Average the largest weight of many rows of random queries and keys of one width."""
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 50, words, width))
    scores = q @ k.swapaxes(1, 2) / (math.sqrt(width) if scaled else 1.0)
    powers = np.exp(scores - scores.max(axis=2, keepdims=True))
    return float((powers / powers.sum(axis=2, keepdims=True)).max(axis=2).mean())


def spread_growth(factor: int) -> float:
    """Measure how much wider the scores spread when the width grows by a factor."""
    rng = np.random.default_rng(0)

    def spread(width: int) -> float:
        q, k = rng.standard_normal((2, 8_000, width))
        return float((q * k).sum(axis=1).std())

    return round(spread(16 * factor) / spread(16), 1)


def _reveal_scaling() -> str:
    rows = [
        f"- width {width}: {top_weight(width, False):.2f} without scaling, "
        f"{top_weight(width, True):.2f} with it"
        for width in (16, 64, 256)
    ]
    return "The average largest weight over 16 words, measured:\n\n" + "\n".join(rows)


EXERCISES = [
    Spec(
        id="06.b",
        version=1,
        chapter=CHAPTER,
        section="Self-attention",
        kind="predict",
        title="A key of zeros",
        prompt="""
        Three words, width 4. Word 3 looks with the query (2, 0, 0, 0). The keys are

        ```
        word 1: ( 1, 1, 0, 0)
        word 2: ( 0, 0, 0, 0)
        word 3: (-1, 0, 1, 0)
        ```
        """,
        parts=[
            Number(
                id="weight",
                prompt="What weight does word 2, whose key is all zeros, get?",
                key=lambda: float(weights_of_word_three()[1]),
                tolerance=0.02,
                relative=False,
                near=[
                    Near(
                        lambda: 0.0,
                        "A score of 0 is not a weight of 0: exp(0) is 1. Only a score of minus "
                        "infinity, a mask, gives nothing.",
                        "zero-score-is-no-attention",
                    ),
                    Near(
                        lambda: 1 / 3,
                        "An even share would need equal scores. Here they are 1, 0 and -1 after "
                        "dividing by √4.",
                        "zero-key-is-even-share",
                    ),
                    Near(
                        lambda: float(np.exp(0) / (np.exp(2) + 1 + np.exp(-2))),
                        "You left out the division by √d = 2: the scores 2, 0, -2 become 1, 0, "
                        "-1 first.",
                        "no-scale",
                    ),
                ],
                form="share",
                unit_hint="a weight such as 0.5, or 50 %",
                key_format="{:.3f}",
                feedback="The scores are 1, 0 and -1, so the weight is 1 / (e + 1 + 1/e), about "
                "0.245.",
            ),
            Choice(
                id="most",
                prompt="Which word does word 3 attend to most?",
                shuffle=False,
                options=[
                    Option(
                        "word 1",
                        lambda: int(weights_of_word_three().argmax()) == 0,
                        "Its key fits the query best: score 2, scaled 1.",
                    ),
                    Option(
                        "word 2",
                        lambda: int(weights_of_word_three().argmax()) == 1,
                        "Its score is 0, below word 1's. A zero key neither attracts nor repels.",
                        "zero-key-attracts",
                    ),
                    Option(
                        "word 3, itself",
                        lambda: int(weights_of_word_three().argmax()) == 2,
                        "A word does not favour itself by rule. Here its own key points away from "
                        "its query, so it gets the smallest weight.",
                        "attends-to-itself",
                    ),
                ],
            ),
        ],
        reveal=lambda: (
            "Word 3 shares out its attention as "
            + ", ".join(f"{weight:.3f}" for weight in weights_of_word_three())
            + " to words 1, 2 and 3."
        ),
        hints=["Each score is the query times a key, divided by √4.", "exp(0) is 1."],
        explain="""
        Zero is a score like any other. And query and key come from different matrices, so a word
        may well fit another word better than itself.
        """,
    ),
    Spec(
        id="06.b2",
        version=1,
        chapter=CHAPTER,
        section="Self-attention",
        kind="predict",
        title="Four times as wide, no scaling",
        prompt="""
        Queries and keys have independent entries of spread 1. The width grows from 16 to 64, and
        nobody divides by √d.
        """,
        parts=[
            Number(
                id="spread",
                prompt="By which factor does the spread of the scores grow?",
                key=lambda: spread_growth(4),
                tolerance=0.1,
                near=[
                    Near(
                        lambda: 4.0,
                        "The *variance* of a sum of d products grows by 4; the spread is its root.",
                        "spread-grows-with-width",
                    ),
                    Near(
                        lambda: 1.0,
                        "A score sums one product for each column, so more columns spread it "
                        "wider, even though each product stays the same.",
                        "spread-is-constant",
                    ),
                    Near(
                        lambda: 16.0,
                        "That squares the width's factor. The spread of a sum of d independent "
                        "products grows as √d.",
                        "spread-grows-squared",
                    ),
                ],
                unit_hint="a factor, such as 3",
                units=factors(),
                low=0.0,
                feedback="A sum of d independent products spreads by √d: √64 is twice √16.",
            ),
            Choice(
                id="rows",
                prompt="What happens to the rows of weights?",
                options=[
                    Option(
                        "They become sharper: more on one word.",
                        lambda: top_weight(64, False) > top_weight(16, False) + 0.1,
                        "Wider scores mean larger factors between weights. Nearly one-hot rows "
                        "also pass back almost no gradient.",
                    ),
                    Option(
                        "They become more even.",
                        lambda: top_weight(64, False) < top_weight(16, False) - 0.1,
                        "Even rows come from scores close together. Here they move apart.",
                        "wide-is-even",
                    ),
                    Option(
                        "They stay as they are: softmax normalises.",
                        lambda: abs(top_weight(64, False) - top_weight(16, False)) <= 0.1,
                        "Softmax fixes the sum of a row, not its shape. Doubling all scores "
                        "squares the ratio of any two weights.",
                        "softmax-undoes-scale",
                    ),
                ],
            ),
        ],
        reveal=_reveal_scaling,
        hints=["The variance of a sum of independent terms is the sum of their variances."],
        explain="Dividing by √d keeps the spread of the scores at 1, whatever the width.",
    ),
]
