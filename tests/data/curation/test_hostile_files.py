"""Files that are damaged, huge or change under a run, and a disk that is full: nothing is lost."""

import builtins
import errno
import gzip
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from course_lib import files
from course_lib.data.crawl import make_crawl
from course_lib.data.curation import NearDuplicates, Page, c4_page, gopher_quality
from course_lib.data.curation import job as job_module
from course_lib.data.curation import packed as packed_module
from course_lib.data.curation.command import command
from course_lib.data.curation.duplicates import MinHash
from course_lib.data.curation.job import as_line, curate_files
from course_lib.data.curation.pipeline import Step
from course_lib.data.curation.sources import read_pages
from course_lib.tokenizers import ByteLevelBPE

LIMIT = 100_000
HTML = b"<html><body><main><p>The river is wide near the old harbour.</p></main></body></html>"
LONG = HTML.replace(b"<p>", b"<p>The river is wide. " * 20_000)


def record(body: bytes, more: str = "", length: int | None = None) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html" + more.encode() + b"\r\n\r\n" + body
    size = len(block) if length is None else length
    return (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\n"
        "WARC-Date: 2024-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:0>\r\n"
        f"Content-Type: application/http\r\nContent-Length: {size}\r\n\r\n"
    ).encode() + (block + b"\r\n\r\n")


def read(path: Path, limit: int = LIMIT) -> tuple[list[Page], Counter]:
    skipped: Counter[str] = Counter()
    return list(read_pages(path, skipped, max_page_bytes=limit)), skipped


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize(
    "large",
    [
        record(LONG),
        record(gzip.compress(LONG, mtime=0), "\r\nContent-Encoding: gzip"),
        record(chunked(LONG), "\r\nTransfer-Encoding: chunked"),
    ],
    ids=["plain", "gzip", "chunked"],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_record_beyond_the_limit_is_counted_and_the_next_one_read(tmp_path, large, packed):
    """However it is sent: a body that unpacks to more than the limit is not cut at it either."""
    path = tmp_path / ("a.warc.gz" if packed else "a.warc")
    parts = [record(HTML), large, record(HTML)]
    path.write_bytes(b"".join(gzip.compress(p, mtime=0) if packed else p for p in parts))
    pages, skipped = read(path)
    assert len(pages) == 2 and skipped == {"larger than the limit": 1}


@pytest.mark.processes
@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.jsonl", "a.txt", "a.txt.gz"])
def test_100_megabytes_in_one_piece_do_not_fill_the_memory(tmp_path: Path, name: str) -> None:
    large = b"x" * 100_000_000
    data = {
        "warc": lambda: record(large) + record(HTML),
        "jsonl": lambda: b'{"text": "' + large + b'"}\n{"text": "next"}\n',
        "txt": lambda: large,
    }[name.split(".")[1]]()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
    del data, large
    code = (
        "import resource, sys; from collections import Counter\n"
        "from course_lib.data.curation.sources import read_pages, extract_text\n"
        "import fastwarc.warc; extract_text(b'<p>x</p>')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "skipped = Counter(); n = len(list(read_pages(sys.argv[1], skipped)))\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(n, dict(skipped), grown // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    n, counted = done.stdout.split(" ", 1)
    assert int(n) == (0 if "txt" in name else 1)
    assert "{'larger than the limit': 1}" in counted
    assert int(counted.rsplit(" ", 1)[1]) < 60  # megabytes


@pytest.mark.parametrize(
    ("name", "data", "texts"),
    [
        *(
            (f"{code}.txt", "Grüße, Łódź".encode(code), ["Grüße, Łódź"])
            for code in ("utf-8", "utf-8-sig", "utf-16", "utf-32")
        ),
        ("be.txt", b"\xfe\xff" + "Grüße".encode("utf-16-be"), ["Grüße"]),
        ("odd.txt", b"\xff\xfe" + "Grüße".encode("utf-16-le")[:-1], []),
        ("unmarked.txt", "Grüße".encode("utf-16-le"), []),
        ("western.txt", "Grüße".encode("cp1252"), ["Grüße"]),
        ("western.jsonl", '{"text": "Grüße"}\n{"text": "b"}\n'.encode("cp1252"), ["Grüße", "b"]),
        ("mark.jsonl", b'\xef\xbb\xbf{"text": "a"}\n{"text": "b"}\n', ["a", "b"]),
        ("wide.jsonl", '{"text": "a"}\n{"text": "b"}\n'.encode("utf-16-le"), []),
        *(
            (f"{code}.jsonl", '{"text": "Ċа"}\r\n{"text": "Łódź"}\n'.encode(code), ["Ċа", "Łódź"])
            for code in ("utf-16", "utf-32")
        ),
        ("be.jsonl", b"\xfe\xff" + '{"text": "ਊ"}\n'.encode("utf-16-be"), ["ਊ"]),
        ("odd.jsonl", '{"text": "a"}\n{"text": "b"}\n'.encode("utf-16")[:-3], ["a"]),
        ("one.txt", b"word", ["word"]),
        ("one.jsonl", b'{"text": "word"}\n{"text": ""}\n', ["word"]),
        ("deep.jsonl", b'{"text": "a", "x": ' + b"[" * 90_000 + b"}\n", []),
    ],
)
def test_encodings_are_read_or_counted(tmp_path: Path, name, data, texts) -> None:
    (tmp_path / name).write_bytes(data)
    pages, skipped = read(tmp_path / name)
    assert [page.text for page in pages] == texts
    assert len(pages) + skipped.total() >= 1 and (bool(texts) or skipped)


@pytest.mark.parametrize(
    "html",
    [
        b"<<<>>><p><b><i>" * 2_000 + b"The river",
        b"<p>" * 30_000 + b"The river",
        b"<!--" * 5_000 + b"The river",
        b"<p title='" + b"x" * 50_000,
        b"</p></div></html>" * 3_000 + b"<p>The river</p>",
        b"<p>\xff\xfe\x00The \x80river</p>",
        b"<table><tr><td>" * 2_000 + b"The river",
        b"&#xffffffff;&#0;&unknown;" * 2_000,
    ],
)
def test_malformed_html_is_read_or_counted(tmp_path: Path, html: bytes) -> None:
    (tmp_path / "a.html").write_bytes(html)
    (tmp_path / "a.warc").write_bytes(record(html) + record(HTML))
    pages, skipped = read(tmp_path / "a.html")
    assert len(pages) + skipped.total() == 1
    pages, skipped = read(tmp_path / "a.warc")
    assert len(pages) + skipped.total() == 2 and "river" in pages[-1].text


@pytest.mark.parametrize(
    "text",
    [
        "." * 300_000 + "x",
        "!?" * 150_000 + "x",
        ".)" * 150_000 + "x",
        '."' * 150_000 + "x",
        "." + ")" * 300_000 + "x",
        "\n" * 300_000 + "x",
        "\n " * 150_000 + "x",
        "x" * 300_000,
        "# " * 150_000,
        "… " * 150_000,
    ],
    ids=lambda text: repr(text[:3]),
)
def test_no_rule_takes_time_that_grows_faster_than_the_page(text: str) -> None:
    start = time.process_time()
    page = Page(text)
    gopher_quality(page), c4_page(page), page.paragraphs
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("One. Two! Three?", 3),
        ("Wait... what?! Yes.", 3),
        ('He said "no." Then "yes!") and', 2),
        ("1.5 is no end.x", 0),
        ("a.b. c", 1),
        ("...", 1),
        ("", 0),
    ],
)
def test_sentences_are_counted_at_marks_before_a_blank(text: str, n: int) -> None:
    assert Page(text).n_sentences == n


def test_a_page_of_a_million_words_is_hashed_in_little_memory() -> None:
    elements = np.random.default_rng(0).integers(0, 2**63, 50_000, dtype=np.uint64)
    whole = MinHash(20)
    products = elements[:, None] * whole.multipliers + whole.offsets
    assert (whole(elements) == (products.min(axis=0) >> np.uint64(32)).astype(np.uint32)).all()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    MinHash(112)(np.arange(1_000_000, dtype=np.uint64))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200 * 1024  # kilobytes; at once it would be 900,000


def folder_of(path: Path, n_files: int = 4) -> Path:
    path.mkdir(parents=True)
    pages = list(make_crawl(40 * n_files, np.random.default_rng(5)))
    for index in range(n_files):
        (path / f"{index}.jsonl").write_text("".join(map(as_line, pages[index::n_files])))
    return path


def steps() -> list[Step]:
    return [Step("quality", gopher_quality), Step("near", NearDuplicates())]


def kept(output: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((output / "pages").iterdir())}


def test_what_a_folder_holds_and_is_not_read_is_counted(tmp_path: Path) -> None:
    raw = folder_of(tmp_path / "raw", 1)
    (raw / "deep").mkdir()
    for name in ("a.pdf", "deep/b.png"):
        (raw / name).touch()
    (raw / "gone.txt").symlink_to(tmp_path / "nowhere")
    (raw / "round").symlink_to(raw)
    os.mkfifo(raw / "pipe.txt")
    report = curate_files([raw, raw / "0.jsonl"], tmp_path / "out", steps(), settings={})
    assert report.skipped == {"unknown kind of file": 4, "link to a folder": 1}
    again = curate_files([raw, raw / "0.jsonl"], tmp_path / "out", steps(), settings={})
    assert again.skipped == report.skipped


class Cut(Exception):
    pass


def cut_at(n: int) -> list[Step]:
    row, seen = steps(), 0

    def stop(page: Page) -> list:
        nonlocal seen
        seen += 1
        if seen == n:
            raise Cut
        return gopher_quality(page)

    row[0] = Step("quality", stop)
    return row


@pytest.mark.slow
@pytest.mark.parametrize("change", ["longer", "same size", "gone", "new"])
def test_files_that_change_between_cut_and_going_on_are_refused(tmp_path: Path, change) -> None:
    raw, out = folder_of(tmp_path / "raw"), tmp_path / "out"
    with pytest.raises(Cut):
        curate_files([raw], out, cut_at(90), settings={})
    last, before = raw / "3.jsonl", (raw / "3.jsonl").read_text()
    stamp = last.stat().st_mtime_ns
    if change == "longer":
        last.write_text(before + '{"text": "more"}\n')
    elif change == "same size":
        last.write_text(before.replace("the", "xyz"))
        os.utime(last, ns=(stamp + 10**9, stamp + 10**9))
    elif change == "gone":
        last.unlink()
    else:
        (raw / "4.jsonl").write_text('{"text": "more"}\n')
    with pytest.raises(ValueError, match="holds a run with other (files|times of change)"):
        curate_files([raw], out, steps(), settings={})
    (raw / "4.jsonl").unlink(missing_ok=True)
    last.write_text(before)
    os.utime(last, ns=(stamp, stamp))
    curate_files([raw], out, steps(), settings={})
    curate_files([raw], tmp_path / "whole", steps(), settings={})
    assert kept(out) == kept(tmp_path / "whole")


def test_a_file_that_goes_while_others_are_read_is_counted(tmp_path: Path) -> None:
    raw = folder_of(tmp_path / "raw")
    row = steps()
    row[0] = Step("quality", lambda page: (raw / "3.jsonl").unlink(missing_ok=True) or [])
    report = curate_files([raw], tmp_path / "out", row, settings={})
    assert report.skipped == {"no ordinary file": 1}
    assert report.steps[0].documents == 120


def words(tmp_path: Path, output: str) -> list[str]:
    raw = tmp_path / "raw"
    if not raw.exists():
        folder_of(raw)
        texts = [page.text for page in make_crawl(20, np.random.default_rng(0), {"plain": 1.0})]
        tokenizer = ByteLevelBPE.train(texts, vocab_size=300, special_tokens=["<end>"])
        tokenizer.save(tmp_path / "tokenizer.json")
    given = [str(raw), "--steps", "quality-rules,near", "--quiet", "--separator", "<end>"]
    return [
        *given,
        "--tokenizer",
        str(tmp_path / "tokenizer.json"),
        "--output",
        str(tmp_path / output),
    ]


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullFile:
    """A file whose third write finds no room."""

    def __init__(self, file) -> None:
        self.file, self.n_written = file, 0

    def write(self, data):
        self.n_written += 1
        if self.n_written > 2:
            raise FULL
        return self.file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return self.file.__exit__(*error)


PLACES = ["00000.jsonl", "00002.jsonl", "state.npz", "report.json", "report.md", "tokens"]


# the others are written in one piece: what is missing there is found when it is synced
@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "when"),
    [(place, "synced") for place in PLACES]
    + [(place, "written") for place in PLACES if "jsonl" in place or place == "tokens"],
)
def test_a_full_disk_loses_nothing(tmp_path, monkeypatch, capsys, place, when) -> None:
    assert command(words(tmp_path, "whole")) == 0
    full = True
    plain_sync = files.sync

    def sync(path: Path) -> None:
        if full and place in path.name:
            raise FULL
        plain_sync(path)

    def full_open(name, *rest, **options):
        file = builtins.open(name, *rest, **options)
        return FullFile(file) if full and place in str(name) else file

    if when == "synced":
        monkeypatch.setattr(files, "sync", sync)
    else:
        for module in (job_module, packed_module):
            monkeypatch.setattr(module, "open", full_open, raising=False)
    capsys.readouterr()
    assert command(words(tmp_path, "out")) == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said and "make room and run it again" in said
    assert said.count("\n") == 1
    assert not list((tmp_path / "out").rglob("*.part"))
    full = False
    assert command(words(tmp_path, "out")) == 0
    for part in ("curated/pages", "tokens"):
        for path in (tmp_path / "whole" / part).iterdir():
            assert (tmp_path / "out" / part / path.name).read_bytes() == path.read_bytes()
    reports = [
        json.loads((tmp_path / one / "curated" / "report.json").read_text())
        for one in ("whole", "out")
    ]
    for step in reports[0]["steps"] + reports[1]["steps"]:
        step.pop("seconds")
    assert reports[0] == reports[1]
