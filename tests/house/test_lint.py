"""The linters and the type checker, as tests, so that one run and one closing line say it all."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

COMMANDS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "oxfmt": ["oxfmt", "--check", "course_lib/**/*.{js,css}", "book/assets/**/*.{js,css}"],
    "codespell": ["codespell", "course_lib", "book", "tests", "benchmarks", "README.md"],
}


def run(command: list[str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=cwd, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_clean(name: str) -> None:
    done = run(COMMANDS[name])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_what_mypy_skips_the_package_imports_nowhere() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    skipped = {
        name.removesuffix(".*")
        for part in settings["tool"]["mypy"]["overrides"]
        if part.get("follow_imports") == "skip"
        for name in part["module"]
    }
    assert skipped
    for path in sorted((ROOT / "course_lib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not skipped & {name.partition(".")[0] for name in names}, path


# A line that a formatter leaves long is a text that nobody broke.
LONGEST_LINE = 100
MOST_LINES = 400
SCRIPTS = sorted(
    path
    for folder in (ROOT / "course_lib", ROOT / "book" / "assets")
    for path in folder.rglob("*")
    if path.suffix in {".js", ".css"} and "vendor" not in path.parts
)


def too_much(text: str) -> list[str]:
    """Why a script or style sheet is too wide or too long, or nothing."""
    lines = text.splitlines()
    wide = [
        f"line {n} has {len(x)} columns" for n, x in enumerate(lines, 1) if len(x) > LONGEST_LINE
    ]
    return [*wide, *([f"{len(lines)} lines"] if len(lines) > MOST_LINES else [])]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_scripts_are_no_wider_and_no_longer_than_a_reader_takes(path: Path) -> None:
    assert too_much(path.read_text(encoding="utf-8")) == []


def test_a_long_script_is_found() -> None:
    assert too_much("x" * 101 + "\n" * 400 + "y") == ["line 1 has 101 columns", "401 lines"]
    assert len(SCRIPTS) > 40


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("ruff check", '"""Doc."""\n\nimport os\n'),
        ("ruff format", '"""Doc."""\nx = {  "a":1 }\n'),
        ("codespell", "A sentence that is spelled well.\n".replace("ten", "tan")),
    ],
)
def test_a_planted_fault_is_found(name: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "fault.py").write_text(fault)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    command = [*COMMANDS[name][:1], *(["format", "--check"] if "format" in name else [])]
    command += ["check"] if name == "ruff check" else []
    assert run([*command, "fault.py"], tmp_path).returncode != 0


def test_a_planted_fault_of_layout_is_found_in_a_script(tmp_path: Path) -> None:
    folder = tmp_path / "course_lib"
    folder.mkdir()
    (tmp_path / ".oxfmtrc.json").write_text((ROOT / ".oxfmtrc.json").read_text())
    (folder / "good.js").write_text("const a = 1;\n")
    command = [*COMMANDS["oxfmt"][:2], "course_lib/**/*.{js,css}"]
    assert run(command, tmp_path).returncode == 0
    (folder / "bad.js").write_text("const a=1\n")
    assert run(command, tmp_path).returncode != 0
    (folder / "bad.js").unlink()
    (folder / "bad.css").write_text("a{color:red}\n")
    assert run(command, tmp_path).returncode != 0


def test_a_planted_type_fault_is_found(tmp_path: Path) -> None:
    (tmp_path / "fault.py").write_text('def f(x: int) -> int:\n    return "x"\n')
    assert run(["mypy", "fault.py"], tmp_path).returncode != 0


# What pydoclint is asked for: an argument that the docstring names and the signature lacks, another
# order, and a raise that the docstring says nothing of. Its other checks want sections that a first
# line says better: an argument whose name and type are plain needs no entry.
HELD = re.compile(r"DOC(102|104|501)|Arguments in the docstring but not in the function signature")


def docstring_faults(package: Path, folder: Path) -> list[str]:
    """Where a docstring disagrees with its function.

    pydoclint reads an annotation as Python and ends at a shape such as "B T", so it gets a copy in
    which every shape is one word.
    """
    copy = folder / package.name
    for path in package.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        target = copy / path.relative_to(package)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(re.sub(r'(\[(?:torch\.)?Tensor,\s*)"[^"]*"', r'\1"Shape"', source))
    config = f"--config={ROOT / 'pyproject.toml'}"
    done = run(["pydoclint", "--quiet", config, str(copy)], folder)
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said[-2000:]
    return [line.strip() for line in said.splitlines() if HELD.search(line)]


def test_docstrings_agree_with_their_functions(tmp_path: Path) -> None:
    assert docstring_faults(ROOT / "course_lib", tmp_path) == []


@pytest.mark.parametrize(
    ("signature", "section"),
    [
        ("x: int", "Args:\n        x: One.\n        y: Not there."),
        ("x: int, y: int", "Args:\n        y: Second.\n        x: First."),
        ('x: Float[Tensor, "B T"]', "Args:\n        y: Not there."),
        ("x: int", "Returns:\n        None, and it raises."),
    ],
)
def test_a_planted_docstring_fault_is_found(signature: str, section: str, tmp_path: Path) -> None:
    body = "raise ValueError" if "raises" in section else "pass"
    source = f'def f({signature}) -> None:\n    """Do.\n\n    {section}\n    """\n    {body}\n'
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text(source)
    assert docstring_faults(tmp_path / "package", tmp_path / "copy")


def test_types_are_for_users_too() -> None:
    """Without this file a type checker takes nothing from an installed package."""
    assert (ROOT / "course_lib" / "py.typed").exists()
    assert "py.typed" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_a_commit_is_mended_file_by_file() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    found = {hook["id"]: hook for repo in hooks["repos"] for hook in repo["hooks"]}
    for name in ("ruff", "ruff-format", "oxfmt"):
        assert found[name].get("pass_filenames", True)
        assert "--check" not in found[name]["entry"]
    assert "--fix" in found["ruff"]["entry"]
    for hook in found.values():
        assert (ROOT / hook["entry"].split()[0]).exists(), hook["entry"]


def bare_opens(source: str) -> list[int]:
    """Lines that read or write text in whatever encoding the machine has."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(k.arg == "encoding" for k in node.keywords):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        given = [*node.args, *(k.value for k in node.keywords if k.arg == "mode")]
        modes = [a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        binary = any(set(mode) <= set("rwaxbt+") and "b" in mode for mode in modes)
        owner = ast.unparse(called.value) if isinstance(called, ast.Attribute) else ""
        if (
            (name == "read_text" and not node.args)
            or (name == "write_text" and len(node.args) < 2)
            or (name == "open" and not binary and owner not in ("os", "tokenize"))
        ):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("folder", ["course_lib", "book", "benchmarks"])
def test_text_is_read_and_written_in_one_encoding(folder: str) -> None:
    """A machine whose locale is not UTF-8 must build and run what every other does."""
    bare = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (lines := bare_opens(path.read_text(encoding="utf-8")))
    }
    assert bare == {}


def test_text_without_an_encoding_is_found() -> None:
    bare = ["open(a)", "p.open('w')", "p.read_text()", "p.write_text(t)", "io.open(a, mode='r')"]
    assert [line for line in bare if bare_opens(line) != [1]] == []
    good = ["open(a, 'rb')", "p.open(mode='wb')", "os.open(a, 0)", "p.read_text('utf-8')"]
    good += ["p.write_text(t, encoding='utf-8')", "open(a, encoding='utf-8')"]
    assert [line for line in good if bare_opens(line)] == []
