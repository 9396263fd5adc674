"""What a page names of the package: the tests that hold pages and modules together ask here."""

from __future__ import annotations

import ast
import functools
import re

KINDS = ast.FunctionDef | ast.ClassDef


@functools.cache
def said(page: str) -> frozenset[str]:
    """What a page says of the package: names in its cells, inline code, and `{source}` lines.

    A word of the prose is none of them: "read" and "turn" are functions and English.
    """
    found: set[str] = set(re.findall(r"\{source\} +([\w.]+)", page))
    for cell in re.findall(r"```\{code-cell\}[^\n]*\n(.*?)```", page, flags=re.DOTALL):
        code = re.sub(r"^(---\n.*?---\n|(:[^\n]*\n)+)", "", cell, flags=re.DOTALL)
        for node in ast.walk(ast.parse(re.sub(r"^([ \t]*)[%!].*$", r"\1pass", code, flags=re.M))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_lib"):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
                found.add(str(node.module))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.add(f"{node.value.id}.{node.attr}")
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    found |= set(re.findall(r"`([\w.]+)(?:\([^`]*)?`", prose))
    return frozenset(found)


def is_named(module: str, source: str, page: str) -> bool:
    """Whether a page names a module, or something public that the module defines."""
    symbols = {node.name for node in ast.parse(source).body if isinstance(node, KINDS)}
    rooms = module.split(".")  # a symbol may be named from any of them: course_lib.model.Block
    spellings = {module}
    for symbol in (symbol for symbol in symbols if not symbol.startswith("_")):
        spellings |= {symbol, f"{rooms[-1]}.{symbol}", f"{rooms[-2]}.{symbol}"}
        spellings |= {".".join((*rooms[:end], symbol)) for end in range(1, len(rooms) + 1)}
    return any(
        name == spelling or name.startswith(spelling + ".")
        for name in said(page)
        for spelling in spellings
    )
