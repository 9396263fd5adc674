"""The page for a person, in a real browser."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from book._tools.browser import FLAGS, ensure
from tests.looks import violations
from tests.serve.conftest import Service

pytestmark = pytest.mark.processes
SECONDS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=ensure(), args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def show(browser: Browser, service: Service) -> Iterator[Callable[..., Page]]:
    """Open the page; it must ask no other host and raise no error."""
    contexts, problems = [], []

    def open_(width: int = 1280, dark: bool = False) -> Page:
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda request: request.url.startswith(service.url) or problems.append(request.url),
        )
        page.goto(service.url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


def fill(page: Page, kind: str, text: str, tokens: int) -> None:
    page.get_by_label("What it does").select_option(kind)
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_label("Tokens at most").fill(str(tokens))
    page.get_by_label("Temperature").fill("0")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_and_a_phone_shows_all(show: Callable[..., Page], dark: bool) -> None:
    page = show(width=320, dark=dark)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("kind", ["chat", "text"])
def test_a_reply_is_written_with_the_keyboard_alone(
    show: Callable[..., Page], service: Service, kind: str
) -> None:
    page = show()
    fill(page, kind, "and so on", 6)
    page.get_by_label("Temperature").press("Enter")
    expect(page.get_by_role("status")).to_have_text("Done.", timeout=SECONDS)
    if kind == "text":
        made = service.client().completions.create(
            model="tiny", prompt="and so on", max_tokens=6, temperature=0
        )
        wanted = made.choices[0].text
    else:
        chat = service.client().chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": "and so on"}],
            max_tokens=6,
            temperature=0,
        )
        wanted = chat.choices[0].message.content or ""
    got = page.evaluate("document.querySelector('#reply').textContent")
    assert got == wanted.replace("\r", "\n") or got == wanted


def test_an_error_is_said(show: Callable[..., Page]) -> None:
    page = show()
    fill(page, "text", "and so on", 9999)
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_role("status")).to_contain_text("at most 96", timeout=SECONDS)


def test_a_reply_can_be_stopped(
    show: Callable[..., Page], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = service.engine.batch.step

    def slowly(tokens: list[int]) -> object:
        time.sleep(0.1)
        return step(tokens)

    monkeypatch.setattr(service.engine.batch, "step", slowly)
    page = show()
    fill(page, "text", "the next", 80)
    page.get_by_role("button", name="Write").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("status")).to_have_text("Stopped.", timeout=SECONDS)
    page.wait_for_timeout(100)
    while not service.engine.idle:
        page.wait_for_timeout(50)
