"""A page with given widgets in a real browser, and the pure modules of the kit as functions."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from book._tools.browser import launched
from course_lib.widgets.bundle import FOLDER, bundle
from course_lib.widgets.page import page as page_of

ROOT = Path(__file__).parents[2]
LOADER = ROOT / "book" / "assets" / "page_loader.js"
# How long a widget may take to show what is waited for, on a machine that does other things too.
# `expect` has one limit for all tests of a process: tests/book sets the same.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


# Its event loop runs as long as it does, so it ends before a notebook or another browser starts.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright) as running:
        yield running


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open a page with widgets; it must ask no other host and log no error."""
    contexts = []
    problems: list[str] = []
    chromium = browser.browser_type.name == "chromium"

    def open_(*widgets: Any, width: int = 1280, dark: bool = False, script: bool = True) -> Page:
        path = tmp_path / f"page{len(contexts)}.html"
        text = page_of(widgets, LOADER)
        if not script and not chromium:  # Playwright cannot tell Firefox to run none
            text = re.sub("<script.*?</script>", "", text, flags=re.S)
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=script
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: m.type == "error" and problems.append(m.text))
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "blob:", "data:")) or problems.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        if script:
            page.wait_for_function("document.documentElement.dataset.widgets === 'ready'")
            if dark:
                page.evaluate("document.documentElement.dataset.theme = 'dark'")
        return page

    yield open_
    for context in contexts:
        context.close()
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


def violations(page: Page) -> list[str]:
    """What axe finds in the page."""
    page.evaluate(AXE)
    result = page.evaluate(
        "axe.run(document, {preload: false, resultTypes: ['violations'], selectors: false})"
    )
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    return violations
