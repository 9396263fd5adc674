"""Judge a program in a page: the Python in the page's worker calls `check`.

The judge, the exercises and the words are those of a notebook. What a notebook's runner does from
outside, ending an answer at its limits, the page does by ending the worker.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import inspect
import io
import json
import linecache
import sys
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from course_lib.exercises.author.payload import build_payload
from course_lib.exercises.author.spec import Code, Spec
from course_lib.exercises.catalog import find
from course_lib.exercises.code.call import guarded, kept_chance
from course_lib.exercises.code.judge import Judge
from course_lib.exercises.process.inline import CLOCK_FACTOR
from course_lib.exercises.process.state import State
from course_lib.exercises.process.stopped import (
    ENDED,
    OUT_OF_MEMORY,
    OUT_OF_TIME,
    reference_time,
)
from course_lib.exercises.process.worker import like_a_notebook
from course_lib.exercises.result import WORDS, Result

FILE = "<your program>"
OUTSIDE = "the lines outside your function"
_JAVASCRIPT = {"js", "micropip", "pyodide", "pyodide_js", "_pyodide", "_pyodide_core"}
_encode = json.dumps  # as it is before any answer


def _code(spec: Spec) -> Code:
    if spec.code is None:
        raise ValueError(f"spec: {spec.id} of kind {spec.kind!r} is not judged as code")
    return spec.code


def page_payload(spec: Spec) -> dict[str, Any]:
    """Write a code exercise for a page: its payload, the solution, and the limits there.

    A page cannot see how long the processor worked, so its limit is one of the clock, as many times
    longer as a notebook's limit for an answer that waits.

    Raises:
        ValueError: The exercise is of a kind that is not judged as code.
    """
    code = _code(spec)
    limits = code.limits
    return {
        **build_payload(spec),
        "function": code.name,
        "solution": textwrap.dedent(inspect.getsource(code.reference)).rstrip() + "\n",
        "limits": {"seconds": limits.seconds * CLOCK_FACTOR, "memory_mb": limits.memory_mb},
    }


def leave_javascript() -> None:
    """Take away the modules that lead from a page's Python to its JavaScript.

    A notebook has none of them, so a program that imports one hears the same in both places.
    """
    for name in list(sys.modules):
        if name.split(".")[0] in _JAVASCRIPT:
            del sys.modules[name]
    sys.meta_path.insert(0, _NoJavaScript())


class _NoJavaScript(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        """Find none of them, as where they are not installed."""
        name = fullname.split(".")[0]
        if name in _JAVASCRIPT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def check(name: str, source: str, tell: Callable[[str], None]) -> str:
    """Judge the text of a program.

    Args:
        name: Id of a code exercise.
        source: The whole program; it defines the function that the exercise asks for.
        tell: Called with JSON when the answer starts, with what is to be said should it be ended
            from outside, and before each case.

    Returns:
        JSON of the `Result`, with its text and its first words, what the lines outside the
        function printed, and `left`: what the answer left changed in this Python, empty if nothing.

    Raises:
        ValueError: There is no such exercise, or it is of a kind that is not judged as code.
    """
    spec = find(name)
    code = _code(spec)
    like_a_notebook()
    stops = {
        "timeout": OUT_OF_TIME.format(
            seconds=code.limits.seconds * CLOCK_FACTOR,
            case="{case}",
            reference=reference_time(spec),
        ),
        "memory": OUT_OF_MEMORY.format(memory_mb=code.limits.memory_mb, case="{case}"),
        "ended": ENDED,
        "words": {status: WORDS[status] for status in ("timeout", "error")},
    }
    state = State()
    tell(_encode({"started": True, "case": OUTSIDE, "stops": stops}))
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            answer = _define(code.name, source)
    except BaseException as error:  # SystemExit of the program too
        result = Result("error", _said(error), version=spec.version)
    else:
        if answer is None:
            text = f"Your program defines no function `{code.name}`."
            result = Result("invalid", text, version=spec.version)
        else:
            result = Judge(spec, answer, report=lambda text: tell(_encode({"case": text}))).run()
    return _encode(
        {
            "result": asdict(result),
            "word": WORDS[result.status],
            "text": str(result),
            "printed": printed.getvalue()[: code.limits.output_kb * 1024],
            "left": state.changed(),
        }
    )


def _define(name: str, source: str) -> Any:
    """Run a program in a namespace of its own, and give what it calls by a name.

    In a notebook these lines run in another process than the judge, so what they replace in NumPy
    must not meet the reference here either.
    """
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    space: dict[str, Any] = {"__name__": "__main__"}
    with kept_chance(), guarded([]):
        # With this file's lazy annotations: a copied solution names types that a page lacks.
        exec(compile(source, FILE, "exec"), space)
    return space.get(name)


def _said(error: BaseException) -> str:
    """Describe an error of the lines outside the function, with the learner's own line."""
    if isinstance(error, SyntaxError) and error.filename == FILE:
        line = f"\n  line {error.lineno}: {(error.text or '').strip()}"
        return f"{type(error).__name__}: {error.msg}{line}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    line = f"\n  line {own[-1].lineno}: {own[-1].line}" if own else ""
    return f"{type(error).__name__}: {error}{line}"
