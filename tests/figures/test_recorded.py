import importlib.util
import json
from datetime import date
from pathlib import Path

import pytest

from book._ext.course_index import how_made
from book._tools import landing, records
from book._tools.paths import chapter_texts
from book._tools.repeat import RECORDED, experiment, run
from course_lib.figures.recorded import Recorded, Run, recorded, recorded_table

# A chapter's record has the chapter's number for a name; what no page repeats is a table, or the
# runs of several starts that a command of its own makes.
STEMS = sorted(path.stem for path in RECORDED.glob("*.json"))
CHAPTERS = [stem for stem in STEMS if stem.isdigit()]


def made(*runs: tuple[int, int, dict[str, float]]) -> list[Run]:
    return [Run(*one) for one in runs]


THREE = [(seed, 1, {"loss": 1.0 + seed / 10}) for seed in range(3)]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_record_belongs_to_the_experiment_of_its_page(chapter: str) -> None:
    stored = json.loads((RECORDED / f"{chapter}.json").read_text())
    assert stored["command"] == f"python -m book._tools.repeat {chapter}"
    assert len(recorded(chapter)) >= 4
    cells = experiment(chapter)  # raises where the page has no experiment to repeat
    assert not any("exercises.load" in cell for cell in cells)
    text = next(path for path in chapter_texts() if path.stem[:2] == chapter).read_text()
    assert f'recorded("{chapter}")' in text
    assert "holds_live(outcome" in text  # the page notices when its record is out of date


@pytest.mark.parametrize("name", sorted({*STEMS} - {*CHAPTERS}))
def test_a_table_says_which_command_made_it(name: str) -> None:
    table = recorded_table(name)
    _, _, module = table["command"].partition("python -m ")
    assert importlib.util.find_spec(module.split()[0]) is not None
    if "runs" in table:  # of several starts, as a chapter's, by a command of its own
        assert len(recorded(name)) >= 4
        (text,) = (one.read_text() for one in chapter_texts() if one.stem[:2] == name[:2])
        assert f'recorded("{name}")' in text and "holds_live(live" in text
    else:
        assert table["rows"]


@pytest.mark.parametrize(
    "path", [*sorted(RECORDED.glob("*.json")), landing.RECORD], ids=lambda p: p.stem
)
def test_a_record_has_its_day_and_its_processor(path: Path) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    (day,) = {"date", "stored"} & stored.keys()  # made on, or last changed on: never both
    assert date.fromisoformat(stored[day]).year >= 2026
    assert (stored["processor"] == "unknown") == (day == "stored")
    assert stored["python"] and stored["torch"]


def test_the_writer_of_records_says_when_and_where(tmp_path: Path) -> None:
    records.write_record(tmp_path / "99.json", "python -m this <now>", {"rows": [{"seed": 0}]})
    stored = json.loads((tmp_path / "99.json").read_text(encoding="utf-8"))
    assert stored["rows"] == [{"seed": 0}] and stored["processor"] == records.processor() != ""
    assert how_made(stored).startswith(
        f"Made by <code>python -m this &lt;now&gt;</code>, on {stored['date']}; processor: "
    )
    old = {"command": "x", "stored": "2026-11-28", "processor": "unknown", "torch": "2"}
    assert how_made(old).endswith("stored on 2026-11-28; processor: unknown; torch 2")
    with pytest.raises(ValueError, match="must leave \\['date'\\] to the writer"):
        records.write_record(tmp_path / "99.json", "x", {"date": "today"})


def test_three_starts_and_a_longer_run_are_asked_for() -> None:
    with pytest.raises(ValueError, match="3 starts and one run at budget 2"):
        Recorded("05", made(*THREE))
    with pytest.raises(ValueError, match="3 starts and one run at budget 2"):
        Recorded("05", made(*THREE[:2], (0, 2, {"loss": 0.9})))
    with pytest.raises(ValueError, match="must all measure"):
        Recorded("05", made(*THREE, (0, 2, {"other": 0.9})))
    with pytest.raises(ValueError, match="'99' has no recorded runs"):
        recorded("99")


def test_a_run_of_today_is_held_against_the_starts() -> None:
    runs = Recorded("05", made(*THREE, (0, 2, {"loss": 0.2})))
    assert runs.each("loss") == [1.0, 1.1, 1.2, 0.2]
    assert runs.holds_live({"loss": 1.29}, slack=0.1)
    assert not runs.holds_live({"loss": 0.2}, slack=0.1)  # the longer run is another experiment
    two = Recorded("05", [Run(r.seed, r.budget, {**r.outcome, "more": 1.0}) for r in runs])
    assert two.holds_live({"loss": 1.29}, slack=0.1, part=True)
    assert not two.holds_live({"loss": 0.2}, slack=0.1, part=True)
    for wrong in ({"loss": 1.0, "other": 1.0}, {}):
        with pytest.raises(ValueError, match="record the chapter anew"):
            two.holds_live(wrong, slack=0.1, part=True)
    with pytest.raises(ValueError, match="record the chapter anew"):
        two.holds_live({"loss": 1.0}, slack=0.1)
    with pytest.raises(ValueError, match="record the chapter anew"):
        runs.holds_live({"accuracy": 1.0}, slack=0.1)
    assert str(runs).splitlines() == [
        "      start 0  start 1  start 2  start 0, twice as long",
        "loss     1.00     1.10     1.20                    0.20",
    ]


def test_two_numbers_of_a_record_are_compared_by_the_one_rule() -> None:
    """Start by start the difference is 0.1, 0.2 and 0.3, far less than starts differ."""
    starts = [(seed, 1, {"a": 5.0 * seed, "b": 5.0 * seed + 0.1 * (seed + 1)}) for seed in range(3)]

    def between(before: str, after: str, longer: float, **how: bool) -> str:
        runs = Recorded("05", made(*starts, (0, 2, {"a": 0.0, "b": longer})))
        found = runs.compare(before, after, **how)
        assert found.standard_error == pytest.approx(0.1 / 3**0.5) and found.seeds == (0, 1, 2)
        assert found.interval[1] - found.interval[0] == pytest.approx(4 * found.standard_error)
        return found.verdict

    assert between("a", "b", 0.01) == between("b", "a", 0.01, lower_is_better=True) == "better"
    assert between("b", "a", 0.01) == between("a", "b", 0.01, lower_is_better=True) == "worse"
    assert between("a", "b", -0.01) == between("b", "a", 0.0) == "no effect"
    with pytest.raises(ValueError, match="must name some of \\['loss'\\], got 'other'"):
        Recorded("05", made(*THREE, (0, 2, {"loss": 0.5}))).compare("loss", "other")


def test_the_cells_run_with_another_start_and_without_their_claims(tmp_path: Path) -> None:
    cells = [
        "SEED, BUDGET = 0, 1  # as on the page",
        "assert SEED == 0\nreached = 10 * SEED + BUDGET",
        "for claim in (1,):\n    assert BUDGET == claim\noutcome = {'reached': reached}",
    ]
    assert run(cells, 0, 1) == {"reached": 1}
    assert run(cells, 2, 2) == {"reached": 22}


def test_a_page_gets_the_same_table_as_a_terminal() -> None:
    runs = Recorded("05", made(*THREE, (0, 2, {"loss": 0.5})))
    shown = runs._repr_html_()
    for cell in ("start 0", "start 0, twice as long", "loss", "1.10", "0.50"):
        assert cell in repr(runs) and cell in shown
    assert "></th>" not in shown  # axe asks for a name of each column
    assert shown.count("<th") == 6 and 'tabindex="0"' in shown and 'role="region"' in shown
