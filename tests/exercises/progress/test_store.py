"""Progress: kept in a file, merged, carried as text, and never lost by a damaged file."""

import json
import os
import threading

import pytest

from course_lib import exercises
from course_lib.exercises.progress import records, store
from course_lib.exercises.result import Result


def record(**changes):
    return {**records.new_record(1, 100), **changes}


RIGHT = Result("correct", "yes")
WRONG = Result("incorrect", "no")


def kept():
    return json.loads(store.progress_path().read_text())["records"]


def test_counts_answers():
    for result in (Result("invalid", ""), WRONG, Result("not_attempted", ""), RIGHT, WRONG):
        store.record_result("06.c", 1, result)
    found = kept()["06.c"]
    assert (found["status"], found["attempts"], found["first_ok"]) == ("correct", 3, False)


def test_checker_fault_and_blank_leave_no_record():
    store.record_result("06.c", 1, Result("checker_fault", ""))
    store.record_result("06.c", 1, Result("not_attempted", ""))
    assert not store.progress_path().exists()


def test_new_version_keeps_the_old_record_until_answered():
    store.record_result("01.a", 1, RIGHT)
    assert store.status_of("01.a", 2) == ("not_attempted", True)
    store.record_result("01.a", 2, WRONG)
    assert kept()["01.a"]["v"] == 2
    assert store.status_of("01.a", 2) == ("incorrect", False)


def test_learner_walks_through_one_exercise():
    exercise = exercises.load("01.d", v=1)
    assert "Try it first" in exercise.solution()
    assert exercise.check("144").status == "incorrect"
    assert exercise.hint().startswith("Hint 1 of 2")
    assert exercise.hint(1).startswith("Hint 1 of 2")
    assert exercise.hint().startswith("Hint 2 of 2")
    assert exercise.hint().startswith("There are no more hints")
    with pytest.raises(ValueError, match="want 1 to 2"):
        exercise.hint(3)
    assert exercise.check("1,152")
    assert "1,152" in exercise.solution()
    found = kept()["01.d"]
    assert (found["attempts"], found["hints"], found["revealed"]) == (2, 2, False)
    assert "1 of" in repr(exercises.progress())
    exercises.clear()
    assert kept() == {}


def test_revealing_is_noted():
    exercises.load("01.a").solution(reveal=True)
    assert kept()["01.a"]["revealed"] is True
    assert "solution seen" in repr(exercises.progress())


def test_export_and_import():
    store.record_result("01.a", 1, RIGHT)
    text = exercises.export()
    exercises.clear()
    assert exercises.import_("\n " + text[:20] + "\n" + text[20:]) == 1
    assert kept()["01.a"]["status"] == "correct"
    assert exercises.export() == text


def test_text_by_hand():
    text = records.to_text({"06.c": record(status="correct", attempts=2, first_ok=False)})
    assert text == "tc1:eyIwNi5jIjpbMSwyLDIsMCwwLDAsMTAwXX0"  # {"06.c":[1,2,2,0,0,0,100]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "tc1:",
        "tc1:!!!",
        "tc1:eyIwNi5jIjpbMSwyLDIsMCwwLDAsMT",
        "tc2:eyIwNi5jIjpbMSwyLDIsMCwwLDAsMTAwXX0",
        "tc1:" + "A" * 70_000,
        "tc1:W10",  # []
        "tc1:eyJ4IjpbMSwyLDIsMCwwLDAsMTAwXX0",  # id x
        "tc1:eyIwNi5jIjpbMSw5LDIsMCwwLDAsMTAwXX0",  # status 9
        "tc1:eyIwNi5jIjpbMSwyLC0xLDAsMCwwLDEwMF19",  # attempts -1
        "tc1:eyIwNi5jIjpbMSwyLDIsMCwwLDBdfQ",  # six values
        "tc1:eyIwNi5jIjpbMSwyLDIsMCwwLDAsMTAwLjVdfQ",  # updated 100.5
    ],
)
def test_damaged_text_changes_nothing(text):
    store.record_result("01.a", 1, RIGHT)
    before = store.progress_path().read_text()
    with pytest.raises(ValueError, match="text:|records:"):
        exercises.import_(text)
    assert store.progress_path().read_text() == before


def test_merge_laws():
    solved = record(status="correct", attempts=1, first_ok=True, updated=50)
    tried = record(status="incorrect", attempts=4, first_ok=False, hints=2, updated=90)
    for merged in (records.merge_record(solved, tried), records.merge_record(tried, solved)):
        assert merged["status"] == "correct"
        assert (merged["attempts"], merged["hints"], merged["updated"]) == (4, 2, 90)
        assert merged["first_ok"] is False
    newer = record(v=2, status="incorrect", updated=1)
    assert records.merge_record(solved, newer) == newer
    assert records.merge_record(newer, solved) == newer
    assert records.merge_record(solved, solved) == solved
    assert records.merge({"01.a": solved}, {"01.b": tried}) == {"01.a": solved, "01.b": tried}


@pytest.mark.parametrize("text", ["", "{", '{"schema": 2}', '{"schema": 1, "records": {"a": 1}}'])
def test_unreadable_file_is_set_aside_once(text):
    path = store.progress_path()
    path.write_text(text)
    with pytest.warns(UserWarning, match="could not be read"):
        assert store.read() == {}
    assert path.with_name("progress.json.bad").read_text() == text
    assert store.read() == {}
    store.record_result("01.a", 1, RIGHT)
    assert kept()["01.a"]["attempts"] == 1


def test_nowhere_to_write_is_said_and_harms_nothing(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(blocked / "progress.json"))
    with pytest.warns(UserWarning, match="not kept"):
        store.record_result("01.a", 1, RIGHT)


def test_many_writers_lose_nothing():
    def work(name):
        for _ in range(10):
            store.record_result(name, 1, WRONG)

    names = ["01.a", "01.b", "01.a", "01.d"]
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: entry["attempts"] for name, entry in kept().items()} == {
        "01.a": 20,
        "01.b": 10,
        "01.d": 10,
    }
    assert not [name for name in os.listdir(store.progress_path().parent) if name.endswith(".tmp")]
