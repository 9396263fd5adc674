"""In which number format the arithmetic of a step runs."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

FORMATS = ("float32", "bfloat16")
Precision = Callable[[], AbstractContextManager[object]]
"""Opens the number format of one forward pass."""


def precision_context(name: str, device: torch.device) -> Precision:
    """Choose the format of the forward pass, once, before a run.

    With ``bfloat16`` matrix products run in 16 bits while weights, gradients, optimizer state,
    norms and the loss stay in 32: bfloat16 has float32's range, so no loss scaling is needed, but
    only 8 significant bits, too few to add small updates to a weight.

    Args:
        name: ``"float32"`` or ``"bfloat16"``.
        device: Where the model lives.

    Returns:
        A function that opens the context; call it anew for every forward pass.

    Raises:
        ValueError: If the format is not one of the two, or the device cannot do it.

    Source: Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training".
    """
    if name == "float32":
        return nullcontext
    if name == "bfloat16":
        if device.type == "cuda" and not torch.cuda.is_bf16_supported():
            raise ValueError(f"precision 'bfloat16' is not supported by {device}")
        return lambda: torch.autocast(device.type, dtype=torch.bfloat16)
    reason = ": float16 would need loss scaling" if name == "float16" else ""
    raise ValueError(f"precision must be one of {', '.join(FORMATS)}, got {name!r}{reason}")
