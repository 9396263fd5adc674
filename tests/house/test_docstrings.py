"""Public functions say what they do and carry shapes; a module names the page that explains it."""

import ast
import re
from pathlib import Path

import pytest

from book._tools.named import is_named

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "course_lib"

PAGES = {path.stem: path for path in (ROOT / "book").glob("[0-9][0-9]_*.md")}


def public(path: Path) -> list[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Top-level functions and classes of a module, and the public methods of its classes."""
    found: list[tuple[str, ast.FunctionDef | ast.ClassDef]] = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append((node.name, node))
            if isinstance(node, ast.ClassDef):
                found += [
                    (f"{node.name}.{item.name}", item)
                    for item in node.body
                    if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")
                ]
    return found


KINDS = ast.FunctionDef | ast.ClassDef


def dotted(path: Path) -> str:
    """The name under which a file of the package is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.startswith("_"))


def test_everything_public_has_a_docstring() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in MODULES
        for name, node in public(path)
        if not ast.get_docstring(node)
    ]
    assert missing == []


def tags(source: str) -> list[str]:
    """The pages that a module's docstring names; it may also leave that out."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return re.findall(r"^Chapter: *(\S*)$", docstring, re.MULTILINE)


def test_a_module_names_at_most_one_page_and_that_page_names_it() -> None:
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        where, module = str(path.relative_to(ROOT)), dotted(path)
        if source.count("Chapter:") != len(tags(source)) or len(tags(source)) > 1:
            wrong.append(f"{where}: one tag, in the docstring of the module")
        for stem in tags(source):
            if stem not in PAGES:
                wrong.append(f"{where}: there is no page {stem}")
            elif not is_named(module, source, PAGES[stem].read_text(encoding="utf-8")):
                wrong.append(f"{where}: {stem} names neither it nor anything that it defines")
    assert wrong == []


def test_every_page_explains_a_module() -> None:
    named = {stem for path in MODULES for stem in tags(path.read_text(encoding="utf-8"))}
    assert named == set(PAGES)


@pytest.mark.parametrize(
    ("page", "named"),
    [
        ("It can be read.", False),
        ("`read` does it.", True),
        ("`read(path)` does it.", True),
        ("`readers` do it.", False),
        ("```{source} course_lib.files.read\n```", True),
        ("```{code-cell} ipython3\nfrom course_lib.files import read\n```", True),
        ("```{code-cell} ipython3\n:tags: [a]\n\nfrom course_lib import files\n```", True),
        ("```{code-cell} ipython3\nfiles.read(1)\n```", True),
        ("```{code-cell} ipython3\nread = 1\n```", False),
        ("```{code-cell} ipython3\nfrom elsewhere import read\n```", False),
    ],
)
def test_a_page_names_a_module_by_its_code(page: str, named: bool) -> None:
    assert is_named("course_lib.files", "def read(): ...\ndef _hidden(): ...", page) == named


def untyped_tensors(source: str) -> list[str]:
    """Public functions whose signature says Tensor without a shape."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith(("_", "check_")):
            continue  # a check takes what has no right shape yet
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        annotations = [argument.annotation for argument in arguments] + [node.returns]
        for annotation in annotations:
            text = ast.unparse(annotation) if annotation is not None else ""
            text = text.replace("list[Tensor]", "list")  # grows, and has no shape of its own
            if re.search(r"(?<![\w\[.] )(?<![\w.])(?:torch\.)?Tensor\b(?!, ['\"])", text):
                found.append(f"{node.name}: {text}")
    return found


def test_tensors_carry_shapes() -> None:
    """What a chapter teaches writes shapes; plans and collectives work on tensors of any shape."""
    wrong = [
        f"{path.relative_to(ROOT)}: {fault}"
        for path in MODULES
        if path.relative_to(PACKAGE).parts[0] in ("model", "objectives", "generation")
        for fault in untyped_tensors(path.read_text())
    ]
    assert wrong == []


def letters(source: str) -> set[str]:
    """The dimensions that the shapes of a file name."""
    shapes = re.findall(r"\[(?:torch\.)?Tensor, *['\"]([^'\"]*)['\"]", source)
    return {name for shape in shapes for name in re.findall(r"[A-Za-z]\w*", shape)}


def test_every_letter_of_a_shape_is_on_the_notation_page() -> None:
    page = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`(\w+)`", page))
    used = {name for path in MODULES for name in letters(path.read_text(encoding="utf-8"))}
    assert used - explained == set()
    assert letters('x: Float[Tensor, "B *Q 2 G9"]') == {"B", "Q", "G9"}


@pytest.mark.parametrize("source", ["def f(x: Tensor): ...", "def f() -> torch.Tensor: ..."])
def test_a_planted_bare_tensor_is_found(source: str) -> None:
    assert untyped_tensors(source)
    assert not untyped_tensors('def f(x: Float[Tensor, "B T"]): ...')
