"""The linters and the type checker, as tests, so that one run and one closing line say it all."""

import subprocess
import sys
from pathlib import Path

import pytest

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
