"""The same filters as datatrove pipelines, for a crawl that is too large for one machine.

Nearly every filter judges a page alone, so files can be shared out among tasks. Only the search for
copies needs to see all pages: there each task first writes its pages' keys, then one task a column
of keys looks for equal ones, then every task drops its own copies. The result is that of
``curate_files``, page for page and reason for reason, in whatever number of tasks.

datatrove brings what runs the tasks: on this machine, under Slurm, or under Ray.
"""

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from course_lib.checks import check_lists, check_sizes
from course_lib.data.curation.job import Remembers, as_line
from course_lib.data.curation.page import Page, Reason
from course_lib.data.curation.pipeline import Step, different_names, run_step
from course_lib.data.curation.sources import (
    as_paths,
    check_outside,
    count_others,
    find_files,
    read_pages,
)
from course_lib.extras import needs

with needs("crawl", "curation on many machines"):
    from datatrove.data import Document
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.io import DataFolder, get_datafolder
    from datatrove.pipeline.base import PipelineStep
    from datatrove.utils.typeshelper import StatHints

Documents = Iterable[Document] | None  # what a step gets: nothing, if it is the first


@runtime_checkable
class HasKeys(Protocol):
    """A filter for copies: two pages that agree in any key are copies of one another."""

    @property
    def n_keys(self) -> int:
        """How many keys a page has."""
        ...

    def keys(self, page: Page) -> NDArray[np.uint64]:
        """The page's keys, each compared with its own column only; none: never a copy."""
        ...

    def reason(self, earlier: int) -> Reason:
        """Why a copy of that earlier page is dropped."""
        ...


@dataclass(frozen=True)
class Stage:
    """Steps that run together, and the number of tasks that share the work.

    Attributes:
        pipeline: What any datatrove executor takes as ``pipeline``.
        n_tasks: What it takes as ``tasks``; another number would mix up the pages.
        name: Where the stage keeps its log, below the run's folder.
    """

    pipeline: list[PipelineStep]
    n_tasks: int
    name: str


def as_document(page: Page, identity: str) -> Document:
    """Turn a page into datatrove's record of one; address and ``about`` become its metadata."""
    return Document(page.text, identity, metadata={**page.about, "url": page.url})


def as_page(document: Document) -> Page:
    """Turn a record of any datatrove reader into a page."""
    about = {name: value for name, value in document.metadata.items() if name != "url"}
    return Page(document.text, str(document.metadata.get("url") or ""), about)


class ReadFiles(PipelineStep):
    """Reads a task's share of files: neighbours, so that the tasks' pages are in order of file."""

    type = "READER"
    name = "files"

    def __init__(self, files: Sequence[str], others: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.files, self.others = list(files), dict(others or {})

    def run(self, data: Documents, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yield the pages; what cannot be read is counted by its cause, as ``skipped_...``."""
        n = len(self.files)
        for cause, count in self.others.items() if rank == 0 else ():  # beside the files, once
            self.stat_update(f"skipped_{cause}", value=count)
        for index in range(rank * n // world_size, (rank + 1) * n // world_size):
            skipped: Counter[str] = Counter()
            for place, page in enumerate(read_pages(self.files[index], skipped)):
                yield as_document(page, f"{index}/{place}")
            for cause, count in skipped.items():
                self.stat_update(f"skipped_{cause}", value=count)


class ReadPages(PipelineStep):
    """Reads the pages that the same task of an earlier stage wrote."""

    type = "READER"
    name = "pages"

    def __init__(self, folder: DataFolder) -> None:
        super().__init__()
        self.folder = folder

    def run(self, data: Documents, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yield the pages."""
        with self.folder.open(_lines(rank), "rt", encoding="utf-8") as file:
            for place, line in enumerate(file):
                content = json.loads(line)
                text = content.pop("text")
                yield Document(text, f"{rank}/{place}", metadata=content)


class WritePages(PipelineStep):
    """Writes a task's pages as JSON lines, in the form of ``curate_files``."""

    type = "WRITER"
    name = "pages"

    def __init__(self, folder: DataFolder) -> None:
        super().__init__()
        self.folder = folder

    def run(self, data: Documents, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Write and pass on."""
        with self.folder.open(_lines(rank), "wt", encoding="utf-8") as file:
            for document in data or ():
                file.write(as_line(as_page(document)))
                self.stat_update(StatHints.total)
                yield document


class _Dropping(PipelineStep):
    """What every step that drops pages does with them: counted by rule, and written with why."""

    type = "FILTER"

    def __init__(self, name: str, dropped: DataFolder) -> None:
        self.name = name
        super().__init__()
        self.dropped = dropped

    @abstractmethod
    def judge(self, page: Page, place: int) -> tuple[Page, list[Reason]]:
        """The page as it goes on, and the reasons for dropping it."""

    def prepare(self, rank: int, world_size: int) -> None:
        """Read what is needed before the first page."""

    def run(self, data: Documents, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yield the pages that stay."""
        self.prepare(rank, world_size)
        with self.dropped.open(_lines(rank), "wt", encoding="utf-8") as file:
            for place, document in enumerate(data or ()):
                page = as_page(document)
                changed, reasons = self.judge(page, place)
                self.stat_update(StatHints.total)
                if not reasons:
                    self.stat_update(StatHints.forwarded)
                    yield as_document(changed, document.id)
                    continue
                self.stat_update(StatHints.dropped, *(f"dropped_{one.rule}" for one in reasons))
                why = {"step": self.name, "why": [str(one) for one in reasons]}
                file.write(as_line(Page(page.text, page.url, {**page.about, **why})))


class Filtered(_Dropping):
    """One filter of ours that judges a page alone.

    Args:
        step: The filter with its name.
        dropped: Where the dropped pages go, with all the reasons.

    Raises:
        ValueError: If the filter remembers pages: a task would remember its own only.
    """

    def __init__(self, step: Step, dropped: DataFolder) -> None:
        if isinstance(step.run, Remembers):
            raise ValueError(
                f"step {step.name} remembers the pages before; a task sees its own only"
            )
        super().__init__(step.name, dropped)
        self.step = step

    def judge(self, page: Page, place: int) -> tuple[Page, list[Reason]]:
        """Ask the filter."""
        return run_step(self.step, page)


class WriteKeys(PipelineStep):
    """Writes the keys of a task's pages, a file a column, and passes the pages on."""

    type = "COPIES"

    def __init__(self, step: Step, folder: DataFolder) -> None:
        self.name = f"keys for {step.name}"
        super().__init__()
        self.finder, self.folder = _finder(step), folder

    def run(self, data: Documents, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Pass on, and write when the last page has come."""
        rows, has = [], []
        for document in data or ():
            keys = self.finder.keys(as_page(document))
            has.append(len(keys) > 0)
            if len(keys):
                rows.append(keys)
            yield document
        table = np.zeros((len(has), self.finder.n_keys), dtype=np.uint64)
        if rows:
            table[np.array(has)] = rows
        _write(self.folder, f"has/{rank:05d}", np.array(has, dtype=bool))
        for column in range(self.finder.n_keys):
            _write(self.folder, f"keys/{column:02d}/{rank:05d}", table[:, column])


class FindCopies(PipelineStep):
    """Task c looks in column c for each page's earliest page with the same key.

    It holds one column of all pages, about 40 bytes a page while it sorts.
    """

    type = "COPIES"

    def __init__(self, step: Step, folder: DataFolder, n_parts: int) -> None:
        self.name = f"equal keys of {step.name}"
        super().__init__()
        self.folder, self.n_parts = folder, n_parts

    def run(self, data: Documents, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yield nothing; write for each part its pages' earliest equal, -1 where there is none."""
        parts = range(self.n_parts)
        has = [_read(self.folder, f"has/{part:05d}") for part in parts]
        keys = [_read(self.folder, f"keys/{rank:02d}/{part:05d}") for part in parts]
        marked = np.concatenate(has)
        places = np.flatnonzero(marked)
        _, first, group = np.unique(
            np.concatenate(keys)[marked], return_index=True, return_inverse=True
        )
        earliest = places[first[group]]  # numbers of pages, counted over all parts
        found = np.full(len(marked), -1, dtype=np.int64)
        found[places] = np.where(earliest < places, earliest, -1)
        ends = np.cumsum([len(part) for part in has])
        for part, rows in enumerate(np.split(found, ends[:-1])):
            _write(self.folder, f"found/{rank:02d}/{part:05d}", rows)
        yield from ()


class DropCopies(_Dropping):
    """Drops the pages of a task for which any column names an earlier page."""

    def __init__(self, step: Step, folder: DataFolder, dropped: DataFolder) -> None:
        super().__init__(step.name, dropped)
        self.finder, self.folder = _finder(step), folder
        self._earliest = np.zeros(0, dtype=np.int64)

    def prepare(self, rank: int, world_size: int) -> None:
        """Take the earliest page that any column names."""
        columns = range(self.finder.n_keys)
        found = np.stack([_read(self.folder, f"found/{c:02d}/{rank:05d}") for c in columns])
        never = np.iinfo(np.int64).max
        self._earliest = np.where(found < 0, never, found).min(axis=0)
        self._earliest[self._earliest == never] = -1

    def judge(self, page: Page, place: int) -> tuple[Page, list[Reason]]:
        """Name the earlier page, if there is one."""
        earlier = int(self._earliest[place])
        return page, ([self.finder.reason(earlier)] if earlier >= 0 else [])


def _finder(step: Step) -> HasKeys:
    """The filter as one that has keys and remembers nothing."""
    if not isinstance(step.run, HasKeys):
        raise ValueError(f"step {step.name} is no filter for copies: it has no keys")
    return step.run


def _lines(rank: int) -> str:
    return f"{rank:05d}.jsonl"


def _write(folder: DataFolder, name: str, array: NDArray[Any]) -> None:
    with folder.open(f"{name}.npy", "wb") as file:
        np.save(file, array)


def _read(folder: DataFolder, name: str) -> NDArray[Any]:
    with folder.open(f"{name}.npy", "rb") as file:
        return np.load(file, allow_pickle=False)


def plan_stages(
    paths: Iterable[str | PathLike[str]],
    output: str | PathLike[str],
    steps: Sequence[Step],
    n_tasks: int,
) -> list[Stage]:
    """Cut a row of filters into stages, at every filter for copies.

    The kept pages come to ``output/pages`` and the dropped ones to ``output/dropped/STEP``, each
    with all its reasons. Every stage has to be finished before the next begins: give each
    executor the one before as ``depends``.

    Args:
        paths: Files and folders that every task can read.
        output: A folder that every task can write, or the address of one (``s3://...``).
        steps: The filters of ``curate_files``, in order, each with a name of its own.
        n_tasks: Tasks that share the files; more tasks than files leave some without work.

    Returns:
        The stages, in order.

    Raises:
        ValueError: If ``n_tasks`` is not positive, a name comes twice, ``output`` lies in a folder
            that is read, or a filter remembers pages in a way that cannot be shared out.
        FileNotFoundError: If a path does not exist.
    """
    [n_tasks] = check_sizes(n_tasks=n_tasks)
    steps = different_names(steps)
    root = str(output).rstrip("/")

    def at(name: str) -> DataFolder:
        return get_datafolder(f"{root}/{name}")

    stages: list[Stage] = []
    paths = as_paths(paths)
    files = [str(file) for file in find_files(paths)]
    if "://" not in root:
        check_outside(root, [*paths, *files])
    line: list[PipelineStep] = [ReadFiles(files, count_others(paths))]
    for number, step in enumerate(steps):
        dropped = at(f"dropped/{step.name}")
        if not isinstance(step.run, HasKeys):
            line.append(Filtered(step, dropped))
            continue
        keys, between = at(f"work/{number}/keys"), at(f"work/{number}/pages")
        line += [WriteKeys(step, keys), WritePages(between)]
        stages.append(Stage(line, n_tasks, f"before {step.name}"))
        find: list[PipelineStep] = [FindCopies(step, keys, n_tasks)]
        stages.append(Stage(find, step.run.n_keys, f"find {step.name}"))
        line = [ReadPages(between), DropCopies(step, keys, dropped)]
    stages.append(Stage([*line, WritePages(at("pages"))], n_tasks, "last"))
    return stages


def run_here(
    stages: Sequence[Stage], logging_dir: str | PathLike[str], workers: int = 1
) -> LocalPipelineExecutor:
    """Run stages on this machine; finished tasks are not run again.

    For many machines build ``SlurmPipelineExecutor`` or ``RayPipelineExecutor`` from each stage in
    the same way.

    Args:
        stages: What ``plan_stages`` returned.
        logging_dir: Where datatrove keeps logs, counts, and which tasks are finished.
        workers: Tasks at a time.

    Returns:
        The executor of the last stage.

    Raises:
        ValueError: If there is no stage, or ``workers`` is not positive.
    """
    check_lists(stages=stages)
    [workers] = check_sizes(workers=workers)
    if not len(stages):
        raise ValueError(f"stages and workers must be at least 1, got 0 and {workers}")
    last: LocalPipelineExecutor | None = None
    for stage in stages:
        last = LocalPipelineExecutor(
            stage.pipeline,
            tasks=stage.n_tasks,
            workers=workers,
            logging_dir=f"{logging_dir}/{stage.name}",
            depends=last,
        )
    assert last is not None
    last.run()
    return last
