"""The crawl itself: kinds of page in given shares, copies among them, as text, HTML or WARC."""

import gzip
import html
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from uuid import UUID

import numpy as np

from course_lib.checks import check_mappings, check_numbers, check_rng, whole_number
from course_lib.data.crawl.kinds import BLOCKED_HOSTS, KINDS, near_copy
from course_lib.data.curation.page import Page, check_page
from course_lib.files import replacing

# What a page is, and how often. Most of a raw crawl is not worth keeping: change the shares, and
# the share that is kept follows.
SHARES: Mapping[str, float] = {
    "plain": 0.12,
    "dialect": 0.015,
    "tutorial": 0.015,
    "recipe": 0.015,
    "about_a_term": 0.01,
    "interview": 0.015,
    "poem": 0.01,
    "short_note": 0.02,
    "with_personal_data": 0.03,
    "exact_copy": 0.06,
    "near_copy": 0.08,
    "navigation": 0.06,
    "stub": 0.05,
    "keyword_spam": 0.08,
    "seo_template": 0.06,
    "spam_tail": 0.03,
    "foreign": 0.16,
    "program": 0.02,
    "lorem": 0.02,
    "teasers": 0.03,
    "number_table": 0.02,
    "insults": 0.02,
    "blocked": 0.02,
    "broken_encoding": 0.02,
    "shuffled": 0.02,
}


def make_crawl(
    n: int, rng: np.random.Generator, shares: Mapping[str, float] = SHARES
) -> Iterator[Page]:
    """Draw the pages of a crawl one by one, each with the truth about itself.

    ``about`` holds ``kind``, ``keep``, ``group``, ``defect``, and for a copy ``copy_of``, the
    number of the page that it repeats. Only good pages are copied, so what a copy costs is seen.

    Args:
        n: Pages.
        rng: Draws everything.
        shares: How often each kind comes, relative to the others.

    Yields:
        Pages.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If ``n`` is negative, a kind is unknown, or the shares are not finite, 0 or
            more, and positive in sum.
    """
    n = whole_number(n, "n", 0)
    check_rng(rng)
    check_mappings(shares=shares)
    unknown = set(shares) - set(KINDS) - {"exact_copy", "near_copy"}
    if unknown:
        raise ValueError(f"shares names unknown kinds: {sorted(unknown)}")
    given = check_numbers(**{f"shares[{kind!r}]": share for kind, share in shares.items()})
    weights = np.array(given, dtype=float)
    if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise ValueError(f"shares must be 0 or more, finite, and not all 0; got {given}")
    names = list(shares)
    drawn = rng.choice(len(names), n, p=weights / weights.sum())
    earlier: list[tuple[int, Page]] = []  # what can be copied: the last thousand good pages
    for number, index in enumerate(drawn.tolist()):
        kind = names[index]
        copied = None
        if kind in ("exact_copy", "near_copy"):
            if earlier:
                copied = earlier[rng.integers(len(earlier))]
            else:
                kind = "plain"
        if copied is not None:
            original = copied[1]
            text = original.text if kind == "exact_copy" else near_copy(original.text, rng)
            about = {**original.about, "kind": kind, "keep": False, "defect": "copy"}
            about["copy_of"] = copied[0]
        else:
            what = KINDS[kind]
            text = what.make(rng)
            about = {"kind": kind, "keep": what.keep, "group": what.group, "defect": what.defect}
        host = f"site{rng.integers(10_000)}.example"
        if kind == "blocked":
            host = sorted(BLOCKED_HOSTS)[rng.integers(len(BLOCKED_HOSTS))]
        page = Page(text, f"https://www.{host}/{kind[:2]}{number}", about)
        if about["keep"] and kind == "plain":
            earlier.append((number, page))
            del earlier[:-1000]
        yield page


_SHELL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<script>window.dataLayer = []; function track(e) {{ dataLayer.push(e); }}</script>
<style>nav a {{ color: #036 }}</style></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/news">News</a></li></ul></nav>
<div class="cookie-banner" role="dialog">This site uses cookies.
<button>Accept all cookies</button></div>
<main><article><h1>{title}</h1>
{body}
</article></main>
<aside><h2>Most read</h2><ul><li><a href="/1">Ten tips for today</a></li></ul></aside>
<footer>Copyright 2024. <a href="/privacy">Privacy policy</a></footer></body></html>
"""


def as_html(page: Page) -> str:
    """Dress a page as a site would: menu, cookie banner, script, side bar, footer.

    Args:
        page: The page; its paragraphs become ``p`` elements, its lines end in ``br``.

    Returns:
        A whole HTML document.
    """
    check_page(page)
    parts = [html.escape(part).replace("\n", "<br>\n") for part in page.paragraphs]
    body = "\n".join(f"<p>{part}</p>" for part in parts)
    title = html.escape(page.url.rsplit("/", 1)[-1])
    return _SHELL.format(title=title, body=body)


def write_warc(path: str | PathLike[str], pages: Iterable[Page], rng: np.random.Generator) -> int:
    """Write pages as a gzip-compressed WARC file, as a crawler does: one gzip member a record.

    Args:
        path: The file, ``.warc.gz``; written whole or not at all.
        pages: The pages; each becomes a ``response`` record with HTTP headers and HTML.
        rng: Draws the records' identities.

    Returns:
        How many records were written.

    Raises:
        TypeError: If a page is none, or ``rng`` is no generator.
        ValueError: If the file's name ends otherwise, so that nobody would unpack it, or an
            address or a text cannot stand in such a file.

    Source: ISO 28500:2017 (WARC 1.1).
    """
    check_rng(rng)
    if isinstance(pages, str | Page) or not isinstance(pages, Iterable):
        raise TypeError(f"pages must be a list of Pages, got one {type(pages).__name__}")
    if not str(path).lower().endswith(".warc.gz"):
        raise ValueError(f"path must end in .warc.gz, got {str(path)!r:.60}")
    written = 0
    with replacing(path) as part, open(part, "wb") as file:
        for page in pages:
            body = as_html(page).encode("utf-8")
            if any(map(str.isspace, page.url)):
                raise ValueError(f"url must be an address without blanks, got {page.url!r:.60}")
            head = (
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            ).encode()
            identity = UUID(bytes=rng.bytes(16), version=4)
            record = (
                "WARC/1.1\r\nWARC-Type: response\r\n"
                f"WARC-Record-ID: <urn:uuid:{identity}>\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
                f"WARC-Target-URI: {page.url}\r\n"
                "Content-Type: application/http; msgtype=response\r\n"
                f"Content-Length: {len(head) + len(body)}\r\n\r\n"
            ).encode()
            file.write(gzip.compress(record + head + body + b"\r\n\r\n", 6, mtime=0))
            written += 1
    return written
