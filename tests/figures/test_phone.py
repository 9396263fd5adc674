"""Figures of many panels on a phone: not higher than two screens, with words that do not meet."""

import re

import pytest
import torch

from course_lib.figures.attention import attention_links, attention_stages
from course_lib.figures.base import FigureWithText, new_figure
from course_lib.figures.generation import top_k_and_top_p
from course_lib.figures.models import AttentionTable, who_sees_whom
from course_lib.figures.phone import (
    PHONE_INCHES,
    TALLEST_INCHES,
    layouts,
    meetings,
    narrowed,
    shown_words,
)
from course_lib.figures.positions import word_plus_position
from course_lib.figures.relevance import relevance_heads
from course_lib.figures.svg import page_svg

WORDS = "with paul by the wall anna sews , she takes a needle and finds a ball".split()


def rows(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.softmax(3 * torch.randn(*shape, generator=generator), -1)


def looks(n: int) -> dict[str, AttentionTable]:
    words = "Mira has a red dog".split()
    return {f"encoder-decoder: {i}": AttentionTable(rows(5, 5), words, words) for i in range(n)}


def heads(n: int) -> FigureWithText:
    """Layers by heads of small maps, named at the edges."""
    weights = rows(2, n, 6, 6).tril()
    words = ["(start)", "The", "keys", "of", "the", "object"]
    return relevance_heads(weights / weights.sum(-1, keepdim=True), words)


def kept() -> FigureWithText:
    words = [" class", " object", "()'", " attribute", " instance", " exception", *"abcdefghijklmn"]
    logits = rows(2, len(words)).log()
    prompts = {"an instance of the": logits[0], "object.__get": logits[1]}
    return top_k_and_top_p(prompts, words, k=8, p=0.8)


def stages() -> FigureWithText:
    q, k, v = rows(3, 4, 2)
    return attention_stages(q, k, v, ["the", "keys", "cabinet", "are"])


FIGURES = {
    "links of four heads": lambda: attention_links(rows(4, 16, 16), WORDS, query=14),
    "links of six heads": lambda: attention_links(rows(6, 16, 16), WORDS, query=14),
    "stages": stages,
    "four heads of two layers": lambda: heads(4),
    "three heads of two layers": lambda: heads(3),
    "five tables": lambda: who_sees_whom(looks(5)),
    "what is kept": kept,
}


def narrow_inches(drawn: FigureWithText) -> tuple[float, float]:
    page = page_svg(drawn.figure, drawn.alt, drawn.phone)
    box = re.search(r'class="figure-narrow".*?viewBox="0 0 ([0-9.]+) ([0-9.]+)"', page)
    assert box is not None, "no form for a phone"
    return float(box[1]) / 72, float(box[2]) / 72


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_many_panels_is_no_higher_than_two_screens_of_a_phone(name: str) -> None:
    width, height = narrow_inches(FIGURES[name]())
    assert width <= PHONE_INCHES + 0.01
    assert height <= TALLEST_INCHES


@pytest.mark.parametrize("name", FIGURES)
def test_its_words_do_not_meet(name: str) -> None:
    figure = FIGURES[name]().figure
    allowed = meetings(figure)
    found = []
    for layout in layouts(figure):
        with narrowed(figure, *layout):
            found.append(meetings(figure) <= allowed)
    assert any(found)


def test_lines_of_a_title_stay_lines_where_they_are_wrapped() -> None:
    figure, axes = new_figure(1, 2)
    title = "first line\nand a second one, which is far too long for half a phone"
    for one in axes:
        one.set_title(title)
    with narrowed(figure, 2, 1.0, turned=False):
        shown = {text.get_text() for text in shown_words(figure) if "first" in text.get_text()}
        (wrapped,) = shown
        assert wrapped.startswith("first line\nand a second") and wrapped.count("\n") > 1
    assert {one.get_title() for one in axes} == {title}


def test_tables_below_each_other_name_the_rows_of_each() -> None:
    drawn = word_plus_position(["the", "dog", "bites"], rows(3, 6), rows(3, 6))
    wide, narrow = page_svg(drawn.figure, drawn.alt).split('class="figure-narrow"')
    assert [part.count(">dog  (1)<") for part in (wide, narrow)] == [1, 3]
