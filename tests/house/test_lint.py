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


def test_a_planted_type_fault_is_found(tmp_path: Path) -> None:
    (tmp_path / "fault.py").write_text('def f(x: int) -> int:\n    return "x"\n')
    assert run(["mypy", "fault.py"], tmp_path).returncode != 0
