"""Transformers and LLM pre-training: what the course teaches, as code that runs.

What needs torch is imported on first use, so that `import course_lib` costs little.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from course_lib.config import TransformerConfig
from course_lib.presets import presets
from course_lib.source import show_source

if TYPE_CHECKING:
    from course_lib.generation.loop import generate as generate
    from course_lib.model.attention import attention as attention
    from course_lib.model.cache import KVCache as KVCache
    from course_lib.model.transformer import Transformer as Transformer
    from course_lib.tokenizers import load_tokenizer as load_tokenizer
    from course_lib.tokenizers.byte_bpe import ByteLevelBPE as ByteLevelBPE

_WHERE = {
    "ByteLevelBPE": "course_lib.tokenizers.byte_bpe",
    "Transformer": "course_lib.model.transformer",
    "KVCache": "course_lib.model.cache",
    "attention": "course_lib.model.attention",
    "generate": "course_lib.generation.loop",
    "load_tokenizer": "course_lib.tokenizers",
}

if sys.argv[:1] == ["-m"] and any(one.startswith("course_lib") for one in sys.orig_argv):
    from course_lib.command_line import quiet_interrupts  # a command, whose modules take seconds

    quiet_interrupts()

__version__ = "1.0.0"
__all__ = [
    "ByteLevelBPE",
    "KVCache",
    "Transformer",
    "TransformerConfig",
    "attention",
    "generate",
    "load_tokenizer",
    "presets",
    "show_source",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'course_lib' has no attribute {name!r}")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
