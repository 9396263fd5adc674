"""Two made domains, everyday and finance, whose text has an exactly known probability.

They share their grammar, their events, and nothing else: each has facts of its own, and half of the
events are good news in one and bad news in the other, as cut jobs are to employees and investors.
What a model knows of each can so be asked for without a judge, and no loss can be below the floor.

Chapter: 19_domain_adaptation
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

END = ""
"""The word between documents; `pack` puts it there."""
MOST_SENTENCES = 6
_TOLD_AS_EXPECTED = 0.9

EVENTS = {
    "cut": ("many", "jobs"),
    "raised": ("all", "prices"),
    "closed": ("two", "shops"),
    "dropped": ("old", "duties"),
    "bought": ("a", "rival"),
    "merged": ("both", "teams"),
    "left": ("the", "region"),
    "automated": ("most", "work"),
    "won": ("a", "prize"),
    "opened": ("a", "school"),
    "repaired": ("the", "road"),
    "paid": ("every", "debt"),
    "lost": ("a", "case"),
    "missed": ("the", "date"),
    "broke": ("a", "promise"),
    "burned": ("the", "store"),
}
"""First word, which names the event, and the rest of it."""
_FLIPPED = tuple(EVENTS)[:8]  # good news to those who invest
_GOOD = tuple(EVENTS)[8:12]  # to everyone

_PEOPLE = (
    *("anna", "ben", "clara", "david", "eva", "felix", "greta", "hugo", "ida", "jan", "karl"),
    *("lena", "mara", "nils", "olga", "paul", "rita", "sven", "tina", "uwe", "vera", "willi"),
    *("xenia", "yara"),
)
_COMPANIES = (
    *("acorn", "birch", "cedar", "dahlia", "elm", "fern", "ginkgo", "hazel", "iris", "jasmin"),
    *("kelp", "larch", "maple", "nettle", "oak", "poplar", "quince", "rowan", "sorrel", "thyme"),
    *("umbra", "violet", "willow", "yew"),
)
_TOWNS = ("arden", "bexley", "corby", "dunmore", "esher", "fulton", "garth", "holt")
_CITIES = ("ostia", "pella", "quito", "ravenna", "sparta", "tunis", "ulm", "verona")
_JOBS = ("baker", "cook", "nurse", "pilot", "tailor", "teacher", "welder", "writer")
_FOODS = ("bread", "cheese", "figs", "honey", "plums", "rice", "soup", "tea")
_GOODS = ("cables", "drugs", "engines", "glass", "paint", "ships", "steel", "tyres")
_TICKERS = tuple(name[:2] + name[-1] + "x" for name in _COMPANIES)


@dataclass(frozen=True)
class Domain:
    """What one of the two domains speaks of.

    Attributes:
        name: Of the domain.
        subjects: Whom its documents are about, one each.
        pronoun: What an event's sentence begins with.
        facts: For each verb the words behind it that are always the same, and the value that each
            subject has, in the order of the subjects.
        good: Events that are good news here.
    """

    name: str
    subjects: tuple[str, ...]
    pronoun: str
    facts: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    good: frozenset[str]

    def is_good(self, event: str) -> bool:
        """Say whether an event is good news here.

        Args:
            event: First word of one of `EVENTS`.
        """
        return event in self.good


def _spread(values: Sequence[str], stride: int) -> tuple[str, ...]:
    """Give each of the 24 subjects a value, so that two facts of one tell nothing of each other."""
    return tuple(
        values[(place * stride + place // len(values)) % len(values)] for place in range(24)
    )


DOMAINS = {
    domain.name: domain
    for domain in (
        Domain(
            "everyday",
            _PEOPLE,
            "they",
            {
                "lives": (("in",), _spread(_TOWNS, 1)),
                "works": (("as",), _spread(_JOBS, 3)),
                "likes": ((), _spread(_FOODS, 5)),
            },
            frozenset(_GOOD),
        ),
        Domain(
            "finance",
            _COMPANIES,
            "it",
            {
                "trades": (("as",), _TICKERS),
                "makes": ((), _spread(_GOODS, 3)),
                "sits": (("in",), _spread(_CITIES, 5)),
            },
            frozenset((*_GOOD, *_FLIPPED)),
        ),
    )
}


@dataclass(frozen=True)
class DomainDocument:
    """A document and, for each of its words and its end, the probability it had.

    Attributes:
        words: The words.
        log_probabilities: Natural logarithm of p(word given all before), one a word and one for the
            end.
    """

    words: tuple[str, ...]
    log_probabilities: tuple[float, ...]


@dataclass(frozen=True)
class DomainQuestion:
    """A beginning, and the words among which the one that follows is to be chosen.

    Attributes:
        words: The beginning.
        options: What may follow, as far as its kind is concerned.
        answer: The one that is right in this domain.
        flipped: Whether the other domain says the opposite.
    """

    words: tuple[str, ...]
    options: tuple[str, ...]
    answer: str
    flipped: bool = False


class _Draws:
    """Uniform numbers, a block at a time: drawing single ones from torch is slow."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.block: list[float] = []

    def __call__(self) -> float:
        if not self.block:
            self.block = torch.rand(4096, generator=self.generator, dtype=torch.float64).tolist()
        return self.block.pop()

    def one_of(self, options: Sequence[str]) -> str:
        return options[int(self() * len(options))]


_NEXT = {"fact": 0.5, "event": 0.3, "end": 0.2}


def domain_documents(domain: str, n: int, generator: torch.Generator) -> list[DomainDocument]:
    """Draw documents of a domain: what is so about one subject, and what it did.

    Args:
        domain: A name of `DOMAINS`.
        n: How many.
        generator: Draws them.

    Returns:
        The documents with the probability of each word.

    Raises:
        ValueError: If there is no such domain, or none is wanted.
    """
    if domain not in DOMAINS:
        raise ValueError(f"domain must be one of {list(DOMAINS)}, got {domain!r}")
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    draws = _Draws(generator)
    return [_write(DOMAINS[domain], draws) for _ in range(n)]


def _write(domain: Domain, draws: _Draws) -> DomainDocument:
    place = int(draws() * len(domain.subjects))
    subject = domain.subjects[place]
    words: list[str] = []
    costs: list[float] = []
    for sentence in range(MOST_SENTENCES):
        at = draws()
        if not sentence or at < _NEXT["fact"]:
            verb = draws.one_of(tuple(domain.facts))
            fixed, values = domain.facts[verb]
            opening = 1 / len(domain.subjects) if not sentence else _NEXT["fact"]
            tail = [*fixed, values[place], "."]
            words += [subject, verb, *tail]
            costs += [math.log(opening), -math.log(len(domain.facts)), *[0.0] * len(tail)]
        elif at < _NEXT["fact"] + _NEXT["event"]:
            event = draws.one_of(tuple(EVENTS))
            as_expected = draws() < _TOLD_AS_EXPECTED
            told = "good" if domain.is_good(event) == as_expected else "bad"
            middle = [*EVENTS[event], "and", "the", "news", "was"]
            words += [domain.pronoun, event, *middle, told, "."]
            costs += [math.log(_NEXT["event"]), -math.log(len(EVENTS)), *[0.0] * len(middle)]
            costs += [math.log(_TOLD_AS_EXPECTED if as_expected else 1 - _TOLD_AS_EXPECTED), 0.0]
        else:
            costs.append(math.log(_NEXT["end"]))
            break
    else:
        costs.append(0.0)
    return DomainDocument(tuple(words), tuple(costs))


def domain_floor(documents: Sequence[DomainDocument]) -> float:
    """Return the least loss that any model can expect on these documents.

    Args:
        documents: At least one.

    Returns:
        Nats a token, the end of each document counted as one.
    """
    costs = list(itertools.chain.from_iterable(one.log_probabilities for one in documents))
    return -math.fsum(costs) / len(costs)


def domain_vocabulary() -> list[str]:
    """List every word of both domains once, the end first."""
    words = [END, ".", "and", "the", "news", "was", "good", "bad"]
    for first, rest in EVENTS.items():
        words += [first, *rest]
    for domain in DOMAINS.values():
        words += [*domain.subjects, domain.pronoun]
        for verb, (fixed, values) in domain.facts.items():
            words += [verb, *fixed, *values]
    return list(dict.fromkeys(words))


def verdict_questions(domain: str) -> list[DomainQuestion]:
    """Ask whether each event is good or bad news, once of each of some subjects.

    Args:
        domain: A name of `DOMAINS`.
    """
    here, there = DOMAINS[domain], next(d for name, d in DOMAINS.items() if name != domain)
    asked = []
    for number, event in enumerate(EVENTS):
        for place in range(number % 4, 24, 4):
            verb, (fixed, values) = list(here.facts.items())[place % len(here.facts)]
            words = [here.subjects[place], verb, *fixed, values[place], ".", here.pronoun, event]
            words += [*EVENTS[event], "and", "the", "news", "was"]
            answer = "good" if here.is_good(event) else "bad"
            flipped = here.is_good(event) != there.is_good(event)
            asked.append(DomainQuestion(tuple(words), ("good", "bad"), answer, flipped))
    return asked


def fact_questions(domain: str) -> list[DomainQuestion]:
    """Ask for every fact of every subject.

    Args:
        domain: A name of `DOMAINS`.
    """
    here = DOMAINS[domain]
    return [
        DomainQuestion((subject, verb, *fixed), tuple(dict.fromkeys(values)), values[place])
        for verb, (fixed, values) in here.facts.items()
        for place, subject in enumerate(here.subjects)
    ]
