"""What answers leave behind never reaches the next check, and nothing makes `check` raise."""

import contextlib
import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from course_lib import exercises
from course_lib.exercises.author.spec import Limits
from course_lib.exercises.catalog import find
from course_lib.exercises.process.runner import RUNNER

SPEC = find("01.c")


@pytest.fixture(scope="module", autouse=True)
def _end_the_worker():
    yield
    RUNNER.close()


def good(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def bad(scores):
    return scores * 0 + 1


def check(answer, limits=None):
    return RUNNER.check(SPEC, answer, limits=limits)


# What is left behind


def forks(scores):
    os.fork()
    return good(scores)


def patches_a_module(scores):
    json.loads = str
    return good(scores)


def patches_zlib(scores):
    sys.modules["zlib"].crc32 = len
    return good(scores)


def removes_a_module(scores):
    sys.modules.pop("json", None)
    return good(scores)


def starts_a_thread(scores):
    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
    return good(scores)


def sets_a_timer(scores):
    signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    return good(scores)


def clears_the_path(scores):
    sys.path.clear()
    return good(scores)


def changes_the_folder(scores):
    os.chdir("/")
    return good(scores)


def starts_a_process(scores):
    subprocess.Popen(["sleep", "30"])
    return good(scores)


def changes_the_environment(scores):
    os.environ["PATH"] = ""
    return good(scores)


@pytest.mark.parametrize(
    "answer",
    [
        forks,
        patches_a_module,
        patches_zlib,
        removes_a_module,
        starts_a_thread,
        sets_a_timer,
        clears_the_path,
        changes_the_folder,
        starts_a_process,
        changes_the_environment,
    ],
)
def test_the_next_answer_meets_a_fresh_worker(answer):
    assert check(good).status == "correct"
    before = RUNNER.worker.process.pid
    check(answer)
    assert RUNNER.worker.process.pid != before
    assert check(bad).status == "incorrect"
    assert check(good).status == "correct"


def test_an_answer_that_leaves_nothing_keeps_the_worker():
    check(good)
    before = RUNNER.worker.process.pid
    for _ in range(3):
        assert check(good).status == "correct"
        assert check(bad).status == "incorrect"
    assert RUNNER.worker.process.pid == before


def test_a_verdict_is_never_that_of_an_older_answer():
    def forks_and_waits(scores):
        if os.fork() == 0:
            time.sleep(0.3)
        return good(scores)

    for _ in range(3):
        check(forks_and_waits)
        assert check(bad).status == "incorrect"


def test_memory_of_children_counts():
    def child_grows(scores):
        code = "x = bytearray(500_000_000); import time; time.sleep(30)"
        subprocess.run([sys.executable, "-c", code])
        return good(scores)

    result = check(child_grows, Limits(seconds=20.0, memory_mb=300))
    assert result.status == "error"
    assert "300 MB of memory" in result.message


def test_checks_from_two_threads():
    found = {}

    def work(name, answer):
        found[name] = [check(answer).status for _ in range(3)]

    threads = [threading.Thread(target=work, args=pair) for pair in (("g", good), ("b", bad))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"g": ["correct"] * 3, "b": ["incorrect"] * 3}


def test_a_sleep_is_not_called_a_loop():
    result = check(lambda scores: time.sleep(60), Limits(seconds=0.4))
    assert result.status == "timeout"
    assert "sleep" in result.message
    assert "loop" not in result.message


# What a right answer may bring along


@functools.lru_cache
def width_of(n):
    return float(n)


@functools.cache
def countdown(n):
    return 0 if n == 0 else countdown(n - 1)


def test_cached_helpers():
    def uses_caches(scores):
        return good(scores) * width_of(1) + countdown(3)

    assert check(uses_caches).status == "correct"
    sinusoidal = functools.lru_cache(find("05.c").code.also_correct[0])
    assert RUNNER.check(find("05.c"), sinusoidal).status == "correct"


def test_display_in_an_answer():
    namespace = {"good": good}
    exec("def shows(scores):\n    display(scores.shape)\n    return good(scores)", namespace)
    assert check(namespace["shows"]).status == "correct"


def test_helper_module_in_a_folder_of_ones_own(tmp_path, monkeypatch):
    path = tmp_path / "my_helper_of_mine.py"
    path.write_text("import numpy as np\n\ndef soft(x):\n    return x * 0 + 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    helper = importlib.import_module("my_helper_of_mine")
    namespace = {"helper": helper}
    exec("def uses(scores):\n    return helper.soft(scores)", namespace)
    exec(
        "def imports(scores):\n    import my_helper_of_mine as m\n    return m.soft(scores)",
        local := {},
    )
    assert check(namespace["uses"]).status == "incorrect"
    assert check(local["imports"]).status == "incorrect"
    path.write_text(
        "import numpy as np\n\ndef soft(x):\n    p = np.exp(x - x.max(axis=1, keepdims=True))\n"
        "    return p / p.sum(axis=1, keepdims=True)\n# edited\n"
    )
    importlib.reload(helper)
    assert check(namespace["uses"]).status == "correct"
    assert check(local["imports"]).status == "correct"
    sys.modules.pop("my_helper_of_mine")


def test_the_default_type_of_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")

    def with_torch(scores):
        table = torch.tensor(scores.tolist())
        assert table.dtype == torch.float64
        return torch.softmax(table, dim=1).numpy()

    torch.set_default_dtype(torch.float64)
    try:
        assert check(with_torch).status == "correct"
    finally:
        torch.set_default_dtype(torch.float32)
    assert check(with_torch).status == "error"


def test_an_exception_names_the_line_of_a_cell():
    import linecache

    source = "def broken(scores):\n    total = scores.sum()\n    return total[3]  # here\n"
    name = "<ipython-input-1-0>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    exec(compile(source, name, "exec"), namespace := {})
    assert "return total[3]  # here" in check(namespace["broken"]).message


# check never raises


class Raising:
    def __eq__(self, other):
        raise RuntimeError("not comparable")

    __hash__ = None

    def __bool__(self):
        raise RuntimeError("neither true nor false")


ODD = [
    np.zeros(3),
    Raising(),
    [Raising()],
    {"a": Raising()},
    np.array(["o1"]),
    object(),
    b"o1",
    {1},
]


@pytest.mark.parametrize("answer", ODD, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", ["01.a", "01.d", "02.a", "07.b", "08.b", "09.a", "01.c", "11.c"])
def test_odd_answers(name, answer):
    result = exercises.load(name).check(answer)
    assert result.status in ("invalid", "not_attempted"), result


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00broken", b"{", b"[" * 100_000, b'{"schema": 2}', b""]
)
def test_a_damaged_store_is_set_aside_every_time(tmp_path, monkeypatch, content):
    path = tmp_path / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    exercise = exercises.load("01.d")
    for _ in range(2):
        path.write_bytes(content)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            exercise.check("1152")
        assert any("could not be read" in str(warning.message) for warning in caught)
    kept = [entry for entry in tmp_path.iterdir() if ".bad" in entry.name]
    assert [entry.read_bytes() for entry in kept] == [content, content]


@pytest.mark.parametrize("what", ["folder", "broken"])
def test_a_store_that_cannot_be_used(tmp_path, monkeypatch, capfd, what):
    path = tmp_path / "progress.json"
    if what == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\xff")
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    exercise = exercises.load("01.d")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert exercise.check("1152")
        repr(exercise)
        exercise.hint()
        exercise.solution(reveal=True)
        exercises.progress()
    assert "progress" in capfd.readouterr().err.lower()


def test_a_prediction_reveals_what_happened():
    result = exercises.load("03.b").check("9 tokens")
    assert "`" not in result.message
    assert "12 tokens:" in result.message


def test_a_store_without_a_lock_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "filelock", None)
    with contextlib.suppress(Warning), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert exercises.load("01.d").check("1152")
