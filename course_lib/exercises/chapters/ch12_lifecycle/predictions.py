"""Chapter 12, predictions: which step comes first; what becomes of what was preferred."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Option, Spec
from course_lib.exercises.chapters.ch12_lifecycle import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="12.b",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="What to try first",
        prompt="""
        A firm wants short answers about its 24 suppliers. A general model with open weights exists;
        it has read the firm's public reports, in which every fact stands. Write a guess before you
        look.
        """,
        parts=[
            Choice(
                id="first",
                prompt="What is tried first?",
                options=[
                    Option(
                        "a prompt",
                        True,
                        "It costs minutes, and its failures say what to do next.",
                    ),
                    Option(
                        "a prompt with examples",
                        False,
                        "That is the second try. A plain prompt is cheaper, and without its score "
                        "nobody knows what the examples bring.",
                        "examples-first",
                    ),
                    Option(
                        "fine-tuning",
                        False,
                        "It needs labelled answers and hours. Whether it is needed is known only "
                        "when the cheaper steps have failed.",
                        "fine-tune-by-default",
                    ),
                    Option(
                        "pre-training a model of one's own",
                        False,
                        "The dearest step there is, for facts that the model has already read.",
                        "pre-train-by-default",
                    ),
                ],
            ),
            Choice(
                id="trigger",
                prompt="Prompts fail, though the beginning of a report brings out each fact. What "
                "does that call for?",
                options=[
                    Option(
                        "fine-tuning on some questions and answers",
                        True,
                        "The facts are there. What is missing is the way from a question to them, "
                        "and a few examples with a gradient can teach a way.",
                    ),
                    Option(
                        "going on with pre-training on the reports",
                        False,
                        "The facts are known already; more of the same text makes no question of "
                        "them.",
                        "more-text-for-form",
                    ),
                    Option(
                        "training on preferred answers",
                        False,
                        "It chooses between answers that the model can give. Here it gives none.",
                        "align-what-is-not-there",
                    ),
                    Option(
                        "a larger model",
                        False,
                        "Perhaps. But the facts can be had from this one, so the cheaper step "
                        "comes first.",
                        "larger-by-default",
                    ),
                ],
            ),
        ],
        reveal=lambda: (
            "The sections below do it in this order, and the table at the end has what each step "
            "brought."
        ),
        hints=["What does each try cost, and what does its failure tell?"],
        explain="""
        The cheapest step comes first, since its failure says which kind of step is needed: a form
        that is not understood, a fact that is not known, or a wish that is not met.
        """,
    ),
    Spec(
        id="12.b2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="predict",
        title="What becomes of the preferred answers",
        prompt="""
        A tuned model is aligned by DPO, once at a low learning rate and once at one ten times as
        high. No likelihood term is used. On held-out pairs the margin between preferred and
        rejected answers grows at both. Write a guess before you look.
        """,
        parts=[
            Choice(
                prompt="What happens to the preferred answers at the high rate?",
                options=[
                    Option(
                        "They become less likely, and so do the rejected ones, faster.",
                        True,
                        "The loss asks for a difference alone. Pushing both down with the rejected "
                        "one ahead is a way to get it.",
                    ),
                    Option(
                        "They become much likelier: the margin says so.",
                        False,
                        "The margin is a difference. It grows as well if the rejected answer falls "
                        "further than the preferred one does.",
                        "margin-is-likelihood",
                    ),
                    Option(
                        "Nothing: the reference model holds them.",
                        False,
                        "The reference only sets the point from which both are measured. Nothing "
                        "pulls the model back to it by itself.",
                        "reference-holds",
                    ),
                    Option(
                        "They become likelier at first and then stay.",
                        False,
                        "Nothing in the loss stops a difference from growing. With more updates or "
                        "a higher rate it goes on.",
                        "dpo-saturates",
                    ),
                ],
            )
        ],
        reveal=lambda: "The figure below has both, from three starts.",
        hints=["Write down the loss: which terms of it know how likely an answer is by itself?"],
        explain="""
        DPO is told which of two answers is better, never that one of them is good. A likelihood
        term on the preferred answers says that.
        """,
    ),
]
