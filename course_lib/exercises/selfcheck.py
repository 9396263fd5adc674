"""The checks that every exercise must pass before a learner meets it.

A grader that passes a wrong answer, or refuses a right one, does more harm than none. Each
function here returns the faults of one exercise as texts; no fault, an empty list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from course_lib.exercises.answers.quiz import judge_part, matches
from course_lib.exercises.author.payload import build_payload
from course_lib.exercises.author.spec import Code, Spec
from course_lib.exercises.author.text import clean, plain
from course_lib.exercises.code.call import OutOfTime
from course_lib.exercises.code.edit import build
from course_lib.exercises.code.judge import Judge, judge
from course_lib.exercises.code.mutants import mutants
from course_lib.exercises.process.inline import alarm

WORDS = 60


def _feedbacks(spec: Spec) -> Iterator[tuple[str, str]]:
    for part in build_payload(spec)["parts"]:
        for option in part.get("options", ()):
            if "feedback" in option:
                yield f"option {option['id']}", option["feedback"]
        for number, near in enumerate(part.get("near", ())):
            yield f"near {number}", near["feedback"]
        for row in part.get("rows", ()):
            yield from ((f"{row['id']}/{name}", text) for name, text in row["feedback"].items())
        for item in part.get("items", ()):
            if item["distractor"]:
                yield item["id"], item["feedback"]
        for rule in part.get("before", ()):
            yield f"{rule['first']} before {rule['then']}", rule["feedback"]
        if "feedback" in part:
            yield part["id"], part["feedback"]
    for name, wrong in spec.code.wrong.items() if spec.code else ():
        yield name, wrong.message


def text_faults(spec: Spec) -> list[str]:
    """Look for missing and long feedback, and options that lean on their place."""
    faults = []
    for name, text in _feedbacks(spec):
        words = len(plain(text).split())
        if not 3 <= words <= WORDS:
            faults.append(f"{spec.id} {name}: feedback has {words} words, want 3 to {WORDS}")
    for part in build_payload(spec)["parts"]:
        for option in part.get("options", ()):
            if "of the above" in option["text"] or "of these" in option["text"]:
                faults.append(f"{spec.id}: option {option['text']!r} depends on the order")
    if not spec.hints or not spec.explain.strip() or not spec.prompt.strip():
        faults.append(f"{spec.id}: it needs a prompt, a hint and an explanation")
    return faults


def part_faults(spec: Spec) -> list[str]:
    """Hold the keys of all parts, and every message, to being reachable and right."""
    faults: list[str] = []
    for part in build_payload(spec)["parts"]:
        check = {"choice": _choice, "number": _number, "match": _match, "order": _order}
        faults += [f"{spec.id} {part['id']}: {text}" for text in check[part["type"]](part)]
    return faults


def _choice(part: dict[str, Any]) -> Iterator[str]:
    right = [option["id"] for option in part["options"] if option["correct"]]
    if not part["multiple"] and len(right) != 1:
        yield f"{len(right)} options are correct, want 1"
    if not right:
        yield "no option is correct"
    if judge_part(part, right if part["multiple"] else right[:1]).status != "correct":
        yield "the key is not accepted"
    for option in part["options"]:
        if option["correct"] == (option["misconception"] is not None):
            yield f"option {option['text']!r}: wrong options name a misconception, right ones none"
        if part["multiple"]:
            flipped = [*right, option["id"]] if option["id"] not in right else list(right)
            if option["id"] in right:
                flipped.remove(option["id"])
            if not flipped:
                continue
            result = judge_part(part, flipped)
        else:
            result = judge_part(part, option["id"])
        wrong, own = part["multiple"] or not option["correct"], option["feedback"]
        if part["multiple"] and option["correct"]:  # what is left out is counted, and not named
            own = f"{part['messages']['missed']} 1."
        if (result.status == "incorrect") != wrong or own not in result.messages[0]:
            yield f"option {option['text']!r} does not get its own feedback"


def _number(part: dict[str, Any]) -> Iterator[str]:
    def distance(one: float, other: float) -> float:
        allowed = part["tolerance"] * abs(one) if part["relative"] else part["tolerance"]
        return abs(one - other) / max(allowed, 1e-9 * max(1.0, abs(one)))

    unit = next(unit for unit, factor in part["units"].items() if factor == 1.0)
    named = [("key", part["key"]), *((n["feedback"], n["value"]) for n in part["near"])]
    for index, (name, value) in enumerate(named):
        for other, target in named[:index]:
            if min(distance(value, target), distance(target, value)) < 2:
                yield f"{value:g} ({name}) is within two tolerances of {target:g} ({other})"
        result = judge_part(part, f"{value!r} {unit}")
        status, text = ("correct", part["feedback"]) if index == 0 else ("incorrect", name)
        if (result.status, result.messages) != (status, (text,)):
            yield f"the answer {value:g} {unit} gets {result.status}: {result.messages}"
    if not part["near"]:
        yield "a number needs at least one planted wrong value"
    if not matches(part["key"], part["key"], part["tolerance"], part["relative"]):
        yield "the key does not match itself"
    if "" not in part["units"] and judge_part(part, "1").status != "invalid":
        yield "a number without its unit is judged"


def _match(part: dict[str, Any]) -> Iterator[str]:
    right = {row["id"]: row["correct"][0] for row in part["rows"]}
    if judge_part(part, right).status != "correct":
        yield "the key is not accepted"
    for row in part["rows"]:
        for option in part["options"]:
            result = judge_part(part, {**right, row["id"]: option["id"]})
            wanted = "correct" if option["id"] in row["correct"] else "incorrect"
            own = any(row["feedback"][option["id"]] in text for text in result.messages)
            if result.status != wanted or not own:
                yield f"{row['text']!r} with {option['text']!r} gets {result.status}"
            named = row["misconceptions"][option["id"]] is not None
            if named == (option["id"] in row["correct"]):
                yield f"{row['text']!r} with {option['text']!r}: wrong ones name a misconception"


def _order(part: dict[str, Any]) -> Iterator[str]:
    lines = [item["id"] for item in part["items"] if not item["distractor"]]
    order: list[str] = []
    while len(order) < len(lines):
        waiting = [name for name in lines if name not in order]
        blocked = {rule["then"] for rule in part["before"] if rule["first"] in waiting}
        free = [name for name in waiting if name not in blocked]
        if not free:
            yield "the rules contradict each other"
            return
        order.append(free[0])
    if judge_part(part, order).status != "correct":
        yield "an order that keeps every rule is not accepted"
    for item in part["items"]:
        if item["distractor"]:
            result = judge_part(part, [*order, item["id"]])
            if result.messages != (item["feedback"],):
                yield f"the distractor {item['id']} does not get its own feedback"
    for rule in part["before"]:
        moved = [name for name in order if name != rule["then"]]
        moved.insert(moved.index(rule["first"]), rule["then"])
        if judge_part(part, moved).status != "incorrect":
            yield f"{rule['then']} before {rule['first']} is accepted"
    if [item["id"] for item in part["items"] if not item["distractor"]] in (order, order[::-1]):
        yield "the lines are shown in a right order already"


def code_faults(spec: Spec, seeds: range = range(0)) -> list[str]:
    """Hold a code exercise to its reference, alternatives, wrong programs and starters."""
    code = _code(spec)
    faults = []
    if len(code.also_correct) < 2 or len(code.wrong) < 5 or not code.properties:
        faults.append(f"{spec.id}: want 2 other right programs, 5 wrong ones and a property")
    for function in (code.reference, *code.also_correct):
        for seed in (None, *seeds):
            result = judge(spec, function, seed)
            if result.status != "correct":
                faults.append(f"{spec.id}: {function.__name__} with seed {seed} gets {result}")
    for name, wrong in code.wrong.items():
        result = judge(spec, wrong.function)
        if (result.status, result.misconception) != ("incorrect", name):
            found = f"{result.status} as {result.misconception}"
            faults.append(f"{spec.id}: the wrong program {name!r} gets {found}: {result.message}")
        if judge(spec, wrong.function) != result:
            faults.append(f"{spec.id}: {name!r} gets two different verdicts")
    for label, source in code.starters:
        result = judge(spec, build(clean(source), code.reference))
        if result.status != "not_attempted":
            faults.append(f"{spec.id}: the starter {label!r} gets {result}")
    return faults


def _code(spec: Spec) -> Code:
    if spec.code is None:
        raise ValueError(f"spec: {spec.id} of kind {spec.kind!r} has no code to check")
    return spec.code


def refused_by(spec: Spec, function: Callable[..., Any], seconds: float = 2.0) -> str | None:
    """Name what refuses a program: a property, or another check; None if nothing does.

    Args:
        spec: A code exercise.
        function: The program.
        seconds: Of work, after which it counts as one that never ends.
    """
    judge = Judge(spec, function)
    try:
        with alarm(seconds, of_processor=True):
            found = judge.first_fault()
    except OutOfTime:
        return judge.testing or "out of time"
    return None if found is None else found[0].named or "another check"


def survives(spec: Spec, function: Callable[..., Any]) -> bool:
    """Tell whether a program gets past all properties of an exercise."""
    return refused_by(spec, function) is None


def mutants_refused(spec: Spec) -> list[tuple[str, Callable[..., Any], str | None]]:
    """Give each mutant of the reference: its change, the program, and what refuses it."""
    return [
        (text, mutant, refused_by(spec, mutant)) for text, mutant in mutants(_code(spec).reference)
    ]


def survivors(spec: Spec) -> list[str]:
    """List the mutants of the reference that the properties do not notice."""
    return _survivors(mutants_refused(spec))


def _survivors(judged: list[tuple[str, Callable[..., Any], str | None]]) -> list[str]:
    return sorted({text for text, _, by in judged if by is None})


def idle_properties(spec: Spec) -> list[str]:
    """List the properties without which every wrong program would still be refused."""
    return mutation_faults(spec)[0]


def mutation_faults(spec: Spec) -> tuple[list[str], list[str]]:
    """List idle properties and surviving mutants; each program is judged once where that tells all.

    A program that one property refuses is refused by it whichever other is taken away: only
    those that a property was the first to refuse are tried again without it.
    """
    code = _code(spec)
    judged = mutants_refused(spec)
    left = set(_survivors(judged))
    planted = [wrong.function for wrong in code.wrong.values()]
    wrong = [(function, refused_by(spec, function)) for function in planted]
    idle = []
    for law in code.properties:
        others = [other for other in code.properties if other is not law]
        weaker = dataclasses.replace(spec, code=dataclasses.replace(code, properties=others))
        again = [function for function, by in wrong if by == law.name]
        again += [mutant for text, mutant, by in judged if by == law.name and text not in left]
        caught = all(by is not None for _, by in wrong)
        if caught and not any(survives(weaker, function) for function in again):
            idle.append(law.name)
    return idle, sorted(left)
