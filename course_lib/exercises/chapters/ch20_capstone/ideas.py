"""Chapter 20, ideas: the order of the steps, and which check speaks."""

from __future__ import annotations

from course_lib.exercises.author.spec import Before, Line, Match, Order, Row, Spec
from course_lib.exercises.chapters.ch20_capstone import CHAPTER, SECTION

COPIES = "duplicates"
LEAK = "test text in training text"
FEW = "few documents"
FLAT = "loss that did not fall"
ROSE = "loss that rose again"
COUNTING = "no better than counting"

EXERCISES = [
    Spec(
        id="20.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="order",
        title="From files to a service",
        prompt="""
        A folder of raw text is to become a model that is measured and served. Two lines do not
        belong.
        """,
        parts=[
            Order(
                id="steps",
                prompt="Choose the seven steps that belong, and put them in order.",
                lines=[
                    Line("tokenizer", "learn a tokenizer from the training part"),
                    Line("serve", "serve it, and ask it something"),
                    Line("curate", "drop what is no text, and copies"),
                    Line(
                        "both",
                        "learn a tokenizer from all of the text",
                        True,
                        "Words of the held-out part would get tokens of their own, and be cheaper "
                        "than the words of a text that is really new.",
                        "tokenizer-sees-test",
                    ),
                    Line("tune", "tune it for its use"),
                    Line("split", "hold documents out"),
                    Line("evaluate", "compare it with a table of counts, on the held-out part"),
                    Line(
                        "tests",
                        "tune it until the held-out loss is lowest",
                        True,
                        "Then the held-out part has chosen the model, and its number says little "
                        "about new text.",
                        "tune-on-the-test",
                    ),
                    Line("pretrain", "pre-train"),
                ],
                before=[
                    Before(
                        "curate",
                        "split",
                        "Take copies out first. Otherwise one copy is learned and the other one "
                        "measured.",
                        "split-before-copies",
                    ),
                    Before(
                        "split",
                        "tokenizer",
                        "What is held out must not shape the vocabulary either.",
                        "tokenizer-sees-test",
                    ),
                    Before(
                        "tokenizer",
                        "pretrain",
                        "A model reads ids: its table of embeddings has a row for each.",
                        "model-before-tokenizer",
                    ),
                    Before(
                        "pretrain",
                        "tune",
                        "Tuning gives form to what a model knows. Random weights know nothing.",
                        "tune-first",
                    ),
                    Before(
                        "tune",
                        "evaluate",
                        "What is served is the tuned model, so that is what has to be measured.",
                        "evaluate-the-base",
                    ),
                    Before(
                        "evaluate",
                        "serve",
                        "A service that nobody has measured is found out by its users.",
                        "serve-unmeasured",
                    ),
                ],
                feedback="Curate, split, tokenizer, pre-train, tune, evaluate, serve.",
            )
        ],
        hints=["What must a step not have seen, and what must be there before it?"],
        explain="`course_lib.capstone.STEPS` has the same order, with the hand-over at its end.",
    ),
    Spec(
        id="20.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="Which check speaks?",
        prompt="Four runs, each with one thing wrong.",
        parts=[
            Match(
                id="checks",
                prompt="What does the run say?",
                options=[COPIES, LEAK, FEW, FLAT, ROSE, COUNTING],
                rows=[
                    Row(
                        "The text is an archive of mails, in which every reply quotes all that "
                        "came before it.",
                        [COPIES],
                        {
                            COPIES: "Most paragraphs stand there many times. They are taken out "
                            "once for all, and the run says how many words that were.",
                            LEAK: "It would be, had the copies not been taken out before the text "
                            "was split.",
                            FEW: "An archive has many documents.",
                            FLAT: "Quoted text is easily learned: the loss falls.",
                            ROSE: "There is no reason for it here; and copies come first.",
                            COUNTING: "That is said at the end. Something is said earlier.",
                        },
                        {
                            LEAK: "leak-before-copies",
                            FEW: "few-is-small",
                            FLAT: "copies-hurt-the-loss",
                            ROSE: "copies-hurt-the-loss",
                            COUNTING: "checks-at-the-end",
                        },
                    ),
                    Row(
                        "The text is one novel, in one file.",
                        [FEW],
                        {
                            COPIES: "A novel says most things once.",
                            LEAK: "Its parts share few runs of 13 words.",
                            FEW: "There is no second document to hold out, so stretches of this "
                            "one are. They share its people and places with what was learned.",
                            FLAT: "A novel can be learned.",
                            ROSE: "Perhaps, if it is read too often. First there is something to "
                            "say about the split.",
                            COUNTING: "That depends on how long it is trained.",
                        },
                        {
                            COPIES: "same-book-is-a-copy",
                            LEAK: "same-book-is-a-leak",
                            FLAT: "one-file-is-unlearnable",
                            ROSE: "checks-at-the-end",
                            COUNTING: "checks-at-the-end",
                        },
                    ),
                    Row(
                        "50,000 characters are read 100 times, by the largest size.",
                        [ROSE],
                        {
                            COPIES: "Each character stands once in the folder. That the model "
                            "reads it often is another matter.",
                            LEAK: "Reading the training part often does not bring the other part "
                            "into it.",
                            FEW: "That depends on the files, not on how often they are read.",
                            FLAT: "It falls at first, and fast.",
                            ROSE: "After some passes the model knows the training text by heart, "
                            "and gets worse on text that it has not read.",
                            COUNTING: "It may be said too. What is wrong is said before.",
                        },
                        {
                            COPIES: "passes-are-copies",
                            LEAK: "passes-are-copies",
                            FEW: "few-is-small",
                            FLAT: "overfitting-is-flat",
                            COUNTING: "checks-at-the-end",
                        },
                    ),
                    Row(
                        "The learning rate was typed with three zeros too many: 0.000003.",
                        [FLAT],
                        {
                            COPIES: "The text is as it was.",
                            LEAK: "The split is as it was.",
                            FEW: "The files are as they were.",
                            FLAT: "The weights hardly move, and the run stops here: a model that "
                            "has learned nothing is not worth tuning.",
                            ROSE: "To rise again it would have to fall first.",
                            COUNTING: "It would be said, if the run went on. It stops before.",
                        },
                        {
                            COPIES: "text-for-training",
                            LEAK: "text-for-training",
                            FEW: "text-for-training",
                            ROSE: "low-rate-diverges",
                            COUNTING: "checks-at-the-end",
                        },
                    ),
                ],
            )
        ],
        hints=["The checks speak in the order of the steps. Which step is the first to notice?"],
        explain="""
        A check that stops the run says that what follows would be for nothing. The others say what
        to know when the numbers at the end are read.
        """,
    ),
]
