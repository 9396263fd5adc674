"""Items in the files of users: CSV, JSON lines, and CoNLL's word and label a line."""

import re
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from course_lib.data import read_text_files
from course_lib.tasks.items import Continuation, Item, LabelledText, Question, TaggedWords, TextPair
from course_lib.tasks.records import FORMATS, listed, read_records

COLUMNS: dict[type, tuple[str, ...]] = {
    LabelledText: ("text", "label"),
    TaggedWords: ("words", "labels"),
    TextPair: ("source", "target"),
    Continuation: ("source", "target"),
    Question: ("context", "question", "answer"),
}
"""What a file must have for each type of item; a question may have ``start`` too."""
_WHOLE = re.compile(r"[0-9]{1,18}(\.0+)?")  # a column with gaps is one of fractions: 10.0


def read_items(
    path: str | PathLike[str], kind: type, columns: Mapping[str, str] | None = None
) -> list[Item]:
    """Read the items of a task from a file.

    The ending of its name says what it is: ``.csv`` and ``.tsv`` begin with a line of column
    names, ``.jsonl`` has an object a line (``.json`` may be one list of them), ``.conll`` a word
    and its label a line (the first and the last column), with a blank line between texts, and
    ``.conllu`` the ten columns of Universal Dependencies, of which the word and its class are read.

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
    tagged = form in ("conll", "conllu")
    if tagged and kind is not TaggedWords:
        raise ValueError(f"{path}: a CoNLL file holds labels of words, wanted is {kind.__name__}")
    known = (*COLUMNS[kind], *(("start",) if kind is Question else ()))
    names = {name: name for name in known}
    for ours, theirs in (columns or {}).items():
        if ours not in names:
            raise ValueError(f"columns names {ours!r}: {kind.__name__} has {', '.join(names)}")
        if tagged:
            raise ValueError(f"columns names {ours!r}, but a CoNLL file has no names of columns")
        names[ours] = theirs
    _check_columns(names, columns or {})
    (text,) = read_text_files([path])
    make = _MAKERS[kind]
    items: list[Item] = []
    for line, record in read_records(path, text, form, [names[name] for name in COLUMNS[kind]]):
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


def _check_columns(names: dict[str, str], given: Mapping[str, str]) -> None:
    """Refuse to read one column as two; one that may be absent gives way."""
    if "start" not in given and "start" in list(names.values())[:-1]:
        names.pop("start", None)
    seen: dict[str, str] = {}
    for ours, theirs in names.items():
        if theirs in seen:
            raise ValueError(f"columns reads {theirs!r} twice: as {seen[theirs]} and as {ours}")
        seen[theirs] = ours


def _value(record: Mapping[str, Any], name: str, names: Mapping[str, str]) -> Any:
    if name not in record:
        raise ValueError(f"no column {names[name]!r} for {name}")
    return record[name]


def _text(record: Mapping[str, Any], name: str, names: Mapping[str, str]) -> str:
    value = _value(record, name, names)
    if isinstance(value, bool | int | float) and name == "label":
        value = str(_whole(value))  # labels are often numbers
    if not isinstance(value, str):
        raise TypeError(f"{names[name]} must be text, got {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{names[name]} is blank")
    _check_characters(value, names[name])
    return value


def _whole(label: Any) -> Any:
    """A label that is a whole number, as an integer: 1 and 1.0 are one number of JSON."""
    if isinstance(label, float) and label.is_integer() and abs(label) < 2**53:
        return int(label)
    return label


def _list(record: Mapping[str, Any], name: str, names: Mapping[str, str]) -> tuple[str, ...]:
    value = _value(record, name, names)
    if isinstance(value, str):
        found = listed(value)
        if found is None and name == "labels" and value.strip()[:1] + value.strip()[-1:] == "[]":
            raise ValueError(f"{names[name]} {value!r:.60} is no list that can be read")
        value = value.split() if found is None else found
    if name == "labels" and isinstance(value, list):  # data sets often number their labels
        value = [str(_whole(one)) if type(_whole(one)) is int else one for one in value]
    if not isinstance(value, list) or any(not isinstance(one, str) for one in value):
        raise TypeError(f"{names[name]} must be texts, got {value!r:.60}")
    if not value:
        raise ValueError(f"{names[name]} is empty")
    _check_characters("".join(value), names[name])
    return tuple(value)


def _check_characters(text: str, name: str) -> None:
    """Refuse what JSON can write and no file can hold."""
    half = re.search("[\ud800-\udfff]", text)
    if half:
        raise ValueError(f"{name} has {half[0]!r}: half of a UTF-16 pair is no character")


def _labelled(record: Mapping[str, Any], names: Mapping[str, str]) -> Item:
    return LabelledText(_text(record, "text", names), _text(record, "label", names).strip())


def _tagged(record: Mapping[str, Any], names: Mapping[str, str]) -> Item:
    return TaggedWords(_list(record, "words", names), _list(record, "labels", names))


def _pair(record: Mapping[str, Any], names: Mapping[str, str]) -> Item:
    return TextPair(_text(record, "source", names), _text(record, "target", names))


def _continuation(record: Mapping[str, Any], names: Mapping[str, str]) -> Item:
    return Continuation(_text(record, "source", names), _text(record, "target", names))


def _question(record: Mapping[str, Any], names: Mapping[str, str]) -> Item:
    context, question, answer = (_text(record, name, names) for name in COLUMNS[Question])
    start = record.get("start")
    if start is None or start == "":
        start = context.find(answer)
        if start < 0:
            raise ValueError(f"{names['answer']} {answer!r:.60} is not in the {names['context']}")
    if type(start) not in (int, float, str) or not _WHOLE.fullmatch(str(start).strip()):
        raise ValueError(f"{names['start']} must be a number, got {start!r}: whole, 0 or more")
    return Question(context, question, answer, int(str(start).partition(".")[0]))


_MAKERS: dict[type, Callable[[Mapping[str, Any], Mapping[str, str]], Item]] = {
    LabelledText: _labelled,
    TaggedWords: _tagged,
    TextPair: _pair,
    Continuation: _continuation,
    Question: _question,
}
