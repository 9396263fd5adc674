"""All-reduce around a ring, step by step: reduce-scatter, then all-gather.

Chapter: 18_multi_gpu_zero
"""

import math
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget, table_of_numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, fixed, listed, scroll, short
from course_lib.widgets.markup import table as html_table


class AllReduceStepper(CourseWidget):
    """The gradients of a few ranks, added up by passing slots around a ring.

    Args:
        gradients: One row per rank, as many numbers as ranks (one slot each), 2 to 6 of them.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        TypeError: If `gradients` is not a matrix of numbers.
        ValueError: If it is not square, or has fewer than 2 or more than 6 ranks.

    Source: the ring algorithm as in Patarasuk and Yuan 2009.
    """

    _esm = bundle("all_reduce_stepper.js")
    step = traitlets.Int(0, help="steps taken so far").tag(sync=True)
    held: Any = traitlets.List(help="what each rank holds now").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        gradients: Any = ((1, 4, 0, 2), (3, 1, 5, 0), (0, 2, 1, 6), (2, 3, 4, 1)),
        *,
        title: str = "All-reduce, one step at a time",
        describe: str = "",
    ) -> None:
        """Checks the gradients and writes the static form: start, middle and end."""
        if isinstance(gradients, tuple):
            gradients = [list(row) for row in gradients]
        rows = table_of_numbers("gradients", gradients)
        n = len(rows)
        if len(rows[0]) != n or not 2 <= n <= 6:
            raise ValueError(
                f"gradients must have as many slots as ranks, 2 to 6, got ({n}, {len(rows[0])})"
            )
        payload = {"rows": rows, "title": title, "describe": describe, "badge": "toy numbers"}
        states = ring_states(rows)
        parts = "".join(
            f"<div><p><strong>{name}</strong></p>{scroll(name, _table(state, n))}</div>"
            for name, state in (
                ("Start", states[0]),
                ("After reduce-scatter", states[n - 1]),
                ("After all-gather", states[-1]),
            )
        )
        first = scroll("The ring", ring_picture(states[1]))
        parts = f"<div><p><strong>The first step</strong></p>{first}</div>{parts}"
        sentence = describe_state(states[-1], last=True)
        static = card(
            title,
            "toy numbers",
            f"<p>{escape(describe)}</p>" if describe else "",
            f'<div class="cw-stages">{parts}</div>',
            f"<p>{escape(sentence)}</p>",
        )
        super().__init__(payload, static, f"{title}. {sentence}", held=rows)


def ring_states(rows: list[list[float]]) -> list[dict[str, Any]]:
    """Returns every state of a ring all-reduce, from the ranks' own numbers to the sums.

    In step s of reduce-scatter, rank r sends slot r - s to its right neighbour, who adds it to
    its own; in all-gather, rank r sends slot r - s + 1, which replaces the neighbour's.
    """
    n = len(rows)
    states: list[dict[str, Any]] = [
        {
            "phase": "start",
            "step": 0,
            "rows": [list(row) for row in rows],
            "held": [[1] * n for _ in rows],
            "sent": [],
        }
    ]
    for phase in ("reduce-scatter", "all-gather"):
        for step in range(1, n):
            last = states[-1]
            new: dict[str, Any] = {
                "phase": phase,
                "step": step,
                "rows": [list(row) for row in last["rows"]],
                "held": [list(row) for row in last["held"]],
                "sent": [],
            }
            for rank in range(n):
                to = (rank + 1) % n
                slot = (rank - step + (phase == "all-gather")) % n
                new["sent"].append([rank, to, slot])
                for key in ("rows", "held"):
                    kept = last[key][to][slot] if phase == "reduce-scatter" else 0
                    new[key][to][slot] = kept + last[key][rank][slot]
            states.append(new)
    return states


def describe_state(state: dict[str, Any], *, last: bool) -> str:
    """Says what a step did and how many finished sums each rank holds."""
    n = len(state["rows"])
    if state["phase"] == "start":
        return f"Start: each of {n} ranks holds its own {n} numbers."
    moves = [
        f"rank {rank + 1} sends slot {slot + 1} to rank {to + 1}"
        for rank, to, slot in state["sent"]
    ]
    owned = [f"rank {r + 1}: {row.count(n)} of {n}" for r, row in enumerate(state["held"])]
    end = " Every rank holds every sum." if last else ""
    return (
        f"{state['phase']}, step {state['step']} of {n - 1}: {listed(moves)}. "
        f"Finished sums on {listed(owned)}.{end}"
    )


def ring_picture(state: dict[str, Any]) -> str:
    """Draws the ranks on a circle, and on each arc the slot that travels it in this step.

    The same text as `ringPicture` in `kit/ui/ring.js` writes; a table beside it has the numbers.

    Args:
        state: One of `ring_states`.

    Returns:
        An SVG. Two ranks get an arc each way, since a ring of two is still a ring.
    """
    n = len(state["rows"])
    slots = {rank: slot for rank, _, slot in state["sent"]}
    gap = 0.36  # radians from the middle of a rank to where its arc begins
    drawn = []

    def place(angle: float, radius: float | int) -> str:
        x, y = 180 + radius * math.sin(angle), 150 - radius * math.cos(angle)
        return f"{fixed(x, 1)} {fixed(y, 1)}"

    for rank, held in enumerate(state["held"]):
        at, to = 2 * math.pi * rank / n, 2 * math.pi * (rank + 1) / n
        if rank in slots:
            end = to - gap
            tip = f"{place(end, 104)}L{place(end - 0.12, 112)}L{place(end - 0.12, 96)}Z"
            x, y = place((at + to) / 2, 132).split()
            far = int(to - at - 2 * gap > math.pi)
            arc = f"M{place(at + gap, 104)}A104 104 0 {far} 1 {place(end - 0.1, 104)}"
            drawn.append(f'<path d="{arc}"/><path class="tip" d="M{tip}"/>')
            drawn.append(f'<text x="{x}" y="{y}" dy="5">slot {slots[rank] + 1}</text>')
        x, y = place(at, 104).split()
        drawn.append(f'<circle cx="{x}" cy="{y}" r="30"/>')
        drawn.append(f'<text x="{x}" y="{y}" dy="-2">rank {rank + 1}</text>')
        drawn.append(f'<text x="{x}" y="{y}" dy="15">{held.count(n)} of {n}</text>')
    size = 'class="cw-ring" viewBox="0 0 360 300" width="360" height="300"'
    return f'<svg {size} aria-hidden="true">{"".join(drawn)}</svg>'


def _table(state: dict[str, Any], n: int) -> str:
    rows = (
        (
            f"rank {r + 1}",
            [
                f'<td class="sh{8 if held == n else 3 if held > 1 else 0}">{short(value, 4)}</td>'
                for value, held in zip(row, state["held"][r], strict=True)
            ],
        )
        for r, row in enumerate(state["rows"])
    )
    return html_table("rank", [f"slot {c + 1}" for c in range(n)], rows, kind="cw-heat")
