"""Which Firefox is driven, and what stands between it and Playwright: one answer, and no other."""

import json
import subprocess
from pathlib import Path

import pytest

from book._tools import browser
from book._tools.bidi import LOOK, answer, may_be_ignored
from book._tools.paths import CommandError


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
