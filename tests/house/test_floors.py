"""Imports go down the floors of the house, files stay short, heavy imports wait."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "course_lib"
LINE_LIMIT = 300

# Module or package of course_lib -> the others it may import. Itself is always allowed.
MAY_IMPORT = {
    "config": set(),
    "presets": {"config"},
    "tokenizers": set(),
    "objectives": set(),
    "distributed": set(),
    "model": {"config"},
    "weights": {"config", "model"},
    "data": {"tokenizers", "objectives.example"},
    "generation": {"config", "model"},
    "training": {"config", "model", "objectives", "data", "distributed"},
    "prompting": {"config", "tokenizers", "objectives", "model", "data", "generation"},
    "tasks": {"config", "tokenizers", "objectives", "model", "data", "training", "generation"},
    "adaptation": {"config", "tokenizers", "objectives", "model", "data", "training", "generation"},
}
TOP = {"exercises", "widgets", "figures"}
EVERYTHING = set(MAY_IMPORT) | TOP

# Third-party modules that a floor must never import, whatever is installed.
MUST_NOT = {
    "config": {"torch", "numpy"},
    "presets": {"torch", "numpy"},
    "weights": {"transformers"},
    "tokenizers": {"tokenizers", "tiktoken", "transformers"},
}
NEVER = {"transformers", "tokenizers", "tiktoken", "deepspeed"}

# The doors that are open on purpose; each imports only when its method is called.
DOORS = {
    ("model/pretrained.py", "course_lib.weights"),  # Transformer.from_pretrained, save_pretrained
    ("training/engines.py", "deepspeed"),  # --strategy deepspeed, where it is installed
}


def part_of(path: Path) -> str:
    """The floor a file belongs to: config, model, ..."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, source: str | None = None) -> list[tuple[int, str]]:
    """Every absolute module name a file imports, relative ones resolved."""
    tree = ast.parse(source if source is not None else path.read_text())
    package = ("course_lib", *path.relative_to(PACKAGE).parts[:-1])
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            found.append((node.lineno, module))
            if module == "course_lib":
                found += [(node.lineno, f"course_lib.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            if node.args and isinstance(node.args[0], ast.Constant):
                found.append((node.lineno, str(node.args[0].value)))
    return found


def faults(path: Path, source: str | None = None) -> list[str]:
    """What a file imports that its floor may not."""
    part = part_of(path)
    if part == "__init__":
        return []
    allowed = EVERYTHING if part in TOP else MAY_IMPORT[part]
    wrong = []
    for line, module in imports(path, source):
        if (str(path.relative_to(PACKAGE)), module) in DOORS:
            continue
        where = f"{path.relative_to(ROOT)}:{line} imports {module}"
        root = module.split(".")[0]
        if root in NEVER or root in MUST_NOT.get(part, set()):
            wrong.append(where)
        if root != "course_lib" or module == "course_lib":
            continue
        inner = module.removeprefix("course_lib.")
        if inner.split(".")[0] == part or inner.split(".")[0] in allowed:
            continue
        if any(inner == name or inner.startswith(name + ".") for name in allowed):
            continue
        wrong.append(where)
    return wrong


FILES = sorted(path for path in PACKAGE.rglob("*.py"))


def test_every_part_has_a_floor() -> None:
    parts = {part_of(path) for path in FILES} - {"__init__"}
    assert parts <= EVERYTHING


def test_imports_go_down() -> None:
    assert [fault for path in FILES for fault in faults(path)] == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("distributed/zero.py", "from course_lib.model import Transformer"),
        ("model/block.py", "from ..training.loop import train"),
        ("config.py", "import torch"),
        ("generation/sample.py", "import course_lib.training"),
        ("data/packing.py", "from course_lib.objectives.causal import causal_loss"),
        ("weights/rules.py", "import transformers"),
        ("model/block.py", "importlib.import_module('course_lib.weights')"),
        ("training/loop.py", "import deepspeed"),
    ],
)
def test_a_planted_import_is_found(file: str, source: str) -> None:
    assert faults(PACKAGE / file, source)


def test_files_stay_short() -> None:
    counts = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in PACKAGE.rglob("*")
        if path.suffix in (".py", ".js", ".css")
    }
    assert {name: count for name, count in counts.items() if count >= LINE_LIMIT} == {}


def test_importing_the_package_is_quick() -> None:
    """`import course_lib` loads no heavy library; those come with the names that need them."""
    code = (
        "import sys, course_lib; "
        "print([m for m in ('torch', 'numpy', 'matplotlib', 'anywidget') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_exercises_needs_no_torch() -> None:
    """The worker that judges NumPy answers starts in half a second only without torch."""
    code = "import sys, course_lib.exercises; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
