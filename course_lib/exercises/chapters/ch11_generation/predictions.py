"""Chapter 11, predictions: temperature and the kept set; one hundred draws."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Choice, Near, Number, Option, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch11_generation import CHAPTER, SECTION
from course_lib.exercises.chapters.ch11_generation.sampling import next_token
from course_lib.exercises.chapters.common import softmax

LOGITS = np.array([3.0, 2.2, 1.9, 1.2, 0.6, 0.1, -0.4, -1.0, -1.5, -2.0])


def kept(temperature: float, p: float) -> int:
    """Count the words that top-p keeps after the temperature was applied."""
    _, final = next_token(LOGITS, temperature, len(LOGITS), p, np.random.default_rng(0))
    return int((final > 0).sum())


def kept_before(p: float) -> int:
    """Count the words that top-p keeps when the temperature is applied afterwards."""
    return kept(1.0, p)


def top_share() -> float:
    """Give the probability of the most probable word at temperature 1."""
    return float(softmax(LOGITS).max())


def count_of_top(seed: int) -> int:
    """Draw 100 times and count the most probable word."""
    drawn = np.random.default_rng(seed).choice(len(LOGITS), 100, p=softmax(LOGITS))
    return int((drawn == LOGITS.argmax()).sum())


def _compare(before: int, after: int, answer: str) -> bool:
    return answer == ("grows" if after > before else "shrinks" if after < before else "stays")


def _options(before: int, after: int, texts: dict[str, str], belief: str) -> list[Option]:
    options = []
    for answer, text in texts.items():
        right = _compare(before, after, answer)
        options.append(Option(f"It {answer}.", right, text, None if right else belief))
    return options


EXERCISES = [
    Spec(
        id="11.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="Temperature and the kept set",
        prompt="""
        Ten words, top-p with p = 0.9. The temperature goes from 0.5 to 2.
        """,
        parts=[
            Choice(
                id="before",
                prompt="Temperature first, then top-p: what happens to the kept set?",
                shuffle=False,
                options=_options(
                    kept(0.5, 0.9),
                    kept(2.0, 0.9),
                    {
                        "grows": "A flatter distribution needs more words to reach a mass of 0.9.",
                        "shrinks": "High temperature flattens: each top word holds less, so *more* "
                        "words are needed to reach 0.9.",
                        "stays": "Top-p keeps a mass, not a number of words. The mass moves when "
                        "the distribution flattens.",
                    },
                    "top-p-keeps-a-number",
                ),
            ),
            Choice(
                id="after",
                prompt="Top-p first, then temperature: what happens to the kept set?",
                shuffle=False,
                options=_options(
                    kept_before(0.9),
                    kept_before(0.9),
                    {
                        "grows": "Top-p has already decided, on the model's own probabilities. A "
                        "later temperature only reshapes what is left.",
                        "shrinks": "Temperature never removes a word; it only moves probability "
                        "between the words that top-p kept.",
                        "stays": "Top-p looked at the model's own distribution; the temperature "
                        "comes too late to change the set.",
                    },
                    "order-does-not-matter",
                ),
            ),
            Choice(
                id="ranking",
                prompt="Which word is the most probable at temperature 2?",
                options=[
                    Option(
                        "the same as at temperature 0.5",
                        lambda: int(softmax(LOGITS / 2).argmax()) == int(LOGITS.argmax()),
                        "Dividing by a positive number keeps the order. Only the distances change.",
                    ),
                    Option(
                        "another one, because the order is mixed",
                        False,
                        "Temperature changes how often lower words are drawn, never their rank.",
                        "temperature-reorders",
                    ),
                ],
            ),
        ],
        reveal=lambda: (
            f"Temperature first: {kept(0.5, 0.9)} words are kept at 0.5, {kept(1.0, 0.9)} at 1, "
            f"{kept(2.0, 0.9)} at 2. Top-p first: always {kept_before(0.9)}. Libraries differ in "
            "this order, so the same settings need not mean the same sampler."
        ),
        hints=["Is the distribution sharper or flatter at a high temperature?"],
        explain="""
        Temperature reshapes, top-p cuts. Whichever comes first decides on what the other works.
        """,
    ),
    Spec(
        id="11.b2",
        version=2,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="One hundred draws",
        prompt=f"""
        The most probable of ten words has a probability of {top_share():.2f}. You draw 100 times
        at temperature 1, without any filter.
        """,
        parts=[
            Number(
                id="count",
                prompt="About how often does it come?",
                key=lambda: 100 * top_share(),
                tolerance=10.0,
                relative=False,
                near=[
                    Near(
                        lambda: 100.0,
                        "*Most probable* is not *always*. That would be greedy decoding.",
                        "most-likely-is-always",
                    ),
                    Near(
                        lambda: 10.0,
                        "Sampling is not blind chance: each word comes as often as its "
                        "probability says, not equally often.",
                        "sampling-is-uniform",
                    ),
                    Near(
                        lambda: 70.0,
                        "Being the favourite does not give it a majority. Its own probability "
                        "says how often it comes.",
                        "favourite-has-majority",
                    ),
                ],
                units={**counts("times", "draws"), "%": 1.0, "percent": 1.0, "of 100": 1.0},
                low=0.0,
                high=100.0,
                unit_hint="a number of times",
                key_format="{:.0f}",
                feedback="Its probability times 100, give or take about five: chance scatters the "
                "count by √(100 p (1 - p)).",
            ),
            Number(
                id="streak",
                prompt="You draw five times only. How likely is it that it comes every time?",
                key=lambda: 100 * top_share() ** 5,
                tolerance=1.0,
                relative=False,
                near=[
                    Near(
                        lambda: 100 * top_share(),
                        "That is the chance of one draw. All five must give it.",
                        "one-draw-for-all",
                    ),
                    Near(
                        lambda: 100 * top_share() / 5,
                        "Chances of draws that must *all* succeed are multiplied, not shared out.",
                        "divided-by-draws",
                    ),
                    Near(
                        lambda: 100 * (1 - (1 - top_share()) ** 5),
                        "That is the chance that it comes at least once.",
                        "at-least-once",
                    ),
                ],
                form="percent",
                unit_hint="a percentage, such as 80 %",
                key_format="{:.1f} %",
                feedback="Its probability to the power of 5. A text in which each word is the "
                "likeliest is seldom drawn.",
            ),
        ],
        reveal=lambda: (
            "Counted in five runs of 100 draws with different seeds: "
            + ", ".join(str(count_of_top(seed)) for seed in range(5))
            + "."
        ),
        hints=["Expected count = number of draws × probability."],
        explain="""
        Sampling follows the model's probabilities: the favourite often, the others in their share.
        It is neither garbage nor greedy.
        """,
    ),
]
