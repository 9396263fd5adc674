"""Chapter 17, ideas: how to read a table of scores; which objective for which use."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Match, Option, Row, Spec
from course_lib.exercises.chapters.ch17_summary import CHAPTER, SECTION

MASKED = "an encoder, trained by masking"
CAUSAL = "a decoder, trained on next tokens"
SPANS = "an encoder-decoder, trained to say what was hidden"

EXERCISES = [
    Spec(
        id="17.e",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Reading a table",
        prompt="""
        Three pre-trained models were tuned for one task from starts 0, 1 and 2.

        - A scores 0.70, 0.80 and 0.90; from scratch 0.66, 0.75 and 0.87
        - B scores 0.81, 0.79 and 0.83; from scratch 0.80, 0.81 and 0.82
        - C scores 0.20, 0.21 and 0.19; from scratch 0.02, 0.01 and 0.03
        """,
        parts=[
            Choice(
                prompt="Which statements do these runs show? Choose every one that holds.",
                multiple=True,
                options=[
                    Option(
                        "Pre-training paid for A.",
                        True,
                        "The gains are 0.04, 0.05 and 0.03: nearly the same each time, however far "
                        "the starts lie apart.",
                    ),
                    Option(
                        "Pre-training paid for C.",
                        True,
                        "It gained 0.18, 0.20 and 0.16. That C is the worst of the three does not "
                        "matter for that.",
                    ),
                    Option(
                        "Pre-training paid for B, whose mean is the highest.",
                        False,
                        "Its gains are 0.01, -0.02 and 0.01: none. It is good without "
                        "pre-training.",
                        "best-means-paid",
                    ),
                    Option(
                        "B is better than A.",
                        False,
                        "The differences are 0.11, -0.01 and -0.07. Their mean is far smaller than "
                        "two standard errors.",
                        "higher-mean-wins",
                    ),
                    Option(
                        "C's objective is worse than A's.",
                        False,
                        "C is worse at this task, at this budget. From scratch it is, too, so it "
                        "may be the family, or how the task is asked of it.",
                        "score-is-objective",
                    ),
                ],
            )
        ],
        hints=["Two questions: is it better than without pre-training, and better than another?"],
        explain="""
        A table like the one on this page answers two questions. Whether pre-training paid is a
        comparison with the same model from scratch; which model to take is one with the second
        best.
        """,
    ),
    Spec(
        id="17.f",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="Which one for which use",
        prompt="Choose as the lecture's table does: the objective that is nearest to the use.",
        parts=[
            Match(
                id="uses",
                prompt="What would you try first?",
                options=[MASKED, CAUSAL, SPANS],
                rows=[
                    Row(
                        "mark all names of firms in a contract",
                        [MASKED],
                        {
                            MASKED: "A label for each word, from both sides, and nothing to write.",
                            CAUSAL: "A word's vector knows only what stands before it there. What "
                            "follows often tells what a name is.",
                            SPANS: "It could write the names, but a label at each word is nearer "
                            "and cheaper.",
                        },
                        {CAUSAL: "decoder-labels-first", SPANS: "pair-for-labels"},
                    ),
                    Row(
                        "go on with a half-written story",
                        [CAUSAL],
                        {
                            MASKED: "An encoder fills gaps whose place it is shown. It has no loop "
                            "that goes on.",
                            CAUSAL: "What comes next is the very question it was trained on.",
                            SPANS: "It can be asked to, as UL2's sequential denoiser is. The "
                            "nearest objective is the plain next token.",
                        },
                        {MASKED: "encoder-writes", SPANS: "pair-without-source"},
                    ),
                    Row(
                        "turn a report into three sentences",
                        [SPANS],
                        {
                            MASKED: "A summary has to be written, and an encoder writes nothing.",
                            CAUSAL: "Large decoders do that by a prompt. A model trained on a "
                            "source and a target is nearer.",
                            SPANS: "The whole report is read before the first word is said.",
                        },
                        {MASKED: "encoder-translates", CAUSAL: "decoder-translates-first"},
                    ),
                    Row(
                        "say whether a review praises or blames",
                        [MASKED],
                        {
                            MASKED: "One label for a text: a head on one vector.",
                            CAUSAL: "That works too, from the last token's vector. The lecture "
                            "names sentiment with the encoder.",
                            SPANS: "Two stacks and a loop, to say one word of two.",
                        },
                        {CAUSAL: "decoder-labels-first", SPANS: "pair-for-labels"},
                    ),
                    Row(
                        "translate a letter",
                        [SPANS],
                        {
                            MASKED: "The translation has to be written, and an encoder writes "
                            "none.",
                            CAUSAL: "A large one does it by a prompt. Reading the source from both "
                            "sides is the encoder-decoder's way.",
                            SPANS: "This is what the first transformer was built for.",
                        },
                        {MASKED: "encoder-translates", CAUSAL: "decoder-translates-first"},
                    ),
                ],
            )
        ],
        hints=["Is the answer a label or a text? If a text, is another one read first?"],
        explain="""
        Nearest does not mean best: what is best is measured, as on this page. And the largest
        models of today are decoders that are asked all of this by a prompt.
        """,
    ),
]
