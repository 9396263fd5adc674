"""Chapter 10, ideas and warm-up: the parts of a prompt."""

from __future__ import annotations

import math

from course_lib.exercises.spec import Match, Near, Number, Row, Spec

CHAPTER = "10_prompt_engineering"
SECTION = "Prompt engineering: prompt, inference, completion"

ZERO, ONE, FEW = "zero-shot", "one-shot", "few-shot"
KINDS = (ZERO, ONE, FEW)
_WHY = {
    ZERO: "No example with its answer: zero-shot.",
    ONE: "Exactly one example with its answer: one-shot.",
    FEW: "Several examples with their answers: few-shot.",
}
_COUNT = (
    "Count the inputs that come *with* an answer. The query, whose answer is left open, is not one "
    "of them."
)


def kind_of(prompt: str) -> str:
    """Name a prompt by its lines that have something after the arrow."""
    shots = sum("->" in line and bool(line.split("->")[1].strip()) for line in prompt.split("\n"))
    return KINDS[min(shots, 2)]


def _row(prompt: str, note: str = "") -> Row:
    right = kind_of(prompt)
    wrong = f"{_COUNT} {note}".strip()
    return Row(
        "`" + prompt.replace("\n", "` / `") + "`",
        [right],
        {kind: _WHY[kind] if kind == right else wrong for kind in KINDS},
        {kind: "query-is-a-shot" for kind in KINDS if kind != right},
    )


PROMPT, INSTRUCTS, SHOT, ASKED, COMPLETION, INFERENCE = (
    "prompt",
    "instruction",
    "example",
    "query",
    "completion",
    "inference",
)
_PARTS = (PROMPT, INSTRUCTS, SHOT, ASKED, INFERENCE, COMPLETION)


def _part(text: str, right: str, because: str, others: dict[str, str]) -> Row:
    feedback = {name: others.get(name, because) for name in _PARTS}
    feedback[right] = because
    misconceptions = {name: f"{right}-is-{name}" for name in _PARTS if name != right}
    return Row(text, [right], feedback, misconceptions)


EXERCISES = [
    Spec(
        id="10.r1",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Warm-up: predictions of one pass",
        prompt="From the page on attention. A decoder reads a row of 18 tokens, once.",
        parts=[
            Number(
                prompt="For how many places of the row does it give a distribution of the next "
                "token?",
                key=lambda: 18.0,
                tolerance=0.4,
                relative=False,
                near=[
                    Near(
                        lambda: 1.0,
                        "Only the last one is *used* when text is written. The head is applied at "
                        "every place, and each of them sees only what is before it.",
                        "last-place-only",
                    ),
                    Near(
                        lambda: 17.0,
                        "17 of them can be checked against the row itself. The last place has a "
                        "distribution too: that of the token to come.",
                        "one-lost",
                    ),
                ],
                unit_hint="a number of places",
                key_format="{:.0f}",
                feedback="One at each place. The causal mask makes each as if the row ended there.",
            )
        ],
        hints=["What does the causal mask hide from each place?"],
        explain="""
        One pass over a row with eight examples therefore holds the answers after 0, 1, 2, ... 8
        examples. This page measures all of them at once.
        """,
    ),
    Spec(
        id="10.r2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Warm-up: a word of two tokens",
        prompt="""
        From the page on softmax. The first token of an answer has probability 0.5, and after it
        the second one has probability 0.2.
        """,
        parts=[
            Number(
                prompt="What is the log-probability of the answer, in nats?",
                key=lambda: math.log(0.5) + math.log(0.2),
                tolerance=0.02,
                near=[
                    Near(
                        lambda: math.log(0.7),
                        "You added the probabilities. Both must happen, one after the other: "
                        "probabilities multiply, logarithms add.",
                        "probabilities-add",
                    ),
                    Near(
                        lambda: (math.log(0.5) + math.log(0.2)) / 2,
                        "That is the mean a token, another useful score. Asked is that of the "
                        "whole answer: the sum.",
                        "mean-for-sum",
                    ),
                    Near(
                        lambda: math.log10(0.1),
                        "That is the logarithm to the base 10. Nats are natural logarithms.",
                        "base-ten",
                    ),
                ],
                units={"": 1.0, "nat": 1.0, "nats": 1.0},
                unit_hint="a number of nats, such as -0.7",
                key_format="{:.2f}",
                feedback="0.5 × 0.2 = 0.1, and ln 0.1 = ln 0.5 + ln 0.2.",
            )
        ],
        hints=["How likely are both, one after the other?"],
        explain="The log-probability of a text is the sum over its tokens: longer is lower.",
    ),
    Spec(
        id="10.a",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="match",
        title="Shots, and the parts of a prompt",
        prompt="""
        *Completion* here means the output text alone. (Some programs call prompt and output
        together the completion.)
        """,
        parts=[
            Match(
                id="shots",
                prompt="What kind of prompt is it? A slash stands for a new line.",
                options=KINDS,
                rows=[
                    _row("Translate to French.\ncheese ->"),
                    _row("sea -> mer\ncheese ->"),
                    _row("Translate to French.\nsea -> mer\nsky -> ciel\ncheese ->"),
                    _row(
                        "cheese ->",
                        "An instruction is not needed either; without one the task stays open.",
                    ),
                    _row("Translate to French. Answer in one word.\nsky -> ciel\ncheese ->"),
                    _row("sea -> mer\nsky -> ciel\ncat -> chat\ncheese ->"),
                ],
            ),
            Match(
                id="parts",
                prompt="In `Translate to French.` / `sea -> mer` / `cheese ->`, to which the model "
                "adds `fromage`: which is which?",
                options=_PARTS,
                rows=[
                    _part(
                        "`Translate to French.`",
                        INSTRUCTS,
                        "It says in words what to do: the instruction.",
                        {PROMPT: "It is a part of the prompt. The prompt is all of the input."},
                    ),
                    _part(
                        "`sea -> mer`",
                        SHOT,
                        "An input with its answer: an example, a *shot*.",
                        {
                            COMPLETION: "The model did not write it. It was given, as an example.",
                            ASKED: "Its answer is there already. The query is what is left open.",
                        },
                    ),
                    _part(
                        "`cheese ->`",
                        ASKED,
                        "The input whose answer is left open: the query.",
                        {SHOT: "An example has its answer. This one's is left to the model."},
                    ),
                    _part(
                        "all three lines together",
                        PROMPT,
                        "The prompt is the text that you feed into the model, all of it.",
                        {ASKED: "The query is only the last line. The model reads all three."},
                    ),
                    _part(
                        "the act of generating `fromage`",
                        INFERENCE,
                        "Inference is the act of generating text.",
                        {COMPLETION: "The completion is the text; inference is the act."},
                    ),
                    _part(
                        "`fromage`",
                        COMPLETION,
                        "The output text: the completion.",
                        {INFERENCE: "Inference is the act; what comes out is the completion."},
                    ),
                ],
            ),
        ],
        hints=["Count inputs that come with an answer.", "Which parts did the model write?"],
        explain="""
        Shots are counted by answers given, not by inputs. Everything you send is the prompt,
        everything that comes back is the completion, and what happens between is inference.
        """,
    ),
]
