"""From a folder of raw files to texts to learn from and texts to measure on, kept apart.

Chapter: 20_capstone
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from course_lib.capstone.settings import Plan, Settings
from course_lib.data import split
from course_lib.data.corpora import paragraphs
from course_lib.data.curation import Contamination, Language, Page
from course_lib.data.curation.command import NEEDS, STEPS, arguments, kept_texts, make_steps
from course_lib.data.curation.job import curate_files
from course_lib.data.curation.pipeline import Step
from course_lib.data.curation.sources import find_files, read_pages
from course_lib.files import read_text, replacing_folder

MIN_CHARACTERS = 20_000
"""Text below this teaches no more than its letters."""
RUN_WORDS = 13
LONGEST_PARAGRAPH = 2_000
"""Characters from which on a paragraph is looked through in stretches."""
# Where a long text may be cut, the best first: before a blank line, a line, a word, anywhere.
_BORDERS = (r"(?<=\n)(?=\s*\n)", r"(?<=\n)", r"(?<=\s)", r"(?<=.)")
_TRAIN, _HELD_OUT = "train.jsonl", "held_out.jsonl"


def survey(folder: Path, enough: int = MIN_CHARACTERS) -> tuple[int, Counter[str]]:
    """Read a folder until it is clear that there is enough text.

    Args:
        folder: Of raw files.
        enough: Characters at which reading stops.

    Returns:
        Characters found, and what could not be read, by cause.

    Raises:
        FileNotFoundError: If it holds no file of a known kind.
    """
    found, skipped = 0, Counter[str]()
    for file in find_files([folder]):
        for page in read_pages(file, skipped):
            found += len(page.text)
            if found >= enough:
                return found, skipped
    return found, skipped


def curation_steps(settings: Settings) -> list[Step]:
    """Make the filters of the curation command that the settings name.

    Args:
        settings: Of the run.

    Raises:
        ValueError: If a filter is unknown, comes twice, or needs a file, for which there is no
            option here.
        ImportError: If the language is to be told and the extra `text` is not installed.
    """
    names = [name.strip() for name in settings.filters.split(",") if name.strip()]
    can = [name for name in STEPS if name not in NEEDS]
    if not names or set(names) - set(can):
        raise ValueError(f"filters must be of {', '.join(can)}, got {settings.filters!r}")
    names = ["language"] * (settings.language is not None) + names
    if len(set(names)) < len(names):
        beside = "" if settings.language is None else ", and language is one"
        raise ValueError(f"filters must be different ones, got {settings.filters!r}{beside}")
    words = ["--output", "-", "--steps", ",".join(names)]
    if settings.language is not None:
        words += ["--language", settings.language]
    return make_steps(arguments().parse_args(words))


def curate(plan: Plan) -> dict[str, Any]:
    """Filter the raw text, file by file; a run that was cut goes on behind its last whole file.

    Args:
        plan: Of the run.

    Returns:
        What was read and kept, by step, and the languages of what was kept.
    """
    report = curate_files(
        [plan.folder],
        plan.out / "curated",
        curation_steps(plan.settings),
        settings={"language": plan.settings.language},
        progress=plan.progress,
    )
    skipped = Counter(report.skipped)
    texts = list(kept_texts(plan.out / "curated", skipped))
    return {
        "read": report.steps[0].documents,
        "kept": len(texts),
        "characters": sum(map(len, texts)),
        "words read": report.steps[0].words,
        "words kept": report.steps[-1].words_kept,
        "dropped": {step.name: step.dropped for step in report.steps},
        "words dropped": {step.name: step.words - step.words_kept for step in report.steps},
        "skipped": dict(skipped),
        "languages": languages(texts),
    }


def languages(texts: Iterable[str]) -> dict[str, float]:
    """Share of the characters in each language, the most common first.

    Args:
        texts: The documents; each counts as one language.

    Returns:
        Two-letter code -> share; empty where what tells languages is not installed.
    """
    try:
        teller = Language()
    except ImportError:
        return {}
    counts: Counter[str] = Counter()
    for text in texts:
        counts[teller.identify(text)[0]] += len(text)
    return {code: n / counts.total() for code, n in counts.most_common()}


def cut_long(text: str, most: int) -> list[str]:
    """Cut a long text into stretches, at blank lines where it has them.

    Args:
        text: Any text.
        most: Characters of the longest stretch.

    Returns:
        The stretches, in order; the text itself where it is short enough.

    Raises:
        ValueError: If `most` is not positive.
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    if len(text) <= most:
        return [text]
    pieces = [text]
    for border in _BORDERS:
        pieces = [
            part
            for piece in pieces
            for part in (re.split(border, piece) if len(piece) > most else [piece])
        ]
    cut: list[str] = []
    now = ""
    for piece in pieces:
        if len(now) + len(piece) > most:
            cut, now = [*cut, now], ""
        now += piece
    return [stretch for stretch in [*cut, now] if stretch.strip()]


def hold_out(texts: Sequence[str], share: float) -> tuple[list[str], list[str], int]:
    """Keep documents apart to measure on; one that is longer than half of that part is cut first.

    Args:
        texts: The documents.
        share: Of all characters, to measure on.

    Returns:
        Texts to learn from, texts to measure on, and how many documents were cut.

    Raises:
        ValueError: As `course_lib.data.split`.
    """
    most = max(1, int(share * sum(map(len, texts)) / 2))
    pieces = [cut_long(text, most) for text in texts]
    train, held = split([one for some in pieces for one in some], share)
    return train, held, sum(len(some) > 1 for some in pieces)


def without_shared_runs(held: Sequence[str], train: Iterable[str]) -> tuple[list[str], float]:
    """Take out of held-out texts every paragraph that shares a run of words with training text.

    The training text stays as it is: a sentence that a hundred of its documents share would take
    all of them away. What is left to measure on is clean, and smaller.

    Args:
        held: Texts to measure on.
        train: Texts that are learned from.

    Returns:
        What is left of the held-out texts, and the share of their words that was taken out.
    """
    learned = list(train)
    known = Contamination(learned, n=RUN_WORDS, min_words=1)
    whole = {" ".join(Page(part).lower_words) for text in learned for part in _parts(text)}
    left, n_words, n_shared = [], 0, 0
    for text in held:
        clean = []
        for paragraph in _parts(text):
            page = Page(paragraph)
            n_words += len(page.words)
            if known(page) or " ".join(page.lower_words) in whole:
                n_shared += len(page.words)
            else:
                clean.append(paragraph)
        if clean:
            left.append("\n\n".join(clean))
    return left, n_shared / max(1, n_words)


def _parts(text: str) -> list[str]:
    """Paragraphs, and stretches of those that would otherwise be taken out for a few words."""
    return [part for one in paragraphs(text) for part in cut_long(one, LONGEST_PARAGRAPH)]


def split_texts(plan: Plan) -> dict[str, Any]:
    """Write the texts to learn from and the clean texts to measure on.

    Args:
        plan: Of the run; its curation is done.

    Returns:
        How much there is of each.
    """
    texts = list(kept_texts(plan.out / "curated"))
    train, held, n_cut = hold_out(texts, plan.settings.held_out)
    clean, shared = without_shared_runs(held, train)
    with replacing_folder(plan.out / "texts") as folder:
        for name, some in ((_TRAIN, train), (_HELD_OUT, clean)):
            lines = "".join(json.dumps({"text": text}) + "\n" for text in some)
            (folder / name).write_text(lines, encoding="utf-8")
    return {
        "documents": len(texts),
        "cut": n_cut,
        "training characters": sum(map(len, train)),
        "held-out characters": sum(map(len, clean)),
        "held-out documents": len(clean),
        "shared": shared,
    }


def read_split(out: Path) -> tuple[list[str], list[str]]:
    """Read the texts to learn from and those to measure on.

    Args:
        out: Of a run whose text was split.

    Returns:
        Both, in their old order.
    """
    train, held = (
        [json.loads(line)["text"] for line in read_text(out / "texts" / name).splitlines()]
        for name in (_TRAIN, _HELD_OUT)
    )
    return train, held
