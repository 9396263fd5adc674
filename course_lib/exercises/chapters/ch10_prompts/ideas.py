"""Chapter 10, ideas: shots, and the parts of a prompt; what eight examples change."""

from __future__ import annotations

from course_lib.exercises.author.spec import Choice, Match, Option, Row, Spec
from course_lib.exercises.chapters.ch10_prompts import CHAPTER, SECTION

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
    Spec(
        id="10.a2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="choice",
        title="What eight examples change",
        prompt="A prompt with eight examples has been read, and the answers are better now.",
        parts=[
            Choice(
                prompt="What has changed in the weights of the model?",
                options=[
                    Option(
                        "nothing",
                        True,
                        "Reading is a forward pass. What the examples change are the activations, "
                        "and these are gone with the prompt.",
                    ),
                    Option(
                        "the last layer, a little",
                        False,
                        "Weights change only when an optimizer makes a step. There is no loss, no "
                        "gradient and no step here.",
                        "examples-train-the-last-layer",
                    ),
                    Option(
                        "the embeddings of the labels",
                        False,
                        "The embedding table is a weight like any other: it stays. What differs is "
                        "what attention gathers at the query.",
                        "examples-train-embeddings",
                    ),
                    Option(
                        "all of them, until the conversation ends",
                        False,
                        "Nothing is changed, so nothing must be restored. The examples work only "
                        "while they are read again with each prompt.",
                        "examples-train-for-a-while",
                    ),
                ],
            )
        ],
        hints=["When does an optimizer make a step?"],
        explain="""
        In-context learning is a misleading name for a fixed function: the same weights, a longer
        input. Send the query without the examples, and the skill is gone.
        """,
    ),
]
