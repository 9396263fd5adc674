"""The command line of curation: from raw text or WARC to packed tokens, with a report."""

import argparse
import contextlib
import errno
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from course_lib.command_line import check_output, filled
from course_lib.data.curation.contamination import Contamination
from course_lib.data.curation.duplicates import ExactDuplicates, NearDuplicates
from course_lib.data.curation.harmful import harmful_terms
from course_lib.data.curation.job import PAGES, curate_files
from course_lib.data.curation.language import Language
from course_lib.data.curation.lists import host_set, word_set
from course_lib.data.curation.page import Page
from course_lib.data.curation.paragraphs import RepeatedParagraphs
from course_lib.data.curation.personal_data import mask_personal_data
from course_lib.data.curation.pipeline import Filter, Step
from course_lib.data.curation.quality import QualityClassifier
from course_lib.data.curation.repetition import gopher_repetition
from course_lib.data.curation.rules import c4_lines, c4_page, fineweb, gopher_quality, url_blocked
from course_lib.data.curation.sources import (
    as_paths,
    check_outside,
    count_others,
    find_files,
    read_pages,
)
from course_lib.files import read_text, replacing

STEPS = (
    "url",
    "language",
    "repetition",
    "quality-rules",
    "c4-lines",
    "c4-page",
    "fineweb",
    "harmful",
    "classifier",
    "contamination",
    "exact",
    "near",
    "paragraphs",
    "personal-data",
)
NEEDS = {
    "url": ("blocked_hosts",),
    "harmful": ("terms",),
    "classifier": ("good", "bad"),
    "contamination": ("evaluation",),
}
"""Step -> the options that name the files it cannot do without."""
_HALF = re.compile("[\ud800-\udfff]")
_DEFAULT = "language,repetition,quality-rules,c4-page,fineweb,exact,near,personal-data"


def arguments() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.data",
        description="Filter, deduplicate and tokenize raw text, and report what was dropped.",
    )
    parser.add_argument("paths", nargs="*", help="files and folders: text, JSON lines, HTML, WARC")
    parser.add_argument("--output", required=True, help="folder for pages, report and tokens")
    parser.add_argument("--made-crawl", type=int, metavar="N", help="draw N pages as the input")
    parser.add_argument("--steps", default=_DEFAULT, help=f"in order, of: {', '.join(STEPS)}")
    parser.add_argument("--language", help="code of the one to keep, for the step language (en)")
    files = {
        "--blocked-hosts": "file of host names, one a line",
        "--terms": "file of listed words, one a line, for the step harmful",
        "--good": "file or folder of good pages, for the step classifier",
        "--bad": "file or folder of bad pages, for the step classifier",
        "--evaluation": "file or folder, for the step contamination",
        "--tokenizer": "folder or file of a tokenizer: writes output/tokens",
    }
    for option, told in files.items():
        parser.add_argument(option, type=filled, help=told)
    parser.add_argument("--separator", help="its special token between pages")
    parser.add_argument("--seed", type=int, default=0, help="draws the made crawl and the examples")
    parser.add_argument("--quiet", action="store_true", help="no bar")
    return parser


@contextlib.contextmanager
def _named(option: str) -> Iterator[None]:
    """Let an error of what an option names begin with that option."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise ValueError(f"{option}: {error}") from error


def _word_list(
    path: str | None, option: str, check: Callable[[frozenset[str], str], frozenset[str]]
) -> frozenset[str]:
    if path is None:
        return frozenset()
    with _named(option):
        text = read_text(path).removeprefix("\ufeff")  # as some editors begin a file
    lines = (line.strip().lower() for line in text.splitlines())
    words = frozenset(line for line in lines if line and not line.startswith("#"))
    if not words:
        raise ValueError(f"{option} {path} lists no word")
    return check(words, f"the lines of {option} {path}")


def _pages(path: str, option: str) -> list[Page]:
    skipped: Counter[str] = Counter()
    with _named(option):
        files = find_files([path])
    pages = [page for file in files for page in read_pages(file, skipped)]
    skipped.update(count_others([path]))
    if not pages:
        raise ValueError(f"{option} {path} holds no page that can be read: {dict(skipped)}")
    for cause, count in skipped.items():
        print(f"{option} {path}: skipped {count:,} ({cause})", file=sys.stderr)
    return pages


def make_steps(options: argparse.Namespace) -> list[Step]:
    """Make the filters that the options name.

    Args:
        options: What the parser of ``arguments`` returned.

    Returns:
        The steps, in the order asked for.

    Raises:
        ValueError: If a step is unknown or named twice, a step's file is not given, or a file is
            given whose step is not asked for: it would be ignored in silence.
    """
    names = [name.strip() for name in options.steps.split(",") if name.strip()]
    unknown = [name for name in names if name not in STEPS]
    if unknown or not names:
        raise ValueError(f"--steps must be of {', '.join(STEPS)}; got {options.steps!r}")
    if len(set(names)) != len(names):
        raise ValueError(f"--steps names a step twice: {options.steps}")
    if options.language is not None and "language" not in names:
        raise ValueError("--language is given, but --steps does not name language")
    for step, wanted in NEEDS.items():
        for option in wanted:
            given, flag = getattr(options, option) is not None, f"--{option.replace('_', '-')}"
            if given and step not in names:
                raise ValueError(f"{flag} is given, but --steps does not name {step}")
            if not given and step in names:
                raise ValueError(f"the step {step} needs {flag}")
    hosts = _word_list(options.blocked_hosts, "--blocked-hosts", host_set)
    terms = _word_list(options.terms, "--terms", word_set)

    def language() -> Language:
        try:
            return Language("en" if options.language is None else options.language)
        except ValueError as error:  # names its argument: language
            raise ValueError(f"--{error}") from None

    def classifier() -> QualityClassifier:
        good, bad = _pages(options.good, "--good"), _pages(options.bad, "--bad")
        return QualityClassifier.fit(good, bad, rng=np.random.default_rng(options.seed))

    def contamination() -> Contamination:
        pages = _pages(options.evaluation, "--evaluation")
        found = Contamination(page.text for page in pages)
        if found.n_left_out:
            told = f"{found.n_left_out:,} of {len(pages):,} texts are too short to be looked for"
            print(f"--evaluation {options.evaluation}: {told}", file=sys.stderr)
        return found

    def masked(page: Page) -> Page:
        return Page(mask_personal_data(page.text), page.url, page.about)

    make: dict[str, Callable[[], Filter]] = {
        "url": lambda: lambda page: url_blocked(page, hosts),
        "language": language,
        "repetition": lambda: gopher_repetition,
        "quality-rules": lambda: gopher_quality,
        "c4-lines": lambda: c4_lines,
        "c4-page": lambda: c4_page,
        "fineweb": lambda: fineweb,
        "harmful": lambda: lambda page: harmful_terms(page, terms),
        "classifier": classifier,
        "contamination": contamination,
        "exact": ExactDuplicates,
        "near": NearDuplicates,
        "paragraphs": RepeatedParagraphs,
        "personal-data": lambda: masked,
    }
    return [Step(name, make[name]()) for name in names]


def kept_texts(output: Path, skipped: Counter[str] | None = None) -> Iterator[str]:
    """The texts that a run kept, one at a time, but those that no tokenizer could read.

    Args:
        output: The run's folder.
        skipped: Counts texts with half of a character, which JSON can write and UTF-8 cannot.
    """
    for file in sorted((output / PAGES).glob("*.jsonl")):
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                text: str = json.loads(line)["text"]
                if _HALF.search(text) is None:
                    yield text
                elif skipped is not None:
                    skipped["half of a character"] += 1


def command(words: Sequence[str]) -> int:
    """Run the command.

    Args:
        words: The command line, without the program's name.

    Returns:
        The exit status: 0, 2 for a fault of the command line or the input, 130 when interrupted.

    Raises:
        BrokenPipeError: Whoever reads the output has gone.
    """
    options = arguments().parse_args(words)
    try:
        return _run(options)
    except BrokenPipeError:
        raise  # whoever reads the report has gone: no fault of the input
    except (ValueError, OSError, ImportError, RuntimeError) as error:  # the last: links in a circle
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        more = f"; what is done is kept in {options.output}, make room and run it again"
        print(f"course_lib.data: {error}{more if full else ''}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "course_lib.data: interrupted. What is done is kept; the same command goes on.",
            file=sys.stderr,
        )
        return 130


def _run(options: argparse.Namespace) -> int:
    output = Path(options.output).expanduser()
    if not options.output:
        raise ValueError("--output is empty; a folder is wanted")
    check_output("--output", output)
    for place in (output / "curated", output / "tokens"):
        if place.exists() and not place.is_dir():
            raise ValueError(f"--output {output}: {place} is a file; a folder is wanted")
    if options.seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {options.seed}")
    if (options.tokenizer is None) != (options.separator is None):
        raise ValueError("--tokenizer and --separator go together: give both or neither")
    if bool(options.paths) == (options.made_crawl is not None):
        raise ValueError("give paths, or --made-crawl N: one of the two")
    paths = as_paths(options.paths)
    check_outside(output / "curated", paths)
    tokenizer = None
    if options.tokenizer is not None:
        from course_lib.tokenizers import load_tokenizer

        with _named("--tokenizer"):
            tokenizer = load_tokenizer(options.tokenizer)
        try:
            tokenizer.special_id(options.separator)
        except ValueError as error:
            raise ValueError(f"--separator: {error}") from None
    steps = make_steps(options)
    if options.made_crawl is not None:
        paths = [_write_crawl(output, options.made_crawl, options.seed)]
    settings = {"language": options.language or "en"} | {
        name: _contents(getattr(options, name))
        for name in ("blocked_hosts", "terms", "good", "bad", "evaluation")
    }
    report = curate_files(
        paths,
        output / "curated",
        steps,
        settings=settings,
        seed=options.seed,
        progress=not options.quiet,
    )
    print(report.table())
    for cause, count in report.skipped.most_common():
        print(f"skipped: {count:,} ({cause})")
    if tokenizer is not None:
        from course_lib.data.curation.packed import write_tokens

        skipped: Counter[str] = Counter()
        texts = kept_texts(output / "curated", skipped)
        about = write_tokens(texts, tokenizer, output / "tokens", options.separator)
        print(f"{about['n_tokens']:,} tokens of {about['n_texts']:,} pages in {output / 'tokens'}")
        for cause, count in skipped.items():
            print(f"not tokenized: {count:,} ({cause})")
    return 0


def _contents(path: str | None) -> list[str] | None:
    """A file's or folder's name and a digest: a run is not taken up under a list that changed."""
    if path is None:
        return None
    total = hashlib.sha256()
    for file in find_files([path]):
        with open(file, "rb") as opened:
            total.update(hashlib.file_digest(opened, "sha256").digest())
    return [path, total.hexdigest()]


def _write_crawl(output: Path, n: int, seed: int) -> Path:
    """Draw the made crawl as JSON lines, once: the same command finds it again."""
    from course_lib.data.crawl import make_crawl
    from course_lib.data.curation.job import as_line

    if n < 1:
        raise ValueError(f"--made-crawl must be at least 1, got {n}")
    path = output / f"crawl-{n}-{seed}.jsonl"
    output.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with replacing(path) as part, open(part, "w", encoding="utf-8") as file:
            try:
                file.writelines(map(as_line, make_crawl(n, np.random.default_rng(seed))))
            except MemoryError:
                raise ValueError(f"--made-crawl {n} is more than the memory holds") from None
    return path
