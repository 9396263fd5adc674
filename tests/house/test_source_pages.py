"""`{source}` prints the living definition, on a page and in a notebook; a wrong name fails."""

import io
import warnings
from pathlib import Path

import nbformat
import pytest

from book._tools import notebook_text
from book._tools.paths import ROOT

NAME = "course_lib.model.masks.causal_mask"
CONF = """
extensions = ["myst_nb", "source"]
nb_execution_mode = "off"
html_theme_options = {"repository_url": "https://example.org/course", "repository_branch": "main"}
html_theme = "basic"
"""
CHAPTER = """\
---
jupytext:
  formats: notebooks//ipynb,book//md:myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
# A page

```{code-cell} ipython3
1 + 1
```

Before.

```{source} %s
```

After.
"""


def built(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, str], str]:
    """The pages and the warnings of a small site: a text, and the notebook of the same text."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    monkeypatch.setattr(notebook_text, "NOTEBOOKS", folder)
    folder.mkdir(exist_ok=True)
    (folder / "conf.py").write_text(CONF)
    (folder / "index.md").write_text(f"# Start\n\n```{{source}} {name}\n```\n")
    text = folder / "99_page.md"
    text.write_text(CHAPTER % name)
    nbformat.write(notebook_text.from_text(text), folder / "99_page.ipynb")
    text.unlink()
    said = io.StringIO()
    with patch_docutils(), docutils_namespace(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Sphinx's own dependencies
        where = str(folder / "out")
        app = Sphinx(
            folder, folder, where, str(folder / "trees"), "html", status=None, warning=said
        )
        app.build()
    pages = {path.stem: path.read_text() for path in (folder / "out").glob("*.html")}
    return pages, said.getvalue()


def test_page_and_notebook_print_the_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, said = built(tmp_path / "site", NAME, monkeypatch)
    assert "source:" not in said
    for name in ("index", "99_page"):
        page = pages[name]
        assert '<span class="nf">causal_mask</span>' in page
        assert "<details><summary>docstring</summary><pre>" in page
        assert "show_source" not in page
        assert 'href="https://example.org/course/blob/main/course_lib/model/masks.py#L' in page, (
            page
        )
    assert pages["99_page"].index("Before.") < pages["99_page"].index("causal_mask")
    assert pages["99_page"].index("causal_mask") < pages["99_page"].index("After.")


def test_a_wrong_name_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, said = built(tmp_path / "site", NAME + "k", monkeypatch)
    wrong = "course_lib.model.masks has no 'causal_maskk'; near it: causal_mask"
    assert said.count(wrong) == 2  # once for the text, once for the notebook


def test_a_page_is_read_again_when_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sphinx.environment import BuildEnvironment

    noted = []
    monkeypatch.setattr(BuildEnvironment, "note_dependency", lambda self, path: noted.append(path))
    built(tmp_path / "site", NAME, monkeypatch)
    assert noted.count(str(ROOT / "course_lib" / "model" / "masks.py")) == 2


def test_the_notebook_has_a_cell_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook_text, "NOTEBOOKS", tmp_path)
    text = tmp_path / "99_page.md"
    text.write_text(CHAPTER % NAME)
    cells = notebook_text.from_text(text).cells
    before, source, after = cells[-3:]
    assert [before.cell_type, source.cell_type, after.cell_type] == ["markdown", "code", "markdown"]
    assert before.source == "Before." and after.source == "After."
    assert source.metadata["tags"] == ["source", "nbval-ignore-output"]
    space: dict = {}
    exec(source.source.replace("show_source(", "found = show_source("), space)
    assert space["found"].name == NAME
