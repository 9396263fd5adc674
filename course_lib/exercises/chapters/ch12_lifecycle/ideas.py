"""Chapter 12, ideas: the order of the stages and the loop; what each step can change."""

from __future__ import annotations

from course_lib.exercises.author.spec import Before, Choice, Line, Option, Order, Spec
from course_lib.exercises.chapters.ch12_lifecycle import CHAPTER, SECTION

EXERCISES = [
    Spec(
        id="12.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="order",
        title="The stages of a project",
        prompt="""
        A project begins with an idea and ends with a service that is watched. Two lines do not
        belong.
        """,
        parts=[
            Order(
                id="stages",
                prompt="Choose the seven stages that belong, and put them in order.",
                lines=[
                    Line("deploy", "deploy the model as a service"),
                    Line("adapt", "prompt, tune and align the model"),
                    Line(
                        "first",
                        "train a model, to see what it is good for",
                        True,
                        "What a model should be good for is the first decision, and most projects "
                        "train none: they choose one.",
                        "always-train-first",
                    ),
                    Line("scope", "define the use case, its metric and its target"),
                    Line("evaluate", "evaluate it on what it has not seen"),
                    Line("monitor", "monitor what it answers"),
                    Line(
                        "look",
                        "choose the metric on which the model looks best",
                        True,
                        "A metric that is chosen afterwards measures the choice. It is fixed with "
                        "the use case, before any model is looked at.",
                        "metric-after-results",
                    ),
                    Line("select", "choose a model, or train one"),
                    Line("optimise", "make it smaller and faster"),
                ],
                before=[
                    Before(
                        "scope",
                        "select",
                        "Whether a model fits depends on the use case. Define it first.",
                        "always-train-first",
                    ),
                    Before(
                        "select",
                        "adapt",
                        "There has to be a model before it can be prompted or tuned.",
                        "adapt-before-model",
                    ),
                    Before(
                        "adapt",
                        "evaluate",
                        "What is judged is the model as it was made to fit, not as it came.",
                        "evaluate-the-base",
                    ),
                    Before(
                        "evaluate",
                        "optimise",
                        "Evaluate before you optimise: a small model that is not good enough is "
                        "of no use, and later nobody knows which step did the harm.",
                        "evaluate-at-the-end",
                    ),
                    Before(
                        "optimise",
                        "deploy",
                        "What is served is the model as it was optimised.",
                        "optimise-in-service",
                    ),
                    Before(
                        "deploy",
                        "monitor",
                        "Only what runs can be watched.",
                        "monitor-before-deploy",
                    ),
                ],
                feedback="Define, choose, adapt, evaluate, optimise, deploy, monitor.",
            ),
            Choice(
                id="loop",
                prompt="Where is the loop?",
                options=[
                    Option(
                        "from evaluation back to prompting, tuning and aligning",
                        True,
                        "Until the target is reached, or until it is clear that another model is "
                        "needed.",
                    ),
                    Option(
                        "from deployment back to training from scratch",
                        False,
                        "A deployed model is watched, and a fault found there leads back to the "
                        "cheapest step that mends it. That is hardly ever training from scratch.",
                        "retrain-by-default",
                    ),
                    Option(
                        "nowhere: each stage is done once",
                        False,
                        "That would mean that the first prompt was good enough. The evaluation is "
                        "there to say that it was not.",
                        "no-loop",
                    ),
                    Option(
                        "inside evaluation: until the metric is high enough on the same test items",
                        False,
                        "Then the test items have been used to choose, and their score says "
                        "nothing about new ones.",
                        "tune-on-the-test",
                    ),
                ],
            ),
        ],
        hints=["Which stage needs something that another one makes?"],
        explain="""
        The order follows from what each stage needs. The loop follows from evaluation: it is the
        only stage that can say *not yet*.
        """,
    ),
    Spec(
        id="12.e",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="Which of them to take",
        prompt="Think of the steps of this page and of what each of them could do.",
        parts=[
            Choice(
                prompt="Which statements hold? Choose every one that does.",
                multiple=True,
                options=[
                    Option(
                        "DPO needs pairs of answers, and no answer of the model itself.",
                        True,
                        "Its loss compares two given answers with what the reference says of them. "
                        "Nothing is sampled.",
                    ),
                    Option(
                        "GRPO learns nothing from a question of which all answers are wrong.",
                        True,
                        "An answer counts against the other answers to its question. If all get "
                        "the same reward, none is better than the mean.",
                    ),
                    Option(
                        "A DPO loss that falls shows that good answers became likelier.",
                        False,
                        "It shows that the margin grew. Both answers may have become less likely, "
                        "the rejected one faster.",
                        "dpo-loss-is-likelihood",
                    ),
                    Option(
                        "A high score on questions that stood in the tuning set shows that the "
                        "facts were learned.",
                        False,
                        "It shows that the answers were remembered. Whether the model can use what "
                        "it knows is seen with questions that it was not tuned on.",
                        "train-score-counts",
                    ),
                    Option(
                        "Weights of 8 bits make a small model on a CPU faster by the same factor "
                        "by which they make it smaller.",
                        False,
                        "Bytes and seconds are two things. Time falls where reading the weights "
                        "was what it was spent on.",
                        "bytes-are-seconds",
                    ),
                ],
            )
        ],
        hints=["What does each of them need, and which number did it move?"],
        explain="Each step moved some numbers of the table and left others, or made them worse. "
        "That is why there is a table.",
    ),
]
