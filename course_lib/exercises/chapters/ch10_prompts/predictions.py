"""Chapter 10, predictions: how much can examples tell?"""

from __future__ import annotations

from itertools import permutations, product

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch10_prompts import CHAPTER

SECTION = "Prompt engineering: in-context learning"
CLASSES = 4


def best_accuracy(n_examples: int) -> float:
    """Find how often the best answer is right, in percent, by trying every possible prompt.

    Every sequence of classes is as likely as any other, and by symmetry one label map stands for
    all: class c has label c. The best answer is a label that most of the maps agree on that fit.
    """
    total = 0.0
    for classes in product(range(CLASSES), repeat=n_examples + 1):
        *shown, query = classes
        fits = [one for one in permutations(range(CLASSES)) if all(one[c] == c for c in shown)]
        votes = [sum(one[query] == label for one in fits) for label in range(CLASSES)]
        total += max(votes) / len(fits)
    return 100 * total / CLASSES ** (n_examples + 1)


def class_was_shown(n_examples: int) -> float:
    """Give the percentage of queries whose class is among the examples."""
    return 100 * (1 - (1 - 1 / CLASSES) ** n_examples)


def without_exclusion(n_examples: int) -> float:
    """Give the accuracy of guessing among all labels where the class was not shown."""
    shown = class_was_shown(n_examples)
    return shown + (100 - shown) / CLASSES


def _accuracy(n: int, prompt: str, near: list[Near], feedback: str) -> Number:
    return Number(
        id=f"shots{n}",
        prompt=prompt,
        key=lambda: best_accuracy(n),
        tolerance=3.0,
        relative=False,
        near=near,
        form="percent",
        unit_hint="a percentage, such as 80 %",
        key_format="{:.0f} %",
        feedback=feedback,
        too_small="More is possible. What do the examples tell, also of labels that are not asked?",
        too_large="Too much: the query may be of a class that no example has shown.",
    )


def _trained(text: str) -> Near:
    return Near(lambda: 100.0, text, "examples-train-the-model")


EXERCISES = [
    Spec(
        id="10.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="How much can examples tell?",
        prompt="""
        Words belong to four classes that the model knows well. For each prompt the four classes
        are given the four labels anew, at random. Each word of the prompt, the query too, is of a
        random class. How often can the best possible answer be right?
        """,
        parts=[
            _accuracy(
                0,
                "With no example",
                [
                    Near(
                        lambda: 0.0,
                        "Not knowing is not being wrong: a guess among four labels is right one "
                        "time in four.",
                        "chance-is-zero",
                    ),
                    _trained(
                        "The weights cannot know the labels: they are drawn anew for each prompt."
                    ),
                ],
                "One in four: chance.",
            ),
            _accuracy(
                1,
                "With one example",
                [
                    Near(
                        lambda: without_exclusion(1),
                        "Nearly. Where the query is of another class than the example, the "
                        "example's label is *excluded*: three are left to guess among, not four.",
                        "no-exclusion",
                    ),
                    Near(
                        lambda: class_was_shown(1),
                        "That is how often the query is of the example's class. In the other cases "
                        "a guess may still be right.",
                        "only-when-shown",
                    ),
                    _trained("One example names one class. Three stay unnamed."),
                ],
                "1/4 of the queries are of the shown class; of the other 3/4, one in three is "
                "guessed right.",
            ),
            _accuracy(
                4,
                "With four examples",
                [
                    _trained(
                        "Four examples rarely show four classes: some class usually comes twice. "
                        "A query of a class not shown stays a guess."
                    ),
                    Near(
                        lambda: class_was_shown(4),
                        "That is how often the query's class was shown. Add the guesses that are "
                        "right.",
                        "only-when-shown",
                    ),
                    Near(
                        lambda: without_exclusion(4),
                        "Labels that were shown belong to other classes: the guess is among fewer "
                        "than four.",
                        "no-exclusion",
                    ),
                ],
                "In 68 % of the queries the class was shown; in the others few labels are left.",
            ),
        ],
        reveal=lambda: (
            "The best possible: "
            + ", ".join(f"{best_accuracy(n):.0f} % with {n}" for n in (0, 1, 2, 4))
            + " examples. The page measures how close a small trained model comes, with the same "
            "weights at every point of the curve."
        ),
        hints=[
            "How often is the query of a class that was shown?",
            "If not, which labels are ruled out?",
        ],
        explain="""
        Examples do two things: they name classes, and they rule labels out. Both are information
        in the prompt; neither is training.
        """,
    ),
]
