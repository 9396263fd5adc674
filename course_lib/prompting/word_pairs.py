"""Pairs of words that share a relation, to see whether a model picks it up from its prompt.

Nothing in "France -> Paris" says that capitals are wanted. A model that has read enough text may
find out from a few such lines; one that has not goes on guessing.

Chapter: 15_causal_language_modeling
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from course_lib.checks import check_generator, check_lists, check_module, check_whole
from course_lib.generation.checks import check_context
from course_lib.model.transformer import Transformer
from course_lib.prompting.few_shot import Encodes
from course_lib.prompting.scoring import encode_pair

_CAPITALS = """
France Paris, Italy Rome, Spain Madrid, Germany Berlin, Japan Tokyo, Russia Moscow, Greece Athens,
Egypt Cairo, Poland Warsaw, Austria Vienna, Norway Oslo, Portugal Lisbon, Ireland Dublin,
Cuba Havana, Peru Lima, Kenya Nairobi, Canada Ottawa, India Delhi, Finland Helsinki,
Hungary Budapest, Thailand Bangkok, Iraq Baghdad, Iran Tehran, Denmark Copenhagen,
Sweden Stockholm, Belgium Brussels, Turkey Ankara, China Beijing, Chile Santiago, Ukraine Kiev
"""
_OPPOSITES = """
hot cold, big small, up down, fast slow, good bad, light dark, old young, happy sad, open closed,
rich poor, early late, full empty, hard soft, high low, left right, long short, loud quiet, new old,
right wrong, strong weak, true false, wet dry, wide narrow, north south, day night, black white,
war peace, love hate, win lose, buy sell
"""
_PLURALS = """
cat cats, dog dogs, child children, mouse mice, foot feet, man men, tooth teeth, goose geese,
book books, city cities, knife knives, leaf leaves, box boxes, woman women, wolf wolves,
baby babies, bus buses, church churches, hero heroes, sheep sheep, person people, potato potatoes,
wife wives, day days
"""


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((left, right) for left, right in (pair.split() for pair in text.split(",")))


WORD_PAIRS = {
    "capitals": _pairs(_CAPITALS),
    "opposites": _pairs(_OPPOSITES),
    "plurals": _pairs(_PLURALS),
}


class PairScores(NamedTuple):
    """How well a model answers, in two measures of the same predictions.

    Attributes:
        exact: Share of the answers whose every token is the likeliest one: what greedy decoding
            would write.
        log_likelihood: Mean log-probability of the whole answer, in nats.
    """

    exact: float
    log_likelihood: float


def answer_pairs(
    model: Transformer,
    tokenizer: Encodes,
    pairs: Sequence[tuple[str, str]],
    n_examples: int,
    *,
    generator: torch.Generator,
) -> PairScores:
    """Ask a decoder-only model for the second word of each pair, after some other pairs.

    Nothing is generated: one forward pass over prompt and answer shows whether greedy decoding
    would write the answer, and how likely it is.

    Args:
        model: A decoder-only model.
        tokenizer: Turns text into ids.
        pairs: The pairs; each is asked for once, with examples drawn among the others.
        n_examples: Pairs in the prompt.
        generator: Draws the examples.

    Returns:
        Both measures.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there are too few pairs for so many examples, or a prompt outgrows the
            model's context.
    """
    check_module(model)
    check_lists(pairs=pairs)
    check_lists(**{f"pairs[{place}]": pair for place, pair in enumerate(pairs)})
    [n_examples] = check_whole(n_examples=n_examples)
    check_generator(generator)
    if not 0 <= n_examples < len(pairs):
        raise ValueError(
            f"n_examples must be 0 to {len(pairs) - 1}, one less than there are pairs, got "
            f"{n_examples}"
        )
    n_right, total = 0, 0.0
    for asked, (word, answer) in enumerate(pairs):
        others = [pair for place, pair in enumerate(pairs) if place != asked]
        drawn = torch.randperm(len(others), generator=generator)[:n_examples].tolist()
        shown = "".join(f"{left} -> {right}\n" for left, right in (others[i] for i in drawn))
        prompt, wanted = encode_pair(tokenizer, f"{shown}{word} ->", f" {answer}")
        ids = torch.tensor([[*prompt, *wanted]])
        check_context(model, ids.shape[1], f"pair {asked} with {n_examples} examples")
        with torch.inference_mode():
            scores = model(ids[:, :-1])[0, len(prompt) - 1 :].float().log_softmax(-1)  # (T, V)
        target = torch.tensor(wanted)
        n_right += int((scores.argmax(-1) == target).all())
        total += float(scores.gather(-1, target[:, None]).sum())
    return PairScores(n_right / len(pairs), total / len(pairs))
