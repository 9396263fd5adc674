"""How long a step computes and sends, under DDP and ZeRO, and whether the sending is hidden.

Chapter: 18_multi_gpu_zero
"""

from typing import Any

import traitlets

from course_lib.checks import check_flags, check_sizes
from course_lib.distributed.zero.stages import check_stage
from course_lib.widgets.base import CourseWidget, number
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, scroll, short
from course_lib.widgets.markup import table as html_table
from course_lib.widgets.memory_calculator import STAGES

LINKS = {
    "nvlink": ("NVLink, 300 GB/s", 300e9),
    "infiniband": ("InfiniBand, 12.5 GB/s", 12.5e9),
    "ethernet": ("Ethernet, 1.25 GB/s", 1.25e9),
}
POWERS = range(5, 19)  # of 2: the tokens that the slider reaches
_OPERATIONS = (2, 4, 0)  # of a token and parameter: forward, backward, after the step
_SENT = ((0, 2, 0), (0, 1, 1), (0, 1, 1), (1, 2, 0))  # numbers for each parameter, by stage


class StepTime(CourseWidget):
    """Bytes over a link against operations of a GPU: a reader turns both, and sees who waits.

    A number that is sent has two bytes. Sending in the forward or backward pass hides behind the
    computing of that pass; what ZeRO-1 and ZeRO-2 send after the step hides behind nothing.

    Args:
        parameters: Number of parameters.
        gpus: Number of data-parallel GPUs.
        stage: 0 (DDP), 1, 2 or 3.
        tokens: Tokens on each GPU in a step, a power of 2 from 32 to 262,144.
        link: "nvlink", "infiniband" or "ethernet".
        teraflops: What one GPU does, in 1e12 operations a second.
        overlap: Whether the GPU computes while it sends.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        TypeError: If a number is none.
        ValueError: If a choice is not one of those named, or a number is out of range.

    Source: Rajbhandari et al. 2020, section 7, for what is sent; 6 operations a parameter and token
        are Kaplan et al. 2020, section 2.1.
    """

    _esm = bundle("step_time.js")
    choice: Any = traitlets.Dict(help="the settings now").tag(sync=True)
    step_seconds = traitlets.Float(0.0, help="seconds of a step").tag(sync=True)
    predicted: Any = traitlets.Dict(help="what the reader predicted").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        parameters: float | int = 8e9,
        gpus: int = 64,
        stage: int = 3,
        *,
        tokens: int = 8192,
        link: str = "infiniband",
        teraflops: float | int = 156,
        overlap: bool = True,
        title: str = "Who waits for whom?",
        describe: str = "",
    ) -> None:
        """Checks the settings and writes the static form: a table of all four stages."""
        check_stage(stage)
        if link not in LINKS:
            raise ValueError(f"link must be one of {', '.join(LINKS)}, got {link!r}")
        [gpus, tokens] = check_sizes(gpus=gpus, tokens=tokens)
        [overlap] = check_flags(overlap=overlap)
        if tokens not in [2**power for power in POWERS]:
            raise ValueError(f"tokens must be a power of 2 from 32 to 262144, got {tokens}")
        sizes = {"parameters": parameters, "teraflops": teraflops}
        for name, value in sizes.items():
            if number(name, value) <= 0:
                raise ValueError(f"{name} must be positive, got {value}")
        choice: dict[str, Any] = {
            "parameters": float(parameters),
            "gpus": gpus,
            "stage": stage,
            "tokens": tokens,
            "link": link,
            "teraflops": float(teraflops),
            "overlap": overlap,
        }
        payload: dict[str, Any] = {
            "choice": choice,
            "title": title,
            "describe": describe,
            "badge": "arithmetic, of perfect links",
        }
        said = describe_time(choice)
        sums = [step_of(choice | {"stage": stage}) for stage in range(4)]
        rows = (
            (name, [f"<td>{fixed(value, 3)} s</td>" for value in one.values()])
            for name, one in zip(STAGES, sums, strict=True)
        )
        columns = ["computes", "sends", "waits", "a step"]
        static = card(
            title,
            payload["badge"],
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p>{escape(time_question(choice))}</p>",
            "<details><summary>All four stages</summary>"
            f"{scroll('All four stages', html_table('stage', columns, rows))}"
            f"<p>{escape(said)}</p></details>",
        )
        super().__init__(
            payload,
            static,
            f"{title} {said}",
            choice=dict(choice),
            step_seconds=step_of(choice)["step"],
        )


def phases_of(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """Gives the phases of a step, each with its seconds of computing, of sending and of waiting.

    Args:
        choice: The settings of a `StepTime`.
    """
    share = (choice["gpus"] - 1) / choice["gpus"]
    phases = []
    for i, name in enumerate(("forward", "backward", "after the step")):
        work = _OPERATIONS[i] * choice["parameters"] * choice["tokens"]
        computing = work / (choice["teraflops"] * 1e12)
        sent = 2 * _SENT[choice["stage"]][i] * choice["parameters"] * share
        sending = sent / LINKS[choice["link"]][1]
        waiting = max(0.0, sending - computing) if choice["overlap"] else sending
        phases.append(
            {"name": name, "computing": computing, "sending": sending, "waiting": waiting}
        )
    return phases


def step_of(choice: dict[str, Any]) -> dict[str, float]:
    """Sums the phases of a step.

    Args:
        choice: The settings of a `StepTime`.

    Returns:
        Seconds of `computing`, of `sending`, of `waiting` for what is not hidden, and of the
        whole `step`.
    """
    sums = {
        key: sum(phase[key] for phase in phases_of(choice))
        for key in ("computing", "sending", "waiting")
    }
    return sums | {"step": sums["computing"] + sums["waiting"]}


def _where(choice: dict[str, Any]) -> str:
    gpus = choice["gpus"]
    return f"{STAGES[choice['stage']]} on {gpus:,} {'GPU' if gpus == 1 else 'GPUs'}"


def time_question(choice: dict[str, Any]) -> str:
    """Says what is to be predicted."""
    return (
        f"A model of {short(choice['parameters'] / 1e9, 3)} billion parameters trains under "
        f"{_where(choice)} of {short(choice['teraflops'])} TFLOPS, with {choice['tokens']:,} "
        f"tokens on each in a step. The link is {LINKS[choice['link']][0]}. How long does each "
        "compute and send, and is all of the sending hidden?"
    )


def describe_time(choice: dict[str, Any]) -> str:
    """Says how long a GPU computes and sends, and what of it is hidden, as the page says it."""
    sums = step_of(choice)
    if sums["sending"] == 0:
        hidden = "nothing is sent"
    elif sums["waiting"] == 0:
        hidden = "all of the sending is hidden"
    else:
        hidden = f"{fixed(sums['waiting'], 3)} s of the sending are not hidden"
    return (
        f"{_where(choice)}, {choice['tokens']:,} tokens on each, over {LINKS[choice['link']][0]}: "
        f"{fixed(sums['computing'], 3)} s of computing, {fixed(sums['sending'], 3)} s of sending; "
        f"{hidden}. A step takes {fixed(sums['step'], 3)} s."
    )
