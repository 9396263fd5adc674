"""Five turns of a compass, said by their names, shown by examples, or both.

A task turns one of eight directions into another. What is wanted can be said in one word, before
the first direction or behind each, or not at all; then only the examples tell. One model learns all
three ways, and so they can be compared on the same weights.

Chapter: 10_prompt_engineering
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.checks import (
    check_generator,
    check_ids,
    check_lists,
    check_text,
    check_whole,
    tensor_of_ids,
)
from course_lib.objectives.example import IGNORE, Example
from course_lib.shapes import Int

DIRECTIONS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
TASKS = ("same", "right", "left", "back", "mirror")
UNNAMED = "quarter"
VOCABULARY = (*DIRECTIONS, *TASKS, "*", "->", ",", ":")
BLANK, ARROW, COMMA, COLON = range(len(DIRECTIONS) + len(TASKS), len(VOCABULARY))
WAYS = ("before", "behind", "never")
STEP = 4  # tokens of an example: direction, arrow or name, answer, comma


class NamedRows(NamedTuple):
    """Sequences of examples of one task each.

    Attributes:
        tokens: The ids, `Int "B T"`; T is 1 and 4 for each pair.
        task: Index of each row's task among those it was drawn from, `Int " B"`.
    """

    tokens: Int[Tensor, "B T"]
    task: Int[Tensor, " B"]


def encode_turns(text: str) -> list[int]:
    """Return the ids of a text whose parts are separated by white space.

    Raises:
        TypeError: If it is no text.
        ValueError: If a part is not in the vocabulary.
    """
    check_text(text=text)
    unknown = [part for part in text.split() if part not in VOCABULARY]
    if unknown:
        raise ValueError(f"text has {unknown[0]!r}, wants parts out of {list(VOCABULARY)}")
    return [VOCABULARY.index(part) for part in text.split()]


def decode_turns(ids: Sequence[int] | Tensor) -> str:
    """Return the parts of some ids, separated by blanks.

    Raises:
        TypeError: If they are no whole numbers.
        ValueError: If one is not in the vocabulary.
    """
    known = tensor_of_ids("ids", ids).tolist()
    if known and not 0 <= min(known) <= max(known) < len(VOCABULARY):
        raise ValueError(f"ids must be 0 to {len(VOCABULARY) - 1}, got {known}")
    return " ".join(VOCABULARY[i] for i in known)


def turn(task: str, directions: Int[Tensor, "*B"]) -> Int[Tensor, "*B"]:
    """Turn directions as a task wants it.

    Args:
        task: "same", "right" or "left" (one step of eight), "back" (about face), "mirror" (east
            and west change places) or "quarter" (two steps to the right, which has no name in the
            vocabulary).
        directions: Ids of directions.

    Raises:
        TypeError: If the directions are no tensor of integers.
        ValueError: If there is no such task.
    """
    directions = check_ids("directions", directions)
    n = len(DIRECTIONS)
    turned = {
        "same": directions,
        "right": directions + 1,
        "left": directions - 1,
        "back": directions + n // 2,
        "mirror": -directions,
        "quarter": directions + n // 4,
    }
    if not isinstance(task, str) or task not in turned:
        raise ValueError(f"task must be one of {list(turned)}, got {task!r}")
    return turned[task] % n


def draw_turns(
    n_sequences: int,
    n_pairs: int,
    way: str,
    *,
    tasks: Sequence[str] = TASKS,
    generator: torch.Generator,
) -> NamedRows:
    """Draw sequences, each of one random task: ``right N -> NE , W -> NW ,``.

    Args:
        n_sequences: Rows, B.
        n_pairs: Directions with an answer in each.
        way: How the task is said: "before" the first direction, "behind" each of them in the place
            of the arrow, or "never". Where nothing is said before, ``*`` stands.
        tasks: What to draw from.
        generator: Source of randomness.

    Returns:
        The rows, and which task each has. A task without a name is never said.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If a count is not positive, there is no such way or task, or no task at all.
    """
    [n_sequences, n_pairs] = check_whole(n_sequences=n_sequences, n_pairs=n_pairs)
    check_lists(tasks=tasks)
    check_generator(generator)
    if way not in WAYS:
        raise ValueError(f"way must be one of {WAYS}, got {way!r}")
    for name, value in (("n_sequences", n_sequences), ("n_pairs", n_pairs)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if not tasks:
        raise ValueError(f"tasks must name at least one of {(*TASKS, UNNAMED)}, got none")
    size = (n_sequences, n_pairs)
    task = torch.randint(len(tasks), (n_sequences,), generator=generator)
    asked = torch.randint(len(DIRECTIONS), size, generator=generator)
    every = torch.stack([turn(name, asked) for name in tasks], -1)  # (B, N, tasks)
    answers = every.gather(-1, task[:, None, None].expand(*size, 1))[..., 0]
    ids = [VOCABULARY.index(name) if name in VOCABULARY else BLANK for name in tasks]
    said = torch.tensor(ids)[task][:, None]  # (B, 1)
    arrows = torch.full(size, ARROW)
    behind = torch.where(said == BLANK, arrows, said) if way == "behind" else arrows
    before = said if way == "before" else torch.full_like(said, BLANK)
    pairs = torch.stack([asked, behind, answers, torch.full(size, COMMA)], -1)
    return NamedRows(torch.cat([before, pairs.flatten(1)], 1), task)


def answer_example(tokens: Int[Tensor, "B T"]) -> Example:
    """Ask for the answers only: the directions are drawn at random and cannot be foretold.

    Args:
        tokens: Rows of `draw_turns`.

    Returns:
        Inputs without the last comma; at each arrow or name its answer as the target, `IGNORE`
        elsewhere.

    Raises:
        TypeError: If tokens are no tensor of integers.
        ValueError: If they have not two dimensions.
    """
    tokens = check_ids("tokens", tokens, "B T")
    targets = torch.full_like(tokens[:, 1:], IGNORE)
    targets[:, 2::STEP] = tokens[:, 3::STEP]
    return Example(inputs=tokens[:, :-1], targets=targets)


def said_and_shown(
    batch_size: int, n_pairs: int, *, generator: torch.Generator
) -> Iterator[Example]:
    """Yield batches without end: a quarter says the task before, a quarter behind, half never.

    Args:
        batch_size: Rows of a batch, a multiple of 4.
        n_pairs: Pairs in a row.
        generator: Source of randomness.

    Yields:
        One example a step.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If `batch_size` is no positive multiple of 4.
    """
    [batch_size, n_pairs] = check_whole(batch_size=batch_size, n_pairs=n_pairs)
    if batch_size < 4 or batch_size % 4:
        raise ValueError(f"batch_size must be a positive multiple of 4, got {batch_size}")
    quarter = batch_size // 4
    sizes = {"before": quarter, "behind": quarter, "never": 2 * quarter}
    while True:
        drawn = [draw_turns(n, n_pairs, way, generator=generator) for way, n in sizes.items()]
        yield answer_example(torch.cat([rows.tokens for rows in drawn]))


def draw_walks(n_sequences: int, n_turns: int, *, generator: torch.Generator) -> Int[Tensor, "B T"]:
    """Draw a direction, turns to make one after the other, and where each of them leads.

    The row is ``N right back`` without mark, and then every direction of the way, the first one
    included: ``N NE SW``.

    Args:
        n_sequences: Rows, B.
        n_turns: Turns of each walk, N; T is twice that and 2.
        generator: Source of randomness.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If a count is not positive.
    """
    [n_sequences, n_turns] = check_whole(n_sequences=n_sequences, n_turns=n_turns)
    check_generator(generator)
    for name, value in (("n_sequences", n_sequences), ("n_turns", n_turns)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    start = torch.randint(len(DIRECTIONS), (n_sequences,), generator=generator)
    turns = torch.randint(len(TASKS), (n_sequences, n_turns), generator=generator)
    return torch.cat([start[:, None], turns + len(DIRECTIONS), follow(start, turns)], 1)


def follow(start: Int[Tensor, " B"], turns: Int[Tensor, "B N"]) -> Int[Tensor, "B N+1"]:
    """Make turns one after the other.

    Args:
        start: Directions to start from.
        turns: Index of each turn in `TASKS`.

    Returns:
        Every direction on the way, the first one included.

    Raises:
        TypeError: If one of the two is no tensor of integers.
        ValueError: If they are not of as many walks.
    """
    start = check_ids("start", start, "B")
    turns = check_ids("turns", turns, "B N")
    if len(start) != len(turns):
        raise ValueError(f"turns must be a row for each of {len(start)} starts, got {len(turns)}")
    way = [start]
    for made in turns.unbind(1):
        every = torch.stack([turn(name, way[-1]) for name in TASKS], -1)
        way.append(every.gather(-1, made[:, None])[:, 0])
    return torch.stack(way, 1)


def at_once_and_in_steps(
    batch_size: int, n_turns: int, *, generator: torch.Generator
) -> Iterator[Example]:
    """Yield batches without end in which half of the walks ask for the end, half for every step.

    ``N right back -> SW`` asks for the end at once; ``N right back : N NE SW`` writes the way.

    Args:
        batch_size: Rows of a batch, an even number.
        n_turns: Turns of each walk.
        generator: Source of randomness.

    Yields:
        One example a step; the loss counts what follows the arrow or the colon.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If `batch_size` is no positive even number.
    """
    [batch_size, n_turns] = check_whole(batch_size=batch_size, n_turns=n_turns)
    if batch_size < 2 or batch_size % 2:
        raise ValueError(f"batch_size must be a positive even number, got {batch_size}")
    half, asked = batch_size // 2, n_turns + 1
    while True:
        walks = draw_walks(batch_size, n_turns, generator=generator)
        marks = torch.full((batch_size, 1), ARROW)
        marks[half:] = COLON
        written = walks[:, asked:].clone()
        written[:half, 0] = written[:half, -1]
        rows = torch.cat([walks[:, :asked], marks, written], 1)
        targets = rows[:, 1:].clone()
        targets[:, :asked] = IGNORE
        targets[:half, asked + 1 :] = IGNORE
        yield Example(inputs=rows[:, :-1], targets=targets)
