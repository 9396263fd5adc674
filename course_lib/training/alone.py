"""One run at a time writes a checkpoint and its metrics."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from course_lib.locks import READ_ONLY, only_run
from course_lib.training.engines import Engine
from course_lib.training.engines.plain import PlainEngine


@contextlib.contextmanager
def alone(engine: Engine, checkpoint: Path | None, metrics: Path | None) -> Iterator[bool]:
    """Keep other runs out of what this one writes, from reading it to the end. Collective.

    Rank 0 holds the locks for all. A killed run leaves none behind. A checkpoint in a folder that
    can only be read is not locked: whoever asks for no metrics may read it.

    Args:
        engine: Knows the ranks, and whether its checkpoint is a file or a folder.
        checkpoint: What the run is kept in; None keeps nothing.
        metrics: The file of its course; None writes none.

    Yields:
        Whether the checkpoint can be written.

    Raises:
        BlockingIOError: On all ranks, if another run is writing either.
        OSError: On all ranks, if there is nothing to read where nothing can be written.
    """
    with contextlib.ExitStack() as held:
        problem: OSError | ValueError | None = None
        if engine.comm.rank == 0:
            try:
                if checkpoint is not None:
                    sharded = not isinstance(engine, PlainEngine) and not checkpoint.is_file()
                    inside = checkpoint.is_dir() or sharded
                    held.enter_context(only_run(checkpoint, inside=inside))
                if metrics is not None and (metrics.is_file() or not metrics.exists()):
                    held.enter_context(only_run(metrics))
            except (OSError, ValueError) as error:
                problem = error
        if checkpoint is not None or metrics is not None:
            read_only = isinstance(problem, OSError) and problem.errno in READ_ONLY
            readable = read_only and metrics is None and checkpoint is not None
            may_read = bool(readable and checkpoint and checkpoint.exists())
            told, may_read = engine.comm.gather_objects((problem, may_read))[0]
            if told is not None and not may_read:
                raise problem or told
            yield told is None
        else:
            yield True
