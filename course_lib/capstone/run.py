"""A run from raw files to a model, one step after another, that can be cut and taken up.

After each step its numbers are written to `run.json`, whole or not at all. A step that is not in
there is made again, curation and pre-training from where they were cut.

Chapter: 20_capstone
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

from course_lib.capstone import texts
from course_lib.capstone.checks import Finding
from course_lib.capstone.settings import STEPS, Plan, Settings
from course_lib.capstone.steps import WORK
from course_lib.data.curation.sources import find_files
from course_lib.files import read_json, write_json
from course_lib.locks import only_run

STATE = "run.json"
_KIND = "course_lib.capstone"


class MissingError(RuntimeError):
    """A check found something without which the next steps would be for nothing."""


class Capstone:
    """One run: a folder of raw text, a folder of results, and the steps between them.

    Making one reads and checks; nothing is written before the first step.

    Attributes:
        plan: Where the text is, where results go, what is wanted.
        results: Numbers of each step that is done.
        findings: What the checks found, by step.

    Args:
        folder: Of raw files: text, JSON lines, HTML, WARC.
        out: For the results; a new one, or that of the same run.
        settings: The choices.
        again: Make the steps again that a changed input or choice concerns.
        progress: Whether to show bars.

    Raises:
        ValueError: If the folder holds too little text, one folder lies in the other, `out` holds
            something else, or the run there had another input or other choices.
        OSError: If a folder is missing, or holds no file of a known kind.
        ImportError: If what a file or a filter needs is not installed.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        out: str | PathLike[str],
        settings: Settings | None = None,
        *,
        again: bool = False,
        progress: bool = False,
    ) -> None:
        settings = settings or Settings()
        raw, target = Path(folder).expanduser().resolve(), Path(out).expanduser().resolve()
        self.plan = Plan(raw, target, settings, progress)
        self.results: dict[str, Any] = {}
        self.findings: dict[str, list[Finding]] = {}
        self._input = _look_at(raw, target, settings)
        before = _read_state(target)
        first, changes = self._changed(before)
        if changes and not again and _begun(target, first):
            raise ValueError(
                f"{target} holds another run: {'; '.join(changes)}. Name another folder, or say "
                f"--again to make the steps from {first} on again"
            )
        self._stale = STEPS[STEPS.index(first) :] if changes else ()
        for name in STEPS:
            if name in self._stale or name not in before.get("results", {}):
                break
            self.results[name] = before["results"][name]
            self.findings[name] = [Finding(**one) for one in before["findings"][name]]

    def _changed(self, before: dict[str, Any]) -> tuple[str, list[str]]:
        """The first step that has to be made again, and why."""
        if not before:
            return "", []
        changed = _changed_files(before["input"], self._input)
        first, words = self.plan.settings.first_changed(before["settings"])
        return ("curate" if changed else first), changed + words

    def step(self, name: str) -> dict[str, Any]:
        """Do one step, if it is not done, and check what it gave.

        Args:
            name: One of `STEPS`; those before it must be done.

        Returns:
            Its numbers.

        Raises:
            ValueError: If there is no such step, or one before it is not done.
            MissingError: If the check found what makes the next steps meaningless.
            KeyboardInterrupt: After an interrupt; the step can be taken up.
            OSError: If a file cannot be written.
        """
        if name not in WORK:
            raise ValueError(f"name must be one of {', '.join(STEPS)}, got {name!r}")
        undone = [one for one in STEPS[: STEPS.index(name)] if one not in self.results]
        if undone:
            raise ValueError(f"step {name} comes after {undone[0]}, which is not done")
        if name not in self.results:
            with only_run(self.plan.out, inside=True):
                self._clear()
                result = WORK[name].work(self.plan)
                self.results[name] = result
                self.findings[name] = WORK[name].check(result)
                self._write_state()
        stops = [str(one) for one in self.findings[name] if one.stops]
        if stops:
            raise MissingError("; ".join(stops))
        return dict(self.results[name])

    def all(self, say: Callable[[str], None] = print) -> dict[str, Any]:
        """Do every step that is not done, and tell of each.

        Args:
            say: Gets each line.

        Returns:
            Numbers of all steps.

        Raises:
            MissingError: As `step`.
            KeyboardInterrupt: As `step`.
            OSError: As `step`.
        """
        for number, name in enumerate(STEPS, start=1):
            known = " (done before)" if name in self.results else ""
            say(f"{number}/{len(STEPS)} {name}: {WORK[name].says}{known}")
            try:
                self.step(name)
            finally:
                for line in self.told(name):
                    say(f"    {line}")
        return dict(self.results)

    def told(self, name: str) -> list[str]:
        """The numbers and the findings of a step, in words; none before it is done.

        Args:
            name: One of `STEPS`.
        """
        if name not in self.results:
            return []
        return [SUMMARIES[name](self.results[name]), *map(str, self.findings[name])]

    def _clear(self) -> None:
        """Take away what a changed input or choice has made worthless."""
        for name in self._stale:
            for folder in WORK[name].folders:
                shutil.rmtree(self.plan.out / folder, ignore_errors=True)
        if self._stale or not (self.plan.out / STATE).exists():
            self._write_state()
        self._stale = ()

    def _write_state(self) -> None:
        content = {
            "kind": _KIND,
            "input": self._input,
            "settings": asdict(self.plan.settings),
            "results": self.results,
            "findings": {name: [asdict(f) for f in some] for name, some in self.findings.items()},
        }
        write_json(self.plan.out / STATE, content, ensure_ascii=True)  # names of files, too


def _look_at(raw: Path, out: Path, settings: Settings) -> dict[str, Any]:
    """Check both folders, and note what the input is."""
    if not raw.exists():
        raise FileNotFoundError(f"there is no folder {raw}")
    if not raw.is_dir():
        raise NotADirectoryError(f"{raw} is a file: name the folder in which it lies")
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file: name a folder for the results")
    if out == raw or raw in out.parents or out in raw.parents:
        raise ValueError(f"{out} and {raw} lie in one another: name a folder outside of the text")
    files = find_files([raw])
    texts.curation_steps(settings)
    found, skipped = texts.survey(raw)
    if found < texts.MIN_CHARACTERS:
        unread = ", ".join(f"{n} {cause}" for cause, n in skipped.items())
        raise ValueError(
            f"{raw} holds {found:,} characters of text (files: {len(files)}), at least "
            f"{texts.MIN_CHARACTERS:,} are wanted{f'; not read: {unread}' if unread else ''}"
        )
    stats = {str(file.relative_to(raw)): file.stat() for file in files}
    return {
        "folder": str(raw),
        "files": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
    }


def _read_state(out: Path) -> dict[str, Any]:
    """What was noted of the run in a folder; nothing for a new one."""
    if not (out / STATE).is_file():
        others = sorted(p.name for p in out.iterdir()) if out.exists() else []
        others = [name for name in others if not name.endswith((".lock", ".part"))]
        if others:
            raise ValueError(f"{out} holds something else, such as {others[0]}: name a new folder")
        return {}
    state = read_json(out / STATE)
    if state.get("kind") != _KIND:
        raise ValueError(f"{out / STATE} is of something else: name a new folder")
    return state


def _begun(out: Path, first: str) -> bool:
    """Whether a step from `first` on has left anything."""
    return any(
        (out / folder).exists()
        for name in STEPS[STEPS.index(first) :]
        for folder in WORK[name].folders
    )


def _changed_files(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    if before["folder"] != now["folder"]:
        return [f"the text was {before['folder']}, now it is {now['folder']}"]
    old, new = before["files"], now["files"]
    kinds = {
        "new": new.keys() - old.keys(),
        "gone": old.keys() - new.keys(),
        "changed": {name for name in old.keys() & new.keys() if old[name] != new[name]},
    }
    told = []
    for kind, names in kinds.items():
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            told.append(f"{min(names)}{more} {'is' if not more else 'are'} {kind}")
    return told


def _told_curated(r: dict[str, Any]) -> str:
    return f"{r['kept']:,} of {r['read']:,} documents kept, {r['characters']:,} characters"


def _told_split(r: dict[str, Any]) -> str:
    return (
        f"{r['training characters']:,} characters to learn from, "
        f"{r['held-out characters']:,} to measure on"
    )


def _told_tokenizer(r: dict[str, Any]) -> str:
    return f"{r['vocab_size']:,} tokens of {r['bytes a token']:.2f} bytes; {r['tokens']:,} to learn"


def _told_pretrained(r: dict[str, Any]) -> str:
    first, last = r["evaluations"][0][1], r["evaluations"][-1][1]
    return (
        f"{r['parameters']:,} parameters, {r['steps']} updates in {r['seconds']:.0f} s; held-out "
        f"loss {first:.2f} -> {last:.2f} nats a token"
    )


def _told_tuned(r: dict[str, Any]) -> str:
    if "ends" not in r:
        return "not tuned"
    reply, text = r["reply loss"], r["text loss"]
    return (
        f"held-out replies {reply[0]:.2f} -> {reply[1]:.2f} nats a token, {r['ends']:.0%} end by "
        f"themselves; held-out text {text[0]:.2f} -> {text[1]:.2f}"
    )


def _told_measured(r: dict[str, Any]) -> str:
    return "bits a byte: " + ", ".join(f"{k} {v:.2f}" for k, v in r["bits a byte"].items())


def _told_handed(r: dict[str, Any]) -> str:
    return ", ".join(f"{engine}: {state}" for engine, (state, _) in r["engines"].items())


SUMMARIES: dict[str, Callable[[dict[str, Any]], str]] = {
    "curate": _told_curated,
    "split": _told_split,
    "tokenizer": _told_tokenizer,
    "pretrain": _told_pretrained,
    "tune": _told_tuned,
    "evaluate": _told_measured,
    "handover": _told_handed,
}
