"""Chapter 01, predictions: the keys to the cabinet."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch01_relevance import CHAPTER, SECTION

SENTENCE = ("the", "keys", "to", "the", "cabinet")


def verb_for(words: tuple[str, ...]) -> str:
    """Give the verb that agrees with the subject: the first noun, whatever stands between."""
    plural = {"keys": True, "key": False, "cabinet": False, "cabinets": True}
    subject = next(word for word in words if word in plural)
    return "are" if plural[subject] else "is"


def _verb_changes(old: str, new: str) -> bool:
    changed = tuple(new if word == old else word for word in SENTENCE)
    return verb_for(changed) != verb_for(SENTENCE)


def _matters(word: str) -> bool:
    """Tell whether the verb needs a word: swapping its number changes the verb."""
    return _verb_changes(word, {"keys": "key", "cabinet": "cabinets"}.get(word, word))


EXERCISES = [
    Spec(
        id="01.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="The keys to the cabinet",
        prompt="""
        *The keys to the cabinet …* The next word is `is` or `are`. Decide before you look.
        """,
        parts=[
            Choice(
                id="word",
                prompt="Which word decides between `is` and `are`?",
                shuffle=False,
                options=[
                    Option(
                        "`keys`",
                        lambda: _matters("keys"),
                        "The subject decides, however far away it stands. To get this right a "
                        "model must look back past a noun that is nearer.",
                    ),
                    Option(
                        "`to`",
                        lambda: _matters("to"),
                        "`to` ties the cabinet to the keys. It hints that the noun after it is "
                        "not the subject, but it has no number of its own for the verb to follow.",
                        "function-word-decides",
                    ),
                    Option(
                        "`cabinet`",
                        lambda: _matters("cabinet"),
                        "It is the nearest noun, and a model that only counts neighbouring words "
                        "follows it. But *the keys … are*: the verb agrees with its subject, not "
                        "with its neighbour.",
                        "nearest-word-decides",
                    ),
                ],
            ),
            Choice(
                id="change",
                prompt="Which change turns the right verb from `are` into `is`?",
                options=[
                    Option(
                        "`keys` becomes `key`",
                        lambda: _verb_changes("keys", "key"),
                        "Now the subject is singular, and the verb follows it.",
                    ),
                    Option(
                        "`cabinet` becomes `cabinets`",
                        lambda: _verb_changes("cabinet", "cabinets"),
                        "The distractor changes its number and the verb does not care: the "
                        "subject is still `keys`.",
                        "nearest-word-decides",
                    ),
                    Option(
                        "`to` becomes `of`",
                        lambda: _verb_changes("to", "of"),
                        "Another preposition ties the nouns together; the subject and its number "
                        "stay as they were.",
                        "function-word-decides",
                    ),
                ],
            ),
        ],
        reveal=lambda: (
            f"*The keys to the cabinet* **{verb_for(SENTENCE)}** …; with `key` in place of `keys` "
            f"it is **{verb_for(('the', 'key', 'to', 'the', 'cabinet'))}**; with `cabinets` it "
            f"stays **{verb_for(('the', 'keys', 'to', 'the', 'cabinets'))}**. What a trained model "
            "looks at is another question: compare it with the map of this page."
        ),
        hints=["Say the sentence without *to the cabinet*."],
        explain="""
        Agreement goes from the verb to its subject, over any distance. A model that predicts words
        well must find that out, and attention lets it look back at any word directly.
        """,
    ),
]
