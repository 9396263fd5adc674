"""Chapter 06, prediction: what is lost when a head is switched off."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch06_attention import CHAPTER


def copying_accuracy(off: tuple[int, ...], trials: int = 2_000) -> float:
    """Percentage right of a toy of four heads that must repeat the word before the last.

    Heads 1 and 2 both look at that word, head 3 at all words alike, head 4 mostly at the first.
    """
    rng = np.random.default_rng(0)
    words = rng.integers(0, 8, (trials, 6))
    looks = np.full((5, 6), 1 / 6)
    looks[1] = looks[2] = np.array([0.02, 0.02, 0.02, 0.02, 0.9, 0.02])
    looks[4] = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    total = sum(looks[head] for head in (1, 2, 3, 4) if head not in off)
    votes = (np.eye(8)[words] * np.asarray(total)[:, None]).sum(axis=1)
    return 100.0 * float((votes.argmax(axis=1) == words[:, 4]).mean())


EXERCISES = [
    Spec(
        id="06.f",
        version=1,
        chapter=CHAPTER,
        section="Multiple heads",
        kind="predict",
        title="Switch a head off",
        prompt="""
        A toy of four heads must repeat the word before the last (8 words to choose from). Heads 1
        and 2 both put 90 % on that word, head 3 looks at all words alike, head 4 mostly at the
        first. Their mixtures are added up. With all heads it is nearly always right.
        """,
        parts=[
            Number(
                id="one",
                prompt="Percentage right without head 1?",
                key=lambda: copying_accuracy((1,)),
                tolerance=8.0,
                relative=False,
                near=[
                    Near(
                        lambda: 75.0,
                        "A quarter of the heads is not a quarter of the work. Head 2 does the same "
                        "job, so hardly anything is lost.",
                        "every-head-matters-equally",
                    ),
                    Near(
                        lambda: 50.0,
                        "Half of the votes for the right word are gone, but the other half still "
                        "wins: an answer is right or wrong, not half right.",
                        "votes-are-accuracy",
                    ),
                    Near(
                        lambda: copying_accuracy((1, 2)),
                        "That is what happens without both heads that do this job. Head 2 is still "
                        "there.",
                        "head-is-irreplaceable",
                    ),
                ],
                form="percent",
                unit_hint="a percentage",
                key_format="{:.0f}",
                feedback="Nearly all: head 2 does the same, and its votes are enough.",
            ),
            Number(
                id="both",
                prompt="Percentage right without heads 1 and 2?",
                key=lambda: copying_accuracy((1, 2)),
                tolerance=8.0,
                relative=False,
                near=[
                    Near(
                        lambda: 50.0,
                        "Half of the heads are gone, but not half of the skill: the two that stay "
                        "never look especially at the right word.",
                        "every-head-matters-equally",
                    ),
                    Near(
                        lambda: copying_accuracy((1,)),
                        "Without head 1 alone, head 2 took over. Now nobody does this job.",
                        "no-head-matters",
                    ),
                ],
                form="percent",
                unit_hint="a percentage",
                key_format="{:.0f}",
                feedback="Little more than chance: nobody looks at the right word any more.",
            ),
        ],
        reveal=lambda: (
            "Measured over 2,000 sentences of this toy: "
            f"all heads {copying_accuracy(()):.0f} %, without head 1 {copying_accuracy((1,)):.0f} "
            f"%, without heads 1 and 2 {copying_accuracy((1, 2)):.0f} %, without head 4 "
            f"{copying_accuracy((4,)):.0f} %."
        ),
        hints=["Which other head does the job of head 1?"],
        explain="""
        Heads may do the same job twice. Switching one off then shows nothing, although the job
        matters: an ablation measures what is lost *while everything else stays*.
        """,
    ),
]
