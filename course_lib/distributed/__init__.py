"""Multi-GPU training for any ``nn.Module``: data, ZeRO, tensor and pipeline parallelism.

It imports torch only, and torch only where it is used, so that a worker process can watch for the
end of its parent before the long import starts.

Chapter: 18_multi_gpu_zero
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.distributed.checkpoint.manifest import latest_valid
    from course_lib.distributed.checkpoint.save_load import load, save
    from course_lib.distributed.comm.collectives import Comm
    from course_lib.distributed.comm.errors import (
        CheckpointError,
        CollectiveError,
        CollectiveTimeout,
        RankFailure,
        RankMismatch,
    )
    from course_lib.distributed.handoff import deepspeed_config, to_fsdp2, torchtitan_job
    from course_lib.distributed.memory.report import report
    from course_lib.distributed.parallel.pipeline import pipeline_backward
    from course_lib.distributed.parallel.tensor import tensor_parallel
    from course_lib.distributed.processes.launcher import init_from_env, launch
    from course_lib.distributed.processes.ranks import Ranks
    from course_lib.distributed.zero.build import split_batch
    from course_lib.distributed.zero.ddp import DataParallel
    from course_lib.distributed.zero.module import ZeroModule, zero_shard
    from course_lib.distributed.zero.optimizer import ShardedOptimizer
    from course_lib.distributed.zero.plan import ShardPlan

_WHERE = {
    "checkpoint.manifest": ("latest_valid",),
    "checkpoint.save_load": ("load", "save"),
    "comm.collectives": ("Comm",),
    "comm.errors": (
        "CheckpointError",
        "CollectiveError",
        "CollectiveTimeout",
        "RankFailure",
        "RankMismatch",
    ),
    "handoff": ("deepspeed_config", "to_fsdp2", "torchtitan_job"),
    "memory.report": ("report",),
    "parallel.pipeline": ("pipeline_backward",),
    "parallel.tensor": ("tensor_parallel",),
    "processes.launcher": ("init_from_env", "launch"),
    "processes.ranks": ("Ranks",),
    "zero.build": ("split_batch",),
    "zero.ddp": ("DataParallel",),
    "zero.module": ("ZeroModule", "zero_shard"),
    "zero.optimizer": ("ShardedOptimizer",),
    "zero.plan": ("ShardPlan",),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "CheckpointError",
    "CollectiveError",
    "CollectiveTimeout",
    "Comm",
    "DataParallel",
    "RankFailure",
    "RankMismatch",
    "Ranks",
    "ShardPlan",
    "ShardedOptimizer",
    "ZeroModule",
    "deepspeed_config",
    "init_from_env",
    "latest_valid",
    "launch",
    "load",
    "pipeline_backward",
    "report",
    "save",
    "split_batch",
    "tensor_parallel",
    "to_fsdp2",
    "torchtitan_job",
    "zero_shard",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds ``name`` on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
