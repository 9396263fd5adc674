"""One run at a time writes a checkpoint and its metrics."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from course_lib.locks import only_run
from course_lib.training.engines import Engine
from course_lib.training.engines.plain import PlainEngine


@contextlib.contextmanager
def alone(engine: Engine, checkpoint: Path | None, metrics: Path | None) -> Iterator[None]:
    """Keep other runs out of what this one writes, from reading it to the end. Collective.

    Rank 0 holds the locks for all. A killed run leaves none behind.

    Args:
        engine: Knows the ranks, and whether its checkpoint is a file or a folder.
        checkpoint: What the run is kept in; None keeps nothing.
        metrics: The file of its course; None writes none.

    Raises:
        BlockingIOError: On all ranks, if another run is writing either.
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
            told = engine.comm.gather_objects(problem)[0]
            if told is not None:
                raise problem or told
        yield
