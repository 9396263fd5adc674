"""What the author of an exercise writes: parts to answer, or a function to program.

Everything here is data. Judging lives in `quiz` (parts) and `judge` (code), so that one source
serves the notebook, the static page and the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = ("choice", "number", "match", "order", "predict", "code")


@dataclass(frozen=True)
class Option:
    """One answer to choose, with the text that tells why it is right or wrong.

    Args:
        text: What the option says (inline marks allowed).
        correct: Whether it is right; a function when the reference computes it.
        feedback: Shown when it is chosen. At most 60 words.
        misconception: Short name of the belief a wrong option reveals.
    """

    text: str
    correct: bool | Callable[[], bool]
    feedback: str
    misconception: str | None = None


@dataclass(frozen=True)
class Choice:
    """Choose one option, or with `multiple` every option that is right."""

    options: Sequence[Option]
    prompt: str = ""
    multiple: bool = False
    shuffle: bool = True
    id: str = "answer"


@dataclass(frozen=True)
class Near:
    """A wrong value that tells what went wrong: the planted wrong answer of a number."""

    value: Callable[[], float]
    feedback: str
    misconception: str | None = None


@dataclass(frozen=True)
class Number:
    """Type a number, with its unit where it has one.

    Args:
        key: Computes the right value, in the unit whose factor is 1.
        tolerance: Relative distance allowed (absolute when `relative` is False).
        near: Wrong values with their own message, each at least two tolerances away.
        feedback: Shown with the right answer.
        units: Unit text to factor; "" must be there when a bare number is allowed. See `units`.
        form: "share" (key from 0 to 1) or "percent" (0 to 100): brings its units and bounds.
        low: No value below it is plausible; None for no bound.
        high: No value above it is plausible; None for no bound.
        too_small: Shown for a wrong value below the key, when none of `near` fits.
        too_large: The same, above the key.
    """

    key: Callable[[], float]
    near: Sequence[Near]
    feedback: str
    prompt: str = ""
    tolerance: float = 0.01
    relative: bool = True
    units: Mapping[str, float] = field(default_factory=lambda: {"": 1.0})
    form: str = ""
    low: float | None = None
    high: float | None = None
    unit_hint: str = "a number"
    key_format: str = "{:,.6g}"
    too_small: str = "Too small."
    too_large: str = "Too large."
    id: str = "answer"


@dataclass(frozen=True)
class Row:
    """One row to match: the option texts that fit, and a text for every option."""

    text: str
    correct: Sequence[str]
    feedback: Mapping[str, str]
    misconceptions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """Match each row to one of the options."""

    rows: Sequence[Row]
    options: Sequence[str]
    prompt: str = ""
    id: str = "answer"


@dataclass(frozen=True)
class Line:
    """One line to put in order; a distractor does not belong and says why."""

    id: str
    text: str
    distractor: bool = False
    feedback: str = ""
    misconception: str | None = None


@dataclass(frozen=True)
class Before:
    """A rule of an order: `first` must stand above `then`, or the feedback is shown."""

    first: str
    then: str
    feedback: str
    misconception: str | None = None


@dataclass(frozen=True)
class Order:
    """Put lines in order; every order that keeps all rules is right."""

    lines: Sequence[Line]
    before: Sequence[Before]
    feedback: str
    prompt: str = ""
    id: str = "answer"


Part = Choice | Number | Match | Order


@dataclass(frozen=True)
class Wrong:
    """A wrong program that learners write, and the message it deserves.

    Args:
        function: The wrong program.
        message: What it does, why that is wrong, what to do. At most 60 words.
        seen_by: For programs whose answers are random: the name of the property or diagnosis
            that shows the fault. Others are recognised by what they return.
    """

    function: Callable[..., Any]
    message: str
    seen_by: str | None = None


@dataclass(frozen=True)
class Contract:
    """What every answer must keep whatever its values are.

    Args:
        pure: The arguments must be unchanged after the call.
        finite: No NaN and no infinity in the result.
        alias: Whether the result may share memory with an argument.
    """

    pure: bool = True
    finite: bool = True
    alias: bool = False


@dataclass(frozen=True)
class Limits:
    """What one check may use: processor seconds, resident memory, printed text."""

    seconds: float = 2.0
    memory_mb: int = 1024
    output_kb: int = 64


@dataclass(frozen=True)
class Code:
    """A function to program, and all that is needed to judge it.

    Args:
        reference: A slow, obvious, right program. Its signature is the one asked for.
        starters: (label, source) from most given to least given; blanks are `...`.
        also_correct: Other right programs, one of them written with loops.
        wrong: Name of the misconception to the wrong program.
        generate: Draws the named arguments of one case; see `draw.Draw`.
        properties: Decide. Removing one must let a wrong program through.
        diagnose: Explain an answer that a property refused; they never decide.
        observe: What to compare of a result; by default all of it. For random answers, the part
            that does not depend on the draw.
        harness: Turns an answer into the function of a case's arguments, where they are not the
            answer's own: for one that runs on several ranks.
        cases: How many cases are drawn.
    """

    reference: Callable[..., Any]
    starters: Sequence[tuple[str, str]]
    also_correct: Sequence[Callable[..., Any]]
    wrong: Mapping[str, Wrong]
    generate: Callable[[Any], dict[str, Any]]
    properties: Sequence[Any]
    diagnose: Sequence[Any] = ()
    contract: Contract = Contract()
    limits: Limits = Limits()
    observe: Callable[[Any], Any] | None = None
    harness: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None
    cases: int = 24

    def called(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give the function that takes a case's arguments and has an answer do its work."""
        return self.harness(function) if self.harness is not None else function

    @property
    def name(self) -> str:
        """Name of the function asked for."""
        return self.reference.__name__


@dataclass(frozen=True)
class Spec:
    """One exercise as its author writes it.

    Args:
        id: Chapter, dot, letter: `06.c`, a second one of its form `06.c2`.
        version: Raised when the question changes, so that old records say so.
        chapter: Stem of the page that holds it, such as `06_attention`.
        section: Heading of the lecture it practises.
        kind: choice, number, match, order, predict or code.
        title: A few words.
        prompt: The task.
        parts: What to answer, for every kind but code.
        code: What to program, for code.
        hints: Shown one by one.
        explain: Shown with the solution.
        reveal: Shown after any judged answer, beside what was predicted.
    """

    id: str
    version: int
    chapter: str
    section: str
    kind: str
    title: str
    prompt: str
    hints: Sequence[str]
    explain: str
    parts: Sequence[Part] = ()
    code: Code | None = None
    reveal: str | Callable[[], str] = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: {self.id} says {self.kind!r}; it must be one of {KINDS}")
        if (self.kind == "code") != (self.code is not None) or bool(self.parts) == bool(self.code):
            raise ValueError(
                f"parts, code: {self.id} of kind {self.kind!r} needs code and no parts if it is "
                f"'code', parts and no code otherwise; got {len(self.parts)} parts, "
                f"{'a' if self.code else 'no'} code"
            )
        if self.kind == "predict" and not self.reveal:
            raise ValueError(f"reveal: {self.id} is a prediction and has nothing to reveal")
        identifiers = [part.id for part in self.parts]
        if len(set(identifiers)) != len(identifiers):
            raise ValueError(f"parts: {self.id} uses a part id twice: {identifiers}")
