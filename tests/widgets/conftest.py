"""A page with given widgets in a real browser, and the pure modules of the kit as functions."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from book._tools.browser import launched
from course_lib.widgets.bundle import FOLDER, bundle
from course_lib.widgets.page import page as page_of
from tests.looks import violations

ROOT = Path(__file__).parents[2]
LOADER = ROOT / "book" / "assets" / "page_loader.js"
# How long a widget may take to show what is waited for, on a machine that does other things too.
# `expect` has one limit for all tests of a process: tests/book sets the same.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


# Its event loop runs as long as it does, so it ends before a notebook or another browser starts.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright) as running:
        yield running


@pytest.fixture(scope="module")
def resting() -> list[Page]:
    """Pages of tests that are over, for those to come: a new one is a third of such a test."""
    return []


@pytest.fixture
def show(browser: Browser, tmp_path: Path, resting: list[Page]) -> Iterator[Callable[..., Page]]:
    """Open a page with widgets; it must ask no other host and log no error.

    A test that changes more of a page than a new address and an empty storage undo asks for one of
    its `own`.
    """
    problems: list[str] = []
    chromium = browser.browser_type.name == "chromium"
    used: list[tuple[Page, bool]] = []  # and whether others may have it
    watches: dict[str, Callable[[Any], Any]] = {
        "pageerror": lambda error: problems.append(str(error)),
        "console": lambda message: message.type == "error" and problems.append(message.text),
        "request": lambda request: (
            request.url.startswith(("file:", "blob:", "data:")) or problems.append(request.url)
        ),
    }

    def open_(
        *widgets: Any, width: int = 1280, dark: bool = False, script: bool = True, own: bool = False
    ) -> Page:
        path = tmp_path / f"page{len(used)}.html"
        text = page_of(widgets, LOADER)
        if not script and not chromium:  # Playwright cannot tell Firefox to run none
            text = re.sub("<script.*?</script>", "", text, flags=re.S)
        path.write_text(text, encoding="utf-8")
        again = chromium and script and not own
        page = resting.pop() if again and resting else None
        if page is None:
            context = browser.new_context(java_script_enabled=script)
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
        used.append((page, again))
        page.set_viewport_size({"width": width, "height": 900})
        for event, watch in watches.items():
            page.on(event, watch)  # type: ignore[call-overload]
        page.goto(path.as_uri())
        if script:
            page.wait_for_function("document.documentElement.dataset.widgets === 'ready'")
            if dark:
                page.evaluate("document.documentElement.dataset.theme = 'dark'")
        return page

    yield open_
    for page, again in used:
        if not again:
            page.context.close()
            continue
        for event, watch in watches.items():
            page.remove_listener(event, watch)
        page.mouse.move(0, 0)  # or what comes to lie under it would be pointed at
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.goto("about:blank")
        resting.append(page)
    assert problems == []


@pytest.fixture(scope="module")
def kit(browser: Browser) -> Iterator[Callable[..., Any]]:
    """Call an exported function of a module without DOM: kit("kit/ui/text.js", "fixed", 0.5)."""
    page = browser.new_page()
    page.goto("about:blank")

    def call(module: str, function: str, *arguments: Any) -> Any:
        names = re.findall(r"^export (?:function|const) (\w+)", (FOLDER / module).read_text(), re.M)
        assert function in names, f"{module} exports {names}"
        text = bundle(module) + f"\nexport {{ {', '.join(names)} }};"
        text = re.sub(r"^export default .*$", "", text, flags=re.M)
        return page.evaluate(
            """async ([text, name, given]) => {
                globalThis.kitModules ??= {};
                globalThis.kitModules[text] ??=
                    await import(URL.createObjectURL(new Blob([text], {type: "text/javascript"})));
                return globalThis.kitModules[text][name](...given);
            }""",
            [text, function, list(arguments)],
        )

    yield call
    page.close()


def texts(found: Locator) -> list[str]:
    """The text of each, one by one.

    `all_inner_texts` looks for roles in the page's own world; there a tab of Firefox 153 crashes
    after a key has reached a radio button, a check box or a list.
    """
    return [one.inner_text() for one in found.all()]


def type_number(box: Locator, number: float) -> None:
    """Put a number in place of another by keyboard.

    In Firefox 153 `fill` does not select what a box of `type=number` holds, and adds to it.
    """
    box.press("ControlOrMeta+a")
    box.press_sequentially(str(number))


@pytest.fixture(scope="session")
def axe() -> Callable[..., list[str]]:
    return violations
