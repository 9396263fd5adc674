"""Keys: the same on every Python, quickly at hand, and those of the page."""

import sys
import time
from typing import Any

import pytest

from course_lib import exercises
from course_lib.data import pydoc_topics, split
from course_lib.exercises.author.payload import build_payload
from course_lib.exercises.author.spec import Spec
from course_lib.exercises.chapters.ch03_tokenizer.facts import shown_tokenizer
from course_lib.tokenizers import ByteLevelBPE


def test_the_shown_tokenizer_is_the_one_that_the_page_trains() -> None:
    trained = ByteLevelBPE.train(split(pydoc_topics())[0], 4096)
    assert trained.merges == shown_tokenizer().merges
    assert list(trained.tokens) == list(shown_tokenizer().tokens)


def test_keys_do_not_depend_on_the_text_of_the_running_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python rewords its own documentation with every patch release."""
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    assert exercises.load("03.b").check("12 tokens")
    assert exercises.load("03.d").check(exercises.load("03.d").payload()["parts"][0]["key"])


def test_a_payload_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def count(spec: Spec) -> dict[str, Any]:
        built.append(spec)
        return build_payload(spec)

    monkeypatch.setattr("course_lib.exercises.exercise.build_payload", count)
    exercise = exercises.load("03.b")
    repr(exercise)
    exercise.check("9 tokens")
    exercise.payload()["parts"].clear()
    assert exercise.payload()["parts"]
    exercise.solution(reveal=True)
    assert len(built) == 1


def test_a_check_of_the_slowest_key_is_quick() -> None:
    start = time.process_time()
    exercises.load("03.b").check("9 tokens")
    assert time.process_time() - start < 0.3
