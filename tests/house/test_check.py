"""`make test` in two runs of pytest, the first of them beside the site that the second needs."""

import re
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from book._tools import browser, build, check
from book._tools.paths import ROOT, CommandError

NOTHING = build.Run({}, {}, [])


class Running:
    """Stands for a run of pytest that goes on until it is waited for, or ended."""

    def __init__(self, code: int, log: list[str]) -> None:
        self.code, self.log, self.ended = code, log, False

    def wait(self, timeout: float | None = None) -> int:
        if not self.ended and timeout is not None:
            raise subprocess.TimeoutExpired("pytest", timeout)
        self.log.append("waited")
        self.ended = True
        return self.code

    def terminate(self) -> None:
        self.log.append("terminated")
        self.ended = True


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run `make test` with its parts replaced; gives the log and the exit status."""

    def run(codes: tuple[int, int] = (0, 0), site: Exception | None = None):
        log: list[str] = []
        left = list(codes)

        def start(environment: dict[str, str], workers: int, *arguments: str) -> Running:
            assert workers in (2, 3)
            log.append(" ".join(arguments))
            assert ("COURSE_TEST_START" in environment) is (len(left) == 1)
            return Running(left.pop(0), log)

        def make_site(run: build.Run, silent: bool = False) -> None:
            log.append("site")
            if site is not None:
                raise site

        monkeypatch.setattr(check, "pytest", start)
        monkeypatch.setattr(browser, "find", lambda: "chromium")
        monkeypatch.setattr(browser, "ensure", lambda stop: "chromium")
        monkeypatch.setattr(build, "run_notebooks", lambda beside: NOTHING)
        monkeypatch.setattr(build, "make_site", make_site)
        monkeypatch.setattr("book._tools.paths.BUILD", tmp_path / "_build")
        try:
            return log, check.main()
        except BaseException as error:
            return log, error

    return run


def test_the_site_is_built_beside_the_first_tests_and_before_those_of_pages(whole) -> None:
    log, code = whole()
    others, pages = "tests --ignore=tests/book", "tests/book --no-loadscope-reorder"
    assert code == 0
    assert list(dict.fromkeys(log)) == [others, "site", "waited", pages]


@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (1, 5), (5, 1), (2, 0)])
def test_a_failure_of_either_run_is_one_of_all(
    whole, codes: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert whole(codes)[1] == max(code for code in codes if code != check.NONE_CHOSEN)
    # The last line of the second run says nothing of the first.
    assert ("see above" in capsys.readouterr().out) is (codes[0] in (1, 2))


def test_a_choice_of_no_test_at_all_is_told_and_one_of_a_half_is_not(whole) -> None:
    assert [whole(codes)[1] for codes in ((5, 0), (0, 5), (5, 5))] == [0, 0, 5]


@pytest.mark.parametrize("error", [CommandError("no site"), KeyboardInterrupt()])
def test_without_a_site_the_tests_that_run_are_ended(whole, error: Exception) -> None:
    log, raised = whole(site=error)
    assert raised is error
    assert log[1:] == ["site", "terminated", "waited"]


def test_only_the_tests_of_pages_look_at_the_site() -> None:
    assert (ROOT / check.PAGES).is_dir()
    named = re.compile(r"^from book\._tools\.paths import .*\bHTML\b|\bpaths\.HTML\b", re.MULTILINE)
    found = {path for path in (ROOT / "tests").rglob("*.py") if named.search(path.read_text())}
    assert found and {ROOT / check.PAGES} == {path.parent for path in found}


def test_a_browser_is_fetched_while_the_notebooks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    began = threading.Event()

    def ensure(stop: threading.Event) -> str:
        assert began.wait(30.0)
        return "chromium"

    def run_notebooks(beside: Future[str]) -> build.Run:
        assert not beside.done()
        began.set()
        return NOTHING

    monkeypatch.setattr(browser, "find", lambda: None)
    monkeypatch.setattr(browser, "ensure", ensure)
    monkeypatch.setattr(build, "run_notebooks", run_notebooks)
    assert check.run_notebooks() == (NOTHING, "chromium")


@pytest.mark.processes
@pytest.mark.parametrize("error", [CommandError("a cell raised"), KeyboardInterrupt()])
def test_nothing_is_fetched_once_the_notebooks_have_failed(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    begun = threading.Event()
    programs: list[list[str]] = []
    start = subprocess.Popen

    def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        programs.append(command)
        begun.set()
        return start([sys.executable, "-c", "import time; time.sleep(250)"], **options)

    def run_notebooks(beside: Future[str]) -> build.Run:
        assert begun.wait(30.0)
        raise error

    monkeypatch.setattr(browser, "find", lambda: None)
    monkeypatch.setattr(browser.subprocess, "Popen", popen)
    monkeypatch.setattr(build, "run_notebooks", run_notebooks)
    with pytest.raises(type(error)):
        check.run_notebooks()
    assert len(programs) == 1


def test_a_wrong_browser_is_told_before_a_notebook_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere")
    monkeypatch.setattr(build, "run_notebooks", lambda beside: pytest.fail("notebooks ran"))
    with pytest.raises(CommandError, match="CHROMIUM names '/nowhere'"):
        check.run_notebooks()


@pytest.mark.processes
def test_tests_that_do_not_end_by_themselves_are_ended() -> None:
    tests = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(250)"])
    check.end(tests, grace_seconds=0.0)
    assert tests.returncode < 0
