"""Chapter 03, ideas: what holds for tokens."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch03_tokenizer import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="03.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="What holds for tokens",
        prompt="Think of the byte-level tokenizer of this page.",
        parts=[
            Choice(
                prompt="Which statements hold? Choose every one that does.",
                multiple=True,
                options=[
                    Option(
                        "`the` and ` the`, with a space in front, are two different tokens.",
                        True,
                        "The space belongs to the word after it, so a word at the beginning of a "
                        "text is another token than the same word inside.",
                    ),
                    Option(
                        "Every text can be encoded, also one in a script the tokenizer has never "
                        "seen.",
                        True,
                        "All 256 bytes are tokens and every text is bytes. An unseen script only "
                        "costs more tokens, several for each character.",
                    ),
                    Option(
                        "A token is a word.",
                        False,
                        "Frequent words are one token, rare words are several, and a token can be "
                        "a space, a sign or part of a character.",
                        "tokens-are-words",
                    ),
                    Option(
                        "A token is a character.",
                        False,
                        "Characters are where it begins. After the first merges most tokens hold "
                        "several characters; some hold less than one.",
                        "tokens-are-characters",
                    ),
                    Option(
                        "Token 1000 stands for the same piece of text in every model.",
                        False,
                        "An id is a place in one tokenizer's list. Another corpus, another list. "
                        "A model read with the wrong tokenizer sees nonsense.",
                        "ids-are-universal",
                    ),
                ],
            )
        ],
        hints=[
            "What did the tokenizer do with a character that it had not seen in training?",
            "Where did the spaces go when a sentence was cut?",
        ],
        explain="""
        A token is whatever the training of the tokenizer made one: a frequent string of bytes. The
        list is fixed before the model is trained and belongs to it ever after.
        """,
    ),
]
