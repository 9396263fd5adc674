"""Chapter 13, warm-up: where targets come from; what a token costs."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch13_curation import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="13.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: where the targets came from",
        prompt="The model of the first page was trained to predict the next token.",
        parts=[
            Choice(
                prompt="Where did the right answers come from?",
                options=[
                    Option(
                        "from the text itself, moved by one place",
                        True,
                        "The target of each place is the token that follows it. Nobody wrote "
                        "answers: any text is a text with answers.",
                    ),
                    Option(
                        "from people who marked the right continuation",
                        False,
                        "Nobody marked anything. The token that really follows is the answer, and "
                        "it stands in the text.",
                        "people-label",
                    ),
                    Option(
                        "from a larger model",
                        False,
                        "That exists, and is called distillation. Here the text alone was enough.",
                        "a-teacher-model",
                    ),
                ],
            )
        ],
        hints=["What was the target of place 5?"],
        explain="The text is its own teacher. So what is in the text is what is learned.",
    ),
    Spec(
        id="13.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: texts unlike those of the tokenizer",
        prompt="A tokenizer was trained on English. A page in Russian comes along.",
        parts=[
            Choice(
                prompt="What does the byte-level tokenizer do with it?",
                options=[
                    Option(
                        "it cuts it into more tokens for each word than English",
                        True,
                        "Every byte is a token, so nothing is lost; but few merges fit, and the "
                        "page costs several times the tokens.",
                    ),
                    Option(
                        "it refuses the page",
                        False,
                        "All 256 bytes are tokens, so every text can be encoded.",
                        "unknown-script-fails",
                    ),
                    Option(
                        "it replaces each unknown letter by one unknown token",
                        False,
                        "WordPiece may do so. A tokenizer over bytes has no unknown letters.",
                        "unknown-token",
                    ),
                ],
            )
        ],
        hints=["What is the alphabet of a byte-level tokenizer?"],
        explain="A crawl holds pages in every language; each is paid for in tokens.",
    ),
]
