"""What a task is made of: texts with what a person would answer."""

from dataclasses import dataclass, fields
from typing import Any

from course_lib.checks import check_lists, check_text, check_whole


def _check_texts(item: Any) -> None:
    """Refuse an item with a field that is no text."""
    check_text(**{field.name: getattr(item, field.name) for field in fields(item)})


@dataclass(frozen=True)
class LabelledText:
    """A text and its one label, as for sentiment.

    Attributes:
        text: The text.
        label: Its label.

    Raises:
        TypeError: If one of the two is no text; a label that is a number is written as one.
    """

    text: str
    label: str

    def __post_init__(self) -> None:
        _check_texts(self)


@dataclass(frozen=True)
class TaggedWords:
    """The words of a text and a label for each, as for named entities and word classes.

    Attributes:
        words: The words; joined with blanks they are the text.
        labels: One a word.

    Raises:
        TypeError: If words or labels are no list of texts: one text would count as its letters.
        ValueError: If there are not as many labels as words, or a word is none.
    """

    words: tuple[str, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, texts in (("words", self.words), ("labels", self.labels)):
            check_lists(**{name: texts})
            check_text(**{f"{name}[{place}]": one for place, one in enumerate(texts)})
        if len(self.words) != len(self.labels):
            raise ValueError(
                f"labels must be one a word: got {len(self.labels)} for {len(self.words)} words"
            )
        for number, word in enumerate(self.words):
            if not word or word.strip() != word:
                raise ValueError(f"words[{number}] is {word!r}: must not be blank at its ends")

    @property
    def text(self) -> str:
        """The words with a blank between each two."""
        return " ".join(self.words)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where each word stands in the text, in characters."""
        found, at = [], 0
        for word in self.words:
            found.append((at, at + len(word)))
            at += len(word) + 1
        return found


@dataclass(frozen=True)
class TextPair:
    """A text and the text wanted for it: a translation, a summary, a continuation.

    Attributes:
        source: What the model reads.
        target: What it should write.

    Raises:
        TypeError: If one of the two is no text.
    """

    source: str
    target: str

    def __post_init__(self) -> None:
        _check_texts(self)


@dataclass(frozen=True)
class Continuation(TextPair):
    """A text that goes on where another ends: a decoder reads no token between the two.

    Attributes:
        source: The beginning.
        target: How it goes on.
    """


@dataclass(frozen=True)
class Question:
    """A question whose answer stands in a text.

    Attributes:
        context: The text.
        question: The question.
        answer: A part of the text.
        start: Character of the text at which the answer begins.

    Raises:
        TypeError: If a text is none, or the start no whole number.
        ValueError: If the answer is empty or does not stand there.
    """

    context: str
    question: str
    answer: str
    start: int

    def __post_init__(self) -> None:
        check_text(context=self.context, question=self.question, answer=self.answer)
        [start] = check_whole(start=self.start)
        object.__setattr__(self, "start", start)
        if not self.answer:
            raise ValueError("answer is empty: must be a part of the context")
        found = self.context[max(self.start, 0) :][: len(self.answer)]
        if self.start < 0 or found != self.answer:
            raise ValueError(
                f"answer {self.answer!r} must stand at character {self.start} of the context, "
                f"which has {found!r} there"
            )


Item = LabelledText | TaggedWords | TextPair | Question
