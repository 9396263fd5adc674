"""Turn the small part of Markdown that exercises use into finished HTML.

Exercise texts are written once and shown by a notebook, a terminal and a static page. The page
inserts them as they are, so this module escapes everything and knows a closed set of marks:
paragraphs, fenced code, lists with `- `, and inline `code`, **strong** and *emphasis*.
"""

from __future__ import annotations

import html
import re
import textwrap

_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*")


def clean(text: str) -> str:
    """Strip the common indentation and the blank ends of a text written in a triple quote."""
    return textwrap.dedent(text).strip("\n").rstrip()


def inline_html(text: str) -> str:
    """Escape one line of text and turn its inline marks into HTML."""
    pieces: list[str] = []
    position = 0
    text = " ".join(text.split())
    for match in _INLINE.finditer(text):
        pieces.append(html.escape(text[position : match.start()], quote=False))
        tag, inner = next(
            (tag, inner)
            for tag, inner in zip(("code", "strong", "em"), match.groups(), strict=True)
            if inner is not None
        )
        body = html.escape(inner, quote=False) if tag == "code" else inline_html(inner)
        pieces.append(f"<{tag}>{body}</{tag}>")
        position = match.end()
    pieces.append(html.escape(text[position:], quote=False))
    return "".join(pieces)


def block_html(text: str) -> str:
    """Turn paragraphs, lists and fenced code into HTML blocks."""
    blocks: list[str] = []
    for kind, body in _blocks(clean(text)):
        if kind == "code":
            blocks.append(f"<pre><code>{html.escape(body, quote=False)}</code></pre>")
        elif kind == "list":
            items = "".join(f"<li>{inline_html(item)}</li>" for item in body.split("\0"))
            blocks.append(f"<ul>{items}</ul>")
        else:
            blocks.append(f"<p>{inline_html(body)}</p>")
    return "".join(blocks)


def _blocks(text: str) -> list[tuple[str, str]]:
    """Cut a text into (kind, body): text, list (items joined by a NUL) and code."""
    blocks: list[tuple[str, str]] = []
    fence: list[str] | None = None
    open_block = False
    for line in text.split("\n"):
        if line.startswith("```"):
            if fence is None:
                fence = []
            else:
                blocks.append(("code", "\n".join(fence)))
                fence, open_block = None, False
        elif fence is not None:
            fence.append(line)
        elif not line.strip():
            open_block = False
        elif line.startswith("- "):
            if open_block and blocks[-1][0] == "list":
                blocks[-1] = ("list", blocks[-1][1] + "\0" + line[2:])
            else:
                blocks.append(("list", line[2:]))
            open_block = True
        elif open_block:
            blocks[-1] = (blocks[-1][0], f"{blocks[-1][1]} {line.strip()}")
        else:
            blocks.append(("text", line))
            open_block = True
    if fence is not None:
        raise ValueError(f"text: a code fence is opened and never closed in {text[:40]!r}")
    return blocks


def led_by(label: str, text: str) -> str:
    """Put a label before a text: with a colon, unless the label ends in a mark of its own."""
    found = re.fullmatch(r"(.*?)([.:;,]*)((?:</\w+>)*)\s*", label, re.DOTALL)
    assert found is not None
    body, _, closing = found.groups()
    if not body:
        return text
    return f"{body}{closing}{'' if body[-1] in '?!…' else ':'} {text}"


def plain(fragment: str) -> str:
    """Take the HTML marks out of a fragment, for terminals and screen readers."""
    fragment = re.sub(r"</(p|pre|ul|li)>", "\n", fragment)
    fragment = re.sub(r"<li>", "- ", fragment)
    return html.unescape(re.sub(r"<[^>]+>", "", fragment)).strip()
