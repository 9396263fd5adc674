"""A chapter's progress box: what is solved, and a text that carries it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.exercises.catalog import all_specs

if TYPE_CHECKING:
    from course_lib.widgets import ProgressPanel


def progress_panel(chapter: str) -> ProgressPanel:
    """Show the progress in one chapter; every page ends with it.

    Args:
        chapter: The chapter's number of two digits, such as "06".

    Raises:
        ValueError: If the chapter has no exercises; those that have are named.
    """
    from course_lib.widgets import ProgressPanel

    by_chapter: dict[str, list[tuple[str, int]]] = {}
    for spec in all_specs():
        by_chapter.setdefault(spec.id[:2], []).append((spec.id, spec.version))
    if chapter not in by_chapter:
        raise ValueError(f"chapter: got {chapter!r}, want one of {', '.join(sorted(by_chapter))}")
    return ProgressPanel({"This page": by_chapter[chapter]})
