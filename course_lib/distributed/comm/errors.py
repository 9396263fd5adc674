"""What can go wrong between ranks, each with a name of its own.

Chapter: 18_multi_gpu_zero
"""


class CollectiveError(RuntimeError):
    """A collective operation failed: a rank was lost, or the ranks no longer agree."""


class CollectiveTimeout(CollectiveError):
    """A rank did not take part in a collective operation within the time-out."""


class RankMismatch(CollectiveError):
    """The ranks disagree about the model, the plan, or which operation comes next."""


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, is torn or damaged, or does not fit the model."""


class RankFailure(RuntimeError):
    """A launched rank failed; the message names the first one and its cause.

    Attributes:
        rank: the rank that failed first.
        world_size: number of ranks.
        cause: one line: the exception or the signal.
        details: the traceback or the last lines of output of that rank.
    """

    def __init__(self, rank: int, world_size: int, cause: str, details: str = "") -> None:
        self.rank, self.world_size, self.cause, self.details = rank, world_size, cause, details
        text = f"rank {rank} of {world_size} failed first: {cause}"
        super().__init__(text + (f"\n\n{details}" if details else ""))

    def __reduce__(self) -> tuple[type, tuple[int, int, str, str]]:
        """Allow copies: the arguments differ from the message."""
        return type(self), (self.rank, self.world_size, self.cause, self.details)
