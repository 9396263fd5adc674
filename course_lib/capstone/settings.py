"""What a run is asked for, and the shape of the model that it trains."""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from course_lib.config import TransformerConfig
from course_lib.presets import presets
from course_lib.training.optimizer import LARGEST_RATE

STEPS = ("curate", "split", "tokenizer", "pretrain", "tune", "evaluate", "handover")
"""The steps, in order; each reads what the ones before it have written."""
END, USER, ASSISTANT, TURN = "<|endoftext|>", "<|user|>", "<|assistant|>", "<|end|>"
SPECIAL_TOKENS = (END, USER, ASSISTANT, TURN)
SIZES = {"tiny": (64, 2, 2), "small": (128, 4, 4), "medium": (256, 6, 8)}
"""Name -> width, layers, heads."""
CONTEXT_TOKENS = 128

# A changed value sends the run back to the first step that reads it.
FIRST_STEP = {
    "language": "curate",
    "filters": "curate",
    "held_out": "split",
    "vocab_size": "tokenizer",
    "size": "pretrain",
    "passes": "pretrain",
    "batch_size": "pretrain",
    "lr": "pretrain",
    "seed": "pretrain",
    "tune_steps": "tune",
    "tune_lr": "tune",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The choices of a run; the defaults suit some hundred thousand characters.

    Attributes:
        language: Two-letter code of the language to keep; None keeps all.
        filters: Steps of `course_lib.data`, in order; the language's comes before them.
        held_out: Share of the text that is kept apart to measure on.
        vocab_size: Tokens to learn.
        size: One of `SIZES`.
        passes: How often each token of the training text is read.
        batch_size: Rows of an update.
        lr: Peak learning rate of pre-training.
        tune_steps: Updates on the small use.
        tune_lr: Peak learning rate on the small use.
        seed: Draws weights, orders and sentences.

    Raises:
        ValueError: If a value is out of range.
    """

    language: str | None = None
    filters: str = "exact,near,paragraphs,personal-data"
    held_out: float = 0.1
    vocab_size: int = 1024
    size: str = "small"
    passes: float = 4.0
    batch_size: int = 4
    lr: float = 5e-3
    tune_steps: int = 150
    tune_lr: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"size must be one of {', '.join(SIZES)}, got {self.size!r}")
        if not 0 < self.held_out <= 0.5:
            raise ValueError(f"held_out must be above 0 and at most 0.5, got {self.held_out}")
        least = {"vocab_size": 256 + len(SPECIAL_TOKENS), "batch_size": 1, "tune_steps": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if not low <= value < 2**20:
                raise ValueError(f"{name} must be {low} to {2**20 - 1}, got {value}")
        for name in ("passes", "lr", "tune_lr"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {value}")
            if name != "passes" and value > LARGEST_RATE:
                raise ValueError(f"{name} must be at most {LARGEST_RATE:g}, got {value}")
        if not 0 <= self.seed < 2**63 - 1:
            raise ValueError(f"seed must be 0 to 2**63 - 2, got {self.seed}")

    def first_changed(self, before: dict[str, Any]) -> tuple[str, list[str]]:
        """Find the first step that other settings would have done otherwise.

        Args:
            before: Fields of the other settings.

        Returns:
            The step and what differs, as "name was this, now it is that"; an empty name and no
            words where nothing differs.
        """
        mine = asdict(self)
        changed = [name for name in mine if before.get(name) != mine[name]]
        if not changed:
            return "", []
        first = min((FIRST_STEP[name] for name in changed), key=STEPS.index)
        return first, [f"{n} was {before.get(n)}, now it is {mine[n]}" for n in changed]


def config_of(size: str, vocab_size: int) -> TransformerConfig:
    """Shrink LLaMA to a size at which a processor trains it in seconds to minutes.

    Its shape is a published one, so what comes out can be read by other libraries. Embedding and
    output are two matrices, as there: one for both learns much more slowly at these widths.

    Args:
        size: One of `SIZES`.
        vocab_size: V.
    """
    width, layers, heads = SIZES[size]
    return replace(
        presets["llama-7b"],
        vocab_size=vocab_size,
        d_model=width,
        n_decoder_layers=layers,
        n_heads=heads,
        d_ff=math.ceil(8 * width / 3 / 16) * 16,
        max_seq_len=CONTEXT_TOKENS,
    )


@dataclass(frozen=True)
class Plan:
    """What a step needs to know: where the text is, where results go, and what is wanted.

    Attributes:
        folder: Of the raw text, absolute.
        out: Of the results.
        settings: The choices.
        progress: Whether to show bars.
    """

    folder: Path
    out: Path
    settings: Settings
    progress: bool = False
