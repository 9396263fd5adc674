"""The filters as datatrove pipelines: the same pages and reasons in any number of tasks."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from datatrove.io import get_datafolder

from course_lib.data.crawl import BLOCKED_HOSTS, make_crawl, write_warc
from course_lib.data.curation import (
    ExactDuplicates,
    Language,
    NearDuplicates,
    Page,
    c4_lines,
    fineweb,
    gopher_quality,
    gopher_repetition,
    mask_personal_data,
    url_blocked,
)
from course_lib.data.curation.cluster import (
    Filtered,
    WriteKeys,
    as_document,
    as_page,
    plan_stages,
    run_here,
)
from course_lib.data.curation.job import as_line, curate_files
from course_lib.data.curation.pipeline import Step, run_step
from course_lib.data.curation.sources import find_files, read_pages


def masked(page: Page) -> Page:
    return Page(mask_personal_data(page.text), page.url, page.about)


def blocked(page: Page) -> list:
    return url_blocked(page, BLOCKED_HOSTS)


def steps() -> list[Step]:
    return [
        Step("url", blocked),
        Step("language", Language("en")),
        Step("repetition", gopher_repetition),
        Step("exact", ExactDuplicates()),
        Step("quality", gopher_quality),
        Step("near", NearDuplicates()),
        Step("lines", c4_lines),
        Step("fineweb", fineweb),
        Step("masked", masked),
    ]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made crawl in files of three kinds, some of them damaged, copies far apart."""
    folder = tmp_path_factory.mktemp("raw")
    pages = list(make_crawl(360, np.random.default_rng(3)))
    for index in range(4):
        lines = "".join(map(as_line, pages[80 * index : 80 * (index + 1)]))
        (folder / f"{index}.jsonl").write_text(lines)
    write_warc(folder / "5.warc.gz", pages[320:], np.random.default_rng(0))
    (folder / "4.jsonl").write_text('{"text": "\\ud800 cut"}\n{"te')
    (folder / "6.txt").write_text(pages[5].text)
    (folder / "7.txt").write_bytes(b"\0\1" * 100)
    (folder / "8.pdf").touch()
    return folder


@pytest.fixture(scope="module")
def alone(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("alone")
    curate_files([raw], output, steps(), settings={})
    return output


def joined(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.glob("*.jsonl")))


def reasons_alone(raw: Path) -> dict[str, list[list[str]]]:
    """Every reason of every dropped page, by step, from a plain loop."""
    found: dict[str, list[list[str]]] = {step.name: [] for step in steps()}
    row, skipped = steps(), Counter()
    for file in find_files([raw]):
        for page in read_pages(file, skipped):
            for step in row:
                page, reasons = run_step(step, page)
                if reasons:
                    found[step.name].append([str(one) for one in reasons])
                    break
    return found


@pytest.mark.processes
@pytest.mark.parametrize("n_tasks", [1, 11])
def test_pages_and_reasons_are_those_of_one_machine(raw, alone, tmp_path, n_tasks) -> None:
    stages = plan_stages([raw], tmp_path / "out", steps(), n_tasks)
    assert [stage.n_tasks for stage in stages] == [n_tasks, 1, n_tasks, 14, n_tasks]
    run_here(stages, tmp_path / "logs")
    assert joined(tmp_path / "out" / "pages") == joined(alone / "pages")
    expected = reasons_alone(raw)
    assert sum(map(bool, expected.values())) >= 6
    for name, want in expected.items():
        lines = joined(tmp_path / "out" / "dropped" / name).splitlines()
        assert [json.loads(line)["why"] for line in lines] == want
        assert all(json.loads(line)["step"] == name for line in lines)


@pytest.mark.processes
def test_counts_are_those_of_the_report(raw, alone, tmp_path) -> None:
    assert json.loads((alone / "report.json").read_text())["skipped"]["unknown kind of file"] == 1
    stages = plan_stages([raw], tmp_path / "out", steps(), 2)
    run_here(stages, tmp_path / "logs")
    counts: dict[str, Counter[str]] = {}
    for path in (tmp_path / "logs").glob("*/stats.json"):
        for one in json.loads(path.read_text()):
            name = one["name"].split(": ", 1)[1]
            found = {
                key: value["total"] if isinstance(value, dict) else value
                for key, value in one["stats"].items()
            }
            counts.setdefault(name, Counter()).update(found)
    report = json.loads((alone / "report.json").read_text())
    for step in report["steps"]:
        assert counts[step["name"]]["total"] == step["documents"]
        assert counts[step["name"]]["forwarded"] == step["kept"]
        for rule, count in step["reasons"].items():
            assert counts[step["name"]][f"dropped_{rule}"] == count
    for cause, count in report["skipped"].items():
        assert counts["files"][f"skipped_{cause}"] == count


@pytest.mark.processes
def test_a_run_that_was_cut_goes_on(raw, alone, tmp_path) -> None:
    class Cut(Exception):
        pass

    seen = 0

    def cut(page: Page) -> list:
        nonlocal seen
        seen += 1
        if seen == 200:
            raise Cut
        return []

    row = steps()
    row[0] = Step("url", lambda page: cut(page) or blocked(page))
    with pytest.raises(Cut):
        run_here(plan_stages([raw], tmp_path / "out", row, 4), tmp_path / "logs")
    run_here(plan_stages([raw], tmp_path / "out", steps(), 4), tmp_path / "logs")
    assert joined(tmp_path / "out" / "pages") == joined(alone / "pages")
    assert seen == 200


@pytest.mark.processes
@pytest.mark.slow
def test_tasks_in_processes_of_their_own(raw, tmp_path) -> None:
    """The filters travel there, the one that holds a model of languages too."""
    stages = plan_stages([raw], tmp_path / "out", steps()[:4], 2)
    run_here(stages, tmp_path / "logs", workers=2)
    curate_files([raw], tmp_path / "alone", steps()[:4], settings={})
    assert joined(tmp_path / "out" / "pages") == joined(tmp_path / "alone" / "pages")


def test_documents_of_another_reader_are_pages(tmp_path) -> None:
    page = Page("the text", "http://a.example/", {"group": "poets", "keep": True})
    again = as_page(as_document(page, "0"))
    assert again == page and again.about == page.about
    bare = as_document(Page("x"), "0")
    bare.metadata = {}
    assert as_page(bare) == Page("x")


def test_what_cannot_be_shared_out_is_refused(raw, tmp_path) -> None:
    class Counting:
        def __call__(self, page):
            return []

        def state_dict(self):
            return {}

        def load_state_dict(self, state):
            pass

    with pytest.raises(ValueError, match="step near remembers the pages before"):
        Filtered(Step("near", NearDuplicates()), get_datafolder(str(tmp_path)))
    with pytest.raises(ValueError, match="step count remembers the pages before"):
        plan_stages([raw], tmp_path, [Step("count", Counting())], 2)
    with pytest.raises(ValueError, match="step quality is no filter for copies"):
        WriteKeys(Step("quality", gopher_quality), get_datafolder(str(tmp_path)))
    with pytest.raises(ValueError, match="different names, got 'a' twice"):
        plan_stages([raw], tmp_path, [Step("a", fineweb), Step("a", blocked)], 2)
    with pytest.raises(ValueError, match="are to be read, lie in one another"):
        plan_stages([raw], raw / "out", steps(), 2)
    with pytest.raises(ValueError, match="n_tasks must be at least 1, got 0"):
        plan_stages([raw], tmp_path, steps(), 0)
    with pytest.raises(FileNotFoundError, match="there is no"):
        plan_stages([tmp_path / "none"], tmp_path, steps(), 1)
    with pytest.raises(ValueError, match="stages and workers must be at least 1, got 0 and 1"):
        run_here([], tmp_path)
