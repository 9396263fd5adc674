import io

import pytest
from matplotlib import image, pyplot

from course_lib.figures import FigureWithText, new_figure, palette, text_table

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
    assert (
        'alt="Two bars: &#x27;keys&#x27; is twice as high as &#x27;the&#x27; &amp; &lt;b&gt;."'
        in page
    )
    assert '<th scope="col">weight</th>' in page
    assert '<th scope="row">keys</th><td>0.50</td><td>1</td>' in page


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert draw().png() == draw().png()


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
