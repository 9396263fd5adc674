"""A project to plan: its stages in order, and for each use case the cheapest step that suffices.

Chapter: 12_generative_ai_lifecycle
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, listed, scroll, short
from course_lib.widgets.markup import table as html_table


@dataclass(frozen=True)
class PlanStage:
    """A stage of a project.

    Attributes:
        name: Of the stage.
        after: Names of the stages that have to stand before it.
        why: Said where one of them does not.
    """

    name: str
    after: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class PlanStep:
    """What one could do for a use case.

    Attributes:
        score: What it reaches, from 0 to 1.
        hours: What it costs, in GPU-hours.
        says: What comes of it, in a sentence.
    """

    score: float | int
    hours: float | int
    says: str


@dataclass(frozen=True)
class Brief:
    """A use case: what is wanted, what each step would reach, and the model that would be served.

    Attributes:
        name: Of the use case.
        text: What is wanted, in a sentence or two.
        target: The score from which on it is good enough.
        parameters: Of the model.
        bits: Of each of its weights.
        steps: What could be done, by name.
    """

    name: str
    text: str
    target: float | int
    parameters: float | int
    bits: int
    steps: Mapping[str, PlanStep]


STAGES = (
    PlanStage("define the use case"),
    PlanStage(
        "choose a model, or train one",
        ("define the use case",),
        "Which model will do depends on what it is for, and on what counts as good enough.",
    ),
    PlanStage(
        "prompt, tune, align",
        ("choose a model, or train one",),
        "There has to be a model before it can be made to fit.",
    ),
    PlanStage(
        "evaluate",
        ("prompt, tune, align",),
        "What is evaluated is the model as it was made to fit; if it is not good enough, go back.",
    ),
    PlanStage(
        "optimise",
        ("evaluate",),
        "A smaller or rounded model is only worth making of one that is good enough.",
    ),
    PlanStage(
        "deploy",
        ("optimise",),
        "What is served is the model as it was optimised.",
    ),
    PlanStage("monitor", ("deploy",), "Only what runs can be watched."),
)
LOOP = ("evaluate", "prompt, tune, align")
"""Where a project goes back, and where to."""

BRIEFS = (
    Brief(
        "mails",
        "Sort mails of customers into four kinds. 85 % have to be right.",
        0.85,
        7e9,
        16,
        {
            "a prompt": PlanStep(0.71, 0, "It knows what is asked, but confuses two of the kinds."),
            "a prompt with examples": PlanStep(
                0.88, 0, "One example of each kind settles what the kinds mean."
            ),
            "fine-tuning": PlanStep(0.93, 4, "Better still, and better than anyone asked for."),
            "pre-training": PlanStep(0.93, 180_000, "No better: the mails are ordinary language."),
        },
    ),
    Brief(
        "minutes",
        "Write the minutes of a meeting in the form that the firm has used for years. 90 % have to "
        "pass the check of form.",
        0.90,
        7e9,
        16,
        {
            "a prompt": PlanStep(0.20, 0, "A good summary, in a form of its own."),
            "a prompt with examples": PlanStep(
                0.62, 0, "Two old minutes fill the context, and their form is kept now and then."
            ),
            "fine-tuning": PlanStep(0.94, 6, "Two thousand old minutes teach the form."),
            "pre-training": PlanStep(
                0.35, 180_000, "The words were known before; the form is still not asked for."
            ),
        },
    ),
    Brief(
        "tickers",
        "Answer questions about firms that no public text names. The facts stand in 300,000 "
        "internal reports. 80 % have to be right.",
        0.80,
        13e9,
        8,
        {
            "a prompt": PlanStep(0.03, 0, "It cannot know what it has never read, and guesses."),
            "a prompt with examples": PlanStep(
                0.05, 0, "Examples show the form of an answer, not the facts."
            ),
            "fine-tuning": PlanStep(
                0.31, 10, "It answers in the right form, and right where the tuning set had it."
            ),
            "going on with pre-training": PlanStep(
                0.86, 900, "It reads the reports, with some of the old text against forgetting."
            ),
            "pre-training": PlanStep(0.86, 350_000, "As good, at four hundred times the price."),
        },
    ),
    Brief(
        "language",
        "Answer in a language that the model has hardly seen, with a writing system of its own. "
        "70 % have to be right.",
        0.70,
        3e9,
        4,
        {
            "a prompt": PlanStep(0.05, 0, "Its tokenizer cuts each word into bytes; so does it."),
            "a prompt with examples": PlanStep(0.08, 0, "The context is full after two examples."),
            "fine-tuning": PlanStep(0.22, 8, "Phrases are learned, the language is not."),
            "going on with pre-training": PlanStep(
                0.58, 6_000, "Much better; the old tokenizer still wants six tokens for a word."
            ),
            "pre-training": PlanStep(
                0.77, 60_000, "A tokenizer and a model of its own, on all text that there is."
            ),
        },
    ),
)
"""Invented, each so that another step is the cheapest that suffices."""


class Planner(CourseWidget):
    """A reader orders the stages, then chooses for each use case, and sees what comes of it.

    The right choice is computed: the cheapest step that reaches the target.

    Args:
        stages: Two or more, in one right order.
        loop: The stage from which a project goes back, and the one it goes back to.
        briefs: At least one.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        ValueError: If a name comes twice or stands before what it needs, the loop does not lead
            back, a number is out of range, or no step of a use case reaches its target.
    """

    _esm = bundle("planner.js")
    order: Any = traitlets.List(help="names of the stages, as the reader has them").tag(sync=True)
    chosen: Any = traitlets.Dict(help="step by use case").tag(sync=True)
    right = traitlets.Int(0, help="use cases with the cheapest step that suffices").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        stages: Sequence[PlanStage] = STAGES,
        loop: tuple[str, str] = LOOP,
        briefs: Sequence[Brief] = BRIEFS,
        *,
        title: str = "Plan a project",
        describe: str = "",
    ) -> None:
        """Checks the plan and writes the static form: stages and use cases as tables."""
        _check(stages, loop, briefs)
        payload: dict[str, Any] = {
            "stages": [asdict(stage) | {"after": list(stage.after)} for stage in stages],
            "loop": list(loop),
            "briefs": [brief_fields(brief) for brief in briefs],
            "title": title,
            "describe": describe,
            "badge": "toy numbers",
        }
        listed_stages = "".join(f"<li>{escape(stage.name)}</li>" for stage in stages)
        parts = []
        for brief in payload["briefs"]:
            rows = (
                (
                    step["name"],
                    [
                        f"<td>{short(step['score'])}</td>",
                        f"<td>{step['hours']:,g}</td>",
                        f"<td>{escape(step['says'])}</td>",
                    ],
                )
                for step in brief["steps"]
            )
            table = html_table("step", ["reaches", "GPU-hours", "what comes of it"], rows)
            parts.append(
                f"<p>{escape(brief['text'])}</p><details><summary>What comes of each step"
                f"</summary>{scroll(brief['name'], table)}<p>{escape(describe_brief(brief))}</p>"
                "</details>"
            )
        static = card(
            title,
            payload["badge"],
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<ol>{listed_stages}</ol><p>{escape(_loop_line(payload))}</p>",
            *parts,
        )
        text = f"{title} {describe_plan(payload)}"
        super().__init__(payload, static, text, order=[stage.name for stage in stages])


def _check(stages: Sequence[PlanStage], loop: tuple[str, str], briefs: Sequence[Brief]) -> None:
    names = [stage.name for stage in stages]
    if len(names) < 2 or len(set(names)) != len(names):
        raise ValueError(f"stages must be 2 or more with different names, got {names}")
    for place, stage in enumerate(stages):
        early = [name for name in stage.after if name not in names[:place]]
        if early:
            raise ValueError(
                f"stages must stand in a right order: {stage.name!r} comes after {early[0]!r}, "
                "which does not stand before it"
            )
    if not (set(loop) <= set(names) and names.index(loop[0]) > names.index(loop[1])):
        raise ValueError(f"loop must lead from a stage back to an earlier one, got {loop}")
    known = [brief.name for brief in briefs]
    if not known or len(set(known)) != len(known):
        raise ValueError(f"briefs must be 1 or more with different names, got {known}")
    for brief in briefs:
        if brief.bits < 1 or not 0 < brief.parameters < math.inf:
            raise ValueError(
                f"brief {brief.name!r} must have positive parameters and bits, got "
                f"{brief.parameters} and {brief.bits}"
            )
        for name, step in brief.steps.items():
            if not (0 <= step.score <= 1 and 0 <= step.hours < math.inf):
                raise ValueError(
                    f"brief {brief.name!r}: step {name!r} must have a score from 0 to 1 and hours "
                    f"of 0 or more, got {step.score} and {step.hours}"
                )
        if not any(step.score >= brief.target for step in brief.steps.values()):
            raise ValueError(f"brief {brief.name!r}: no step reaches the target of {brief.target}")


def brief_fields(brief: Brief) -> dict[str, Any]:
    """Returns a use case as the module reads it: its steps as a list, since order means something.

    Args:
        brief: The use case.
    """
    steps = [{"name": name, **asdict(step)} for name, step in brief.steps.items()]
    return {**asdict(brief), "steps": steps}


def cheapest_step(brief: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the step of the least hours that reaches the target; the first, if several do.

    Args:
        brief: A brief of the payload.
    """
    enough: list[dict[str, Any]] = [s for s in brief["steps"] if s["score"] >= brief["target"]]
    return min(enough, key=lambda step: float(step["hours"]))


def serving_gigabytes(brief: Mapping[str, Any]) -> float:
    """Returns the weights' memory in service, in GB: no gradient and no optimizer is kept.

    Args:
        brief: A brief of the payload.
    """
    return float(brief["parameters"] * brief["bits"] / 8e9)


def first_fault(payload: Mapping[str, Any], order: Sequence[str]) -> dict[str, str] | None:
    """Finds the first stage that stands before one it needs.

    Args:
        payload: Of a ``Planner``.
        order: All names of stages.

    Returns:
        Its name (``stage``), the one it needs (``needs``), and ``why``; None if there is none.
    """
    stages = {stage["name"]: stage for stage in payload["stages"]}
    for place, name in enumerate(order):
        for needs in stages[name]["after"]:
            if needs in order[place + 1 :]:
                return {"stage": name, "needs": needs, "why": stages[name]["why"]}
    return None


def describe_brief(brief: Mapping[str, Any]) -> str:
    """Says which step is the cheapest that suffices, and what serving takes."""
    step = cheapest_step(brief)
    return (
        f"The cheapest step that suffices is {step['name']}: {short(step['score'])} of the wanted "
        f"{short(brief['target'])}, for {step['hours']:,g} GPU-hours. To serve, the weights take "
        f"{short(serving_gigabytes(brief), 1)} GB."
    )


def describe_plan(payload: Mapping[str, Any]) -> str:
    """Says the stages in order, the loop, and the cheapest step for each use case."""
    briefs = "; ".join(f"{b['name']}: {cheapest_step(b)['name']}" for b in payload["briefs"])
    names = listed([stage["name"] for stage in payload["stages"]])
    return f"Stages: {names}. {_loop_line(payload)} Cheapest steps that suffice: {briefs}."


def _loop_line(payload: Mapping[str, Any]) -> str:
    return "From “{}” a project goes back to “{}” until it is good enough.".format(*payload["loop"])
