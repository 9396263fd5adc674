"""The list of all pages is made from titles alone, and looks as Sphinx makes it from everything."""

from types import SimpleNamespace

import pytest
from docutils import nodes
from sphinx import addnodes

from book._ext.sidebar import titles_only, with_cut_contents


def entry(title: str, *below: nodes.Node) -> nodes.list_item:
    item = nodes.list_item("", addnodes.compact_paragraph("", title))
    if below:
        item += nodes.bullet_list("", *below)
    return item


def test_headings_go_and_lists_of_pages_stay() -> None:
    pages = addnodes.toctree(entries=[(None, "a"), (None, "b")])
    whole = nodes.bullet_list("", entry("title", entry("heading"), entry("other", pages)))
    plain = nodes.bullet_list("", entry("title", entry("heading")))
    before = whole.pformat(), plain.pformat()
    cut = titles_only(whole)
    assert [type(node) for node in cut[0][1].children] == [addnodes.toctree]
    assert cut.astext().strip() == titles_only(plain).astext() == "title"
    assert len(titles_only(plain)[0]) == 1
    assert (whole.pformat(), plain.pformat()) == before
    assert titles_only(cut).pformat() == cut.pformat()


def test_the_contents_are_whole_again_whatever_happens() -> None:
    whole = {"page": nodes.bullet_list("", entry("title", entry("heading")))}
    app = SimpleNamespace(env=SimpleNamespace(tocs=whole))
    seen = []

    def toctree(**options: bool) -> str:
        seen.append(app.env.tocs["page"].astext())
        if options.get("fail"):
            raise RuntimeError("a page that cannot be made")
        return "made"

    made = with_cut_contents(app, toctree)
    assert made(titles_only=True) == made(titles_only=False) == "made"
    with pytest.raises(RuntimeError, match="cannot be made"):
        made(titles_only=True, fail=True)
    assert seen == ["title", "title\n\nheading", "title"]
    assert app.env.tocs is whole
