"""Fewer bytes for a trained model: its large matrices as whole numbers of 8 bits."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.checks import check_floats, check_module
from course_lib.model.embedding import Embedding
from course_lib.model.heads import LanguageModelHead
from course_lib.model.int8 import LARGEST, Int8Weight
from course_lib.shapes import Float


@dataclass(frozen=True)
class Int8Report:
    """What quantizing changed.

    Attributes:
        n_matrices: Matrices that are whole numbers now.
        bytes_before: Of all parameters.
        bytes_after: Of all parameters, scales included.
        worst_error: Largest error of a number, as a share of the largest in its row.
    """

    n_matrices: int
    bytes_before: int
    bytes_after: int
    worst_error: float

    @property
    def share(self) -> float:
        """Bytes after, as a share of those before."""
        return self.bytes_after / self.bytes_before


def round_to_int8(weight: Float[Tensor, "N M"]) -> Int8Weight:
    """Round a matrix to whole numbers, each row in steps of its own.

    A step is the row's largest number divided by 127, rounded up to a number that bfloat16 has; an
    error is at most half a step. One
    scale for the whole matrix would give a row of small numbers the steps of the largest one.

    Args:
        weight: Any finite matrix.

    Returns:
        The rounded matrix.

    Raises:
        TypeError: If it is no tensor of floats.
        ValueError: If it is no matrix, or a number is not finite.

    Source: Dettmers et al. 2022, "LLM.int8()", section 2.1: absmax, here a row at a time.
    """
    check_floats("weight", weight, "N M")
    if not bool(weight.isfinite().all()):
        raise ValueError("weight must be finite, and holds a NaN or an infinity")
    wide = weight.detach().float()
    step = wide.abs().amax(1) / LARGEST
    step = torch.where(step > 0, step, 1.0)  # a row of zeros
    scales = step.to(torch.bfloat16)
    # Rounded up, never down, the largest number of a row stays within 127 steps.
    scales = torch.where(scales < step, scales.nextafter(scales.new_tensor(torch.inf)), scales)
    step = scales.float()
    values = (wide / step[:, None]).round().clamp(-LARGEST, LARGEST).to(torch.int8)
    return Int8Weight(values, scales, weight.dtype)


def quantize_int8(model: nn.Module) -> Int8Report:
    """Round all large matrices of a model to 8 bits, in place.

    Those are the linear maps, the embedding, and the head where it has a matrix of its own; biases,
    norms and tables of positions stay. A tied matrix stays tied. Only weights are rounded: what
    flows through the model are floats (in products of a few rows, of 16 bits). The model is called,
    and generates, as before; `save_pretrained` writes the rounded numbers as floats.

    Args:
        model: A trained model, a preset's or a loaded one, where it is to stay.

    Returns:
        Bytes before and after.

    Raises:
        TypeError: If `model` is none.
        ValueError: If there is no matrix to round, all are rounded already, or one is not finite;
            the model is then as it was.
    """
    check_module(model)
    found: list[tuple[nn.Module, str]] = []
    for module in model.modules():
        if isinstance(module, nn.Linear | LanguageModelHead | Embedding):
            weight = module.weight
            if weight is not None and not isinstance(weight, Int8Weight):
                found.append((module, "weight"))
    if not found:
        raise ValueError("model has no matrix of floats to round: is it quantized already?")
    before = weight_bytes(model)
    rounded: dict[int, nn.Parameter] = {}
    worst = 0.0
    for module, name in found:
        weight = getattr(module, name)
        if id(weight) in rounded:
            continue
        made = round_to_int8(weight)
        row = weight.detach().abs().amax(1).clamp(min=torch.finfo(weight.dtype).tiny)
        off = (made.dequantize() - weight.detach()).abs().amax(1) / row
        worst = max(worst, float(off.max()))
        rounded[id(weight)] = nn.Parameter(made, requires_grad=False)
    for module, name in found:
        setattr(module, name, rounded[id(getattr(module, name))])
    return Int8Report(len(rounded), before, weight_bytes(model), worst)


def weight_bytes(model: nn.Module) -> int:
    """Add up the bytes of all parameters, a tied one once.

    Args:
        model: Any module.

    Raises:
        TypeError: If it is none.
    """
    check_module(model)
    return sum(parameter.nbytes for parameter in model.parameters())
