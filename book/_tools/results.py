"""The question of each chapter, and the one result that the first page and the README give for it.

Every number is read from a recorded run or from the stored output of a cell, and what a sentence
compares is held in every recorded run before the sentence is given: a sentence whose numbers have
moved too far is an error, not a lie.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import mean
from typing import Any

from book._tools.paths import NOTEBOOKS, ROOT

RECORDED = ROOT / "course_lib" / "figures" / "recorded"
Runs = list[dict[str, float]]


@dataclass(frozen=True)
class Result:
    """What one chapter asks and found.

    Attributes:
        chapter: Its number, such as "05".
        question: The question that it answers.
        sentence: One result, with a place for each number.
        numbers: How each number is read.
        holds: Whether what the sentence compares is so, in every run.
    """

    chapter: str
    question: str
    sentence: str
    numbers: Mapping[str, Callable[[], float | str]]
    holds: Callable[[], bool]

    def text(self) -> str:
        """The sentence with its numbers, in Markdown.

        Raises:
            ValueError: If what it compares does not hold.
        """
        if not self.holds():
            raise ValueError(f"the result of chapter {self.chapter} does not hold in every run")
        return self.sentence.format(**{name: read() for name, read in self.numbers.items()})


@cache
def _stored(chapter: str) -> list[dict[str, Any]]:
    stored = json.loads((RECORDED / f"{chapter}.json").read_text(encoding="utf-8"))["runs"]
    return sorted(stored, key=lambda run: run["budget"])


def runs(chapter: str) -> Runs:
    """The outcomes of a chapter's recorded runs, the one of twice the training last."""
    return [run["outcome"] for run in _stored(chapter)]


def over_starts(chapter: str, name: str) -> float:
    """Mean of a recorded number over the starts, longer runs left out."""
    return mean(run["outcome"][name] for run in _stored(chapter) if run["budget"] == 1)


def every(chapter: str, claim: Callable[[dict[str, float]], bool]) -> Callable[[], bool]:
    """Whether a claim holds in every recorded run."""
    return lambda: all(claim(run) for run in runs(chapter))


def recorded(chapter: str, name: str, form: str = "{:.0%}") -> Callable[[], str]:
    """A reader of one recorded number; shares are written as a page does, with a blank."""
    return lambda: form.format(over_starts(chapter, name)).replace("%", " %")


@cache
def outputs(chapter: str) -> str:
    """All text that the committed notebook of a chapter prints."""
    (path,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    found: list[str] = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            text: Any = output.get("text") or output.get("data", {}).get("text/plain", "")
            found.append("".join(text))
    return "\n".join(found)


def printed(chapter: str, pattern: str) -> Callable[[], str]:
    """A reader of what a cell prints: the one group of a pattern that must be there once."""

    def read() -> str:
        found = re.findall(pattern, outputs(chapter))
        if len(found) != 1:
            raise ValueError(f"chapter {chapter} prints {pattern!r} {len(found)} times, not once")
        return found[0]

    return read


def _lead(one: str, other: str) -> float:
    return over_starts("05", one) - over_starts("05", other)


def _number(chapter: str, pattern: str) -> float:
    return float(printed(chapter, pattern)().replace(",", ""))


MERGES = r"merges of this page .* in\s+([\d,]+) of 1,000 sums"
DIGITS = r"single digits .* in\s+([\d,]+) of 1,000 sums"
NARROW = r"320 directions in  16 dimensions: .* cosine of ([\d.]+)"
BROAD = r"5,120 directions in 256 dimensions: .* cosine of ([\d.]+)"
EARLY = r"T = 2.0: (\d+) tokens kept with temperature first"
LATE = r"T = 2.0: .* (\d+) with temperature last"
WHOLE = r"DDP\s+12\.0\s+([\d.]+)"
SHARED = r"ZeRO-3\s+6\.0\s+([\d.]+)"
WINNERS = r"winners: (\{.*\})"

RESULTS = (
    Result(
        "01",
        "Which words decide what comes next?",
        "A plural subject makes *are* {subject} times likelier against *is*; a plural noun next "
        "to the verb, {neighbour} times.",
        {
            "subject": lambda: f"{math.exp(over_starts('01', 'subject: log odds')):.1f}",
            "neighbour": lambda: f"{math.exp(over_starts('01', 'neighbour: log odds')):.0f}",
        },
        every("01", lambda run: run["neighbour: log odds"] > 2 * run["subject: log odds"] > 0),
    ),
    Result(
        "02",
        "How do the two halves work together?",
        "{with_} of the sentences are translated without a fault; {without} where nothing tells "
        "the order of the words.",
        {
            "with_": recorded("02", "with positions"),
            "without": recorded("02", "without positions"),
        },
        every("02", lambda run: run["with positions"] > 0.8 > 0.4 > run["without positions"]),
    ),
    Result(
        "03",
        "What does a model see instead of letters?",
        "Digits that are tokens stand below each other in {digits} of 1,000 sums, numbers cut by "
        "merges in {merges}.",
        {"digits": printed("03", DIGITS), "merges": printed("03", MERGES)},
        lambda: _number("03", DIGITS) > 1.5 * _number("03", MERGES),
    ),
    Result(
        "04",
        "Why do words need so many dimensions?",
        "With twenty directions for each dimension, the closest two have a cosine of {narrow} in "
        "16 dimensions, of {broad} in 256.",
        {"narrow": printed("04", NARROW), "broad": printed("04", BROAD)},
        lambda: _number("04", NARROW) > 2 * _number("04", BROAD),
    ),
    Result(
        "05",
        "How does a model know the order of words?",
        "Trained on 32 tokens and read at 128: the loss rises by {rotary} nats with rotary "
        "positions, by {alibi} with ALiBi; at 32, rotary leads ALiBi by {lead}.",
        {
            "rotary": recorded("05", "rotary, rise to 128", "{:.2f}"),
            "alibi": recorded("05", "alibi, rise to 128", "{:.2f}"),
            "lead": lambda: f"{_lead('alibi, 32 tokens', 'rotary, 32 tokens'):.2f}",
        },
        every(
            "05",
            lambda run: (
                run["rotary, rise to 128"] > 5 * run["alibi, rise to 128"]
                and run["rotary, 32 tokens"] < run["alibi, 32 tokens"] - 0.05
            ),
        ),
    ),
    Result(
        "06",
        "What can two layers of attention do that one cannot?",
        "What followed the last time: one layer finds {one} of it, two layers {two}.",
        {"one": recorded("06", "one layer: found"), "two": recorded("06", "two layers: found")},
        every("06", lambda run: run["one layer: found"] < 0.5 < 0.9 < run["two layers: found"]),
    ),
    Result(
        "07",
        "What is the layer between the attentions for?",
        "A task of two letters: a linear map gets {linear} right, a feed-forward network of "
        "width 8 {network}, attention alone {attention} with four heads.",
        {
            "linear": recorded("07", "linear map"),
            "network": recorded("07", "feed-forward, width 8"),
            "attention": recorded("07", "attention, 4 heads"),
        },
        every("07", lambda run: run["linear map"] < 0.2 < 0.9 < run["attention, 4 heads"]),
    ),
    Result(
        "08",
        "What holds twelve layers together?",
        "Twelve layers reach {around} nats a token; without the way around them {none}, no better "
        "than knowing how frequent each word is ({counts}).",
        {
            "around": recorded("08", "12 layers, norm first", "{:.2f}"),
            "none": recorded("08", "12 layers, no way around", "{:.2f}"),
            "counts": recorded("08", "knowing only how frequent each word is", "{:.2f}"),
        },
        every(
            "08",
            lambda run: (
                run["12 layers, norm first"] + 1
                < run["knowing only how frequent each word is"]
                <= run["12 layers, no way around"]
            ),
        ),
    ),
    Result(
        "09",
        "What does each family of models buy?",
        "Without its mask a decoder trains to a loss of {easy}, and then writes at {writes}; with "
        "it, {mask} and {masked}.",
        {
            "easy": recorded("09", "without it: loss in training", "{:.4f}"),
            "writes": recorded("09", "without it: when it writes", "{:.2f}"),
            "mask": recorded("09", "with its mask: loss in training", "{:.2f}"),
            "masked": recorded("09", "with its mask: when it writes", "{:.2f}"),
        },
        every(
            "09",
            lambda run: (
                run["without it: when it writes"] > 1.3 * run["with its mask: when it writes"]
                and run["without it: loss in training"] < 0.01
            ),
        ),
    ),
    Result(
        "10",
        "How can a prompt teach, when no weight changes?",
        "Three ways of scoring the same three answers name {winners} different winners.",
        {"winners": lambda: str(len(set(_winners())))},
        lambda: len(set(_winners())) == len(_winners()) == 3,
    ),
    Result(
        "11",
        "How does one word come out of a thousand probabilities?",
        "Of ten tokens, at temperature 2, top-p keeps {early} when the temperature comes first, "
        "{late} when it comes last.",
        {"early": printed("11", EARLY), "late": printed("11", LATE)},
        lambda: _number("11", EARLY) > _number("11", LATE),
    ),
    Result(
        "12",
        "What does each way of fitting a model to a use buy?",
        "Asked about companies it was not tuned on, the model is right in {lora} of the cases "
        "after LoRA; after full tuning in {full}, at a tenth of the learning rate in {low}.",
        {
            "lora": recorded("12_rates", "LoRA, 0.005: right"),
            "full": recorded("12_rates", "full tuning, 0.001: right"),
            "low": recorded("12_rates", "full tuning, 0.0001: right"),
        },
        every(
            "12_rates",
            lambda run: (
                run["LoRA, 0.005: right"]
                > run["full tuning, 0.0001: right"]
                > run["full tuning, 0.001: right"] + 0.1
            ),
        ),
    ),
    Result(
        "13",
        "What is in a crawl, and does cleaning it pay?",
        "After equal training, unseen good text costs {raw} nats a token on the raw crawl, {clean} "
        "on the curated one.",
        {
            "raw": recorded("13", "raw", "{:.2f}"),
            "clean": recorded("13", "and classifier", "{:.2f}"),
        },
        every("13", lambda run: run["and classifier"] < run["rules"] < run["raw"] - 0.5),
    ),
    Result(
        "14",
        "What does a model learn by filling gaps?",
        "It finds the one word that was exchanged in {trained} of the sentences, in {untrained} "
        "before training.",
        {
            "trained": recorded("14", "finds 30 %"),
            "untrained": recorded("14", "finds untrained"),
        },
        every("14", lambda run: run["finds 30 %"] > run["finds untrained"] + 0.5),
    ),
    Result(
        "15",
        "What comes with size alone?",
        "At width 16 a model has the whole ending of {large} of the stories right, at width 8 of "
        "{small}; the widest, 32, comes within 2.5 % of the least loss that is possible.",
        {
            "small": recorded("15", "8: whole ending"),
            "large": recorded("15", "16: whole ending"),
        },
        every(
            "15",
            lambda run: (
                run["16: whole ending"] > run["8: whole ending"]
                and 1 < run["32: loss over floor"] < 1.025
            ),
        ),
    ),
    Result(
        "16",
        "Which noise prepares a model for which task?",
        "With 400 pairs to learn from, {scratch} of new sentences are right from scratch and "
        "{first} after denoising; as many updates from scratch give {as_many}.",
        {
            "scratch": recorded("16", "400 pairs, from scratch"),
            "first": recorded("16", "400 pairs, denoising first", "{:.1%}"),
            "as_many": recorded("16", "400 pairs, from scratch, as many updates in all"),
        },
        every(
            "16",
            lambda run: (
                run["400 pairs, from scratch"] < 0.1 < 0.9 < run["400 pairs, denoising first"]
            ),
        ),
    ),
    Result(
        "17",
        "Which objective for which task?",
        "Translation on the same few pairs: {causal} right after predicting the next word, {spans} "
        "after filling spans, {denoising} after denoising.",
        {
            name: recorded("17", f"translation, {name}, pre-trained")
            for name in ("causal", "spans", "denoising")
        },
        every(
            "17",
            lambda run: (
                run["translation, denoising, pre-trained"] > 0.9
                and max(run[f"translation, {name}, pre-trained"] for name in ("causal", "spans"))
                < 0.1
            ),
        ),
    ),
    Result(
        "18",
        "How is a model trained that fits on no machine?",
        "On two ranks, {whole} bytes for each parameter become {shared}, and every weight is that "
        "of one process, bit by bit.",
        {"whole": printed("18", WHOLE), "shared": printed("18", SHARED)},
        lambda: (
            _number("18", SHARED) < _number("18", WHOLE)
            and "stage 3: after ten steps every parameter is that of one process, bit by bit"
            in outputs("18")
        ),
    ),
    Result(
        "19",
        "What does a model forget when it learns a new field?",
        "Going on with finance alone leaves {none} of its everyday facts; with 5 % of the old text "
        "among the new, {replay}.",
        {
            "none": recorded("19", "no replay: facts everyday"),
            "replay": recorded("19", "5 % replay: facts everyday"),
        },
        every(
            "19",
            lambda run: run["5 % replay: facts everyday"] > run["no replay: facts everyday"] + 0.3,
        ),
    ),
    Result(
        "20",
        "Can you go the whole way with your own text?",
        "From raw files to a served model: {counts} bits a byte with a table of trigrams, "
        "{trained} after pre-training, {tuned} after tuning.",
        {
            "counts": recorded("20", "bits a byte: trigram", "{:.2f}"),
            "trained": recorded("20", "bits a byte: pre-trained", "{:.2f}"),
            "tuned": recorded("20", "bits a byte: tuned", "{:.2f}"),
        },
        every(
            "20",
            lambda run: (
                run["bits a byte: pre-trained"] + 0.1 < run["bits a byte: trigram"]
                and run["bits a byte: tuned"] < run["bits a byte: trigram"]
            ),
        ),
    ),
)


def _winners() -> list[str]:
    return re.findall(r": '([^']+)'", printed("10", WINNERS)())


def by_chapter() -> dict[str, Result]:
    """Chapter number to its question and result."""
    return {result.chapter: result for result in RESULTS}
