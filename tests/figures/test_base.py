import base64
import io
import re

import numpy as np
import pytest
from matplotlib import image, pyplot
from matplotlib.figure import Figure
from PIL import Image

from course_lib.figures import FigureWithText, new_figure, palette, svg, text_table

TABLE = [["word", "weight", "rank"], ["the", 0.25, 2], ["keys", 0.5, 1]]


def draw(alt: str = "Two bars: 'keys' is twice as high as 'the' & <b>.") -> FigureWithText:
    figure, axes = new_figure()
    axes.bar(["the", "keys"], [0.25, 0.5], color=palette.blue)
    return FigureWithText(figure, alt, TABLE)


def test_it_shows_as_image_page_and_text() -> None:
    bundle, metadata = draw()._repr_mimebundle_()
    assert image.imread(io.BytesIO(bundle["image/png"])).shape[2] == 4
    assert metadata["image/png"]["alt"].startswith("Two bars")
    assert "keys    0.50     1" in bundle["text/plain"]
    assert bundle["text/plain"].startswith("Two bars")


def test_the_page_form_carries_escaped_text_and_a_real_table() -> None:
    page = draw()._repr_mimebundle_()[0]["text/html"]
    text = "Two bars: &#x27;keys&#x27; is twice as high as &#x27;the&#x27; &amp; &lt;b&gt;."
    assert f'aria-label="{text}"' in page
    assert '<th scope="col">weight</th>' in page
    assert '<th scope="row">keys</th><td>0.50</td><td>1</td>' in page


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert draw().png() == draw().png()


def page_of(drawn: FigureWithText) -> str:
    return drawn._repr_mimebundle_()[0]["text/html"]


@pytest.mark.slow
def test_the_page_form_is_the_same_each_time_and_leaves_the_figure_as_it_was() -> None:
    one = panels(3)
    before = one.png()
    assert page_of(one) == page_of(one) == page_of(panels(3))
    assert one.png() == before


@pytest.mark.slow
@pytest.mark.parametrize("title", [None, "what they are"])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("size", [7, 10])
def test_names_that_cover_a_line_are_drawn_the_same_each_time(
    title: str | None, missing: bool, size: int
) -> None:
    def drawn() -> FigureWithText:
        figure, axes = new_figure(width=6.4, height=3.0)
        for level in range(3):
            y = [0.0, float("nan") if missing else float(level), float(level), 2.0]
            axes.plot([0, 4, 10, 12], y, label=f"line {level}")
        axes.legend(title=title, loc="center", fontsize=size)
        return FigureWithText(figure, "Lines.")

    one = drawn()
    before = one.png()
    page = page_of(one)
    assert page == page_of(one) == page_of(drawn())
    assert one.png() == before


def test_the_page_form_follows_the_colours_of_the_page() -> None:
    page = page_of(draw())
    assert "currentColor" in page
    assert not re.search(r"(?:fill|stroke): ?#(?:ffffff|000000|1f2328)", page)
    assert "<style" not in page and "<metadata" not in page


@pytest.mark.parametrize(
    ("line", "word"),
    [(palette.blue, "query"), (palette.vermilion, "key"), (palette.green, "value")],
)
def test_a_word_in_the_colour_of_a_line_can_be_read_on_both_papers(line: str, word: str) -> None:
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1], color=line)
    axes.text(0.5, 0.5, "beside its line", color=line)
    page = FigureWithText(figure, "A line and its name.", TABLE)._repr_mimebundle_()[0]["text/html"]
    named = re.findall(r"<text [^>]*>beside its line", page)
    assert named and all(f"var(--concept-{word}" in one for one in named)
    assert f"stroke: {line.lower()}" in page


def test_names_in_the_drawings_differ_from_figure_to_figure() -> None:
    first, second = (set(re.findall(r'id="([^"]+)"', page_of(one))) for one in (draw(), panels(2)))
    assert len(first) > 5 and not first & second
    page = page_of(panels(2))
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= set(ids)


def panels(n: int, words: str = "x") -> FigureWithText:
    figure, axes = new_figure(1, n, width=2.6 * n, height=2.4, sharey=True, squeeze=False)
    for panel in axes[0]:
        panel.bar([0, 1], [1, 2], color=palette.blue)
        panel.text(0.5, 1.5, words, ha="center", fontsize=9)
        panel.set_title("A title of a panel that is as long as the panel is wide, and longer")
    return FigureWithText(figure, "Bars.", TABLE)


def sizes(page: str, kind: str) -> tuple[float, float]:
    box = re.search(rf'class="{kind}".*?viewBox="0 0 ([0-9.]+) ([0-9.]+)"', page)
    assert box is not None
    return float(box[1]) * 96 / 72, float(box[2]) * 96 / 72


def test_one_picture_in_two_panels_has_no_name_twice() -> None:
    figure, axes = new_figure(1, 2)
    for one in axes:
        one.imshow(np.eye(3))
    text = page_of(FigureWithText(figure, "Two panels.", TABLE))
    names = re.findall(r'\bid="([^"]*)"', text)
    assert text.count("<image ") >= 2 and len(names) == len(set(names))


def test_a_phone_gets_the_panels_below_each_other() -> None:
    page = page_of(panels(3))
    width, height = sizes(page, "figure-narrow")
    wide, low = sizes(page, "figure-wide")
    assert width <= 342 < wide
    assert height == pytest.approx(3 * low)


def test_where_words_would_meet_a_phone_gets_the_wide_one_at_a_size_to_read() -> None:
    figure, axes = new_figure(width=9.0)
    axes.text(0.5, 0.5, "words that no phone can show in one line " * 2, ha="center", fontsize=8)
    page = page_of(FigureWithText(figure, "Words."))
    assert "figure-narrow" not in page
    least = re.search(r"min-width:([0-9]+)px", page)
    assert least is not None
    assert float(least[1]) / (9 * 96) * 8 * 96 / 72 >= 11
    axes.texts[0].set_fontsize(5)
    least = re.search(
        r"width:([0-9]+)px;min-width:([0-9]+)px", page_of(FigureWithText(figure, "W."))
    )
    assert least is not None
    assert float(least[2]) / (9 * 96) * 5 * 96 / 72 >= 11
    assert float(least[1]) >= float(least[2])


def test_a_phone_gets_small_words_made_larger_and_the_figure_keeps_its_own() -> None:
    figure, axes = new_figure(width=6.4)
    axes.text(0.5, 0.5, "small", fontsize=6)
    page = page_of(FigureWithText(figure, "Small."))
    narrow = page[page.index('<svg style="display:none" class="figure-narrow"') :]
    size = re.search(r"font-size: ([0-9.]+)px[^>]*>small<", narrow)
    assert size is not None and float(size[1]) * 96 / 72 > 11
    assert axes.texts[0].get_fontsize() == 6


def test_a_phone_reads_the_words_that_a_stacked_panel_gets_of_its_own() -> None:
    figure, (left, right) = new_figure(1, 2, width=6.0, height=2.0, sharey=True)
    for axes in (left, right):
        axes.barh(["first", "second"], [1.0, 2.0])
        axes.tick_params(labelsize=8)
    page = page_of(FigureWithText(figure, "Two panels."))
    narrow = page[page.index('<svg style="display:none" class="figure-narrow"') :]
    sizes = [float(size) for size in re.findall(r"font-size: ([0-9.]+)px", narrow)]
    assert narrow.count(">second<") == 2
    assert min(sizes) * 96 / 72 >= 11.2
    assert page.count(">second<") == 3 and "font-size: 8px" in page  # the wide one is as before


def curves(levels: int) -> FigureWithText:
    """Lines that leave room for their names in a wide drawing; many leave none on a phone."""
    figure, axes = new_figure(width=9.0, height=3.0)
    for level in range(levels):
        axes.plot([0, 4, 10], [0, level, level], label=f"the line number {level}")
    axes.plot([0, 10], [3 * levels, 3 * levels] if levels < 5 else [levels, 0], label="the last")
    axes.legend(frameon=False)
    return FigureWithText(figure, "Lines.", TABLE)


@pytest.mark.parametrize(("levels", "moved"), [(2, False), (7, True)])
def test_names_of_lines_never_cover_a_line_on_a_phone(levels: int, moved: bool) -> None:
    drawn = curves(levels)
    page = drawn._repr_mimebundle_()[0]["text/html"]
    narrow = re.search(r'<svg[^>]*class="figure-narrow".*?</svg>', page, re.DOTALL)
    assert narrow and narrow[0].count("the line number") == levels
    _, height = sizes(page, "figure-narrow")
    assert (height > 1.5 * 3 * 96) is moved
    axes = drawn.figure.axes[0]
    assert axes.get_legend().get_visible() and not drawn.figure.legends
    assert page == drawn._repr_mimebundle_()[0]["text/html"]


def test_names_below_a_drawing_are_those_that_its_own_legend_gives() -> None:
    """Also the ones of another axis, changed ones, and what stands above them."""
    drawn = curves(7)
    axes = drawn.figure.axes[0]
    other = axes.twinx().plot([0, 10], [3, 1])
    lines = [*axes.lines, *other]
    names = [f"name {i}" for i in range(len(lines))]
    axes.legend(lines, names, title="what they are")
    page = page_of(drawn)
    for words in (*names, "what they are"):
        assert page.count(f">{words}<") == 2, words
    axes.legend([], [])
    assert "name 0" not in page_of(drawn)


def test_words_that_look_like_a_drawing_stay_as_they_are() -> None:
    words = ["#ffffff", 'd="0.123456"', 'id="x"', "'DejaVu Sans' a", "data:image/png;base64,AAA"]
    figure, axes = new_figure()
    for place, word in enumerate(words):
        axes.text(0.1, 0.1 * place, word)
    page = page_of(FigureWithText(figure, "Words."))
    assert [word for word in words if f">{word}<" not in page] == []


def test_drawing_leaves_the_canvas_and_knows_axes_without_four_sides() -> None:
    figure = Figure(figsize=(9, 3), layout="constrained")
    figure.add_subplot(projection="polar").plot([0, 1, 2], [1, 2, 3])
    canvas = figure.canvas
    assert "figure-narrow" in page_of(FigureWithText(figure, "Round."))
    assert figure.canvas is canvas


@pytest.mark.filterwarnings("ignore:Glyph")
def test_words_meet_on_a_phone_no_more_where_the_typeface_lacks_a_sign() -> None:
    figure, axes = new_figure(width=9.0)
    axes.text(0.5, 0.5, "words that no phone can show in one line 漢 " * 2, ha="center", fontsize=8)
    assert "figure-narrow" not in page_of(FigureWithText(figure, "Words."))


def test_a_phone_gets_the_drawing_that_was_made_for_it() -> None:
    figure, axes = new_figure(width=9.0)
    axes.text(0.5, 0.5, "for a desk", fontsize=9)
    phone, small = new_figure(width=3.5)
    small.text(0.5, 0.5, "for a phone", fontsize=9)
    page = page_of(FigureWithText(figure, "Words.", phone=phone))
    assert sizes(page, "figure-narrow")[0] == pytest.approx(336)
    assert page.count("for a phone") == page.count("for a desk") == 1
    assert page.index("for a desk") < page.index("figure-narrow") < page.index("for a phone")
    small.texts[0].set_fontsize(8)
    with pytest.raises(ValueError, match="phone has words under 8.4 points: 'for a phone'"):
        page_of(FigureWithText(figure, "Words.", phone=phone))
    with pytest.raises(ValueError, match="phone must be at most 3.56 inches wide, got 9.00"):
        page_of(FigureWithText(figure, "Words.", phone=figure))


def places(path: str) -> list[tuple[str, list[float]]]:
    """Commands of a path with their places, all in full and absolute, as a browser reads them."""
    found, pen, start = [], (0.0, 0.0), (0.0, 0.0)
    for letter, numbers in re.findall(r"([MLQCmlqcz])([^A-Za-z]*)", path):
        values = [float(one) for one in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", numbers)]
        size = {"m": 2, "l": 2, "q": 4, "c": 6, "z": 0}[letter.lower()]
        for i in range(0, max(len(values), 1), max(size, 1)):
            command = "l" if letter in "mM" and i else letter.lower()
            part = values[i : i + size]
            if letter.islower():
                part = [value + pen[index % 2] for index, value in enumerate(part)]
            pen = start if command == "z" else (part[-2], part[-1])
            start = pen if command == "m" else start
            found.append((command, part))
    return found


def test_a_path_is_written_short_and_leads_where_it_led(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, str]] = []
    shorten = svg._short_path

    def noted(path: str) -> str:
        written.append((path, shorten(path)))
        return written[-1][1]

    monkeypatch.setattr(svg, "_short_path", noted)
    rng = np.random.default_rng(0)
    figure, axes = new_figure()
    axes.plot(rng.random(400).cumsum(), marker="o", markevery=40)
    axes.bar([1, 2], [30, 40], hatch="..")
    axes.fill_between(range(50), rng.random(50) - 5, -9)
    shown = page_of(FigureWithText(figure, "Lines."))
    assert len(written) > 10 and all(f' d="{short}"' in shown for _, short in written)
    for long, short in written:
        assert [letter for letter, _ in places(long)] == [letter for letter, _ in places(short)]
        for (_, a), (_, b) in zip(places(long), places(short), strict=True):
            assert a == pytest.approx(b, abs=0.0501)
    assert sum(len(short) for _, short in written) < 0.5 * sum(len(long) for long, _ in written)


def test_names_that_nothing_refers_to_are_left_out() -> None:
    shown = page_of(draw())
    names = re.findall(r'id="([^"]*)"', shown)
    assert names and all(f"#{name}" in shown for name in names)


@pytest.mark.parametrize("alpha", [1.0, 0.4])
def test_a_picture_of_few_colours_is_written_small_and_the_same(alpha: float) -> None:
    figure, axes = new_figure(width=3.0, height=2.0)
    axes.imshow(
        np.random.default_rng(0).random((64, 64)), interpolation="none", cmap="RdBu", alpha=alpha
    )
    plain = io.StringIO()
    figure.savefig(plain, format="svg")
    pictures = []
    shown, _ = FigureWithText(figure, "noise", TABLE)._repr_mimebundle_()
    for text in (plain.getvalue(), shown["text/html"]):
        png = base64.b64decode(re.findall(r'data:image/png;base64,([^"]*)"', text)[0])
        pictures.append((len(png), np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))))
    (size, before), (small, after) = pictures
    assert small < 0.6 * size
    assert np.array_equal(before, after)


def test_a_phone_gets_fewer_panels_beside_each_other_as_many_as_their_words_allow() -> None:
    figure, panels = new_figure(2, 4, width=7.2, height=3.0, sharey=True)
    for panel in panels.flat:
        panel.bar(["leftwards", "rightwards"], [1, 2])
        panel.set_title("a long name", fontsize=9)
        panel.tick_params(labelleft=panel is panels[0][0], labelsize=8)
    before = FigureWithText(figure, "Bars.").png()
    page = page_of(FigureWithText(figure, "Bars."))
    assert sizes(page, "figure-narrow")[1] == pytest.approx(2 * sizes(page, "figure-wide")[1])
    assert FigureWithText(figure, "Bars.").png() == before


def test_words_below_an_axis_stand_upright_where_they_would_meet() -> None:
    figure, axes = new_figure(width=7.0, height=2.5)
    axes.bar([f"a word {i}" for i in range(8)], range(8))
    page = page_of(FigureWithText(figure, "Bars."))
    narrow = page[page.index('figure-narrow"') :]
    assert narrow.count("rotate(-90") == 8 and "rotate(-90" not in page[: -len(narrow)]
    assert axes.get_xticklabels()[0].get_rotation() == 0


def test_no_figure_is_left_open() -> None:
    before = pyplot.get_fignums()
    draw().png()
    assert pyplot.get_fignums() == before


def test_columns_of_numbers_stand_to_the_right() -> None:
    assert text_table(TABLE) == "word  weight  rank\nthe     0.25     2\nkeys    0.50     1"


def test_a_figure_without_words_or_with_a_ragged_table_is_refused() -> None:
    figure, _ = new_figure()
    with pytest.raises(ValueError, match="alt must say"):
        FigureWithText(figure, " ")
    with pytest.raises(ValueError, match=r"lengths \[1, 2\]"):
        FigureWithText(figure, "words", [["a"], ["b", "c"]])


def test_the_palette_keeps_its_series_apart_in_grey() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    series = [lightness(colour) for colour in palette.series]
    assert all(abs(a - b) > 0.05 for a, b in zip(series, series[1:], strict=False))
