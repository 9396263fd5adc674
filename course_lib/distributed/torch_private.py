"""What we use of torch that is not public, once, so that a new torch is one file to look at.

Tried on torch 2.13; none of these is promised to stay.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

not_traced: Callable[[Any], Any] = torch._disable_dynamo
"""``torch.compiler.disable``, without its slow import until the first call."""


def exchangeable_collectives() -> tuple[type, type] | None:
    """Return the bases of FSDP2's all-gather and reduce-scatter; None before torch 2.9.

    Imported here and not above: they bring half a second of other modules with them.
    """
    try:
        from torch.distributed.fsdp._fully_shard._fsdp_api import AllGather, ReduceScatter
    except ImportError:
        return None
    return AllGather, ReduceScatter


def backward_pass() -> int:
    """Return the number of the backward pass that this thread is in, or -1."""
    return torch._C._current_graph_task_id()


def at_end_of_backward(action: Callable[[], None]) -> None:
    """Have ``action`` run when the backward pass under way is over."""
    torch.autograd.Variable._execution_engine.queue_callback(action)


def is_being_compiled() -> bool:
    """Tell whether a compiled model is calling; nothing is imported to find out."""
    dynamo = sys.modules.get("torch._dynamo.eval_frame")
    return dynamo is not None and bool(getattr(dynamo, "_is_in_optimized_module", bool)())


def is_compiled(module: nn.Module) -> bool:
    """Tell whether a module went through ``torch.compile``."""
    return module._compiled_call_impl is not None or hasattr(module, "_orig_mod")


def storage_key(tensor: Tensor) -> int:
    """Return the same number for tensors that share their memory."""
    return tensor.untyped_storage()._cdata


def n_holders(tensor: Tensor) -> int:
    """Return how many tensors hold the memory of ``tensor``, plus a constant."""
    return torch._C._storage_Use_Count(tensor.untyped_storage()._cdata)


def outer_saved_tensor_hooks() -> tuple[Callable[[Tensor], Any], Callable[[Any], Tensor]] | None:
    """Return the pair that ``torch.autograd.graph.saved_tensors_hooks`` has set, if any."""
    return torch._C._autograd._top_saved_tensors_default_hooks(True)


def timeout_of(group: Any) -> float | None:
    """Return the time-out of a process group in seconds, where it tells."""
    device = torch.device("cuda" if dist.get_backend(group) == "nccl" else "cpu")
    options = getattr(group._get_backend(device), "options", None)
    return options._timeout.total_seconds() if options is not None else None
