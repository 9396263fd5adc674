"""Chapter text to notebook, in that one direction.

Text in `book/NN_name.md` is the only source. `generate` writes `notebooks/NN_name.ipynb` from it,
with the outputs that the committed notebook has for the same cells.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import jupytext
import nbformat
import yaml
from jupytext.combine import combine_inputs_with_outputs

from book._tools.paths import NOTEBOOKS, ROOT, chapter_texts, write_atomic

SOURCE = re.compile(r"^```\{source\} *(\S+) *\n```$", re.MULTILINE)  # see book/_ext/source.py
COLAB_CELL = """\
# Colab has torch but not this course: install it from the repository when it is missing.
import importlib.util

if importlib.util.find_spec("course_lib") is None:
    %pip install -q "course-lib[notebooks] @ git+{url}"
"""


def notebook_path(text: Path) -> Path:
    """The notebook paired with a chapter text."""
    return NOTEBOOKS / f"{text.stem}.ipynb"


def colab_cell() -> nbformat.NotebookNode:
    """The first cell of every notebook, hidden on the page: it makes the notebook run in Colab."""
    url = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    cell = nbformat.v4.new_code_cell(COLAB_CELL.format(url=url).rstrip())
    cell.metadata["tags"] = ["remove-cell"]
    return cell


def progress_cell(text: Path) -> nbformat.NotebookNode:
    """The last cell of a notebook with exercises: the progress box of the page."""
    source = f'exercises.progress_panel("{text.stem[:2]}")'
    cell = nbformat.v4.new_code_cell(f"from course_lib import exercises\n\n{source}")
    cell.metadata["tags"] = ["remove-input"]
    return cell


def with_source_cells(cells: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Cells in which each `{source}` of the text has become a cell that shows the definition.

    Jupyter would show the directive as it is written. The output is not compared: it follows the
    package, which has tests of its own.
    """
    made = []
    for cell in cells:
        if cell.cell_type != "markdown" or not SOURCE.search(cell.source):
            made.append(cell)
            continue
        for index, part in enumerate(SOURCE.split(cell.source)):  # text, name, text, name, ...
            if index % 2:
                call = f'from course_lib import show_source\n\nshow_source("{part}")'
                made.append(nbformat.v4.new_code_cell(call))
                made[-1].metadata["tags"] = ["source", "nbval-ignore-output"]
            elif part.strip():
                made.append(nbformat.v4.new_markdown_cell(part.strip("\n")))
    return made


def from_text(text: Path) -> nbformat.NotebookNode:
    """The notebook a chapter text stands for, with ids and outputs of the committed one."""
    notebook = jupytext.read(text)
    notebook.cells = with_source_cells(notebook.cells)
    notebook.cells.insert(0, colab_cell())
    if any("exercises.load(" in cell.source for cell in notebook.cells):
        notebook.cells.append(progress_cell(text))
    target = notebook_path(text)
    if target.exists():
        notebook = combine_inputs_with_outputs(notebook, nbformat.read(target, 4), "md:myst")
    notebook.metadata = {
        "jupytext": {"formats": "notebooks//ipynb,book//md:myst"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    }
    taken: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        # jupytext draws random ids; one made from the cell keeps the file the same.
        base = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        cell.id = base if base not in taken else f"{base}-{index}"
        taken.add(cell.id)
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.metadata.pop("execution", None)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    count_runs(notebook)
    return notebook


def count_runs(notebook: nbformat.NotebookNode) -> None:
    """Number the cells that have outputs: nbval takes an unnumbered one for a cell never run."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.execution_count = number if cell.outputs else None


def dumps(notebook: nbformat.NotebookNode) -> str:
    """One spelling of a notebook file."""
    return nbformat.writes(notebook, 4) + "\n"


def generate(check: bool = False) -> list[Path]:
    """Write each notebook that differs from its text; return those that did."""
    changed = []
    for text in chapter_texts():
        target, wanted = notebook_path(text), dumps(from_text(text))
        if not target.exists() or target.read_text(encoding="utf-8") != wanted:
            changed.append(target)
            if not check:
                write_atomic(target, wanted)
    return changed
