"""What is said of an answer that was ended from outside: in a notebook and in a page the same."""

from __future__ import annotations

import time

from course_lib.exercises.author.spec import Spec
from course_lib.exercises.code.draw import draw_case

OUT_OF_TIME = (
    "Stopped after {seconds:g} s on {case}; the reference needs {reference} for a case. "
    "Look for a loop that never ends."
)
OUT_OF_MEMORY = "Stopped: it took more than {memory_mb} MB of memory on {case}."
ENDED = "Your code ended the Python process it ran in (os._exit, or a crash)."


def reference_time(spec: Spec) -> str:
    """Measure how long the reference takes for one case, in words."""
    assert spec.code is not None
    arguments = draw_case(spec.code.generate, 0)[0]
    start = time.perf_counter()
    spec.code.called(spec.code.reference)(*arguments.values())
    return f"{max(1, round((time.perf_counter() - start) * 1000))} ms"
