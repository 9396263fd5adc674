"""Make one document of the built pages, for paper: one set of names, links that stay inside.

The scripts are left out, so each widget stands in the form that it has without them. What a page
folds away to be guessed first, the hints and the answers, comes at the end of its chapter.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag

from book._tools.paths import ROOT, CommandError

LONGEST_WHOLE = 20  # rows of a table that is kept on one sheet
STYLE = Path(__file__).with_name("one_page.css")
# What belongs to a screen: scripts, buttons, what moves between pages, a record in a browser, the
# form of a figure for a phone, and its numbers, which the picture has.
_FOR_SCREENS = "script, noscript, button, .headerlink, .prev-next-area, .page-top, .figure-narrow"
_NAMES = ("for", "headers", "list", "aria-describedby", "aria-labelledby", "aria-controls")


def parts(toc: Path = ROOT / "_toc.yml") -> list[tuple[str, list[str]]]:
    """Caption of each part of the book and its pages, without the reference of the package."""
    content = yaml.safe_load(toc.read_text(encoding="utf-8"))
    found = [("", [content["root"]])]
    for part in content["parts"]:
        names = [page["file"] for page in part["chapters"]]
        found.append((part["caption"], [name for name in names if "/api/" not in name]))
    return found


def assemble(site: Path, contents: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Put built pages one after another into one document.

    Args:
        site: Folder of the built site; the document is to be opened at its root.
        contents: Caption of each part and the names of its pages, such as "book/intro".

    Returns:
        The document: a cover with the contents, then a section for each page. An id is that of its
        page with the name of the page before it. A link to a page that is here leads to its
        section; a link to another page of the site is text.

    Raises:
        CommandError: If a page is not there.
    """
    slugs = {name: name.replace("/", "-") for _, names in contents for name in names}
    sections, titles, loaded = [], {}, {}
    for name in slugs:
        path = site / f"{name}.html"
        if not path.exists():
            raise CommandError(f"there is no page {path}; run: make book")
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        article = page.select_one("article.bd-article")
        if article is None or article.h1 is None:
            raise CommandError(f"{path} has no article with a title; run: make book")
        loaded |= dict.fromkeys(_loaded(page, name))
        for element in article.select(_FOR_SCREENS):
            element.decompose()
        _for_paper(article)
        _rename(article, name, slugs)
        titles[name] = article.h1.get_text().strip()
        sections.append(f'<section id="{slugs[name]}">{article.decode_contents()}</section>')
    lines = []
    for caption, names in contents:
        lines += [f"<p>{html.escape(caption)}</p>"] if caption else []
        links = (f'<a href="#{slugs[n]}">{html.escape(titles[n])}</a>' for n in names)
        lines.append("<ul>" + "".join(f"<li>{link}</li>" for link in links) + "</ul>")
    title = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["title"]
    return (
        '<!DOCTYPE html>\n<html lang="en" data-theme="light" data-mode="light">'
        f'<head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"{''.join(loaded)}<style>{STYLE.read_text(encoding='utf-8')}</style>"
        f'</head><body><main class="bd-article"><section id="cover"><p>{html.escape(title)}</p>'
        f'<nav aria-label="Contents">{"".join(lines)}</nav></section>'
        f"{''.join(sections)}</main></body></html>"
    )


def _for_paper(article: Tag) -> None:
    """Unfold what may be seen at once, and move hints and answers to the end of the chapter."""
    answers: list[tuple[Tag, list[str]]] = []
    for details in article.select("details"):
        summary = details.find("summary")
        said = "" if summary is None else summary.get_text().strip()
        widget = details.find_parent(class_="cw")
        if said == "The same as a table":
            details.decompose()
        elif widget is None:
            details["open"] = ""
        else:
            if not answers or answers[-1][0] is not widget:
                answers.append((widget, []))
            details.extract()
            if summary is not None:
                summary.decompose()
            name = f"<p><strong>{html.escape(said)}</strong></p>"
            answers[-1][1].append(f"<dd>{name}{details.decode_contents()}</dd>")
    for table in article.select("table"):
        if len(table.select("tr")) > LONGEST_WHOLE:
            table["class"] = [*table.get_attribute_list("class", []), "breaks"]
    for cell in article.select(".cell:has(.cw-static)"):
        code = cell.select_one(".cell_input")
        if code is not None and "\n" not in code.get_text().strip():
            code.decompose()  # the line that shows a widget, which stands below it
    for widget in article.select(".cw"):
        badge = widget.select_one(".cw-badge")
        if badge is not None and badge.get_text() == "this browser only":
            widget.decompose()
    if answers:
        lists = "".join(
            f"<dt>{_title(widget)}</dt>{''.join(sorted(found, key=_answer_last))}"
            for widget, found in answers
        )
        heading = "<h2>Hints and answers</h2>"
        made = BeautifulSoup(
            f'<section class="answers">{heading}<dl>{lists}</dl></section>', "html.parser"
        )
        article.append(made)


def _answer_last(part: str) -> bool:
    """Key to sort the parts that a question folds away: hints as they come, then the answer."""
    return part.startswith("<dd><p><strong>Answer")


def _title(widget: Tag) -> str:
    """What a question is called: its badge, which has its number, and its title."""
    said = [widget.select_one(f".cw-{part}") for part in ("badge", "title")]
    return html.escape(" · ".join(part.get_text() for part in said if part is not None))


def _rename(article: Tag, name: str, slugs: dict[str, str]) -> None:
    """Give each id the name of its page, and let whatever names an id or a file still find it."""
    own, folder = slugs[name], posixpath.dirname(name)
    for element in article.select("*"):
        for key, value in list(element.attrs.items()):
            if key == "id":
                element[key] = f"{own}--{value}"
            elif key in _NAMES:
                ids = value if isinstance(value, list) else value.split()
                element[key] = " ".join(f"{own}--{one}" for one in ids)
            elif key in ("src", "href") and element.name != "a" and _is_local(value):
                element[key] = "/" + posixpath.normpath(posixpath.join(folder, value))
            elif key in ("href", "xlink:href") and element.name != "a" and value.startswith("#"):
                element[key] = f"#{own}--{value[1:]}"
            elif isinstance(value, str) and "url(#" in value:
                element[key] = value.replace("url(#", f"url(#{own}--")
        if element.name == "a" and "href" in element.attrs:
            _relink(element, name, slugs)


def _relink(link: Tag, name: str, slugs: dict[str, str]) -> None:
    address = str(link["href"])
    if re.match(r"[a-z]+:", address):
        return
    path, _, fragment = address.partition("#")
    target = name
    if path:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    target = target.removesuffix(".html")
    if target in slugs:
        link["href"] = f"#{slugs[target]}" + (f"--{fragment}" if fragment else "")
    else:
        del link["href"]


def _is_local(address: str) -> bool:
    return not re.match(r"([a-z]+:|#|/)", address)


def _loaded(page: BeautifulSoup, name: str) -> list[str]:
    """What a page loads for its looks, from the root of the site."""
    found = []
    folder = posixpath.dirname(name)
    for element in page.select("link[rel=stylesheet]"):
        source = str(element["href"]).split("?")[0]
        element["href"] = "/" + posixpath.normpath(posixpath.join(folder, source))
        found.append(str(element))
    return found
