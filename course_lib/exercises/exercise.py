"""An exercise in the learner's hands: show it, check an answer, take a hint, see the solution.

Chapter: 01_relevance
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

from course_lib.exercises.answers.quiz import is_blank, judge_answers
from course_lib.exercises.author.payload import build_payload, solution_text
from course_lib.exercises.author.spec import Spec
from course_lib.exercises.author.text import clean, plain
from course_lib.exercises.catalog import find
from course_lib.exercises.progress import store
from course_lib.exercises.result import Result
from course_lib.processes import describe


class NotCorrect(Exception):
    """Raised by `check(answer, strict=True)` for every verdict but correct."""


class Exercise:
    """One exercise to work on; `exercises.load` makes it.

    In a notebook it shows itself: a quiz to answer, or the task and where to start.
    """

    def __init__(self, spec: Spec, v: int | None = None) -> None:
        self._spec = spec
        self._wanted = spec.version if v is None else v
        self._hint = 0

    @property
    def id(self) -> str:
        """The id, such as `06.c`."""
        return self._spec.id

    @property
    def version(self) -> int:
        """The version that is installed."""
        return self._spec.version

    @property
    def kind(self) -> str:
        """One of choice, number, match, order, predict, code."""
        return self._spec.kind

    @property
    def notice(self) -> str:
        """Say so when the page asks for another version than the installed one; else empty."""
        if self._wanted == self.version:
            return ""
        older = "course_lib is older" if self._wanted > self.version else "the page is older"
        fix = "update course_lib (git pull, then pip install -e .)"
        if self._wanted < self.version:
            fix = "open the newest page, or load it without v"
        return (
            f"Exercise {self.id}: the page was written for version {self._wanted}, installed is "
            f"version {self.version}: {older}. To mend it, {fix}."
        )

    def payload(self) -> dict[str, Any]:
        """Give the JSON form for the quiz and the static page, without the reference."""
        return copy.deepcopy(self._payload)

    @functools.cached_property
    def _payload(self) -> dict[str, Any]:
        """The payload, built once: a key may take a while to compute."""
        return build_payload(self._spec)

    def starter(self, step: int = 1) -> str:
        """Give the code to begin with; later steps leave more blank.

        Raises:
            ValueError: If the exercise has no such step.
        """
        starters = self._spec.code.starters if self._spec.code else ()
        if not 1 <= step <= len(starters):
            raise ValueError(f"step: got {step}, want 1 to {len(starters)} for {self.id}")
        return clean(starters[step - 1][1]) + "\n"

    def check(self, answer: Any = None, *, strict: bool = False) -> Result:
        """Judge an answer; a bad answer never raises, so a notebook can run from end to end.

        Args:
            answer: Your function for a code exercise. Otherwise the answer to the only part, or
                a dictionary from part to answer; options may be given by their text.
            strict: Raise for every verdict but correct. For tests.

        Returns:
            The verdict; it is true only if the answer is correct.

        Raises:
            NotCorrect: Only with `strict`.
        """
        try:
            result = self._judged(answer)
        except Exception as error:
            text = f"The checker itself failed: {describe(error)}. Please report it."
            result = Result("checker_fault", text, version=self.version)
        store.record_result(self.id, self.version, result)
        if strict and not result:
            raise NotCorrect(str(result))
        return result

    def _judged(self, answer: Any) -> Result:
        if self.notice:
            return Result("invalid", self.notice, version=self.version)
        if self._spec.code is None:
            return self._check_parts(answer)
        from course_lib.exercises.process.runner import RUNNER

        return RUNNER.check(self._spec, answer)

    def _check_parts(self, answer: Any) -> Result:
        payload = self._payload
        names = [part["id"] for part in payload["parts"]]
        if not (isinstance(answer, Mapping) and answer and all(name in names for name in answer)):
            if len(names) > 1 and not is_blank(answer):
                wanted = ", ".join(repr(name) for name in names)
                return Result(
                    "invalid", f"Answer with a dictionary of {wanted}.", version=self.version
                )
            answer = {} if len(names) > 1 else {names[0]: answer}
        given = {
            part["id"]: _to_ids(part, answer[part["id"]])
            for part in payload["parts"]
            if part["id"] in answer
        }
        result = judge_answers(payload, given)
        if not payload["reveal"] or result.status not in ("correct", "incorrect"):
            return result
        shown = f"{result.message}\n\n{plain(payload['reveal'])}"
        return dataclasses.replace(result, message=shown)

    def hint(self, number: int | None = None) -> str:
        """Give the next hint, or the one with a number from 1.

        Raises:
            ValueError: If there is no hint of that number.
        """
        hints = self._spec.hints
        if number is None:
            if self._hint >= len(hints):
                return f"There are no more hints; {len(hints)} in all. solution() shows the answer."
            number = self._hint + 1
        elif not 1 <= number <= len(hints):
            raise ValueError(f"number: got {number}, want 1 to {len(hints)}")
        self._hint = max(self._hint, number)
        store.record_hint(self.id, self.version, number)
        return f"Hint {number} of {len(hints)}: {clean(hints[number - 1])}"

    def solution(self, *, reveal: bool = False) -> str:
        """Give the answer and why: after a correct one, or with `reveal=True`."""
        solved = store.status_of(self.id, self.version)[0] == "correct"
        if not solved and not reveal:
            return "Try it first; hint() helps. solution(reveal=True) shows the answer now."
        if not solved:
            store.record_reveal(self.id, self.version)
        if self._spec.code is not None:
            body = textwrap.dedent(inspect.getsource(self._spec.code.reference)).rstrip()
        else:
            body = solution_text(self._payload)
        return f"{body}\n\n{clean(self._spec.explain)}"

    def __repr__(self) -> str:
        """Show the task as plain text."""
        spec = self._spec
        lines = [f"Exercise {spec.id} (version {spec.version}): {spec.title}"]
        if self.notice:
            lines.append(self.notice)
        if store.status_of(self.id, self.version)[1]:
            lines.append("It has changed since you solved it.")
        payload = self._payload
        lines += ["", plain(payload["prompt"])]
        for part in payload["parts"]:
            lines += ["", f"[{part['id']}] {plain(part['prompt'])}".rstrip()]
            for option in part.get("options", ()):
                lines.append(f"  {option['id']}: {plain(option['text'])}")
            for row in part.get("rows", ()):
                lines.append(f"  {row['id']}: {plain(row['text'])} -> ?")
            for item in part.get("items", ()):
                lines.append(f"  {item['id']}: {plain(item['text'])}")
            if part["type"] == "number":
                lines.append(f"  ({part['unit_hint']})")
        if spec.code is not None:
            lines += ["", self.starter()]
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        """Show the task and the starter of a code exercise in a notebook."""
        notice = f"> {self.notice}\n\n" if self.notice else ""
        body = f"{notice}**Exercise {self.id}: {self._spec.title}**\n\n{clean(self._spec.prompt)}"
        if self._spec.code is None:
            return body
        blanks = len(self._spec.code.starters)
        last = "leaves" if blanks == 2 else f"to `starter({blanks})` leave"
        more = f"\n\n`starter(2)` {last} more blank." if blanks > 1 else ""
        return f"{body}\n\n```python\n{self.starter()}```{more}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """Show the quiz in a notebook for everything that is not code."""
        text = {"text/plain": repr(self), "text/markdown": self._repr_markdown_()}
        if self._spec.code is not None or self.notice:
            return text
        try:
            from course_lib.widgets import Quiz
        except ImportError:
            return text
        self._quiz = Quiz(self.payload())
        self._quiz.observe(self._record, ["attempts", "hints_shown", "revealed"])
        bundle = self._quiz._repr_mimebundle_()
        if isinstance(bundle, tuple):
            return {**text, **bundle[0]}, bundle[1]
        return {**text, **(bundle or {})}

    def _record(self, change: Any) -> None:
        """Keep in the file what the learner does in the quiz that a kernel stands behind."""
        name, quiz = change["name"], change["owner"]
        if name == "attempts" and quiz.status in ("correct", "incorrect"):
            store.record_result(
                self.id, self.version, Result(quiz.status, "", version=self.version)
            )
        elif name == "hints_shown" and change["new"]:
            store.record_hint(self.id, self.version, int(change["new"]))
        elif name == "revealed" and change["new"]:
            store.record_reveal(self.id, self.version)


def _to_ids(part: dict[str, Any], answer: Any) -> Any:
    """Let a person answer with the text of an option instead of its id."""
    if part["type"] == "number" or part["type"] == "order":
        return answer
    names = {plain(option["text"]).casefold(): option["id"] for option in part["options"]}

    def one(value: Any) -> Any:
        return names.get(value.strip().casefold(), value) if isinstance(value, str) else value

    if isinstance(answer, Mapping):
        rows = {plain(row["text"]).casefold(): row["id"] for row in part.get("rows", ())}
        return {
            rows.get(str(row).strip().casefold(), row): one(value) for row, value in answer.items()
        }
    if isinstance(answer, list | tuple | set | frozenset):
        return [one(value) for value in answer]
    return one(answer)


def load(id: str, v: int | None = None) -> Exercise:
    """Load one exercise.

    Args:
        id: Chapter, dot, letter, such as `06.c`.
        v: Version the page was written for. If another is installed, the exercise says so when
            it is shown or checked, and how to mend it.

    Returns:
        The exercise; put it last in a cell to see it.

    Raises:
        TypeError: If the id is no text or the version no whole number.
        ValueError: If there is no such exercise; the nearest ids are named.
    """
    if v is not None and (isinstance(v, bool) or not isinstance(v, int)):
        raise TypeError(f"v: got {v!r}, want a whole number such as 1")
    return Exercise(find(id), v)
