"""The curve of a run: what it draws, where it is drawn, and from which file."""

import io
import json
import math
import os
import re
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import IPython.display
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import command_cases as cases

from course_lib.training import History, LiveCurve, curve, follow
from course_lib.training.job import run


def history(losses: list[float], evaluations: list[tuple[int, float]] | None = None) -> History:
    n = len(losses)
    return History(losses, [0.1] * n, [1.0] * n, [50] * n, [0.5] * n, evaluations or [])


def points(drawn: str, sign: str) -> list[tuple[int, int]]:
    """Rows and columns of a sign in the drawing."""
    rows = [line.split("|", 1)[1] for line in drawn.split("\n") if "|" in line]
    return [(r, c) for r, row in enumerate(rows) for c, one in enumerate(row) if one == sign]


def test_losses_fall_from_the_upper_left_to_the_lower_right() -> None:
    drawn = curve.draw(history([4.0, 3.0, 2.0, 1.0], [(0, 4.0), (4, 2.0)]), width=5, height=4)
    assert points(drawn, "*") == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert points(drawn, "o") == [(0, 0), (2, 4)]
    assert [line.split("|")[0].strip() for line in drawn.split("\n")[:4]] == [
        "4.000",
        "",
        "",
        "1.000",
    ]
    assert drawn.isascii() and "step  0   4" in drawn and "held-out" in drawn


def test_a_column_has_the_mean_of_its_updates_and_room_is_left_for_those_to_come() -> None:
    losses = [1.0, 5.0] * 50
    drawn = curve.draw(history(losses), width=10, height=9, steps=200)
    assert {column for _, column in points(drawn, "*")} == {0, 1, 2, 3, 4}
    assert "held-out" not in drawn and drawn.split("\n")[-2].endswith("200")
    rows = {row for row, column in points(curve.draw(history([*losses, 1.0]), width=10), "*")}
    assert len(rows) < 10  # single updates jump between the first row and the last; means do not
    flat = curve.draw(history([2.0] * 7), width=7, height=3)
    assert {row for row, _ in points(flat, "*")} == {2}


def test_a_run_without_an_update_has_no_curve() -> None:
    assert curve.draw(History()) == curve.headline(History()) == "no update yet"
    assert points(curve.draw(history([], [(0, 3.0)])), "o") == [(9, 0)]
    for name in ("width", "height"):
        with pytest.raises(ValueError, match=f"{name} must be at least 2, got 1"):
            curve.draw(history([1.0]), **{name: 1})


def test_losses_that_cannot_be_drawn_are_told_from_none() -> None:
    assert curve.draw(history([math.nan] * 3)) == "no finite loss yet"


def test_a_large_loss_does_not_move_the_curve() -> None:
    drawn = curve.draw(history([1e12, 1.0]), width=8).split("\n")
    assert drawn[0].startswith(" 1.00e+12 |")
    assert {line.index("|") for line in drawn if "|" in line} == {10}


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("steps", [0, -1, "5", None, 2.5, True, math.nan])
def test_a_curve_of_no_number_of_steps_is_refused(steps: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="steps must be"):
        LiveCurve(steps)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("every", [-1, "1", None, math.nan, math.inf])
def test_a_curve_between_no_seconds_is_refused(every: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="every_seconds must be"):
        LiveCurve(5, every_seconds=every)


@pytest.mark.usefixtures("as_installed")
def test_a_curve_on_no_stream_is_refused() -> None:
    stream: Any
    for stream in ("x", 3, Path("x")):
        with pytest.raises(TypeError, match="stream must be an object with write"):
            LiveCurve(5, stream=stream)


def test_the_headline_has_the_newest_numbers() -> None:
    made = history([3.0, 2.0], [(0, 4.0), (2, 2.5)])
    assert curve.headline(made, 9) == "step 2 of 9, loss 2.000, held out 2.500, 100 tokens/s"
    assert curve.headline(made).startswith("step 2, loss")


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    def isatty(self) -> bool:
        return True


def screen(written: str) -> list[str]:
    """What a terminal shows after some writing: lines, with those taken back that were."""
    shown = [""]
    for part in re.split(r"(\x1b\[\d+F\x1b\[J|\n)", written):
        if part == "\n":
            shown.append("")
        elif part.startswith("\x1b"):
            n = int(part[2:].split("F")[0])
            assert n < len(shown), "goes back beyond what it wrote"
            del shown[-n - 1 :]
            shown.append("")
        else:
            shown[-1] += part
    return shown


def test_a_terminal_shows_one_curve_that_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setenv("LINES", "30")
    stream = Terminal()
    stream.write("before\n")
    say, made = LiveCurve(5, every_seconds=0.0, stream=stream), history([])
    for step in range(5):
        made = history([5.0 - one for one in range(step + 1)])
        say(made)
    shown = screen(stream.getvalue())
    expected = f"{curve.headline(made, 5)}\n{curve.draw(made, width=58, steps=5)}"
    assert shown == ["before", *expected.split("\n"), ""]
    assert max(map(len, shown)) <= 70


def test_it_is_drawn_now_and_then_and_at_the_end() -> None:
    stream = Terminal()
    say = LiveCurve(40, every_seconds=3600.0, stream=stream)
    for step in range(1, 41):
        say(history([1.0] * step))
    assert stream.getvalue().count("tokens/s") == 2  # the first update and the last


def test_a_narrow_terminal_breaks_lines_and_is_still_cleared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    place = curve.Screen(Terminal())
    place.show("x" * 61 + "\ny")
    place.show("z")
    assert "\x1b[4F" in place._stream.getvalue()


def test_a_file_gets_lines_and_no_curve() -> None:
    stream = io.StringIO()
    place = curve.Screen(stream)
    assert not place.live
    told = LiveCurve(2, stream=stream)
    told(history([2.0]))
    assert stream.getvalue() == ""  # lines go to the standard output, as without a curve


def test_lines_of_a_curve_that_cannot_be_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    told = LiveCurve(2, stream=io.StringIO())
    for losses in ([2.0], [2.0, 1.0]):
        told(history(losses))
    assert capsys.readouterr().out == "step 1 of 2, loss 2.000\nstep 2 of 2, loss 1.000\n"


def test_a_notebook_shows_one_output_and_exchanges_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[Any] = []

    class Handle:
        def update(self, content: Any, raw: bool) -> None:
            shown.append(("update", content["text/plain"]))

    def display(content: Any, raw: bool, display_id: bool) -> Handle:
        shown.append(("display", content["text/plain"]))
        return Handle()

    assert not curve.in_notebook()
    kernel = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setattr(IPython.display, "display", display)
    assert curve.in_notebook()
    say = LiveCurve(2, every_seconds=0.0)
    say(history([2.0]))
    say(history([2.0, 1.0]))
    assert [how for how, _ in shown] == ["display", "update"]
    assert shown[1][1].startswith("step 2 of 2, loss 1.000") and "+---" in shown[1][1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that is over."""
    run(cases.job("plain", tmp_path / "run", evaluate_every=3))
    return tmp_path / "run"


def test_what_a_run_wrote_is_its_history(folder: Path) -> None:
    stored = json.loads((folder / "history.json").read_text())
    read = follow.read_metrics(folder / "metrics.jsonl").to_dict()
    same = ("losses", "evaluations", "tokens", "learning_rates", "gradient_norms")
    assert {name: read[name] for name in same} == {name: stored[name] for name in same}
    assert len(read["losses"]) == 6 and len(read["evaluations"]) == 3


def test_a_line_that_is_being_written_is_left_for_later(folder: Path) -> None:
    path = folder / "metrics.jsonl"
    text = path.read_text()
    last = text.rstrip("\n").rindex("\n") + 1
    path.write_text(text[: last + 5])
    assert len(follow.read_metrics(path).evaluations) == 2
    path.write_text('{"step": 1}\n')
    with pytest.raises(ValueError, match=r"metrics.jsonl, line 1: no metrics of a run"):
        follow.read_metrics(path)


def test_the_command_draws_a_run_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in (folder, folder / "metrics.jsonl"):
        assert follow.main([str(place), "--once"]) == 0
        said = capsys.readouterr().out
        assert said.startswith("step 6, loss") and points(said, "*") and points(said, "o")


def test_the_command_follows_a_run_until_it_is_over(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    new = tmp_path / "new"
    new.mkdir()
    (new / "history.json").write_text("{}")  # of the same run before it went on
    os.utime(new / "history.json", (1, 1))
    (new / "metrics.jsonl").write_text("")

    def write() -> None:
        for line in lines:
            with (new / "metrics.jsonl").open("a") as file:
                file.write(line)
            time.sleep(0.1)
        (new / "history.json").write_text("{}")

    writer = threading.Thread(target=write)
    writer.start()
    assert follow.main([str(new), "--every", "0.01", "--steps", "6"]) == 0
    writer.join()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "no update yet" and said[-1].startswith("step 6 of 6, loss")
    assert "held out" in said[-1] and len(said) >= 4 and "\x1b" not in "".join(said)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "RUN must be a folder with metrics.jsonl, or such a file: there is no"),
        (["."], "there is no metrics.jsonl"),
        (["bad.jsonl"], "bad.jsonl, line 1: no metrics of a run"),
        (["bad.jsonl", "--every", "0"], "--every must be above 0"),
        (["bad.jsonl", "--steps", "0"], "--steps must be at least 1, got 0"),
        (["endless.jsonl"], "endless.jsonl, line 1: no metrics of a run (OverflowError"),
        (["bytes.jsonl"], "bytes.jsonl: no metrics of a run ('utf-8' codec"),
        (["words.txt"], "words.txt, line 1: no metrics of a run ('Once upon"),
    ],
)
def test_bad_words_end_the_command_with_a_reason(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.jsonl").write_text("[1]\n")
    entry = '{"loss": 1, "learning_rate": 1, "gradient_norm": 1, "tokens": 1e999, "seconds": 1}\n'
    (tmp_path / "endless.jsonl").write_text(entry)
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\n")
    (tmp_path / "words.txt").write_text("Once upon a time")
    with pytest.raises(SystemExit) as ended:
        follow.main([*words, "--once"])
    assert ended.value.code == 2 and message in capsys.readouterr().err


def test_a_job_shows_its_curve_where_it_can(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert curve.how_to_say(3) is not True  # no terminal here: lines
    wanted = cases.job("plain")
    changed = {"progress": True, "curve": True}
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert curve.how_to_say(3) is True
    run(type(wanted)(**{**vars(wanted), **changed}))
    assert "step 6 of 6, loss" in terminal.getvalue() and "+---" in terminal.getvalue()
    assert capsys.readouterr().out == ""
