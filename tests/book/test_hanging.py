"""Long lines on a page: what goes on in the next line is set in, and is all there."""

import html
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from book._ext.columns import with_columns
from book._ext.hanging import DEEPEST, FIT, hanging, with_hanging
from book._tools.paths import ROOT

LONG = "x" * (FIT + 1)
SHEET = (ROOT / "book/assets/course.css").read_text()
BLOCK = (
    '<div class="highlight-ipython3 notranslate"><div class="highlight"><pre><span></span>{}</pre>'
    "</div></div>"
)


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def test_a_long_line_knows_how_far_in_it_begins_and_a_short_one_is_left() -> None:
    assert hanging("    " + "x" * (FIT - 4)) == "    " + "x" * (FIT - 4)
    assert hanging(f"    {LONG}") == f'    <span class="go-on" style="--in:4">{LONG}</span>'
    assert hanging(LONG) == f'<span class="go-on" style="--in:0">{LONG}</span>'
    # The head of a printed table would become a narrow column behind its blanks.
    assert "--in:16" in hanging(" " * DEEPEST + LONG)
    assert hanging(" " * (DEEPEST + 1) + LONG) == " " * (DEEPEST + 1) + LONG
    # Signs that are written as names count as one.
    assert hanging("&lt;" * FIT) == "&lt;" * FIT


@pytest.mark.parametrize(
    "code",
    [
        f'<span class="machinery">{LONG}\n    {LONG}\n</span>{LONG}',
        f'</span>{LONG}</span>\n<span class="a"><span class="b">{LONG}',
        f'<span></span><span class="machinery"><span class="c1"># {LONG}</span>\n</span>',
        f'f(<span class="s2">"a</span>,<span class="x y">{LONG}\n)</span>{LONG}',
    ],
)
def test_what_goes_on_over_lines_stays_around_them(code: str) -> None:
    for line in map(hanging, code.split("\n")):
        if "go-on" in line:
            inner = line.partition("--in:")[2].partition(">")[2]
            depth = 1
            for tag in re.findall(r"</?span", inner):
                depth += 1 if tag == "<span" else -1
                if not depth:
                    break
            assert depth == 0
            assert "machinery" not in inner
    assert text_of("\n".join(map(hanging, code.split("\n")))) == text_of(code)


def test_blanks_that_begin_a_line_stay_outside_wherever_they_stand() -> None:
    inside = f'<span class="w">  </span><span class="sd">  {LONG}</span>'
    wanted = f'    <span class="go-on" style="--in:4"><span class="sd">{LONG}</span></span>'
    assert hanging(inside) == wanted
    assert text_of(hanging(inside)) == text_of(inside)
    # One that begins an element within the line which goes on is left as it is.
    begins = f'    <span class="machinery">{LONG}'
    assert hanging(begins) == begins


@pytest.mark.parametrize("marks", ["", ' columns" style="--columns:49" data-step="52'])
def test_a_printed_row_is_set_in_too_and_a_sentence_below_a_table_stays_a_block(marks: str) -> None:
    head = f'<div class="output stream{marks}"><div class="highlight"><pre>'
    page = with_hanging(f'{head}a  {LONG}\n<span class="sentence">{LONG}</span>b</pre>')
    row = f'<span class="go-on" style="--in:0">a  {LONG}</span>'
    assert page == f'{head}{row}\n<span class="sentence">{LONG}</span>b</pre>'
    other = f'<div class="cell"><pre>{LONG}</pre></div>'
    assert with_hanging(other) == other


def test_what_is_set_in_keeps_the_columns_of_a_printed_table_known() -> None:
    row = "a" + " " * 44 + "b\n"
    page = with_columns(f'<div class="output stream"><div class="highlight"><pre>{row * 2}</pre>')
    assert 'class="output stream columns"' in page and "go-on" in with_hanging(page)
    assert with_columns(with_hanging(page)) == with_hanging(page)


CODE = """def f():
    if True:
        return the_first_of(all_of_these, and_those) + the_second_of(all_of_these, and_those)
        total = a_name_without_any_place_to_break_it_that_is_longer_than_a_line_of_a_phone.of()
        return"""


@pytest.mark.parametrize(("width", "wraps"), [(390, True), (320, True), (1440, False)])
def test_the_rest_of_a_line_begins_further_in_and_is_copied_as_it_was(
    browser: Browser, width: int, wraps: bool, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    try:
        page.set_content(f"<style>{SHEET}</style><article class='bd-article'></article>")
        seen = []
        for code in (BLOCK.format(CODE), with_hanging(BLOCK.format(CODE))):
            seen.append(page.evaluate(LOOK, code))
        before, after = seen
        assert after["copied"] == before["copied"] == CODE
        assert after["inner"] == before["inner"]
        if not wraps:
            assert after["lefts"] == before["lefts"]
            return
        letter = after["letter"]
        firsts, rests = [0, 4, 8, 8, 8], [10, 10]
        columns = [[round(left / letter) for left in line] for line in after["lefts"]]
        assert [line[0] for line in columns] == firsts
        assert [len(line) > 1 for line in columns] == [False, False, True, True, False]
        assert [min(line[1:]) for line in columns if line[1:]] == rests
        assert [max(line[1:]) for line in columns if line[1:]] == rests
        assert any(min(line) < 8 for line in before["lefts"] if len(line) > 1)
        assert after["over"] <= 0
    finally:
        page.close()


def test_what_is_too_long_for_a_wide_page_is_set_in_there_too(browser: Browser) -> None:
    """Lines of the package have up to 100 letters, and a box of a wide page about 90."""
    code = "def f():\n    if True:\n        total = " + " + ".join(["the_first_of(those)"] * 12)
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    try:
        page.set_content(f"<style>{SHEET}</style><article class='bd-article'></article>")
        seen = page.evaluate(LOOK, with_hanging(BLOCK.format(code)))
        assert seen["copied"] == code
        columns = [[round(left / seen["letter"]) for left in line] for line in seen["lefts"]]
        assert [line[0] for line in columns] == [0, 4, 8]
        assert len(columns[-1]) > 1 and set(columns[-1][1:]) == {10}
    finally:
        page.close()


# Where each line of the screen begins, for each line of the code; and what a selection copies.
LOOK = """(code) => {
    const article = document.querySelector("article");
    article.innerHTML = code;
    const pre = article.querySelector("pre"), range = document.createRange();
    const pieces = [], walk = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        [...walk.currentNode.data].forEach((sign, at) => pieces.push([walk.currentNode, at, sign]));
    }
    const box = (node, at) => {
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        return range.getBoundingClientRect();
    };
    const lines = [[]], edge = pre.getBoundingClientRect().left + pre.clientLeft
        + parseFloat(getComputedStyle(pre).paddingLeft);
    let row = null, letter = 0;
    for (const [node, at, sign] of pieces) {
        if (sign === "\\n") { lines.push([]); row = null; continue; }
        if (sign === " ") continue;
        const { left, top, width } = box(node, at);
        letter = width;
        if (row === null || top > row + 4) { lines.at(-1).push(left - edge); row = top; }
    }
    const selection = getSelection();
    selection.selectAllChildren(pre);
    return { lefts: lines, letter, copied: selection.toString(), inner: pre.innerText,
        over: document.documentElement.scrollWidth - document.documentElement.clientWidth };
}"""
