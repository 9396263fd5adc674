"""The tasks that the command knows: what their items are, and how answers are scored."""

from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.tasks.items import Continuation, Item, LabelledText, Question, TaggedWords, TextPair
from course_lib.tasks.labels import as_iob2, entities


@dataclass(frozen=True)
class TaskKind:
    """One use of a pre-trained model.

    Attributes:
        name: Of the use, as the command has it.
        item: Type of its items.
        scores: Names of its scores, the chief one first.
        about: What it is, in a line.
    """

    name: str
    item: type
    scores: tuple[str, ...]
    about: str

    def ready(self, items: Sequence[Item]) -> list[Item]:
        """Bring items into the form that this use asks for: labels of entities into IOB2.

        Raises:
            ValueError: If a label of an entity is none.
        """
        if self.name != "entities":
            return list(items)
        found: list[Item] = []
        for number, item in enumerate(items):
            assert isinstance(item, TaggedWords)
            labels = as_iob2(item.labels)
            try:
                entities(labels)
            except ValueError as error:
                raise ValueError(f"items[{number}]: {error}") from error
            found.append(TaggedWords(item.words, labels))
        return found


TASK_KINDS = {
    kind.name: kind
    for kind in (
        TaskKind("sentiment", LabelledText, ("accuracy", "macro_f1"), "one label for a text"),
        TaskKind(
            "entities", TaggedWords, ("entity_f1", "token_f1", "words_accuracy"), "names in a text"
        ),
        TaskKind("word-classes", TaggedWords, ("words_accuracy",), "one label for each word"),
        TaskKind("generation", Continuation, ("exact", "chrf"), "a text that goes on from another"),
        TaskKind("translation", TextPair, ("exact", "bleu", "chrf"), "a text in another language"),
        TaskKind("summarization", TextPair, ("exact", "rougeL"), "a short text for a long one"),
        TaskKind("answering", Question, ("exact", "answer_f1"), "a question about a text"),
    )
}
