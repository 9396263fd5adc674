"""Chapter 01, predictions and numbers: which word matters, how many relevance numbers."""

from __future__ import annotations

import numpy as np

from course_lib.exercises.spec import Choice, Near, Number, Option, Spec

CHAPTER = "01_relevance"
SECTION = "What a transformer learns: relevance of each word to each other word"

SENTENCE = ("the", "keys", "to", "the", "cabinet")


def verb_for(words: tuple[str, ...]) -> str:
    """Give the verb that agrees with the subject: the first noun, whatever stands between."""
    plural = {"keys": True, "key": False, "cabinet": False, "cabinets": True}
    subject = next(word for word in words if word in plural)
    return "are" if plural[subject] else "is"


def _verb_changes(old: str, new: str) -> bool:
    changed = tuple(new if word == old else word for word in SENTENCE)
    return verb_for(changed) != verb_for(SENTENCE)


def relevance_numbers(words: int, layers: int, heads: int) -> int:
    """Count relevance numbers: a words x words table for every head of every layer."""
    return int(np.zeros((layers, heads, words, words)).size)


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
    Spec(
        id="01.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="How many relevance numbers?",
        prompt="""
        A model of 2 layers with 4 heads each reads 12 words. Every word may look at every word,
        itself included.
        """,
        parts=[
            Number(
                prompt="How many relevance numbers does it compute?",
                key=lambda: relevance_numbers(12, 2, 4),
                tolerance=0.0,
                near=[
                    Near(
                        lambda: relevance_numbers(12, 1, 1),
                        "That is one map, 12 × 12. Each head of each layer computes its own map.",
                        "one-map-per-model",
                    ),
                    Near(
                        lambda: relevance_numbers(12, 2, 1),
                        "You counted one map in each layer. The 4 heads of a layer each compute "
                        "their own.",
                        "one-map-per-layer",
                    ),
                    Near(
                        lambda: relevance_numbers(12, 1, 4),
                        "You counted the heads of one layer. There are 2 layers, each with its "
                        "own 4 heads.",
                        "one-layer",
                    ),
                    Near(
                        lambda: 12 * 11 * 2 * 4,
                        "You left out the diagonal. A word may look at itself too, so a map has "
                        "12 × 12 cells.",
                        "no-diagonal",
                    ),
                ],
                units={"": 1.0, "numbers": 1.0, "weights": 1.0},
                unit_hint="a whole number",
                key_format="{:,.0f}",
                feedback="12 × 12 cells in a map, 4 maps in a layer, 2 layers: 1,152.",
            )
        ],
        hints=["How many cells has one map?", "Multiply by the heads of a layer, then by layers."],
        explain="""
        Every head of every layer has a map of its own, with a row and a column for each word. The
        count grows with the square of the length.
        """,
    ),
]
