"""The page "How good is it?": no result is left out, and a loss is called one."""

import datetime
import importlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from book._ext import how_good
from book._tools import build, mutation_score, peers, ratios
from book._tools.paths import ROOT

RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return ratios.stored_results()


def test_every_file_of_results_and_every_benchmark_is_on_the_page(found: dict[str, Any]) -> None:
    names = {path.stem for path in RESULTS.glob("*.json")}
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    assert set(found) == names == scripts == set(ratios.READ)
    for name, (stored, read) in found.items():
        part = how_good.benchmark(name, stored, read)
        assert "`" not in part, name
        assert f"benchmarks/results/{name}.json" in part and f"benchmarks/{name}.py" in part
        assert read and all(ratio.what in part.replace("&#x27;", "'") for ratio in read)


# One number of each file that has to be worse than the peer's.
PLANTED: dict[str, tuple[tuple[Any, ...], Any]] = {
    "curation": (("rows", 1, "our speed / theirs"), 0.9),
    "distributed": (("rows", 10, "wall x FSDP2"), 1.2),
    "generation": (("rows", 0, "ratio"), 0.9),
    "inference": (("rows", 0, "our speed / theirs"), 0.9),
    "int8": (("rows", "1", "ratio"), 0.9),
    "pretraining_pays": (("results", 1, "pretrained"), [0.1, 0.1, 0.1]),
    "serving": (("rows", 0, "ratio"), 0.9),
    "tokenization": (("rows", 0, "ratio"), 1.6),
    "training_step": (("rows", 1, "our speed / theirs (median)"), 0.9),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_loss_is_shown_as_one(name: str, tmp_path: Path, found: dict[str, Any]) -> None:
    stored = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    (*way, last), worse = PLANTED[name]
    place = stored
    for step in way:
        place = place[step]
    place[last] = worse
    (tmp_path / f"{name}.json").write_text(json.dumps(stored), encoding="utf-8")
    planted = ratios.stored_results(tmp_path)
    before, after = found[name][1], planted[name][1]
    (changed,) = (new for old, new in zip(before, after, strict=True) if old != new)
    assert changed.lost() and changed.verdict().startswith("BEHIND")
    assert "BEHIND" in how_good.ratio_table([changed], name)
    assert sum(one.lost() for one in after) >= sum(one.lost() for one in before)
    summed = how_good.losses(planted)
    assert f"{sum(one.lost() for one in after)} of " in summed and f">{name}<" in summed


def test_a_gain_that_stays_below_a_guess_is_called_one(found: dict[str, Any]) -> None:
    """More than from scratch is not enough: a guess among the answers of the text is a peer."""
    stored = json.loads((RESULTS / "pretraining_pays.json").read_text(encoding="utf-8"))
    (row,) = (row for row in stored["results"] if row["task"] == "answering")
    row |= {"guess": [0.2, 0.25, 0.3], "without_the_text": [0.05, 0.06, 0.07]}
    row |= {"pretrained": [0.1, 0.2, 0.3], "verdict_against_the_guess": "no effect"}
    read = ratios.READ["pretraining_pays"][0]
    below = [one for one in read(stored) if one.peer.startswith("a guess")]
    assert [one.verdict().split(";")[0] for one in below] == ["BEHIND"]
    assert "0.200 (0.100 to 0.300) against 0.250" in below[0].measured
    assert "NOT more than" in below[0].measured and "0.060" in below[0].measured
    row |= {"pretrained": [0.8, 0.9, 1.0], "verdict_against_the_guess": "better"}
    (above,) = (one for one in read(stored) if one.peer.startswith("a guess"))
    assert not above.lost() and "NOT" not in above.measured
    held = [ratio for ratio in found["pretraining_pays"][1] if ratio.peer.startswith("a guess")]
    assert [ratio.what for ratio in held] == ["answering, 400 items"]


def test_the_worst_of_the_stored_values_decides(found: dict[str, Any]) -> None:
    """A best round that is ahead hides no median that is behind, nor the other way."""
    stored = json.loads((RESULTS / "training_step.json").read_text(encoding="utf-8"))
    stored["rows"] = [
        {
            "what": "one",
            "peer": "transformers, sdpa",
            "our speed / theirs (best)": best,
            "our speed / theirs (median)": median,
        }
        for best, median in ((1.2, 0.9), (0.9, 1.2), (1.2, 1.1))
    ]
    read = ratios.READ["training_step"][0](stored)
    assert [(one.lost(), one.met) for one in read] == [(True, False), (True, False), (False, True)]
    assert read[0].verdict() == "BEHIND; GOAL MISSED" and read[2].verdict() == "goal met"
    summed = how_good.losses({"training_step": (stored, read)})
    assert "2 of 3 figures are behind" in summed and "2 of 3 goals are missed" in summed


def test_a_part_whose_tests_notice_too_little_misses_its_goal() -> None:
    stored = json.loads((RESULTS / "mutation.json").read_text(encoding="utf-8"))
    row = stored["rows"][0]
    row |= {"noticed": 8, "drawn": 10, "share": 0.8}
    mutant = "model.masks.padding_mask: return a <b"
    stored["about"]["survivors"][row["part"]] = {mutant: "seen"}
    read = ratios.READ["mutation"][0](stored)
    assert [one.met for one in read] == [one["share"] >= 0.85 for one in stored["rows"]]
    assert read[0].verdict() == "GOAL MISSED" and not read[0].lost()
    shown = mutation_score.told(stored)
    assert "at worst 80.0%" in shown and "return a &lt;b</code>: seen</li>" in shown


def test_a_page_that_is_too_slow_once_misses_its_goal_and_what_was_not_timed_says_so() -> None:
    stored = json.loads((RESULTS / "pages.json").read_text(encoding="utf-8"))
    first, second, third = stored["rows"][:3]
    first |= {"median": first["goal"] / 2, "worst": first["goal"] * 2, "values": 3}
    second |= {"median": second["goal"] / 2, "worst": second["goal"], "values": 3}
    third |= {"median": None, "worst": None, "values": 0}
    read = ratios.READ["pages"][0](stored)[:3]
    assert [one.verdict() for one in read] == ["GOAL MISSED", "goal met", "not measured"]
    assert [one.met for one in read] == [False, True, None]
    assert f"{first['goal'] * 2:.3g} at worst of 3" in read[0].measured
    assert read[2].measured == "not measured" and not any(one.lost() for one in read)


def test_the_row_of_several_pages_is_that_of_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ratios.BENCHMARKS))
    pages = importlib.import_module("pages")
    row = pages.row("widgets", {"a": [1.0, 1.0, 9.0], "b": [2.0, 3.0, 2.5]}, 0.5)
    assert (row["where"], row["median"], row["worst"], row["values"]) == ("b", 2.5, 9.0, 6)
    nothing = pages.row("nothing", {})
    assert (nothing["median"], nothing["worst"], nothing["day"]) == (None, None, "not measured")
    assert set(row) == set(nothing)


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "new.json").write_text("{}")
    with pytest.raises(ValueError, match=r"new\.json: .* no way to read it"):
        ratios.stored_results(tmp_path)
    with pytest.raises(ValueError, match="no test test_of_nothing"):
        how_good.held("tests/book/test_how_good.py::test_of_nothing")
    with pytest.raises(ValueError, match="no NOTHING = "):
        ratios.constant(ROOT / "benchmarks" / "int8.py", "NOTHING")


def test_each_cell_beside_another_course_has_its_evidence(tmp_path: Path) -> None:
    head, *rows = peers.comparison()
    cell = re.compile(r"\[[^]]+\]\(https://github\.com/\S+\), looked at (before )?2\d{3}-\d\d-\d\d")
    cells = [one for row in rows for one in row[2:]]
    assert all(one == peers.NOT_LOOKED_AT or cell.fullmatch(one) for one in cells)
    assert sum(one != peers.NOT_LOOKED_AT for one in cells) >= len(rows)
    shown = how_good.beside()
    assert shown.count("<a href=") == len(head) - 2 + sum(map(bool, map(cell.match, cells)))
    assert peers.NOT_LOOKED_AT in shown and "](" not in shown
    text = peers.PEERS.read_text(encoding="utf-8")
    for planted in (
        text.replace("looked: 2026-11-29", "looked: ", 1),
        text.replace("D2L:", "X:", 1),
    ):
        (tmp_path / "peers.yml").write_text(planted, encoding="utf-8")
        with pytest.raises(ValueError, match=r"peers\.yml: every notebook runs"):
            peers.comparison(tmp_path / "peers.yml")


def test_the_readme_compares_with_what_was_read() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"\(https://github\.com/(\S+/\S+)\) ([0-9a-f]{7}): ", readme)
    courses = yaml.safe_load(peers.PEERS.read_text(encoding="utf-8"))["courses"].values()
    assert named and set(named) <= {(one["repository"], one["commit"]) for one in courses}


def test_what_is_not_stored_is_said() -> None:
    ratio = ratios.Ratio("one", "another", "1.5 × its speed", 0.5)
    assert "Not stored: torch, transformers, date, processor." in how_good.benchmark(
        "tokenization", {}, [ratio]
    )
    part = how_good.benchmark("tokenization", {"date": "today", "torch": "3"}, [ratio])
    assert "date: today" in part and "Not stored: transformers, processor." in part


def test_every_result_tells_its_day_and_its_processor(found: dict[str, Any]) -> None:
    for name, (stored, _) in found.items():
        told = ratios.about(stored)
        assert re.search(r"\d{4}-\d{2}-\d{2}$", told["date"]) and told["processor"], name


def test_one_function_writes_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ratios.BENCHMARKS))
    measure = importlib.import_module("_measure")
    measure.store({"about": {"rounds": 3}, "rows": []}, tmp_path / "results" / "a.json")
    measure.store({"rows": []}, tmp_path / "results" / "b.json")
    for name in "ab":
        stored = json.loads((tmp_path / "results" / f"{name}.json").read_text("utf-8"))
        told = ratios.about(stored)
        assert told["date"] == str(datetime.date.today()) and told["processor"]
        assert stored["rows"] == []
    for script in ratios.BENCHMARKS.glob("[a-z]*.py"):
        text = script.read_text(encoding="utf-8")
        assert re.search(r"\b(report|store)\(", text), f"{script.name} stores through _measure"
        assert "write_text(" not in text, f"{script.name} writes a file of its own"


def test_a_result_that_finds_no_room_is_printed(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.syspath_prepend(str(ratios.BENCHMARKS))
    measure = importlib.import_module("_measure")
    monkeypatch.setattr(
        os, "fsync", lambda number: os.write(os.open("/dev/full", os.O_WRONLY), b"a")
    )
    with pytest.raises(OSError, match="No space left on device"):
        measure.store({"rows": [1, 2]}, tmp_path / "deep" / "results" / "a.json")
    assert json.loads(capsys.readouterr().out)["rows"] == [1, 2]
    assert not list((tmp_path / "deep" / "results").iterdir())


def test_the_other_parts_say_what_the_tests_hold(found: dict[str, Any]) -> None:
    parts = how_good.parity(), how_good.reliability(found), how_good.access()
    assert "1e-05" in parts[0] and parts[0].count("<tr>") == 1 + parts[0].count('<th scope="row">')
    for family in ("bert", "gpt2", "bloom", "llama-3.1", "bart", "t5-v1.1"):
        assert f'<th scope="row">{family}</th>' in parts[0]
    assert all(test in parts[1] for test in how_good.CRASHES.values())
    about = found["mutation"][0]["about"]
    assert f"Of {about['drawn']} drawn with seed " in parts[1] and about["date"] in parts[1]
    assert parts[1].count("<li>") >= sum(map(len, about["survivors"].values()))
    page = (ROOT / "book" / "how_good.md").read_text(encoding="utf-8")
    for part in ("losses", "ratios", "parity", "reliability", "access", "comparison"):
        assert f"{{how-good}} {part}\n" in page


def test_the_site_is_made_again_when_a_result_changes() -> None:
    read = {path for name in build.READ_BY_PAGES for path in ROOT.glob(name)}
    assert {*RESULTS.glob("*.json"), *(ROOT / "benchmarks").glob("*.py")} <= read
    assert {how_good.SURVIVORS, how_good.PARITY / "conftest.py", ROOT / "README.md"} <= read
