"""Which Firefox is driven, and what stands between it and Playwright: one answer, and no other."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from book._tools import browser
from book._tools.bidi import LOOK, answer, may_be_ignored
from book._tools.paths import ROOT, CommandError


def asked(method: str = LOOK, **features: str | None) -> str:
    named = {name.replace("_", "-"): value for name, value in features.items()}
    return json.dumps({"id": 7, "method": method, "params": {"features": named}})


@pytest.mark.parametrize(
    ("message", "number"),
    [
        (asked(prefers_color_scheme="light"), 7),
        (asked(prefers_color_scheme=None), 7),
        (asked(), 7),
        (asked(prefers_color_scheme="dark"), None),
        (asked(prefers_color_scheme="light", forced_colors="active"), None),
        (asked("script.evaluate", expression=LOOK), None),
        ('{"id": 7, "method": "session.new"}', None),
    ],
)
def test_only_the_wish_for_what_is_there_may_be_ignored(message: str, number: int | None) -> None:
    assert may_be_ignored(message) == number


def test_only_the_answer_to_it_is_changed() -> None:
    refused = {"type": "error", "id": 7, "error": "unknown command", "message": LOOK}
    text = json.dumps(refused)
    assert json.loads(answer(text, {7})) == {"type": "success", "id": 7, "result": {}}
    assert answer(text, set()) == answer(text, {8}) == text
    for other in (
        json.dumps({"type": "error", "id": 7, "error": "invalid argument", "message": ""}),
        json.dumps({"type": "success", "id": 7, "result": {"value": '"unknown command"'}}),
        json.dumps({"type": "event", "method": "log.entryAdded", "params": "unknown command"}),
    ):
        assert answer(other, {7}) == other


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A machine with one Firefox: its file begins so, and it says this version."""

    def one(version: str, start: str = "\x7fELF") -> str | None:
        path = tmp_path / "firefox"
        path.write_text(start, encoding="utf-8")
        said = subprocess.CompletedProcess([], 0, f"Mozilla Firefox {version}\n", "")
        monkeypatch.delenv("FIREFOX", raising=False)
        monkeypatch.setattr(browser.shutil, "which", lambda name: str(path))
        monkeypatch.setattr(browser.subprocess, "run", lambda *a, **k: said)
        return browser.find_firefox()

    return one


def test_a_firefox_that_is_new_enough_is_found(only) -> None:
    assert Path(only("153.8.0esr")).name == "firefox"
    assert only("200.0") is not None
    assert only("128.14.0esr") is None
    assert only("200.0", "#!/bin/sh\nexec /snap/bin/firefox\n") is None
    with pytest.raises(CommandError, match="sudo apt-get install firefox-esr"):
        browser.firefox()


def test_a_firefox_named_wrongly_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREFOX", "/nowhere/firefox")
    with pytest.raises(CommandError, match="FIREFOX names '/nowhere/firefox'"):
        browser.find_firefox()


def test_a_browser_that_nobody_knows_is_said() -> None:
    with pytest.raises(CommandError, match="must be chromium or firefox, got 'netscape'"):
        with browser.launched(None, "netscape"):  # type: ignore[arg-type]
            pass


def test_a_browser_that_is_no_program_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = tmp_path / "text"
    text.write_text("words", encoding="utf-8")
    for path, said in ((tmp_path, "no such file"), (text, "no program that may be started")):
        monkeypatch.setenv("CHROMIUM", str(path))
        with pytest.raises(CommandError, match=said):
            browser.find()


def test_a_firefox_that_does_not_start_or_never_answers_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "firefox"
    path.write_text("\x7fELF", encoding="utf-8")
    monkeypatch.delenv("FIREFOX", raising=False)
    monkeypatch.setattr(browser.shutil, "which", lambda name: str(path))
    assert browser.find_firefox() is None  # it may not be started
    path.chmod(0o755)
    assert browser.find_firefox() is None  # and is no program

    def never(*args: object, **kwargs: object) -> None:
        raise subprocess.TimeoutExpired("firefox", 60)

    monkeypatch.setattr(browser.subprocess, "run", never)
    assert browser.find_firefox() is None


def between(*program: str) -> subprocess.Popen[str]:
    """What stands between, with this in place of Firefox."""
    line = [sys.executable, "-m", "book._tools.bidi", *program]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(line, cwd=ROOT, stderr=pipe, stdout=nothing, text=True)


@pytest.mark.parametrize(
    ("program", "said", "status"),
    [
        ((), "name the Firefox to start", 1),
        (("/nowhere/firefox",), "'/nowhere/firefox' cannot be started: No such file", 1),
        ((str(ROOT),), "cannot be started: Permission denied", 1),
        (("sh", "-c", "exit 3"), "", 3),
        (("sh", "-c", "sleep 20 & exit 4"), "", 4),
        (("sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x >&2; exit 5"), "x" * 300_000, 5),
        (("sh", "-c", "kill -9 $$"), "", 247),
    ],
    ids=["none", "wrong path", "a folder", "dies", "leaves a child", "a long line", "is killed"],
)
def test_a_firefox_that_dies_or_does_not_start_is_not_waited_for(
    program: tuple[str, ...], said: str, status: int
) -> None:
    with between(*program) as begun:
        try:
            _, errors = begun.communicate(timeout=15)
        finally:
            begun.kill()
    assert begun.returncode == status
    assert said in errors and "Traceback" not in errors


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_firefox_stays_where_what_stands_between_is_ended(how: signal.Signals) -> None:
    with between("sh", "-c", "echo $$ >&2; exec sleep 60") as begun:
        assert begun.stderr is not None
        number = int(begun.stderr.readline())
        begun.send_signal(how)
        begun.communicate(timeout=15)
    assert is_gone(number)


@pytest.mark.parametrize("killed", ["Playwright", "what stands between"])
def test_no_firefox_stays_where_one_is_killed_before_the_two_are_connected(killed: str) -> None:
    firefox = ["sh", "-c", "echo $$ $PPID >&2; exec sleep 60"]
    between = [sys.executable, "-m", "book._tools.bidi", *firefox]
    playwright = f"import subprocess; subprocess.run({between!r})"
    line, pipe = [sys.executable, "-c", playwright], subprocess.PIPE
    with subprocess.Popen(line, cwd=ROOT, stderr=pipe, text=True) as begun:
        assert begun.stderr is not None
        number, standing_between = map(int, begun.stderr.readline().split())
        os.kill(begun.pid if killed == "Playwright" else standing_between, signal.SIGKILL)
        begun.communicate(timeout=15)
    assert is_gone(number) and is_gone(standing_between)


def is_gone(number: int) -> bool:
    """Whether a process ends within five seconds; where it does not, it is ended."""
    try:
        process = psutil.Process(number)
        for _ in range(50):
            if process.status() == psutil.STATUS_ZOMBIE:  # whoever adopted it does not ask for it
                return True
            time.sleep(0.1)
        process.kill()
    except psutil.NoSuchProcess:
        return True
    return False
