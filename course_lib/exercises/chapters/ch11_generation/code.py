"""Chapter 11, code: choose the next token by temperature, top-k and top-p."""

from __future__ import annotations

from course_lib.exercises.author.spec import Code, Limits, Spec, Wrong
from course_lib.exercises.chapters.ch11_generation import CHAPTER, SECTION
from course_lib.exercises.chapters.ch11_generation.sampling import (
    dropped,
    follow,
    next_token,
    sampling_case,
    total,
    varied,
    with_gumbel,
    with_loops,
)
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.judge import REPEATS
from course_lib.exercises.code.laws import Property, equals_reference

_COUNT = "np.searchsorted(reached, p) + 1"
_CUMULATE = "np.cumsum(probabilities[order])"
_TOP_K_LINE = "    powers[scaled < scaled[order[k - 1]]] = 0.0\n"
_RENORMALISE = "    probabilities = probabilities / probabilities.sum()\n"
WRONG = {
    "drops-crossing-word": Wrong(
        edit(next_token, (_COUNT, "max(1, np.searchsorted(reached, p))")),
        "You drop the word with which the sum reaches p, so the kept mass stays below p. Keep the "
        "smallest set whose mass is *at least* p: the crossing word belongs to it.",
    ),
    "one-too-many": Wrong(
        edit(next_token, (_COUNT, 'np.searchsorted(reached, p, side="right") + 1')),
        "When the sum meets p exactly, you keep one word more. The set is large enough as soon as "
        "its mass is at least p.",
    ),
    "p-as-threshold": Wrong(
        edit(next_token, (_COUNT, "max(1, int(np.sum(probabilities >= p)))")),
        "You keep the words whose own probability is at least p. Top-p adds probabilities up, from "
        "the largest down, until their *sum* reaches p.",
    ),
    "cumulates-by-id": Wrong(
        edit(next_token, (_CUMULATE, "np.cumsum(probabilities)")),
        "You add probabilities up in the order of the ids. Sort first: the set must hold the most "
        "probable words.",
    ),
    "least-probable-first": Wrong(
        edit(next_token, ("np.argsort(-scaled", "np.argsort(scaled")),
        "You sort from the smallest up, so the *least* probable words are kept. Sort from the "
        "largest down.",
    ),
    "sorted-order-returned": Wrong(
        edit(
            next_token,
            (_RENORMALISE, "    probabilities = np.sort(probabilities)[::-1]\n" + _RENORMALISE),
        ),
        "Your probabilities are in sorted order and no longer belong to their ids. Scatter them "
        "back: entry i is the probability of word i.",
    ),
    "not-renormalised": Wrong(
        edit(
            next_token,
            (_RENORMALISE + "    return", "    return"),
            ("p=probabilities)", "p=probabilities / probabilities.sum())"),
        ),
        "After words are dropped, the rest sums to less than 1. Divide by the new sum, so that it "
        "is a distribution again.",
    ),
    "truncated-sum": Wrong(
        edit(
            next_token,
            (
                _CUMULATE,
                "np.cumsum(_shares(scaled)[order])",
            ),
        ),
        "Your running sum still counts the words that top-k dropped. Top-p works on what top-k "
        "left: renormalise first, then cumulate.",
    ),
    "k-ignored": Wrong(
        edit(next_token, (_TOP_K_LINE, "")),
        "k has no effect: words beyond the k most probable ones can still be drawn. Set their "
        "probability to 0 before top-p.",
    ),
    "k-plus-one": Wrong(
        edit(next_token, ("order[k - 1]]", "order[min(k, len(logits) - 1)]]")),
        "You keep k + 1 words. With ids sorted from the most probable, the k-th stands at index "
        "k - 1.",
    ),
    "ties-at-k": Wrong(
        edit(next_token, (_TOP_K_LINE, "    powers[order[k:]] = 0.0\n")),
        "Where words tie with the k-th, you drop some of them by their place in the order. Words "
        "as probable as the k-th all stay, so more than k can remain.",
    ),
    "always-the-top": Wrong(
        edit(next_token, ("rng.choice(len(logits), p=probabilities)", "np.argmax(probabilities)")),
        "You give the same word every time. Sampling draws each word as often as its probability "
        "says: use `rng.choice(..., p=probabilities)`.",
        seen_by="not always the same word",
    ),
    "p-ignored": Wrong(
        edit(next_token, ("    probabilities[order[count:]] = 0.0\n", "")),
        "p has no effect: all words that top-k left stay. Find how many are needed to reach a mass "
        "of p, and drop the rest.",
    ),
    "temperature-multiplies": Wrong(
        edit(next_token, ("logits / temperature", "logits * temperature")),
        "You multiply by the temperature, so a high one sharpens. Divide: a high temperature "
        "flattens.",
    ),
    "temperature-ignored": Wrong(
        edit(next_token, ("logits / temperature", "logits + 0.0")),
        "The temperature has no effect beyond 0. Divide the logits by it before anything else.",
    ),
    "temperature-last": Wrong(
        edit(
            next_token,
            ("logits / temperature", "logits + 0.0"),
            (
                "probabilities / probabilities.sum()\n    return",
                "_shares(np.log(probabilities) / temperature)\n    return",
            ),
        ),
        "You apply the temperature after top-p, so it cannot change which words are kept. Here it "
        "comes first; some programs choose the other order, which is another sampler.",
    ),
    "own-chance": Wrong(
        edit(next_token, ("rng.choice", "np.random.choice")),
        "You draw with a generator of your own, so the same seed does not give the same text. Use "
        "the `rng` that you were given.",
        seen_by=REPEATS,
    ),
    "draws-dropped-words": Wrong(
        edit(
            next_token,
            (
                "rng.choice(len(logits), p=probabilities)",
                "rng.choice(len(logits), p=_shares(scaled))",
            ),
        ),
        "You return the filtered probabilities and draw from the unfiltered ones: a dropped word "
        "still comes up. Draw from what you return.",
        seen_by="a dropped word is never drawn",
    ),
    "draws-from-squares": Wrong(
        edit(next_token, ("p=probabilities)", "p=probabilities**2 / (probabilities**2).sum())")),
        "Your draws do not follow the probabilities you return. Draw each word as often as its "
        "probability says: hand them to `rng.choice` as they are.",
        seen_by="draws follow the probabilities",
    ),
}

_DEF = '''
import numpy as np

def next_token(logits, temperature, k, p, rng):
    """(token, probabilities): temperature, then top-k, top-p, one draw."""
'''
_BEGIN = """    if temperature == 0:
        # greedy: all probability on the best word
        certain = np.zeros(len(logits))
        certain[np.argmax(logits)] = 1.0
        return int(np.argmax(logits)), certain
    scaled = logits / temperature
    order = np.argsort(-scaled, kind="stable")  # ids, most probable first
"""
_SOFTMAX = """    powers = np.exp(scaled - scaled.max())
"""
_TOP_K = """    # top-k: nothing less probable than the k-th, then softmax of the rest
    powers[scaled < scaled[order[k - 1]]] = 0.0
    probabilities = powers / powers.sum()
"""
_END = """    probabilities = probabilities / probabilities.sum()
    return int(rng.choice(len(logits), p=probabilities)), probabilities
"""
_BLANK_P = """    # top-p: how many words, most probable first, reach a mass of p?
    count = ...
    probabilities[order[count:]] = 0.0
"""
_BLANK_K = """    # top-k: nothing less probable than the k-th, then softmax of the rest
    probabilities = ...
"""

EXERCISES = [
    Spec(
        id="11.c",
        version=2,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Choose the next token",
        prompt="""
        Write `next_token(logits, temperature, k, p, rng)` for one row of logits. In this order:

        - **temperature**: divide the logits by it; at 0, put all probability on the best word;
        - **top-k**: keep the k most probable words, and with them all that tie with the k-th;
        - **top-p**: of their distribution, keep the smallest set of most probable words whose mass
          is at least p, among equals the lowest id first; never fewer than one word;
        - **draw** one token from what is left, renormalised, with the NumPy generator `rng`.

        Return the token and the probabilities it was drawn from, one for each word of the
        vocabulary, in the order of the ids.
        """,
        code=Code(
            reference=next_token,
            starters=[
                ("top-p blank", _DEF + _BEGIN + _SOFTMAX + _TOP_K + _BLANK_P + _END),
                ("top-k and top-p blank", _DEF + _BEGIN + _SOFTMAX + _BLANK_K + _BLANK_P + _END),
                ("only the docstring", _DEF + "    ...\n"),
            ],
            also_correct=[with_loops, with_gumbel],
            wrong=WRONG,
            generate=sampling_case,
            properties=[
                equals_reference(),
                Property("draws follow the probabilities", follow),
            ],
            diagnose=[
                Property("the probabilities sum to 1", total),
                Property("a dropped word is never drawn", dropped),
                Property("not always the same word", varied),
            ],
            observe=lambda result: result[1],
            limits=Limits(seconds=6.0),
            cases=60,
        ),
        hints=[
            "`reached = np.cumsum(probabilities[order])` says how much mass the first words hold.",
            "`np.searchsorted(reached, p)` counts the words before p is reached; the next one "
            "crosses it and belongs to the set.",
            "Entry `order[i]` of the result belongs to the word of rank i: work with ids, never "
            "return a sorted list.",
        ],
        explain="""
        The three settings act on the same distribution one after the other, so their order is part
        of the definition. Top-p keeps few words where the model is sure and many where it is not;
        top-k keeps the same number everywhere.
        """,
    ),
]
