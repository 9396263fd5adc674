"""Chapter 14, ideas: why a chosen token is sometimes shown; what an entity counts as."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch14_masked import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="14.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Chosen, and shown as it is",
        prompt="Of the tokens that BERT is asked for, one in ten is shown as it is.",
        parts=[
            Choice(
                prompt="What does that do? Choose every statement that holds.",
                multiple=True,
                options=[
                    Option(
                        "The model has to keep an opinion on tokens that it can see.",
                        True,
                        "A visible token may be asked for, and it may be a wrong one. So what the "
                        "model says at a visible place means something.",
                    ),
                    Option(
                        "The loss counts that token like any other chosen one.",
                        True,
                        "All chosen tokens carry loss: hidden, exchanged and kept ones alike.",
                    ),
                    Option(
                        "The answer stands in the input, so nothing can be learned from it.",
                        False,
                        "The model cannot know whether this token is the true one or an exchanged "
                        "one. It has to weigh the token against the words around it.",
                        "kept-teaches-nothing",
                    ),
                    Option(
                        "Such tokens carry no loss; only hidden ones do.",
                        False,
                        "Chosen means asked for. A token that is kept without being asked for is "
                        "simply not chosen.",
                        "only-masks-count",
                    ),
                    Option(
                        "It raises the share of tokens that are asked for above 15 %.",
                        False,
                        "The kept tokens are a tenth of the 15 %. What changes is how a chosen "
                        "token is shown, not how many are chosen.",
                        "kept-come-on-top",
                    ),
                ],
            )
        ],
        hints=["The model is not told which tokens were chosen."],
        explain="""
        Hidden, exchanged and kept are three ways to show a token that is asked for. The mask never
        occurs when the model is used later; the other two ways look like ordinary text.
        """,
    ),
    Spec(
        id="14.e",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="A label for each piece",
        prompt="""
        A tokenizer cuts the words `Tokyo`, `rocks` into the pieces `Tok`, `##yo`, `rocks`. The
        words have the labels `B-LOC` and `O`.
        """,
        parts=[
            Choice(
                prompt="Which targets should a tagger be trained on?",
                options=[
                    Option(
                        "B-LOC, none (-100), O",
                        True,
                        "The first piece speaks for its word. The other piece carries no loss, so "
                        "a word counts once, however many pieces it has.",
                    ),
                    Option(
                        "B-LOC, B-LOC, O",
                        False,
                        "Two B in a row say that two entities begin. And a word of five pieces "
                        "would count five times.",
                        "label-repeated",
                    ),
                    Option(
                        "B-LOC, O, O",
                        False,
                        "The second piece would be trained to say that it is outside of every "
                        "entity, while it is a part of one.",
                        "pieces-are-outside",
                    ),
                    Option(
                        "B-LOC, O: one for each word",
                        False,
                        "There are three predictions and two targets. Everything behind the first "
                        "long word would be shifted by one.",
                        "labels-shifted",
                    ),
                ],
            )
        ],
        hints=["How many predictions does the model make, and how many words are there?"],
        explain="""
        `course_lib.tasks.align_labels` does this from the places of pieces and words in the text.
        At use, a word gets the label predicted at its first piece.
        """,
    ),
]
