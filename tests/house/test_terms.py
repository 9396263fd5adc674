"""Every word of the glossary is introduced before it is used, and pages lead to it."""

import io
import re
import warnings
from pathlib import Path

import pytest

from book._tools import terms
from book._tools.paths import CommandError
from course_lib.exercises.catalog import find

BOXED = {"head", "layer", "norm", "value", "dropout", "Adam"}
CONF = """
extensions = ["myst_nb", "terms"]
nb_execution_mode = "off"
html_theme = "basic"
"""
GLOSSARY = "# G\n\n```{glossary}\nbeam\n  One.\n\nkey\n  Two.\n```\n"


@pytest.fixture(scope="module")
def order() -> list[terms.Term]:
    """The order of the terms of the book."""
    return terms.checked()


def test_no_term_is_used_before_it_is_introduced(order: list[terms.Term]) -> None:
    early = {term.name: term.first or "on no page" for term in order if term.early}
    assert early == {}
    assert [term.name for term in order] != sorted(term.name for term in order)
    assert {term.name for term in order} == set(terms.glossary())


def test_words_with_another_everyday_meaning_are_introduced_in_a_box(
    order: list[terms.Term],
) -> None:
    boxes = {term.name: term for term in order if term.boxed}
    assert boxes.keys() >= BOXED
    for term in boxes.values():
        assert term.introduced is not None
        page = (terms.BOOK / f"{term.introduced.page}.md").read_text(encoding="utf-8")
        lines = page.split("\n")[term.introduced.line - 1 :]
        long = next(n for n, line in enumerate(lines) if not line.startswith(">"))
        assert long <= 3, f"the box of {term.name} has {long} lines"


PAGES = {
    "too early": ("A beam is wide.\n\nA **beam** is a thing.\n", True),
    "in time": ("A **beam** is a thing. A beam is wide.\n", False),
    "in a heading, the goals and a quotation": (
        "# Beams\n\n## What you will be able to do\n\n- Follow a beam.\n\n## The idea\n\n"
        "> A beam, says the lecture.\n\nIt is a **beam**.\n",
        False,
    ),
    "in a box": ("> **Beam, ray.** A beam is\n> a thing.\n\nA beam.\n", False),
    "in code": ("`beam`\n\n```python\nbeam\n```\n\nA **beam**.\n", False),
    "in an exercise": (
        '```{code-cell} ipython3\nexercises.load("01.a", v=1)\n```\n\nA **beam**.\n',
        True,
    ),
    "never introduced": ("A beam.\n", True),
    "another word": ("A moonbeam, beamed.\n\nA **beam**.\n", False),
}


@pytest.mark.parametrize("name", PAGES)
def test_early_uses_are_found(name: str) -> None:
    page, early = PAGES[name]
    names = ["beam"]
    text = terms.readable(page, {"01.a": "Choose a beam"})
    assert text.count("\n") == page.count("\n")
    (term,) = terms.order({"one": text}, terms.spellings(names, {}))
    assert term.early is early


def test_a_term_of_an_earlier_page_needs_no_second_introduction() -> None:
    pages = {"one": "A **beam**.\n", "two": "A beam.\n"}
    (term,) = terms.order(pages, terms.spellings(["beam"], {}))
    assert not term.early
    (term,) = terms.order(dict(reversed(pages.items())), terms.spellings(["beam"], {}))
    assert term.early and term.first is not None and term.first.page == "two"


def test_spellings_know_plurals_other_words_and_line_ends() -> None:
    known = {"key": {"not": ["keys to the cabinet"]}, "beam": {"also": ["ray"]}}
    names = terms.glossary(GLOSSARY)
    assert names == ["beam", "key"]
    made = terms.spellings(names, known)
    assert [m[0] for m in made["key"].find("keys to\nthe cabinet, a key, KEYS")] == ["key", "KEYS"]
    assert [m[0] for m in made["beam"].find("beams, rays and a ray")] == ["beams", "ray"]
    with pytest.raises(CommandError, match="terms.yml: \\['ray'\\] are not in the glossary"):
        terms.spellings(names, {"ray": {}})


def test_what_an_exercise_says_is_read_without_its_code() -> None:
    said = terms.exercise_text(find("01.a"))
    assert "`" not in said and "\n" not in said and len(said) > 100


def test_a_page_leads_to_the_glossary_once_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small site: links in sentences, none in code, headings or the glossary; a box is marked."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    monkeypatch.syspath_prepend(str(terms.BOOK / "_ext"))
    folder = tmp_path / "site"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text((terms.BOOK / "glossary.md").read_text(encoding="utf-8"))
    page = "# A query\n\n`query` and *queries*, a query.\n\n> **Key.** What is found.\n\n> A key.\n"
    (folder / "notebooks" / "p.md").write_text(page)
    said = io.StringIO()
    with patch_docutils(), docutils_namespace(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Sphinx's own dependencies
        out = str(folder / "out")
        app = Sphinx(
            folder, folder, out, str(tmp_path / "trees"), "html", status=None, warning=said
        )
        app.build()
    html = (folder / "out" / "notebooks" / "p.html").read_text()
    links = re.findall(r'href="\.\./index\.html#term-([\w-]+)"[^>]*><span[^>]*>([^<]+)<', html)
    assert links == [("query", "queries"), ("key", "Key")], said.getvalue()
    assert html.count("term-box") == 1
