"""What a training run leaves behind besides the weights."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class History:
    """The course of a run, one entry an update.

    Attributes:
        losses: Mean training loss of each update's tokens, in nats, before the update.
        learning_rates: Rate of the first parameter group at each update.
        gradient_norms: Norm of all gradients together, before clipping.
        tokens: Counting targets of each update.
        seconds: Wall time of each update, without evaluations and checkpoints.
        evaluations: Pairs (updates made, held-out loss in nats a token).
        interrupted: Whether the run was stopped before its last update.
        resumed_at: Updates that were made before this call.
    """

    losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    evaluations: list[tuple[int, float]] = field(default_factory=list)
    interrupted: bool = False
    resumed_at: int = 0

    @property
    def steps(self) -> int:
        """Updates made."""
        return len(self.losses)

    @property
    def total_tokens(self) -> int:
        """Targets learned from, those seen twice counted twice."""
        return sum(self.tokens)

    @property
    def total_seconds(self) -> float:
        """Wall time of all updates."""
        return sum(self.seconds)

    @property
    def tokens_per_second(self) -> float:
        """Speed over the whole run; 0 before the first update."""
        return self.total_tokens / self.total_seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain lists and numbers."""
        return {**asdict(self), "evaluations": [list(pair) for pair in self.evaluations]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "History":
        """Rebuild what ``to_dict`` gave, also after a trip through JSON."""
        pairs = [(int(step), float(loss)) for step, loss in data["evaluations"]]
        return cls(**{**data, "evaluations": pairs})
