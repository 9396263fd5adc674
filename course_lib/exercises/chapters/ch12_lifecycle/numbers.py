"""Chapter 12, numbers: the memory that the weights of a served model take."""

from __future__ import annotations

from course_lib.exercises.author.spec import Near, Number, Spec
from course_lib.exercises.author.units import byte_units
from course_lib.exercises.chapters.ch12_lifecycle import CHAPTER, SECTION

PARAMETERS = 7e9


def _gigabytes(bits: int) -> float:
    return PARAMETERS * bits / 8 / 1e9


def _part(name: str, prompt: str, bits: int, near: list[Near]) -> Number:
    return Number(
        id=name,
        prompt=prompt,
        key=lambda: _gigabytes(bits),
        tolerance=0.02,
        near=near,
        units=byte_units("GB"),
        unit_hint="GB",
        key_format="{:,.3g}",
        feedback=f"7 billion weights of {bits} bits each, 8 bits a byte.",
        too_small="Too small: each weight takes its bits, and a byte has 8.",
        too_large="Too large: only the weights count, each with its bits.",
    )


_TRAINING = (
    "That is 16 bytes a parameter, what training takes with gradients and the optimizer's state. A "
    "served model has weights only, and {} bits are {}."
)
_PARTS = [
    _part(
        "sixteen",
        "How many GB at 16 bits?",
        16,
        [
            Near(
                lambda: PARAMETERS * 16 / 1e9,
                _TRAINING.format(16, "2 bytes"),
                "serving-needs-training-memory",
            ),
            Near(
                lambda: _gigabytes(32),
                "That is 4 bytes a weight, as at 32 bits.",
                "always-float32",
            ),
            Near(lambda: _gigabytes(8), "That is 1 byte a weight. 16 bits are 2.", "one-byte"),
        ],
    ),
    _part(
        "four",
        "And at 4 bits?",
        4,
        [
            Near(
                lambda: PARAMETERS * 16 / 1e9,
                _TRAINING.format(4, "half a byte"),
                "serving-needs-training-memory",
            ),
            Near(
                lambda: PARAMETERS * 4 / 1e9,
                "That is 4 *bytes* a weight. It has 4 bits, half a byte.",
                "bits-as-bytes",
            ),
            Near(lambda: _gigabytes(8), "That is 1 byte a weight. 4 bits are half.", "one-byte"),
            Near(lambda: _gigabytes(16), "That is the size at 16 bits.", "other-precision"),
        ],
    ),
]

EXERCISES = [
    Spec(
        id="12.d",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="number",
        title="Memory to serve",
        prompt="""
        A model of 7 billion parameters is served. Only its weights are counted, and
        nothing that it computes. 1 GB is 10⁹ bytes.
        """,
        parts=_PARTS,
        hints=["How many bytes has a weight of 16 bits?", "7 billion times 2 bytes."],
        explain="""
        14 GB and 3.5 GB. In training with Adam and mixed precision the same model would take 16
        bytes a parameter, 112 GB, before any activation.
        """,
    ),
]
