"""Chapter 06, code: causal attention over a batch, the centre piece of the course."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch06_attention import CHAPTER
from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import Case, Property, equals_reference

SECTION = "Self-attention"


def attention(q: Array, k: Array, v: Array) -> Array:
    """Mix the values of each word's past, weighted by how well its query fits their keys."""
    n, d = q.shape[1], q.shape[2]
    scores = q @ k.swapaxes(1, 2)
    scores = scores / math.sqrt(d)
    allowed = np.tril(np.ones((n, n), dtype=bool))
    scores = np.where(allowed, scores, -np.inf)
    powers = np.exp(scores - scores.max(axis=2, keepdims=True))
    weights = powers / powers.sum(axis=2, keepdims=True)
    return weights @ v


def _with_loops(q: Array, k: Array, v: Array) -> Array:
    batch, n, d = q.shape
    result = np.zeros((batch, n, v.shape[2]))
    for b in range(batch):
        for i in range(n):
            scores = [sum(q[b, i] * k[b, j]) / d**0.5 for j in range(i + 1)]
            powers = [math.exp(score - max(scores)) for score in scores]
            for j, power in enumerate(powers):
                result[b, i] += power / sum(powers) * v[b, j]
    return result


def _with_large_negative(q: Array, k: Array, v: Array) -> Array:
    scores = np.einsum("bik,bjk->bij", q, k) / np.sqrt(q.shape[-1])
    future = np.triu(np.ones(scores.shape[1:]), k=1)
    scores = scores * (1 - future) - 1e12 * future
    scores = scores - scores.max(-1, keepdims=True)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return np.einsum("bij,bjk->bik", weights, v)


def _in_place(q: Array, k: Array, v: Array) -> Array:
    q /= math.sqrt(q.shape[2])
    return attention(q * math.sqrt(q.shape[2]), k, v)


def qkv_case(draw: Draw) -> dict[str, Any]:
    """Draw queries, keys and values; at times so large that a careless exp overflows."""
    b, n = draw.size(1, 3), draw.size(1, 5)
    d, e = draw.size(1, 6), draw.size(1, 4)
    large = draw.pick([1.0, 1.0, 40.0, 200.0])
    q, k = draw.array(b, n, d) * large, draw.array(b, n, d) * large
    return {"q": q, "k": k, "v": draw.array(b, n, e)}


def _first_row(case: Case) -> str | None:
    same = np.allclose(case.got[:, 0], case["v"][:, 0])
    return None if same else "The first word sees only itself, so its result must be its own value"


def _no_future(case: Case) -> str | None:
    v = case["v"]
    v[:, -1] += 100.0
    moved = np.abs(case.call(v=v) - case.got)[:, :-1]
    return "Changing the last value moved an earlier word" if np.any(moved > 1e-6) else None


def _ones(case: Case) -> str | None:
    got = case.call(v=np.ones_like(case["v"]))
    return None if np.allclose(got, 1) else "If every value is 1, every mixture must be 1"


_MASK = "scores = np.where(allowed, scores, -np.inf)"
WRONG = {
    "no-scale": Wrong(
        edit(attention, ("    scores = scores / math.sqrt(d)\n", "")),
        "Your scores grow with the width: a sum of d products spreads by √d, and softmax of wide "
        "scores is nearly all on one word. Divide the scores by √d.",
    ),
    "scale-by-width": Wrong(
        edit(attention, ("math.sqrt(d)", "d")),
        "You divide by d. The sum of d products spreads by √d, so d makes the scores too small and "
        "the weights too even. Divide by √d.",
    ),
    "scale-by-length": Wrong(
        edit(attention, ("math.sqrt(d)", "math.sqrt(n)")),
        "You divide by √n, the number of words. The spread of a score comes from the d products "
        "it sums, so √d, the root of the width, is what balances it.",
    ),
    "scale-multiplies": Wrong(
        edit(attention, ("scores / math.sqrt(d)", "scores * math.sqrt(d)")),
        "You multiply by √d, which makes large scores larger still. Divide, so that their spread "
        "does not depend on the width.",
    ),
    "no-mask": Wrong(
        edit(attention, (_MASK, "pass")),
        "Every word sees the words after it. A causal model must not: in training it would read "
        "the answer. Set the scores of later words to minus infinity before softmax.",
    ),
    "mask-after-softmax": Wrong(
        edit(attention, (_MASK, "pass"), ("return weights @ v", "return (weights * allowed) @ v")),
        "You set weights to 0 after softmax, so a row no longer sums to 1, and the future still "
        "counts in its denominator. Mask the *scores* with minus infinity, then normalise.",
    ),
    "fill-zero": Wrong(
        edit(attention, ("-np.inf", "0.0")),
        "A masked score of 0 is not hidden: exp(0) is 1, as much as any middling word. Fill with "
        "minus infinity, whose exp is 0.",
    ),
    "fill-too-near": Wrong(
        edit(attention, ("-np.inf", "-1e4")),
        "You fill with -10000. A real score may be lower than that, and then the hidden words win. "
        "Only minus infinity is below every score.",
    ),
    "diagonal-masked": Wrong(
        edit(attention, ("np.tril(np.ones((n, n), dtype=bool))", "np.tri(n, k=-1, dtype=bool)")),
        "You hide the word itself too, so the first word has nothing left to look at and its row "
        "becomes 0 / 0. A word may look at itself: keep the diagonal.",
    ),
    "mask-reversed": Wrong(
        edit(attention, ("np.tril", "np.triu")),
        "You hide the past and keep the future. Row i is the word that looks, so it may see the "
        "columns j ≤ i: the lower triangle.",
    ),
    "softmax-over-queries": Wrong(
        edit(attention, ("max(axis=2", "max(axis=1"), ("sum(axis=2", "sum(axis=1")),
        "You normalise over the words that look (axis 1). Each word shares out its attention among "
        "the words it looks at: normalise over the keys, the last axis.",
    ),
    "softmax-over-all": Wrong(
        edit(attention, ("powers.sum(axis=2, keepdims=True)", "powers.sum()")),
        "You divide by the sum of the whole table, so the words and even the sequences share one "
        "total of 1. Every row needs its own: sum over the last axis.",
    ),
    "overflow": Wrong(
        edit(attention, ("scores - scores.max(axis=2, keepdims=True)", "scores")),
        "exp() of a large score is infinite and spoils its row. Subtract each row's maximum before "
        "exp(): only differences of scores count, so the weights stay the same.",
    ),
    "keys-ignored": Wrong(
        edit(attention, ("q @ k.swapaxes(1, 2)", "q @ q.swapaxes(1, 2)")),
        "You compare queries with queries. What a word looks for is its query; what it can be "
        "found by is its key. A score is a query with a key.",
    ),
    "weights-returned": Wrong(
        edit(attention, ("return weights @ v", "return weights")),
        "You return the weights. They say how much of each word to take; the result is the mixture "
        "itself, `weights @ v`.",
    ),
    "squeezed": Wrong(
        edit(attention, ("return weights @ v", "return np.squeeze(weights @ v)")),
        "`squeeze` removes every dimension of size 1, so a batch of one sequence loses its batch "
        "dimension. Keep the shape (batch, words, width) whatever the sizes are.",
    ),
    "in-place": Wrong(
        _in_place,
        "The result is right, but the queries you were given are changed (`/=`). Whoever called "
        "you still needs them: compute into a new array.",
    ),
    "half-precision": Wrong(
        edit(attention, ("return weights @ v", "return weights.astype(np.float16) @ v")),
        "Your weights are rounded to 16 bits, three decimal digits. Keep the precision you were "
        "given; here that is float64.",
    ),
}

_DOCSTRING = '"""Causal attention: q, k (batch, n, d); v and result (batch, n, e)."""'
_HEAD = f"""
import math
import numpy as np

def attention(q, k, v):
    {_DOCSTRING}
"""
_SCORE = """    n, d = q.shape[1], q.shape[2]
    # score: each query with each key
    scores = q @ k.swapaxes(1, 2) / math.sqrt(d)
"""
_MASKED = """    # mask: a word may see itself and the words before it
    allowed = np.tril(np.ones((n, n), dtype=bool))
    scores = np.where(allowed, scores, -np.inf)
"""
_NORMALISED = """    # normalise: each row of weights sums to 1
    powers = np.exp(scores - scores.max(axis=2, keepdims=True))
    weights = powers / powers.sum(axis=2, keepdims=True)
"""
_BLANK_MASK = "    # mask: a word may see itself and the words before it\n    scores = ...\n"
_BLANK_NORMALISE = "    # normalise: each row of weights sums to 1\n    weights = ...\n"
_BLANK_MIX = "    # mix: the values, weighted\n    return ...\n"
_MIX = "    # mix: the values, weighted\n    return weights @ v\n"

EXERCISES = [
    Spec(
        id="06.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Causal attention",
        prompt="""
        Write `attention(q, k, v)` for a batch of sequences. `q` and `k` have the shape
        (batch, n, d), `v` has (batch, n, e). Four steps: **score** each query with each key and
        divide by √d; **mask**, so that a word sees only itself and what came before; **normalise**
        each row with softmax; **mix** the values with these weights. Return (batch, n, e).
        Before each step, say which quantity it changes and along which axis.
        """,
        code=Code(
            reference=attention,
            starters=[
                ("one step blank", _HEAD + _SCORE + _MASKED + _NORMALISED + _BLANK_MIX),
                ("two steps blank", _HEAD + _SCORE + _BLANK_MASK + _BLANK_NORMALISE + _MIX),
                ("only the docstring", _HEAD + "    ...\n"),
            ],
            also_correct=[_with_loops, _with_large_negative],
            wrong=WRONG,
            generate=qkv_case,
            properties=[equals_reference()],
            cases=32,
            diagnose=[
                Property("the first word returns its own value", _first_row),
                Property("the future cannot be seen", _no_future),
                Property("weights sum to 1", _ones),
            ],
        ),
        hints=[
            "`q @ k.swapaxes(1, 2)` has the shape (batch, n, n): row i holds the scores of word i.",
            "`np.tril` keeps the lower triangle; `np.where(allowed, scores, -np.inf)` masks.",
            "Softmax over the last axis: subtract each maximum, `exp`, divide by each sum.",
        ],
        explain="""
        Score, mask, normalise, mix. The order matters: masking before softmax lets the remaining
        weights sum to 1, and the future appears nowhere, not even in a denominator.
        """,
    ),
]
