"""The definition behind a name, as it stands in the package today: what a page prints.

A page that copied code would drift from it. This module looks the code up instead, so a chapter can
show what it explains, and the notebook shows what would run now, a reader's replacement included.
"""

import ast
import difflib
import functools
import importlib
import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Definition:
    """Code behind a name. Jupyter shows it with its docstring folded away.

    Attributes:
        name: Where it is defined, such as `course_lib.config.TransformerConfig`.
        module: The module that defines it.
        kind: "function", "class", "constant" or "module"; a method is a function.
        path: The file.
        first_line: Line of the file on which it begins, decorators included.
        last_line: Line on which it ends.
        code: The code, moved to the left margin, without docstrings.
        docstring: The docstring; empty without one.
    """

    name: str
    module: str
    kind: str
    path: Path
    first_line: int
    last_line: int
    code: str
    docstring: str

    def __repr__(self) -> str:
        return f"# {self.name}\n{self.code}"

    def _repr_markdown_(self) -> str:
        folded = self.docstring.replace("&", "&amp;").replace("<", "&lt;")
        details = f"<details><summary>docstring</summary><pre>{folded}</pre></details>"
        return f"`{self.name}`\n\n```python\n{self.code}\n```\n\n{details if folded else ''}"


def show_source(what: Any) -> Definition:
    """The living definition of a function, class, method or constant.

    It is looked up now: after a reader has put an own function in its place, that one is shown.

    Args:
        what: Its full name, such as "course_lib.model.attention.attention", or the object.

    Raises:
        ValueError: there is nothing of that name, or it has no Python source.
    """
    if not isinstance(what, str):
        return _of_object(what, getattr(what, "__qualname__", repr(what)))
    module, names = _split(what)
    owner, item = module, module
    for name in names:
        if not hasattr(item, name):
            near = difflib.get_close_matches(name, dir(item), n=3)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise ValueError(f"{what!r}: {_called(item)} has no {name!r}{hint}")
        owner, item = item, getattr(item, name)
    if isinstance(owner, ModuleType) and names:
        constant = _constant(owner, names[-1], item)
        if constant is not None:
            return constant
    return _of_object(item, what)


def _split(name: str) -> tuple[ModuleType, list[str]]:
    """The longest importable beginning of a dotted name, and what is left of it."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise ValueError(f"{name!r} is not a dotted name such as 'course_lib.config'")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        try:
            return importlib.import_module(module), parts[end:]
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise  # it is there, and something that it imports is not
    raise ValueError(f"{name!r}: there is no module {parts[0]!r}")


def _called(item: Any) -> str:
    return str(getattr(item, "__qualname__", getattr(item, "__name__", item)))


def _of_object(item: Any, asked: str) -> Definition:
    inner: Any = item.fget if isinstance(item, property) else item
    if isinstance(inner, functools.partial | functools.cached_property):
        inner = inner.func
    inner = inspect.unwrap(inner)
    try:
        lines, first = inspect.getsourcelines(inner)
        path = inspect.getsourcefile(inner)
    except (TypeError, OSError) as error:
        raise ValueError(f"{asked!r} has no Python source: {type(item).__name__}") from error
    assert path is not None
    if inspect.ismodule(inner):
        kind, name, module = "module", inner.__name__, inner.__name__
    else:
        kind = "class" if inspect.isclass(inner) else "function"
        name, module = f"{inner.__module__}.{inner.__qualname__}", inner.__module__
    first = max(first, 1)
    code, docstring = _without_docstrings(textwrap.dedent("".join(lines)))
    return Definition(
        name, module, kind, Path(path), first, first + len(lines) - 1, code, docstring
    )


def _constant(module: ModuleType, name: str, value: Any) -> Definition | None:
    """The assignment of a name in its module; None where the name is a def or an import."""
    path = inspect.getsourcefile(module)
    if path is None or inspect.ismodule(value):
        return None
    source = Path(path).read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            end = node.end_lineno or node.lineno
            code = "\n".join(source.splitlines()[node.lineno - 1 : end])
            where = f"{module.__name__}.{name}"
            return Definition(
                where, module.__name__, "constant", Path(path), node.lineno, end, code, ""
            )
    return None


def _without_docstrings(source: str) -> tuple[str, str]:
    """Code without any docstring, and the outermost docstring."""
    tree = ast.parse(source)
    outer = tree if ast.get_docstring(tree) else tree.body[0]
    docstring = (ast.get_docstring(outer) or "") if isinstance(outer, _DOCUMENTED) else ""
    lines: list[str | None] = list(source.splitlines())
    for node in ast.walk(tree):
        if not isinstance(node, _DOCUMENTED) or ast.get_docstring(node, clean=False) is None:
            continue
        text = node.body[0]
        if isinstance(node, ast.Module):
            start = 0
        else:
            start = text.lineno - 1
            if start == node.lineno - 1:
                continue  # all on one line
        end = text.end_lineno or text.lineno
        lines[start:end] = [None] * (end - start)
        if len(node.body) == 1 and not isinstance(node, ast.Module):
            lines[start] = " " * text.col_offset + "..."
        while end < len(lines) and lines[end] == "" and len(node.body) > 1:
            lines[end] = None
            end += 1
    return "\n".join(line for line in lines if line is not None).strip("\n"), docstring
