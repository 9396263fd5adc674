"""The figures of domain adaptation draw the tables and runs that they are given."""

import numpy as np
import pytest

from course_lib.adaptation.bloomberg import DATA, FINPILE, PUBLIC
from course_lib.adaptation.scaling import ScalingLaw, ScalingRun, fit_scaling_law
from course_lib.figures.domain import law_and_runs, sources_of
from course_lib.figures.svg import page_svg

LAW = ScalingLaw(floor=0.565, a=30.0, b=80.0, alpha=0.6, beta=0.5)


def test_bars_are_tokens_and_what_is_not_listed_gets_one() -> None:
    drawn = sources_of(DATA)
    assert drawn.table[1][:3] == ["FinPile", "363.5", "51.27%"]
    assert len(drawn.table) == len(DATA) + 1
    (axes,) = drawn.figure.axes
    names = [label.get_text().strip() for label in axes.get_yticklabels()]
    assert names.count("small ones") == 1 and names[0] == FINPILE
    widths = dict(zip(names, (bar.get_width() for bar in axes.patches), strict=True))
    assert widths["C4"] == 1_381 and widths["small ones"] == 194
    assert "FinPile 364 billion tokens, 51.3%" in drawn.alt
    assert "largest source is Web" in drawn.alt


def test_a_table_without_its_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="a part with a source"):
        sources_of([DATA[0]])
    with pytest.raises(ValueError, match="none of \\['C4'\\]"):
        sources_of([*(row for row in DATA if row.part == FINPILE), DATA[0], DATA[7]])
    assert DATA[7].part == PUBLIC


def test_runs_stand_beside_what_the_law_says_of_them() -> None:
    runs = [
        ScalingRun(n, d, LAW.loss(n, d) * (1 + 0.002 * (-1) ** (i + j)))
        for i, n in enumerate((1_000, 4_000, 16_000))
        for j, d in enumerate((30_000, 120_000, 500_000))
    ]
    fit = fit_scaling_law(runs, generator=np.random.default_rng(0))
    held = [
        ScalingRun(16_000, 1_000_000, LAW.loss(16_000, 1_000_000)),
        ScalingRun(1_000, 60_000, 9.0),
    ]
    drawn = law_and_runs(fit, held)
    assert len(drawn.table) == 12
    assert "1 lie in the 90 % interval" in drawn.alt
    assert [row[-1] for row in drawn.table].count("held out") == 2
    assert "figure-narrow" in page_svg(drawn.figure, drawn.alt)  # else a phone scrolls it sideways
