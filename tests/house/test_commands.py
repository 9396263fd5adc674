"""The commands a user runs: what they say when something is wrong, and that they leave no ruins."""

import errno
import functools
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import pytest

from book._ext.course_theme import reader_minutes
from book._tools import browser, build, notebook_text, notebooks, paths, serve, setup
from book._tools.paths import ROOT, CommandError
from course_lib import files

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


def other_folders(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks and their runs are kept here while a test runs."""
    for module in (notebooks, notebook_text):
        monkeypatch.setattr(module, "NOTEBOOKS", here / "notebooks")
    monkeypatch.setattr(notebooks, "EXECUTED", here / "executed")
    for name in ("notebooks", "executed"):
        (here / name).mkdir()


@pytest.fixture
def chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a chapter with one cell in an empty book and run it."""
    other_folders(tmp_path, monkeypatch)

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
    other_folders(tmp_path, monkeypatch)
    monkeypatch.setattr(notebooks, "COSTS", tmp_path / "costs.json")
    for module in (notebooks, notebook_text):
        monkeypatch.setattr(module, "chapter_texts", lambda: texts)
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


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_does_not_exist_is_said(tmp_path: Path, port: int) -> None:
    (tmp_path / "index.html").write_text("<p>site")
    with pytest.raises(CommandError, match=f"no port {port}"):
        serve.server(port, tmp_path)


def test_only_pages_are_served(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>site")
    (tmp_path / ".stamp").write_text("hidden")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "file.txt").write_text("here")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "index.html").write_text("<p>deep")
    wanted = {
        "/": 200,
        "/index.html?x=1#y": 200,
        "/deep/": 200,
        "/bare/file.txt": 200,
        "/bare/": 404,
        "/bare": 404,
        "/.stamp": 404,
        "/%2estamp": 404,
        "/nothing.html": 404,
        "/%00": 404,
        "/a%00b.html": 404,
        "/%ed%a0%80": 404,
        "/" + "a" * 5000: 404,
        "/../" * 20 + "etc/passwd": 404,
    }
    with serve.server(0, tmp_path) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        found = {}
        for path in wanted:
            link = http.client.HTTPConnection(*httpd.server_address, timeout=10)
            link.request("GET", path)
            found[path] = link.getresponse().status
            link.close()
        httpd.shutdown()
    assert found == wanted


def test_serving_without_a_site_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="make book"):
        serve.server(0, tmp_path)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}', "\x00\x00", None])
@pytest.mark.parametrize("which", ["99_page.json", "99_page.ipynb"])
def test_a_damaged_cache_is_run_again(
    chapter, tmp_path: Path, damage: str | None, which: str
) -> None:
    """Power fails, a disk fills up: whatever stands in the cache, the same command works."""
    assert chapter("print('one')")[2]
    file = tmp_path / "executed" / which
    if damage is None:
        file.write_bytes(file.read_bytes()[:-9] + b"x" * 9)
    else:
        file.write_text(damage)
    again = chapter("print('one')")
    assert again[2] and again[0].cells[-1].outputs[0].text == "one\n"
    assert not chapter("print('one')")[2]


def test_an_interrupt_ends_the_kernels_and_nothing_else(tmp_path: Path) -> None:
    """At any moment, also while a kernel has no process yet; one sentence, no traceback."""
    code = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests" / "house")!r}]
from pathlib import Path
from book._tools import notebook_text, notebooks, paths
from test_commands import CHAPTER
here = Path(sys.argv[1])
here.mkdir()
texts = [here / "98_a.md", here / "99_b.md"]
for text in texts:
    text.write_text(CHAPTER % "import time; time.sleep(60)")
notebooks.NOTEBOOKS = notebooks.EXECUTED = here
notebooks.COSTS = here / "costs.json"
notebooks.chapter_texts = lambda: texts
print("go", flush=True)
paths.command(lambda: notebooks.execute_all() and 0)
"""
    # The impatient press again while the first is dealt with: at once, or a little later.
    moments = [(0.1, None), (0.6, None), (1.2, None), (2.5, None), (2.4, 0.15)]
    moments += [(1.8, later) for later in (0.0, 0.001, 0.01, 0.05)]
    for number, (seconds, again) in enumerate(moments):
        command = [sys.executable, "-c", code, str(tmp_path / str(number))]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
        assert process.stdout is not None and process.stdout.readline() == "go\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        if again is not None:
            time.sleep(again)
            process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 130, (seconds, again, said)
        assert "interrupted" in said and "AssertionError" not in said


def test_an_interrupt_while_a_notebooks_thread_starts_ends_its_kernel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The thread runs already, and the pool has not written down yet that it does."""
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        if thread.name.startswith("ThreadPoolExecutor"):
            signal.raise_signal(signal.SIGINT)

    text = tmp_path / "99_page.md"
    text.write_text(CHAPTER % "import time; time.sleep(250)")
    other_folders(tmp_path, monkeypatch)
    for module in (notebooks, notebook_text):
        monkeypatch.setattr(module, "chapter_texts", lambda: [text])
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    kernels = set(psutil.Process().children(recursive=True))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        notebooks.execute_all()
    assert signal.getsignal(signal.SIGINT) is before
    time.sleep(1)  # what was left behind would have a kernel by now
    assert not [one for one in threading.enumerate() if one.name.startswith("ThreadPoolExecutor")]
    assert {p for p in psutil.Process().children(recursive=True) if p.is_running()} <= kernels


def test_what_fails_beside_the_notebooks_ends_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = tmp_path / "99_page.md"
    text.write_text(CHAPTER % "import time; time.sleep(250)")
    other_folders(tmp_path, monkeypatch)
    for module in (notebooks, notebook_text):
        monkeypatch.setattr(module, "chapter_texts", lambda: [text])
    kernels = set(psutil.Process().children(recursive=True))
    fetched: Future[str] = Future()
    threading.Timer(1.0, fetched.set_exception, [CommandError("no browser")]).start()
    with pytest.raises(CommandError, match="no browser"):
        notebooks.execute_all(beside=fetched)
    assert {p for p in psutil.Process().children(recursive=True) if p.is_running()} <= kernels


def test_two_builds_follow_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path / "_build")
    inside: list[str] = []

    def second() -> None:
        with paths.alone():
            inside.append("second")

    with paths.alone():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        inside.append("first")
    thread.join()
    assert inside == ["first", "second"]
    assert "waits until it is done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EDQUOT, "The disk is full"),
        (errno.EROFS, "You may not write here"),
        (errno.EACCES, "You may not write here"),
    ],
)
def test_what_a_disk_refuses_is_said(
    number: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> int:
        raise OSError(number, "refused", "costs.json")

    with pytest.raises(SystemExit) as ended:
        paths.command(main)
    said = capsys.readouterr().err
    assert ended.value.code == 1 and f"costs.json: {sentence}" in said and "Traceback" not in said


def test_a_fault_of_our_own_keeps_its_traceback() -> None:
    def main() -> int:
        raise OSError(errno.EBADF, "a bug")

    with pytest.raises(OSError, match="a bug"):
        paths.command(main)


def test_nothing_is_written_where_nothing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout that is built can be read-only."""
    text = tmp_path / "99_page.md"
    text.write_text(CHAPTER % "print('one')")
    other_folders(tmp_path, monkeypatch)
    monkeypatch.setattr(notebooks, "COSTS", tmp_path / "costs.json")
    for module in (notebooks, notebook_text):
        monkeypatch.setattr(module, "chapter_texts", lambda: [text])
    notebook_text.generate()
    notebooks.execute_all()

    def closed(*arguments: object, **options: object) -> None:
        raise AssertionError(f"written: {arguments}")

    monkeypatch.setattr(files, "replacing", closed)
    assert notebook_text.generate() == []
    assert notebooks.execute_all()[2] == []


def test_only_the_chapters_named_are_refreshed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [tmp_path / "98_one.md", tmp_path / "99_two.md"]
    for text in texts:
        text.write_text(CHAPTER % "print('here')")
    other_folders(tmp_path, monkeypatch)
    monkeypatch.setattr(notebooks, "COSTS", tmp_path / "costs.json")
    for module in (notebooks, notebook_text):
        monkeypatch.setattr(module, "chapter_texts", lambda: texts)
    assert [path.stem for path in notebooks.refresh(["99_two"])] == ["99_two"]
    assert [path.stem for path in (tmp_path / "executed").glob("*.ipynb")] == ["99_two"]
    with pytest.raises(CommandError, match="no chapter 97_none; there are: 98_one, 99_two"):
        notebooks.refresh(["97_none"])


def test_an_environment_without_pip_is_made_anew(tmp_path: Path) -> None:
    """What an interrupt between the two halves of `python -m venv` leaves."""
    half = tmp_path / "bin" / "python"
    half.parent.mkdir()
    assert not setup.has_pip([str(half), "-m", "pip"])  # not even a Python
    half.write_text("#!/bin/sh\necho 'No module named pip' >&2; exit 1\n")
    half.chmod(0o755)
    assert not setup.has_pip([str(half), "-m", "pip"])
    assert setup.has_pip([sys.executable, "-m", "pip"])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"digests": 3}', '{"digests": [3]}', "\x00"]
)
def test_a_damaged_marker_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "marker").write_text(text)
    assert setup.read_marker(tmp_path / "marker") == []
    setup.write_marker(tmp_path / "marker", ["a-b"])
    assert setup.read_marker(tmp_path / "marker") == ["a-b"]


def test_an_environment_of_another_lock_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back and forth between two commits, each brings its own versions."""
    ran = []
    lock = tmp_path / "requirements.lock"
    monkeypatch.setattr(setup, "LOCK", lock)
    monkeypatch.setattr(setup, "check_machine", lambda venv: None)
    monkeypatch.setattr(setup, "torch_source", lambda pip, pin: [])
    monkeypatch.setattr(setup, "has_pip", lambda pip: True)
    monkeypatch.setattr(setup, "run", lambda command, log, what: ran.append(what))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    log = ROOT / "_build" / "setup.log"
    before = log.read_bytes() if log.exists() else None
    steps = ["torch", "the rest", "a first import"]
    for pins, extras, wanted in [
        ("torch==1.0\n", ["book"], steps),
        ("torch==1.0\n", ["book", "test"], steps),
        ("torch==1.0\n", ["book"], []),
        ("torch==2.0\n", ["book"], steps),
        ("torch==1.0\n", ["book"], steps),
    ]:
        lock.write_text(pins)
        ran.clear()
        setup.install(tmp_path, extras)
        assert ran == wanted, (pins, extras)
    if before is not None:
        log.write_bytes(before)


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
    monkeypatch.setattr(build.sphinx_run, "SPHINX", tmp_path / "sphinx")
    monkeypatch.setattr(build.shutil, "copytree", _fail)
    with pytest.raises(OSError, match="No space left"):
        build.publish("stamp")
    assert (html / "index.html").read_text() == "last good"
    monkeypatch.undo()


def _fail(*arguments: object, **options: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_browser_named_wrongly_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")
    with pytest.raises(CommandError, match="CHROMIUM names '/nowhere/chrome'"):
        browser.find()


def test_no_browser_ends_with_the_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "find", lambda: None)
    monkeypatch.setattr(browser.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(browser.subprocess, "Popen", functools.partial(_failing, subprocess.Popen))
    with pytest.raises(CommandError, match="sudo apt-get install chromium"):
        browser.ensure()


def _failing(start: Any, command: list[str], **options: Any) -> Any:
    return start([sys.executable, "-c", "raise SystemExit(1)"], **options)


README = (ROOT / "README.md").read_text()


def test_the_readme_fits_one_screen() -> None:
    assert len(README.splitlines()) <= 60


def test_the_readme_counts_the_hours_of_all_chapters() -> None:
    minutes = sum(reader_minutes(text.read_text("utf-8")) for text in paths.chapter_texts())
    (said,) = re.findall(r"about\s+(\d+) hours", README)
    assert int(said) == round(minutes / 60)


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


def test_the_files_that_the_documents_name_exist() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        named = re.findall(
            r"`((?:course_lib|tests|book|benchmarks)/[\w./]+)`", (ROOT / name).read_text()
        )
        assert named
        assert [path for path in named if "NN" not in path and not (ROOT / path).exists()] == []


def test_make_unit_runs_every_folder_or_a_folder_with_processes() -> None:
    """What is left out starts processes, a browser, notebooks, or tools."""
    listed = make("--dry-run", "unit", "--old-file=setup").stdout.split("--unit")[-1]
    named = re.findall(r"tests/[\w/.]+", listed)
    assert named and all((ROOT / path).exists() for path in named)
    left_out = {"book", "distributed", "house", "widgets"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if list(path.glob("**/test_*.py"))}
    assert {path.split("/")[1] for path in named if "test_" not in path} == folders - left_out


@pytest.mark.parametrize("start", ["subprocess.run(['true'])", "os.system('true')", "os.fork()"])
def test_a_process_in_a_unit_test_fails_it(tmp_path: Path, start: str) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(f"import os, subprocess\ndef test_it():\n    {start}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    assert subprocess.run([*command, "--unit"], capture_output=True, cwd=tmp_path).returncode == 1


def test_every_part_of_the_package_has_tests() -> None:
    """Tests mirror the package by folder, or by file where a part is one."""
    parts = [path.stem for path in (ROOT / "course_lib").glob("*") if path.name[0] not in "_."]
    tests = ROOT / "tests"
    there = [
        name for name in parts if (tests / name).is_dir() or (tests / f"test_{name}.py").exists()
    ]
    assert sorted(set(parts) - set(there) - {"py"}) == []


def test_relative_links_of_the_documents_exist() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name}: {target}"
