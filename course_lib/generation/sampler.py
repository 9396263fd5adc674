"""Choosing one token for each row: the maximum, or a draw from the processed distribution.

Chapter: 11_generative_configuration
"""

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor

from course_lib.checks import check_generator
from course_lib.generation.chain import (
    LogitsProcessor,
    PastTokens,
    Processor,
    check_logits,
    check_shape,
    check_steps,
    process,
)
from course_lib.shapes import Float, Int

Generators = torch.Generator | Sequence[torch.Generator]


def uniform(generator: Generators, n_rows: int) -> Float[Tensor, "B 1"]:
    """Draw one number from [0, 1) for each row.

    One generator serves the rows in order; of a list, each row has its own.

    Args:
        generator: Source of randomness.
        n_rows: Rows, B.
    """
    if isinstance(generator, torch.Generator):
        own = [(generator, n_rows)]
    else:
        own = [(g, 1) for g in generator]
    numbers = [torch.rand(n, 1, generator=g, dtype=torch.float64, device=g.device) for g, n in own]
    return numbers[0] if len(numbers) == 1 else torch.cat(numbers)


def draw(chances: Float[Tensor, "B V"], numbers: Float[Tensor, "B 1"]) -> Int[Tensor, " B"]:
    """Turn uniform numbers into tokens: the first token at which the cumulated chances pass them.

    A token without a chance is never drawn. The chances need not sum to one.

    Args:
        chances: Weight of each token, not negative, with a positive sum in each row.
        numbers: A number from [0, 1) for each row.
    """
    mass = chances.cumsum(-1, dtype=torch.float64)
    return _first_past(mass, mass[:, -1:], numbers)[:, 0]


def _first_past(
    mass: Float[Tensor, "B V"], whole: Float[Tensor, "B 1"], numbers: Float[Tensor, "B 1"]
) -> Int[Tensor, "B 1"]:
    # Just below 1, the product could round up to the whole mass, which no token passes.
    return torch.searchsorted(mass, numbers.clamp(max=1 - 2**-52) * whole, right=True)


class TokenSampler:
    """Choose the next token of every row from its logits.

    Args:
        processors: Steps applied to the logits, from left to right.
        sample: Draw instead of taking the maximum.
        generator: Source of randomness; needed if, and only if, `sample` is True.
        n_rows: Rows, B.

    Raises:
        TypeError: If processors are no list, or a generator is none.
        ValueError: If `generator` does not fit `sample` and the number of rows.
    """

    def __init__(
        self,
        processors: Sequence[LogitsProcessor],
        sample: bool,
        generator: Generators | None,
        n_rows: int,
    ) -> None:
        if sample and generator is None:
            raise ValueError("generator got None, wants a torch.Generator: sample=True draws")
        if not sample and generator is not None:
            raise ValueError("generator got one, wants None: without sample=True nothing is drawn")
        for one in generator if isinstance(generator, Sequence) else [generator]:
            if one is not None:
                check_generator(one)
        if isinstance(generator, Sequence) and len(generator) != n_rows:
            raise ValueError(f"generator got a list of {len(generator)}, wants {n_rows}, one a row")
        self.processors = check_steps(processors)
        # Checks inside the steps would cost more than the steps; they run when a result is bad.
        self.rules: list[tuple[Callable[..., Tensor], bool]] = [
            (step.rule, step.looks_back) if isinstance(step, Processor) else (step, False)
            for step in self.processors
        ]
        self.sample = sample
        self.generator = generator
        self.looks_back = any(looks_back for _, looks_back in self.rules)

    def __call__(
        self, logits: Float[Tensor, "B V"], remember: Callable[[], PastTokens]
    ) -> tuple[Int[Tensor, " B"], Float[Tensor, " B"]]:
        """Return the chosen tokens and the log-probabilities the raw logits give them.

        Args:
            logits: Scores of the next token.
            remember: Returns what each row has said so far; asked only where it matters.

        Raises:
            ValueError: If the logits, or what a step made of them, allow no draw.
        """
        # A step of somebody's own may work in place, and the raw logits are needed below.
        processed = logits.clone() if self.processors else logits
        history = remember() if self.looks_back else None
        for step, (rule, looks_back) in zip(self.processors, self.rules, strict=True):
            processed = rule(processed, history) if looks_back else rule(processed)
            check_shape(step, processed, logits)
        if self.sample:
            mass = processed.softmax(-1).cumsum(-1, dtype=torch.float64)
            whole = mass[:, -1:]
            self._check(whole, logits, remember)  # before the draw, which cannot cope with NaN
            numbers = uniform(cast(Generators, self.generator), len(logits))
            chosen = _first_past(mass, whole, numbers)
        else:
            best, chosen = processed.max(-1, keepdim=True)
            self._check(best, logits, remember)
        return chosen.squeeze(1), logits.log_softmax(-1).gather(-1, chosen).squeeze(1)

    def _check(
        self, best: Float[Tensor, "B 1"], logits: Tensor, remember: Callable[[], PastTokens]
    ) -> None:
        """Look at one number per row; if it is unusable, find out which step made it so."""
        if all(map(math.isfinite, best.squeeze(1).tolist())):
            return
        check_logits(logits, "the model returned")
        process(logits, self.processors, remember())
