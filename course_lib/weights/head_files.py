"""How the files of a family hold the head of a task: names of its tensors, and its labels."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from course_lib.config import TransformerConfig
from course_lib.weights.rules import Family, Rule

HEAD = "task."
"""Put before the names of a head's tensors, to tell them from the model's."""
_CLASSES = {
    "sequence": "ForSequenceClassification",
    "tokens": "ForTokenClassification",
    "span": "ForQuestionAnswering",
}
# The reference library's class for this head looks for the model under another name.
_MODEL_NAMES = {("llama", "span"): ("model.", "transformer.")}


def head_rules(
    family: Family,
    config: TransformerConfig,
    head: nn.Module,
    kind: str | None,
    labels: Sequence[str],
) -> tuple[list[Rule], dict[str, Any]]:
    """Find how a file of a family holds a head.

    Args:
        family: The family.
        config: Of the model.
        head: Its maps are named as `load_head` names them: `dense` and `output`.
        kind: `sequence`, `tokens` or `span`.
        labels: What the choices are called; none where the head is for a span.

    Returns:
        The rules of model and head, whose names here begin with `HEAD`, and fields of
        `config.json`.

    Raises:
        ValueError: If the family's files have no such head, or one of another form, or if there are
            not as many labels as choices.
    """
    known = [name for name in _CLASSES if name in family.heads]
    if kind not in known:
        raise ValueError(
            f"head_kind={kind!r}: heads of {family.model_type} files are {', '.join(known) or None}"
        )
    maps = family.heads[kind]
    parts = {name: one for name, one in head.named_children() if isinstance(one, nn.Linear)}
    if set(parts) != set(maps):
        raise ValueError(
            f"a {kind} head of {family.model_type} files has {sorted(maps)}, this one has "
            f"{sorted(parts)}"
        )
    old, new = _MODEL_NAMES.get((family.model_type, kind), ("", ""))
    of_model = family.rules(config)
    if old:
        of_model = [replace(r, theirs=re.sub(f"^{old}", new, r.theirs)) for r in of_model]
    of_head = [
        Rule(f"{theirs}.{which}", f"{HEAD}{ours}.{which}")
        for ours, theirs in maps.items()
        for which, _ in parts[ours].named_parameters()
    ]
    architecture = re.split("For|LMHead|MT|Model", family.architecture(config))[0] + _CLASSES[kind]
    fields: dict[str, Any] = {"architectures": [architecture]}
    if kind != "span":
        n_labels = parts["output"].weight.shape[0]
        if len(labels) != n_labels:
            raise ValueError(f"labels must be {n_labels}, one a choice, got {len(labels)}")
        fields["id2label"] = {str(number): label for number, label in enumerate(labels)}
        fields["label2id"] = {label: number for number, label in enumerate(labels)}
    elif labels:
        raise ValueError(f"labels must be none for a span, got {list(labels)}")
    return of_model + of_head, fields
