"""Chapter 07, code: cross-entropy from logits, without ever forming a probability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch07_feed_forward import CHAPTER, SECTION
from course_lib.exercises.chapters.common import softmax
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference


def cross_entropy(logits: Array, targets: Array) -> float:
    """Average -log p(target) over the positions, without ever forming p."""
    top = logits.max(axis=1, keepdims=True)
    log_total = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    wanted = logits[np.arange(len(targets)), targets]
    return float(np.mean(log_total - wanted))


def _entropy_loops(logits: Array, targets: Array) -> float:
    total = 0.0
    for row, target in zip(logits, targets, strict=True):
        top = max(row)
        total += top + math.log(sum(math.exp(value - top) for value in row)) - row[target]
    return float(total / len(targets))


def _entropy_logaddexp(logits: Array, targets: Array) -> float:
    log_p = logits - np.logaddexp.reduce(logits, axis=1)[:, None]
    return float(-np.take_along_axis(log_p, targets[:, None], axis=1).mean())


def _accuracy(logits: Array, targets: Array) -> float:
    return float(np.mean(logits.argmax(axis=1) != targets))


def _log_of_softmax(logits: Array, targets: Array) -> float:
    return float(np.mean(-np.log(softmax(logits)[np.arange(len(targets)), targets])))


def _clipped(logits: Array, targets: Array) -> float:
    return float(np.mean(-np.log(softmax(logits)[np.arange(len(targets)), targets] + 1e-9)))


def _probability(logits: Array, targets: Array) -> float:
    return float(np.mean(1 - softmax(logits)[np.arange(len(targets)), targets]))


def entropy_case(draw: Draw) -> dict[str, Any]:
    """Draw logits of a few positions with their targets; at times far apart."""
    positions, words = draw.size(1, 5), draw.size(2, 6)
    far = draw.pick([0.0, 0.0, 1000.0])
    logits = draw.array(positions, words)
    logits = logits + far * draw.integers(positions, words, low=-1, high=1)
    return {"logits": logits, "targets": draw.integers(positions, low=0, high=words - 1)}


def _even(case: Case) -> str | None:
    words = case["logits"].shape[1]
    got = case.call(logits=np.zeros(case["logits"].shape))
    if abs(got - math.log(words)) < 1e-6:
        return None
    return f"For equal logits over {words} words the loss is log({words}) = {math.log(words):.4g}"


ENTROPY_WRONG = {
    "log-of-zero": Wrong(
        _log_of_softmax,
        "A probability below 1e-308 is rounded to 0, and -log(0) is infinite. Do not form the "
        "probability: log p = logit - log(sum of exp), with the maximum taken out.",
    ),
    "clipped": Wrong(
        _clipped,
        "Adding a tiny number inside the log hides an infinite loss, and changes every loss a "
        "little. Work with log p directly: logit - log(sum of exp).",
    ),
    "sum": Wrong(
        edit(cross_entropy, ("np.mean(", "np.sum(")),
        "You add the positions up, so a longer text looks worse. Average over the positions.",
    ),
    "sign": Wrong(
        edit(cross_entropy, ("log_total - wanted", "wanted - log_total")),
        "The sign is turned: log p is negative, and a loss should fall as p grows. Return -log p.",
    ),
    "base-two": Wrong(
        edit(
            cross_entropy,
            ("np.mean(log_total - wanted)", "np.mean(log_total - wanted) / np.log(2)"),
        ),
        "You return bits, with log to base 2. Here the natural log is meant: nats.",
    ),
    "probability": Wrong(
        _probability,
        "You average 1 - p. It barely tells p = 0.001 from p = 0.000001, though one is a thousand "
        "times worse. Cross-entropy takes -log p.",
    ),
    "error-rate": Wrong(
        _accuracy,
        "You count wrong answers. That ignores how sure the model was, and gives no gradient. Use "
        "-log of the target's probability.",
    ),
    "all-pairs": Wrong(
        edit(
            cross_entropy,
            ("logits[np.arange(len(targets)), targets]", "logits[:, targets].mean(axis=1)"),
        ),
        "`logits[:, targets]` takes every target for every position. Each position has one target: "
        "index with `np.arange(len(targets)), targets`.",
    ),
    "no-normaliser": Wrong(
        edit(cross_entropy, ("log_total - wanted", "-wanted")),
        "-logit is no loss: it falls without end if all logits grow together. Subtract from the "
        "log of the sum of exp, so that only differences count.",
    ),
    "overflow": Wrong(
        edit(
            cross_entropy,
            ("top = logits.max(axis=1, keepdims=True)", "top = np.zeros((len(logits), 1))"),
        ),
        "exp(1000) is infinite. Take the largest logit out of the sum: log(sum) = max + "
        "log(sum of exp(logit - max)).",
    ),
}

_ENTROPY = '''
import numpy as np

def cross_entropy(logits, targets):
    """Average -log p(target): logits (positions, words), ids as targets."""
    # log of the sum of exp of each row, with the row's maximum taken out
    log_total = ...
    # each position's logit of its own target
    wanted = ...
    return float(np.mean(log_total - wanted))
'''

EXERCISES = [
    Spec(
        id="07.c2",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Cross-entropy from logits",
        prompt="""
        Write `cross_entropy(logits, targets)`: the average of -log p(target) over the positions, in
        nats. `logits` has the shape (positions, words), `targets` holds one id for each position.
        It must stay right when a target's probability is too small for a float.
        """,
        code=Code(
            reference=cross_entropy,
            starters=[("two steps blank", _ENTROPY)],
            also_correct=[_entropy_loops, _entropy_logaddexp],
            wrong=ENTROPY_WRONG,
            generate=entropy_case,
            properties=[equals_reference()],
            diagnose=[Property("equal logits give the log of the word count", _even)],
        ),
        hints=[
            "-log softmax(logits)[target] = log(sum of exp(logits)) - logits[target].",
            "log(sum of exp(x)) = m + log(sum of exp(x - m)), with m the largest x.",
        ],
        explain="""
        The loss is a difference of two logs, so the probability itself, which may be too small for
        a float, never appears.
        """,
    ),
]
