"""The box in which a reader writes a program, alone in a page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator

from book._tools.paths import ROOT

KIT = ROOT / "course_lib" / "widgets" / "kit"
PAGE = """<!doctype html><body><script type="module">
import { editor } from "/kit/ui/editor.js";
document.body.append(editor({ label: "Program", value: "", change() {}, run() {} }).node);
</script>"""
PASTE = """(box, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
    if (box.dispatchEvent(event)) document.execCommand("insertText", false, text);
}"""


@pytest.fixture
def box(browser: Browser) -> Iterator[Locator]:
    page = browser.new_page()
    page.route("**/page.html", lambda route: route.fulfill(content_type="text/html", body=PAGE))
    page.route(
        "**/kit/**",
        lambda route: route.fulfill(
            content_type="text/javascript",
            body=(KIT / route.request.url.split("/kit/")[1]).read_text(),
        ),
    )
    page.goto("http://course.test/page.html")
    box = page.get_by_label("Program")
    box.click()
    yield box
    page.close()


@pytest.mark.parametrize(
    ("pasted", "stands"),
    [
        ("def f(a):\r\n\tif a:\r\n\t\treturn 1", "def f(a):\n    if a:\n        return 1"),
        ("  \ta", "    a"),
        ("\u00a0\u00a0a\u00a0b", "  a\u00a0b"),  # from a web page
        ("a = 'x\ty'", "a = 'x\ty'"),
        ("\r\na\r\n", "\na\n"),
    ],
)
def test_an_indent_that_is_pasted_is_one_of_blanks(box: Locator, pasted: str, stands: str) -> None:
    """Python takes no line indented by tabs beside one indented by blanks, which the box writes."""
    box.evaluate(PASTE, pasted)
    assert box.input_value() == stands
    box.press("Control+z")
    assert box.input_value() == ""


def test_a_program_in_tabs_goes_on_in_tabs(box: Locator) -> None:
    """One may be kept from before."""
    box.fill("if a:\n\tif b:\n\t\treturn 1")
    box.press("Enter")
    box.press_sequentially("b")
    assert box.input_value() == "if a:\n\tif b:\n\t\treturn 1\n\t\tb"
    box.press("Shift+Tab")
    assert box.input_value() == "if a:\n\tif b:\n\t\treturn 1\n\tb"
