"""A program to write in the page, judged there by the checker of a notebook."""

from typing import Any

from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape

_WANTED = (
    *("id", "version", "title", "prompt", "hints", "explain", "starters"),
    *("function", "solution", "limits", "files"),
)


class CodeExercise(CourseWidget):
    """Shows a code exercise with an editor, and has the program judged by Python in the page.

    The build puts it into the page where a notebook shows the task. Python is loaded when the
    reader asks for it, from `code/grader.js` beside the page loader.

    Args:
        page_payload: What `course_lib.exercises.process.page.page_payload` writes.
        files: One word for the version of the files that judge, which a browser keeps by it.

    Raises:
        TypeError: If the payload is not a dictionary.
        ValueError: If a field is missing.
    """

    _esm = bundle("code_exercise.js")

    def __init__(self, page_payload: dict[str, Any], files: str) -> None:
        """Checks the payload and writes the static form."""
        if not isinstance(page_payload, dict):
            raise TypeError(f"page_payload must be a dictionary, got {type(page_payload).__name__}")
        payload = {**page_payload, "files": files}
        missing = [name for name in _WANTED if name not in payload]
        if missing:
            raise ValueError(f"page_payload has no field {missing[0]!r}")
        name, title = payload["id"], payload["title"]
        super().__init__(payload, static_form(payload), f"exercise {name}, {title}")


def _program(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"


def static_form(payload: dict[str, Any]) -> str:
    """Writes the exercise for a page without JavaScript: task, beginning, hints, one solution."""
    hints = "".join(
        f"<details><summary>Hint {i}</summary><div>{text}</div></details>"
        for i, text in enumerate(payload["hints"], 1)
    )
    return card(
        payload["title"],
        f"Code · {payload['id']}",
        f"<div>{payload['prompt']}</div>",
        _program(payload["starters"][0]["code"]),
        '<p class="cw-note">Without JavaScript, code is checked in a notebook.</p>',
        hints,
        "<details><summary>Answer: a right program, and why</summary>"
        f"<div>{_program(payload['solution'])}{payload['explain']}</div></details>",
    )
