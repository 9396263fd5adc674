"""Public functions say what they do, carry shapes, and name the page that explains them."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "course_lib"

CHAPTERS = {
    "01_relevance",
    "02_simplified_architecture",
    "03_tokenizer",
    "04_embedding",
    "05_positions",
    "06_attention",
    "07_feed_forward_softmax",
    "08_detailed_architecture",
    "09_transformer_models",
    "10_prompt_engineering",
    "11_generative_configuration",
    "12_lifecycle",
    "13_self_supervision_curation",
    "14_masked_language_modeling",
    "15_causal_language_modeling",
    "16_span_corruption",
    "17_summary",
    "18_multi_gpu_zero",
    "19_domain_adaptation",
}
# What a chapter teaches carries its page. Engines, widgets and figures explain themselves.
TAUGHT = ("model", "tokenizers", "objectives", "data", "training", "generation", "distributed")
TAUGHT += ("weights", "prompting", "config.py", "presets.py")


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


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.startswith("_"))


def test_everything_public_has_a_docstring() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in MODULES
        for name, node in public(path)
        if not ast.get_docstring(node)
    ]
    assert missing == []


def test_named_chapters_exist() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {stem}"
        for path in MODULES
        for stem in re.findall(r"Chapter:\s+(\w+)", path.read_text())
        if stem not in CHAPTERS
    ]
    assert wrong == []


def test_chapter_texts_have_planned_names() -> None:
    texts = {path.stem for path in (ROOT / "book").glob("[0-9][0-9]_*.md")}
    assert texts <= CHAPTERS


def taught_modules() -> list[Path]:
    return [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in TAUGHT]


def test_taught_modules_name_their_chapter() -> None:
    """Each taught module says, at least once, which page explains it."""
    silent = [
        str(path.relative_to(ROOT))
        for path in taught_modules()
        if public(path) and "Chapter:" not in path.read_text()
    ]
    assert silent == []


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
        for path in taught_modules()
        if path.relative_to(PACKAGE).parts[0] in ("model", "objectives", "generation")
        for fault in untyped_tensors(path.read_text())
    ]
    assert wrong == []


@pytest.mark.parametrize("source", ["def f(x: Tensor): ...", "def f() -> torch.Tensor: ..."])
def test_a_planted_bare_tensor_is_found(source: str) -> None:
    assert untyped_tensors(source)
    assert not untyped_tensors('def f(x: Float[Tensor, "B T"]): ...')
