"""One setting, many names, here, in `transformers`, in vLLM and in OpenAI's API; and its defaults.

A default decides what happens where nothing was said, and they differ: the same call draws in one
place and takes the maximum in another, and one library cuts at 50 tokens unasked.

Chapter: 11_generative_configuration
"""

import inspect
from typing import Any, NamedTuple

from course_lib.generation.loop import generate

NOTHING = "-"


class Setting(NamedTuple):
    """What one setting is called, and what it is when nobody sets it.

    Attributes:
        what: The setting, in words.
        course: The argument of `generate`, or the step of its list of steps.
        transformers: The field of `GenerationConfig`, and its default.
        vllm: The field of `SamplingParams`, and its default.
        openai: The field of a chat completion, and its default.
    """

    what: str
    course: str
    transformers: tuple[str, Any] | None = None
    vllm: tuple[str, Any] | None = None
    openai: tuple[str, Any] | None = None


SETTINGS = (
    Setting(
        "length",
        "max_new_tokens",
        ("max_new_tokens", None),
        ("max_tokens", 16),
        ("max_completion_tokens", None),
    ),
    Setting("whole length", NOTHING, ("max_length", 20)),
    Setting("draw at all", "sample", ("do_sample", False)),
    Setting(
        "temperature",
        "temperature",
        ("temperature", 1.0),
        ("temperature", 1.0),
        ("temperature", 1.0),
    ),
    Setting("top-k", "top_k", ("top_k", 50), ("top_k", 0)),
    Setting("top-p", "top_p", ("top_p", 1.0), ("top_p", 1.0), ("top_p", 1.0)),
    Setting("min-p", "min_p", ("min_p", None), ("min_p", 0.0)),
    Setting(
        "repetition",
        "repetition_penalty",
        ("repetition_penalty", 1.0),
        ("repetition_penalty", 1.0),
    ),
    Setting(
        "presence",
        "presence_penalty",
        None,
        ("presence_penalty", 0.0),
        ("presence_penalty", 0.0),
    ),
    Setting(
        "frequency",
        "frequency_penalty",
        None,
        ("frequency_penalty", 0.0),
        ("frequency_penalty", 0.0),
    ),
    Setting("no repeats", "no_repeat_ngram", ("no_repeat_ngram_size", 0)),
    Setting("stop string", "stop", ("stop_strings", None), ("stop", None), ("stop", None)),
    Setting("end token", "eos_id", ("eos_token_id", None), ("stop_token_ids", None)),
    Setting("logits added", "bias_words", ("sequence_bias", None), ("logit_bias", None),
            ("logit_bias", None)),
    Setting("seed", "generator", None, ("seed", None), ("seed", None)),
    Setting("texts", "rows of the batch", ("num_return_sequences", 1), ("n", 1),
            ("n", 1)),
    Setting("beams", "beam_search", ("num_beams", 1)),
)  # fmt: skip
"""The settings of this chapter.

Source: `transformers` 5, `GenerationConfig` (a test reads them there); the documentation of vLLM's
`SamplingParams` (where a missing `top_k` is 0, for all tokens) and of OpenAI's chat completions. A
checkpoint's own `generation_config.json` goes before the defaults of `transformers`, and vLLM's
server reads it too. Where no length is given, `transformers` takes its `max_length` for the new
tokens alone (`_prepare_generated_length`)."""


def names_and_defaults() -> list[list[str]]:
    """Make the table of all settings; our own defaults are read from `generate` itself.

    Returns:
        A header row, then a row for each setting.
    """
    parameters = inspect.signature(generate).parameters
    rows = [["", "this course", "transformers", "vLLM", "OpenAI's chat"]]
    for setting in SETTINGS:
        ours = setting.course
        if ours in parameters and parameters[ours].default is not inspect.Parameter.empty:
            ours = f"{ours}={parameters[ours].default}"
        others = (setting.transformers, setting.vllm, setting.openai)
        rows.append([setting.what, ours, *(_named(other) for other in others)])
    return rows


def _named(field: tuple[str, Any] | None) -> str:
    return NOTHING if field is None else f"{field[0]}={field[1]}"
