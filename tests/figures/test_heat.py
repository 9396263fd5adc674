import re

import pytest
import torch

from course_lib.figures.base import FigureWithText, new_figure, palette
from course_lib.figures.heat import heat_map


def test_each_cell_shows_its_number_and_hidden_ones_are_hatched() -> None:
    _, axes = new_figure()
    heat_map(axes, torch.tensor([[0.0, float("-inf")], [1.0, 0.5]]), ["a", "b"], ["x", "y"])
    assert sorted(text.get_text() for text in axes.texts) == ["0.00", "0.50", "1.00"]
    assert [patch.get_hatch() for patch in axes.patches] == ["///"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


@pytest.mark.parametrize("lowest", [0.0, -1.0, -0.2])
def test_numbers_keep_their_contrast_on_every_shade(lowest: float) -> None:
    _, axes = new_figure()
    heat_map(axes, torch.linspace(lowest, 1, 30)[None], None, [""] * 30)
    image = axes.images[0]
    for text in axes.texts:
        shade = image.cmap(image.norm(float(text.get_text())))
        light = sum(
            w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
            for w, c in zip((0.2126, 0.7152, 0.0722), shade[:3], strict=True)
        )
        assert text.get_color() in (palette.on_dark, palette.on_light)
        ink = 1.0 if text.get_color() == palette.on_dark else 0.0
        assert (max(light, ink) + 0.05) / (min(light, ink) + 0.05) >= 4.5


def test_equal_values_do_not_divide_by_zero() -> None:
    _, axes = new_figure()
    heat_map(axes, torch.full((2, 2), 3.0), None, ["x", "y"])
    assert {text.get_text() for text in axes.texts} == {"3.00"}


def test_numbers_in_cells_do_not_follow_the_theme_for_the_cells_do_not() -> None:
    figure, axes = new_figure()
    heat_map(axes, torch.tensor([[0.0, 1.0]]), None, ["x", "y"])
    page = FigureWithText(figure, "Two cells.")._repr_mimebundle_()[0]["text/html"]
    inks = re.findall(r'<text style="[^"]*fill: ([^;"]+)[^"]*"[^>]*>[01]\.00', page)
    assert inks == [palette.on_light, palette.on_dark] * 2  # the wide form and the narrow one
