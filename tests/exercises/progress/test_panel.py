"""The progress box of a page, and what a quiz with a kernel behind it keeps in the file."""

from pathlib import Path

import pytest

from course_lib import exercises
from course_lib.exercises.progress.store import VARIABLE, read


def test_the_panel_lists_the_exercises_of_its_chapter() -> None:
    payload = exercises.progress_panel("06").payload
    (chapter,) = payload["chapters"]
    names = [one["id"] for one in chapter["exercises"]]
    assert {"06.a", "06.c"} <= set(names) and all(name.startswith("06.") for name in names)


def test_an_unknown_chapter_is_named() -> None:
    with pytest.raises(ValueError, match=r"chapter: got '99', want one of 01, "):
        exercises.progress_panel("99")


def test_a_quiz_in_a_notebook_keeps_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.json"))
    exercise = exercises.load("06.a")
    exercise._repr_mimebundle_()
    quiz = exercise._quiz
    quiz.set_state({"hints_shown": 1})  # what the front end sends
    quiz.set_state({"status": "incorrect", "attempts": 1})
    record = read()["06.a"]
    assert (record["status"], record["attempts"], record["hints"]) == ("incorrect", 1, 1)
    quiz.set_state({"status": "correct", "attempts": 2})
    record = read()["06.a"]
    assert (record["status"], record["attempts"], record["first_ok"]) == ("correct", 2, False)
