"""Which words may see which, in an encoder, a decoder and between the two.

Chapter: 09_transformer_models
"""

from collections.abc import Sequence
from typing import Any

import traitlets

from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, listed, scroll
from course_lib.widgets.markup import table as html_table

FAMILIES = {
    "encoder": "an encoder",
    "decoder": "a decoder",
    "cross": "a decoder looking at an encoder",
}
FACTS = {
    "encoder": {
        "objective": "fill in masked tokens, seeing both sides",
        "example": "the [MASK] sat → cat",
        "tasks": "sentiment, named entities, word and sentence classification",
        "models": "BERT, RoBERTa",
    },
    "decoder": {
        "objective": "predict the next token from those before it",
        "example": "the cat → sat",
        "tasks": "text generation, and by prompting most other tasks",
        "models": "GPT, BLOOM, LLaMA",
    },
    "cross": {
        "objective": "write an output while looking at the whole input",
        "example": "the <X> sat → <X> cat",
        "tasks": "translation, summarisation, question answering",
        "models": "T5, BART",
    },
}


class MaskSwitch(CourseWidget):
    """A table of who may see whom, to be filled in and compared, for each family.

    Args:
        source: Words of the encoder side, two to eight.
        target: Words of the decoder side, two to eight.
        family: "encoder", "decoder" or "cross" to begin with.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        ValueError: If a side has too few or too many words, or `family` is another word.
    """

    _esm = bundle("mask_switch.js")
    family = traitlets.Unicode("decoder").tag(sync=True)
    grid: Any = traitlets.List(help="rows of true and false, as filled in").tag(sync=True)
    solved = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        source: Sequence[str] = ("die", "Katze", "schläft"),
        target: Sequence[str] = ("the", "cat", "is", "asleep"),
        *,
        family: str = "decoder",
        title: str = "Who may see whom?",
        describe: str = "",
    ) -> None:
        """Checks the words and writes the static form: all three tables."""
        sides = {"source": [str(one) for one in source], "target": [str(one) for one in target]}
        for name, words in sides.items():
            if not 2 <= len(words) <= 8:
                raise ValueError(f"{name} must have from 2 to 8 words, got {len(words)}")
        if family not in FAMILIES:
            raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
        payload = {
            **sides,
            "facts": FACTS,
            "title": title,
            "describe": describe,
            "badge": "computed",
        }
        parts = []
        for kind, name in FAMILIES.items():
            rows = sides["source" if kind == "encoder" else "target"]
            columns = sides["target" if kind == "decoder" else "source"]
            mask = mask_of(kind, len(rows), len(columns))
            cells = (
                (word, [_cell(seen) for seen in row]) for word, row in zip(rows, mask, strict=True)
            )
            drawn = html_table("sees ↓\nwhom →", columns, cells, kind="cw-heat")
            fact = FACTS[kind]
            parts.append(
                f"<div><p><strong>In {name}</strong></p>{scroll(f'In {name}', drawn)}"
                f"<p>Trained to {escape(fact['objective'])}: {escape(fact['example'])}. "
                f"Good at {escape(fact['tasks'])}. {escape(fact['models'])}.</p></div>"
            )
        names = sides["target"]
        sentence = describe_mask(names, names, mask_of("decoder", len(names), len(names)))
        static = card(
            title,
            "computed",
            f"<p>{escape(describe)}</p>" if describe else "",
            f'<div class="cw-stages">{"".join(parts)}</div>',
            f"<p>In a decoder, {escape(sentence)}</p>",
        )
        super().__init__(payload, static, f"{title} In a decoder, {sentence}", family=family)


def mask_of(kind: str, n_rows: int, n_columns: int, padding: int = 0) -> list[list[bool]]:
    """Returns which row may see which column; the last `padding` columns hold no word."""
    return [
        [j < n_columns - padding and (kind != "decoder" or j <= i) for j in range(n_columns)]
        for i in range(n_rows)
    ]


def describe_mask(
    rows: Sequence[str], columns: Sequence[str], mask: Sequence[Sequence[bool]]
) -> str:
    """Says for each row which columns it may see."""
    parts = []
    for row, seen in zip(rows, mask, strict=True):
        names = [f"“{columns[j]}”" for j, one in enumerate(seen) if one]
        parts.append(f"“{row}” may see {listed(names) if names else 'nothing'}")
    return "; ".join(parts) + "."


def _cell(seen: bool) -> str:
    return '<td class="sh7">sees</td>' if seen else '<td class="gone">hidden</td>'
