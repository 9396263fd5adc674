"""Write a wrong program as the right one with a few words changed.

A reader sees exactly the mistake, and the two can never drift apart.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def build(source: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile the source of one function beside another, whose module's names it sees."""
    namespace = dict(inspect.unwrap(function).__globals__)
    tree = ast.parse(source)
    name = next(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    exec(compile(tree, f"<{name}, edited>", "exec"), namespace)
    made: Callable[..., Any] = namespace[name]
    return made


def edit(function: Callable[..., Any], *changes: tuple[str, str]) -> Callable[..., Any]:
    """Make a function from another one by replacing pieces of its source.

    Args:
        function: The right program.
        changes: (old, new) pairs; each old text must occur exactly once.

    Returns:
        The changed program, under the same name.

    Raises:
        ValueError: If an old text does not occur exactly once.
    """
    source = textwrap.dedent(inspect.getsource(function))
    for old, new in changes:
        count = source.count(old)
        if count != 1:
            raise ValueError(f"changes: {old!r} occurs {count} times in {function.__name__}")
        source = source.replace(old, new)
    return build(source, function)
