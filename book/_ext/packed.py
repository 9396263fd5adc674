"""The part of course_lib that judges programs in a page, packed into one file.

The page's Python has NumPy and the standard library. Packed are the modules that the judge and the
exercises import when they are imported themselves, found by reading them; what they import later,
inside a function, is for a kernel.
"""

from __future__ import annotations

import ast
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "course_lib"
JUDGE = "course_lib.exercises.process.page"
CHAPTERS = "course_lib/exercises/chapters"
MOMENT = (1980, 1, 1, 0, 0, 0)  # the same bytes in every build


def file_of(module: str, root: Path = ROOT) -> Path | None:
    """The file of a module, or None where there is none of this name."""
    path = root.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What runs when a module is imported: not the bodies of functions, nor what only types use."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        for name in ("body", "orelse", "finalbody", "handlers"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _statements(getattr(node, name, []))


def imported(source: str) -> set[str]:
    """Every module of the package that a source may name in the imports it runs at once."""
    found: set[str] = set()
    for node in _statements(ast.parse(source).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == PACKAGE}


def needed(roots: list[str], root: Path = ROOT) -> list[Path]:
    """The files that importing some modules reads, and the JSON beside them.

    Args:
        roots: Names of modules.
        root: The folder that holds the package.

    Returns:
        Paths, in the order of their names.

    Raises:
        ValueError: there is no file for a root.
    """
    files: set[Path] = set()
    seen: set[str] = set()
    todo = list(roots)
    for name in roots:
        if file_of(name, root) is None:
            raise ValueError(f"roots: there is no module {name}")
    while todo:
        name = todo.pop()
        file = file_of(name, root)
        if name in seen or file is None:
            continue
        seen.add(name)
        files |= {file, *file.parent.glob("*.json")}
        todo += [*imported(file.read_text(encoding="utf-8")), *_parents(name)]
    return sorted(files)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def packed(root: Path = ROOT) -> bytes:
    """The judge and every exercise as a ZIP file, the same bytes for the same sources."""
    chapters = [
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in sorted((root / CHAPTERS).glob("*/*.py"))
    ]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in needed([JUDGE, *chapters], root):
            name = zipfile.ZipInfo(str(path.relative_to(root).as_posix()), MOMENT)
            name.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(name, path.read_bytes())
    return held.getvalue()
