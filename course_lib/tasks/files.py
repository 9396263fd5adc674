"""Items in the files of users: CSV, JSON lines, and CoNLL's word and label a line."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from course_lib.data import read_text_files
from course_lib.tasks.items import Continuation, Item, LabelledText, Question, TaggedWords, TextPair

COLUMNS: dict[type, tuple[str, ...]] = {
    LabelledText: ("text", "label"),
    TaggedWords: ("words", "labels"),
    TextPair: ("source", "target"),
    Continuation: ("source", "target"),
    Question: ("context", "question", "answer"),
}
"""What a file must have for each type of item; a question may have ``start`` too."""
FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".json": "json lines",
    ".conll": "conll",
    ".bio": "conll",
    ".txt": "conll",
}
_COMMENT = re.compile(r"# \w+ =")  # as CoNLL-U has them; "# O" is a word and its label
_Record = dict[str, Any]


def read_items(
    path: str | PathLike[str], kind: type, columns: Mapping[str, str] | None = None
) -> list[Item]:
    """Read the items of a task from a file.

    The ending of its name says what it is: ``.csv`` and ``.tsv`` begin with a line of column
    names, ``.jsonl`` has an object a line (``.json`` may be one list of them), and ``.conll`` a
    word and its label a line (the first and the last column), with a blank line between texts.

    Args:
        path: The file, in UTF-8.
        kind: Type of the items: `LabelledText`, `TaggedWords`, `TextPair` or `Question`.
        columns: What the file calls a column that is not named as in `COLUMNS`: ours to theirs.

    Returns:
        The items, in order.

    Raises:
        ValueError: Naming file and line, if the file is empty, is not UTF-8, lacks a column, or an
            entry is none.
        FileNotFoundError: If there is no such file.
    """
    path = Path(path)
    if kind not in COLUMNS:
        raise ValueError(f"kind must be one of {[one.__name__ for one in COLUMNS]}, got {kind!r}")
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise ValueError(f"{path}: must end in {', '.join(FORMATS)}, got {path.suffix!r}")
    if form == "conll" and kind is not TaggedWords:
        raise ValueError(f"{path}: a CoNLL file holds labels of words, wanted is {kind.__name__}")
    known = (*COLUMNS[kind], *(("start",) if kind is Question else ()))
    names = {name: name for name in known}
    for ours, theirs in (columns or {}).items():
        if ours not in names:
            raise ValueError(f"columns names {ours!r}: {kind.__name__} has {', '.join(names)}")
        if form == "conll":
            raise ValueError(f"columns names {ours!r}, but a CoNLL file has no names of columns")
        names[ours] = theirs
    (text,) = read_text_files([path])
    if form == "conll":
        records = _conll(path, text)
    elif form == "json lines":
        records = _json_lines(path, text)
    else:
        records = _table(path, text, "," if form == "csv" else "\t")
    make = _MAKERS[kind]
    items: list[Item] = []
    for line, record in records:
        try:
            mine = {name: record[theirs] for name, theirs in names.items() if theirs in record}
            items.append(make(mine, names))
        except (TypeError, ValueError) as error:
            has = f"; it has {', '.join(record)}" if "column" in str(error) else ""
            raise ValueError(f"{path}, line {line}: {error}{has}") from error
    if not items:
        raise ValueError(f"{path} holds no item: 0 entries below its first line")
    return items


def labels_of(items: list[Item]) -> list[str]:
    """List the labels that occur, sorted; ``O``, which is no entity, comes first.

    Args:
        items: With a label or with labels of words.

    Raises:
        ValueError: If there is only one label, which nothing can be learned from.
    """
    found: set[str] = set()
    for item in items:
        if isinstance(item, LabelledText):
            found.add(item.label)
        elif isinstance(item, TaggedWords):
            found.update(item.labels)
    if len(found) < 2:
        raise ValueError(f"labels must be at least 2 different ones, got {sorted(found)}")
    return sorted(found, key=lambda label: (label != "O", label))


def _conll(path: Path, text: str) -> Iterator[tuple[int, _Record]]:
    words: list[str] = []
    labels: list[str] = []
    start = 1
    for number, line in enumerate([*text.split("\n"), ""], 1):
        fields = line.replace("\t", " ").strip(" \r").split(" ")
        fields = [field for field in fields if field]  # a word may hold a blank of another kind
        if fields and (fields[0] == "-DOCSTART-" or _COMMENT.match(line)):
            continue
        if fields and len(fields) < 2:
            raise ValueError(f"{path}, line {number}: wanted a word and its label, got {line!r}")
        if fields:
            start = start if words else number
            words.append(fields[0])
            labels.append(fields[-1])
        elif words:
            yield start, {"words": words, "labels": labels}
            words, labels = [], []


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, _Record]]:
    """An object a line, or one list of objects, in which a number counts objects."""
    if text.lstrip().startswith("[") and path.suffix.lower() == ".json":
        for number, record in enumerate(_json(path, 1, text), 1):
            yield number, _object(path, number, record)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _object(path, number, _json(path, number, line))


def _json(path: Path, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path}, line {number}: no JSON: {error}") from error


def _object(path: Path, number: int, record: Any) -> _Record:
    if not isinstance(record, dict):
        raise ValueError(f"{path}, line {number}: wanted a JSON object, got {record!r:.40}")
    return record


def _table(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, _Record]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if header is None:
                header = [field.strip() for field in fields]
                if len(set(header)) < len(header):
                    raise ValueError(f"{path}, line 1: a column comes twice in {header}")
                continue
            if len(fields) != len(header):
                raise ValueError(
                    f"{path}, line {reader.line_num}: {len(fields)} fields, but the first line "
                    f"names {len(header)} columns"
                )
            yield reader.line_num, dict(zip(header, fields, strict=True))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from error


def _value(record: _Record, name: str, names: Mapping[str, str]) -> Any:
    if name not in record:
        raise ValueError(f"no column {names[name]!r} for {name}")
    return record[name]


def _text(record: _Record, name: str, names: Mapping[str, str]) -> str:
    value = _value(record, name, names)
    if isinstance(value, bool | int | float) and name == "label":
        value = str(value)  # labels are often numbers
    if not isinstance(value, str):
        raise TypeError(f"{names[name]} must be text, got {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{names[name]} is blank")
    return value


def _list(record: _Record, name: str, names: Mapping[str, str]) -> tuple[str, ...]:
    value = _value(record, name, names)
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list) or any(not isinstance(one, str) for one in value):
        raise TypeError(f"{names[name]} must be texts, got {value!r:.60}")
    if not value:
        raise ValueError(f"{names[name]} is empty")
    return tuple(value)


def _labelled(record: _Record, names: Mapping[str, str]) -> Item:
    return LabelledText(_text(record, "text", names), _text(record, "label", names).strip())


def _tagged(record: _Record, names: Mapping[str, str]) -> Item:
    return TaggedWords(_list(record, "words", names), _list(record, "labels", names))


def _pair(record: _Record, names: Mapping[str, str]) -> Item:
    return TextPair(_text(record, "source", names), _text(record, "target", names))


def _continuation(record: _Record, names: Mapping[str, str]) -> Item:
    return Continuation(_text(record, "source", names), _text(record, "target", names))


def _question(record: _Record, names: Mapping[str, str]) -> Item:
    context, question, answer = (_text(record, name, names) for name in COLUMNS[Question])
    start = record.get("start")
    if start is None or start == "":
        start = context.find(answer)
        if start < 0:
            raise ValueError(f"{names['answer']} {answer!r:.60} is not in the {names['context']}")
    try:
        start = int(start)
    except (TypeError, ValueError):
        raise ValueError(f"{names['start']} must be a number, got {start!r}") from None
    return Question(context, question, answer, start)


_MAKERS: dict[type, Callable[[_Record, Mapping[str, str]], Item]] = {
    LabelledText: _labelled,
    TaggedWords: _tagged,
    TextPair: _pair,
    Continuation: _continuation,
    Question: _question,
}
