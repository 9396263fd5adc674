"""The commands a user runs: what they say when something is wrong, and that they leave no ruins."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from book._tools import browser, build, notebooks, serve
from book._tools.paths import ROOT, CommandError

CHAPTER = """\
---
jupytext:
  formats: notebooks//ipynb,book//md:myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
# A page

```{code-cell} ipython3
%s
```
"""


@pytest.fixture
def chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a chapter with one cell in an empty book and run it."""
    for name in ("NOTEBOOKS", "EXECUTED"):
        monkeypatch.setattr(notebooks, name, tmp_path / name.lower())
        (tmp_path / name.lower()).mkdir()

    def run(cell: str) -> tuple:
        text = tmp_path / "99_page.md"
        text.write_text(CHAPTER % cell)
        return notebooks.execute(text, "package", [])

    return run


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_an_old_python_is_named(tmp_path: Path) -> None:
    old = tmp_path / "python3.8"
    old.write_text('#!/bin/sh\nif [ "$1" = -V ]; then echo Python 3.8.1; else exit 1; fi\n')
    old.chmod(0o755)
    done = make("setup", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr and "3.8.1" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_no_disk_space_is_said_before_work_starts(tmp_path: Path) -> None:
    done = make("setup", f"VENV={tmp_path / 'venv'}", COURSE_NEEDED_BYTES=str(10**18))
    assert done.returncode != 0
    assert "GB free" in done.stderr and "VENV=" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_missing_venv_package_is_named(tmp_path: Path) -> None:
    """Debian's python3 comes without ensurepip."""
    hidden = "import sys; sys.modules['ensurepip'] = None; sys.argv = ['setup.py', '--venv', "
    hidden += f"{str(tmp_path / 'venv')!r}]; import runpy; "
    hidden += f"runpy.run_path({str(ROOT / 'book/_tools/setup.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
    assert done.returncode == 1
    assert "apt-get install python3" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_cell_that_raises_is_shown_and_nothing_is_cached(chapter, tmp_path: Path) -> None:
    with pytest.raises(
        CommandError, match=r"99_page has a cell that raised(.|\n)*ZeroDivisionError"
    ):
        chapter("1 / 0")
    assert list((tmp_path / "executed").iterdir()) == []


def test_a_dying_kernel_is_said(chapter, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="kernel of 99_page died(.|\n)*memory"):
        chapter("import os; os._exit(1)")
    assert list((tmp_path / "executed").iterdir()) == []


def test_a_run_is_cached_on_its_cells(chapter) -> None:
    first = chapter("print('one')")
    again = chapter("print('one')")
    other = chapter("print('two')")
    assert [first[2], again[2], other[2]] == [True, False, True]
    assert first[1].peak_memory_bytes > 10_000_000
    assert again[0].cells[-1].outputs[0].text == "one\n"


def test_a_failure_ends_the_notebooks_that_still_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cells = {
        "98_quick": "print('done')",
        "99_fails": "import time; time.sleep(1); 1 / 0",
        "97_waits": f"import time; time.sleep(250); open({str(tmp_path / 'late')!r}, 'w')",
    }
    texts = []
    for name, cell in cells.items():
        texts.append(tmp_path / f"{name}.md")
        texts[-1].write_text(CHAPTER % cell)
    for name in ("NOTEBOOKS", "EXECUTED"):
        monkeypatch.setattr(notebooks, name, tmp_path / name.lower())
        (tmp_path / name.lower()).mkdir()
    monkeypatch.setattr(notebooks, "COSTS", tmp_path / "costs.json")
    monkeypatch.setattr(notebooks, "chapter_texts", lambda: texts)
    kernels = set(psutil.Process().children(recursive=True))
    with pytest.raises(CommandError, match="99_fails has a cell that raised"):
        notebooks.execute_all()
    assert not (tmp_path / "late").exists()
    assert not (tmp_path / "costs.json").exists()
    assert (tmp_path / "executed" / "98_quick.ipynb").exists()
    assert {p for p in psutil.Process().children(recursive=True) if p.is_running()} <= kernels


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>site")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"port {port} is taken.*PORT={port + 1}"):
            serve.server(port, tmp_path)


def test_serving_without_a_site_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="make book"):
        serve.server(0, tmp_path)


def test_a_failed_build_keeps_the_last_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = tmp_path / "html"
    html.mkdir()
    (html / "index.html").write_text("last good")
    new = tmp_path / "sphinx" / "_build" / "html"
    new.mkdir(parents=True)
    (new / "index.html").write_text("new")
    monkeypatch.setattr(build, "HTML", html)
    monkeypatch.setattr(build, "BUILD", tmp_path)
    monkeypatch.setattr(build, "SPHINX", tmp_path / "sphinx")
    monkeypatch.setattr(build.shutil, "copytree", _fail)
    with pytest.raises(OSError, match="No space left"):
        build.publish("stamp")
    assert (html / "index.html").read_text() == "last good"
    monkeypatch.undo()


def _fail(*arguments: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_browser_named_wrongly_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")
    with pytest.raises(CommandError, match="CHROMIUM names '/nowhere/chrome'"):
        browser.find()


def test_no_browser_ends_with_the_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "find", lambda: None)
    monkeypatch.setattr(browser.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        browser.subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 1, "", "")
    )
    with pytest.raises(CommandError, match="sudo apt-get install chromium"):
        browser.ensure()


README = (ROOT / "README.md").read_text()


def test_the_readme_fits_one_screen() -> None:
    assert len(README.splitlines()) <= 60


def test_the_readme_names_commands_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, flags=re.MULTILINE))
    assert named and named <= targets
    listed = make("help").stdout
    assert all(f"make {name}" in listed for name in named - {"help"})


def test_the_readme_example_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    # The new tokens; torch pads the shorter numbers.
    assert re.fullmatch(r"tensor\(\[\[ *\d+(, +\d+){4}\]\]\)\n", done.stdout), done.stdout


def test_the_landing_page_example_runs() -> None:
    page = (ROOT / "book" / "intro.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "The import statement" in done.stdout


def test_relative_links_of_the_documents_exist() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name}: {target}"
