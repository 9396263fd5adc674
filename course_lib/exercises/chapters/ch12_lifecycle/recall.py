"""Chapter 12, warm-up: what examples in a prompt change; when greedy and sampled answers differ."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch12_lifecycle import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="12.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: what examples in a prompt change",
        prompt="A prompt shows a model four examples of a task before it asks.",
        parts=[
            Choice(
                prompt="What do the examples change?",
                options=[
                    Option(
                        "What the model reads; its weights stay as they are.",
                        True,
                        "In-context learning is reading. Without the examples, the next prompt "
                        "finds the same model as before.",
                    ),
                    Option(
                        "Its weights, a little with each example.",
                        False,
                        "Weights change in training, where there is a loss and a gradient. "
                        "Generation only reads them.",
                        "prompting-is-training",
                    ),
                    Option(
                        "Its weights, until the conversation ends.",
                        False,
                        "Nothing is changed and undone. What lasts for a conversation is the text "
                        "of it, which is read again.",
                        "weights-for-a-while",
                    ),
                    Option(
                        "What it knows: facts that it never read can then be asked for.",
                        False,
                        "Only facts that stand in the examples themselves. They show what is "
                        "asked, and do not hold what nobody wrote there.",
                        "examples-teach-facts",
                    ),
                ],
            )
        ],
        hints=["What is different about the next prompt, without the examples?"],
        explain="So prompting is the cheapest step, and the one that is tried first. What the "
        "weights do not hold, it cannot bring out.",
    ),
    Spec(
        id="12.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Warm-up: one answer and many",
        prompt="""
        A model is asked the same question. It gives the right answer a probability of 0.3, as a
        whole; ten wrong ones have 0.07 each. It begins each of them with another token.
        """,
        parts=[
            Choice(
                prompt="What does greedy decoding answer, and what do 8 samples hold?",
                options=[
                    Option(
                        "The right one; a right one among 8 samples in about 94 of 100 cases.",
                        True,
                        "Its first token is the likeliest. 8 samples all miss it with 0.7 to the "
                        "power of 8, which is 0.06.",
                    ),
                    Option(
                        "A wrong one, since 0.7 is more than 0.3.",
                        False,
                        "The wrong answers do not stand together. Each of them has 0.07, and "
                        "greedy takes the likeliest token.",
                        "wrong-ones-add-up",
                    ),
                    Option(
                        "The right one; a right one among 8 samples in 30 of 100 cases.",
                        False,
                        "That holds for one sample. With each more it gets likelier that one of "
                        "them is right.",
                        "pass-at-one",
                    ),
                    Option(
                        "The right one; all 8 samples are right, too.",
                        False,
                        "A sample is drawn, and 7 of 10 draws are wrong. Greedy decoding hides "
                        "that.",
                        "greedy-is-sampling",
                    ),
                ],
            )
        ],
        hints=["How likely is it that a sample is wrong, and 8 of them?"],
        explain="Both numbers are used on this page: the greedy answer is what a user gets, and "
        "the share of right samples is what reinforcement works with.",
    ),
]
