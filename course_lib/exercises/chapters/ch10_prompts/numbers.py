"""Chapter 10, numbers: room for the completion."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch10_prompts import CHAPTER, SECTION

WINDOW, INSTRUCTION, EXAMPLE, N_EXAMPLES, QUERY = 2048, 60, 110, 8, 140


def left() -> int:
    """Compute the tokens left after instruction, examples and query."""
    return WINDOW - (INSTRUCTION + N_EXAMPLES * EXAMPLE + QUERY)


EXERCISES = [
    Spec(
        id="10.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Room for the completion",
        prompt=f"""
        A model's context holds {WINDOW:,} tokens. Your prompt has an instruction of {INSTRUCTION}
        tokens, {N_EXAMPLES} examples of {EXAMPLE} tokens each, and a query of {QUERY} tokens.
        """,
        parts=[
            Number(
                prompt="How many tokens can the completion have at most?",
                key=lambda: float(left()),
                tolerance=0.0005,
                near=[
                    Near(
                        lambda: float(WINDOW - INSTRUCTION - QUERY),
                        "You left out the examples. The model reads them like everything else, so "
                        "they take room in the context.",
                        "examples-are-free",
                    ),
                    Near(
                        lambda: float(WINDOW - INSTRUCTION - EXAMPLE - QUERY),
                        f"You counted one example; there are {N_EXAMPLES}.",
                        "one-example",
                    ),
                    Near(
                        lambda: float(WINDOW),
                        "Prompt and completion share the context: each written token is appended "
                        "to what the model reads next.",
                        "window-is-for-the-completion",
                    ),
                    Near(
                        lambda: float(2 * WINDOW - left()),
                        "You added the prompt to the context. It takes room away: subtract it.",
                        "adds",
                    ),
                    Near(
                        lambda: float(WINDOW - left()),
                        "That is the length of the prompt. Subtract it from the context.",
                        "prompt-length",
                    ),
                ],
                units=counts("tokens", "token"),
                low=0.0,
                unit_hint="a number of tokens",
                key_format="{:,.0f}",
                feedback=f"{WINDOW:,} - ({INSTRUCTION} + {N_EXAMPLES} × {EXAMPLE} + {QUERY}) = "
                f"{left():,}.",
            )
        ],
        hints=["Add up the prompt first.", "Prompt and completion share the context."],
        explain="""
        Each further example leaves less room for the answer, and is read again for each query.
        That is the price of teaching in the prompt.
        """,
    ),
]
