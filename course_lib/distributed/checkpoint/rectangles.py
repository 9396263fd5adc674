"""Ranges of a flattened array as boxes, which is how checkpoint formats describe pieces."""

import math
from collections.abc import Sequence


def rectangles(
    shape: Sequence[int], start: int, stop: int
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Cut a range of a row-major array into boxes.

    Checkpoint formats describe pieces as boxes, while a shard is a range of the flattened
    parameter. A range needs at most ``2 * n_dimensions - 1`` boxes.

    Args:
        shape: shape of the whole array.
        start: first element, counted in the flattened array.
        stop: one past the last element.

    Returns:
        ``(offsets, sizes)`` of each box, in the order of their elements.

    Raises:
        ValueError: the range does not lie in the array.
    """
    total = math.prod(shape)
    if not 0 <= start <= stop <= total:
        raise ValueError(f"range [{start}, {stop}) does not lie in the {total} elements of {shape}")
    if start == stop:
        return []
    if not shape:
        return [((), ())]
    row = total // shape[0]
    if row == 1 or (start % row == 0 and stop % row == 0):
        zeros, rest = (0,) * (len(shape) - 1), tuple(shape[1:])
        return [((start // row, *zeros), ((stop - start) // row, *rest))]
    boxes = []
    first, last = start // row, (stop - 1) // row
    if first == last:
        return _inside(shape, first, start - first * row, stop - first * row)
    if start % row:
        boxes += _inside(shape, first, start - first * row, row)
        first += 1
    tail = stop % row
    whole = last if tail else last + 1
    if first < whole:
        boxes += rectangles(shape, first * row, whole * row)
    if tail:
        boxes += _inside(shape, last, 0, tail)
    return boxes


def _inside(
    shape: Sequence[int], index: int, start: int, stop: int
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Cut a range that lies within one entry of the first dimension."""
    inner = rectangles(shape[1:], start, stop)
    return [((index, *offsets), (1, *sizes)) for offsets, sizes in inner]
