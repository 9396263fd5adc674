"""Turning examples into weights: the loop, its optimizer, its schedule, and coming back to it."""

from course_lib.training.checkpoint import load_checkpoint, read_config, save_checkpoint
from course_lib.training.curve import LiveCurve
from course_lib.training.engines import Engine, PlainEngine, open_engine
from course_lib.training.evaluation import evaluate
from course_lib.training.history import History
from course_lib.training.loop import train
from course_lib.training.nonfinite import NonFiniteError
from course_lib.training.optimizer import adamw, decay_groups
from course_lib.training.precision import precision_context
from course_lib.training.schedule import (
    Schedule,
    constant,
    linear,
    warmup_cosine,
    warmup_stable_decay,
)

__all__ = [
    "Engine",
    "History",
    "LiveCurve",
    "NonFiniteError",
    "PlainEngine",
    "Schedule",
    "adamw",
    "constant",
    "decay_groups",
    "evaluate",
    "linear",
    "load_checkpoint",
    "open_engine",
    "precision_context",
    "read_config",
    "save_checkpoint",
    "train",
    "warmup_cosine",
    "warmup_stable_decay",
]
