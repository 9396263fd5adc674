"""Chapter 14, numbers: entities that are wholly right."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.chapters.ch14_masked import CHAPTER, SECTION

TRUE = ("B-PER", "I-PER", "O", "B-LOC", "O", "B-ORG", "I-ORG", "O")
GUESS = ("B-PER", "O", "O", "B-LOC", "O", "B-ORG", "I-ORG", "B-LOC")


def _entities(labels: tuple[str, ...]) -> set[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for place, label in enumerate(labels):
        mark, _, kind = label.partition("-")
        if mark == "B":
            found.append((kind, place, place + 1))
        elif mark == "I" and found and found[-1][0] == kind and found[-1][2] == place:
            found[-1] = (kind, found[-1][1], place + 1)
    return set(found)


def entity_f1() -> float:
    """Score whole entities."""
    true, guess = _entities(TRUE), _entities(GUESS)
    return 2 * len(true & guess) / (len(true) + len(guess))


def token_f1() -> float:
    """Score words that are part of an entity."""
    true = {(i, one) for i, one in enumerate(TRUE) if one != "O"}
    guess = {(i, one) for i, one in enumerate(GUESS) if one != "O"}
    return 2 * len(true & guess) / (len(true) + len(guess))


def _accuracy() -> float:
    return sum(a == b for a, b in zip(TRUE, GUESS, strict=True)) / len(TRUE)


def _precision() -> float:
    return len(_entities(TRUE) & _entities(GUESS)) / len(_entities(GUESS))


def _recall() -> float:
    return len(_entities(TRUE) & _entities(GUESS)) / len(_entities(TRUE))


EXERCISES = [
    Spec(
        id="14.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Whole entities",
        prompt=f"""
        Eight words have these labels:

        `{" ".join(TRUE)}`

        A tagger says:

        `{" ".join(GUESS)}`
        """,
        parts=[
            Number(
                prompt="What is the F1 over entities, as a share or in percent?",
                key=entity_f1,
                form="share",
                near=[
                    Near(
                        token_f1,
                        "That is F1 over words. An entity is right only as a whole: with its type, "
                        "its first word and its last.",
                        "counts-words",
                    ),
                    Near(
                        _accuracy,
                        "That is the share of all words that are right, those outside of entities "
                        "included. Count entities.",
                        "accuracy",
                    ),
                    Near(
                        _recall,
                        "That is recall: right entities over true ones. F1 also counts the ones "
                        "that were said and are not there.",
                        "recall-only",
                    ),
                ],
                feedback="""
                Three entities are true, four are said, two are both: LOC and ORG. PER ends one word
                early, so it is wrong as a whole, and the last LOC is not there.
                """,
                too_small="Count entities that agree in type, first word and last word.",
                too_large="An entity that ends one word early is not right.",
            )
        ],
        hints=[
            "Write down the true entities and the said ones, each with its first and last word.",
            "F1 is twice the right ones over the true and the said ones together.",
        ],
        explain="""
        The first word of PER is right and counts for F1 over words. Whoever has to find the name in
        the text got half of it.
        """,
    ),
]
