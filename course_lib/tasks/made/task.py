"""The made tasks by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from course_lib.tasks.made import facts, headlines, names, opinions, translation, word_classes

_Draw = Callable[[int, torch.Generator], list[Any]]


@dataclass(frozen=True)
class MadeTask:
    """A task with its text to pre-train on.

    Attributes:
        name: Of the task.
        texts: Draws texts without labels, as ``texts(n, generator)``.
        items: Draws items, as ``items(n, generator)``.
        labels: All labels, in a fixed order; none where the answer is text.
        metric: Name of the score in ``course_lib.tasks.metrics.METRICS``.
        best: The highest score that any model can expect: each item has one right answer.
        chance: The score of whoever knows the labels and does not read the text.
    """

    name: str
    texts: _Draw
    items: _Draw
    labels: Sequence[str]
    metric: str
    best: float
    chance: float


MADE: dict[str, MadeTask] = {
    task.name: task
    for task in (
        MadeTask(
            "sentiment", opinions.texts, opinions.items, opinions.LABELS, "accuracy", 1.0, 0.5
        ),
        MadeTask("entities", names.texts, names.items, names.LABELS, "entity_f1", 1.0, 0.0),
        MadeTask(
            "word-classes",
            word_classes.texts,
            word_classes.items,
            word_classes.LABELS,
            "words_accuracy",
            1.0,
            1 / len(word_classes.LABELS),
        ),
        MadeTask("translation", translation.texts, translation.items, (), "exact", 1.0, 0.0),
        MadeTask("summarization", headlines.texts, headlines.items, (), "exact", 1.0, 0.0),
        MadeTask("answering", facts.texts, facts.items, (), "exact", 1.0, 1 / facts.N_FACTS),
        MadeTask(
            "generation", facts.texts, facts.continuations, (), "exact", 1.0, 1 / facts.N_FACTS
        ),
    )
}
