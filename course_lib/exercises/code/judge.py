"""Judge a function: its form first, then its properties on small cases, then what went wrong.

Expected values are computed before the answer is called. A failing case is made small before it
is shown. An answer that behaves like a planted wrong program gets that program's message.
The same answer gets the same verdict: all seeds are fixed by the exercise's id.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from course_lib.exercises.author.spec import Spec
from course_lib.exercises.code.call import Outcome, call, copied, kept_chance, same_outcome
from course_lib.exercises.code.contract import Fault, broken, check_form, sizes, unwritten
from course_lib.exercises.code.draw import draw_case, shrink
from course_lib.exercises.code.laws import Case, Property, Stopped
from course_lib.exercises.code.values import SINGLE, Misfit, fit, show
from course_lib.exercises.result import Result

PROBES = 16
REPEATS = "the same input gives the same result"


class Judge:
    """Hold one answer against one exercise.

    Args:
        spec: A code exercise.
        answer: The function to judge.
        seed: None for the fixed seed of the exercise; tests pass others.
        report: Called with a short text before each case, to say where a time-out came.

    Raises:
        ValueError: The exercise is of a kind that is not judged as code.
    """

    def __init__(
        self,
        spec: Spec,
        answer: Any,
        seed: int | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        if spec.code is None:
            raise ValueError(f"spec: {spec.id} of kind {spec.kind!r} is not judged as code")
        self.spec, self.code, self.answer = spec, spec.code, answer
        self.seed = zlib.crc32(spec.id.encode()) if seed is None else seed
        self.report = report or (lambda text: None)
        self.notes: list[str] = []
        self.untouched = False
        self.testing: str | None = None  # the property that is held against the answer just now

    @kept_chance()
    def run(self) -> Result:
        """Give the verdict."""
        form = check_form(self.code, self.answer)
        if form is not None:
            return self._result(*form)
        self.untouched = unwritten(self.code, self.answer)
        found = self.first_fault()
        if found is not None:
            return self._explain(*found)
        checks = tuple((law.name, True) for law in self.code.properties)
        return self._result("correct", self._praise(), checks=checks)

    @kept_chance()
    def first_fault(self) -> tuple[Fault, int, list[int], list[int]] | None:
        """Run the cases, small ones first, until one fails: its fault, number and decisions."""
        cases = []
        for index in range(self.code.cases):
            growth = (index + 1) / self.code.cases
            drawn = draw_case(self.code.generate, self.seed + index, growth=growth)
            cases.append((*drawn, self._reference(drawn[0])))
        for index, (arguments, choices, lows, expected) in enumerate(cases):
            self.report(sizes(arguments))
            fault = self._try(arguments, expected)
            if fault is not None:
                return fault, index, choices, lows
        return None

    def _run_answer(self, *arguments: Any) -> Any:
        return self.code.called(self.answer)(*arguments)

    def _praise(self) -> str:
        notes = "".join(f" Note: {note}." for note in dict.fromkeys(self.notes))
        return f"{self.code.name} does what is asked in {self.code.cases} cases.{notes}"

    def _result(self, status: str, message: str, **more: Any) -> Result:
        return Result(status, message, version=self.spec.version, **more)

    def _reference(self, arguments: dict[str, Any]) -> Any:
        outcome = call(self.code.called(self.code.reference), arguments)
        if outcome.error or outcome.misfit:
            raise RuntimeError(f"the reference of {self.spec.id} fails: {outcome.error}")
        return outcome.value

    def _case(self, arguments: dict[str, Any], value: Any, expected: Any) -> Case:
        return Case(self._run_answer, arguments, value, expected, self.code.observe)

    def _case_of(self, fault: Fault) -> Case:
        """Give the one case that all laws look at, so that they share what they make of it."""
        if fault.case is None:
            fault.case = self._case(fault.arguments, fault.value, fault.expected)
        return fault.case

    def _try(self, arguments: dict[str, Any], expected: Any) -> Fault | None:
        """Run one case: contract first, then the properties in order."""
        outcome = call(self._run_answer, arguments, self.code.limits.output_kb)
        fault = broken(self.code, outcome, arguments, expected, self.untouched)
        if fault is not None:
            return fault
        value, notes = fit(outcome.value, expected)
        self.notes += notes
        again = call(self._run_answer, arguments, self.code.limits.output_kb, ambient=1)
        if not same_outcome(outcome, again, 0.0):
            return Fault(
                "incorrect",
                "again",
                "The same input gave two different results. Something is kept between calls, "
                "or chance comes from elsewhere than the generator you were given.",
                arguments,
                outcome,
                value,
                expected,
                REPEATS,
            )
        case = self._case(arguments, value, expected)
        for law in self.code.properties:
            text = self._test(law, case)
            if text is not None:
                message = f"{law.name}: fails. {text}."
                return Fault(
                    "incorrect",
                    law.name,
                    message,
                    arguments,
                    outcome,
                    value,
                    expected,
                    law.name,
                    case,
                )
        return None

    def _test(self, law: Property, case: Case) -> str | None:
        """Hold one law to one case; an answer that raises when called again does not keep it.

        Raises:
            Exception: Whatever the law raises, if it does so for the reference too.
        """
        self.testing = law.name
        try:
            text = law.test(case)
        except (Stopped, Misfit) as stopped:
            return f"Called once more on a related input, it failed: {stopped}"
        except Exception as error:  # a form that the law did not foresee, or a mistake in the law
            law.test(self._case_of_the_reference(case))
            return f"The result has a form that cannot be looked at ({type(error).__name__})"
        self.testing = None
        return None if text is None else text.rstrip(".")

    def _case_of_the_reference(self, case: Case) -> Case:
        return Case(
            self.code.called(self.code.reference),
            case.arguments,
            case.expected,
            case.expected,
            self.code.observe,
        )

    def _explain(self, fault: Fault, index: int, choices: list[int], lows: list[int]) -> Result:
        """Find what deserves to be said about a failing answer."""
        if fault.status == "not_attempted":
            return self._result("not_attempted", fault.message)
        known = self._known_wrong(fault)
        small = self._smallest(fault, index, choices, lows)
        checks = self._checks(small)
        if known is not None:
            name, message = known
            status = "incorrect"
        else:
            name, message = None, small.message
            status = small.status
            for law in self.code.diagnose if status == "incorrect" else ():
                text = self._diagnosis(law, small)
                if text is not None:
                    message = f"{law.name}: fails. {text}.\n{message}"
                    break
        shown = {key: show(value) for key, value in small.arguments.items()}
        outcome = small.outcome
        if outcome is not None and outcome.error is None:
            shown["yours"] = show(small.value)
        shown["expected"] = show(small.expected)
        for key, value in outcome.changed.items() if outcome is not None else ():
            shown[f"{key} after your call"] = show(value)
        return self._result(
            status,
            message,
            misconception=name,
            checks=checks,
            counterexample=shown,
            output=outcome.printed if outcome else "",
        )

    def _diagnosis(self, law: Property, fault: Fault) -> str | None:
        if fault.outcome is None or fault.outcome.error or fault.named is None:
            return None
        return self._test(law, self._case_of(fault))

    def _checks(self, fault: Fault) -> tuple[tuple[str, bool], ...]:
        if fault.named is None:
            return (("the form of the result", False),)
        case = self._case_of(fault)
        return tuple((law.name, self._test(law, case) is None) for law in self.code.properties)

    def _smallest(self, fault: Fault, index: int, choices: list[int], lows: list[int]) -> Fault:
        """Make the failing case small while it fails in the same way."""
        best = fault

        def fails(candidate: list[int]) -> tuple[list[int], list[int]] | None:
            nonlocal best
            arguments, made, floor = draw_case(self.code.generate, self.seed + index, candidate)
            found = self._try(arguments, self._reference(arguments))
            if found is None or found.kind != fault.kind:
                return None
            best = found
            return made, floor

        self.report(sizes(fault.arguments))
        shrink(choices, lows, fails)
        return best

    def _known_wrong(self, fault: Fault) -> tuple[str, str] | None:
        """Recognise a planted wrong program by what it does on the failing case and on probes."""
        inputs = [fault.arguments]
        for probe in range(PROBES):
            inputs.append(draw_case(self.code.generate, 1000 + probe)[0])
        mine = [self._observed(self.answer, arguments) for arguments in inputs]
        # An answer whose value is right here fails by chance or by memory, not like those below.
        right = same_outcome(mine[0], self._observed(self.code.reference, inputs[0]), 1e-12)
        for name, wrong in self.code.wrong.items() if not right else ():
            if wrong.seen_by is None and all(
                same_outcome(outcome, self._observed(wrong.function, arguments), 1e-7, SINGLE)
                for outcome, arguments in zip(mine, inputs, strict=True)
            ):
                return name, wrong.message
        if not right and fault.named == self.code.properties[0].name:
            return None  # the value itself is wrong: nothing can be said about how it was drawn
        failing = {fault.named} | {
            law.name for law in self.code.diagnose if self._diagnosis(law, fault) is not None
        }
        for name, wrong in self.code.wrong.items():
            if wrong.seen_by is not None and wrong.seen_by in failing:
                return name, wrong.message
        return None

    def _observed(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Outcome:
        outcome = call(self.code.called(function), copied(arguments))
        if self.code.observe is not None and outcome.error is None and outcome.misfit is None:
            try:
                outcome.value = self.code.observe(outcome.value)
            except Exception as error:  # the value has another form than observe expects
                outcome.error_type = f"observe {type(error).__name__}"
        return outcome


def judge(spec: Spec, answer: Any, seed: int | None = None) -> Result:
    """Judge a function in this process, without limits; `runner` adds them."""
    return Judge(spec, answer, seed).run()
