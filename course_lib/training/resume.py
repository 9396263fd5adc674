"""Coming back to a run: what is kept besides the weights, and whether it still fits."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.training.history import History

# Of what there is too much of to keep, a digest stands in the checkpoint, which tells nobody what
# has changed.
_DIGESTS = {
    "rows": " (a digest: text, tokenizer or length of rows are others)",
    "examples": " (a digest: items, tokenizer or encoding are others)",
}


def place_of(batches: Any) -> dict[str, Any]:
    """Note where the data stand, if they can say it."""
    return {"batches": batches.state_dict()} if hasattr(batches, "state_dict") else {}


def accept(
    state: dict[str, Any],
    path: Path,
    history: History,
    batches: Any,
    steps: int,
    run: Mapping[str, Any],
) -> None:
    """Take up a saved run: fill its history, and go to its place in the data.

    Args:
        state: What was saved.
        path: Where, for messages.
        history: Gets the course of the run so far.
        batches: Go to where they stood.
        steps: Updates that the run is to have now.
        run: Values that must not have changed.

    Raises:
        ValueError: If it is another run, cannot be continued exactly, or is longer already.
    """
    try:
        saved, place = History.from_dict(state["history"]), state["place"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} holds no run of the training loop: {error!r}") from error
    theirs, mine = (_flat(one) for one in (state.get("run", {}), json.loads(json.dumps(dict(run)))))
    for name in sorted(theirs.keys() | mine.keys()):
        if theirs.get(name) != mine.get(name):
            raise ValueError(
                f"{path} holds another run: {name} was {theirs.get(name)}, "
                f"now it is {mine.get(name)}{_DIGESTS.get(name, '')}"
            )
    if saved.steps > steps:
        raise ValueError(
            f"steps must be at least {saved.steps}, which the run in {path} has, got {steps}"
        )
    can = hasattr(batches, "load_state_dict")
    if ("batches" in place) != can:
        raise ValueError(
            f"{path} cannot be resumed exactly: the place in the data was "
            f"{'saved' if 'batches' in place else 'not saved'}, but these batches "
            f"{'can' if can else 'cannot'} take it"
        )
    if can:
        try:
            batches.load_state_dict(place["batches"])
        except ValueError as error:
            raise ValueError(f"{path} is of other data: {error}") from error
    vars(history).update(vars(saved))
    history.resumed_at = saved.steps


def _flat(run: Mapping[str, Any]) -> dict[str, Any]:
    """Name the fields of what has fields, so that a message can show the one that differs."""
    flat: dict[str, Any] = {}
    for name, value in run.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{field}": inner for field, inner in value.items()}
        else:
            flat[name] = value
    return flat
