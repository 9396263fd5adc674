"""Print the book: the built pages as one PDF, tagged and outlined, checked before it is kept."""

from __future__ import annotations

import argparse
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from book._tools import browser, one_page, serve
from book._tools.paths import BUILD, HTML, CommandError, alone, check_target, command
from course_lib import files

PDF = BUILD / "transformers-line-by-line.pdf"
ADDRESS = "one-page-for-print.html"
MINUTES = 10
FOOTER = (
    '<div style="font-size:8px;width:100%;text-align:center"><span class="pageNumber"></span></div>'
)
# Run in the document once its fonts are there: what is wrong with it.
LOOK = """async () => {
    await document.fonts.ready;
    await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
    const ids = [...document.querySelectorAll("[id]")].map((one) => one.id), known = new Set(ids);
    const links = [...document.querySelectorAll("a[href^='#']")].map((a) => a.hash.slice(1));
    return {
        broken: links.filter((id) => !known.has(decodeURIComponent(id))),
        twice: [...new Set(ids.filter((id, place) => ids.indexOf(id) !== place))],
        lost: [...document.images].filter((i) => !i.naturalWidth).map((i) => i.src.slice(0, 100)),
        formulas: [...document.querySelectorAll(".math")].filter((m) =>
            !m.querySelector("math")).map((m) => m.textContent.slice(0, 60)),
        figures: document.querySelectorAll("figure").length,
    };
}"""


@dataclass(frozen=True)
class Facts:
    """What a PDF file holds.

    Attributes:
        pages: Sheets.
        entries: Of its outline.
        links: To places inside.
        figures: Tagged as such.
        tagged: Whether a screen reader finds headings, lists and tables.
        language: As it names it.
        foreign: Addresses of this machine, which no reader has.
    """

    pages: int
    entries: int
    links: int
    figures: int
    tagged: bool
    language: str
    foreign: int


def look(pdf: bytes) -> Facts:
    """Read from a PDF of Chromium, which packs no objects, what `Facts` names."""
    objects = pdf.split(b"endobj")
    language = re.search(rb"/Lang \(([^)]*)\)", pdf)
    return Facts(
        pages=sum(bool(re.search(rb"/Type /Page\b", one)) for one in objects),
        entries=sum(b"/Title" in one and b"/Parent" in one for one in objects),
        links=sum(b"/Subtype /Link" in one and b"/Dest" in one for one in objects),
        figures=sum(bool(re.search(rb"/S /Figure\b", one)) for one in objects),
        tagged=b"/MarkInfo" in pdf and b"/StructTreeRoot" in pdf,
        language=language[1].decode() if language else "",
        foreign=len(re.findall(rb"/URI \(http://127\.", pdf)),
    )


def check(seen: dict[str, Any], facts: Facts) -> None:
    """Refuse a document with faults, and a PDF that lost what the document has.

    Raises:
        CommandError: It names each fault.
    """
    faults = [f"{name}: {', '.join(seen[name][:5])}" for name in seen if name != "figures"
              if seen[name]]  # fmt: skip
    if not facts.tagged or not facts.language:
        faults.append("the PDF is not tagged, or names no language")
    if not facts.entries:
        faults.append("the PDF has no outline")
    if facts.figures < seen["figures"]:
        faults.append(f"the PDF has {facts.figures} of {seen['figures']} figures")
    if facts.foreign:
        faults.append(f"{facts.foreign} links lead to this machine")
    if faults:
        raise CommandError("the book was not printed. " + "; ".join(faults))


def print_pdf(
    contents: Sequence[tuple[str, Sequence[str]]], running: Any = None, site: Path = HTML
) -> tuple[bytes, Facts]:
    """Put pages of the built site together and print them.

    Args:
        contents: As `one_page.assemble` takes them.
        running: A browser of Playwright that runs already; None starts one.
        site: The built site.

    Raises:
        CommandError: A page is missing, or what was printed has a fault.
    """
    document = one_page.assemble(site, contents)
    with serve.server(0, site) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{httpd.server_address[1]}/{ADDRESS}"
        try:
            if running is not None:
                pdf, seen = _print(running, address, document)
            else:
                from playwright.sync_api import sync_playwright

                with sync_playwright() as playwright:
                    path, flags = browser.ensure(), list(browser.FLAGS)
                    started = playwright.chromium.launch(executable_path=path, args=flags)
                    pdf, seen = _print(started, address, document)
                    started.close()
        finally:
            httpd.shutdown()
    facts = look(pdf)
    check(seen, facts)
    return pdf, facts


def _print(running: Any, address: str, document: str) -> tuple[bytes, dict[str, Any]]:
    page = running.new_page(color_scheme="light")
    page.set_default_timeout(MINUTES * 60_000)
    page.route(
        f"**/{ADDRESS}", lambda route: route.fulfill(body=document, content_type="text/html")
    )
    page.goto(address, wait_until="load")
    page.emulate_media(media="print", color_scheme="light")
    seen = page.evaluate(LOOK)
    pdf = page.pdf(
        prefer_css_page_size=True,
        print_background=True,
        tagged=True,
        outline=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER,
    )
    page.close()
    return pdf, seen


def main() -> int:
    """Print the whole book and say what it holds."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--out", type=Path, default=PDF, help="file to write (%(default)s)")
    out = reader.parse_args().out
    start = time.monotonic()
    check_target(out)
    with alone():  # a build that ends meanwhile would exchange the site
        pdf, facts = print_pdf(one_page.parts())
    with files.replacing(out) as partial:
        partial.write_bytes(pdf)
    print(
        f"{out}: {facts.pages} pages, {len(pdf) / 1e6:.1f} MB, {facts.figures} figures, "
        f"{facts.entries} outline entries, {facts.links} links inside, none broken, "
        f"in {time.monotonic() - start:.0f} s"
    )
    return 0


if __name__ == "__main__":
    command(main)
