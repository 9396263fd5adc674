"""Widgets of the course: anywidget classes that run in a kernel and in a plain page."""

from importlib import import_module
from typing import Any

from course_lib.extras import needs

_HOMES = {
    "AllReduceStepper": "all_reduce_stepper",
    "AttentionCalculator": "attention_calculator",
    "AttentionMap": "attention_map",
    "Audit": "audit",
    "Bars": "bars",
    "BeamStepper": "beam_stepper",
    "BudgetGame": "budget_game",
    "CodeExercise": "code_exercise",
    "Curve": "curve",
    "DataFunnel": "data_funnel",
    "DraftStepper": "draft_stepper",
    "HeadGallery": "head_gallery",
    "LogitsToWords": "logits_to_words",
    "MaskSwitch": "mask_switch",
    "Matrix": "matrix",
    "MemoryCalculator": "memory_calculator",
    "MergeStepper": "merge_stepper",
    "MixtureTradeOff": "mixture",
    "Neighbours": "neighbours",
    "ObjectiveWorkbench": "objective_workbench",
    "Planner": "planner",
    "PositionRows": "position_rows",
    "ProgressPanel": "progress_panel",
    "Quiz": "quiz",
    "Sampler": "sampler",
    "ShapeTracer": "shape_tracer",
    "StepMemory": "step_memory",
    "StepTime": "step_time",
    "TinyModel": "tiny_model",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Imports a widget class when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"course_lib.widgets has no {name!r}; it has {', '.join(__all__)}")
    with needs("widgets", "a widget"):
        return getattr(import_module(f"course_lib.widgets.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Lists the widget classes."""
    return __all__
