"""Answers that are one per cent, one entry or one digit off, made from each reference.

Prints, as JSON, those that get past the cases of their exercise.
"""

import ast
import copy
import functools
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_lib.exercises.author.spec import Spec
from course_lib.exercises.catalog import all_specs
from course_lib.exercises.code.draw import draw_case
from course_lib.exercises.code.edit import build
from course_lib.exercises.selfcheck import survives


def decimals(change: Callable[[np.ndarray], Any]) -> Callable[[Any], Any]:
    """Change every decimal number of a result."""

    def go(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return change(value)
        if isinstance(value, float):
            return float(change(np.array(value)))
        if isinstance(value, list | tuple):
            return type(value)(map(go, value))
        return value

    return go


def last(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change the last decimal number of each array."""

    def go(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        if values.size:
            values.reshape(-1)[-1] = change(values.reshape(-1)[-1])
        return values

    return decimals(go)


def longer(value: Any) -> Any:
    """Write the last entry twice."""
    if isinstance(value, np.ndarray) and value.ndim and len(value):
        return np.concatenate([value, value[-1:]])
    if type(value) is tuple:
        return tuple(map(longer, value))
    return [*value, value[-1]] if type(value) is list and value else value


def shorter(value: Any) -> Any:
    """Leave the last entry out."""
    if type(value) is tuple:
        return tuple(map(shorter, value))
    flat = not isinstance(value, np.ndarray) or value.ndim > 0
    return value[:-1] if isinstance(value, list | str | np.ndarray) and flat else value


RESULTS = {
    "x 1.01": decimals(lambda values: values * 1.01),
    "x 0.99": decimals(lambda values: values * 0.99),
    "+ 0.01": decimals(lambda values: values + 0.01),
    "two digits": decimals(lambda values: np.round(values, 2)),
    "last x 1.01": last(lambda value: value * 1.01),
    "last + 1": last(lambda value: value + 1),
    "one more": longer,
    "one less": shorter,
}


def changed_results(spec: Spec) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give the reference with its result a little off, where that shows on some case."""
    reference = spec.code.reference
    found: list[Any] = []

    def watched(*arguments: Any) -> Any:
        found.append(reference(*arguments))
        return found[-1]

    spec.code.called(watched)(*draw_case(spec.code.generate, 5)[0].values())
    sample = found[-1]
    for name, change in RESULTS.items():
        if repr(change(sample)) == repr(sample):
            continue  # nothing of this form in it

        def wrong(*arguments: Any, change: Callable[[Any], Any] = change) -> Any:
            return change(reference(*arguments))

        yield f"result {name}", functools.wraps(reference)(wrong)


def changed_constants(spec: Spec) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give the reference with a decimal constant, or a decimal bound, one per cent off."""
    reference = spec.code.reference
    drawn = draw_case(spec.code.generate, 5)[0]
    parameters = zip(inspect.signature(reference).parameters, drawn.values(), strict=False)
    bounds = {name for name, value in parameters if type(value) is float}
    tree = ast.parse(textwrap.dedent(inspect.getsource(reference)))
    for index, node in enumerate(ast.walk(tree)):
        fixed = isinstance(node, ast.Constant) and type(node.value) is float and node.value
        compared = isinstance(node, ast.Compare) and isinstance(
            node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE
        )
        bound = compared and getattr(node.comparators[0], "id", None) in bounds
        for factor in (1.01, 0.99) if fixed or bound else ():
            other = copy.deepcopy(tree)
            target = list(ast.walk(other))[index]
            if fixed:
                target.value *= factor
            else:
                named = ast.Name(target.comparators[0].id, ast.Load())
                target.comparators[0] = ast.BinOp(named, ast.Mult(), ast.Constant(factor))
            text = ast.unparse(ast.fix_missing_locations(other))
            yield f"{ast.unparse(node)} x {factor}", build(text, reference)


def main() -> None:
    """Try all of them against the exercises named, or against all."""
    made, left = 0, []
    for spec in all_specs():
        if spec.code is None or (sys.argv[1:] and spec.id not in sys.argv[1:]):
            continue
        for kind in (changed_results, changed_constants):
            for name, wrong in kind(spec):
                made += 1
                if survives(spec, wrong):
                    left.append(f"{spec.id} {name}")
    json.dump({"made": made, "left": left}, sys.stdout)


if __name__ == "__main__":
    main()
