"""Chapter 08, code: layer normalisation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch08_architecture import CHAPTER, SECTION
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def layer_norm(x: Array, gain: Array, shift: Array, eps: float) -> Array:
    """Bring each vector to mean 0 and variance 1, then scale and shift every coordinate."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return np.asarray(gain * centred / np.sqrt(variance + eps) + shift)


def _norm_loops(x: Array, gain: Array, shift: Array, eps: float) -> Array:
    result = np.zeros(x.shape)
    for place in np.ndindex(x.shape[:-1]):
        row = [float(value) for value in x[place]]
        mean = sum(row) / len(row)
        variance = sum((value - mean) ** 2 for value in row) / len(row)
        for column, value in enumerate(row):
            normed = (value - mean) / math.sqrt(variance + eps)
            result[place + (column,)] = gain[column] * normed + shift[column]
    return result


def _norm_moments(x: Array, gain: Array, shift: Array, eps: float) -> Array:
    mean, variance = x.mean(-1), x.var(-1)
    return ((x - mean[..., None]) / (variance[..., None] + eps) ** 0.5) * gain + shift


def _norm_in_place(x: Array, gain: Array, shift: Array, eps: float) -> Array:
    x -= x.mean(axis=-1, keepdims=True)
    return layer_norm(x, gain, shift, eps)


def norm_case(draw: Draw) -> dict[str, Any]:
    """Draw vectors with one to three axes; at times far from 0, tiny in variance, or constant."""
    shape = [draw.size(1, 3) for _ in range(draw.integer(0, 2))]
    width = draw.size(2, 6)
    scale, offset = draw.pick([1.0, 10.0, 1e-3, 0.0]), draw.pick([0.0, 5.0, -20.0])
    # A tiny spread far from 0 would ask for more digits than single precision has.
    return {
        "x": scale * draw.array(*shape, width) + (0.0 if scale == 1e-3 else offset),
        "gain": draw.array(width, low=0.5, high=2.0) * draw.pick([1.0, 1.0, -1.0]),
        "shift": draw.array(width, low=-1.0, high=1.0),
        "eps": draw.pick([1e-5, 1e-3, 0.1]),
    }


def _plain(case: Case, x: Array) -> Array:
    width = x.shape[-1]
    return np.asarray(case.call(x=x, gain=np.ones(width), shift=np.zeros(width), eps=1e-12))


def _centred(case: Case) -> str | None:
    means = np.atleast_1d(_plain(case, case["x"]).mean(axis=-1))
    worst = means.flat[int(np.abs(means).argmax())]
    if abs(worst) < 1e-6:
        return None
    return f"With gain 1 and shift 0 the mean of a vector is {worst:.4g}, not 0"


def _follows_size(case: Case) -> str | None:
    x = np.linspace(-1.0, 1.0, case["x"].shape[-1]) + np.zeros(case["x"].shape)
    if np.allclose(_plain(case, 7 * x), _plain(case, x), atol=1e-6):
        return None
    return "A vector and seven times that vector give different results"


NORM_WRONG = {
    "eps-outside": Wrong(
        edit(layer_norm, ("np.sqrt(variance + eps)", "(np.sqrt(variance) + eps)")),
        "You add eps after the root. For a tiny variance that is another result: eps belongs to "
        "the variance, under the root.",
    ),
    "no-eps": Wrong(
        edit(layer_norm, ("variance + eps", "variance")),
        "You leave eps out. A vector whose coordinates are all equal has variance 0, and 0 / 0 is "
        "not a number.",
    ),
    "eps-as-floor": Wrong(
        edit(layer_norm, ("variance + eps", "np.maximum(variance, eps)")),
        "You use eps as a lower limit of the variance. It is added to the variance, always.",
    ),
    "n-minus-one": Wrong(
        edit(
            layer_norm,
            (
                "(centred**2).mean(axis=-1, keepdims=True)",
                "x.var(axis=-1, keepdims=True, ddof=1)",
            ),
        ),
        "You divide by n - 1, which estimates the variance of a larger population. Here the vector "
        "is all there is: divide by n.",
    ),
    "variance-as-spread": Wrong(
        edit(layer_norm, ("np.sqrt(variance + eps)", "(variance + eps)")),
        "You divide by the variance. Twice the vector would give half the result; divide by its "
        "root, and the size drops out.",
    ),
    "whole-array": Wrong(
        edit(
            layer_norm,
            ("x.mean(axis=-1, keepdims=True)", "x.mean()"),
            ("(centred**2).mean(axis=-1, keepdims=True)", "(centred**2).mean()"),
        ),
        "You take one mean and one variance over all tokens. Each token's vector is normalised by "
        "itself: the last axis.",
    ),
    "first-axis": Wrong(
        edit(
            layer_norm,
            ("x.mean(axis=-1, keepdims=True)", "x.mean(axis=0, keepdims=True)"),
            (
                "(centred**2).mean(axis=-1, keepdims=True)",
                "(centred**2).mean(axis=0, keepdims=True)",
            ),
        ),
        "You normalise over the first axis, so that a token depends on the others around it. That "
        "is batch normalisation; here the last axis is meant.",
    ),
    "mean-kept": Wrong(
        edit(
            layer_norm,
            ("x - x.mean(axis=-1, keepdims=True)", "x"),
        ),
        "You do not subtract the mean. That is RMSNorm, which other models use; LayerNorm moves "
        "the mean to 0 first.",
    ),
    "gain-without-sign": Wrong(
        edit(layer_norm, ("gain * centred", "np.abs(gain) * centred")),
        "You use the size of the gain without its sign. A learned gain may be below 0, and then it "
        "turns the coordinate round.",
    ),
    "no-gain-no-shift": Wrong(
        edit(layer_norm, ("gain * centred", "centred"), (" + shift", "")),
        "The vectors are normalised, and gain and shift are not used. Every coordinate is then "
        "scaled and shifted by learned numbers.",
    ),
    "shift-first": Wrong(
        edit(
            layer_norm,
            ("gain * centred / np.sqrt(variance + eps) + shift",
             "gain * (centred / np.sqrt(variance + eps) + shift)"),
        ),
        "You shift first and scale then, so the shift is scaled too. Multiply by the gain, then "
        "add the shift.",
    ),
    "in-place": Wrong(
        _norm_in_place,
        "The result is right, but the x you were given is changed (`-=`). The stream is still "
        "needed: the way around adds it. Compute into a new array.",
    ),
}  # fmt: skip

_NORM = '''
import numpy as np

def layer_norm(x, gain, shift, eps):
    """Normalise each vector of x (..., width); gain and shift: (width,)."""
    # centre: the mean of every vector moves to 0
    centred = ...
    # spread: the mean square of what is left
    variance = ...
    # normalise, then scale and shift every coordinate
    return ...
'''

EXERCISES = [
    Spec(
        id="08.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="LayerNorm",
        prompt="""
        Write `layer_norm(x, gain, shift, eps)` along the last axis of `x`, for any number of axes:
        mean to 0, variance (with division by the width) to 1, `eps` added to the variance, then
        times `gain` and plus `shift`.
        """,
        code=Code(
            reference=layer_norm,
            starters=[("three steps blank", _NORM)],
            also_correct=[_norm_loops, _norm_moments],
            wrong=NORM_WRONG,
            generate=norm_case,
            properties=[equals_reference()],
            diagnose=[
                Property("the mean of each vector is 0", _centred),
                Property("the size of a vector drops out", _follows_size),
            ],
        ),
        hints=[
            "`x.mean(axis=-1, keepdims=True)` keeps the axis, so it can be subtracted from x.",
            "The variance is the mean of the squares of what is left after subtracting.",
        ],
        explain="""
        A norm sees one token at a time and forgets how long its vector was. eps keeps a vector
        without any spread from becoming 0 / 0.
        """,
    ),
]
