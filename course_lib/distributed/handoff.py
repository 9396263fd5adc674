"""Leaving for other engines: the same units under FSDP2, and settings for DeepSpeed and torchtitan.

ZeRO here is for learning and for one machine. On many machines, with tensor parallelism or with
compiled kernels, the engines below go on from the same checkpoint to the same weights.

Chapter: 18_multi_gpu_zero
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

from course_lib.distributed.checkpoint.reading import CheckpointReader, WeightsOnlyPlanner
from course_lib.distributed.checkpoint.save_load import (
    together,
    verify_checkpoint,
    write_checkpoint,
)
from course_lib.distributed.checkpoint.states import group_options
from course_lib.distributed.comm.collectives import Comm
from course_lib.distributed.torch_private import exchangeable_collectives
from course_lib.distributed.zero import build
from course_lib.distributed.zero.stages import check_stage


def to_fsdp2(
    module: nn.Module,
    *,
    units: str | Sequence[str] = "blocks",
    mesh: Any = None,
    comm: Comm | None = None,
    param_dtype: torch.dtype | None = None,
    reshard_after_forward: bool = True,
) -> nn.Module:
    """Shard a model with torch's FSDP2, by the same units, in place.

    Args:
        module: any model, not sharded yet.
        units: as for :func:`~course_lib.distributed.zero.module.zero_shard`.
        mesh: a device mesh; None: all ranks.
        comm: use these collectives instead of torch's, which makes FSDP2 exact, too.
        param_dtype: type to compute in.
        reshard_after_forward: free a unit after its forward; the root stays, as FSDP2 has it.

    Raises:
        ValueError: unknown units.
        RuntimeError: ``comm`` is given and this torch has no exchangeable collectives.
    """
    names = build.find_units(module, units)
    collectives = None if comm is None else make_collectives(comm)
    options: dict[str, Any] = {"reshard_after_forward": reshard_after_forward}
    if mesh is None:
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        mesh = dist.init_device_mesh(device, (dist.get_world_size(),))
    options["mesh"] = mesh
    if param_dtype is not None:
        policy = MixedPrecisionPolicy(param_dtype=param_dtype, reduce_dtype=torch.float32)
        options["mp_policy"] = policy
    for name in names:
        fully_shard(module.get_submodule(name), **options)
    if reshard_after_forward:  # FSDP2's own default for the root is to stay: it comes first again
        del options["reshard_after_forward"]
    fully_shard(module, **options)
    if collectives is not None:
        gather, scatter = collectives
        for part in module.modules():
            if isinstance(part, FSDPModule):
                part.set_custom_all_gather(gather)
                part.set_custom_reduce_scatter(scatter)
    return module


def save_fsdp2(
    folder: str | Path,
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    comm: Comm,
    extra: dict[str, Any] | None = None,
) -> Path:
    """Write an FSDP2 model as a checkpoint that ZeRO reads, too. Collective.

    The other one is :func:`~course_lib.distributed.checkpoint.save_load.load`.

    Args:
        folder: where checkpoints go.
        step: number of the training step.
        model: from :func:`to_fsdp2`.
        optimizer: its optimizer.
        comm: the ranks.
        extra: anything small that JSON can hold.

    Returns:
        The checkpoint's folder.

    Raises:
        CheckpointError: on all ranks, if one of them fails or the step exists.
    """
    parameters, moments = get_state_dict(model, optimizer)
    content = {
        "optimizer": type(optimizer).__name__,
        "groups": group_options(optimizer.param_groups),
        "extra": extra or {},
    }
    state = {"model": parameters, "optim": moments}
    return write_checkpoint(folder, step, comm, state, content)


def load_fsdp2(
    folder: str | Path, model: nn.Module, optimizer: torch.optim.Optimizer, *, comm: Comm
) -> dict[str, Any]:
    """Load a checkpoint of ours, from ZeRO or from FSDP2, into an FSDP2 model. Collective.

    Args:
        folder: one checkpoint, or a folder of them, of which the newest whole one is taken.
        model: from :func:`to_fsdp2`.
        optimizer: its optimizer.
        comm: the ranks.

    Returns:
        The manifest: ``step``, ``extra`` and more.

    Raises:
        CheckpointError: on all ranks: no checkpoint, a damaged file, or one that does not fit.
    """
    path, content = verify_checkpoint(folder, comm)
    parameters, moments = get_state_dict(model, optimizer)
    state: dict[str, Any] = {"model": parameters, "optim": moments}
    reader = CheckpointReader(path, content["files"])
    planner = WeightsOnlyPlanner()
    together(comm, "read", lambda: dcp.load(state, storage_reader=reader, planner=planner))
    set_state_dict(
        model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optim"]
    )
    return content


def make_collectives(comm: Comm) -> tuple[Any, Any]:
    """Return our all-gather and reduce-scatter in the form FSDP2 takes.

    Raises:
        RuntimeError: this torch has no exchangeable collectives.
    """
    bases = exchangeable_collectives()
    if bases is None:
        raise RuntimeError(f"torch {torch.__version__} cannot exchange FSDP2's collectives")
    all_gather: Any
    reduce_scatter: Any
    all_gather, reduce_scatter = bases

    class Allocates:
        def allocate(
            self, size: Sequence[int], *, dtype: torch.dtype, device: torch.device
        ) -> Tensor:
            return torch.empty(*size, dtype=dtype, device=device)

    class Gather(Allocates, all_gather):
        def __call__(
            self, output_tensor: Tensor, input_tensor: Tensor, group: Any, async_op: bool = False
        ) -> None:
            comm.all_gather(output_tensor, input_tensor, label="fsdp2").wait()

    class Scatter(Allocates, reduce_scatter):
        def __call__(
            self,
            output_tensor: Tensor,
            input_tensor: Tensor,
            group: Any,
            op: Any,
            async_op: bool = False,
        ) -> None:
            comm.reduce_scatter(input_tensor, output_tensor, label="fsdp2").wait()
            if op == dist.ReduceOp.AVG:
                output_tensor.mul_(1.0 / comm.world_size)
            elif op != dist.ReduceOp.SUM:
                raise ValueError(f"reduction {op} is not supported, wanted SUM or AVG")

    return Gather(), Scatter()


def deepspeed_config(
    stage: int,
    *,
    micro_batch: int,
    accumulation: int = 1,
    learning_rate: float,
    weight_decay: float = 0.01,
    clip: float = 0.0,
    bf16: bool = False,
    bucket_elements: int = 50_000_000,
) -> dict[str, Any]:
    """Return DeepSpeed's settings for the same training with AdamW.

    Args:
        stage: 0 to 3.
        micro_batch: sequences per rank and backward pass.
        accumulation: backward passes per step.
        learning_rate: of AdamW.
        weight_decay: of AdamW.
        clip: largest gradient norm, 0 for none.
        bf16: compute in bfloat16.
        bucket_elements: elements that travel together.

    Raises:
        ValueError: stage not in 0..3.
    """
    check_stage(stage)
    return {
        "train_micro_batch_size_per_gpu": micro_batch,
        "gradient_accumulation_steps": accumulation,
        "gradient_clipping": clip,
        "bf16": {"enabled": bf16},
        "optimizer": {
            "type": "AdamW",
            "params": {"lr": learning_rate, "weight_decay": weight_decay, "torch_adam": True},
        },
        "zero_allow_untested_optimizer": True,
        "zero_optimization": {
            "stage": stage,
            "reduce_bucket_size": bucket_elements,
            "allgather_bucket_size": bucket_elements,
            "overlap_comm": True,
            "contiguous_gradients": True,
        },
    }


def torchtitan_job(
    *, seq_len: int, micro_batch: int, steps: int, learning_rate: float, reshard: bool = True
) -> str:
    """Return the parallel part of a torchtitan job file (TOML) for sharding over all ranks.

    Args:
        seq_len: tokens per sequence.
        micro_batch: sequences per rank.
        steps: training steps.
        learning_rate: of AdamW.
        reshard: free a block after its forward (stage 3) or not (stage 2).
    """
    policy = "always" if reshard else "never"
    return (
        "[optimizer]\n"
        f'name = "AdamW"\nlr = {learning_rate}\n\n'
        "[training]\n"
        f"local_batch_size = {micro_batch}\nseq_len = {seq_len}\nsteps = {steps}\n\n"
        "[parallelism]\n"
        "data_parallel_replicate_degree = 1\ndata_parallel_shard_degree = -1\n"
        f'fsdp_reshard_after_forward = "{policy}"\n'
    )
