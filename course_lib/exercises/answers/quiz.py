"""Judge the answers to a payload's parts, by the rules that `schema.json` states.

The static page follows the same rules in JavaScript; a table of answers holds both to the same
verdicts. Nothing here looks at the author's functions: the payload is all there is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.exercises.answers.number_grammar import Parsed, parse_number
from course_lib.exercises.author.text import led_by, plain
from course_lib.exercises.result import Result

SLACK = 1e-9  # a bound is met also by what was rounded on the way


@dataclass(frozen=True)
class PartResult:
    """Verdict of one part; messages are HTML fragments in the order to show."""

    status: str
    messages: tuple[str, ...]
    misconception: str | None = None


def matches(value: float, target: float, tolerance: float, relative: bool) -> bool:
    """Tell whether a value is the target, within its tolerance and rounding."""
    allowed = tolerance * abs(target) if relative else tolerance
    return abs(value - target) <= allowed + 1e-9 * max(1.0, abs(target))


def is_blank(answer: Any) -> bool:
    """Tell whether nothing was answered."""
    return (
        answer is None
        or answer is ...
        or (isinstance(answer, str) and answer.strip() in ("", "..."))
        or (isinstance(answer, Sequence | Mapping) and len(answer) == 0)
    )


def _judge_choice(part: dict[str, Any], answer: Any) -> PartResult:
    options = part["options"]
    known = {option["id"]: option for option in options}
    chosen = [answer] if isinstance(answer, str) else answer
    if not isinstance(chosen, Sequence | set | frozenset) or not all(
        isinstance(name, str) and name in known for name in chosen
    ):
        wanted = ", ".join(f"{name!r}" for name in known)
        return PartResult("invalid", (f"Answer with one of the option ids {wanted}.",))
    if not part["multiple"]:
        if len(set(chosen)) != 1:
            return PartResult("invalid", ("Choose exactly one option.",))
        option = known[next(iter(chosen))]
        status = "correct" if option["correct"] else "incorrect"
        return PartResult(status, (option["feedback"],), option["misconception"])
    faults = [option for option in options if (option["id"] in chosen) != option["correct"]]
    if not faults:
        return PartResult("correct", tuple(o["feedback"] for o in options if o["correct"]))
    # What is left out is counted and not named: naming it would give the answer away.
    texts = part["messages"]
    chosen_wrong = [option for option in faults if not option["correct"]]
    missed = len(faults) - len(chosen_wrong)
    messages = (
        *(led_by(f"{texts['chosen']} {o['text']}", o["feedback"]) for o in chosen_wrong),
        *([f"{texts['missed']} {missed}."] if missed else []),
    )
    named = [option["misconception"] for option in faults if option["misconception"]]
    return PartResult("incorrect", messages, named[0] if named else None)


def _judge_number(part: dict[str, Any], answer: Any) -> PartResult:
    texts = part["messages"]
    parsed: Parsed | None
    if isinstance(answer, bool):
        parsed = None
    elif isinstance(answer, str):
        parsed = parse_number(answer)
    else:
        try:
            parsed = Parsed((float(answer),), "")
            parsed = parsed if math.isfinite(float(answer)) else None
        except (TypeError, ValueError, OverflowError):
            parsed = None
    if parsed is None:
        return PartResult("invalid", (texts["not_a_number"],))
    factor = part["units"].get(parsed.unit)
    if factor is None:
        name = parsed.unit.casefold()  # the first that fits: `gb` is gigabytes and not gigabits
        factor = next((part["units"][u] for u in part["units"] if u.casefold() == name), None)
    if factor is None:
        name = "unit_unknown" if parsed.unit else "unit_missing"
        return PartResult("invalid", (texts[name],))
    values = [reading * factor for reading in parsed.readings]
    bare = part["bare"] if not parsed.unit else None
    if bare is not None:
        values += [one * bare["factor"] for one in values if bare["low"] < one <= bare["high"]]
    low = -math.inf if part["low"] is None else part["low"] - SLACK
    high = math.inf if part["high"] is None else part["high"] + SLACK
    values = [one for one in values if low <= one <= high]
    if not values:
        return PartResult("incorrect", (texts["implausible"],))
    rule = (part["tolerance"], part["relative"])
    if any(matches(value, part["key"], *rule) for value in values):
        return PartResult("correct", (part["feedback"],))
    for near in part["near"]:
        if any(matches(value, near["value"], *rule) for value in values):
            return PartResult("incorrect", (near["feedback"],), near["misconception"])
    name = "too_small" if values[0] < part["key"] else "too_large"
    return PartResult("incorrect", (texts[name],))


def _judge_match(part: dict[str, Any], answer: Any) -> PartResult:
    rows = {row["id"]: row for row in part["rows"]}
    known = {option["id"] for option in part["options"]}
    if not isinstance(answer, Mapping) or not all(
        row in rows and (is_blank(option) or option in known) for row, option in answer.items()
    ):
        return PartResult(
            "invalid",
            (f"Answer with a dictionary from {sorted(rows)} to {sorted(known)}.",),
        )
    if all(is_blank(option) for option in answer.values()):
        return PartResult("not_attempted", (part["messages"]["not_attempted"],))
    wrong: list[str] = []
    named: list[str] = []
    for name, row in rows.items():
        option = answer.get(name)
        if is_blank(option):
            wrong.append(led_by(row["text"], part["messages"]["blank"]))
        elif option not in row["correct"]:
            wrong.append(led_by(row["text"], row["feedback"][option]))
            named += [row["misconceptions"][option]] if row["misconceptions"][option] else []
    if wrong:
        return PartResult("incorrect", tuple(wrong), named[0] if named else None)
    return PartResult(
        "correct",
        tuple(led_by(row["text"], row["feedback"][answer[name]]) for name, row in rows.items()),
    )


def _judge_order(part: dict[str, Any], answer: Any) -> PartResult:
    items = {item["id"]: item for item in part["items"]}
    if (
        isinstance(answer, str)
        or not isinstance(answer, Sequence)
        or not all(isinstance(name, str) and name in items for name in answer)
        or len(set(answer)) != len(answer)
    ):
        return PartResult("invalid", (f"Answer with a list of some of {sorted(items)}.",))
    for name in answer:
        if items[name]["distractor"]:
            return PartResult("incorrect", (items[name]["feedback"],), items[name]["misconception"])
    if any(name not in answer for name, item in items.items() if not item["distractor"]):
        return PartResult("incorrect", (part["messages"]["missing"],))
    place = {name: index for index, name in enumerate(answer)}
    for rule in part["before"]:
        if place[rule["first"]] > place[rule["then"]]:
            return PartResult("incorrect", (rule["feedback"],), rule["misconception"])
    return PartResult("correct", (part["feedback"],))


_JUDGES = {
    "choice": _judge_choice,
    "number": _judge_number,
    "match": _judge_match,
    "order": _judge_order,
}


def judge_part(part: dict[str, Any], answer: Any) -> PartResult:
    """Judge the answer to one part of a payload."""
    if is_blank(answer):
        return PartResult("not_attempted", (part["messages"]["not_attempted"],))
    return _JUDGES[part["type"]](part, answer)


def overall(statuses: Sequence[str]) -> str:
    """Join the verdicts of the parts into that of the exercise."""
    if all(status == "correct" for status in statuses):
        return "correct"
    if all(status == "not_attempted" for status in statuses):
        return "not_attempted"
    return next((s for s in ("invalid", "incorrect") if s in statuses), "not_attempted")


def judge_answers(payload: dict[str, Any], answers: Mapping[str, Any]) -> Result:
    """Judge the answers to all parts of a payload.

    Args:
        payload: The exercise in its JSON form.
        answers: Part id to answer, in the form that `schema.json` gives for the part's type.

    Returns:
        One verdict; its checks list the parts.
    """
    parts = {part["id"]: part for part in payload["parts"]}
    unknown = [name for name in answers if name not in parts]
    if unknown:
        message = f"There is no part {unknown[0]!r}; the parts are {', '.join(parts)}."
        return Result("invalid", message, version=payload["version"])
    results = {name: judge_part(part, answers.get(name)) for name, part in parts.items()}
    status = overall([result.status for result in results.values()])
    shown = [r for r in results.values() if r.status != "correct"] or list(results.values())
    message = "\n".join(plain(text) for result in shown for text in result.messages)
    named = [r.misconception for r in results.values() if r.misconception]
    return Result(
        status,
        message,
        misconception=named[0] if named and status == "incorrect" else None,
        checks=tuple((name, result.status == "correct") for name, result in results.items())
        if len(parts) > 1
        else (),
        version=payload["version"],
    )
