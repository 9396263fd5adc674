"""What the site adds to a written page: folded code, captions, results, lists, lean sheets."""

import html
import json
import math
import re
from pathlib import Path

import pytest

from book._ext.columns import rules, with_columns
from book._ext.concepts import concept_of
from book._ext.course_index import KINDS, anchor, ranges, with_anchors
from book._ext.figure_numbers import caption_of, number_figures
from book._ext.front import chapters
from book._ext.lean_css import lean
from book._ext.lecture import page_of, shown_at
from book._ext.machinery import TAG, fold, kinds
from book._ext.pictures import PICTURES
from book._tools import readme, results
from book._tools.landing import RECORD
from book._tools.paths import HTML, NOTEBOOKS, ROOT
from course_lib.exercises.catalog import all_specs
from course_lib.figures.base import palette

NUMBERS = [entry["chapter"][:2] for entry in chapters()]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("import a\nfrom b import c\n\nx = 1", "import import import -"),
        ("x = 1\n\nassert x", "- check check"),
        ("for run in runs:\n    assert run\n    assert x", "check check check"),
        ("for run in runs:\n    assert run\n    y = 1", "- check -"),
        ("def f():\n    assert x\n    return x", "- - -"),
        ("# Not compared: a\n# picture.\nf()\n# kept", "comment comment - -"),
        ('exercises.load("01.a", v=1)', "loader"),
        ('task = exercises.load("01.c", v=1)\ntask', "loader loader"),
        ("!ls\nimport a", "- -"),
        ("torch.testing.assert_close(a, b)", "check"),
        (
            "for a in b:\n    if a:\n        assert c\n    else:\n        assert d",
            "check check check check check",
        ),
        ("import a; x = 1", "-"),
        ("y = (1,\n 2); assert x\nassert y", "- - check"),
        ("if c: import a\nelse: import b", "- -"),
        ("try:\n    import a\nexcept ImportError:\n    a = None", "- - - -"),
        ("while x:\n    assert y\n    assert z", "- - -"),
        ("async def f():\n    assert x\n    return x", "- - -"),
        ('s = """\n# Not compared\n\n\nb"""\n\nassert s', "- - - - - check check"),
        ("x = '\x00'", "-"),
        ("import a\n\nSEED, BUDGET = 0, 1", "import import settings"),
        ("SEED, BUDGET = 0, 1\nx = 1", "- -"),
        ("SEED, BUDGET = 0, 1  # of all models", "-"),
    ],
)
def test_machinery_is_told_from_what_explains(code: str, wanted: str) -> None:
    assert " ".join(kind or "-" for kind in kinds(code)) == wanted


def test_no_machinery_of_a_chapter_is_missed() -> None:
    """At the left margin such a line stands for itself, so it can be found without a parser."""
    margin = re.compile(r"(import |from \S+ import|assert |# Not compared|exercises\.load)")
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code" and "remove-cell" not in cell["metadata"].get(
                "tags", []
            ):
                code = "".join(cell["source"])
                found = zip(kinds(code), code.split("\n"), strict=True)
                assert [line for kind, line in found if not kind and margin.match(line)] == []


def cell_of(code: str) -> str:
    return (
        '<div class="cell docutils container">\n<div class="cell_input docutils container">\n'
        '<div class="highlight-ipython3 notranslate"><div class="highlight"><pre><span></span>'
        f"{code}\n</pre></div>\n</div>\n</div></div>"
    )


def test_folding_marks_and_takes_nothing_away() -> None:
    code = (
        '<span class="kn">import</span> a\nx = 1 <span class="c1"># noqa: E7</span>\nassert x\n'
        "assert x"
    )
    page = fold(cell_of(code))
    assert TAG.sub("", page) == TAG.sub("", cell_of(code))
    assert page.count('class="machinery"') == 3 and 'data-checks="2"' in page
    assert "machinery-cell" not in page
    assert "machinery-cell" in fold(cell_of("import a"))
    assert fold(cell_of("x = 1")) == cell_of("x = 1")


def test_a_caption_is_what_a_figure_says_first() -> None:
    assert caption_of("bars of 0.5 nats. The first leads.") == "Bars of 0.5 nats. The first leads."
    assert caption_of(f"One. {'word ' * 60}.") == "One."
    assert len(caption_of("part 1, part 2; " * 40)) < 200
    assert caption_of("word " * 80) == f"Word{' word' * 35} …"


FIGURE = '<figure class="course-figure" style="margin:0"><svg role="img" aria-label="{}"></svg>{}'


def test_figures_are_numbered_and_a_silent_one_is_an_error() -> None:
    page = FIGURE.format("A &lt; B. More.", "</figure>") + FIGURE.format(
        "C.", "<details><summary>The same as a table</summary></details></figure>"
    )
    captions: list[str] = []
    done = number_figures(page, 6, captions)
    assert captions == ["A &lt; B. More.", "C."]
    assert 'id="figure-6-1"' in done and 'id="figure-6-2"' in done
    assert "<figcaption><b>Figure 6.2</b> C.</figcaption><details>" in done
    with pytest.raises(ValueError, match="figure 1 of chapter 6 has no description"):
        number_figures(FIGURE.format(" ", "</figure>"), 6)


def test_each_chapter_has_a_question_a_picture_and_a_result_with_a_number() -> None:
    assert list(results.by_chapter()) == NUMBERS == list(PICTURES)
    for result in results.RESULTS:
        assert re.search(r"\d", result.text()) and result.question.endswith("?")


def test_a_result_that_no_longer_holds_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    turned = [
        {"neighbour: log odds": run["subject: log odds"], "subject: log odds": 1.0}
        for run in results.runs("01")
    ]
    monkeypatch.setattr(results, "runs", lambda chapter: turned)
    with pytest.raises(ValueError, match="chapter 01 does not hold"):
        results.by_chapter()["01"].text()


def test_a_number_follows_its_record_and_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    said = results.by_chapter()["11"].text()
    text = results.outputs("11").replace("T = 2.0: 7 tokens", "T = 2.0: 9 tokens")
    monkeypatch.setattr(results, "outputs", lambda chapter: text)
    assert results.by_chapter()["11"].text() == said.replace(" 7 ", " 9 ") != said
    monkeypatch.setattr(results, "outputs", lambda chapter: "")
    with pytest.raises(ValueError, match="0 times, not once"):
        results.by_chapter()["11"].text()


def test_the_record_of_the_first_page_says_what_chapter_1_says() -> None:
    """Looks are shares of one, and the noun next to the verb decides, as in the recorded runs."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    odds = []
    for reading in record["readings"]:
        for layer in reading["looks"]:
            for head in layer:
                assert sum(head) == pytest.approx(1, abs=1e-3) and len(head) == 6
        assert all(0 <= share <= 1 for share in reading["moved"])
        assert reading["moved"].index(max(reading["moved"])) == 5
        odds.append(math.log(reading["verbs"][1] / reading["verbs"][0]))
    neighbour = (odds[1] - odds[0] + odds[3] - odds[2]) / 2
    subject = (odds[2] - odds[0] + odds[3] - odds[1]) / 2
    runs = results.runs("01")
    assert neighbour > 2 * subject > 0
    assert abs(neighbour - results.over_starts("01", "neighbour: log odds")) < 2
    assert record["command"] == "python -m book._tools.landing" and len(runs) == 4


@pytest.mark.parametrize("quote", ["&quot;", '"', "&#39;"])
def test_exercises_get_an_anchor_where_they_are_loaded(quote: str) -> None:
    load = (
        'exercises<span class="o">.</span><span class="n">load</span><span class="p">(</span>'
        f'<span class="s2">{quote}06.g2{quote}</span>'
    )
    page = with_anchors(cell_of("x") + cell_of(load))
    assert page.count('<div id="exercise-06-g2" class="cell docutils') == 1
    assert page.replace(' id="exercise-06-g2"', "", 1) == cell_of("x") + cell_of(load)


def test_a_column_of_a_record_is_shown_from_low_to_high() -> None:
    rows = [{"seed": 0, "of": "a", "loss": 2.0}, {"seed": 1, "of": "b", "loss": 0.5}]
    assert ranges(rows)[1:] == [["loss", "0.5", "2", "2"]]


def test_the_page_of_questions_has_all_of_them(site: str) -> None:
    page = (HTML / "book" / "questions.html").read_text(encoding="utf-8")
    for spec in all_specs():
        assert f'#{anchor(spec.id)}">{spec.id}</a>' in page and spec.kind in KINDS
    for path in results.RECORDED.glob("*.json"):
        assert f"<code>{path.stem}</code>" in page, path.stem
    for entry in chapters():
        assert results.by_chapter()[entry["chapter"][:2]].question in page
        for name, module in entry["figures"].items():
            assert f"<em>{name}</em>, drawn by <code>{module}</code>" in page
        for sentence in entry["lecture"]:
            there, end = page_of(entry, sentence), shown_at(sentence["cell"])
            shown = (
                f'../notebooks/{there}.html#{end}">{html.escape(sentence["says"], quote=False)}</a>'
            )
            assert shown in page
            where = (HTML / "notebooks" / f"{there}.html").read_text(encoding="utf-8")
            assert where.count(f'<span id="{end}"></span>') == 1
        text = (HTML / "notebooks" / f"{entry['chapter']}.html").read_text(encoding="utf-8")
        drawn = text.count('<figure class="course-figure"')
        number = int(entry["chapter"][:2])
        assert page.count(f'">Figure {number}.') == drawn == text.count("<figcaption><b>Figure")
    assert "<!--figures" not in page


def test_what_can_match_nothing_leaves_a_style_sheet() -> None:
    sheet = (
        "@charset 'x';a.used,a.gone{b:c}.gone{d:e}@media print{.gone{f:g}.used{h:i}}"
        "@media x{.gone{j:k}}@font-face{l:m}.bs-tip-top{n:o}p:not(.gone){q:r}/* } */"
        ".used::before{content:'}'}#gone{s:t}"
    )
    assert lean(sheet, {"used", "bs-tip-"}) == (
        "@charset 'x';a.used{b:c}@media print{.used{h:i}}@font-face{l:m}.bs-tip-top{n:o}"
        "p:not(.gone){q:r}.used::before{content:'}'}#gone{s:t}"
    )
    with pytest.raises(ValueError, match="does not close"):
        lean(".used{a:b", {"used"})


@pytest.mark.parametrize(
    ("word", "concept"),
    [
        ("query", "query"),
        ("Queries", "query"),
        ("keys", "key"),
        ("masking rate", ""),
        ("keyed", ""),
    ],
)
def test_a_concept_in_bold_is_known_by_its_word(word: str, concept: str) -> None:
    assert concept_of(word) == concept


def test_text_widgets_and_figures_have_one_colour_for_a_concept() -> None:
    book = (ROOT / "book" / "assets" / "course.css").read_text(encoding="utf-8")
    styles = ROOT / "course_lib" / "widgets" / "kit" / "ui" / "styles" / "6_concepts.css"
    widgets = styles.read_text(encoding="utf-8")
    for name in ("query", "key", "value", "mask"):
        light, dark = re.findall(rf"--concept-{name}: (#\w+);", book)
        assert re.findall(rf"var\(--concept-{name}, (#\w+)\)", widgets) == [light, dark]
        assert getattr(palette, name) == light


def printed(text: str) -> str:
    return f'<div class="output stream"><div class="highlight"><pre>{text}</pre></div></div>'


def test_a_printed_table_keeps_its_columns() -> None:
    wide = "name" + " " * 40 + "share\nthe &lt;end&gt;" + " " * 34 + "<b>  0.5</b>\n"
    page = with_columns(printed(wide))
    assert 'class="output stream columns" style="--columns:49"' in page
    assert f'data-step="52"><div class="highlight"><pre>{wide}</pre>' in page


def test_a_sentence_below_a_printed_table_goes_on_in_the_next_line() -> None:
    rows = "a" + " " * 50 + "b\nc" + " " * 50 + "d\n"
    sentence = "So the first one is ahead of the second, by more than the starts differ among them."
    page = with_columns(printed(rows + sentence + "\n" + "e" + " " * 50 + "f\n"))
    assert f'{rows}<span class="sentence">{sentence}</span>e' in page


@pytest.mark.parametrize(("word", "wide"), [("語" * 20, 46), ("a\u0301" * 44, 50)])
def test_a_column_is_as_wide_as_its_letters_are_drawn(word: str, wide: int) -> None:
    page = with_columns(printed(f"{word}   0.5\n" * 2))
    assert f'columns" style="--columns:{wide}"' in page


def test_no_printed_table_of_a_built_page_is_left_to_break() -> None:
    pages = [path.read_text(encoding="utf-8") for path in (HTML / "notebooks").glob("[0-9]*.html")]
    assert (HTML / "_static" / "course.css").read_text(encoding="utf-8").count(rules()) == 1
    assert [with_columns(page) for page in pages] == pages
    assert sum(page.count(' columns" style="--columns:') for page in pages) > len(pages)


def test_tabs_part_columns_too() -> None:
    assert 'columns" style="--columns:51"' in with_columns(printed(("a\t" * 6 + "end\n") * 2))


@pytest.mark.parametrize("row", ["-" * 60, "=" * 30 + " " + "=" * 30, " " * 50 + "loss"])
def test_a_row_of_one_column_or_a_rule_stays_in_its_line(row: str) -> None:
    text = f"{row}\na{' ' * 50}b\nc{' ' * 50}d\n"
    assert f">{text}</pre>" in with_columns(printed(text))


@pytest.mark.parametrize(
    "text",
    [
        "a  b\nc  d\n",
        "some words that are long enough not to fit on a phone\n" * 3 + "a  b\n",
        f"a{' ' * 110}b\n" * 3,
        "",
    ],
    ids=["narrow", "sentences", "wider than a page", "nothing"],
)
def test_what_is_no_wide_table_stays_as_it_was(text: str) -> None:
    assert with_columns(printed(text)) == printed(text)


def contrast(one: str, other: str) -> float:
    """How far two colours are apart in lightness, as WCAG 2 counts it: 1 to 21."""
    values = []
    for colour in (one, other):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        values.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(values) / min(values)


def read_on_both(drawing: str, css: str) -> set[str]:
    """Colours of words of a drawing that one of the two papers makes hard to read.

    `palette.on_light` and `on_dark` stand on patches of the drawing, which stay as they are.
    """
    hard = set()
    for word in re.findall(r"<text\b[^>]*>", drawing):
        for colour in re.findall(r"fill: ?(#\w{6}|var\(--[\w-]+)", word):
            if colour in (palette.on_light, palette.on_dark):
                continue
            name = colour.removeprefix("var(")
            both = re.findall(rf"{name}: (#\w{{6}});", css) if colour != name else [colour] * 2
            light, dark = both
            if contrast(light, "#ffffff") < 4.5 or contrast(dark, "#14181e") < 4.5:
                hard.add(colour)
    return hard


@pytest.mark.parametrize("chapter", [entry["chapter"] for entry in chapters()])
def test_words_of_drawings_can_be_read_on_light_and_on_dark_paper(chapter: str) -> None:
    css = (ROOT / "book" / "assets" / "course.css").read_text(encoding="utf-8")
    page = (HTML / "notebooks" / f"{chapter}.html").read_text(encoding="utf-8")
    drawings = re.findall(r'<svg [^>]*class="figure-.*?</svg>', page, re.DOTALL)
    assert drawings and set().union(*(read_on_both(drawing, css) for drawing in drawings)) == set()


def test_a_word_that_is_hard_to_read_on_one_paper_is_found() -> None:
    css = "--concept-query: #0a62a6;--concept-query: #7cbcf5;"
    assert read_on_both('<text style="fill: #0072b2">', css) == {"#0072b2"}
    assert read_on_both('<text style="fill: #d55e00">', css) == {"#d55e00"}
    assert read_on_both('<text style="fill: var(--concept-query, #0a62a6)">', css) == set()


def test_the_typefaces_stand_beside_their_licences() -> None:
    folder = ROOT / "book" / "assets" / "vendor" / "fonts"
    faces = sorted(path.name for path in folder.glob("*.woff2"))
    sheets = [ROOT / "book" / "assets" / name for name in ("course.css", "formulas.css")]
    css = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    assert faces == sorted(re.findall(r'fonts/([\w-]+\.woff2)"', css))
    assert css.count("font-display: swap") == len(faces)
    # That of formulas is loaded where there are some.
    of_text = [name for name in faces if name != "course-math.woff2"]
    assert sum((folder / name).stat().st_size for name in of_text) < 45_000
    for licence in folder.glob("LICENSE-*"):
        assert "SIL OPEN FONT LICENSE Version 1.1" in licence.read_text(encoding="utf-8")
    readme = Path(folder.parent / "README.md").read_text(encoding="utf-8")
    assert "Reserved Font Name 'Source'" in readme and len(list(folder.glob("LICENSE-*"))) == 3


def test_the_readme_has_the_chapters_as_they_are() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.table() in text, "run python -m book._tools.readme"
