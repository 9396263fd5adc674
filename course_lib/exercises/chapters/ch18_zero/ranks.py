"""Chapter 18: run an answer as each rank in turn, with nothing but that rank's own part at hand.

There is one process. A rank runs until it hands something in to be sent, and is then left; when all
ranks have handed in, each is run again from its beginning and is told what came of it. An answer
that wants to see other ranks' data has only what they send.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_lib.exercises.code.call import copied_value
from course_lib.exercises.code.draw import Array

MOST_MESSAGES = 50


class _Sent(BaseException):
    """Leaves a rank that has handed in a value; no `except Exception` of an answer holds it."""

    def __init__(self, value: Any) -> None:
        self.value = value


def on_each_rank(
    function: Callable[..., Any],
    arguments: Sequence[Sequence[Any]],
    join: Callable[[list[Any]], Any],
) -> list[Any]:
    """Run one function on every rank and give what each returns.

    Args:
        function: Takes a rank's own arguments and, last, a function that hands in a value and
            gives what all ranks together come to.
        arguments: The own arguments of each rank.
        join: Makes one value of those of all ranks.

    Raises:
        ValueError: If some ranks hand in a value where others are done: they would wait for ever.
    """
    known: list[Any] = []
    for _ in range(MOST_MESSAGES):
        sent, results = [], []
        for own in arguments:
            answers = iter(known)

            def exchange(value: Any, answers: Any = answers) -> Any:
                try:
                    return copied_value(next(answers))
                except StopIteration:
                    raise _Sent(copied_value(value)) from None

            try:
                results.append(function(*map(copied_value, own), exchange))
            except _Sent as message:
                sent.append(message.value)
        if not sent:
            return results
        if results:
            raise ValueError(
                f"{len(sent)} of {len(arguments)} ranks hand in a value and the others are done: "
                "they would wait for ever. Every rank must send equally often"
            )
        known.append(join(sent))
    raise ValueError(f"a rank sends more than {MOST_MESSAGES} times")


def add_up(values: list[Any]) -> Any:
    """Add what the ranks hand in: the all-reduce."""
    shapes = {np.shape(value) for value in values}
    if len(shapes) > 1:
        raise ValueError(f"all_reduce: the ranks hand in different shapes, {sorted(shapes)}")
    return sum(values[1:], start=values[0])


def ddp_ranks(answer: Callable[..., Any]) -> Callable[..., list[Array]]:
    """Hand each rank its own rows, and add up what the ranks send."""

    def run(inputs: list[Array], targets: list[Array], weights: Array) -> list[Array]:
        own = [(x, y, weights) for x, y in zip(inputs, targets, strict=True)]
        return on_each_rank(answer, own, add_up)

    return run


def zero1_ranks(answer: Callable[..., Any]) -> Callable[..., list[tuple[Array, int]]]:
    """Hand each rank its own part of the gradients, and give all parts to all."""

    def run(weights: Array, gradients: Array, n_ranks: int) -> list[tuple[Array, int]]:
        size = -(-len(weights) // n_ranks)
        own = [
            (weights, gradients[:, rank * size : (rank + 1) * size], rank, n_ranks)
            for rank in range(n_ranks)
        ]
        return on_each_rank(answer, own, list)

    return run


def gather_or_reduce(values: list[Any]) -> Any:
    """Do what the ranks ask for: put parts together, or add whole arrays up and cut the sum.

    Args:
        values: Of each rank, the operation and what it hands in.

    Raises:
        ValueError: If the ranks ask for different things, or a sum cannot be cut evenly.
    """
    operations = {operation for operation, _ in values}
    if len(operations) > 1:
        raise ValueError(
            "some ranks call all_gather where others call reduce_scatter: they would wait for "
            "ever. Every rank must send the same things in the same order"
        )
    handed = [np.asarray(value) for _, value in values]
    if operations == {"all_gather"}:
        return np.concatenate(handed)
    total = np.asarray(add_up(handed))
    if total.ndim < 1 or len(total) % len(values):
        raise ValueError(
            f"reduce_scatter: an array of shape {total.shape} cannot be cut into {len(values)} "
            "parts. Hand in the gradient of a whole matrix"
        )
    return np.split(total, len(values))


def zero3_ranks(answer: Callable[..., Any]) -> Callable[..., list[tuple[list[Array], bool]]]:
    """Hand each rank its own rows of every matrix and of the batch; note how often it gathers."""

    def run(
        weights: list[Array], inputs: list[Array], targets: list[Array]
    ) -> list[tuple[list[Array], bool]]:
        n_ranks = len(inputs)
        cut = [np.split(matrix, n_ranks) for matrix in weights]

        def work(
            parts: list[Array], x: Array, y: Array, rank: int, exchange: Callable[[Any], Any]
        ) -> tuple[list[Array], bool]:
            n_gathers = 0

            def all_gather(part: Any) -> Any:
                nonlocal n_gathers
                n_gathers += 1
                return exchange(("all_gather", part))

            def reduce_scatter(whole: Any) -> Any:
                return exchange(("reduce_scatter", whole))[rank]

            gradients = answer(parts, x, y, all_gather, reduce_scatter)
            # the first matrix is not needed again, and the last may stay until it is
            return gradients, n_gathers >= 2 * len(weights) - 2

        own = [
            ([parts[rank] for parts in cut], inputs[rank], targets[rank], rank)
            for rank in range(n_ranks)
        ]
        return on_each_rank(work, own, gather_or_reduce)

    return run
