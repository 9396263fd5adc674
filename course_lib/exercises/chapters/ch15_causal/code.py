"""Chapter 15, code: the causal loss from logits and the row itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch15_causal import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference

Array = Any
PAD = -1


def causal_loss(logits: Array, ids: Array) -> float:
    """Mean surprise, in nats, of every token after the first; padding (-1) counts for nothing."""
    scores, targets = logits[:, :-1], ids[:, 1:]
    total = 0.0
    counted = 0
    for row in range(ids.shape[0]):
        for place in range(targets.shape[1]):
            target = targets[row, place]
            if target < 0:
                continue
            one = scores[row, place]
            total += np.logaddexp.reduce(one) - one[target]
            counted += 1
    return float(total / counted)


def _vectorised(logits: Array, ids: Array) -> float:
    z = logits[:, :-1]
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    target = ids[:, 1:]
    counts = target >= 0
    picked = np.take_along_axis(log_p, np.where(counts, target, 0)[..., None], axis=-1)[..., 0]
    return float(-(picked * counts).sum() / counts.sum())


def _flat(logits: Array, ids: Array) -> float:
    V = logits.shape[-1]
    flat, wanted = logits[:, :-1].reshape(-1, V), ids[:, 1:].reshape(-1)
    flat, wanted = flat[wanted != PAD], wanted[wanted != PAD]
    top = flat.max(axis=1, keepdims=True)
    p = np.exp(flat - top)
    p = p / p.sum(axis=1, keepdims=True)
    return float(np.mean(-np.log(p[np.arange(len(wanted)), wanted])))


def _row_means(logits: Array, ids: Array) -> float:
    return float(
        np.mean(
            [
                _vectorised(one[None], row[None])
                for one, row in zip(logits, ids, strict=True)
                if (row[1:] >= 0).any()
            ]
        )
    )


def _padding_counts(logits: Array, ids: Array) -> float:
    return _vectorised(logits, np.where(ids < 0, 0, ids))


def _padding_dilutes(logits: Array, ids: Array) -> float:
    n = (ids[:, 1:] >= 0).sum()
    return float(_vectorised(logits, ids) * n / ids[:, 1:].size)


def _not_moved(logits: Array, ids: Array) -> float:
    return _vectorised(np.concatenate([logits, logits[:, -1:]], 1)[:, 1:], ids)


def _moved_twice(logits: Array, ids: Array) -> float:
    gone = np.concatenate([ids[:, 1:], np.full((len(ids), 1), PAD)], axis=1)
    return _vectorised(logits, gone)


def _moved_back(logits: Array, ids: Array) -> float:
    return _vectorised(logits[:, ::-1], ids[:, ::-1])


def _probability(logits: Array, ids: Array) -> float:
    z = logits - logits.max(axis=-1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    target = ids[:, 1:]
    picked = np.take_along_axis(p[:, :-1], np.maximum(target, 0)[..., None], axis=-1)[..., 0]
    return float(-picked[target >= 0].mean())


def loss_case(draw: Draw) -> dict[str, Any]:
    """Draw logits and rows of different lengths, padded at the end; two real ids a row or more."""
    n_rows, length, vocab = draw.size(1, 3), draw.size(3, 6), draw.size(3, 5)
    ids = np.array([[draw.integer(0, vocab - 1) for _ in range(length)] for _ in range(n_rows)])
    for row in ids:
        row[draw.integer(3, length) :] = PAD
    # At times far apart: a sum in the logarithm that keeps it finite then shows.
    return {"logits": draw.pick([1.0, 1.0, 5.0]) * draw.array(n_rows, length, vocab), "ids": ids}


CODE = Code(
    reference=causal_loss,
    starters=[
        (
            "two parts blank",
            '''
            import numpy as np


            def causal_loss(logits, ids):
                """Mean surprise, in nats, of all tokens after the first; -1 pads."""
                scores, targets = ..., ...
                top = scores.max(axis=-1, keepdims=True)
                total = np.exp(scores - top).sum(axis=-1, keepdims=True)
                log_p = scores - top - np.log(total)
                counts = targets >= 0
                index = np.maximum(targets, 0)[..., None]
                picked = np.take_along_axis(log_p, index, axis=-1)[..., 0]
                return -(picked * counts).sum() / counts.sum()
            ''',
        ),
        (
            "blank",
            '''
            import numpy as np


            def causal_loss(logits, ids):
                """Mean surprise, in nats, of all tokens after the first; -1 pads."""
                return ...
            ''',
        ),
    ],
    also_correct=[_vectorised, _flat],
    wrong={
        "not-moved": Wrong(
            _not_moved,
            "You hold the scores of a place against the token of that same place, which it has "
            "read. Place t is asked for token t + 1: drop the last scores and the first token.",
        ),
        "moved-twice": Wrong(
            _moved_twice,
            "You hold place t against token t + 2. The tokens are moved once: scores without the "
            "last, tokens without the first.",
        ),
        "moved-back": Wrong(
            _moved_back,
            "You hold place t against the token *before* it. The model is asked for what comes "
            "next: scores without the last place, tokens without the first.",
        ),
        "padding-counts": Wrong(
            _padding_counts,
            "You count padding as if it were a token. A target of -1 gives no loss.",
        ),
        "padding-dilutes": Wrong(
            _padding_dilutes,
            "Padding gives no loss, but you still divide by all places. Divide by the number of "
            "targets that count.",
        ),
        "mean-of-rows": Wrong(
            _row_means,
            "You take the mean of each row first, and then the mean of those. A short row then "
            "counts as much as a long one; every token should.",
        ),
        "sum": Wrong(
            edit(causal_loss, ("return float(total / counted)", "return float(total)")),
            "That is the sum. Divide by the number of targets that count.",
        ),
        "bits": Wrong(
            edit(causal_loss, ("total / counted", "total / counted / np.log(2)")),
            "That is in bits. With the natural logarithm it is in nats.",
        ),
        "sign": Wrong(
            edit(causal_loss, ("total / counted", "-total / counted")),
            "The sign is turned round: a surprise is minus the logarithm of a probability.",
        ),
        "probability": Wrong(
            _probability,
            "You take the probability of the right token, without its logarithm. The loss is the "
            "mean of -ln p.",
        ),
    },
    generate=loss_case,
    properties=[equals_reference(1e-6)],
)

EXERCISES = [
    Spec(
        id="15.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="The causal loss",
        prompt="""
        `logits` are the scores a causal model gave at every place of some rows, of shape
        (B, N, V); `ids` are the very rows that it read, of shape (B, N), with -1 at the end of
        shorter ones. Write `causal_loss(logits, ids)`: the mean of -ln p over all tokens that are
        asked for, in nats.
        """,
        code=CODE,
        hints=[
            "Which token is no target, and which scores have none?",
            "`logits[:, :-1]` and `ids[:, 1:]` belong together.",
            "-1 is no index to pick with: put 0 in its place, and let it count for nothing.",
        ],
        explain="""
        The two slices are all there is to causal language modelling. Many libraries do them inside
        the loss: whoever moves the labels outside, too, trains a model to skip a word.
        """,
    ),
]
