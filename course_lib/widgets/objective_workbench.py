"""One sentence as a question and an answer, for each objective of pre-training.

Chapter: 14_masked_language_modeling
"""

from collections.abc import Sequence
from typing import Any

import torch
import traitlets

from course_lib.objectives import (
    IGNORE,
    Denoiser,
    Example,
    causal_example,
    denoising_example,
    infill,
    masked_example,
    span_corruption_example,
)
from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, scroll
from course_lib.widgets.markup import table as html_table

OBJECTIVES = {
    "masked": "masked language modelling",
    "causal": "causal language modelling",
    "span": "span corruption",
    "denoising": "denoising by infilling",
}
N_DRAWS = 4
MASK, START, END = "[MASK]", "<s>", "</s>"


class ObjectiveWorkbench(CourseWidget):
    """What a model reads and what it is asked for, to be filled in before it is shown.

    Args:
        words: The sentence: four to twelve different words.
        others: Words that are not in it, which a random replacement may be.
        objective: "masked", "causal", "span" or "denoising" to begin with.
        rate: Share of the words that are hidden; more than the papers' 15 %, since the sentence is
            short.
        seed: Of the draws.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        ValueError: If the words are too few, too many or not all different, or `objective` is
            another word.
    """

    _esm = bundle("objective_workbench.js")
    objective = traitlets.Unicode("masked").tag(sync=True)
    draw = traitlets.Int(0, help="which of the draws, from 0").tag(sync=True)
    given: Any = traitlets.List(help="both strips, as filled in").tag(sync=True)
    solved = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        words: Sequence[str] = tuple("Thank you for inviting me to your party last week".split()),
        *,
        others: Sequence[str] = ("apple", "river", "green"),
        objective: str = "masked",
        rate: float | int = 0.3,
        seed: int = 0,
        title: str = "What is asked?",
        describe: str = "",
    ) -> None:
        """Computes all draws with `course_lib.objectives` and writes the static form."""
        words, others = [str(one) for one in words], [str(one) for one in others]
        if not 4 <= len(words) <= 12:
            raise ValueError(f"words must be from 4 to 12, got {len(words)}")
        named = [*words, *others, MASK, START, END]
        if len(set(named)) < len(named):
            twice = next(one for one in named if named.count(one) > 1)
            raise ValueError(f"words and others must all differ, got {twice!r} twice")
        if objective not in OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, got {objective!r}")
        bench = {
            kind: [
                objective_draw(kind, words, others, rate, seed + n) for n in range(_n_draws(kind))
            ]
            for kind in OBJECTIVES
        }
        payload = {
            "words": words,
            "names": list(OBJECTIVES.items()),  # a page may sort the keys of what it keeps
            "draws": bench,
            "options": {kind: _options(kind, words, others, bench[kind]) for kind in OBJECTIVES},
            "title": title,
            "describe": describe,
            "badge": "computed",
        }
        parts = []
        for kind, name in OBJECTIVES.items():
            one = bench[kind][0]
            parts.append(
                f"<div><p><strong>{escape(name.capitalize())}</strong></p>"
                f"<p>{escape(one['drawn'])}</p>{_static_tables(name, one)}</div>"
            )
        static = card(
            title,
            "computed",
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p>The sentence: {escape(' '.join(words))}</p>",
            f'<div class="cw-stages">{"".join(parts)}</div>',
        )
        sentence = describe_draw(bench[objective][0])
        text = f"{title} {OBJECTIVES[objective].capitalize()}: {sentence}"
        super().__init__(payload, static, text, objective=objective)


def objective_draw(
    kind: str, words: Sequence[str], others: Sequence[str], rate: float | int, seed: int
) -> dict[str, Any]:
    """Returns one draw of an objective in words.

    Args:
        kind: A key of `OBJECTIVES`.
        words: The sentence.
        others: Words that a random replacement may be.
        rate: Share of the words that are hidden.
        seed: Of the draw.

    Returns:
        `drawn`, a sentence on what chance decided; `input`, what the encoder reads (a decoder,
        where there is no encoder); `decoder`, what the decoder of an encoder-decoder reads, else
        None; `target`, the word asked for at each place, None where there is no loss; `states`,
        what happened to each place of the input.
    """
    sentinels = [f"<{letter}>" for letter in "XYZABCDEFGHIJKL"]
    known = [*words, *others, MASK, START, END, *sentinels]
    ids = torch.arange(len(words))
    mask, start, end = (known.index(one) for one in (MASK, START, END))
    ordinary = len(words) + len(others)
    generator = torch.Generator().manual_seed(seed)
    if kind == "masked":
        example = masked_example(ids, generator, mask_id=mask, vocab_size=ordinary, rate=rate)
    elif kind == "causal":
        example = causal_example(ids, generator)
    elif kind == "span":
        example = span_corruption_example(
            ids,
            generator,
            sentinels=[known.index(one) for one in sentinels],
            start_id=start,
            eos_id=end,
            denoisers=(Denoiser(rate, 2, anywhere=True),),
        )
    else:
        spoil = [lambda rows, g: infill(rows, g, mask_id=mask, rate=rate, mean_span=2)]
        example = denoising_example(ids, generator, noises=spoil, start_id=end)
    source = example.inputs if example.source is None else example.source
    shown = [known[one] for one in source.tolist()]
    target = [None if one == IGNORE else known[one] for one in example.targets.tolist()]
    decoder = None if example.source is None else [known[one] for one in example.inputs.tolist()]
    return {
        "drawn": _what_was_drawn(kind, words, shown, target),
        "input": shown,
        "decoder": decoder,
        "target": target,
        "states": _states(kind, shown, target, example),
    }


def describe_draw(draw: dict[str, Any]) -> str:
    """Says place by place what is read, what is asked, and which places carry loss."""
    target = draw["target"]
    if draw["decoder"] is None:
        parts = [
            f"position {i}: reads {one}{f' ({state})' if state else ''}, "
            + (f"asked for {wanted}" if wanted else "no loss")
            for i, (one, state, wanted) in enumerate(
                zip(draw["input"], draw["states"], target, strict=True), start=1
            )
        ]
    else:
        parts = [f"the encoder reads {' '.join(draw['input'])}"]
        parts += [
            f"decoder position {i}: reads {one}, asked for {wanted}"
            for i, (one, wanted) in enumerate(zip(draw["decoder"], target, strict=True), start=1)
        ]
    n = sum(one is not None for one in target)
    return f"{'; '.join(parts)}. {n} of {len(target)} positions carry loss."


def _n_draws(kind: str) -> int:
    return 1 if kind == "causal" else N_DRAWS


def _options(
    kind: str, words: Sequence[str], others: Sequence[str], draws: Sequence[dict[str, Any]]
) -> list[str]:
    """Returns what a place can be filled with: words, and marks of this objective."""
    marks = {
        one
        for draw in draws
        for one in (*draw["input"], *(wanted or MASK for wanted in draw["target"]))
        if one not in words and one not in others
    }
    if kind == "causal":
        marks = {MASK}
    return [*words, *(others if kind == "masked" else ()), *sorted(marks)]


def _what_was_drawn(
    kind: str, words: Sequence[str], shown: Sequence[str], target: Sequence[str | None]
) -> str:
    if kind == "causal":
        return "Nothing is left to chance."
    if kind == "masked":
        told = {MASK: "hidden"}
        chosen = [
            f"“{word}” ({told.get(one, 'shown as it is' if one == word else f'shown as “{one}”')})"
            for word, one, wanted in zip(words, shown, target, strict=True)
            if wanted
        ]
        return f"Chosen: {', '.join(chosen) or 'none'}."
    spans = _spans(words, [one for one in shown if one != END])
    said = [f"“{' '.join(span)}”" if span else "a span of no words" for span in spans]
    mark = "a mark of its own" if kind == "span" else MASK
    return f"Cut: {', '.join(said) or 'nothing'}; each span leaves {mark}."


def _spans(words: Sequence[str], shown: Sequence[str]) -> list[list[str]]:
    """Finds the words that each mark stands for."""
    spans: list[list[str]] = []
    at = 0
    for place, one in enumerate(shown):
        if one in words:
            at = words.index(one) + 1
            continue
        after = next((words.index(w) for w in shown[place + 1 :] if w in words), len(words))
        following_mark = place + 1 < len(shown) and shown[place + 1] not in words
        stop = at if following_mark else after  # of two neighbours the last holds the words
        spans.append(list(words[at:stop]))
        at = stop
    return spans


def _states(
    kind: str, shown: Sequence[str], target: Sequence[str | None], example: Example
) -> list[str]:
    if kind != "masked":
        return [""] * len(shown)
    named = {True: "as it is", False: "another word"}
    return [
        "" if wanted is None else "hidden" if one == MASK else named[one == wanted]
        for one, wanted in zip(shown, target, strict=True)
    ]


def _static_tables(name: str, draw: dict[str, Any]) -> str:
    def cells(strip: Sequence[str | None]) -> list[str]:
        return [
            f"<td>{escape(one)}</td>" if one else '<td class="gone">no loss</td>' for one in strip
        ]

    if draw["decoder"] is None:
        columns = [str(i) for i in range(1, len(draw["input"]) + 1)]
        lines = [("reads", cells(draw["input"])), ("asked for", cells(draw["target"]))]
        return scroll(name, html_table("position", columns, lines, kind="cw-heat"))
    columns = [str(i) for i in range(1, len(draw["input"]) + 1)]
    encoder = html_table(
        "position", columns, [("encoder reads", cells(draw["input"]))], kind="cw-heat"
    )
    columns = [str(i) for i in range(1, len(draw["target"]) + 1)]
    lines = [("decoder reads", cells(draw["decoder"])), ("asked for", cells(draw["target"]))]
    decoder = html_table("position", columns, lines, kind="cw-heat")
    return scroll(f"{name}, encoder", encoder) + scroll(f"{name}, decoder", decoder)
