"""Mutants of the functions of a module, made so that they can be put in place and taken out again.

A mutant is other code for a function that lives on: whoever imported the function before, or holds
a model with it as a method, meets the mutant from then on.
"""

import ast
import importlib
import inspect
import pickle
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from course_lib.exercises.code.mutants import changed_trees

Definition = ast.FunctionDef | ast.AsyncFunctionDef
Meaning = tuple[CodeType, tuple[Any, ...] | None, dict[str, Any] | None]


@dataclass(frozen=True)
class Place:
    """A function that can be changed.

    Attributes:
        name: Where it is: module below `course_lib`, class and function.
        function: The live function, behind its decorators.
        tree: Its definition alone, in its class, without decorators.
    """

    name: str
    function: FunctionType
    tree: ast.Module

    def meaning(self, tree: ast.Module) -> Meaning:
        """Compile a changed definition: code and default values.

        Raises:
            ValueError: If the code needs other variables from around it than the function has.
        """
        code, wanted = self._code(tree), self.function.__code__.co_freevars
        if not code.co_freevars and wanted == ("__class__",):  # the one `super()` was left out
            tree = ast.parse(ast.unparse(tree))
            definition(tree).body.append(ast.Expr(ast.Name("__class__", ast.Load())))
            code = self._code(ast.fix_missing_locations(tree))
        if code.co_freevars != wanted:
            raise ValueError(f"{self.name} reads {wanted}, the mutant {code.co_freevars}")
        old, new = definition(self.tree).args, definition(tree).args
        if _defaults(old) == _defaults(new):
            return code, self.function.__defaults__, self.function.__kwdefaults__
        named = {
            argument.arg: self._value(node)
            for argument, node in zip(new.kwonlyargs, new.kw_defaults, strict=True)
            if node is not None
        }
        return code, tuple(map(self._value, new.defaults)) or None, named or None

    def _code(self, tree: ast.Module) -> CodeType:
        file = self.function.__code__.co_filename  # some tests look who calls
        compiled = compile(tree, file, "exec", dont_inherit=True)
        wanted = definition(tree).name
        while compiled.co_name != wanted:  # module, class, function
            inside = [one for one in compiled.co_consts if isinstance(one, CodeType)]
            compiled = next((c for c in inside if c.co_name == wanted), inside[-1])
        return compiled

    def _value(self, node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), self.name, "eval"), self.function.__globals__)

    def put(self, meaning: Meaning) -> None:
        """Give the live function another meaning."""
        function = self.function
        function.__code__, function.__defaults__, function.__kwdefaults__ = meaning


@dataclass(frozen=True)
class Mutant:
    """One small change: where, what the changed line says now, and the changed definition."""

    place: Place
    text: str
    tree: ast.Module

    def __str__(self) -> str:
        """Where, and what."""
        return f"{self.place.name}: {self.text}"

    def meaning(self) -> Meaning:
        """Compile it."""
        return self.place.meaning(self.tree)


def places(module_name: str) -> list[Place]:
    """List the functions and methods that a module of the package defines at its top.

    Functions inside functions are changed with those around them. What a class or a module
    computes when it is imported is no function, and is not changed.

    Args:
        module_name: Below `course_lib`, such as `model.attention`.
    """
    module = importlib.import_module(f"course_lib.{module_name}")
    top = ast.parse(inspect.getsource(module)).body
    found = []
    for owner in [None, *(node for node in top if isinstance(node, ast.ClassDef))]:
        holder: Any = module if owner is None else getattr(module, owner.name)
        for node in top if owner is None else owner.body:
            if isinstance(node, Definition):
                function = plain_function(vars(holder).get(node.name))
                if function is None or function.__code__.co_filename != module.__file__:
                    continue
                source = ast.unparse(_bare(node))
                if owner is not None:
                    source = f"class {owner.name}:\n{textwrap.indent(source, '    ')}"
                name = ".".join([module_name, *([owner.name] if owner else []), node.name])
                found.append(Place(name, function, ast.parse(source)))
    return found


def mutants(place: Place) -> Iterator[Mutant]:
    """Give every mutant of a function that does something else, texts of errors aside."""
    right = said(place, place.tree)
    for text, tree in changed_trees(place.tree):
        try:
            other = said(place, tree)
        except (ValueError, SyntaxError):  # a statement was left out that made a variable
            continue
        if other != right:
            yield Mutant(place, text, tree)


def said(place: Place, tree: ast.Module) -> tuple[Any, ...]:
    """Give what a definition does, without annotations, docstring and the texts of its errors."""
    silent = _Silent().visit(pickle.loads(pickle.dumps(tree)))
    code, defaults, named = place.meaning(ast.fix_missing_locations(silent))
    return _without_places(code), repr(defaults), repr(named)


def _without_places(code: CodeType) -> tuple[Any, ...]:
    inside = [_without_places(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, tuple(inside)


class _Silent(ast.NodeTransformer):
    """Take away what a function says to people."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc = ast.Call(node.exc.func, [], [])
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
        return self.generic_visit(_bare(node))

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


def _bare(node: Any) -> Any:
    node.decorator_list, node.returns = [], None
    return node


def definition(tree: ast.Module) -> Definition:
    """Give the one function that a program defines, maybe in a class."""
    (node,) = tree.body
    while not isinstance(node, Definition):
        (node,) = node.body  # type: ignore[attr-defined]
    return node


def _defaults(arguments: ast.arguments) -> list[str]:
    return [ast.dump(one) for one in (*arguments.defaults, *arguments.kw_defaults) if one]


def plain_function(value: Any) -> FunctionType | None:
    """Give the function behind a method, a property or a decorator; None if there is none."""
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__func__", getattr(value, "func", value))  # or a cached property
    value = inspect.unwrap(value) if callable(value) else value
    return value if isinstance(value, FunctionType) else None
