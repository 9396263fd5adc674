"""The rooms of the exercises: what each may import, its number of files, what runs in a page."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.exercises.author.text import clean
from course_lib.exercises.catalog import all_specs

HOME = Path(__file__).resolve().parents[2] / "course_lib" / "exercises"
NAME = "course_lib.exercises"
CHAPTERS = sorted(path for path in (HOME / "chapters").iterdir() if path.is_dir())
FILES_IN_A_FOLDER = 12

# Room -> the rooms it may import besides itself. The top is all that stands beside the folders.
ROOMS = {
    "code": {"author", "result"},
    "author": set(),
    "answers": {"author", "result"},
    "chapters": {"author", "code"},
    "process": {"author", "code", "catalog", "result"},
    "progress": {"catalog", "result"},
}
# What a page in the browser does not have: there, only NumPy stands beside the standard library.
NOT_IN_A_PAGE = {"torch", "filelock", "psutil", "cloudpickle"}


def imports(source: str) -> list[str]:
    """Every module that a source imports, anywhere in it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
            if node.module == NAME:
                found += [f"{NAME}.{alias.name}" for alias in node.names]
    return found


def faults(path: Path, source: str) -> list[str]:
    """What a file imports that its room may not."""
    inside = path.relative_to(HOME).parts
    room, wrong = inside[0], []
    for module in imports(source):
        ours = module.startswith(f"{NAME}.")
        target = module.removeprefix(f"{NAME}.").split(".")
        if ours and target[0] != room and target[0] not in ROOMS[room]:
            wrong.append(module)
        if ours and room == "chapters" and target[0] == room and len(target) > 1:
            own = inside[1] if len(inside) > 2 else ""
            if target[1] not in ("common", own):
                wrong.append(module)
        if room in ("code", "author", "answers", "chapters"):
            root = module.split(".")[0]
            if root != "course_lib" and root != "numpy" and root not in sys.stdlib_module_names:
                wrong.append(module)
    return wrong


FILES = [path for room in ROOMS for path in sorted((HOME / room).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    assert faults(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("chapters/ch05_positions/ideas.py", f"from {NAME}.chapters.ch07_feed_forward import code"),
        ("chapters/common.py", f"from {NAME}.chapters.ch07_feed_forward.code import softmax"),
        ("chapters/ch01_relevance/code.py", f"from {NAME}.process.runner import RUNNER"),
        ("chapters/ch01_relevance/code.py", "import torch"),
        ("code/judge.py", f"from {NAME}.process import runner"),
        ("code/judge.py", "def f():\n    import psutil"),
        ("code/judge.py", f"from {NAME} import catalog"),
        ("answers/quiz.py", f"from {NAME}.progress.store import read"),
    ],
)
def test_a_planted_import_is_found(file: str, source: str) -> None:
    assert faults(HOME / file, source)


def test_no_folder_is_a_corridor() -> None:
    folders = [HOME, *(path for path in HOME.rglob("*") if path.is_dir())]
    counts = {
        str(folder.relative_to(HOME)): sum(path.suffix == ".py" for path in folder.iterdir())
        for folder in folders
    }
    assert {name: count for name, count in counts.items() if count > FILES_IN_A_FOLDER} == {}


def test_every_exercise_stands_in_the_file_of_its_kind() -> None:
    from course_lib.exercises.catalog import all_specs, module_of

    kinds = {"number": "numbers", "predict": "predictions", "code": "code"}
    for spec in all_specs():
        file = module_of(spec).rsplit(".", 1)[-1]
        kind = "recall" if ".r" in spec.id else kinds.get(spec.kind, "ideas")
        assert file == kind or file.endswith(f"_{kind}"), spec.id
        assert module_of(spec).split(".")[-2].startswith(f"ch{spec.id[:2]}_")


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from course_lib import exercises
from course_lib.exercises.catalog import all_specs
from course_lib.exercises.code.judge import judge

for spec in all_specs():
    if spec.code is not None:
        assert judge(spec, spec.code.reference), spec.id
print(repr(exercises.load("06.c"))[:16], sorted({names} & set(sys.modules)))
"""


def test_exercises_need_only_numpy() -> None:
    """A page in the browser shows and judges code exercises with NumPy alone."""
    code = WITHOUT.format(names=f"set({sorted(NOT_IN_A_PAGE)})")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Exercise 06.c (v []\n", "")


def test_programs_fit_into_the_box_of_a_page() -> None:
    """At 1440 px a box shows 76 columns; a longer line would go on below, at the left edge."""
    long = [
        (spec.id, label, line)
        for spec in all_specs()
        for label, source in (spec.code.starters if spec.code else ())
        for line in clean(source).splitlines()
        if len(line) > 76
    ]
    assert not long
