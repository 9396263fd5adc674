"""Answers that are wrong in form, run away, lie or break things: none harms, none passes."""

import dataclasses
import inspect
import os
import random
import re
import signal
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from course_lib import exercises
from course_lib.exercises.author.spec import Limits
from course_lib.exercises.catalog import find
from course_lib.exercises.chapters.ch01_relevance.code import relevance
from course_lib.exercises.code.judge import judge
from course_lib.exercises.exercise import Exercise, NotCorrect
from course_lib.exercises.process import page
from course_lib.exercises.process.runner import RUNNER
from course_lib.exercises.selfcheck import refused_by

SPEC = find("01.c")
QUICK = Limits(seconds=0.4, memory_mb=300)


@pytest.fixture(scope="module", autouse=True)
def _end_the_worker():
    yield
    RUNNER.close()


def good(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def check(answer, limits=None):
    return RUNNER.check(SPEC, answer, limits=limits)


# Nothing handed in


@pytest.mark.parametrize("answer", [..., None, "relevance"])
def test_no_answer(answer):
    assert check(answer).status == "not_attempted"


def test_body_of_dots():
    def blank(scores): ...

    result = check(blank)
    assert result.status == "not_attempted"
    assert "Replace the `...` in `relevance`" in result.message


def test_blank_inside_an_expression():
    def blank(scores):
        powers = ...
        return powers / powers.sum(axis=1)

    assert check(blank).status == "not_attempted"


def test_print_instead_of_return():
    def prints(scores):
        print(good(scores))

    result = check(prints)
    assert result.status == "not_attempted"
    assert "print the result instead of returning" in result.message


# The wrong kind of thing


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (3, "got a int"),
        (np.eye(2), "got a ndarray"),
        (dict, "the class dict"),
        (lambda: 1, "must be called as `relevance(scores)`"),
        (lambda scores, mask: scores, "must be called as `relevance(scores)`"),
    ],
)
def test_form_of_the_answer(answer, words):
    result = check(answer)
    assert result.status == "invalid"
    assert words in result.message


class Liar:
    def __eq__(self, other):
        return True


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda scores: good(scores)[None], "dimension of size 1 is lost or added"),
        (lambda scores: good(scores).sum(axis=1), "shape"),
        (lambda scores: 1.0, "is one number"),
        (lambda scores: np.ones((1, 1)), "shape"),
        (lambda scores: np.round(good(scores)).astype(int), "whole|int64"),
        (lambda scores: good(scores) > 0.5, "bool"),
        (lambda scores: good(scores).astype(object), "array of object"),
        (lambda scores: np.ma.masked_array(good(scores)), "masked array"),
        (lambda scores: (row for row in good(scores)), "generator.*list"),
        (lambda scores: map(list, good(scores)), "map.*list"),
        (lambda scores: Liar(), "type Liar"),
        (lambda scores: "softmax", "NumPy array is wanted"),
        (lambda scores: np.matrix(good(scores)), "type matrix"),
    ],
)
def test_form_of_the_result(answer, words):
    result = judge(SPEC, answer)
    assert result.status == "invalid"
    assert re.search(words, result.message), result.message


def test_harmless_forms_are_taken_and_said():
    result = judge(SPEC, lambda scores: good(scores).tolist())
    assert result.status == "correct"
    assert "is a list; it was taken as an array" in result.message


def test_torch_tensor_with_gradient():
    torch = pytest.importorskip("torch", reason="torch is not installed")

    def with_torch(scores):
        return torch.softmax(torch.tensor(scores, requires_grad=True), dim=1)

    assert judge(SPEC, with_torch).status == "correct"


def test_minus_zero_is_zero():
    assert judge(SPEC, lambda scores: good(scores) * 1.0 - 0.0).status == "correct"


# Values


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(value):
    def spoiled(scores):
        result = good(scores)
        result[0, 0] = value
        return result

    result = judge(SPEC, spoiled)
    assert result.status == "incorrect"
    assert "[0, 0]" in result.message


def test_changes_its_argument():
    def changes(scores):
        result = good(scores)
        scores[0, 0] = 7.0
        return result

    result = check(changes)
    assert result.status == "incorrect"
    assert "changed scores" in result.message
    assert "scores after your call" in result.counterexample


def test_returns_a_view_of_its_argument():
    def view(scores):
        return scores[:, :]

    spec = dataclasses.replace(
        SPEC,
        code=dataclasses.replace(
            SPEC.code, reference=view, wrong={}, contract=dataclasses.replace(SPEC.code.contract)
        ),
    )
    result = judge(spec, lambda scores: scores.T.T)
    assert result.status == "incorrect"
    assert "shares memory with scores" in result.message


def test_keeps_something_between_calls():
    calls = []

    def counts(scores):
        calls.append(1)
        return good(scores) + (1e-3 if len(calls) % 2 == 0 else 0)

    result = check(counts)
    assert result.status == "incorrect"
    assert "two different results" in result.message


@pytest.mark.parametrize("source", ["np.random.rand", "np.random.default_rng().random"])
def test_chance_of_its_own(source):
    namespace = {"np": np, "good": good}
    exec(f"def noisy(scores): return good(scores) + 1e-9 * {source}()", namespace)
    result = check(namespace["noisy"])
    assert result.status == "incorrect"
    assert "two different results" in result.message


def test_shows_the_smallest_case():
    result = check(lambda scores: scores * 0 + 1)
    assert result.status == "incorrect"
    assert "shape (2, 2)" in result.counterexample["scores"]
    assert {"scores", "yours", "expected"} <= set(result.counterexample)
    assert "[0.5    0.5   ]" in result.counterexample["expected"]
    assert "[0.5    0.5   ]" in str(result)


def test_same_answer_same_result():
    def wrong(scores):
        return np.exp(scores) / np.exp(scores).sum()

    assert check(wrong) == check(wrong) == judge(SPEC, wrong)


# Errors and exits


def test_exception_names_the_own_line():
    def broken(scores):
        total = scores.sum()
        return total[3]

    result = check(broken)
    assert result.status == "error"
    assert "IndexError" in result.message
    assert "return total[3]" in result.message
    assert "judge.py" not in result.message
    assert "scores" in result.counterexample


def test_undefined_name():
    exec("def misses(scores): return undefined_thing(scores)", namespace := {})
    result = check(namespace["misses"])
    assert result.status == "error"
    assert "undefined_thing" in result.message


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_exits_are_errors(error):
    def leaves(scores):
        raise error("out")

    result = check(leaves)
    assert result.status == "error"
    assert error.__name__ in result.message


def test_recursion():
    def again(scores):
        return again(scores)

    result = check(again)
    assert result.status == "error"
    assert "calls itself without end" in result.message


def test_ending_the_process():
    result = check(lambda scores: os._exit(3))
    assert result.status == "error"
    assert "ended the Python process" in result.message
    assert check(good).status == "correct"


def test_writing_on_the_pipe():
    def writes(scores):
        os.write(1, b"\x00\x00\x00\x05junk!")
        sys.__stdout__.write("more junk")
        return good(scores)

    assert check(writes).status == "correct"


# Running away


def loops(scores):
    while True:
        pass


def loops_and_holds_on(scores):
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722
            pass


def backtracks(scores):
    return re.match("(a+)+$", "a" * 60 + "b")


def prints_for_ever(scores):
    while True:
        print("again and again")


@pytest.mark.parametrize("answer", [loops, loops_and_holds_on, backtracks, prints_for_ever])
def test_endless(answer):
    started = time.process_time()
    result = check(answer, QUICK)
    assert result.status == "timeout"
    assert "scores of shape (1, 1)" in result.message
    assert time.process_time() - started < 2


def test_sleeping():
    result = check(lambda scores: time.sleep(60), QUICK)
    assert result.status == "timeout"


def test_growing_memory():
    def grows(scores):
        kept = []
        while True:
            kept.append(np.ones(4_000_000))

    result = check(grows, Limits(seconds=20.0, memory_mb=300))
    assert result.status == "error"
    assert "300 MB of memory" in result.message


def test_much_output_is_cut():
    def talks(scores):
        print("x" * 1_000_000)
        return scores * 0

    result = check(talks)
    assert result.status == "incorrect"
    assert len(result.output) < 70_000
    assert "cut at the limit" in result.output


# Breaking things


def test_patched_library_is_reported_and_mended():
    def patches(scores):
        result = good(scores)
        np.exp = np.sin
        return result

    exp = np.exp
    result = check(patches)
    assert result.status == "incorrect"
    assert "replaced numpy.exp" in result.message
    assert check(good).status == "correct"
    assert judge(SPEC, patches).status == "incorrect"
    assert np.exp is exp


def test_settings_are_put_back(as_installed):  # checks of types draw, too
    def settings(scores):
        np.random.seed(1)
        np.set_printoptions(precision=1)
        result = good(scores)
        np.seterr(all="raise")
        return result

    np.random.normal()  # draws two, and keeps one for the next time
    options, chance = np.get_printoptions(), _chance()
    assert check(settings).status == "correct"
    assert judge(SPEC, settings).status == "correct"
    assert refused_by(SPEC, settings) is None
    assert refused_by(SPEC, lambda scores: scores) is not None
    assert np.get_printoptions() == options
    assert _chance() == chance


def _swaps():
    np.random.set_bit_generator(np.random.PCG64(5))


def _patches_python():
    random.setstate = lambda *state: None
    random.random()


def _patches_numpy():
    np.random.seed(3)
    np.random.set_state = None


def _odd_options():
    np.set_printoptions(edgeitems=np.array([3, 3]))


def _almost_the_same_options():
    np.set_printoptions(edgeitems=3.0)


MEDDLERS = {
    "swaps": (_swaps, None),
    "patches python": (_patches_python, "replaced random.setstate"),
    "patches numpy": (_patches_numpy, "replaced numpy.random.set_state"),
    "odd options": (_odd_options, None),
    "almost the same options": (_almost_the_same_options, None),
}


@pytest.mark.parametrize("name", MEDDLERS)
def test_what_meddles_with_chance_or_print_is_judged_and_leaves_nothing(as_installed, name):
    meddle, told = MEDDLERS[name]

    def answer(scores):
        meddle()
        return good(scores)

    np.random.normal()
    options, chance, bits = np.get_printoptions(), _chance(), np.random.get_bit_generator()
    result = judge(SPEC, answer)
    assert result.status == ("incorrect" if told else "correct"), result
    assert told is None or told in result.message
    assert (refused_by(SPEC, answer) is None) == (told is None)
    assert np.random.get_bit_generator() is bits
    assert np.get_printoptions() == options and type(np.get_printoptions()["edgeitems"]) is int
    assert _chance() == chance


def test_a_program_in_a_page_that_patches_what_keeps_chance_is_judged(as_installed):
    source = "import numpy as np\n" + textwrap.dedent(inspect.getsource(good))
    before = _chance()
    page._define(good.__name__, source + "\nnp.random.seed(3)\nnp.random.set_state = None\n")
    assert _chance() == before


def _chance():
    """What the global generators will draw."""
    name, keys, *rest = np.random.get_state()
    return name, keys.tolist(), rest, random.getstate()


def test_answer_that_cannot_travel_is_judged_here():
    lock = threading.Lock()

    def holds_a_lock(scores):
        with lock:
            return good(scores)

    result = check(holds_a_lock)
    assert result.status == "correct"
    assert "inside this notebook" in result.message


def test_endless_loop_inside_this_process():
    lock = threading.Lock()

    def holds_a_lock(scores):
        with lock:
            while True:
                pass

    assert check(holds_a_lock, QUICK).status == "timeout"


def test_interrupt_of_the_user():
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        check(loops, Limits(seconds=60.0))
    assert check(good).status == "correct"


def test_checker_fault_leaves_the_record_alone():
    def reference(scores):
        raise RuntimeError("the reference is broken")

    broken = dataclasses.replace(SPEC, code=dataclasses.replace(SPEC.code, reference=reference))
    exercise = Exercise(broken)
    result = exercise.check(good)
    assert result.status == "checker_fault"
    assert "report" in result.message
    assert exercises.progress().rows[0][3] == 0
    with pytest.raises(NotCorrect):
        exercise.check(good, strict=True)


# Ids and versions


def test_unknown_id():
    with pytest.raises(ValueError, match=r"no exercise '06.z'.*06\.a"):
        exercises.load("06.z")
    with pytest.raises(TypeError, match="want a text|Type-check"):
        exercises.load(6)
    with pytest.raises(TypeError, match="want a whole number|Type-check"):
        exercises.load("01.c", v="1")


@pytest.mark.parametrize(("asked", "words"), [(7, "course_lib is older"), (0, "the page is older")])
def test_other_version(asked, words):
    exercise = exercises.load("01.c", v=asked)
    result = exercise.check(relevance)
    assert result.status == "invalid"
    assert f"version {asked}" in result.message
    assert "version 1" in result.message
    assert words in result.message
    assert words in repr(exercise)
