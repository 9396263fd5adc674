"""Whether the rows of paired words, such as singular and plural, differ in one direction.

Chapter: 04_embedding
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checks import check_floats, check_generator, check_ids, check_lists, check_methods
from course_lib.prompting.few_shot import Encodes
from course_lib.shapes import Float, Int


class Steps(NamedTuple):
    """What the steps from the first words of pairs to the second have in common.

    Attributes:
        n_pairs: Pairs looked at, each of them once as one that the mean step does not know.
        along: Mean cosine of a step kept back with the mean step.
        crossed: The same for steps from a first word kept back to the second word of another pair:
            what the two groups of words have in common, without the pairing.
        found: Share of the pairs kept back whose second word is the nearest row, by cosine, to
            the first one's row plus the mean step. The first word itself does not count.
    """

    n_pairs: int
    along: float
    crossed: float
    found: float


def pairs_of_tokens(tokenizer: Encodes, pairs: Sequence[tuple[str, str]]) -> Int[Tensor, "N 2"]:
    """Return the ids of the pairs whose words are, with a space in front, one token each.

    Args:
        tokenizer: Makes ids of text.
        pairs: Words.

    Raises:
        TypeError: If pairs are no list of pairs.
    """
    check_methods("encode", tokenizer=tokenizer)
    check_lists(pairs=pairs)
    check_lists(**{f"pairs[{place}]": pair for place, pair in enumerate(pairs)})
    ids = [[tokenizer.encode(" " + word) for word in pair] for pair in pairs]
    kept = [[one[0], other[0]] for one, other in ids if len(one) == len(other) == 1]
    return torch.tensor(kept, dtype=torch.long).view(-1, 2)


def common_step(
    table: Float[Tensor, "V D"], pairs: Int[Tensor, "N 2"], *, generator: torch.Generator
) -> Steps:
    """Take the mean step over one half of the pairs, and see whether the other half follows it.

    Every second pair makes a half; then the halves change places.

    Args:
        table: Rows of an embedding table.
        pairs: Ids of the first and the second word of each pair.
        generator: Draws the second word of another pair.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there are fewer than four pairs, or a shape is wrong.
    """
    check_floats("table", table, "V D")
    pairs = check_ids("pairs", pairs, "N 2")
    check_generator(generator)
    if pairs.shape[1] != 2:
        raise ValueError(f"pairs must be of shape (N, 2), got {tuple(pairs.shape)}")
    if len(pairs) < 4:
        raise ValueError(f"pairs must be four or more, got {len(pairs)}")
    first, second = table[pairs[:, 0]], table[pairs[:, 1]]
    away = torch.randint(1, len(pairs), (len(pairs),), generator=generator)
    others = second[(torch.arange(len(pairs)) + away) % len(pairs)]  # never its own partner
    rows = F.normalize(table, dim=-1)
    along: list[Tensor] = []
    crossed: list[Tensor] = []
    found: list[Tensor] = []
    for fitted, kept_back in ((0, 1), (1, 0)):
        start, step = first[kept_back::2], (second - first)[fitted::2].mean(0)
        for ends, cosines in ((second, along), (others, crossed)):
            cosines.append(F.cosine_similarity(ends[kept_back::2] - start, step[None], dim=-1))
        scores = F.normalize(start + step, dim=-1) @ rows.T
        scores.scatter_(1, pairs[kept_back::2, :1], -2.0)
        found.append((scores.argmax(-1) == pairs[kept_back::2, 1]).float())
    means = (torch.cat(parts).mean().item() for parts in (along, crossed, found))
    return Steps(len(pairs), *means)
