"""Write an exercise as the JSON that a page shows and judges: all of it but the reference.

The fields are described in `schema.json`. Keys are computed here, by the author's functions; a
determined reader can read them in the page, which is fine: this is self-study.
"""

from __future__ import annotations

import dataclasses
import random
import re
from typing import Any, TypeVar

from course_lib.exercises.author.spec import Choice, Match, Number, Order, Part, Spec
from course_lib.exercises.author.text import block_html, clean, inline_html, led_by, plain
from course_lib.exercises.author.units import FORMS

LISTED_UNITS = 7  # how many a message names; more are read

_Item = TypeVar("_Item")

MESSAGES = {
    "correct": "Correct.",
    "incorrect": "Not yet.",
    "invalid": "Not judged yet: one answer cannot be read.",
    "not_attempted": "Something is still blank.",
}


def _shuffled(items: list[_Item], key: str) -> list[_Item]:
    """Shuffle by name, so that the order is the same in every host and every build."""
    items = list(items)
    random.Random(key).shuffle(items)
    return items


def _choice(part: Choice, key: str) -> dict[str, Any]:
    options = [
        {
            "text": inline_html(option.text),
            "correct": bool(option.correct() if callable(option.correct) else option.correct),
            "feedback": inline_html(option.feedback),
            "misconception": option.misconception,
        }
        for option in part.options
    ]
    shown = _shuffled(options, key) if part.shuffle else options
    return {
        "multiple": part.multiple,
        # Numbered as they are shown: an author writes the right one first.
        "options": [{"id": f"o{place}", **option} for place, option in enumerate(shown, start=1)],
        "messages": {
            "not_attempted": "Choose one." if not part.multiple else "Choose at least one.",
            "chosen": "Chosen, but it does not belong:",
            "missed": "Options that belong and are left out:",
        },
    }


def units_of(part: Number) -> dict[str, float]:
    """Give the units of a number, by its form or as the author lists them."""
    return dict(FORMS[part.form].units if part.form else part.units)


def key_text(part: Number, value: float) -> str:
    """Write a right number as its reader is asked to: in the unit that the hint names.

    A hint such as "a size with its unit, such as 99 GB" asks for GB though the key is in bytes;
    "a number of tokens" asks for tokens, not for a token.
    """
    known = units_of(part)
    units = {unit: factor for unit, factor in known.items() if unit}
    hinted = [
        unit for unit in units if re.search(rf"(?<!\w){re.escape(unit)}(?!\w)", part.unit_hint)
    ]
    plain_units = [unit for unit, factor in units.items() if factor == 1.0]
    unit = next((unit for unit in hinted if unit in plain_units), "")
    if not unit and "" not in known and hinted:
        return f"{value / units[hinted[0]]:,.6g} {hinted[0]}"
    text = part.key_format.format(value)
    unit = unit or (plain_units[0] if plain_units else "")
    return text if text.endswith(unit) else f"{text} {unit}"


def _bounds(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"It cannot be less than {low:g}." if low is not None else "It cannot be so much."
    return f"It lies between {low:g} and {high:g}."


def _number(part: Number, key: str) -> dict[str, Any]:
    form = FORMS.get(part.form)
    units = units_of(part)
    low, high = (form.low, form.high) if form else (part.low, part.high)
    value = float(part.key())
    listed = ", ".join([unit for unit in units if unit][:LISTED_UNITS])
    return {
        "key": value,
        "key_text": key_text(part, value),
        "tolerance": part.tolerance,
        "relative": part.relative,
        "units": units,
        "unit_required": "" not in units,
        "low": low,
        "high": high,
        "bare": dataclasses.asdict(form.bare) if form else None,
        "unit_hint": part.unit_hint,
        "near": [
            {
                "value": float(near.value()),
                "feedback": inline_html(near.feedback),
                "misconception": near.misconception,
            }
            for near in part.near
        ],
        "feedback": inline_html(part.feedback),
        "messages": {
            "not_attempted": "Type a number.",
            "not_a_number": "This is not a number that can be read here. Write it like 14, 3.5, "
            "1e9, 3/4 or 2^30, with the unit after it.",
            "unit_unknown": f"This unit is not known here. Use one of: {listed}."
            if listed
            else "Write the number alone: no unit belongs here.",
            "unit_missing": f"State the unit too. Use one of: {listed}.",
            "implausible": form.outside if form else _bounds(low, high),
            "too_small": inline_html(part.too_small),
            "too_large": inline_html(part.too_large),
        },
    }


def _match(part: Match, key: str) -> dict[str, Any]:
    names = {text: f"o{index + 1}" for index, text in enumerate(part.options)}
    return {
        "options": [{"id": name, "text": inline_html(text)} for text, name in names.items()],
        "rows": [
            {
                "id": f"r{index + 1}",
                "text": inline_html(row.text),
                "correct": [names[text] for text in row.correct],
                "feedback": {names[text]: inline_html(row.feedback[text]) for text in names},
                "misconceptions": {names[text]: row.misconceptions.get(text) for text in names},
            }
            for index, row in enumerate(part.rows)
        ],
        "messages": {
            "not_attempted": "Choose something for each row.",
            "blank": "Nothing is chosen here yet.",
        },
    }


def _order(part: Order, key: str) -> dict[str, Any]:
    items = [
        {
            "id": line.id,
            "text": inline_html(line.text),
            "distractor": line.distractor,
            "feedback": inline_html(line.feedback),
            "misconception": line.misconception,
        }
        for line in part.lines
    ]
    rules = [
        {
            "first": rule.first,
            "then": rule.then,
            "feedback": inline_html(rule.feedback),
            "misconception": rule.misconception,
        }
        for rule in part.before
    ]
    return {
        "items": _shuffled(items, key),
        "before": rules,
        "feedback": inline_html(part.feedback),
        "messages": {
            "not_attempted": "Put the lines in order.",
            "missing": "A line that belongs is not used yet.",
        },
    }


def _part(part: Part, exercise: str) -> dict[str, Any]:
    key = f"{exercise}/{part.id}"
    if isinstance(part, Choice):
        kind, body = "choice", _choice(part, key)
    elif isinstance(part, Number):
        kind, body = "number", _number(part, key)
    elif isinstance(part, Match):
        kind, body = "match", _match(part, key)
    else:
        kind, body = "order", _order(part, key)
    return {"id": part.id, "type": kind, "prompt": inline_html(part.prompt), **body}


def build_payload(spec: Spec) -> dict[str, Any]:
    """Write one exercise in its JSON form.

    Args:
        spec: The exercise as its author wrote it.

    Returns:
        A dictionary of plain values that `schema.json` describes.
    """
    reveal = spec.reveal() if callable(spec.reveal) else spec.reveal
    return {
        "schema": 1,
        "id": spec.id,
        "version": spec.version,
        "chapter": spec.chapter,
        "kind": spec.kind,
        "title": spec.title,
        "prompt": block_html(spec.prompt),
        "parts": [_part(part, spec.id) for part in spec.parts],
        "hints": [block_html(hint) for hint in spec.hints],
        "explain": block_html(spec.explain),
        "reveal": block_html(reveal) if reveal else "",
        "messages": dict(MESSAGES),
        "starters": [
            {"label": label, "code": clean(code) + "\n"}
            for label, code in (spec.code.starters if spec.code else ())
        ],
    }


def solution_text(payload: dict[str, Any]) -> str:
    """Say the right answer of every part in plain text."""
    lines: list[str] = []
    for part in payload["parts"]:
        label = plain(part["prompt"]) or payload["title"]
        if part["type"] == "number":
            lines.append(led_by(label, part["key_text"]))
        elif part["type"] == "choice":
            right = [plain(option["text"]) for option in part["options"] if option["correct"]]
            lines.append(led_by(label, "; ".join(right)))
        elif part["type"] == "match":
            names = {option["id"]: plain(option["text"]) for option in part["options"]}
            for row in part["rows"]:
                fits = " or ".join(names[name] for name in row["correct"])
                lines.append(led_by(plain(row["text"]), fits))
        else:
            lines += [f"{n}. {text}" for n, text in enumerate(one_order(part), start=1)]
    return "\n".join(lines)


def one_order(part: dict[str, Any]) -> list[str]:
    """List the texts of one order that keeps every rule."""
    left = {item["id"]: plain(item["text"]) for item in part["items"] if not item["distractor"]}
    done: list[str] = []
    while left:
        blocked = {rule["then"] for rule in part["before"] if rule["first"] in left}
        ready = next(name for name in left if name not in blocked)
        done.append(left.pop(ready))
    return done
