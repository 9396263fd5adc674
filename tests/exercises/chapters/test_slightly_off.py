"""An answer that is one per cent, one entry or one digit off is wrong, to every exercise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.exercises.answers.quiz import judge_part
from course_lib.exercises.author.payload import build_payload
from course_lib.exercises.catalog import all_specs

ROOT = Path(__file__).resolve().parents[3]
LEFT = {
    "04.c 1e-12 x 1.01": "a length that keeps zero from being divided by",
    "04.c 1e-12 x 0.99": "a length that keeps zero from being divided by",
    "13.c 1.0 x 1.01": "a threshold is at most 1, so any similarity of 1 or more is a copy",
}


@pytest.mark.slow
@pytest.mark.processes
def test_code() -> None:
    script = str(Path(__file__).with_name("slightly_off.py"))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["made"] > 100
    # 14.c counts shares of draws, whose spread is wider than one per cent.
    assert [name for name in found["left"] if not name.startswith("14.c 0.")] == [*LEFT]


ROUGH = {"13.d", "16.d"}  # whose prompts ask for rounding


def test_a_count_that_is_one_off() -> None:
    """A question for a number of whole things: the number beside it is another number."""
    tried = 0
    for spec in all_specs():
        if spec.kind != "number" or spec.id in ROUGH:
            continue
        for part in build_payload(spec)["parts"]:
            key = part.get("key")
            if part["type"] != "number" or "" not in part["units"] or key != int(key):
                continue
            for step in (-1, 1) if 20 < key < 10_000 else ():
                tried += 1
                assert judge_part(part, f"{key + step:.0f}").status == "incorrect", (spec.id, key)
    assert tried >= 4
