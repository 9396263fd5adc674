"""The built pages as a reader meets them: weight, widgets, programs, the first page; `make book`.

Run `make book`, then

    python benchmarks/pages.py [--rounds 3] [--only pages | book]

It takes minutes, a quarter of an hour with the book, and stores

- what a page sends, compressed, before anything is opened: every page, once
- from the address to the last widget, with the processor slowed four times: every page with widgets
- from the click to the verdict of a program: the first on a page (nothing is kept from before), the
  next ones, and the one after a program that never ends, which has to be the right verdict
- from a press on the first page to the frame that shows the answer: every noun, every head
- the book from nothing, again, and with one chapter edited, in a clone of what is committed; the
  environment is the one of this program

Each round starts a browser anew. Of several pages the one with the worst median counts. With
`--only` the other rows stay as they were stored; every row tells its own day. Seconds depend on the
machine and on what else it does, so the load at the start is stored, too. Fails where a page has
an error, or a program gets another verdict than it should.
"""

import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _measure import RESULTS, report
from playwright.sync_api import Browser, CDPSession, Page, Playwright, sync_playwright
from tqdm import tqdm

from book._tools import build
from book._tools.browser import launched
from book._tools.paths import HTML, ROOT, CommandError, command, write_atomic
from book._tools.serve import server
from course_lib.exercises.catalog import find
from course_lib.exercises.process.page import page_payload

SLOWED = 4
VIEWS = "application/vnd.jupyter.widget-view+json"
EXERCISE, EXERCISE_PAGE = "06.c", "notebooks/06_attention.html"
EDITED = "book/06_attention.md"
PATIENCE_MS = 180_000
# What is measured: its name, its unit, the most it may be.
GOALS = {
    "weight": ("first load of a page, compressed", "kB", 350.0),
    "widgets": (f"all widgets of a page alive, the processor slowed {SLOWED} times", "s", 2.0),
    "first": ("first verdict on a program", "s", 10.0),
    "next": ("the next verdict", "s", 1.0),
    "ended": ("a program that never ends: ended, past its limit", "s", 1.0),
    "after": ("the right verdict on the program after that", "s", 3.0),
    "landing": ("the piece on the first page answers", "ms", 50.0),
    "nothing": ("make book from nothing", "s", 12 * 60.0),
    "again": ("make book again, nothing changed", "s", 20.0),
    "edited": ("make book, one chapter edited", "s", 60.0),
}
BOOK = ("nothing", "again", "edited")
NOTE_WIDGETS = """new MutationObserver(() => {
    if (document.documentElement.dataset.widgets === "ready") window.alive ??= performance.now();
}).observe(document, {subtree: true, attributes: true, attributeFilter: ["data-widgets"]});"""
# From a click to a verdict that no edit has made an earlier one.
JUDGED = """(button) => new Promise((resolve) => {
    const card = button.closest(".cw-live"), began = performance.now();
    new MutationObserver((_, watch) => {
        const found = card.querySelector(".cw-verdict:not(.stale)");
        if (!found) return;
        watch.disconnect();
        resolve([(performance.now() - began) / 1000, found.querySelector("strong").textContent]);
    }).observe(card, {subtree: true, childList: true});
    button.click();
})"""
# From a press to the moment the next frame is handed over.
ANSWERS = """async () => {
    const painted = () => new Promise((done) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = done;
        channel.port2.postMessage(0);
    }));
    const piece = document.querySelector(".look"), head = piece.querySelector("select");
    const presses = [...piece.querySelectorAll("thead button")].map((one) => () => one.click());
    for (const { value } of head.options)
        presses.push(() => { head.value = value; head.dispatchEvent(new Event("change")); });
    const took = [];
    for (const press of presses) {
        await painted();
        const said = piece.innerText, began = performance.now();
        press();
        await painted();
        took.push([performance.now() - began, piece.innerText !== said]);
    }
    return took;
}"""


class Reader:
    """A browser that has kept nothing, and the pages it opens; an error of a page ends the run."""

    def __init__(self, browser: Browser, site: str) -> None:
        self.browser, self.site = browser, site

    @contextmanager
    def opens(self, path: str, slowed: float = 1) -> Iterator[tuple[Page, list[float]]]:
        """Open a page; the list is of the bytes of each answer, as they were sent."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.add_init_script(NOTE_WIDGETS)
        network: CDPSession = context.new_cdp_session(page)
        received: list[float] = []
        network.on("Network.loadingFinished", lambda e: received.append(e["encodedDataLength"]))
        network.send("Network.enable")
        network.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
        page.goto(f"{self.site}/{path}", wait_until="load")
        yield page, received
        context.close()
        assert problems == [], f"{path}: {problems}"

    def weight(self, path: str) -> float:
        """Kilobytes that the page asked for before anyone did anything."""
        with self.opens(path) as (page, received):
            page.wait_for_load_state("networkidle")
            return sum(received) / 1000

    def alive(self, path: str) -> float:
        """Seconds from the address to the last widget."""
        with self.opens(path, SLOWED) as (page, _):
            page.wait_for_function("window.alive !== undefined")
            views = page.locator(f'script[type="{VIEWS}"]').count()
            assert views == page.locator(".cw-live[data-ready=true]").count() > 0, path
            return page.evaluate("window.alive") / 1000

    def verdicts(self) -> Iterator[tuple[str, float]]:
        """Seconds of verdicts, in the order a reader may ask for them."""
        payload = page_payload(find(EXERCISE))
        starter = payload["starters"][0]["code"]
        right = starter.replace("...", "weights @ v")
        wrong = right.replace(" / math.sqrt(d)", "")
        endless = "def attention(q, k, v):\n    while True:\n        pass\n"
        assert len({starter, right, wrong}) == 3
        with self.opens(EXERCISE_PAGE) as (page, _):
            card = page.locator(".cw-live", has=page.locator(".cw-program")).first
            for name, program, word in (
                ("first", right, "Correct"),
                ("next", wrong, "Not yet"),
                ("next", right, "Correct"),
                ("ended", endless, "Stopped: out of time"),
                ("after", right, "Correct"),
            ):
                card.get_by_role("textbox").fill(program)
                button = card.get_by_role("button", name=re.compile("^(Run the check here|Check)"))
                seconds, said = button.evaluate(JUDGED)
                assert said == word, f"{name}: {said!r}, not {word!r}"
                yield name, seconds - payload["limits"]["seconds"] * (name == "ended")

    def landing(self) -> float:
        """Milliseconds of the slowest answer."""
        with self.opens("book/intro.html") as (page, _):
            page.wait_for_load_state("networkidle")
            took = page.evaluate(ANSWERS)
            assert len(took) > 10 and sum(changed for _, changed in took) > len(took) / 2
            return max(milliseconds for milliseconds, _ in took)


def measured(playwright: Playwright, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Every figure of the pages: name, page, one value for each round."""
    paths = sorted(str(path.relative_to(HTML)) for path in HTML.glob("book/**/*.html"))
    paths += sorted(str(path.relative_to(HTML)) for path in HTML.glob("notebooks/*.html"))
    with_widgets = [p for p in paths if VIEWS in (HTML / p).read_text(encoding="utf-8")]
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with server(0) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{httpd.server_address[1]}"
        with launched(playwright, "chromium") as browser:
            found["chromium"][browser.version] = []
            for path in tqdm(paths, "weight", unit="page"):
                found["weight"][path].append(Reader(browser, site).weight(path))
        for number in range(rounds):
            with launched(playwright, "chromium") as browser:
                reader = Reader(browser, site)
                for name, seconds in reader.verdicts():
                    found[name][EXERCISE_PAGE].append(seconds)
                found["landing"]["book/intro.html"].append(reader.landing())
                for path in tqdm(with_widgets, f"widgets, round {number + 1}", unit="page"):
                    found["widgets"][path].append(reader.alive(path))
        httpd.shutdown()
    return found


def book_times() -> Iterator[tuple[str, str, float]]:
    """Seconds of `make book` in a clone that has built nothing yet."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)

        def seconds() -> float:
            environment = {**os.environ, "PYTHONPATH": str(clone)}
            run = [sys.executable, "-m", "book._tools.build"]
            began = time.monotonic()
            subprocess.run(run, cwd=clone, env=environment, check=True)
            return time.monotonic() - began

        yield "nothing", "all", seconds()
        yield "again", "all", seconds()
        chapter = clone / EDITED
        text = chapter.read_text(encoding="utf-8")
        head, fence, rest = text.rpartition("```{code-cell}")
        assert fence, f"{EDITED} has no cell"
        write_atomic(chapter, f"{head}{fence}\n1 + 1\n```\n\n{fence}{rest}")
        yield "edited", EDITED, seconds()


def row(name: str, values: dict[str, list[float]], load: float | None = None) -> dict[str, Any]:
    """One line of the result: the page with the worst median, and the worst of all values.

    Args:
        name: Of `GOALS`.
        values: Of each page; none where it was not measured.
        load: How many processes wanted the machine before.
    """
    what, unit, most = GOALS[name]
    where = max(values, key=lambda page: statistics.median(values[page]), default="")
    return {
        "name": name,
        "what": what,
        "unit": unit,
        "goal": most,
        "where": where,
        "values": sum(map(len, values.values())),
        "median": statistics.median(values[where]) if values else None,
        "worst": max(value for one in values.values() for value in one) if values else None,
        "load": load,
        "day": datetime.date.today().isoformat() if values else "not measured",
    }


def stored(file: Path = RESULTS / "pages.json") -> dict[str, Any]:
    """What an earlier run has stored; else rows that say that nothing was measured."""
    if file.exists():
        return json.loads(file.read_text(encoding="utf-8"))
    return {"about": {}, "rows": [row(name, {}) for name in GOALS]}


def main() -> int:
    """Measure, print a table and store it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("pages", "book"), help="leave the other rows as stored")
    options = parser.parse_args()
    if options.rounds < 1:
        raise CommandError(f"--rounds must be 1 or more, got {options.rounds}")
    before = stored()
    rows = {one["name"]: one for one in before["rows"]}
    about = {**before["about"], "what": "pages as a reader meets them"}
    if options.only != "book":
        if not (HTML / ".stamp").exists():
            raise CommandError("there is no site yet; run: make book")
        began, load = time.monotonic(), os.getloadavg()[0]
        with sync_playwright() as playwright:
            found = measured(playwright, options.rounds)
        rows |= {name: row(name, found[name], load) for name in GOALS if name not in BOOK}
        current = (HTML / ".stamp").read_text(encoding="utf-8") == build.site_digest()
        about |= {
            "rounds": options.rounds,
            "seconds of the run": round(time.monotonic() - began),
            "processes that wanted the machine before": load,
            "processors": os.cpu_count(),
            "chromium": next(iter(found["chromium"])),
            "site": "of this tree" if current else "of an earlier state of this tree",
            "exercise": EXERCISE,
        }
    if options.only != "pages":
        load = os.getloadavg()[0]
        rows |= {name: row(name, {where: [value]}, load) for name, where, value in book_times()}
    report("pages", [rows[name] for name in GOALS], about)
    return 0


if __name__ == "__main__":
    command(main)
