"""The process in which answers run: started once, fed over a pipe, killed when an answer runs away.

Run as `python -m course_lib.exercises.process.worker`. It imports NumPy and the exercises asked
for, and torch only where an answer brings it. Messages are a length of four bytes and a body:
requests are pickled, replies are JSON, so the parent never executes what an answer left behind.

This protects against accidents. It is no security boundary: an answer can do what its user can.
"""

from __future__ import annotations

import builtins
import json
import linecache
import os
import pickle
import struct
import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from course_lib.processes import end_with_parent

_LENGTH = struct.Struct("!I")


def write_message(stream: BinaryIO, body: bytes) -> None:
    """Send one message."""
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def read_message(stream: BinaryIO) -> bytes | None:
    """Receive one message, or None where the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def _display(*values: Any, **_: Any) -> None:
    """Print what a notebook would show; `display` is a builtin there, and so it must be here."""
    for value in values:
        print(repr(value))


def like_a_notebook() -> None:
    """Let an answer call what is a builtin in a notebook and nowhere else."""
    for name, value in (("display", _display), ("get_ipython", lambda: None)):
        setattr(builtins, name, value)


def _prepare(request: dict[str, Any]) -> None:
    """Bring this process to what the answer's own process has around it."""
    known = set(request["path"])
    sys.path[:] = [*request["path"], *(path for path in sys.path if path not in known)]
    os.chdir(request["folder"])
    for name, lines in request["lines"].items():
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
    if request["dtype"] is not None and (request["dtype"] != "float32" or "torch" in sys.modules):
        import torch

        torch.set_default_dtype(getattr(torch, request["dtype"]))


def _answer_request(request: dict[str, Any], send: Any) -> dict[str, Any]:
    from course_lib.exercises.catalog import find
    from course_lib.exercises.code.judge import Judge
    from course_lib.exercises.process.state import State

    try:
        spec = pickle.loads(request["spec"]) if request["spec"] else find(request["id"])
    except Exception as error:
        return {"fault": f"{type(error).__name__}: {error}"}
    try:
        _prepare(request)
        answer = pickle.loads(request["answer"])
    except Exception as error:
        return {"unreadable": f"{type(error).__name__}: {error}"}
    send({"started": True})
    state = State()
    try:
        result = Judge(spec, answer, request["seed"], lambda text: send({"case": text})).run()
    except Exception as error:
        return {"fault": f"{type(error).__name__}: {error}"}
    try:
        left = state.changed()
    except Exception as error:
        left = type(error).__name__
    return {"result": asdict(result), "left": left}


def main() -> None:
    """Serve checks until the parent closes the pipe."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    # What an answer prints below Python's level must not reach the pipe.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    end_with_parent()

    mine, current = os.getpid(), 0
    write, encode, leave = write_message, json.dumps, os._exit  # as they are before any answer

    def send(message: dict[str, Any]) -> None:
        if os.getpid() != mine:
            leave(0)  # a fork that an answer made: its verdict is nobody's
        write(replies, encode({**message, "request": current}).encode())

    like_a_notebook()

    import numpy as np  # the slow import, before the first request

    np.random.default_rng()
    send({"ready": True})
    while (body := read_message(requests)) is not None:
        request = pickle.loads(body)
        current = request["request"]
        send(_answer_request(request, send))
    sys.exit(0)


if __name__ == "__main__":
    main()
