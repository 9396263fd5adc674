"""Small stories whose probability is known exactly: the best test a training loop can have.

No model can predict them better, on average, than the process that made them. A loss that goes
below this floor, by more than chance, proves that the model sees what it should predict.

Chapter: 07_feed_forward_softmax
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from course_lib.checks import check_generator, check_lists, check_whole

SEPARATOR = "."
_PRONOUNS = {
    "she": ("Anna", "Mira", "Sofia", "Lucy"),
    "he": ("Ben", "Tom", "Omar", "Jack"),
}
_ANIMALS = {
    "dog": "barks",
    "cat": "purrs",
    "duck": "quacks",
    "lion": "roars",
    "frog": "croaks",
    "bird": "sings",
}
_COLOURS = ("red", "blue", "green", "white", "black")
_PLACES = ("forest", "river", "village", "garden", "market", "hill")
_THINGS = ("boat", "tree", "house", "wheel", "lamp", "door", "stone", "bridge")
_VERBS = ("run", "play", "rest", "dance", "wait")
_MOODS = ("happy", "tired", "proud", "quiet")
# What a sentence begins with tells its kind, so no story has two derivations. "then" ends it.
_KINDS = {"pronoun": 0.3, "the": 0.2, "name": 0.15, "in": 0.15, "then": 0.2}


@dataclass(frozen=True)
class Story:
    """A story and, for each of its words, the probability it had after the words before it.

    Attributes:
        words: The words, the full stop of a sentence being one.
        log_probabilities: Natural logarithm of p(word given all words before), one a word; 0 where
            the word was the only one possible. After the last word the story is certain to end.
    """

    words: tuple[str, ...]
    log_probabilities: tuple[float, ...]

    @property
    def log_probability(self) -> float:
        """Logarithm of the probability of the whole story."""
        return sum(self.log_probabilities)


class _Writer:
    """Writes words, certain ones and drawn ones, and remembers what each draw cost."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.words: list[str] = []
        self.costs: list[float] = []

    def say(self, *words: str) -> None:
        self.words += words
        self.costs += [0.0] * len(words)

    def draw(self, options: Sequence[str], weights: Sequence[float] | None = None) -> str:
        weights = weights or [1.0] * len(options)
        # The draw that torch.multinomial makes, without its checks, which take longer than it.
        shares = torch.tensor(weights)
        waits = torch.empty_like(shares).exponential_(generator=self.generator)
        chosen = int((shares / waits).argmax())
        self.words.append(options[chosen])
        self.costs.append(math.log(weights[chosen] / sum(weights)))
        return options[chosen]


class _Impossible(ValueError):
    """A story cannot begin so."""


class _Follower:
    """Walks along given words; where they end, it keeps what could come next."""

    def __init__(self, words: Sequence[str]) -> None:
        self.left = list(words)
        self.next: dict[str, float] = {}

    def say(self, *words: str) -> None:
        for word in words:
            self.draw([word])

    def draw(self, options: Sequence[str], weights: Sequence[float] | None = None) -> str:
        weights = weights or [1.0] * len(options)
        if self.next:
            return options[0]  # past the end: anything will do
        if not self.left:
            shares = zip(options, weights, strict=True)
            self.next = {word: weight / sum(weights) for word, weight in shares}
            return options[0]
        word = self.left.pop(0)
        if word not in options:
            raise _Impossible(word)
        return word


def next_words(words: Sequence[str], *, most_events: int = 8) -> dict[str, float]:
    """Give the exact probability of every word that can follow the beginning of a story.

    Args:
        words: The beginning, from the first word of the story; none of it, or a whole story, too.
        most_events: As in ``story``.

    Returns:
        Word to probability, impossible words left out; the border, "", after a whole story.

    Raises:
        TypeError: If words are no list, or the number no whole number.
        ValueError: If no story begins with these words, naming the first that cannot stand there.
    """
    check_lists(words=words)
    follower = _Follower(words)
    try:
        _tell(follower, most_events)
    except _Impossible as error:
        place = len(words) - len(follower.left) - 1
        raise ValueError(
            f"words[{place}] = {error.args[0]!r} cannot follow the words before it"
        ) from None
    if follower.left:
        place = len(words) - len(follower.left)
        raise ValueError(f"words[{place}] = {words[place]!r} follows the end of the story")
    return follower.next or {vocabulary()[0]: 1.0}


def story(generator: torch.Generator, *, most_events: int = 8) -> Story:
    """Draw a story: a child, an animal of some colour, and what happens to them.

    The name decides the pronoun, the animal its sound, and the last sentence repeats colour,
    animal and name from the first: what comes next often depends on a word far back.

    Args:
        generator: Draws every choice.
        most_events: After so many sentences in the middle the last one must follow, and has
            probability 1. A story is at most ``16 + 8 * most_events`` words long.

    Returns:
        The story with its probabilities.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If ``most_events`` is negative.
    """
    check_generator(generator)
    writer = _Writer(generator)
    _tell(writer, most_events)
    return Story(tuple(writer.words), tuple(writer.costs))


def _tell(writer: _Writer | _Follower, most_events: int) -> None:
    """Tell one story: every word of it is said, or drawn among the words that are possible."""
    [most_events] = check_whole(most_events=most_events)
    if most_events < 0:
        raise ValueError(f"most_events must be 0 or more, got {most_events}")
    name = writer.draw([name for names in _PRONOUNS.values() for name in names])
    pronoun = next(pronoun for pronoun, names in _PRONOUNS.items() if name in names)
    writer.say("has", "a")
    colour = writer.draw(_COLOURS)
    animal = writer.draw(list(_ANIMALS))
    writer.say(SEPARATOR)
    openings = [{"pronoun": pronoun, "name": name}.get(kind, kind) for kind in _KINDS]
    for _ in range(most_events):
        opening = writer.draw(openings, list(_KINDS.values()))
        if opening == pronoun:
            writer.say("takes", "the", animal, "to", "the")
            writer.draw(_PLACES)
        elif opening == "the":
            writer.say(animal, _ANIMALS[animal], "at", "the")
            writer.draw(_THINGS)
        elif opening == name:
            writer.say("and", "the", animal)
            writer.draw(_VERBS)
        elif opening == "in":
            writer.say("the")
            writer.draw(_PLACES)
            writer.say(pronoun, "sees", "a")
            writer.draw(_THINGS)
        else:
            break
        writer.say(SEPARATOR)
    else:
        writer.say("then")
    writer.say("the", colour, animal, "sleeps", "and", name, "is")
    writer.draw(_MOODS)
    writer.say(SEPARATOR)


def stories(n: int, generator: torch.Generator, *, most_events: int = 8) -> list[Story]:
    """Draw some stories.

    Args:
        n: How many.
        generator: Draws them.
        most_events: As in ``story``.

    Returns:
        The stories.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If ``n`` is not positive.
    """
    [n] = check_whole(n=n)
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    return [story(generator, most_events=most_events) for _ in range(n)]


def vocabulary() -> list[str]:
    """List every word the stories can hold; id 0 is the border between stories, the empty word."""
    fixed = ["has", "a", "takes", "the", "to", "at", "and", "in", "sees", "then", "sleeps", "is"]
    names = [name for names in _PRONOUNS.values() for name in names]
    return [
        *("", SEPARATOR, *fixed, *_PRONOUNS, *names, *_ANIMALS, *_ANIMALS.values()),
        *(*_COLOURS, *_PLACES, *_THINGS, *_VERBS, *_MOODS),
    ]


def floor(documents: Sequence[Story]) -> float:
    """Give the least possible loss on some stories: the mean surprise of their own maker.

    Args:
        documents: The stories, each followed by one border, which is certain.

    Returns:
        Nats a token, borders counted.

    Raises:
        TypeError: If it is no list of stories.
        ValueError: If there is none.
    """
    check_lists(documents=documents)
    for place, one in enumerate(documents):
        if not isinstance(one, Story):
            raise TypeError(f"documents[{place}] must be a Story, got {one!r:.60}")
    if not len(documents):
        raise ValueError("documents must hold at least 1 story, got 0")
    tokens = sum(len(one.words) + 1 for one in documents)
    return -sum(one.log_probability for one in documents) / tokens
