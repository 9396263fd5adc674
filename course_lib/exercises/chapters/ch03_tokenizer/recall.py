"""Chapter 03, warm-up: warm-up: what the map had rows for; warm-up: what a model predicts."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch03_tokenizer import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="03.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what the map had rows for",
        prompt="Look back to the relevance maps of the first page.",
        parts=[
            Choice(
                prompt="A text of 9 tokens goes through a head. How large is the map?",
                options=[
                    Option(
                        "9 rows and 9 columns",
                        True,
                        "One row for each token that looks, one column for each token that is "
                        "looked at. How many tokens a text has is what this page is about.",
                    ),
                    Option(
                        "one row and one column for each word of the language",
                        False,
                        "A map is about this text: the tokens that stand in it, each at its "
                        "place. The vocabulary matters when the next token is predicted.",
                        "map-over-vocabulary",
                    ),
                    Option(
                        "9 rows, and as many columns as the model is wide",
                        False,
                        "The width is the size of a token's vector. A map compares tokens with "
                        "tokens, so both of its sides are tokens.",
                        "map-is-vectors",
                    ),
                ],
            )
        ],
        hints=["What does a row stand for, and what a column?"],
        explain="Everything a model does is done per token, so the cut into tokens sets the cost.",
    ),
    Spec(
        id="03.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what a model predicts",
        prompt="The model of the first page was given a beginning and went on writing.",
        parts=[
            Choice(
                prompt="What does it put out at each step?",
                options=[
                    Option(
                        "one score for every token that it knows",
                        True,
                        "Each step is a choice among all tokens there are. So the vocabulary is a "
                        "list fixed before training, and everything the model can ever write is "
                        "made of it.",
                    ),
                    Option(
                        "one letter",
                        False,
                        "It could, if its tokens were letters. Its tokens are longer, and it "
                        "scores all of them at each step.",
                        "tokens-are-letters",
                    ),
                    Option(
                        "a whole sentence at once",
                        False,
                        "A text is written one token at a time, each step reading all tokens "
                        "before it.",
                        "whole-sentence",
                    ),
                ],
            )
        ],
        hints=["What is drawn from at each step?"],
        explain="The vocabulary is the model's alphabet, for reading and for writing.",
    ),
]
