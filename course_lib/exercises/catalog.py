"""Find the exercises: a module of `chapters/chNN_topic/` lists its own in `EXERCISES`."""

from __future__ import annotations

import difflib
import glob
import importlib
from pathlib import Path

from course_lib.exercises.author.spec import Spec


def _modules(chapter: str = "") -> tuple[str, ...]:
    """List the modules of one chapter, given by its two digits, or of all."""
    files = (Path(__file__).parent / "chapters").glob(f"ch{glob.escape(chapter)}*/[!_]*.py")
    return tuple(sorted(f"{file.parent.name}.{file.stem}" for file in files))


def _specs(module: str) -> list[Spec]:
    found = importlib.import_module(f"course_lib.exercises.chapters.{module}")
    return list(getattr(found, "EXERCISES", ()))


def all_specs() -> list[Spec]:
    """List every exercise, in the order of their ids."""
    return sorted((spec for name in _modules() for spec in _specs(name)), key=lambda s: s.id)


def find(name: str) -> Spec:
    """Find one exercise by its id; only the modules of its chapter are imported.

    Raises:
        TypeError: If the id is no text.
        ValueError: If there is no such exercise; the nearest ids are named.
    """
    if not isinstance(name, str):
        raise TypeError(f"id: got {type(name).__name__}, want a text such as '06.c'")
    for module in _modules(name[:2]):
        for spec in _specs(module):
            if spec.id == name:
                return spec
    known = [spec.id for spec in all_specs()]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.3)
    near = [*near, *(other for other in known if other[:2] == name[:2] and other not in near)]
    raise ValueError(
        f"id: there is no exercise {name!r}. Near it: {', '.join(near[:8]) or 'nothing'}. If the "
        "page is newer than the installed course_lib, update it (pip install -e . in the clone)."
    )


def module_of(spec: Spec) -> str:
    """Name the module that lists an exercise.

    Raises:
        ValueError: If no module of the package does.
    """
    for module in _modules(spec.id[:2]):
        if any(other is spec for other in _specs(module)):
            return f"course_lib.exercises.chapters.{module}"
    raise ValueError(f"spec: {spec.id} is listed by no module of course_lib.exercises.chapters")


def is_published(spec: Spec) -> bool:
    """Tell whether an exercise is one of the package's own, so that others can look it up."""
    try:
        return find(spec.id) is spec
    except ValueError:
        return False
