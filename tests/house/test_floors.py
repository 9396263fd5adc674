"""Imports go down the floors and in no circle, files stay short, heavy imports wait."""

import ast
import graphlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "course_lib"
LOOK_LINES = 300  # is this still one idea?
MOST_LINES = 400  # lines of code, docstrings not counted

# Module or package of course_lib -> the others it may import. Itself is always allowed.
GROUND = {
    "checks",
    "command_line",
    "extras",
    "files",
    "locks",
    "processes",
    "renames",
    "shapes",
    "stored",
}
MAY_IMPORT = {
    "config": set(),
    "presets": {"config"},
    "checks": set(),
    "command_line": set(),
    "extras": set(),
    "files": {"renames"},
    "locks": {"files"},
    "processes": {"extras", "files"},
    "renames": set(),
    "shapes": set(),
    "source": set(),
    "stored": set(),
    "tensor_file": {"files", "stored"},
    "tokenizers": GROUND,
    "objectives": GROUND,
    "distributed": GROUND,
    "model": {"config", *GROUND},
    "weights": {"config", "model", "distributed.handoff", "tensor_file", *GROUND},
    "data": {"tokenizers", "objectives.example", *GROUND},
    "generation": {"config", "model", *GROUND},
    "training": {
        "config",
        "model",
        "objectives",
        "data",
        "distributed",
        "tensor_file",
        *GROUND,
    },
}
BELOW_TASKS = {*MAY_IMPORT}
MAY_IMPORT |= {name: BELOW_TASKS for name in ("prompting", "tasks", "adaptation", "ablate")}
MAY_IMPORT["serve"] = {*MAY_IMPORT}
MAY_IMPORT["capstone"] = {*MAY_IMPORT}
TOP = {"exercises", "widgets", "figures"}
EVERYTHING = set(MAY_IMPORT) | TOP  # a part may still be absent

# Third-party modules that a floor must never import, whatever is installed.
MUST_NOT = {
    "config": {"torch", "numpy"},
    "presets": {"torch", "numpy"},
    "command_line": {"torch", "numpy"},
    "extras": {"torch", "numpy"},
    "files": {"torch", "numpy"},
    "locks": {"torch", "numpy"},
    "processes": {"torch", "numpy"},
    "renames": {"torch", "numpy"},
    "shapes": {"torch", "numpy"},
    "source": {"torch", "numpy"},
    "stored": {"torch", "numpy"},
    "weights": {"transformers"},
    "tokenizers": {"tokenizers", "tiktoken", "transformers"},
}
NEVER = {"transformers", "tokenizers", "tiktoken", "deepspeed", "jaxtyping"}

# The door that is open on purpose, Transformer.from_pretrained and save_pretrained: it imports
# only when one of them is called.
DOORS = {
    ("shapes.py", "jaxtyping"),  # where it is installed, for the tests
    ("tokenizers/library.py", "tokenizers"),  # files that no class here reads, if installed
    ("model/transformer.py", "course_lib.weights"),
    ("model/transformer.py", "course_lib.weights"),
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


def module_of(path: Path) -> str:
    """A file's module name without `course_lib.`; a package's own file has the package's name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def import_graph(sources: dict[str, tuple[Path, str]]) -> dict[str, set[str]]:
    """Module -> modules, for every import written down: deferred and type-only ones count too."""
    graph: dict[str, set[str]] = {module: set() for module in sources}
    for module, (path, source) in sources.items():
        for node in ast.walk(ast.parse(source)):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                package = ("course_lib", *path.relative_to(PACKAGE).parts[:-1])
                base = package[: len(package) - node.level + 1] if node.level else ()
                start = ".".join((*base, *([node.module] if node.module else [])))
                inner = [f"{start}.{alias.name}" for alias in node.names]
                names = [n if n.removeprefix("course_lib.") in sources else start for n in inner]
            for name in names:
                inside = name.removeprefix("course_lib.")
                door = (str(path.relative_to(PACKAGE)), name) in DOORS
                if name.startswith("course_lib.") and inside in sources and not door:
                    graph[module].add(inside)
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules of which each imports the next and the last one the first; empty without one."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1][::-1]
    return []


SOURCES = {module_of(path): (path, path.read_text(encoding="utf-8")) for path in FILES}
# One import of each circle that is still to be cut. Whoever cuts one takes its line out.
TO_CUT: set[tuple[str, str]] = set()


def test_imports_make_no_circle() -> None:
    graph = import_graph(SOURCES)
    assert {(a, b) for a, b in TO_CUT if b not in graph.get(a, ())} == set(), "cut: take it out"
    for module, imported in TO_CUT:
        graph[module].discard(imported)
    assert circle(graph) == []


@pytest.mark.parametrize(
    "source",
    [
        "from course_lib.model.block import Block",
        "from .block import Block",
        "from . import block",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .block import Block",
        "def f():\n    import course_lib.model.block",
        "from course_lib.model import Block",
    ],
)
def test_a_planted_circle_is_found(source: str) -> None:
    layers, block = PACKAGE / "model" / "layers.py", PACKAGE / "model" / "block.py"
    planted = {
        "model": (PACKAGE / "model" / "__init__.py", "from .block import Block"),
        "model.layers": (layers, source),
        "model.block": (block, "from course_lib.model.layers import Norm"),
    }
    assert {"model.layers", "model.block"} <= set(circle(import_graph(planted)))
    planted["model.layers"] = (layers, "from course_lib.config import TransformerConfig")
    assert circle(import_graph(planted)) == []


def code_lines(path: Path, source: str) -> int:
    """Lines of a file, without its docstrings where it is Python."""
    count = len(source.splitlines())
    if path.suffix == ".py":
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
                text = node.body[0]
                count -= (text.end_lineno or text.lineno) - text.lineno + 1
    return count


@pytest.mark.filterwarnings("default:.*one idea:UserWarning")
def test_files_stay_short() -> None:
    found = (path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".js", ".css"))
    counts = {
        str(path.relative_to(ROOT)): code_lines(path, path.read_text(encoding="utf-8"))
        for path in found
        if "vendor" not in path.parts
    }
    assert {name: count for name, count in counts.items() if count > MOST_LINES} == {}
    look = [f"{name} ({count})" for name, count in sorted(counts.items()) if count > LOOK_LINES]
    if look:
        warnings.warn(f"{', '.join(look)}: still one idea?", stacklevel=1)


def test_docstrings_are_not_counted() -> None:
    source = '"""Two\nlines."""\n\n\ndef f():\n    """One."""\n    return 1\n'
    assert code_lines(Path("f.py"), source) == 4
    assert code_lines(Path("f.js"), source) == 7


def test_importing_the_package_is_quick() -> None:
    """`import course_lib` loads no heavy library; those come with the names that need them."""
    code = (
        "import sys, course_lib; "
        "print([m for m in ('torch', 'numpy', 'matplotlib', 'anywidget') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ranks_and_training_start_without_the_parts_of_torch_that_compile() -> None:
    """Those take torch a second; an optimizer brings them, and a refused command has none."""
    code = (
        "import sys, course_lib.training.cli, course_lib.distributed.zero, course_lib.distributed; "
        "course_lib.distributed.Ranks; "
        "slow = ('sympy', 'torch._dynamo', 'torch.distributed.fsdp'); "
        "print([name for name in slow if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_exercises_needs_no_torch() -> None:
    """The worker that judges NumPy answers starts in half a second only without torch."""
    code = "import sys, course_lib.exercises; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
