"""The reader's progress in this browser: counts in words, and a text to carry it elsewhere."""

from collections.abc import Mapping, Sequence

from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, table


class ProgressPanel(CourseWidget):
    """Shows what is solved, and takes progress out of and into this browser as text.

    Args:
        chapters: Chapter title to its exercises, each its id and its version.
        title: The heading.

    Raises:
        TypeError: If `chapters` is not a mapping.
    """

    _esm = bundle("progress_panel.js")

    def __init__(
        self,
        chapters: Mapping[str, Sequence[tuple[str, int]]],
        *,
        title: str = "Your progress",
    ) -> None:
        """Writes the static form, which can only say how many exercises there are."""
        if not isinstance(chapters, Mapping):
            raise TypeError(f"chapters must be a mapping, got {type(chapters).__name__}")
        payload = {
            "title": title,
            "badge": "this browser only",
            "chapters": [
                {
                    "title": name,
                    "exercises": [{"id": one, "v": version} for one, version in many],
                }
                for name, many in chapters.items()
            ],
        }
        rows = ((name, [f"<td>{escape(len(many))}</td>"]) for name, many in chapters.items())
        static = card(
            title,
            "this browser only",
            table("chapter", ["exercises"], rows, kind="cw-bars"),
            '<p class="cw-note">Progress needs JavaScript; it is kept in the browser only.</p>',
        )
        total = sum(len(many) for many in chapters.values())
        where = "1 chapter" if len(chapters) == 1 else f"{len(chapters)} chapters"
        super().__init__(payload, static, f"{total} exercises in {where}")
