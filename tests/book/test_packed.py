"""The judge as one file, and the Python it runs in: what is in it, and that it is unchanged."""

import gzip
import io
import zipfile

import pytest

from book._ext import packed
from book._ext.packed import ROOT, imported, needed
from book._tools import page_python
from book._tools.page_python import FOLDER, faults
from course_lib.exercises.catalog import all_specs, module_of


def test_the_judge_and_every_exercise_are_packed_and_nothing_that_needs_more_than_numpy():
    names = zipfile.ZipFile(io.BytesIO(packed.packed())).namelist()
    modules = {name.removesuffix(".py").replace("/", ".") for name in names}
    assert {module_of(spec) for spec in all_specs()} <= modules
    assert {packed.JUDGE, "course_lib.exercises.code.judge", "course_lib"} - modules == {
        "course_lib"
    }
    assert "course_lib/__init__.py" in names
    assert "course_lib/exercises/chapters/ch03_tokenizer/shown_tokenizer.json" in names
    for part in (
        "model",
        "widgets",
        "figures",
        "training",
        "tokenizers",
        "exercises.process.runner",
    ):
        assert not any(name.startswith(f"course_lib.{part}") for name in modules), part


def test_the_same_sources_give_the_same_bytes():
    assert packed.packed() == packed.packed()


def test_what_runs_at_once_is_followed_and_what_runs_later_is_not():
    source = (
        "from typing import TYPE_CHECKING\nimport course_lib.a\nfrom course_lib.b import c\n"
        "try:\n    import course_lib.d\nexcept ImportError:\n    import course_lib.e\n"
        "class X:\n    import course_lib.f\nif TYPE_CHECKING:\n    import course_lib.g\n"
        "def later():\n    import course_lib.h\n"
    )
    names = {name.removeprefix("course_lib.") for name in imported(source)}
    assert names == {"a", "b", "b.c", "d", "e", "f"}
    with pytest.raises(ValueError, match=r"roots: there is no module course_lib\.nothing"):
        needed(["course_lib.nothing"])
    assert ROOT / "course_lib" / "exercises" / "schema.json" in needed(["course_lib.exercises"])


def test_the_vendored_python_is_unchanged_and_as_light_as_its_button_says():
    assert faults() == []
    loaded = [path for path in FOLDER.iterdir() if path.suffix in (".mjs", ".wasm", ".whl", ".zip")]
    size = len(packed.packed()) + sum(len(gzip.compress(p.read_bytes(), 1)) for p in loaded)
    assert 8.5e6 < size < 10.5e6
    script = (ROOT / "course_lib" / "widgets" / "code_exercise.js").read_text(encoding="utf-8")
    assert "loads 9 MB" in script


def test_a_changed_a_missing_and_an_unknown_file_are_found(tmp_path):
    lock = '{"packages": {"numpy": {"file_name": "numpy.whl", "sha256": "0"}}}'
    for name, text in (("pyodide-lock.json", lock), ("numpy.whl", "wheel"), ("a.mjs", "code")):
        (tmp_path / name).write_text(text)
    page_python.write_sums(tmp_path)
    assert faults(tmp_path) == ["numpy.whl: it is not the wheel that Pyodide's lock names"]
    (tmp_path / "a.mjs").write_text("other")
    (tmp_path / "numpy.whl").unlink()
    (tmp_path / "new").touch()
    assert faults(tmp_path) == [
        "new: it has no line in SHA256SUMS",
        "a.mjs: its hash is not that of SHA256SUMS",
        "numpy.whl: it is missing",
    ]
