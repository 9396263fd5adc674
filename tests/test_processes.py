"""Children end with what they started, however their parent ends."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import types

import psutil
import pytest

from course_lib import processes

ENVIRONMENT = {**os.environ, "PYTHONPATH": processes.import_path()}


def child(source):
    return processes.Child([sys.executable, "-c", textwrap.dedent(source)], environment=ENVIRONMENT)


def ended(pid, seconds=2.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


STARTS_ANOTHER = """
    import subprocess, time
    print(subprocess.Popen(["sleep", "600"], start_new_session={}).pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.processes
@pytest.mark.parametrize("own_session", [False, True])
def test_killing_a_child_ends_what_it_started(own_session):
    made = child(STARTS_ANOTHER.format(own_session))
    started = int(made.process.stdout.readline())
    made.kill()
    made.kill()  # twice does no harm
    assert made.process.returncode == -signal.SIGKILL
    assert ended(started)
    made.process.stdout.close()


@pytest.mark.processes
def test_a_child_that_cannot_start_leaves_nothing():
    before = psutil.Process().children()
    with pytest.raises(FileNotFoundError):
        processes.Child(["/nowhere/to/be/found"], environment={})
    assert psutil.Process().children() == before


PARENT = textwrap.dedent(
    """
    import os, sys, time
    from course_lib import processes

    command = [sys.executable, "-c", os.environ["CHILD"]]
    made = processes.Child(command, environment=dict(os.environ))
    line = made.process.stdout.readline().decode().strip()
    if os.environ["FORKS"] and os.fork() == 0:
        time.sleep(8)  # as a data loader: it holds every pipe of its parent
        os._exit(0)
    print(made.process.pid, line, flush=True)
    time.sleep(600)
    """
)
HOLDS = """
    import re
    print(0, flush=True)
    re.match(r"(a+)+$", "a" * 40 + "b")  # one call that lets no other thread run
"""
WATCHES = """
    import time
    from course_lib import processes
    processes.end_with_parent()
    print(0, flush=True)
    time.sleep(600)
"""


@pytest.mark.processes
@pytest.mark.parametrize(
    ("source", "forks"), [(STARTS_ANOTHER.format(False), ""), (HOLDS, ""), (WATCHES, "1")]
)
def test_nothing_outlives_a_killed_parent(source, forks):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        env={**ENVIRONMENT, "CHILD": textwrap.dedent(source), "FORKS": forks},
        text=True,
    ) as parent:
        first, second = (int(word) for word in parent.stdout.readline().split())
        parent.kill()
        assert ended(first) and (second == 0 or ended(second))


@pytest.mark.processes
def test_functions_of_a_module_that_is_not_there_travel_by_value():
    module = types.ModuleType("not_installed_anywhere")
    exec("def double(x):\n    return 2 * x", module.__dict__)
    sys.modules[module.__name__] = module
    try:
        data = processes.pickle_by_value(module.double, [module])
    finally:
        del sys.modules[module.__name__]
    program = "import sys, pickle; print(pickle.loads(sys.stdin.buffer.read())(21))"
    done = subprocess.run([sys.executable, "-c", program], input=data, stdout=subprocess.PIPE)
    assert done.stdout == b"42\n"


def test_a_text_that_cannot_be_made():
    class Silent(Exception):
        def __str__(self):
            raise ValueError("no")

    assert processes.describe(KeyError("a")) == "KeyError: 'a'"
    assert processes.describe(Silent()) == "Silent (making its text raised ValueError)"
