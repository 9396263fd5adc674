"""Records in the files that people have: a line number and named values each."""

import ast
import contextlib
import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".json": "json lines",
    ".conll": "conll",
    ".bio": "conll",
    ".txt": "conll",
    ".conllu": "conllu",
}
"""What a file is, by the ending of its name."""
_Record = dict[str, Any]
_COMMENT = re.compile(r"# \w+ =")  # as CoNLL-U has them; "# O" is a word and its label
_WORD_ID, _BETWEEN_WORDS = re.compile(r"\d+([-.]\d+)?"), re.compile(r"\d+[-.]\d+")
_CONLLU_COLUMNS = 10
_TEXTS = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+)"""
_LIST = re.compile(rf"\[\s*{_TEXTS}(?:\s*,\s*{_TEXTS})*\s*,?\s*\]")


def read_records(
    path: Path, text: str, form: str, wanted: Sequence[str]
) -> Iterator[tuple[int, _Record]]:
    """Read the records of a file.

    Args:
        path: Names the file in messages.
        text: What it holds.
        form: One of the values of `FORMATS`.
        wanted: Names of columns, by which the sign between two is found.

    Yields:
        A line's number and what it holds, by name.

    Raises:
        ValueError: Naming file and line, if the text is not of the format.
    """
    if form == "conll":
        yield from _conll(path, text)
    elif form == "conllu":
        yield from _conllu(path, text)
    elif form == "json lines":
        yield from _json_lines(path, text)
    else:
        yield from _table(path, text, "," if form == "csv" else "\t", wanted)


def listed(text: str) -> list[Any] | None:
    """Read a list as a table of Python's holds it, ``['Ada', 'came']``; None where it is none.

    Raises:
        ValueError: If the text begins as such a list and is none, as arrays of NumPy are written.
    """
    text = text.strip()
    if _LIST.fullmatch(text):
        with contextlib.suppress(SyntaxError):  # "\\N{...}" of no character, 007
            return list(ast.literal_eval(text))
    if text.startswith(("['", '["')) and text.endswith("]"):
        raise ValueError(f"{text!r:.60} begins as a list of Python's and is none")
    return None


def _lines(text: str) -> list[str]:
    """Lines of any system; a mark that stands where two files were joined is dropped."""
    return [line.removeprefix("\ufeff") for line in re.split(r"\r\n|\r|\n", text)]


def _conll(path: Path, text: str) -> Iterator[tuple[int, _Record]]:
    words: list[str] = []
    labels: list[str] = []
    start, n_fields = 1, 0
    for number, line in enumerate([*_lines(text), ""], 1):
        fields = _fields(line)
        if fields and (fields[0] == "-DOCSTART-" or _COMMENT.match(line)):
            continue
        if not fields:
            if words:
                yield start, {"words": words, "labels": labels}
                words, labels = [], []
            continue
        if len(fields) < 2:
            raise ValueError(f"{path}, line {number}: wanted a word and its label, got {line!r}")
        if not words:
            start, n_fields = number, len(fields)
            if len(fields) == _CONLLU_COLUMNS and "\t" in line and _WORD_ID.fullmatch(fields[0]):
                raise ValueError(
                    f"{path}, line {number}: this is CoNLL-U, whose words stand in the second of "
                    "ten columns: let the name end in .conllu"
                )
        if len(fields) != n_fields:
            raise ValueError(
                f"{path}, line {number}: {len(fields)} columns, but line {start} of the same text "
                f"has {n_fields}"
            )
        words.append(fields[0])
        labels.append(fields[-1])


def _fields(line: str) -> list[str]:
    """Part a line at its tabs or, without one, at blanks; a word may hold one of another kind."""
    if not line.strip():
        return []
    if "\t" in line:
        return [field.strip(" ") for field in line.strip("\t ").split("\t")]
    return [field for field in line.split(" ") if field]


def _conllu(path: Path, text: str) -> Iterator[tuple[int, _Record]]:
    """Words and their universal classes; what stands between words (1-2, 8.1) is passed over."""
    words: list[str] = []
    labels: list[str] = []
    start = 1
    for number, line in enumerate([*_lines(text), ""], 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if words:
                yield start, {"words": words, "labels": labels}
                words, labels = [], []
            continue
        fields = line.split("\t")
        if len(fields) != _CONLLU_COLUMNS or not _WORD_ID.fullmatch(fields[0]):
            raise ValueError(
                f"{path}, line {number}: wanted the ten columns of CoNLL-U, got {line!r:.60}"
            )
        if _BETWEEN_WORDS.fullmatch(fields[0]):
            continue
        start = start if words else number
        words.append(fields[1].strip())
        labels.append(fields[3].strip())


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, _Record]]:
    """An object a line, or one list of objects, in which a number counts objects."""
    if text.lstrip().startswith("[") and path.suffix.lower() == ".json":
        for number, record in enumerate(_json(path, 1, text), 1):
            yield number, _object(path, number, record)
        return
    for number, line in enumerate(_lines(text), 1):
        if line.strip():
            yield number, _object(path, number, _json(path, number, line))


def _json(path: Path, number: int, text: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}, line {number}: no JSON: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> _Record:
    """An object; which of two values of one key was meant, nobody can tell."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} comes twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _object(path: Path, number: int, record: Any) -> _Record:
    if not isinstance(record, dict):
        raise ValueError(f"{path}, line {number}: wanted a JSON object, got {record!r:.40}")
    return record


def _table(
    path: Path, text: str, delimiter: str, wanted: Sequence[str]
) -> Iterator[tuple[int, _Record]]:
    """A line of names, then a line each; blank lines, also those of blanks alone, are none.

    A spreadsheet writes ``;`` where a comma is the decimal sign: the sign between two columns is
    the first with which the line of names holds all that are wanted.
    """
    told = re.match(r"sep=(.)\r?\n", text)  # a spreadsheet's own line
    signs = [told[1]] if told else [delimiter, *(sign for sign in ",;\t" if sign != delimiter)]
    text, skipped = (text[told.end() :], 1) if told else (text, 0)
    first = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
    for sign in signs:
        if {*wanted} <= {name.strip(' "\r') for name in first.split(sign)}:
            delimiter = sign
            break
    after = [part[:1] for part in first.split(delimiter)[1:]]
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=bool(after) and set(after) == {" "},
        strict=True,
    )
    header: list[str] | None = None
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            line = reader.line_num + skipped
            if header is None:
                header = [field.strip() for field in fields]
                _check_names(path, header)
                continue
            if len(fields) != len(header):
                raise ValueError(
                    f"{path}, line {line}: {len(fields)} fields, but the first line "
                    f"names {len(header)} columns"
                )
            yield line, _named(header, fields)
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num + skipped}: {error}") from error


def _check_names(path: Path, header: Iterable[str]) -> None:
    names = [name for name in header if name]  # a spreadsheet leaves columns without a name
    if len(set(names)) < len(names):
        raise ValueError(f"{path}, line 1: a column comes twice in {names}")


def _named(header: Sequence[str], fields: Sequence[str]) -> _Record:
    return {name: field for name, field in zip_longest(header, fields) if name}
