"""Exercises: load one, answer it, have it judged, keep your progress.

```python
from course_lib import exercises
ex = exercises.load("06.c", v=1)   # last in a cell, it shows itself
ex.check(attention)                # a Result: what you did, why, the next step
ex.hint(); ex.solution()
exercises.progress(); exercises.export(); exercises.import_(text)
```

Questions are judged from their payload (`schema.json`), the same in a kernel and in the page. Code
is judged by properties, with limits of time and memory: from a kernel in a separate process, from a
page in a worker with Python in it. Keys can be read by anyone who looks: this is self-study.

How to add an exercise
----------------------

1. Open or add a file in `chapters/chNN_topic/`: `ideas`, `predictions`, `numbers`, `code` or
   `recall`. Only the modules of a chapter are imported when one of its exercises is loaded. Write
   NumPy; what several chapters compute stands in `chapters/common.py`.
2. Add a `Spec` to its `EXERCISES`. The id is the chapter, a dot and a letter (a: idea,
   b: prediction, c: code, d: number, r: recall of an earlier page), with a figure for a second one.
   `kind` is choice, number, match, order or predict with `parts`, or code with a `Code`.
3. Texts are short and written for this course. Each feedback has at most 60 words: what the
   answer does, why that is not so, the correct idea. Marks: `code`, **strong**, *emphasis*, lists,
   fenced code. Every option, right or wrong, has its feedback.
4. Keys are functions of the reference, never typed in. A number's `near` values are what the
   planted mistakes compute; each stays two tolerances away from the key and from the others.
5. A code exercise needs: a reference that is slow and obvious; at least two other right programs,
   one with loops; at least five wrong programs people really write, each with its message; a
   generator that uses `Draw`; properties that decide and laws that only explain (`diagnose`);
   one starter or several, with less and less given, whose blanks are `...`.
6. Run `python -m pytest tests/exercises`. The tests are made from the files: the reference and the
   other right programs pass on fresh seeds, every wrong program fails with its own message, every
   starter counts as not attempted, no property is idle, and small changes of the reference are
   noticed. A change that is not noticed but harmless is listed in
   `tests/exercises/chapters/survivors.py` with its reason.
7. Raise `version` when the question changes; a record of the old version then says so.
8. `python -m course_lib.exercises build --output FILE` writes all payloads for the static page.

Chapter: 01_relevance
"""

from course_lib.exercises.exercise import Exercise, NotCorrect, load
from course_lib.exercises.progress.panel import progress_panel
from course_lib.exercises.progress.store import clear, export, import_, progress
from course_lib.exercises.result import Result

__all__ = [
    "Exercise",
    "NotCorrect",
    "Result",
    "clear",
    "export",
    "import_",
    "load",
    "progress",
    "progress_panel",
]
