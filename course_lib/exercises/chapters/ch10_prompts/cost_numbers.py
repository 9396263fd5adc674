"""Chapter 10, numbers: steps that must all be right, and what examples cost against tuning."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch10_prompts import CHAPTER, SECTION

SHOTS, EXAMPLE, QUERY = 8, 110, 150  # examples in a prompt, tokens of each, tokens of a query
DATA, PASSES, UPDATE = 400, 4, 3  # examples to tune on, how often, cost of learning over reading
KEPT = 10  # reading what was kept costs a tenth
STEP_RIGHT, N_STEPS = 0.9, 4


def tuned_after(share: float = 1.0) -> float:
    """Give the queries after which tuning has cost as much as the examples of the prompts."""
    return DATA * EXAMPLE * PASSES * UPDATE / (SHOTS * EXAMPLE * share)


def all_steps() -> float:
    """Give the percentage of chains whose every step is right."""
    return 100 * STEP_RIGHT**N_STEPS


def two_of_three(percent: float) -> float:
    """Give the percentage of three tries of which at least two are right."""
    p = percent / 100
    return 100 * (p**3 + 3 * p**2 * (1 - p))


def _percent(name: str, prompt: str, key: float, near: list[Near], feedback: str) -> Number:
    return Number(
        id=name,
        prompt=prompt,
        key=lambda: key,
        tolerance=1.0,
        relative=False,
        near=near,
        form="percent",
        unit_hint="a percentage, such as 80 %",
        key_format="{:.1f} %",
        feedback=feedback,
    )


def _queries(name: str, prompt: str, share: float, near: list[Near], feedback: str) -> Number:
    return Number(
        id=name,
        prompt=prompt,
        key=lambda: tuned_after(share),
        tolerance=0.4,
        relative=False,
        near=near,
        units=counts("queries", "query"),
        low=0.0,
        unit_hint="a number of queries",
        key_format="{:,.0f}",
        feedback=feedback,
    )


EXERCISES = [
    Spec(
        id="10.g",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Examples that are read again and again",
        prompt=f"""
        Each query of {QUERY} tokens comes with {SHOTS} examples of {EXAMPLE} tokens. A tuned model
        would do without them. Tuning reads {DATA} such examples {PASSES} times, and learning from a
        token costs {UPDATE} times what reading it costs.
        """,
        parts=[
            _queries(
                "plain",
                "After how many queries have the examples of the prompts cost as much as tuning?",
                1.0,
                [
                    Near(
                        lambda: tuned_after() / UPDATE,
                        "You count a token of tuning like one that is read. It also goes through "
                        f"the backward pass: {UPDATE} times the cost.",
                        "tuning-reads-only",
                    ),
                    Near(
                        lambda: tuned_after() / PASSES,
                        f"You let tuning read its examples once; it reads them {PASSES} times.",
                        "one-pass",
                    ),
                    Near(
                        lambda: tuned_after() * SHOTS,
                        f"You count one example a query; there are {SHOTS}.",
                        "one-example",
                    ),
                    Near(
                        lambda: tuned_after() * SHOTS * EXAMPLE / (SHOTS * EXAMPLE + QUERY),
                        "The query is read either way. Only the examples are saved.",
                        "query-is-saved",
                    ),
                ],
                f"{DATA} · {EXAMPLE} · {PASSES} · {UPDATE} = 528,000 against {SHOTS} · {EXAMPLE} = "
                "880 a query: 600.",
            ),
            _queries(
                "kept",
                "And if the keys and values of the examples are kept beforehand, so that every "
                f"query, the first too, pays 1/{KEPT} for them?",
                1 / KEPT,
                [
                    Near(
                        lambda: tuned_after() / KEPT,
                        "Cheaper examples put the point off, they do not bring it nearer.",
                        "wrong-way",
                    ),
                    Near(
                        tuned_after,
                        "That is the answer without keeping them. Each query now costs a tenth of "
                        "it.",
                        "nothing-kept",
                    ),
                ],
                "A tenth of the cost a query, ten times the queries: 6,000.",
            ),
        ],
        hints=["What does a query cost more with its examples than without?"],
        explain="""
        Tuning is paid once, examples are paid with each query. Few queries speak for the prompt,
        many for tuning, and a kept prefix moves the border.
        """,
    ),
    Spec(
        id="10.h",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Steps and votes",
        prompt=f"""
        A model writes {N_STEPS} steps. Each is right with a chance of 90 % if those before it were,
        and after a wrong step the end is wrong.
        """,
        parts=[
            _percent(
                "chain",
                "How often is the end right?",
                all_steps(),
                [
                    Near(
                        lambda: 100 * STEP_RIGHT,
                        "That is one step. All four have to be right.",
                        "one-step",
                    ),
                    Near(
                        lambda: 100 - N_STEPS * 100 * (1 - STEP_RIGHT),
                        "You add up the chances of a mistake. Chances of being right multiply.",
                        "mistakes-add",
                    ),
                ],
                "0.9⁴ = 0.656.",
            ),
            _percent(
                "vote",
                "Three such texts are sampled, each on its own. How often do at least two of them "
                "end right?",
                two_of_three(all_steps()),
                [
                    Near(
                        lambda: 100 * (1 - (1 - all_steps() / 100) ** 3),
                        "That is how often at least *one* is right. A vote has to be won.",
                        "one-is-enough",
                    ),
                    Near(
                        all_steps,
                        "That is one text. Two of three are right more often, if one is right more "
                        "often than not.",
                        "vote-changes-nothing",
                    ),
                    Near(
                        lambda: 100 * (all_steps() / 100) ** 2,
                        "That is two particular ones. Any two of the three will do, or all three.",
                        "two-particular",
                    ),
                ],
                "0.656³ + 3 · 0.656² · 0.344 = 0.727.",
            ),
        ],
        hints=["Multiply along the chain.", "Two right and one wrong can happen in three orders."],
        explain="""
        A vote lifts what is right more often than it agrees on anything wrong. Wrong ends that
        differ among themselves lose even to a right one that is in the minority.
        """,
    ),
]
