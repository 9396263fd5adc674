"""The frame of a chain: named steps, their checks, and the distribution they end in.

A chain is a plain list of steps, applied from left to right. A step takes logits ``(B, V)`` and
returns new logits ``(B, V)``; a token that may not be drawn gets ``-inf``.

Chapter: 11_generative_configuration
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from torch import Tensor

from course_lib.checks import check_floats
from course_lib.shapes import Bool, Float, Int, Shaped


class PastTokens(NamedTuple):
    """What each row has said so far, for processors that look back.

    Attributes:
        tokens: Prompt and generated token ids, `Int "B N"`.
        keep: False on padding, `Bool "B N"`.
        n_prompt: The first `n_prompt` columns are the prompt.
    """

    tokens: Int[Tensor, "B N"]
    keep: Bool[Tensor, "B N"]
    n_prompt: int


class Processor:
    """A named step of a chain: call it with logits, get new logits; the input is never changed.

    A plain function of the logits serves as a step as well. This class adds a name for error
    messages and the check that logits are usable before and after the step.

    Args:
        name: How messages call the step, such as `top_p(0.9)`.
        rule: The step itself, without checks.
        looks_back: True if `rule` also takes the `PastTokens`.
    """

    def __init__(self, name: str, rule: Callable[..., Tensor], looks_back: bool = False) -> None:
        self.name = name
        self.rule = rule
        self.looks_back = looks_back

    def __repr__(self) -> str:
        return self.name

    def __call__(
        self, logits: Float[Tensor, "B V"], history: PastTokens | None = None
    ) -> Float[Tensor, "B V"]:
        """Apply the step.

        Args:
            logits: Scores of the next token.
            history: Needed only by steps that look back.

        Raises:
            ValueError: If the logits hold NaN, or a row leaves nothing to draw.
        """
        check_logits(logits, f"{self.name} got")
        if self.looks_back and history is None:
            raise ValueError(f"{self.name} looks back: history got None, wants a PastTokens")
        processed = apply(self, logits, history)
        check_logits(processed, f"{self.name} returned")
        return processed


LogitsProcessor = Processor | Callable[[Tensor], Tensor]


def apply(
    step: LogitsProcessor, logits: Float[Tensor, "B V"], history: PastTokens | None
) -> Float[Tensor, "B V"]:
    """Apply one step without looking at the numbers, which would cost more than the step.

    Args:
        step: The step.
        logits: Scores of the next token.
        history: What a step that looks back looks at.

    Raises:
        ValueError: If the step returns anything but logits of the same shape.
    """
    if isinstance(step, Processor):
        processed = step.rule(logits, history) if step.looks_back else step.rule(logits)
    else:
        processed = step(logits)
    check_shape(step, processed, logits)
    return processed


def check_shape(
    step: LogitsProcessor, processed: Shaped[Tensor, "..."] | object, logits: Float[Tensor, "B V"]
) -> None:
    """Refuse a step that returned anything but logits of the same shape.

    Args:
        step: The step.
        processed: What it returned.
        logits: What it got.

    Raises:
        ValueError: Naming the step and both shapes.
    """
    if not isinstance(processed, Tensor) or processed.shape != logits.shape:
        got = tuple(processed.shape) if isinstance(processed, Tensor) else type(processed).__name__
        raise ValueError(f"{_name(step)} returned {got}, wants logits of {tuple(logits.shape)}")


def _name(step: LogitsProcessor) -> str:
    return repr(step) if isinstance(step, Processor) else getattr(step, "__name__", repr(step))


def check_logits(logits: Tensor, where: str) -> None:
    """Raise unless every row of the logits allows a draw.

    Args:
        logits: Scores to check, `Float "B V"`.
        where: Start of the message: which step holds these logits.

    Raises:
        TypeError: If they are no tensor of floats.
        ValueError: On a wrong rank, an empty vocabulary, NaN, +inf, or a row that is all -inf.
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        check_floats(f"{where} logits:", logits, "B V")
    if logits.dim() != 2 or logits.shape[1] == 0:
        raise ValueError(f"{where} logits of shape {tuple(logits.shape)}, wants (B, V) with V >= 1")
    best = logits.amax(-1)  # amax carries NaN along
    if bool(best.isfinite().all()):
        return
    row = int((~best.isfinite()).nonzero()[0])
    value = float(best[row])
    if math.isnan(value):
        what = "NaN"
    else:
        what = "+inf" if value > 0 else "only -inf (every token is excluded)"
    raise ValueError(f"{where} {what} in row {row}, wants logits with a finite maximum")


def check_steps(processors: Iterable[LogitsProcessor]) -> list[LogitsProcessor]:
    """Return the steps of a chain as a list; a single step is none, and what is no function either.

    Args:
        processors: Steps.

    Raises:
        TypeError: Naming what is there instead.
    """
    if not isinstance(processors, Iterable):
        raise TypeError(f"processors got {processors!r:.60}, wants a list of steps")
    steps = list(processors)
    for index, step in enumerate(steps):
        if not callable(step):
            raise TypeError(f"processors[{index}] got {step!r:.60}, wants a function of logits")
    return steps


def process(
    logits: Float[Tensor, "B V"],
    processors: Sequence[LogitsProcessor],
    history: PastTokens | None = None,
) -> Float[Tensor, "B V"]:
    """Apply a chain of steps, checking the logits after each.

    Args:
        logits: Scores of the next token.
        processors: Steps, applied from left to right.
        history: Needed only by steps that look back.

    Raises:
        TypeError: If logits are no tensor of floats, or processors no list of steps.
        ValueError: If a step gets or leaves logits that allow no draw; the message names it.
    """
    check_logits(logits, "the chain got")
    processors = check_steps(processors)
    if processors:
        logits = logits.clone()  # a step of somebody's own may work in place
    for step in processors:
        if isinstance(step, Processor):
            logits = step(logits, history)
        else:
            logits = apply(step, logits, history)
            check_logits(logits, f"{_name(step)} returned")
    return logits


def probabilities(
    logits: Float[Tensor, "B V"],
    processors: Sequence[LogitsProcessor] = (),
    history: PastTokens | None = None,
) -> Float[Tensor, "B V"]:
    """Return the distribution that a draw uses: the chain, then softmax.

    The softmax renormalizes, so the tokens that remain sum to one again.

    Args:
        logits: Scores of the next token.
        processors: Steps, applied from left to right.
        history: Needed only by steps that look back.

    Raises:
        TypeError: If logits are no tensor of floats, or processors no list of steps.
        ValueError: If a step gets or leaves logits that allow no draw; the message names it.
    """
    return process(logits, processors, history).softmax(-1)
