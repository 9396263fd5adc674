"""The verdict of one check."""

from __future__ import annotations

from dataclasses import dataclass, field

STATUSES = (
    "correct",
    "incorrect",
    "not_attempted",
    "error",
    "timeout",
    "invalid",
    "checker_fault",
)

WORDS = {
    "correct": "Correct",
    "incorrect": "Not yet",
    "not_attempted": "Not attempted",
    "error": "Your code stopped with an error",
    "timeout": "Stopped: out of time",
    "invalid": "Cannot be judged yet",
    "checker_fault": "The checker failed, not you",
}


@dataclass(frozen=True)
class Result:
    """What a check found; `str(result)` says all of it.

    Only `correct` counts as true, so `assert exercise.check(answer)` means what it says.

    Args:
        status: One of `STATUSES`.
        message: What the answer does, why, and the next step.
        misconception: Name of the recognised wrong idea, if one was recognised.
        checks: (name, held) for each property tried.
        counterexample: The smallest failing case found: inputs, yours, expected; as text.
        output: What the answer printed in the case shown (cut at the limit).
        seconds: How long the check took; not compared.
        version: Version of the exercise that judged.
    """

    status: str
    message: str
    misconception: str | None = None
    checks: tuple[tuple[str, bool], ...] = ()
    counterexample: dict[str, str] | None = field(default=None, hash=False)
    output: str = ""
    seconds: float = field(default=0.0, compare=False)
    version: int = 1

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status: got {self.status!r}, want one of {STATUSES}")

    def __bool__(self) -> bool:
        """Tell whether the answer is correct, and nothing else."""
        return self.status == "correct"

    def __str__(self) -> str:
        """Say the whole verdict in plain text."""
        lines = [f"{WORDS[self.status]}: {self.message}" if self.message else WORDS[self.status]]
        if self.counterexample:
            lines.append("Smallest case found:")
            for name, text in self.counterexample.items():
                body = text if "\n" not in text else "\n" + text
                lines += ["  " + line for line in f"{name} = {body}".split("\n")]
        if self.output:
            lines += ["It printed:", *("  " + line for line in self.output.rstrip().split("\n"))]
        if self.checks:
            held = ", ".join(f"{name} {'holds' if ok else 'fails'}" for name, ok in self.checks)
            lines.append(f"Checked: {held}.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Show the same text in a notebook and a terminal."""
        return str(self)
