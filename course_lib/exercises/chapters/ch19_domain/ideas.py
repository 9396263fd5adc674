"""Chapter 19, ideas: four ways to a model for a domain, and what a law can be fitted on."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Match, Option, Row, Spec
from course_lib.exercises.chapters.ch19_domain import CHAPTER, SECTION

SCRATCH = "pre-train from scratch"
CONTINUE = "continue pre-training, with replay"
TUNE = "fine-tune"
RETRIEVE = "retrieve, and put it in the prompt"

EXERCISES = [
    Spec(
        id="19.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="Four briefs",
        prompt="Each way costs more than the ones that follow it here. Choose the nearest.",
        parts=[
            Match(
                id="ways",
                prompt="What would you do?",
                options=[SCRATCH, CONTINUE, TUNE, RETRIEVE],
                rows=[
                    Row(
                        "Half of what is to be read is of a language that no model knows. There "
                        "are 300 billion tokens of it, and a year's budget.",
                        [SCRATCH],
                        {
                            SCRATCH: "The tokenizer and every layer can be made for the mixture. "
                            "There is text and budget enough.",
                            CONTINUE: "The tokenizer stays the old one and cuts the new language "
                            "into bytes. With so much text, begin anew.",
                            TUNE: "A few labelled items teach a form, not a language.",
                            RETRIEVE: "A model cannot use a text that it cannot read.",
                        },
                        {
                            CONTINUE: "old-tokenizer-is-enough",
                            TUNE: "tuning-adds-vocabulary",
                            RETRIEVE: "retrieval-teaches",
                        },
                    ),
                    Row(
                        "A good model is there. Two billion tokens of medical notes use its words "
                        "in ways that it has not seen. It is to stay good at the rest.",
                        [CONTINUE],
                        {
                            SCRATCH: "Two billion tokens are far too few for a model of use, and "
                            "what the old one knows would be thrown away.",
                            CONTINUE: "It knows the language and has to learn the domain. Replay "
                            "keeps it from forgetting the rest.",
                            TUNE: "Tuning on some labelled items would leave most of two billion "
                            "tokens unread.",
                            RETRIEVE: "New uses of words stand in no single text that could be "
                            "put before a question.",
                        },
                        {
                            SCRATCH: "always-pretrain",
                            TUNE: "tuning-adds-vocabulary",
                            RETRIEVE: "retrieval-teaches",
                        },
                    ),
                    Row(
                        "The model understands the letters well. It is to give one of five codes "
                        "for each, and 2,000 letters have theirs.",
                        [TUNE],
                        {
                            SCRATCH: "Nothing is missing but the form of the answer.",
                            CONTINUE: "Letters without codes do not say which code is which.",
                            TUNE: "The task is a new form of answer, and labels show it.",
                            RETRIEVE: "The codes are no facts that could be looked up for a new "
                            "letter. Like letters in the prompt help; labels in training do more.",
                        },
                        {
                            SCRATCH: "always-pretrain",
                            CONTINUE: "text-teaches-labels",
                            RETRIEVE: "labels-are-looked-up",
                        },
                    ),
                    Row(
                        "Answers must hold this morning's prices and name their source.",
                        [RETRIEVE],
                        {
                            SCRATCH: "It would be out of date before it is done.",
                            CONTINUE: "Tomorrow there are other prices, and weights name no "
                            "source.",
                            TUNE: "What weights hold is what was so when they were trained.",
                            RETRIEVE: "The text is looked up when it is asked for, and can be "
                            "named.",
                        },
                        {
                            SCRATCH: "always-pretrain",
                            CONTINUE: "weights-are-a-database",
                            TUNE: "weights-are-a-database",
                        },
                    ),
                ],
            )
        ],
        hints=[
            "What is missing: the language, its use in a domain, a form of answer, or a fact?",
        ],
        explain="""
        The four ways can be joined: a model of a domain is tuned, and given texts to look at. What
        decides is what is missing, and how much text there is to learn it from.
        """,
    ),
    Spec(
        id="19.e",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="What a scaling law can be fitted on",
        prompt="""
        You want the loss as E + A / N^α + B / D^β, of N parameters and D tokens, and can pay for
        nine runs.
        """,
        parts=[
            Choice(
                prompt="Which statements hold? Choose every one that does.",
                multiple=True,
                options=[
                    Option(
                        "Three sizes on three lengths of text each can tell α and β apart.",
                        True,
                        "Where one of the two changes alone, the loss says what it is worth.",
                    ),
                    Option(
                        "A 90 % interval that is right misses one run in ten.",
                        True,
                        "That is what it says. One that never misses in many runs is too wide.",
                    ),
                    Option(
                        "Nine sizes, each on 20 tokens for a parameter, can tell α and β apart.",
                        False,
                        "N and D grow together in all runs, so any fall of the loss can be laid to "
                        "either of them.",
                        "ladder-tells",
                    ),
                    Option(
                        "A fit that meets all nine runs closely will meet a run a hundred times "
                        "as large.",
                        False,
                        "Five numbers meet nine runs easily. Whether a law holds further out is "
                        "tested on runs that were held out, and never as far as one would like.",
                        "close-fit-extrapolates",
                    ),
                    Option(
                        "The law of one text holds for another one.",
                        False,
                        "E is what nobody can know about a text, and A, B and the exponents change "
                        "with it, too.",
                        "one-law-for-all",
                    ),
                ],
            )
        ],
        hints=["What must change alone, for its exponent to be seen?"],
        explain="""
        `check_design` refuses runs from which the exponents cannot be told apart, before anything
        is fitted.
        """,
    ),
]
