"""The command with files and options that would be passed over in silence, or found too late."""

import json
import os
from pathlib import Path

import pytest

from course_lib.data.curation.command import command, kept_texts
from course_lib.data.curation.job import curate_files, read_report
from course_lib.data.curation.pipeline import Step
from course_lib.data.curation.sources import count_others, find_files
from course_lib.tokenizers import ByteLevelBPE

PAGES = [
    {"text": "the river is wide", "url": "http://evil.example/a"},
    {"text": "the harbour is old", "url": "http://other.example/a"},
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("raw.jsonl").write_text("".join(json.dumps(page) + "\n" for page in PAGES))
    ByteLevelBPE.train(["a b"], 257, special_tokens=["<end>"]).save("tokenizer.json")
    return tmp_path


def run(*words: str) -> int:
    return command(["--output", "out", "--quiet", "--steps", "exact", *words])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_list_of_any_editor_is_whole(here: Path, mark: bytes, end: bytes) -> None:
    Path("list.txt").write_bytes(
        mark + end.join([b"EVIL.example", b"# more", b"", b"other.example"])
    )
    assert run("raw.jsonl", "--steps", "url", "--blocked-hosts", "list.txt") == 0
    assert read_report("out/curated").steps[0].dropped == 2


@pytest.mark.parametrize(
    ("steps", "option", "line"),
    [
        ("url", "--blocked-hosts", "https://evil.example/"),
        ("url", "--blocked-hosts", "*.evil.example"),
        ("harmful", "--terms", "two words"),
        ("harmful", "--terms", "river!"),
    ],
)
def test_a_line_that_would_do_nothing_is_named(here, capsys, steps, option, line) -> None:
    Path("list.txt").write_text(f"fine\n{line}\n")
    assert run("raw.jsonl", "--steps", steps, option, "list.txt") == 2
    told = capsys.readouterr().err
    assert f"{option} list.txt must be" in told and repr(line) in told
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--language", "de"], "--language is given, but --steps does not name language"),
        (["--steps", "language", "--language", "english"], "--language must be one of"),
        (["--tokenizer", "none", "--separator", "<end>"], "--tokenizer: no file or folder none"),
        (["--steps", "url", "--blocked-hosts", "none"], "--blocked-hosts: no none in ."),
        (["--steps", "harmful", "--terms", "."], "--terms: . is no ordinary file"),
        (["--steps", "classifier", "--good", "none", "--bad", "."], "--good: there is no none"),
        (["--steps", "contamination", "--evaluation", "none"], "--evaluation: there is no none"),
        (["--tokenizer", "tokenizer.json", "--separator", "<nd>"], "--separator: '<nd>' is not"),
        (["--output", "raw.jsonl"], "--output raw.jsonl is a file; a folder is wanted"),
        ([""], "must be a file or a folder, got an empty text"),
    ],
)
def test_what_would_end_a_run_late_ends_it_at_once(here, capsys, words, message) -> None:
    assert run("raw.jsonl", *words) == 2
    told = capsys.readouterr().err
    assert message in told and "wanted must" not in told
    assert not Path("out").exists()


OPTIONS = ["--blocked-hosts", "--terms", "--good", "--bad", "--evaluation", "--tokenizer"]


@pytest.mark.parametrize("option", OPTIONS)
def test_an_empty_word_is_no_file_and_not_this_folder(here, capsys, option: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run("raw.jsonl", option, "")
    assert caught.value.code == 2
    assert f"argument {option}: got an empty word" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize("again", [False, True])
def test_a_file_that_is_not_the_runs_stays_among_its_pages(here, capsys, again: bool) -> None:
    """It was removed by a new run, and its lines counted as kept by one that went on."""
    assert not again or run("raw.jsonl") == 0
    mine = Path("out/curated/pages/mine.jsonl")
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    assert run("raw.jsonl") == 2
    assert f"{mine} is not of a run of curation" in capsys.readouterr().err
    assert mine.read_text() == "mine"
    mine.rename("mine.jsonl")
    assert run("raw.jsonl") == 0


def test_a_place_of_results_that_is_a_file_is_named(here, capsys) -> None:
    Path("out").mkdir()
    Path("out/tokens").touch()
    assert run("raw.jsonl", "--tokenizer", "tokenizer.json", "--separator", "<end>") == 2
    assert "out/tokens is a file" in capsys.readouterr().err


def test_an_output_that_would_be_read_is_refused_before_it_is_written(here, capsys) -> None:
    assert run(".", "--steps", "exact") == 2
    told = "output out/curated and ., whose files are to be read, lie in one another"
    assert told in capsys.readouterr().err
    assert not Path("out").exists()
    assert run("raw.jsonl", "--steps", "exact", "--output", ".") == 0
    assert run("raw.jsonl", "--steps", "exact", "--output", ".") == 0


def test_a_crawl_beyond_the_memory_is_named(here, capsys, monkeypatch) -> None:
    def drawn(n: int, rng) -> list:
        raise MemoryError(f"Unable to allocate {n}")

    monkeypatch.setattr("course_lib.data.crawl.make_crawl", drawn)
    assert run("--made-crawl", str(10**11)) == 2
    assert f"--made-crawl {10**11} is more than the memory holds" in capsys.readouterr().err
    assert not list(Path("out").iterdir())


def test_a_list_that_changed_is_another_run(here, capsys) -> None:
    Path("list.txt").write_text("evil.example\n")
    words = ["raw.jsonl", "--steps", "url", "--blocked-hosts", "list.txt"]
    assert run(*words) == 0 == run(*words)
    Path("list.txt").write_text("other.example\n")
    assert run(*words) == 2
    assert "holds a run with other settings: blocked_hosts" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--good", "--evaluation"])
def test_what_an_example_folder_loses_is_told(here, capsys, option: str) -> None:
    Path("more").mkdir()
    Path("more/a.txt").write_text("a good page with words")
    Path("more/short.txt").write_text("two words")
    Path("more/b.txt").write_bytes(b"\0\0")
    Path("more/c.png").touch()
    words = {
        "--good": ["--steps", "classifier", "--bad", "raw.jsonl"],
        "--evaluation": ["--steps", "contamination"],
    }[option]
    assert run("raw.jsonl", option, "more", *words) == 0
    told = capsys.readouterr().err
    assert f"{option} more: skipped 1 (binary)" in told
    assert f"{option} more: skipped 1 (unknown kind of file)" in told
    assert ("1 of 2 texts are too short" in told) == (option == "--evaluation")


def test_names_and_texts_that_utf8_cannot_hold_end_no_run(here, capsys) -> None:
    Path("raw").mkdir()
    name = os.fsdecode(b"raw/odd\xff\n name.jsonl")
    Path(name).write_text('{"text": "whole"}\n{"text": "half \\ud800"}\n')
    assert run("raw", "--tokenizer", "tokenizer.json", "--separator", "<end>") == 0
    assert "not tokenized: 1 (half of a character)" in capsys.readouterr().out
    assert read_report("out/curated").steps[0].kept == 2
    assert json.loads(Path("out/curated/report.json").read_text())["files"][0][0] == name
    assert list(kept_texts(Path("out/curated"))) == ["whole"]


def test_a_run_that_starts_again_leaves_no_page_of_the_last(here: Path) -> None:
    Path("raw").mkdir()
    for name in "abc":
        Path(f"raw/{name}.txt").write_text(name)
    step = [Step("all", lambda page: [])]
    curate_files(["raw"], "out", step, settings={})
    Path("out/state.npz").unlink()
    curate_files(["raw.jsonl"], "out", step, settings={})
    assert list(kept_texts(Path("out"))) == [page["text"] for page in PAGES]


def test_everything_in_a_folder_is_read_once_or_counted(here: Path) -> None:
    Path("raw/real").mkdir(parents=True)
    Path("raw/real/a.txt").write_text("a")
    Path("raw/b.txt").symlink_to("real/a.txt")
    Path("raw/c.txt").symlink_to("nowhere")
    Path("raw/circle").symlink_to(".")
    Path("other").mkdir()
    Path("raw/linked").symlink_to("../other")
    assert len(find_files(["raw", "raw/../raw/real/a.txt", Path("raw/real").resolve()])) == 1
    told = {"unknown kind of file": 1, "link to a folder": 2}
    assert count_others(["raw", "raw/../raw"]) == told
    Path("raw/real/d.pdf").touch()
    told["unknown kind of file"] = 2
    assert count_others(["raw", Path("raw/real").resolve(), "raw"]) == told
    run("raw", "raw/real/d.pdf", "raw/linked", "--steps", "exact")
    told["link to a folder"] = 1  # the other one is named, and searched
    assert read_report("out/curated").skipped == told


def test_a_folder_that_cannot_be_read_is_counted_or_named(here, monkeypatch) -> None:
    Path("raw/closed").mkdir(parents=True)
    Path("raw/a.txt").write_text("a")
    scandir = os.scandir

    def refusing(place):
        if Path(place).name == "closed":
            raise PermissionError(13, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refusing)
    assert [str(path) for path in find_files(["raw"])] == ["raw/a.txt"]
    assert count_others(["raw"]) == {"folder cannot be read: Permission denied": 1}
    with pytest.raises(PermissionError, match="closed"):
        find_files(["raw/closed"])


def test_folders_may_be_deeper_than_calls(here: Path) -> None:
    os.mkdir("raw")
    os.chdir("raw")
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    Path("a.txt").write_text("a")
    os.chdir(here)
    assert find_files(["raw"]) == [Path("raw", *["d"] * 1200, "a.txt")]
    os.chdir(Path("raw", *["d"] * 1200))  # whoever removes them must not call itself either
    os.unlink("a.txt")
    for _ in range(1200):
        os.chdir("..")
        os.rmdir("d")
