"""Chapter 04, numbers: how large is the table?"""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import counts
from course_lib.exercises.chapters.ch04_embedding import CHAPTER, SECTION
from course_lib.presets import presets


def table_parameters() -> int:
    """Count the numbers in GPT-2 small's embedding table."""
    config = presets["gpt2"]
    return config.vocab_size * config.d_model


def table_share() -> float:
    """Give the share of GPT-2 small's parameters that lies in the table."""
    return table_parameters() / presets["gpt2"].n_parameters()


def _with_positions() -> int:
    return table_parameters() + presets["gpt2"].max_seq_len * presets["gpt2"].d_model


EXERCISES = [
    Spec(
        id="04.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="How large is the table?",
        prompt="""
        GPT-2 small has a vocabulary of 50,257 tokens, a width of 768, and 124,439,808 parameters in
        all. Its head uses the table a second time, as its own matrix.
        """,
        parts=[
            Number(
                id="table",
                prompt="How many numbers does the embedding table hold?",
                key=lambda: float(table_parameters()),
                tolerance=0.002,
                near=[
                    Near(
                        lambda: float(_with_positions()),
                        "That includes the rows for 1,024 positions, which are a second table.",
                        "adds-positions",
                    ),
                    Near(
                        lambda: 2.0 * table_parameters(),
                        "The head is tied: it uses the same numbers again, so they are stored, and "
                        "counted, once.",
                        "counts-head-twice",
                    ),
                    Near(
                        lambda: 50_257.0,
                        "That is the number of rows. Each row has 768 numbers.",
                        "row-is-one-number",
                    ),
                ],
                units=counts("numbers", "parameters", "weights", "entries"),
                low=0.0,
                unit_hint="a count, such as 1,000,000 or 1 million",
                key_format="{:,.0f}",
                feedback="50,257 rows of 768 numbers: 38,597,376.",
            ),
            Number(
                id="share",
                prompt="What share of all parameters is that?",
                key=table_share,
                tolerance=0.01,
                relative=False,
                near=[
                    Near(
                        lambda: 1 - table_share(),
                        "That is the share of everything else.",
                        "complement",
                    ),
                    Near(
                        lambda: (
                            table_parameters()
                            / (presets["gpt2"].n_parameters() - table_parameters())
                        ),
                        "You divided by the other parameters. A share is a part of the whole.",
                        "part-of-rest",
                    ),
                ],
                form="share",
                unit_hint="a share such as 0.5, or 50 %",
                key_format="{:.3f}",
                feedback="38.6 of 124.4 million: 31 %. In larger models the share is far smaller, "
                "because blocks grow with the square of the width.",
            ),
        ],
        hints=["One row for each token, one number for each unit of width."],
        explain="In small models with large vocabularies, the table is a good part of the model.",
    ),
]
