"""One exercise in the page: choose, type a number, match, order or predict, with feedback."""

from typing import Any

import traitlets

from course_lib.exercises.author.text import led_by
from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape

KINDS = {
    "choice": "Question",
    "number": "Number",
    "match": "Match",
    "order": "Put in order",
    "predict": "Predict first",
}
_WANTED = ("id", "version", "kind", "title", "prompt", "parts", "hints", "explain", "messages")


class Quiz(CourseWidget):
    """Shows an exercise and judges the answers in the page, with no kernel needed.

    In a kernel the traits below follow the reader, so that a cell can read them.

    Args:
        exercise_payload: The exercise in the JSON form of `course_lib/exercises/schema.json`.

    Raises:
        TypeError: If the payload is not a dictionary.
        ValueError: If a field is missing, or a part is of a kind this widget does not know.
    """

    _esm = bundle("quiz.js")
    answer: Any = traitlets.Dict(help="part id -> value, as last checked").tag(sync=True)
    status = traitlets.Unicode("not_attempted", help="verdict of the last check").tag(sync=True)
    attempts = traitlets.Int(0, help="judged answers so far").tag(sync=True)
    hints_shown = traitlets.Int(0, help="hints shown so far").tag(sync=True)
    revealed = traitlets.Bool(False, help="whether the answer was shown").tag(sync=True)

    def __init__(self, exercise_payload: dict[str, Any]) -> None:
        """Checks the payload and writes the static form."""
        if not isinstance(exercise_payload, dict):
            raise TypeError(
                f"exercise_payload must be a dictionary, got {type(exercise_payload).__name__}"
            )
        missing = [name for name in _WANTED if name not in exercise_payload]
        if missing:
            raise ValueError(f"exercise_payload has no field {missing[0]!r}")
        if exercise_payload["kind"] not in KINDS:
            raise ValueError(
                f"exercise_payload: kind must be one of {sorted(KINDS)}, "
                f"got {exercise_payload['kind']!r}"
            )
        for part in exercise_payload["parts"]:
            if part.get("type") not in _STATIC:
                raise ValueError(
                    f"exercise_payload: part type must be one of {sorted(_STATIC)}, "
                    f"got {part.get('type')!r}"
                )
        title, name = exercise_payload["title"], exercise_payload["id"]
        super().__init__(
            exercise_payload, static_form(exercise_payload), f"exercise {name}, {title}"
        )


def _choice(part: dict[str, Any]) -> str:
    options = "".join(f"<li>{option['text']}</li>" for option in part["options"])
    note = '<p class="cw-note">Choose all that apply.</p>' if part["multiple"] else ""
    return f"<p><strong>{part['prompt']}</strong></p>{note}<ul>{options}</ul>"


def _number(part: dict[str, Any]) -> str:
    return (
        f"<p><strong>{part['prompt']}</strong></p>"
        f'<p class="cw-note">{escape(part["unit_hint"])}</p>'
    )


def _match(part: dict[str, Any]) -> str:
    rows = "".join(f"<li>{row['text']}</li>" for row in part["rows"])
    options = "; ".join(option["text"] for option in part["options"])
    return f"<p><strong>{part['prompt']}</strong></p><ul>{rows}</ul><p>Choose from: {options}.</p>"


def _order(part: dict[str, Any]) -> str:
    items = "".join(f"<li>{item['text']}</li>" for item in part["items"])
    return (
        f"<p><strong>{part['prompt']}</strong></p>"
        f'<p class="cw-note">Some lines may not belong.</p><ul>{items}</ul>'
    )


_STATIC = {"choice": _choice, "number": _number, "match": _match, "order": _order}


def _sorted_items(part: dict[str, Any]) -> list[str]:
    """Returns the texts of the lines that belong, in one order that keeps every rule."""
    left = [item for item in part["items"] if not item["distractor"]]
    found = []
    while left:
        names = {item["id"] for item in left}
        blocked = {rule["then"] for rule in part["before"] if rule["first"] in names}
        item = next((one for one in left if one["id"] not in blocked), left[0])
        found.append(item["text"])
        left.remove(item)
    return found


def labelled_key(part: dict[str, Any], several: bool) -> str:
    """Writes the right answer of a part, led by its question where there are several parts."""
    key = key_of(part)
    if not several or not part["prompt"]:
        return f"<div>{key}</div>"
    block = key.startswith(("<ul>", "<ol>"))
    label = led_by(f"<strong>{part['prompt']}</strong>", "" if block else key)
    return f"<p>{label}</p>{key if block else ''}"


def key_of(part: dict[str, Any]) -> str:
    """Writes the right answer of a part as HTML."""
    if part["type"] == "choice":
        right = [option["text"] for option in part["options"] if option["correct"]]
        many = "".join(f"<li>{text}</li>" for text in right)
        return right[0] if len(right) == 1 else f"<ul>{many}</ul>"
    if part["type"] == "number":
        return escape(part["key_text"])
    if part["type"] == "match":
        names = {option["id"]: option["text"] for option in part["options"]}
        return "<br>".join(
            led_by(row["text"], " or ".join(names[one] for one in row["correct"]))
            for row in part["rows"]
        )
    return f"<ol>{''.join(f'<li>{text}</li>' for text in _sorted_items(part))}</ol>"


def static_form(payload: dict[str, Any]) -> str:
    """Writes the exercise for a page without JavaScript: task, hints, answer behind a fold."""
    parts = "".join(f"<div>{_STATIC[part['type']](part)}</div>" for part in payload["parts"])
    hints = "".join(
        f"<details><summary>Hint {i}</summary><div>{text}</div></details>"
        for i, text in enumerate(payload["hints"], 1)
    )
    several = len(payload["parts"]) > 1
    keys = "".join(f"<div>{labelled_key(part, several)}</div>" for part in payload["parts"])
    answer = (
        f"<details><summary>Answer and reason</summary>{keys}<div>{payload['explain']}</div>"
        f"<div>{payload.get('reveal', '')}</div></details>"
    )
    badge = f"{KINDS[payload['kind']]} · {payload['id']}"
    return card(payload["title"], badge, f"<div>{payload['prompt']}</div>", parts, answer, hints)
