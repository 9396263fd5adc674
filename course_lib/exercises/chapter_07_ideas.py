"""Chapter 07, ideas, predictions and numbers: the feed-forward block and softmax."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.chapter_06_numbers import attention_parameters
from course_lib.exercises.chapter_07_code import softmax
from course_lib.exercises.spec import Choice, Near, Number, Option, Spec

CHAPTER = "07_feed_forward_softmax"
SECTION = "Feed-forward network and softmax"
LOGITS = np.array([2.0, 1.0, 0.5, -1.0])
ONE_UP = LOGITS + np.array([0.0, 3.0, 0.0, 0.0])


def feed_forward_parameters(width: int, factor: int) -> int:
    """Count the weights of a feed-forward block without biases: up and down again."""
    return width * factor * width + factor * width * width


def share_of_block(width: int) -> float:
    """Give the feed-forward block's share of the weights of attention and feed-forward."""
    feed_forward = feed_forward_parameters(width, 4)
    return feed_forward / (feed_forward + attention_parameters(width, 12))


def _unchanged(logits: np.ndarray) -> bool:
    return bool(np.allclose(softmax(logits), softmax(LOGITS)))


def odds_factor(step: float) -> float:
    """Compute by which factor the odds of a word grow when only its logit grows by a step."""
    before, after = softmax(LOGITS), softmax(LOGITS + np.array([0, step, 0, 0]))
    return float((after[1] / after[0]) / (before[1] / before[0]))


def _bars(logits: np.ndarray) -> str:
    return ", ".join(f"{value:.2f}" for value in softmax(logits))


EXERCISES = [
    Spec(
        id="07.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Who mixes between positions?",
        prompt="A block of a transformer holds several parts.",
        parts=[
            Choice(
                prompt="Which part lets one position use what stands at another?",
                options=[
                    Option(
                        "attention",
                        True,
                        "It is the only part that looks along the sequence. All others treat every "
                        "position by itself, with the same weights.",
                    ),
                    Option(
                        "the feed-forward network",
                        False,
                        "It mixes the *columns* of one position. Change another position's vector, "
                        "and its result here stays the same.",
                        "feed-forward-mixes-words",
                    ),
                    Option(
                        "layer normalisation",
                        False,
                        "Its mean and variance are taken over the columns of one position, not "
                        "over positions.",
                        "norm-mixes-words",
                    ),
                    Option(
                        "the softmax over the vocabulary",
                        False,
                        "It compares the words of the vocabulary at one position. It never looks "
                        "at another position.",
                        "output-softmax-mixes-words",
                    ),
                ],
            )
        ],
        hints=["Which part would still work, unchanged, on a sequence of one token?"],
        explain="""
        Attention moves information between positions, the feed-forward network works it over at
        each position. A block is these two in turn.
        """,
    ),
    Spec(
        id="07.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Three changes of the logits",
        prompt="Four words have the logits 2, 1, 0.5 and -1.",
        parts=[
            Choice(
                id="shift",
                prompt="3 is added to *all* logits. The probabilities …",
                options=[
                    Option(
                        "stay the same.",
                        lambda: _unchanged(LOGITS + 3),
                        "exp(3) is a common factor, and the division takes it out.",
                    ),
                    Option(
                        "all grow.",
                        False,
                        "They sum to 1 before and after, so they cannot all grow. Logits are not "
                        "probabilities.",
                        "logits-are-probabilities",
                    ),
                    Option(
                        "become more even.",
                        False,
                        "Evenness depends on the differences of the logits, which are the same.",
                        "shift-flattens",
                    ),
                ],
            ),
            Choice(
                id="double",
                prompt="All logits are *doubled*. The distribution becomes …",
                options=[
                    Option(
                        "sharper.",
                        lambda: softmax(2 * LOGITS).max() > softmax(LOGITS).max() + 0.01,
                        "Doubling all gaps squares the ratio of any two probabilities.",
                    ),
                    Option(
                        "no different: the ratios of the logits are the same.",
                        lambda: _unchanged(2 * LOGITS),
                        "Softmax looks at differences, not ratios. The differences are doubled.",
                        "ratios-count",
                    ),
                    Option(
                        "more even.",
                        lambda: softmax(2 * LOGITS).max() < softmax(LOGITS).max() - 0.01,
                        "More even would need smaller gaps, which is what dividing does.",
                        "doubling-flattens",
                    ),
                ],
            ),
            Number(
                id="one",
                prompt="3 is added to the second logit only. By which factor do its odds against "
                "the first word grow?",
                key=lambda: odds_factor(3.0),
                tolerance=0.03,
                near=[
                    Near(
                        lambda: 3.0,
                        "A step of 3 in the logit is not a factor of 3. exp turns the step into a "
                        "factor: exp(3).",
                        "logit-steps-are-factors",
                    ),
                    Near(
                        lambda: float(np.exp(4 - 2)),
                        "That is the odds afterwards, exp(4 - 2). They were exp(1 - 2) before; the "
                        "factor between them is asked.",
                        "odds-are-factor",
                    ),
                    Near(
                        lambda: float(softmax(ONE_UP)[1] / softmax(LOGITS)[1]),
                        "That is how much its probability grows, which is less, because the sum "
                        "below grows too. The odds against another word grow by exp(3).",
                        "odds-are-probabilities",
                    ),
                ],
                units={"": 1.0, "times": 1.0, "x": 1.0},
                unit_hint="a factor, such as 5",
                key_format="{:.3g}",
                feedback="exp(3) = 20.1, whatever the other logits are.",
            ),
        ],
        reveal=lambda: (
            f"Before: {_bars(LOGITS)}. After +3 on all: {_bars(LOGITS + 3)}. After doubling: "
            f"{_bars(2 * LOGITS)}. After +3 on the second: {_bars(ONE_UP)}."
        ),
        hints=["The ratio of two probabilities is exp of the difference of their logits."],
        explain="""
        Only differences of logits count. A common shift does nothing, a common factor sharpens or
        flattens, and a step on one logit multiplies its odds by exp of the step.
        """,
    ),
    Spec(
        id="07.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Where the weights of a block are",
        prompt="""
        A block of width d has attention (query, key, value and output matrices) and a feed-forward
        network that widens to 4d and comes back. Leave biases and norms out.
        """,
        parts=[
            Number(
                prompt="Which share of the block's weights lies in the feed-forward network?",
                key=lambda: share_of_block(768),
                tolerance=0.01,
                relative=False,
                near=[
                    Near(
                        lambda: 1 - share_of_block(768),
                        "That is attention's share: 4d² of 12d². The feed-forward network holds "
                        "the other 8d².",
                        "attention-holds-most",
                    ),
                    Near(
                        lambda: 0.5,
                        "You counted one of its two matrices. It widens with d × 4d and comes "
                        "back with 4d × d: 8d² in all.",
                        "one-matrix",
                    ),
                    Near(
                        lambda: 8 / 11,
                        "You counted three matrices of attention. The output matrix is the fourth, "
                        "so attention has 4d².",
                        "no-output-matrix",
                    ),
                    Near(
                        lambda: 0.8,
                        "You compared one width of 4d with one of d. Count weights: 8d² against "
                        "4d².",
                        "widths-are-weights",
                    ),
                ],
                units={"": 1.0, "%": 0.01},
                unit_hint="a share such as 0.4, or 40 %",
                key_format="{:.3f}",
                feedback="8d² of 12d² are two thirds, 67 %, at every width.",
            )
        ],
        hints=["How many numbers does a matrix from d to 4d hold?"],
        explain="Attention gets the attention; two thirds of a block's weights are elsewhere.",
    ),
]
