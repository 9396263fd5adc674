"""The built site as a reader meets it: weight, widgets on a slow processor, programs judged.

Seconds of one machine, not ratios: each is held against a limit of its own. A page's weight is what
a server that compresses sends before anything is opened. `--book` times `make book` as well, in a
fresh copy of the tree: from nothing, again, and with one chapter edited (a quarter of an hour).

Run: python benchmarks/site.py [--rounds 3] [--book]
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import _measure
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from book._tools import build  # noqa: E402
from book._tools.browser import FLAGS, ensure  # noqa: E402
from book._tools.paths import HTML, chapter_texts  # noqa: E402
from book._tools.serve import server  # noqa: E402
from course_lib.exercises.catalog import find  # noqa: E402
from course_lib.exercises.process.page import page_payload  # noqa: E402

SLOWED = 4
GOALS = {  # what: (at most, unit)
    "first load of the heaviest page, compressed": (350.0, "kB"),
    "widgets ready, processor slowed four times": (2.0, "s"),
    "first verdict after the click": (10.0, "s"),
    "next verdict": (1.0, "s"),
    "next verdict after a program that never ends": (3.0, "s"),
    "first page: from a choice to its answer": (50.0, "ms"),
    "make book from nothing": (720.0, "s"),
    "make book again, nothing changed": (20.0, "s"),
    "make book, one chapter edited": (60.0, "s"),
}
WHEN_READY = """() => {
    const root = document.documentElement, seen = () => root.dataset.widgets === "ready";
    const keep = () => { if (seen()) window.readyAt ??= performance.now(); };
    new MutationObserver(keep).observe(document, { attributes: true, subtree: true });
}"""
CHOICE = """() => {
    const select = document.querySelector("select.look-choose, .look select");
    const before = document.querySelector(".look").textContent, start = performance.now();
    select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    document.body.getBoundingClientRect();
    if (document.querySelector(".look").textContent === before) throw new Error("no answer");
    return performance.now() - start;
}"""
ENDLESS = "def attention(q, k, v):\n    while True:\n        pass\n"


def opened(browser: Browser, address: str, slowed: int = 1) -> tuple[Page, list[str]]:
    """Open a page with an empty cache, until its widgets are ready; also all that it asked for."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(f"({WHEN_READY})()")
    if slowed > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.goto(address, wait_until="load")
    if page.locator("script[src*=page_loader]").count():
        page.wait_for_function("document.documentElement.dataset.widgets === 'ready'")
    page.wait_for_load_state("networkidle")
    return page, asked


def weight(asked: list[str], site: str) -> float:
    """Kilobytes of all files of the site that a page asked for, compressed."""
    paths = {HTML / urlsplit(url).path.lstrip("/") for url in asked if url.startswith(site)}
    return sum(len(gzip.compress(path.read_bytes())) for path in paths if path.is_file()) / 1000


def programs(page: Page) -> tuple[float, float, float]:
    """Seconds to the first verdict, to the next, and to the one after a program is stopped."""
    right = page_payload(find("06.c"))["starters"][0]["code"].replace("...", "weights @ v")
    card = page.locator(".cw-live", has=page.locator(".cw-program")).first
    box = card.get_by_role("textbox")
    verdict = card.locator(".cw-verdict.correct")

    def timed(press: Callable[[], object]) -> float:
        start = time.perf_counter()
        press()
        expect(verdict).to_be_visible(timeout=120_000)
        return time.perf_counter() - start

    box.fill(right)
    run = card.get_by_role("button", name="Run the check here (loads 9 MB)")
    first = timed(run.click)
    box.fill(right + "\n")
    following = timed(lambda: box.press("Control+Enter"))
    box.fill(ENDLESS)
    box.press("Control+Enter")
    expect(card.locator(".cw-verdict:not(.correct)")).to_contain_text("Stopped", timeout=120_000)
    box.fill(right)
    return first, following, timed(lambda: box.press("Control+Enter"))


def pages(rounds: int) -> dict[str, list[float]]:
    """All that a browser measures, `rounds` times each."""
    if (
        not (HTML / ".stamp").exists()
        or (HTML / ".stamp").read_text(encoding="utf-8") != build.site_digest()
    ):
        sys.exit("the site is not what this tree builds: run make book")
    names = [f"notebooks/{text.stem}.html" for text in chapter_texts()]
    found: dict[str, list[float]] = {}
    with server(0) as httpd, sync_playwright() as playwright:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{httpd.server_address[1]}"
        browser = playwright.chromium.launch(executable_path=ensure(), args=list(FLAGS))
        for _ in tqdm(range(rounds), desc="rounds", unit="round"):
            weights, ready = {}, {}
            for name in tqdm(["book/intro.html", "book/notation.html", *names], leave=False):
                page, asked = opened(browser, f"{site}/{name}", SLOWED)
                weights[name] = weight(asked, site)
                if name in names:
                    ready[name] = page.evaluate("window.readyAt") / 1000
                page.context.close()
            page, _ = opened(browser, f"{site}/notebooks/06_attention.html")
            verdicts = programs(page)
            page.context.close()
            page, _ = opened(browser, f"{site}/book/intro.html")
            answer = page.evaluate(CHOICE)
            page.context.close()
            figures = (max(weights.values()), max(ready.values()), *verdicts, answer)
            for what, figure in zip(GOALS, figures, strict=False):
                found.setdefault(what, []).append(figure)
            print("heaviest:", max(weights, key=weights.__getitem__), end="; ")
            print("last ready:", max(ready, key=ready.__getitem__))
        browser.close()
        httpd.shutdown()
    return found


def book() -> dict[str, list[float]]:
    """Seconds of `make book`: from nothing, again, and after an edit of one chapter."""
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        copy = Path(folder) / "course"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(copy)], check=True)
        chapter = copy / "book" / "07_feed_forward_softmax.md"
        seconds = []
        for step in tqdm(range(3), desc="make book", unit="build"):
            if step == 2:
                with chapter.open("a", encoding="utf-8") as file:
                    file.write("\nOne more sentence.\n")
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "book._tools.build"], cwd=copy, check=True)
            seconds.append([time.perf_counter() - start])
        shutil.rmtree(copy)
    return dict(zip(list(GOALS)[-3:], seconds, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--book", action="store_true", help="time make book too, in a fresh copy")
    arguments = parser.parse_args()
    found = pages(arguments.rounds)
    if arguments.book:
        found |= book()
    file = _measure.RESULTS / "site.json"
    old: dict[str, Any] = {}  # what this run does not measure stays as it was
    if file.exists():
        old = {row["what"]: row for row in json.loads(file.read_text(encoding="utf-8"))["rows"]}
    rows = []
    for what, (most, unit) in GOALS.items():
        if what in found:
            median, worst = statistics.median(found[what]), max(found[what])
            row = {"what": what, "median": median, "worst": worst, "rounds": len(found[what])}
            row |= {"unit": unit, "goal": most, "met": worst <= most}
            rows.append({**row, "date": datetime.date.today().isoformat()})
        elif what in old:
            rows.append(old[what])
    _measure.report("site", rows, {"processor slowed": SLOWED})


if __name__ == "__main__":
    main()
