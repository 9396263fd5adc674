"""The next token as a distribution: temperature, top-k and top-p as visible stages, and draws.

Chapter: 11_generative_configuration
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import traitlets

from course_lib.generation.processors import temperature as temperature_step
from course_lib.generation.processors import top_p as top_p_step
from course_lib.widgets.base import CourseWidget, labels, numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, percent, scroll, seen_all, short
from course_lib.widgets.markup import table as html_table

_SHOWN = 12
_DECIMALS = 5  # of a logit: an error of 5e-6 in a log-probability


class Sampler(CourseWidget):
    """Shapes a next-token distribution and draws from it, over the whole vocabulary.

    The reader predicts first: the chance of the most likely token at another temperature, and how
    many tokens top-p then keeps.

    Args:
        prompts: Prompt text to {"tokens": V texts, "logits": V numbers}.
        predict: Temperature and top-p of the prediction.
        title: The heading.
        describe: One sentence to read first.
        badge: Where the logits come from.

    Raises:
        TypeError: If `prompts` is not a mapping, or logits are not numbers.
        ValueError: If `prompts` is empty, a logit is not finite, or lengths differ.
    """

    _esm = bundle("sampler.js")
    prompt = traitlets.Unicode(help="the text so far").tag(sync=True)
    temperature = traitlets.Float(1.0).tag(sync=True)
    top_k = traitlets.Int(0, help="0 is off").tag(sync=True)
    top_p = traitlets.Float(1.0, help="1 is off").tag(sync=True)
    temperature_last = traitlets.Bool(False).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    kept = traitlets.Int(0, help="tokens left after the last stage").tag(sync=True)
    draws = traitlets.Int(0, help="tokens drawn so far").tag(sync=True)
    drawn: Any = traitlets.Dict(help="token index (as text) -> how often it was drawn").tag(
        sync=True
    )

    def __init__(
        self,
        prompts: Mapping[str, Mapping[str, Any]],
        *,
        predict: tuple[float | int, float | int] = (0.5, 0.9),
        title: str = "From logits to a token",
        describe: str = "",
        badge: str = "measured on the trained model",
    ) -> None:
        """Checks the logits and writes the static form."""
        if not isinstance(prompts, Mapping):
            raise TypeError(f"prompts must be a mapping, got {type(prompts).__name__}")
        if not prompts:
            raise ValueError("prompts must hold at least one prompt, got none")
        entries = [_entry(name, given) for name, given in prompts.items()]
        shared = entries[0]["tokens"]
        if all(entry["tokens"] == shared for entry in entries):
            for entry in entries:
                del entry["tokens"]
        else:
            shared = None
        payload = {
            "tokens": shared,
            "prompts": entries,
            "predict": {"temperature": float(predict[0]), "top_p": float(predict[1])},
            "title": title,
            "describe": describe,
            "badge": badge,
        }
        sentence, drawn = _static_parts(payload)
        static = card(
            title,
            badge,
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p><strong>{escape(entries[0]['name'])} …</strong></p>",
            scroll("Tokens and their chances", drawn),
            f"<p>{escape(sentence)}</p>",
        )
        super().__init__(payload, static, f"{title}. {sentence}", prompt=entries[0]["name"])


def _entry(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Checks one prompt and rounds its logits."""
    where = f"prompts[{name!r}]"
    missing = [key for key in ("tokens", "logits") if key not in given]
    if missing:
        raise ValueError(f"{where} must hold tokens and logits, has no {missing[0]}")
    logits = [round(value, _DECIMALS) for value in numbers(f"{where}['logits']", given["logits"])]
    if len(logits) < 2:
        raise ValueError(f"{where}['logits'] must hold at least 2 numbers, got {len(logits)}")
    tokens = seen_all(labels(f"{where}['tokens']", given["tokens"], len(logits), "logit"))
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    return {"name": str(name), "tokens": tokens, "logits": logits, "order": order}


def openness(chances: Sequence[float]) -> float:
    """Returns exp of the entropy: among how many equally likely tokens the choice is as open."""
    return math.exp(-sum(chance * math.log(chance) for chance in chances if chance > 0))


def describe_sampler(
    names: Sequence[str], before: list[float], after: list[float], top: int
) -> str:
    """Says what the settings do, as the page says it."""
    kept = sum(chance > 0 for chance in after)
    return (
        f"{kept} of {len(names)} tokens stay. {names[top]} goes from {percent(before[top])} to "
        f"{percent(after[top])}. The choice is as open as among {short(openness(after), 1)} "
        f"equally likely tokens; before it was {short(openness(before), 1)}."
    )


def _static_parts(payload: dict[str, Any]) -> tuple[str, str]:
    """Describes and tabulates the first prompt at the settings that the reader predicts."""
    entry, goal = payload["prompts"][0], payload["predict"]
    tokens = entry.get("tokens") or payload["tokens"]
    first = torch.tensor([entry["logits"]], dtype=torch.float64)
    sharper = temperature_step(goal["temperature"])(first)
    kept = top_p_step(goal["top_p"])(sharper)
    stages = [logits.softmax(-1)[0].tolist() for logits in (first, sharper, kept)]
    names = [f"“{token}”" for token in tokens]
    sentence = (
        f"With temperature {short(goal['temperature'])} and top-p {short(goal['top_p'])}, "
        + describe_sampler(names, stages[0], stages[-1], entry["order"][0])
    )
    columns = ["the model", "after temperature", "after top-p"]
    rows = ((tokens[i], [_chance(stage[i]) for stage in stages]) for i in entry["order"][:_SHOWN])
    return sentence, html_table("token", columns, rows)


def _chance(value: float) -> str:
    return f"<td>{percent(value)}</td>" if value > 0 else '<td class="gone">dropped</td>'
