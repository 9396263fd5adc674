"""The package as a user gets it: its wheel, in an environment with the light dependencies alone."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from book._tools.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.processes]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

USE = """
import sys, time
start = time.process_time()
import course_lib
seconds = time.process_time() - start
assert "torch" not in sys.modules and "numpy" not in sys.modules
assert seconds < 0.1, f"import course_lib took {seconds:.3f} s of processor time"
assert sys.prefix in course_lib.__file__, course_lib.__file__

import dataclasses, torch
from course_lib import ByteLevelBPE, Transformer, generate, load_tokenizer, presets
from course_lib.data import pydoc_topics
from course_lib import exercises

tokenizer = ByteLevelBPE.train(pydoc_topics()[:20], vocab_size=300)
small = dict(vocab_size=300, d_model=32, n_heads=2, n_decoder_layers=1, max_seq_len=32)
config = dataclasses.replace(presets["gpt2"], **small)
model = Transformer(config, generator=torch.Generator().manual_seed(0)).eval()
prompt = torch.tensor([tokenizer.encode("The import")])
new = generate(model, prompt, max_new_tokens=3).tokens
assert new.shape[1] == 3 and isinstance(tokenizer.decode(new[0].tolist()), str)
model.save_pretrained("saved")
tokenizer.save("saved/tokenizer.json")
again = Transformer.from_pretrained("saved")
assert torch.equal(again(prompt), model(prompt))
assert load_tokenizer("saved").encode("The import") == prompt[0].tolist()
assert exercises.load("01.d").check("1152")
"""
COMMANDS = """
import contextlib, io, runpy, sys
for part in ("training", "weights", "capstone", "data", "tasks", "serve"):
    name = f"course_lib.{part}"
    sys.argv = [name, "--help"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            runpy.run_module(name, run_name="__main__")
        except SystemExit as end:
            assert not end.code, (name, end.code)
    assert f"usage: python -m {name}" in said.getvalue(), (name, said.getvalue())
"""
LACKING = """
import contextlib, importlib, io
from pathlib import Path

def starts_ranks():
    import course_lib.distributed as distributed
    distributed.launch(print, nprocs=2)

def reads_html():
    from course_lib.data.curation.sources import extract_text
    extract_text(b"<p>text</p>")

def reads_gguf():
    from course_lib.weights.gguf_file import GgufFile
    GgufFile(Path("model.gguf"))

def scores():
    from course_lib.tasks.metrics import macro_f1
    macro_f1(["a"], ["a"])

def serves():
    from course_lib.serve.cli import main
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            main(["a folder"])
    except SystemExit as end:
        raise ImportError(said.getvalue())

lacking = {
    "processes": starts_ranks,
    "text": reads_html,
    "hub": reads_gguf,
    "metrics": scores,
    "crawl": lambda: importlib.import_module("course_lib.data.curation.cluster"),
    "widgets": lambda: importlib.import_module("course_lib.figures"),
    "serve": serves,
}
for extra, function in lacking.items():
    try:
        function()
    except ImportError as error:
        assert f"pip install 'course-lib[{extra}]'" in str(error), (extra, error)
    else:
        raise AssertionError(f"the extra {extra} is here")
try:
    from course_lib.widgets import Bars
except ImportError as error:
    assert "course-lib[widgets]" in str(error)
else:
    raise AssertionError("a widget is here")
"""


def light() -> set[Path]:
    """Top-level files of the light dependencies and of what they need themselves, torch's too."""
    known: dict[str, importlib.metadata.Distribution] = {}
    todo = [Requirement(line).name for line in PROJECT["dependencies"]]
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in known:
            continue
        known[name] = importlib.metadata.distribution(name)
        wanted = map(Requirement, known[name].requires or [])
        todo += [w.name for w in wanted if w.marker is None or w.marker.evaluate({"extra": ""})]
    found = set()
    for distribution in known.values():
        tops = {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}
        found |= {Path(str(distribution.locate_file(top))) for top in tops}
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves a folder in which old files stay."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".course")
    shutil.copytree(ROOT / "course_lib", folder / "source" / "course_lib", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    build = "import setuptools.build_meta as backend; backend.build_wheel('..')"
    subprocess.run(
        [sys.executable, "-c", build], cwd=folder / "source", check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment to which only the light dependencies are lent; pip finds nothing else."""
    folder = tmp_path_factory.mktemp("light")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    (folder / "lent").mkdir()
    for path in light():
        (folder / "lent" / path.name).symlink_to(path)
    (packages,) = folder.glob("venv/lib/python*/site-packages")
    (packages / "lent.pth").write_text(str(folder / "lent"))
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "install", "-q", "--no-index", "--no-compile", str(wheel)],
        env=foreign(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return python


def foreign() -> dict[str, str]:
    """This process's environment without Python's own: with them pip finds the clone, and installs
    nothing."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(python: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code that sees the environment alone: not the clone, not the user's own packages."""
    return subprocess.run(
        [str(python), "-I", "-c", code],
        cwd=python.parents[2],
        env=foreign(),
        capture_output=True,
        text=True,
    )


def test_the_wheel_has_every_file_of_the_package_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    here = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "course_lib").rglob("*")
        if path.is_file() and not {"__pycache__", ".course"} & set(path.parts)
    }
    assert here - names == set()
    assert {name for name in names - here if ".dist-info/" not in name} == set()
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_it_installs_with_the_light_dependencies_and_works(python: Path) -> None:
    """In one process, since each would import torch: use it, its commands, what lacks an extra."""
    done = run(python, USE + COMMANDS + LACKING)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
