"""Speculative decoding, one guess at a time: a draft guesses, the model keeps or replaces.

Chapter: 11_generative_configuration
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget, labels, table_of_numbers
from course_lib.widgets.bundle import bundle
from course_lib.widgets.draws import random_numbers
from course_lib.widgets.markup import card, escape, fixed, percent, scroll
from course_lib.widgets.markup import table as html_table

WORDS = ("the", "old", "keys", "are")
MODEL = ((0.5, 0.3, 0.1, 0.1), (0.1, 0.5, 0.3, 0.1), (0.1, 0.1, 0.6, 0.2), (0.1, 0.1, 0.2, 0.6))
DRAFT = ((0.7, 0.1, 0.1, 0.1), (0.3, 0.3, 0.2, 0.2), (0.2, 0.2, 0.4, 0.2))
ROUNDS = 2000


class DraftStepper(CourseWidget):
    """A reader says how likely a first guess is kept, then sees rounds of guessing and checking.

    Args:
        model: What the model gives to each word at each place; one row more than guesses.
        draft: What the draft gives to each word, a row for each guess, 1 to 6 of them.
        words: The words.
        seed: Of the first round.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        TypeError: If a chance is no number.
        ValueError: If rows and words do not fit, or a row does not add up to 1.

    Source: Leviathan et al. 2023, Chen et al. 2023.
    """

    _esm = bundle("draft_stepper.js")
    seed = traitlets.Int(0, help="of the round that is shown").tag(sync=True)
    step = traitlets.Int(0, help="guesses checked so far").tag(sync=True)
    predicted: Any = traitlets.Float(None, allow_none=True, help="a share").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        model: Any = MODEL,
        draft: Any = DRAFT,
        words: Sequence[str] = WORDS,
        *,
        seed: int = 0,
        title: str = "A draft guesses, the model decides",
        describe: str = "",
    ) -> None:
        """Checks the chances and writes the static form: both distributions at the first place."""
        p = table_of_numbers("model", [list(row) for row in model])
        q = table_of_numbers("draft", [list(row) for row in draft])
        if not 1 <= len(q) <= 6 or len(p) != len(q) + 1 or len(p[0]) != len(q[0]):
            raise ValueError(
                f"model must have one row more than draft's 1 to 6, of one length, got "
                f"({len(p)}, {len(p[0])}) and ({len(q)}, {len(q[0])})"
            )
        for name, both in (("model", p), ("draft", q)):
            for i, row in enumerate(both):
                if abs(sum(row) - 1) > 1e-9 or min(row) < 0:
                    raise ValueError(f"{name}[{i}] must have chances that add up to 1, got {row}")
        payload: dict[str, Any] = {
            "model": p,
            "draft": q,
            "words": labels("words", words, len(p[0]), "column"),
            "title": title,
            "describe": describe,
            "badge": "toy numbers",
        }
        rows = (
            (word, [f"<td>{fixed(x)}</td>" for x in (a, b, min(a, b))])
            for word, a, b in zip(payload["words"], p[0], q[0], strict=True)
        )
        said = describe_kept(payload)
        columns = ["the model", "the draft", "guessed and kept"]
        static = card(
            title,
            payload["badge"],
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p>{escape(QUESTION)}</p>",
            "<details><summary>At the first place</summary>"
            f"{scroll(title, html_table('word', columns, rows))}<p>{escape(said)}</p></details>",
        )
        super().__init__(payload, static, f"{title}. {said}", seed=seed)


QUESTION = (
    "How likely is the first guess kept? It is drawn from the draft and kept with min(1, p/q)."
)


def _drawn(chances: Sequence[float], target: float) -> int:
    """The first word whose running total exceeds the number drawn."""
    total, last = 0.0, max(i for i, chance in enumerate(chances) if chance > 0)
    for i, chance in enumerate(chances):
        total += chance
        if target < total:
            return i
    return last


def rest_of(p: Sequence[float], q: Sequence[float]) -> list[float]:
    """What the model has more than the draft, made to add up to 1; the model's own where nothing.

    Args:
        p: The model's chances.
        q: The draft's.
    """
    more = [max(a - b, 0.0) for a, b in zip(p, q, strict=True)]
    total = sum(more)
    return [x / total for x in more] if total > 0 else list(p)


def round_of(payload: Mapping[str, Any], draw: Callable[[], float]) -> list[dict[str, Any]]:
    """Plays one round: guesses until one is rejected, and one word of the model's own.

    Args:
        payload: Of a `DraftStepper`.
        draw: Gives the next random number.

    Returns:
        A step for each guess that was checked, with its word, its chance to be kept, the number
        drawn, whether it is kept and what is written; a step without guess where all were kept.
    """
    steps: list[dict[str, Any]] = []
    for p, q in zip(payload["model"], payload["draft"], strict=False):
        guess = _drawn(q, draw())
        chance, number = min(1.0, p[guess] / q[guess]), draw()
        kept = number < chance
        written = guess if kept else _drawn(rest_of(p, q), draw())
        steps.append(
            {"guess": guess, "chance": chance, "drawn": number, "kept": kept, "written": written}
        )
        if not kept:
            return steps
    own = _drawn(payload["model"][-1], draw())
    return [*steps, {"guess": None, "chance": None, "drawn": None, "kept": None, "written": own}]


def round_with_seed(payload: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
    """Plays one round with the page's generator."""
    numbers = iter(random_numbers(seed, 3 * len(payload["draft"]) + 1))
    return round_of(payload, lambda: next(numbers))


def first_words(payload: Mapping[str, Any], seed: int, n: int = ROUNDS) -> list[int]:
    """Counts the first words of many rounds; their shares are the model's chances.

    Args:
        payload: Of a `DraftStepper`.
        seed: Of the generator, which all rounds share.
        n: Number of rounds.
    """
    numbers = iter(random_numbers(seed, n * (3 * len(payload["draft"]) + 1)))
    counts = [0] * len(payload["words"])
    for _ in range(n):
        counts[round_of(payload, lambda: next(numbers))[0]["written"]] += 1
    return counts


def kept_share(payload: Mapping[str, Any]) -> float:
    """How likely a first guess is kept: what both have in common."""
    return sum(map(min, payload["model"][0], payload["draft"][0]))


def describe_kept(payload: Mapping[str, Any]) -> str:
    """Says how likely a first guess is kept, and why the words are the model's."""
    return (
        f"A first guess is kept with a chance of {percent(kept_share(payload))}: the sum, over the "
        "words, of the smaller of the two chances. What is rejected is drawn again where the "
        "model has more than the draft, so each word is written as often as the model alone "
        "would write it."
    )


def describe_check(payload: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], at: int) -> str:
    """Says what one step of a round did.

    Args:
        payload: Of a `DraftStepper`.
        steps: Of `round_of`.
        at: Number of the step, from 1; 0 is before the first.
    """
    words = payload["words"]
    if at == 0:
        return "Nothing is checked yet."
    one = steps[at - 1]
    written = words[one["written"]]
    if one["guess"] is None:
        return f"All {len(steps) - 1} guesses are kept, and the model adds a word: {written}."
    line = (
        f"Guess {at}: {words[one['guess']]}, kept with a chance of {percent(one['chance'])}. "
        f"The number drawn is {fixed(one['drawn'])}: "
    )
    if one["kept"]:
        return f"{line}kept."
    return f"{line}rejected, and {written} is drawn from what the model has more. The round ends."
