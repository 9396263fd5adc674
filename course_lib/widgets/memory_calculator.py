"""What training needs on each GPU, part by part, under DDP and the three stages of ZeRO.

Chapter: 18_multi_gpu_zero
"""

from typing import Any

import traitlets

from course_lib.checks import check_flags, check_sizes, check_whole
from course_lib.distributed.memory.accounting import (
    activation_bytes,
    checkpoint_bytes,
    communication_elements,
    model_state_bytes,
)
from course_lib.widgets.base import CourseWidget, number
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, scroll
from course_lib.widgets.markup import table as html_table

STAGES = ("DDP", "ZeRO-1", "ZeRO-2", "ZeRO-3")
_PRECISIONS = {"mixed": (2, 2, 4, 2), "float32": (4, 4, 0, 4)}
_OPTIMIZERS = {"adam": 8, "momentum": 4, "sgd": 0}


class MemoryCalculator(CourseWidget):
    """Parameters, gradients, optimizer state and activations of one GPU.

    Args:
        parameters: Number of parameters.
        gpus: Number of data-parallel GPUs.
        stage: 0 (DDP), 1, 2 or 3.
        precision: "mixed" (16 bit with a float32 copy) or "float32".
        optimizer: "adam", "momentum" or "sgd".
        memory: Memory of one GPU in GB (1e9 bytes).
        layers: Layers, for activations; 0 leaves activations out.
        width: Width of the model, for activations.
        tokens: Tokens per sequence, for activations.
        sequences: Sequences on one GPU, for activations.
        recompute: Whether only each layer's input is kept.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        ValueError: If a choice is not one of those named, or a number is out of range.

    Source: Rajbhandari et al. 2020, section 3; the formulas are `distributed.accounting`'s.
    """

    _esm = bundle("memory_calculator.js")
    choice: Any = traitlets.Dict(help="the settings now").tag(sync=True)
    total_bytes = traitlets.Float(0.0, help="bytes on one GPU").tag(sync=True)
    predicted: Any = traitlets.Dict(help="what the reader predicted").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        parameters: float | int = 7.5e9,
        gpus: int = 64,
        stage: int = 2,
        *,
        precision: str = "mixed",
        optimizer: str = "adam",
        memory: int = 80,
        layers: int = 0,
        width: int = 4096,
        tokens: int = 2048,
        sequences: int = 1,
        recompute: bool = False,
        title: str = "Does it fit?",
        describe: str = "",
    ) -> None:
        """Checks the settings and writes the static form: a table of all four stages."""
        for name, value, allowed in (
            ("precision", precision, _PRECISIONS),
            ("optimizer", optimizer, _OPTIMIZERS),
        ):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
        for name, amount in (("parameters", parameters), ("memory", memory)):
            if number(name, amount) < 0:
                raise ValueError(f"{name} must be at least 0, got {amount}")
        [gpus] = check_sizes(gpus=gpus)
        sizes = {"layers": layers, "width": width, "tokens": tokens, "sequences": sequences}
        sizes = dict(zip(sizes, check_whole(**sizes), strict=True))
        for name, size in sizes.items():
            if size < 0:
                raise ValueError(f"{name} must be at least 0, got {size}")
        [recompute] = check_flags(recompute=recompute)
        choice: dict[str, Any] = {
            "parameters": float(parameters),
            "gpus": gpus,
            "stage": stage,
            "precision": precision,
            "optimizer": optimizer,
            "memory": memory,
            **sizes,
            "recompute": recompute,
        }
        total = sum(memory_parts(choice).values())  # also checks stage and gpus
        payload: dict[str, Any] = {
            "choice": choice,
            "title": title,
            "describe": describe,
            "badge": "ZeRO paper's formulas",
        }
        sentence = describe_memory(choice)
        parts = [memory_parts(choice | {"stage": s}) for s in range(4)]
        rows = (
            (
                name,
                [f"<td>{_gigabytes(value)}</td>" for value in (*one.values(), sum(one.values()))],
            )
            for name, one in zip(STAGES, parts, strict=True)
        )
        columns = ["parameters", "gradients", "optimizer state", "activations", "total"]
        static = card(
            title,
            payload["badge"],
            f"<p>{escape(describe)}</p>" if describe else "",
            scroll("All four stages", html_table("on one GPU", columns, rows)),
            f"<p>{escape(sentence)}</p>",
        )
        super().__init__(
            payload, static, f"{title} {sentence}", choice=dict(choice), total_bytes=total
        )


def memory_parts(choice: dict[str, Any]) -> dict[str, float]:
    """Returns the bytes of each part on one GPU."""
    parameter, gradient, copy, activation = _PRECISIONS[choice["precision"]]
    states = model_state_bytes(
        choice["parameters"],
        choice["gpus"],
        choice["stage"],
        parameter_bytes=parameter,
        gradient_bytes=gradient,
        optimizer_bytes=copy + _OPTIMIZERS[choice["optimizer"]],
    )
    activations = (checkpoint_bytes if choice["recompute"] else activation_bytes)(
        choice["layers"], choice["width"], choice["sequences"], choice["tokens"], activation
    )
    return {
        "parameters": float(states.parameters),
        "gradients": float(states.gradients),
        "optimizer": float(states.optimizer),
        "activations": float(activations),
    }


def _gigabytes(value: float) -> str:
    return f"{fixed(value / 1e9, 2)} GB"


def describe_memory(choice: dict[str, Any]) -> str:
    """Says what one GPU holds and whether it fits, as the page says it."""
    total = sum(memory_parts(choice).values())
    fits = "fits" if total <= choice["memory"] * 1e9 else "does not fit"
    ratio = communication_elements(1, choice["stage"]) / communication_elements(1, 0)
    traffic = "as much traffic as DDP" if ratio == 1 else f"{ratio:g} times the traffic of DDP"
    gpus = choice["gpus"]
    return (
        f"{STAGES[choice['stage']]} on {gpus} {'GPU' if gpus == 1 else 'GPUs'}: "
        f"{_gigabytes(total)} each, {fits} in {choice['memory']} GB; {traffic}."
    )
