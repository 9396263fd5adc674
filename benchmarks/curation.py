"""Filters of curation against datatrove's same filters, and memory from 1,000 to 100,000 pages.

Run

    python benchmarks/curation.py

which prints two tables and writes `benchmarks/results/curation.json`. CPU seconds of one thread,
peers in turn on the same pages with the same limits, every page through every filter. datatrove is
measured twice: as it comes, with spaCy's English words (`pip install spacy`; left out, and said so,
where that is missing), and as a favour with words cut at blanks, which cost it nearly nothing.

Memory is the greatest resident size of a process of its own that runs the whole command on a made
crawl.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _measure import RESULTS, interleaved, report
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.word_tokenizers import WordTokenizer

from course_lib.data.crawl import make_crawl
from course_lib.data.curation import Page, c4_page, fineweb, gopher_quality, gopher_repetition

OURS = {
    "Gopher quality": gopher_quality,
    "Gopher repetition": gopher_repetition,
    "C4 page rules": c4_page,
    "FineWeb rules": fineweb,
}
GOAL_SPEED, GOAL_MEMORY = 5.0, 1.25
SPACY = "datatrove, words by spaCy"
ROOT = Path(__file__).parents[1]


class AtBlanks(WordTokenizer):
    """Words and sentences by one regular expression each: as cheap as they can be had."""

    def word_tokenize(self, text: str) -> list[str]:
        """Cut at blanks."""
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        """Cut behind end marks."""
        return [text[start:end] for start, end in self.span_tokenize(text)]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Begin and end of each sentence."""
        ends = [match.end() for match in re.finditer(r"[.!?]+(?=\s|$)", text)]
        if text and (not ends or ends[-1] < len(text.rstrip())):
            ends.append(len(text))
        return list(zip([0, *ends], ends, strict=False))


def theirs(language: Any) -> dict[str, Any]:
    """Make datatrove's filters with our limits; rules that only one side has are switched off."""
    c4 = C4QualityFilter(
        remove_citations=False,
        filter_no_terminal_punct=False,
        min_num_sentences=3,
        min_words_per_line=-1,
        max_word_length=-1,
        filter_javascript=False,
        filter_policy=False,
        language=language,
    )
    web = FineWebQualityFilter(
        char_duplicates_ratio=0.1, new_line_ratio=float("inf"), language=language
    )
    return dict(
        zip(
            OURS,
            (
                GopherQualityFilter(language=language),
                GopherRepetitionFilter(language=language),
                c4,
                web,
            ),
            strict=True,
        )
    )


def decide_ours(names: list[str], texts: list[str]) -> list[bool]:
    """Whether each page is kept; every filter sees every page."""
    kept = []
    for text in texts:
        page = Page(text)
        kept.append(not any([OURS[name](page) for name in names]))
    return kept


def decide_theirs(filters: list[Any], texts: list[str]) -> list[bool]:
    kept = []
    for text in texts:
        answers = [one.filter(Document(text, "0")) for one in filters]
        kept.append(all(answer is True for answer in answers))
    return kept


def speed(n_pages: int, rounds: int) -> list[dict[str, Any]]:
    """One row for each filter and peer, and one for all filters."""
    texts = [page.text for page in make_crawl(n_pages, np.random.default_rng(0))]
    peers = {"datatrove, words at blanks": theirs(AtBlanks())}
    if importlib.util.find_spec("spacy"):
        peers[SPACY] = theirs("eng")
    else:
        print("spaCy is not installed: datatrove is measured with words at blanks only")
    rows = []
    for what, names in {**{name: [name] for name in OURS}, "all": list(OURS)}.items():
        work = {"course_lib": lambda names=names: decide_ours(names, texts)}
        for peer, filters in peers.items():
            chosen = [filters[name] for name in names]
            work[peer] = lambda chosen=chosen: decide_theirs(chosen, texts)
        answers = {peer: run() for peer, run in work.items()}
        seconds = {peer: min(times) for peer, times in interleaved(work, rounds).items()}
        for peer in work:
            same = np.mean(np.array(answers[peer]) == np.array(answers["course_lib"]))
            rows.append(
                {
                    "filters": what,
                    "peer": peer,
                    "pages/s": n_pages / seconds[peer],
                    "our speed / theirs": seconds[peer] / seconds["course_lib"],
                    "same decision": float(same),
                }
            )
    return rows


def peak_megabytes(n_pages: int, folder: Path) -> float:
    """Greatest resident size of the command on a made crawl of that size."""
    words = [sys.executable, "-m", "course_lib.data", "--made-crawl", str(n_pages), "--quiet"]
    words += ["--output", str(folder / str(n_pages))]
    with open(os.devnull, "wb") as nothing:
        process = subprocess.Popen(words, cwd=ROOT, stdout=nothing)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the command ended with status {process.returncode}")
    return used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def memory(few: int, many: int) -> list[dict[str, Any]]:
    """One row for each size of crawl."""
    with tempfile.TemporaryDirectory() as folder:
        peaks = {n: peak_megabytes(n, Path(folder)) for n in (few, many)}
    growth = (peaks[many] - peaks[few]) * 2**20 / (many - few)
    return [
        {
            "pages": n,
            "peak (MB)": peak,
            "ratio to the fewest": peak / peaks[few],
            "bytes a further page": growth if n == many else 0.0,
        }
        for n, peak in peaks.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=400, help="pages that the filters see")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--few", type=int, default=1_000, help="pages of the small crawl")
    parser.add_argument("--many", type=int, default=100_000, help="pages of the large crawl")
    options = parser.parse_args()
    rows = speed(options.pages, options.rounds)
    sizes = memory(options.few, options.many)
    by_peer = {row["peer"]: row["our speed / theirs"] for row in rows if row["filters"] == "all"}
    times = by_peer.get(SPACY)  # the goal is for datatrove as it comes
    ratio = sizes[-1]["ratio to the fewest"]
    about = {
        "pages": options.pages,
        "memory": sizes,
        "goals": {
            "all filters, times datatrove's speed": [
                GOAL_SPEED,
                times,
                times is not None and times >= GOAL_SPEED,
            ],
            "memory, many pages to few": [GOAL_MEMORY, ratio, ratio <= GOAL_MEMORY],
        },
    }
    report("curation", rows, about)
    print()
    for row in sizes:
        print("  ".join(f"{name} {value:,.2f}" for name, value in row.items()))
    for name, (goal, value, met) in about["goals"].items():
        shown = "not measured" if value is None else f"{value:.2f}"
        print(f"{name}: {shown}, goal {goal}, {'met' if met else 'NOT MET'}")
    print(f"kept in {RESULTS / 'curation.json'}")


if __name__ == "__main__":
    main()
