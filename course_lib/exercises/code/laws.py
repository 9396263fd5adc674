"""Properties: what must hold for every answer, whatever the input.

A property looks at one `Case`: the arguments, the answer's value, the expected value, and the
power to call the answer again with something changed. It returns None if it holds and otherwise
says what it saw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from course_lib.exercises.code.call import Outcome, call, copied
from course_lib.exercises.code.values import SINGLE, difference, to_plain

_Made = TypeVar("_Made")


class Stopped(Exception):
    """The answer raised, or broke its contract, when a property called it again."""

    def __init__(self, outcome: Outcome, arguments: dict[str, Any]) -> None:
        super().__init__(outcome.error or outcome.misfit or "")
        self.outcome = outcome
        self.arguments = arguments


@dataclass
class Case:
    """One input with what the answer and the reference made of it."""

    function: Callable[..., Any]
    arguments: dict[str, Any]
    got: Any
    expected: Any
    observe: Callable[[Any], Any] | None = None
    _made: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, make: Callable[[Case], _Made]) -> _Made:
        """Make something of this case once, however many laws look at it: many draws, say."""
        if make not in self._made:
            self._made[make] = make(self)
        made: _Made = self._made[make]
        return made

    def __getitem__(self, name: str) -> Any:
        """Give a copy of one argument."""
        return copied({name: self.arguments[name]})[name]

    def call(self, **changes: Any) -> Any:
        """Call the answer again with some arguments changed."""
        arguments = {**self.arguments, **changes}
        outcome = call(self.function, arguments)
        if outcome.error is not None or outcome.misfit is not None:
            raise Stopped(outcome, arguments)
        return outcome.value

    def repeat(self, **lists: Any) -> list[Any]:
        """Call the answer many times quickly: once for each value of the one list given."""
        ((name, values),) = lists.items()
        found: list[Any] = []

        def loop(**_: Any) -> None:
            others = {key: item for key, item in self.arguments.items() if key != name}
            for value in values:
                mine = copied(others)
                arguments = {key: mine.get(key, value) for key in self.arguments}
                found.append(to_plain(self.function(*arguments.values())))

        outcome = call(lambda *_: loop(), self.arguments)
        if outcome.error is not None or outcome.misfit is not None:
            raise Stopped(outcome, self.arguments)
        return found


@dataclass(frozen=True)
class Property:
    """A law with the name a learner sees.

    Args:
        name: Such as "each row sums to 1".
        test: Looks at a case; None if the law holds, otherwise what was seen.
    """

    name: str
    test: Callable[[Case], str | None]


def equals_reference(tolerance: float = 2e-5) -> Property:
    """Ask for the reference's values, within a tolerance times max(1, size of the number).

    An answer may compute in single precision throughout or in part. A mistake shows in the first
    digits; a tolerance that asks for the last ones refuses right answers.
    """

    def test(case: Case) -> str | None:
        got, want = case.got, case.expected
        if case.observe is not None:
            got, want = case.observe(got), case.observe(want)
        return difference(got, want, tolerance, single=SINGLE if tolerance else 0.0)

    return Property("the values are right", test)
