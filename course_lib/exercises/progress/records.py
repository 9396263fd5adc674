"""Progress records: what is kept of each exercise, how two are merged, the text that carries them.

This docstring is the one place that documents the format; the static page follows it.

A **record** is what is kept of one exercise: no code, no answers, no identity.

- `v`: version of the exercise, 1 or more
- `status`: `correct`, `incorrect`, or `not_attempted` (only hints or the solution were seen)
- `attempts`: answers judged correct or incorrect so far, errors and time-outs included
- `first_ok`: whether the first judged answer was correct; null before there is one
- `hints`: hints seen
- `revealed`: whether the solution was shown before a correct answer
- `updated`: seconds since 1970, UTC, whole

The **store** is `{"schema": 1, "records": {"06.c": record, ...}}`: the file of a kernel, and in a
browser the value of the `localStorage` key `transformers-course:progress:1`.

The **export text** is `tc1:` followed by the base64url form, without padding, of the UTF-8 JSON
`{"06.c": [v, status, attempts, first_ok, hints, revealed, updated], ...}` where status is 0
not_attempted, 1 incorrect, 2 correct; first_ok is null, 0 or 1; revealed is 0 or 1. White space
anywhere in it is ignored. More than 64 kB is refused; so is anything the table does not allow.

To **merge** two records of one id: of different versions the higher one is kept whole; otherwise
`status` is the better (correct, then incorrect, then not_attempted), `attempts` and `hints` take
the maximum, `revealed` is true if either is, `updated` is the newer, and `first_ok` is that of
the newer, unless that is null.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

STORAGE_KEY = "transformers-course:progress:1"
PREFIX = "tc1:"
MAX_BYTES = 64 * 1024
STATUSES = ("not_attempted", "incorrect", "correct")
FIELDS = ("v", "status", "attempts", "first_ok", "hints", "revealed", "updated")
_ID = re.compile(r"[0-9]{2}\.[a-z][0-9]?")

Record = dict[str, Any]
Records = dict[str, Record]


def new_record(version: int, now: int) -> Record:
    """Start the record of an exercise nobody has answered yet."""
    return {
        "v": version,
        "status": "not_attempted",
        "attempts": 0,
        "first_ok": None,
        "hints": 0,
        "revealed": False,
        "updated": now,
    }


def _whole(value: Any, low: int = 0) -> bool:
    return type(value) is int and low <= value < 2**53


def check_records(records: Any) -> Records:
    """Return the records if they have the documented form.

    Args:
        records: What was read: a dictionary from id to record.

    Returns:
        The same records, only the documented fields.

    Raises:
        ValueError: If anything is not as documented; it names the id and the field.
    """
    if not isinstance(records, dict):
        raise ValueError(f"records: got {type(records).__name__}, want a dictionary by exercise id")
    checked: Records = {}
    for name, record in records.items():
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise ValueError(f"records: {str(name)[:20]!r} is not an exercise id such as '06.c'")
        if not isinstance(record, dict) or set(record) != set(FIELDS):
            raise ValueError(f"records: {name} must have exactly the fields {', '.join(FIELDS)}")
        good = {
            "v": _whole(record["v"], 1),
            "status": isinstance(record["status"], str) and record["status"] in STATUSES,
            "attempts": _whole(record["attempts"]),
            "first_ok": record["first_ok"] is None or type(record["first_ok"]) is bool,
            "hints": _whole(record["hints"]),
            "revealed": type(record["revealed"]) is bool,
            "updated": _whole(record["updated"]),
        }
        for field, fits in good.items():
            if not fits:
                raise ValueError(f"records: {name} has {field} = {str(record[field])[:20]!r}")
        checked[name] = {field: record[field] for field in FIELDS}
    return checked


def merge_record(ours: Record, theirs: Record) -> Record:
    """Merge two records of one exercise; a correct answer is never lost."""
    if ours["v"] != theirs["v"]:
        return dict(max(ours, theirs, key=lambda record: record["v"]))
    newer, older = (ours, theirs) if ours["updated"] >= theirs["updated"] else (theirs, ours)
    return {
        "v": ours["v"],
        "status": max(ours["status"], theirs["status"], key=STATUSES.index),
        "attempts": max(ours["attempts"], theirs["attempts"]),
        "first_ok": older["first_ok"] if newer["first_ok"] is None else newer["first_ok"],
        "hints": max(ours["hints"], theirs["hints"]),
        "revealed": ours["revealed"] or theirs["revealed"],
        "updated": newer["updated"],
    }


def merge(ours: Records, theirs: Records) -> Records:
    """Merge two sets of records, exercise by exercise."""
    merged = {name: dict(record) for name, record in ours.items()}
    for name, record in theirs.items():
        merged[name] = merge_record(merged[name], record) if name in merged else dict(record)
    return merged


def to_text(records: Records) -> str:
    """Write records as the export text."""
    packed = {}
    for name, record in sorted(check_records(records).items()):
        values = [record[field] for field in FIELDS]
        values[1] = STATUSES.index(record["status"])
        values[3] = None if record["first_ok"] is None else int(record["first_ok"])
        values[5] = int(record["revealed"])
        packed[name] = values
    body = json.dumps(packed, separators=(",", ":")).encode()
    return PREFIX + base64.urlsafe_b64encode(body).decode().rstrip("=")


def from_text(text: str) -> Records:
    """Read an export text; it is only ever parsed, never executed.

    Args:
        text: What `to_text` or the page's export wrote; white space is ignored.

    Returns:
        The records.

    Raises:
        TypeError: If it is not text.
        ValueError: If it is too long, cut short, or not of the documented form.
    """
    if not isinstance(text, str):
        raise TypeError(f"text: got {type(text).__name__}, want the text that export() gave")
    text = "".join(text.split())
    if len(text) > MAX_BYTES:
        raise ValueError(f"text: {len(text)} characters; at most {MAX_BYTES} are read")
    if not text.startswith(PREFIX):
        raise ValueError(f"text: it must begin with {PREFIX!r}; got {text[:12]!r}")
    body = text[len(PREFIX) :]
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        packed = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        raise ValueError("text: it is damaged or cut short; copy the whole text again") from None
    if not isinstance(packed, dict):
        raise ValueError("text: it does not hold progress records")
    records: dict[str, Any] = {}
    for name, values in packed.items():
        if not isinstance(values, list) or len(values) != len(FIELDS):
            raise ValueError(f"text: the record of {str(name)[:20]!r} has not {len(FIELDS)} values")
        record = dict(zip(FIELDS, values, strict=True))
        if not (type(values[1]) is int and 0 <= values[1] < len(STATUSES)):
            raise ValueError(f"text: the record of {str(name)[:20]!r} has status {values[1]!r}")
        record["status"] = STATUSES[values[1]]
        for field, allowed in (("first_ok", (None, 0, 1)), ("revealed", (0, 1))):
            if record[field] not in allowed or isinstance(record[field], float):
                raise ValueError(f"text: the record of {str(name)[:20]!r} has a wrong {field}")
            record[field] = None if record[field] is None else bool(record[field])
        records[name] = record
    return check_records(records)
