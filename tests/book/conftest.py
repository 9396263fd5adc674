"""The built site in a real browser, served from here, with everything it asks for recorded."""

import gzip
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, Response, expect, sync_playwright

from book._tools import build
from book._tools.browser import launched
from book._tools.paths import HTML
from book._tools.serve import server
from tests.looks import violations

# How long a page may take to show what is waited for, on a machine that does other things too.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Address of the built site, which must be the one this tree builds."""
    stamp = HTML / ".stamp"
    assert stamp.exists(), "the book is not built: run make book"
    assert stamp.read_text() == build.site_digest(), "the book is out of date: run make book"
    with server(0) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


# Its event loop runs as long as it does, so it ends before a notebook or another browser starts.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launched(playwright) as running:
        yield running


@dataclass
class Opened:
    """A page and what happened while it loaded."""

    page: Page
    path: str
    outside: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    bytes_received: int = 0
    asked: list[str] = field(default_factory=list)
    site: str = ""

    def compressed_bytes(self) -> int:
        """What a server that compresses would have sent for this page."""
        paths = {urlsplit(url).path.lstrip("/") for url in self.asked if url.startswith(self.site)}
        found = [HTML / path for path in paths]
        return sum(len(gzip.compress(path.read_bytes())) for path in found if path.is_file())

    def axe(self, only: Sequence[str] = (), known: set[int] | None = None) -> list[str]:
        """What axe finds, best practices and the rule about visible labels included.

        Args:
            only: Rules about colours to run; none named runs all rules.
            known: Looks whose colours were found good at this width and in this theme; those of
                this page join them. None looks at all.
        """
        return violations(self.page, only, known)

    def at(self, width: int, scheme: str = "light") -> None:
        """Give the page a width and a theme, unless it has them: each lays all of it out anew."""
        size = self.page.viewport_size
        assert size is not None
        if size["width"] != width:
            self.page.set_viewport_size({"width": width, "height": 900})
        if self.page.evaluate("document.documentElement.dataset.theme") != scheme:
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            theme = f"document.documentElement.dataset.theme === '{scheme}'"
            self.page.wait_for_function(theme)

    def overflow(self) -> int:
        """How many pixels the page scrolls sideways."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )


@pytest.fixture(scope="module")
def opener(browser: Browser, site: str) -> Callable[..., Opened]:
    """Open a page of the site; whoever opens it closes its context."""
    chromium = browser.browser_type.name == "chromium"

    def open_(path: str, width: int = 1280, settle: bool = True, **options: object) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        opened = Opened(page, path)

        def on_response(response: Response) -> None:
            if response.status >= 400:
                opened.problems.append(f"{response.status} {response.url}")

        page.on("response", on_response)
        page.on("request", lambda request: opened.asked.append(request.url))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((site, "data:", "blob:"))
                else opened.outside.append(request.url)
            ),
        )
        page.on("pageerror", lambda error: opened.problems.append(f"page error: {error}"))
        page.on(
            "console",
            lambda message: (
                opened.problems.append(f"console {message.type}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )
        opened.site = site
        if chromium:  # Firefox does not count what it receives
            network = context.new_cdp_session(page)
            network.send("Network.enable")

            def on_finished(event: dict[str, float]) -> None:
                opened.bytes_received += int(event["encodedDataLength"])

            network.on("Network.loadingFinished", on_finished)
        page.goto(f"{site}/{path}", wait_until="load")
        if settle and chromium:  # in Firefox Playwright does not hear of the end of each request
            page.wait_for_load_state("networkidle")
        if settle and options.get("java_script_enabled", True):  # then all of it is laid out
            page.wait_for_function("!document.documentElement.dataset.view")
        return opened

    return open_


@pytest.fixture
def open_page(opener: Callable[..., Opened]) -> Iterator[Callable[..., Opened]]:
    """Open a page of the site: open_page("book/intro.html", width=390, color_scheme="dark")."""
    pages = []

    def open_(path: str, **options: object) -> Opened:
        opened = opener(path, **options)
        pages.append(opened.page)
        return opened

    yield open_
    for page in pages:
        page.context.close()
