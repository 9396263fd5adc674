"""Make small changes to a right program, to learn whether its checks notice them.

Each mutant differs in one place: an operator, a comparison, a constant, a name such as max, or a
statement left out.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import pickle
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from course_lib.exercises.code.edit import build

_OPERATORS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.MatMult: (),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
_NAMES = {
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "tril": "triu",
    "triu": "tril",
    "sum": "mean",
    "mean": "sum",
    "ones": "zeros",
    "zeros": "ones",
    "swapaxes": "reshape",
    "exp": "exp2",
    "sqrt": "square",
    "sin": "cos",
    "cos": "sin",
}
_STATEMENTS = (ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.For)


def _changes(node: ast.AST) -> Iterator[Callable[[Any], None]]:
    """Give every small change of one node, as functions that apply it to a copy."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
        for other in _OPERATORS.get(type(node.op), ()):
            yield functools.partial(_replace, field="op", value=other())
    if isinstance(node, ast.Compare):
        for other in _OPERATORS.get(type(node.ops[0]), ()):
            yield functools.partial(_replace, field="ops", value=[other(), *node.ops[1:]])
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield functools.partial(_replace, field="value", value=not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        for step in (1, -1):
            yield functools.partial(_replace, field="value", value=node.value + step)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
        for index, bound in enumerate(node.args):
            if not isinstance(bound, ast.Constant):
                for operator in (ast.Add(), ast.Sub()):
                    moved = ast.BinOp(copy.deepcopy(bound), operator, ast.Constant(1))
                    others = [*node.args[:index], moved, *node.args[index + 1 :]]
                    yield functools.partial(_replace, field="args", value=others)
    if isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield functools.partial(_replace, field="attr", value=_NAMES[node.attr])
    for field, bound in _bounds(node):
        for operator in (ast.Add(), ast.Sub()):
            moved = ast.BinOp(copy.deepcopy(bound), operator, ast.Constant(1))
            yield functools.partial(_replace, field=field, value=moved)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield functools.partial(_replace, field="op", value=ast.UAdd())


def _bounds(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Give the bounds of a slice that are no plain numbers: those are moved as numbers are."""
    if isinstance(node, ast.Slice):
        for field in ("lower", "upper"):
            bound = getattr(node, field)
            if bound is not None and not isinstance(bound, ast.Constant | ast.UnaryOp):
                yield field, bound


def _replace(target: Any, field: str, value: Any) -> None:
    setattr(target, field, value)


def mutants(function: Callable[..., Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give every mutant of a function with the text of its changed statement.

    Args:
        function: The right program; its source must be at hand.

    Yields:
        (what the changed statement says now, the mutant).
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for text, changed in changed_trees(tree):
        yield text, build(ast.unparse(changed), function)


def changed_trees(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """Give every small change of a program, each in a copy of its own.

    Args:
        tree: The right program, which stays as it is.

    Yields:
        (what the changed statement says now, the changed program).
    """
    places, before = list(ast.walk(tree)), ast.unparse(tree).split("\n")
    body = [node for node in places if isinstance(node, ast.stmt)]
    stored = pickle.dumps(tree)  # many times quicker to copy than the tree itself
    for index, node in enumerate(places):
        if isinstance(node, ast.FunctionDef | ast.arguments | ast.arg):
            continue
        for change in _changes(node):
            other = pickle.loads(stored)
            change(list(ast.walk(other))[index])
            yield _statement(before, other), ast.fix_missing_locations(other)
        if isinstance(node, _STATEMENTS) and node in body and not _is_docstring(node):
            other = pickle.loads(stored)
            _Drop(list(ast.walk(other))[index]).visit(other)
            text = ast.unparse(node).split("\n")[0]
            yield f"left out: {text}", ast.fix_missing_locations(other)


class _Drop(ast.NodeTransformer):
    def __init__(self, target: ast.AST) -> None:
        self.target = target

    def visit(self, node: ast.AST) -> Any:
        """Replace one statement by nothing."""
        return ast.Pass() if node is self.target else self.generic_visit(node)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _statement(before: list[str], after: ast.AST) -> str:
    """Give the first line of a program in which it differs from the lines of another one."""
    lines = zip(before, ast.unparse(after).split("\n"), strict=False)
    return next((new.strip() for old, new in lines if old != new), "no change")
