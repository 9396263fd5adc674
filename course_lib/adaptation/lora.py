"""LoRA: train a small product beside a frozen matrix, and add it to the matrix at the end."""

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import check_lists, check_module, check_numbers, check_whole
from course_lib.model.int8 import Int8Weight
from course_lib.shapes import Float

TARGETS = ("qkv", "query", "key_value", "output", "up", "gate", "down")
"""The linear maps of a block, by the name of their module."""


class LoRALinear(nn.Module):
    """A linear map that stays as it is, plus a change of low rank that is trained.

    The change is ``scale * up @ down``: a matrix of the size of the frozen one, of which only
    ``R * (in + out)`` numbers are stored and trained. ``up`` starts at 0, so that at the beginning
    nothing is changed.

    Args:
        base: The map; its parameters are frozen.
        rank: R, width of the product.
        alpha: Its scale is ``alpha / rank``.
        dropout: Probability of dropping an element of the input of the change, in training.
        generator: Draws ``down``; None uses torch's own.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the rank is not 1 to the smaller side of the map, or another number is out
            of range.

    Source: Hu et al. 2022, "LoRA", section 4.1; ``down`` is drawn as peft draws it, uniform in
    ``1 / sqrt(in)``.
    """

    def __init__(
        self,
        base: nn.Linear,
        rank: int,
        *,
        alpha: float | int | None = None,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(base, nn.Linear):
            raise TypeError(f"base must be an nn.Linear, got {type(base).__name__}")
        [rank] = check_whole(rank=rank)
        [dropout] = check_numbers(dropout=dropout)
        [alpha] = check_numbers(None, alpha=alpha)
        narrow = min(base.in_features, base.out_features)
        if not 1 <= rank <= narrow:
            raise ValueError(
                f"rank must be 1 to {narrow}, the smaller side of this map of "
                f"{base.in_features} to {base.out_features}, got {rank}: a higher one has more "
                "numbers and can change no more"
            )
        alpha = float(rank if alpha is None else alpha)
        if not (math.isfinite(alpha) and alpha > 0):
            raise ValueError(f"alpha must be positive, got {alpha}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and less than 1, got {dropout}")
        self.base, self.alpha, self.dropout = base.requires_grad_(False), alpha, dropout
        bound = base.in_features**-0.5
        drawn = torch.rand(rank, base.in_features, generator=generator) * 2 * bound - bound
        self.down = nn.Parameter(drawn.to(base.weight.device, base.weight.dtype))
        self.up = nn.Parameter(self.down.new_zeros(base.out_features, rank))

    @property
    def rank(self) -> int:
        """Width of the product, R."""
        return len(self.down)

    @property
    def scale(self) -> float:
        """Factor of the product."""
        return self.alpha / self.rank

    def change(self) -> Float[Tensor, "N M"]:
        """Return what is added to the matrix, as large as the matrix."""
        return self.scale * (self.up @ self.down)

    def forward(self, x: Float[Tensor, "... M"]) -> Float[Tensor, "... N"]:
        """Apply the frozen map and the change, without making the large matrix."""
        into = F.dropout(x, self.dropout) if self.training and self.dropout else x
        return self.base(x) + self.scale * F.linear(F.linear(into, self.down), self.up)

    def merged(self) -> nn.Linear:
        """Return one ordinary linear map that does the same."""
        made = type(self.base)(  # T5 narrows in a linear map of its own
            self.base.in_features,
            self.base.out_features,
            bias=self.base.bias is not None,
            device=self.down.device,
            dtype=self.down.dtype,
        )
        whole = self.base.weight
        if isinstance(whole, Int8Weight):
            whole = whole.dequantize()
        with torch.no_grad():
            wide = whole.double() + self.scale * (self.up.double() @ self.down.double())
            made.weight.copy_(wide)
            if self.base.bias is not None:
                made.bias.copy_(self.base.bias)
        return made.train(self.training)


def add_lora(
    model: nn.Module,
    rank: int,
    *,
    alpha: float | int | None = None,
    dropout: float = 0.0,
    targets: Sequence[str] = TARGETS,
    generator: torch.Generator | None = None,
) -> list[str]:
    """Freeze a model, and put a change of low rank beside some of its linear maps, in place.

    Train it as any model: an optimizer such as `course_lib.training.adamw` takes what is left to
    train, which is the changes. Generation goes through the model itself until `merge_lora`.

    Args:
        model: A preset or a loaded checkpoint, of any family; heads of tasks may sit on it.
        rank: R.
        alpha: The scale is ``alpha / rank``; None means 1.
        dropout: Of the input of each change, in training.
        targets: Names of the modules that get one, as they end: ``"qkv"``, ``"output"``.
        generator: Draws the first weights.

    Returns:
        The full names of the maps that got one.

    Raises:
        TypeError: If an argument is of a wrong type; the model is then as it was.
        ValueError: If a target is no linear map of this model, the model has changes already, or
            a number does not fit; the model is then as it was.

    Source: Hu et al. 2022, section 4.2, who adapt queries and values; all maps of a block:
    Dettmers et al. 2023, "QLoRA", section 4.
    """
    check_module(model)
    if isinstance(targets, str) or not targets:
        raise ValueError(f"targets must be a list of at least 1 name, got {targets!r}")
    check_lists(targets=targets)
    if any(isinstance(module, LoRALinear) for module in model.modules()):
        raise ValueError("model has changes of low rank already: merge them first")
    linears = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)]
    chosen = [name for name in linears if name.rsplit(".", 1)[-1] in targets]
    if tuple(targets) != TARGETS:
        known = sorted({name.rsplit(".", 1)[-1] for name in linears})
        unknown = [name for name in targets if name not in known]
        if unknown:
            raise ValueError(f"targets {unknown} are no linear maps here, which are {known}")
    if not chosen:
        raise ValueError("model has no linear map among the targets")
    made = {
        name: LoRALinear(
            model.get_submodule(name),  # type: ignore[arg-type]
            rank,
            alpha=alpha,
            dropout=dropout,
            generator=generator,
        )
        for name in chosen
    }
    model.requires_grad_(False)
    for name, module in made.items():
        replace(model, name, module.train(model.training))
    return chosen


def merge_lora(model: nn.Module) -> int:
    """Add every change to its matrix, in place: the model has its old shape and its new skill.

    All parameters can be trained again afterwards, but those of whole numbers. A matrix in 16 bits
    rounds the sum; one of 8 bits becomes floats.

    Args:
        model: With changes from `add_lora` or `load_lora`.

    Returns:
        How many changes there were.

    Raises:
        TypeError: If `model` is none.
        ValueError: If there are none.
    """
    check_module(model)
    found = dict(lora_modules(model))
    if not found:
        raise ValueError("model has no change of low rank to merge")
    for name, module in found.items():
        replace(model, name, module.merged())
    for parameter in model.parameters():
        parameter.requires_grad_(not isinstance(parameter, Int8Weight))
    return len(found)


def lora_modules(model: nn.Module) -> Iterator[tuple[str, LoRALinear]]:
    """Yield the changes of a model with the names of their maps.

    Args:
        model: Any module.
    """
    for name, module in model.named_modules():
        if isinstance(module, LoRALinear):
            yield name, module


def replace(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of another.

    Args:
        model: What holds it.
        name: Its full name.
        module: What comes there.
    """
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
