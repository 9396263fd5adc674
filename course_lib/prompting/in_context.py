"""A task that can only be learned from the prompt, and the best answer anyone could give to it.

Sixteen words belong to four classes. The classes never change; what each class is *called* is drawn
anew for every sequence. So training can teach which words belong together, and never which label is
the right one: that stands in the examples of the prompt, or nowhere.

Chapter: 10_prompt_engineering
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.checks import (
    check_generator,
    check_ids,
    check_numbers,
    check_text,
    check_whole,
    tensor_of_ids,
)
from course_lib.objectives.example import IGNORE, Example
from course_lib.shapes import Float, Int

CLASSES = (
    ("dog", "cat", "duck", "lion"),
    ("red", "blue", "green", "white"),
    ("river", "forest", "hill", "garden"),
    ("boat", "lamp", "door", "wheel"),
)
LABELS = ("dax", "wug", "fep", "zup")


@dataclass(frozen=True)
class LabelTask:
    """Words in classes, and as many labels as classes.

    A sequence is word, label, word, label, ...; ids number the words of all classes first, then the
    labels. All classes have the same size.

    Attributes:
        classes: The words of each class.
        labels: The labels, which no class owns.

    Source: the design is ours; that a label map drawn anew for each sequence makes a model learn
    from its prompt is Chan et al. 2022, section 2.
    """

    classes: tuple[tuple[str, ...], ...] = CLASSES
    labels: tuple[str, ...] = LABELS

    def __post_init__(self) -> None:
        sizes = sorted({len(words) for words in self.classes})
        if len(self.classes) < 2 or len(sizes) != 1 or sizes == [0]:
            raise ValueError(
                f"classes must be two or more of one size, got {len(self.classes)} of sizes {sizes}"
            )
        if len(self.labels) != len(self.classes):
            raise ValueError(
                f"labels must be as many as the {len(self.classes)} classes, got {len(self.labels)}"
            )
        twice = sorted({word for word in self.words if self.words.count(word) > 1})
        if twice:
            raise ValueError(f"classes, labels: every word must be there once, got {twice} twice")

    @property
    def words(self) -> tuple[str, ...]:
        """Word or label of each id."""
        return (*(word for words in self.classes for word in words), *self.labels)

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return len(self.classes) * len(self.classes[0]) + len(self.labels)

    @property
    def first_label(self) -> int:
        """Id of the first label; the ids below it are words."""
        return self.vocab_size - len(self.labels)

    def encode(self, text: str) -> list[int]:
        """Return the ids of words separated by white space.

        Raises:
            TypeError: If it is no text.
            ValueError: If a word is not in the vocabulary.
        """
        check_text(text=text)
        known = {word: i for i, word in enumerate(self.words)}
        unknown = [word for word in text.split() if word not in known]
        if unknown:
            raise ValueError(f"text has {unknown[0]!r}, wants words out of {list(self.words)}")
        return [known[word] for word in text.split()]

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """Return the words of some ids, separated by blanks.

        Raises:
            TypeError: If they are no whole numbers.
        """
        return " ".join(self.words[i] for i in tensor_of_ids("ids", ids).tolist())

    def draw(
        self, n_sequences: int, n_pairs: int, *, generator: torch.Generator, easy: bool = False
    ) -> Int[Tensor, "B T"]:
        """Draw sequences of word-label pairs, each with a label map of its own.

        Args:
            n_sequences: Rows, B.
            n_pairs: Pairs in each; T is twice that.
            generator: Source of randomness.
            easy: Draw rows that a beginner can make sense of: a random number of classes is in
                play, and in half of the rows two classes may share a label.

        Returns:
            Ids, words at even places and labels at odd ones.

        Raises:
            TypeError: If an argument is of a wrong type.
            ValueError: If a count is not positive.
        """
        [n_sequences, n_pairs] = check_whole(n_sequences=n_sequences, n_pairs=n_pairs)
        check_generator(generator)
        for name, value in (("n_sequences", n_sequences), ("n_pairs", n_pairs)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        n, size = len(self.classes), len(self.classes[0])

        def pick(high: int, *shape: int) -> Tensor:
            return torch.randint(high, shape, generator=generator)

        def shuffled() -> Tensor:
            return torch.rand(n_sequences, n, generator=generator).argsort(-1)  # (B, C)

        label_of = shuffled()
        drawn = pick(n, n_sequences, n_pairs)  # (B, N): class of each word
        if easy:
            free = pick(2, n_sequences, 1).bool()  # the rows whose labels may coincide
            label_of = torch.where(free, pick(n, n_sequences, n), label_of)
            in_play = 1 + pick(n, n_sequences, 1)
            share = torch.rand(n_sequences, n_pairs, generator=generator)
            drawn = shuffled().gather(1, (share * in_play).long())
        words = drawn * size + pick(size, n_sequences, n_pairs)
        labels = self.first_label + label_of.gather(1, drawn)
        return torch.stack([words, labels], -1).flatten(1)


def label_example(tokens: Int[Tensor, "B T"]) -> Example:
    """Ask for the labels only: the words are drawn at random and cannot be foretold.

    Args:
        tokens: Sequences of word-label pairs.

    Returns:
        Inputs without the last label; at each word its label as the target, `IGNORE` elsewhere.

    Raises:
        TypeError: If `tokens` is no tensor of integers.
        ValueError: If it has not two dimensions.
    """
    tokens = check_ids("tokens", tokens, "B T")
    targets = tokens[:, 1:].clone()
    targets[:, 1::2] = IGNORE
    return Example(inputs=tokens[:, :-1], targets=targets)


def easy_then_pure(
    task: LabelTask,
    batch_size: int,
    n_pairs: int,
    *,
    steps: int,
    easy_share: float = 0.4,
    generator: torch.Generator,
) -> Iterator[Example]:
    """Yield the batches of a run: easy rows first, then only the real task.

    Without the easy rows the loss stays at that of guessing: nothing that a model might try by
    chance helps until two things are right at once, so no gradient points the way.

    Args:
        task: What to draw from.
        batch_size: Rows of a batch.
        n_pairs: Pairs in a row.
        steps: Batches of the run.
        easy_share: Share of the batches, from the start, that hold easy rows.
        generator: Source of randomness.

    Returns:
        An iterator with one example a step. The arguments are checked at once, before the first
        is asked for.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If a count is not positive, or `easy_share` is not from 0 to 1.
    """
    check_task(task)
    [batch_size, n_pairs, steps] = check_whole(batch_size=batch_size, n_pairs=n_pairs, steps=steps)
    [easy_share] = check_numbers(easy_share=easy_share)
    check_generator(generator)
    for name, value in (("batch_size", batch_size), ("n_pairs", n_pairs), ("steps", steps)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if not 0 <= easy_share <= 1:
        raise ValueError(f"easy_share must be from 0 to 1, got {easy_share}")
    return (
        label_example(
            task.draw(batch_size, n_pairs, generator=generator, easy=step < easy_share * steps)
        )
        for step in range(steps)
    )


def bayes_probabilities(task: LabelTask, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B N C"]:
    """Work out what can be known of each label from the pairs before it.

    A class whose label has been shown has that label. Any other class has one of the labels not
    shown yet, each equally likely. No predictor can be right more often.

    Args:
        task: Where the sequences come from.
        tokens: Sequences of word-label pairs with one label for each class (not easy rows).

    Returns:
        At each word, the probability of each label, in the order of `task.labels`.

    Raises:
        TypeError: If `tokens` is no tensor of integers.
        ValueError: If the rows are no word-label pairs, or break the rule of one label a class.
    """
    check_task(task)
    tokens = check_ids("tokens", tokens, "B T")
    n, size, first = len(task.classes), len(task.classes[0]), task.first_label
    words, labels = tokens[:, ::2], tokens[:, 1::2]  # (B, N) each
    if words.shape != labels.shape or (words >= first).any() or (labels < first).any():
        raise ValueError("tokens must alternate words and labels, and end in a label")
    classes = torch.nn.functional.one_hot(words // size, n)
    named = torch.nn.functional.one_hot(labels - first, n)
    pairs = classes[..., :, None] * named[..., None, :]  # (B, N, C, C): class by label
    after = pairs.cumsum(1) > 0
    if (after.sum(-1) > 1).any() or (after.sum(-2) > 1).any():
        raise ValueError("tokens must give each class one label and each label one class")
    before = after & ~torch.zeros_like(after)
    before[:, 1:], before[:, 0] = after[:, :-1], False
    own = (before & classes[..., None].bool()).any(-2)  # (B, N, C): the label of this class
    free = ~before.any(-2)
    known = own.any(-1, keepdim=True)
    return torch.where(known, own.float(), free / free.sum(-1, keepdim=True).clamp(min=1))


def check_task(task: LabelTask) -> None:
    """Refuse what is no `LabelTask`.

    Raises:
        TypeError: If it is none.
    """
    if not isinstance(task, LabelTask):
        raise TypeError(f"task must be a LabelTask, got {task!r:.60}")


def bayes_accuracy(n_examples: int, n_classes: int = 4) -> float:
    """Compute how often the best possible answer is right after some examples.

    Args:
        n_examples: Pairs before the query.
        n_classes: Classes, and labels.

    Returns:
        The expected accuracy, over all sequences.

    Raises:
        TypeError: If one of them is no whole number.
        ValueError: If there are fewer than 0 examples or 2 classes.
    """
    [n_examples, n_classes] = check_whole(n_examples=n_examples, n_classes=n_classes)
    if n_examples < 0 or n_classes < 2:
        raise ValueError(
            "n_examples must be 0 or more and n_classes 2 or more, got "
            f"{n_examples} and {n_classes}"
        )
    shown = [1.0, *[0.0] * n_classes]  # probability of having seen 0, 1, ... classes
    for _ in range(n_examples):
        shown = [
            p * seen / n_classes
            + (shown[seen - 1] * (n_classes - seen + 1) / n_classes if seen else 0)
            for seen, p in enumerate(shown)
        ]
    # A class already shown is certain; one not shown is a guess among the labels left.
    return sum(
        p * (seen / n_classes + (1 / n_classes if seen < n_classes else 0))
        for seen, p in enumerate(shown)
    )
