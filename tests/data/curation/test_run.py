"""Files people have, a run that is cut, and the command."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.data import pack
from course_lib.data.crawl import make_crawl, write_warc
from course_lib.data.curation import ExactDuplicates, NearDuplicates, Page, gopher_quality, job
from course_lib.data.curation.command import command
from course_lib.data.curation.job import as_line, curate_files, read_report
from course_lib.data.curation.packed import TokenRows, write_tokens
from course_lib.data.curation.pipeline import Funnel, Step, StepReport, curate
from course_lib.data.curation.sources import find_files, read_pages
from course_lib.tokenizers import ByteLevelBPE


def crawl(n: int, seed: int = 0) -> list[Page]:
    return list(make_crawl(n, np.random.default_rng(seed)))


def read(path: Path, **options) -> tuple[list[Page], Counter]:
    skipped: Counter[str] = Counter()
    return list(read_pages(path, skipped, **options)), skipped


def test_a_warc_gives_back_its_articles_without_menu_and_banner(tmp_path: Path) -> None:
    pages = list(make_crawl(60, np.random.default_rng(0), {"plain": 1.0, "interview": 0.2}))
    assert write_warc(tmp_path / "a.warc.gz", pages, np.random.default_rng(1)) == 60
    found, skipped = read(tmp_path / "a.warc.gz")
    assert not skipped and [p.url for p in found] == [p.url for p in pages]
    for page, other in zip(pages, found, strict=True):
        same = (Counter(page.words) & Counter(other.words)).total()
        assert 2 * same / (len(page.words) + len(other.words)) > 0.99
        assert "cookies" not in other.text and "Home" not in other.text


def record(kind: str, body: bytes, head: str = "", length: int | None = None) -> bytes:
    block = (head.encode() + b"\r\n\r\n" if head else b"") + body
    return (
        (
            f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.example/\r\n"
            "WARC-Date: 2024-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:0>\r\n"
            f"Content-Type: {'text/plain' if kind == 'conversion' else 'application/http'}\r\n"
            f"Content-Length: {len(block) if length is None else length}\r\n\r\n"
        ).encode()
        + block
        + b"\r\n\r\n"
    )


HTML = b"<html><body><main><p>The river is wide near the old harbour.</p></main></body></html>"
OK = "HTTP/1.1 200 OK\r\nContent-Type: text/html"


@pytest.mark.parametrize(
    ("data", "n", "cause"),
    [
        (record("response", HTML, OK), 1, None),
        (record("warcinfo", b"software: x") + record("response", HTML, OK), 1, None),
        (record("request", b"", "GET / HTTP/1.1") + record("response", HTML, OK), 1, None),
        (record("conversion", "Grüße vom Fluss".encode()), 1, None),
        (
            record("response", gzip.compress(HTML, mtime=0), OK + "\r\nContent-Encoding: gzip"),
            1,
            None,
        ),
        (
            record(
                "response",
                b"%x\r\n%s\r\n0\r\n\r\n" % (len(HTML), HTML),
                OK + "\r\nTransfer-Encoding: chunked",
            ),
            1,
            None,
        ),
        (
            record(
                "response",
                "<html><body><p>Grüße vom Fluss im Süden.</p></body></html>".encode("cp1252"),
                OK + "; charset=windows-1252",
            ),
            1,
            None,
        ),
        (
            record("response", b"\x89PNG", "HTTP/1.1 200 OK\r\nContent-Type: image/png"),
            0,
            "no web page",
        ),
        (record("response", HTML, OK.replace("200 OK", "404 Not Found")), 0, "no success"),
        (record("response", b"", OK), 0, "no text"),
        (record("response", b"<p>" * 20_000, OK), 0, "no text"),
        (record("response", HTML, OK)[:-40], 0, "truncated"),
        (record("response", HTML, OK, length=10**12), 0, "larger than the limit"),
        (b"this is no archive\n" * 10, 0, "truncated"),
        (b"", 0, None),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_records_of_every_kind(tmp_path: Path, data, n, cause, packed) -> None:
    path = tmp_path / ("a.warc.gz" if packed else "a.warc")
    path.write_bytes(gzip.compress(data) if packed and data else data)
    pages, skipped = read(path)
    assert len(pages) == n
    assert (cause is None and not skipped) or any(cause in key for key in skipped)
    if n:
        assert pages[0].url == "http://a.example/" and "\ufffd" not in pages[0].text


def test_an_archive_that_ends_too_early_keeps_what_came_before(tmp_path: Path) -> None:
    pages = crawl(50)
    write_warc(tmp_path / "a.warc.gz", pages, np.random.default_rng(0))
    data = (tmp_path / "a.warc.gz").read_bytes()
    for cut in (len(data) // 2, len(data) - 5):
        (tmp_path / "b.warc.gz").write_bytes(data[:cut])
        found, skipped = read(tmp_path / "b.warc.gz")
        assert 10 < len(found) <= 50 and skipped["damaged or truncated archive"] >= 1


LONG_LINE = '{"text": "' + "x" * 10_000_001 + '"}\n{"text": "two"}'


@pytest.mark.parametrize(
    ("name", "data", "texts", "cause"),
    [
        ("a.txt", "Grüße\n".encode(), ["Grüße\n"], None),
        ("a.txt", b"\xef\xbb\xbfhello", ["hello"], None),
        ("a.txt", "Grüße".encode("cp1252"), ["Grüße"], None),
        ("a.md", b"# A title", ["# A title"], None),
        ("a.txt.gz", gzip.compress(b"hello", mtime=0), ["hello"], None),
        ("a.txt.gz", gzip.compress(b"hello" * 1000, mtime=0)[:-12], [], "compression"),
        ("a.txt.gz", b"no gzip", [], "compression"),
        ("a.txt", b"\x00\x01\x02" * 100, [], "binary"),
        ("a.txt", bytes(range(128, 160)) * 40 + b"\x01" * 60, [], "binary"),
        ("a.txt", b"", [], "no text"),
        ("a.txt", b"\n" * 10_000_000, [], "no text"),
        ("a.txt", b"x" * 10_000_001, [], "larger than the limit"),
        ("a.jsonl", b'{"text": "one"}\n\n{"text": "two"}', ["one", "two"], None),
        ("a.jsonl", b'{"text": "one"}\n{"te', ["one"], "not JSON"),
        ("a.jsonl", b'{"body": "one"}\n["text"]\n{"text": 3}\n', [], "no field text"),
        ("a.jsonl", b'{"text": " "}\n', [], "no text"),
        ("a.jsonl", b"[" * 100_000 + b"\n" + b'{"text": "two"}', ["two"], "not JSON"),
        ("a.jsonl", b'{"text": "\\ud800"}\n', ["\ud800"], None),
        ("a.jsonl", b'{"text": "' + b"x" * 10_000_001 + b'"}\n{"text": "two"}', ["two"], "larger"),
        ("a.jsonl", LONG_LINE.encode("utf-16"), ["two"], "larger than the limit"),
        ("a.html", HTML, ["The river is wide near the old harbour."], None),
        ("a.html", b"<html" * 1000, [], "no text"),
        ("a.xyz", b"hello", [], "unknown kind"),
    ],
)
def test_files_of_every_kind(tmp_path: Path, name, data, texts, cause) -> None:
    (tmp_path / name).write_bytes(data)
    pages, skipped = read(tmp_path / name)
    assert [page.text.strip() for page in pages] == [text.strip() for text in texts]
    assert (cause is None and not skipped) or any(cause in key for key in skipped)


def test_a_file_that_changes_or_goes_while_it_is_read_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one"}\n' * 5)
    skipped: Counter[str] = Counter()
    for number, _ in enumerate(read_pages(path, skipped)):
        if number == 0:
            path.write_text('{"text": "other"}\n' * 9)
    assert skipped["file changed while it was read"] == 1
    assert read(tmp_path / "gone.txt")[1] == {"no ordinary file": 1}


def test_finding_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/z.txt", "a.jsonl", "a.png", "c.WARC.GZ"):
        (tmp_path / name).touch()
    names = [str(p.relative_to(tmp_path)) for p in find_files([tmp_path, tmp_path / "a.jsonl"])]
    assert names == ["a.jsonl", "b/z.txt", "c.WARC.GZ"]
    with pytest.raises(FileNotFoundError, match="there is no"):
        find_files([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no file of a known kind"):
        find_files([tmp_path / "empty"])
    with pytest.raises(TypeError, match="a list of paths"):
        find_files(str(tmp_path))


def steps() -> list[Step]:
    return [
        Step("quality", gopher_quality),
        Step("exact", ExactDuplicates()),
        Step("near", NearDuplicates()),
    ]


def test_the_report_counts_what_happened() -> None:
    pages = crawl(400)
    report = Funnel([StepReport(step.name) for step in steps()])
    kept = list(curate(pages, steps(), report, np.random.default_rng(0)))
    quality, exact, near = report.steps
    assert quality.documents == 400 and exact.documents == quality.kept
    assert near.kept == len(kept) == near.documents - near.dropped
    assert quality.words == sum(len(page.words) for page in pages)
    assert near.words_kept == sum(len(page.words) for page in kept)
    wanted = sum(page.about["keep"] for page in pages)
    assert sum(quality.wanted.values()) == wanted
    dropped = [page for page in pages if gopher_quality(page)]
    assert quality.dropped_rightly == sum(not page.about["keep"] for page in dropped)
    assert quality.precision() == quality.dropped_rightly / len(dropped)
    assert exact.precision() == 1.0 and near.precision() > 0.9
    groups = {g: n for g, n in quality.wanted_dropped.items() if n}
    worst, share = quality.worst_group()
    assert (
        share
        == max(n / quality.wanted[g] for g, n in groups.items())
        == (groups[worst] / quality.wanted[worst])
    )
    assert len(quality.kept_examples) == len(quality.dropped_examples) == 5
    assert all(one["why"] for one in quality.dropped_examples)
    assert Funnel.from_dict(json.loads(json.dumps(report.to_dict()))).table() == report.table()
    assert report.table().count("\n") == 4


def test_a_step_that_leaves_no_text_drops_the_page() -> None:
    report = Funnel([StepReport("empty")])
    step = Step("empty", lambda page: Page(" ", page.url, page.about))
    assert list(curate([Page("x")], [step], report, np.random.default_rng(0))) == []
    assert report.steps[0].reasons == {"empty: text left": 1}


def test_examples_are_drawn_evenly() -> None:
    counts = Counter()
    for seed in range(300):
        report = Funnel([StepReport("all")], examples=2)
        pages = [Page(f"page {i}") for i in range(10)]
        list(curate(pages, [Step("all", lambda _: [])], report, np.random.default_rng(seed)))
        counts.update(one["text"] for one in report.steps[0].kept_examples)
    assert min(counts.values()) > 30 and max(counts.values()) < 95  # 60 each on average


def write_parts(folder: Path, n_files: int = 6, n: int = 60) -> Path:
    folder.mkdir(parents=True)
    for index in range(n_files):
        lines = "".join(map(as_line, crawl(n, seed=7)[: n - index]))
        (folder / f"{index}.jsonl").write_text(lines)
    return folder


def contents(folder: Path) -> dict[str, str]:
    report = json.loads((folder / "report.json").read_text())
    for step in report["steps"]:
        step.pop("seconds")
    pages = {p.name: p.read_text() for p in sorted((folder / "pages").glob("*"))}
    return {**pages, "report": json.dumps(report)}


@pytest.mark.slow
def test_a_cut_run_goes_on_and_ends_as_one_that_was_not(tmp_path: Path) -> None:
    raw = write_parts(tmp_path / "raw")
    curate_files([raw], tmp_path / "whole", steps(), settings={})

    class Cut(Exception):
        pass

    for cut in (1, 70, 200):
        out, seen = tmp_path / f"cut{cut}", 0

        def stop(page: Page, cut: int = cut) -> list:
            nonlocal seen
            seen += 1
            if seen == cut:
                raise Cut
            return []

        cutting = steps()
        cutting[0] = Step("quality", lambda page: stop(page) or gopher_quality(page))
        with pytest.raises(Cut):
            curate_files([raw], out, cutting, settings={})
        curate_files([raw], out, steps(), settings={})
        assert contents(out) == contents(tmp_path / "whole")
        assert not list(out.rglob("*.part"))


def test_many_small_files_go_on_behind_the_last_saved_one(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "raw").mkdir()
    for index, page in enumerate(crawl(150, seed=3)):
        (tmp_path / "raw" / f"{index:03d}.txt").write_text(page.text)
    saved: list[int] = []
    save = job._save

    def counting(*arguments) -> None:
        saved.append(arguments[-1])
        save(*arguments)

    monkeypatch.setattr(job, "_save", counting)
    curate_files([tmp_path / "raw"], tmp_path / "whole", steps(), settings={})
    assert saved[:50] == [*range(1, 51)] and len(saved) < 100 and saved[-1] == 150

    def cut(page: Page) -> list:
        if saved and saved[-1] == 103 and (tmp_path / "out/pages/00104.jsonl").exists():
            raise KeyboardInterrupt
        return []

    saved.clear()
    cutting = steps()
    cutting[0] = Step("quality", lambda page: cut(page) or gopher_quality(page))
    with pytest.raises(KeyboardInterrupt):
        curate_files([tmp_path / "raw"], tmp_path / "out", cutting, settings={})
    curate_files([tmp_path / "raw"], tmp_path / "out", steps(), settings={})
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    monkeypatch.setattr(job, "_SAVE_SECONDS", -1.0)  # each file takes longer than that
    saved.clear()
    curate_files([tmp_path / "raw"], tmp_path / "slow", steps(), settings={})
    assert saved == [*range(1, 151)]
    assert contents(tmp_path / "slow") == contents(tmp_path / "whole")


@pytest.mark.processes
def test_a_killed_command_goes_on(tmp_path: Path) -> None:
    raw = write_parts(tmp_path / "raw", n_files=12)
    words = [sys.executable, "-m", "course_lib.data", str(raw), "--quiet"]
    words += ["--steps", "quality-rules,exact,near", "--output"]
    subprocess.run([*words, str(tmp_path / "whole")], check=True, capture_output=True)
    process = subprocess.Popen([*words, str(tmp_path / "cut")], stdout=subprocess.DEVNULL)
    state = tmp_path / "cut" / "curated" / "state.npz"
    end = time.monotonic() + 60
    while not state.exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run([*words, str(tmp_path / "cut")], check=True, capture_output=True)
    assert contents(tmp_path / "cut" / "curated") == contents(tmp_path / "whole" / "curated")


def test_a_run_is_not_taken_up_for_other_files_or_settings(tmp_path: Path) -> None:
    raw, out = write_parts(tmp_path / "raw", 2), tmp_path / "out"
    curate_files([raw], out, steps(), settings={"a": 1})
    curate_files([raw], out, steps(), settings={"a": 1})
    for change, match in (
        ({"settings": {"a": 2}}, "other settings"),
        ({"steps": steps()[:1]}, "other steps"),
        ({"seed": 1}, "other seed"),
    ):
        arguments = {"steps": steps(), "settings": {"a": 1}, **change}
        with pytest.raises(ValueError, match=match):
            curate_files([raw], out, **arguments)
    (raw / "new.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(ValueError, match="other files"):
        curate_files([raw], out, steps(), settings={"a": 1})
    (raw / "new.jsonl").unlink()
    state = out / "state.npz"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 4
    state.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged"):
        curate_files([raw], out, steps(), settings={"a": 1})
    raw.joinpath("deep").mkdir()
    (tmp_path / "link").symlink_to(raw / "deep")
    for inside in (raw, raw / "deep", raw / "new" / "er", tmp_path, tmp_path / "link"):
        with pytest.raises(ValueError, match="are to be read, lie in one another"):
            curate_files([raw], inside, steps(), settings={})
    assert not (raw / "new").exists()
    assert read_report(out).steps[0].name == "quality"


def test_tokens_on_disk_are_the_rows_that_pack_makes(tmp_path: Path) -> None:
    texts = [page.text for page in make_crawl(20, np.random.default_rng(0), {"plain": 1.0})]
    tokenizer = ByteLevelBPE.train(texts, vocab_size=300, special_tokens=["<end>"])
    about = write_tokens(texts, tokenizer, tmp_path / "t", "<end>")
    rows = TokenRows(tmp_path / "t", 32)
    packed = pack([tokenizer.encode(t) for t in texts], 32, tokenizer.special_id("<end>"))
    assert about["n_texts"] == 20
    assert torch.equal(rows[torch.arange(len(rows))], packed[: len(rows)])
    with pytest.raises(ValueError, match="seq_len must be 1 to"):
        TokenRows(tmp_path / "t", about["n_tokens"])
    (tmp_path / "t" / "tokens.bin").write_bytes(b"\0\0")
    with pytest.raises(ValueError, match="holds 1 tokens"):
        TokenRows(tmp_path / "t", 1)
    with pytest.raises(ValueError, match="every page was dropped"):
        write_tokens([], tokenizer, tmp_path / "none", "<end>")
    assert not (tmp_path / "none").exists()


def test_the_command_from_raw_pages_to_tokens(tmp_path: Path, capsys) -> None:
    texts = [page.text for page in make_crawl(20, np.random.default_rng(0), {"plain": 1.0})]
    tokenizer = ByteLevelBPE.train(texts, vocab_size=300, special_tokens=["<end>"])
    tokenizer.save(tmp_path / "tokenizer.json")
    words = ["--made-crawl", "300", "--output", str(tmp_path / "out"), "--quiet"]
    words += ["--tokenizer", str(tmp_path / "tokenizer.json"), "--separator", "<end>"]
    assert command(words) == 0
    printed = capsys.readouterr().out
    assert "| near |" in printed and " tokens of " in printed
    assert len(TokenRows(tmp_path / "out" / "tokens", 64)) > 100


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none"], "there is no none"),
        ([], "give paths, or --made-crawl"),
        (["raw", "--made-crawl", "3"], "one of the two"),
        (["--made-crawl", "0"], "--made-crawl must be at least 1, got 0"),
        (["raw", "--steps", "magic"], "--steps must be of url, language"),
        (["raw", "--steps", ""], "--steps must be of"),
        (["raw", "--steps", "near,near"], "names a step twice"),
        (["raw", "--steps", "harmful"], "the step harmful needs --terms"),
        (["raw", "--terms", "x"], "--terms is given, but --steps does not name harmful"),
        (["raw", "--good", "x"], "--good is given, but"),
        (["raw", "--steps", "language", "--language", "xx"], "--language must be one of"),
        (["raw", "--tokenizer", "x"], "go together"),
        (["raw", "--seed", "-1"], "--seed must be 0 or more, got -1"),
        (["raw", "--output", ""], "--output is empty"),
        (["raw", "--output", "circle"], "circle"),
    ],
)
def test_bad_words_end_with_one_sentence(tmp_path, monkeypatch, capsys, words, message) -> None:
    monkeypatch.chdir(tmp_path)
    write_parts(tmp_path / "raw", 1, 5)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert command(["--output", "out", "--quiet", *words]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
