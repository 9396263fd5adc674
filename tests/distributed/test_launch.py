"""The launcher: values back, first failure named, nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import psutil
import pytest
import torch
import torch.distributed as dist

from course_lib.distributed import RankFailure, Ranks, init_from_env, launch


def add_ranks(x):
    total = torch.tensor([float(dist.get_rank() + x)])
    dist.all_reduce(total)
    return dist.get_rank(), total.item()


def slow():
    time.sleep(600)


def unpicklable():
    return threading.Lock()


def test_values_come_back_and_functions_travel_by_value(pools, capsys):
    offset = 10
    assert pools(2).run(add_ranks, 1) == [(0, 3.0), (1, 3.0)]
    assert pools(2).run(lambda: offset + dist.get_rank()) == [10, 11]


def test_launch_echoes_and_reports(capsys):
    def work(name, times=1):
        print(f"{name} of rank {dist.get_rank()}")
        return name * times

    assert launch(work, "ab", times=2, nprocs=2, timeout=60) == ["abab", "abab"]
    out = capsys.readouterr().out
    assert "[rank 0] ab of rank 0" in out and "[rank 1] ab of rank 1" in out


def test_a_call_that_takes_too_long_says_where_it_is():
    with Ranks(2, echo=False) as ranks:
        ranks.run(add_ranks, 1)  # so that they have imported this module, which may take long, too
        with pytest.raises(RankFailure) as error:
            ranks.run(slow, timeout=2)
        text = str(error.value)
        assert "rank 0 of 2 failed first: no value after 2 s (still running: ranks [0, 1])" in text
        assert "in slow" in text  # the stack of the rank
        with pytest.raises(RuntimeError, match="these ranks are stopped"):
            ranks.run(slow)


def test_bad_input_is_refused_before_anything_starts(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)  # nothing may be started
    with pytest.raises(ValueError, match="nprocs must be at least 1, got 0"):
        launch(add_ranks, 1, nprocs=0)
    with pytest.raises(ValueError, match="timeout must be positive, got 0"):
        launch(add_ranks, 1, timeout=0)
    with pytest.raises(ValueError, match="backend must be 'gloo' or 'nccl', got 'mpi'"):
        launch(add_ranks, 1, backend="mpi")
    for nprocs in (True, 2.5, "2", None):
        with pytest.raises(TypeError, match="nprocs"):
            launch(add_ranks, 1, nprocs=nprocs)
    with pytest.raises(ValueError, match=r"nprocs=1000000 does not fit: each rank needs at least"):
        launch(add_ranks, 1, nprocs=10**6, backend="gloo")
    for timeout in (float("nan"), -1.0, float("inf"), 1e12):
        with pytest.raises(ValueError, match="timeout must"):
            launch(add_ranks, 1, timeout=timeout)
        with pytest.raises(ValueError, match="collective_timeout must"):
            launch(add_ranks, 1, collective_timeout=timeout)
        with pytest.raises(ValueError, match="collective_timeout must"):
            init_from_env(collective_timeout=timeout)
    for timeout in ("3", True, None):
        with pytest.raises(TypeError, match="timeout"):
            launch(add_ranks, 1, timeout=timeout)
    with pytest.raises(ValueError, match="collective_timeout must be positive, got 0"):
        launch(add_ranks, 1, collective_timeout=0)
    with pytest.raises(TypeError, match="function"):
        launch(3)
    lock = threading.Lock()
    with pytest.raises(TypeError, match="add_ranks or its arguments cannot be sent to the ranks"):
        launch(add_ranks, lock)


@pytest.mark.skipif(torch.cuda.device_count() > 7, reason="this machine has GPUs for eight ranks")
def test_more_ranks_than_gpus():
    with pytest.raises(ValueError, match=r"NCCL needs a GPU per rank: 8 ranks, \d GPUs here"):
        launch(add_ranks, 1, nprocs=8, backend="nccl")


def test_value_that_cannot_be_pickled():
    with Ranks(1, echo=False) as ranks:
        with pytest.raises(RankFailure, match="the value of rank 0 cannot be pickled"):
            ranks.run(unpicklable)


def test_network_interface_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "nowhere0")
    start = time.monotonic()
    with pytest.raises(RankFailure, match="of 2 failed first: .*nowhere0"):
        Ranks(2, echo=False)
    assert time.monotonic() - start < 60


def test_init_from_env_without_and_with_half_of_torchrun(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    comm = init_from_env()
    assert (comm.rank, comm.world_size) == (0, 1)
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ValueError, match=r"\['WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'\] are mi"):
        init_from_env()
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "1")
    for rank, world_size, message in [
        ("5", "2", "RANK=5 does not lie below WORLD_SIZE=2"),
        ("2", "2", "RANK=2 does not lie below WORLD_SIZE=2"),
        ("-1", "2", "RANK must be a whole number, got '-1'"),
        ("0", "two", "WORLD_SIZE must be a whole number, got 'two'"),
        ("0", "0", "RANK=0 does not lie below WORLD_SIZE=0"),
    ]:
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("WORLD_SIZE", world_size)
        with pytest.raises(ValueError, match=message):
            init_from_env()


@pytest.mark.parametrize("world_size", [1, 2])
def test_port_that_another_program_listens_on(monkeypatch, world_size):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        variables = {"RANK": 0, "WORLD_SIZE": world_size, "MASTER_ADDR": "127.0.0.1"}
        for name, value in {**variables, "MASTER_PORT": port}.items():
            monkeypatch.setenv(name, str(value))
        start = time.monotonic()
        with pytest.raises(ValueError, match=f"MASTER_PORT {port} is taken: another program"):
            init_from_env("gloo")
        assert time.monotonic() - start < 20  # at once, and not after the time-out of 60 s
        assert not dist.is_initialized()


SCRIPT = textwrap.dedent(
    """
    import sys, time
    from course_lib.distributed import launch

    def work(seconds):  # in __main__, as in a notebook
        import os, time
        print(f"pid {os.getpid()}", flush=True)
        time.sleep(seconds)

    if __name__ == "__main__":
        launch(work, 600, nprocs=2, timeout=600)
    """
)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_rank_outlives_its_parent(tmp_path, how):
    """A kernel restart is a SIGKILL, an interrupt is a SIGINT."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as parent:
        assert parent.stdout is not None
        pids, lines = [], []
        while len(pids) < 2:
            line = parent.stdout.readline()
            assert line, f"the script ended early: {lines[-5:]}"
            lines.append(line)
            if "] pid " in line:
                pids.append(int(line.split("pid ")[1]))
        try:
            assert all(psutil.pid_exists(pid) for pid in pids)
            parent.send_signal(how)
            stopped = time.monotonic()
            while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() - stopped < 10:
                time.sleep(0.02)
            assert time.monotonic() - stopped < 2
        finally:
            parent.kill()  # or leaving the block would wait for it


LINGERING = textwrap.dedent(
    """
    import os, subprocess, sys, time

    def start(own_session):  # a helper process that a rank leaves running, as data loaders do
        return subprocess.Popen(["sleep", "600"], start_new_session=own_session).pid

    def hold_the_interpreter():
        import re
        re.match(r"(a+)+$", "a" * 40 + "b")  # one call that lets no other Python thread run

    def work(how, own_session):
        started = start(own_session)
        print(f"pid {os.getpid()}\\npid {started}", flush=True)
        if how == "returns":
            return started
        if how == "raises":
            raise KeyError(started)
        if how == "dies" and os.environ["RANK"] == "1":
            time.sleep(0.3)
            os.kill(os.getpid(), 9)
        if how == "holds":
            hold_the_interpreter()
        time.sleep(600)
    """
)


def gone(pids, seconds):
    """Whether all these processes end within so many seconds."""
    deadline = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) and not zombie(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def zombie(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def lingering(tmp_path, monkeypatch):
    """A module of functions that start processes; the ranks import it, too."""
    (tmp_path / "lingering_work.py").write_text(LINGERING)
    monkeypatch.syspath_prepend(str(tmp_path))
    import lingering_work

    yield lingering_work
    del sys.modules["lingering_work"]


@pytest.mark.parametrize(
    ("how", "own_session"),
    [
        ("returns", True),
        ("raises", False),
        ("dies", False),
        ("dies", True),
        ("sleeps", True),
        ("holds", False),
    ],
)
def test_what_a_rank_starts_ends_with_it_and_nobody_waits_for_it(lingering, how, own_session):
    """It inherits the rank's output, so the end of that says nothing."""
    with Ranks(2, echo=False) as ranks:
        outputs = ranks._outputs
        start = time.monotonic()
        if how == "returns":
            assert len(ranks.run(lingering.work, how, own_session, timeout=60)) == 2
        else:
            cause = {"raises": "KeyError", "dies": "rank 1 of 2 .*SIGKILL"}.get(how, "no value aft")
            late = 5 if cause.startswith("no") else 60
            with pytest.raises(RankFailure, match=cause) as error:
                ranks.run(lingering.work, how, own_session, timeout=late)
            assert time.monotonic() - start < (late if late == 5 else 5) + 3
            if how == "holds":  # also then it is said where it is
                assert "hold_the_interpreter" in error.value.details
    pids = [int(line[4:]) for output in outputs for line in output.lines if line[:4] == "pid "]
    assert len(pids) == 4
    if how == "dies" and own_session:  # the rank that started it is gone, and cannot be asked
        pids = [pid for pid in pids if psutil.pid_exists(pid) and os.getsid(pid) != pid]
    assert gone(pids, 2)


def test_a_rank_that_reads_nothing_does_not_hold_up_the_end():
    with Ranks(2, echo=False) as ranks:
        ranks._children[1].process.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(RankFailure, match=r"no value after 2 s \(still running: ranks \[1\]\)"):
            ranks.run(len, b"x" * 10**7, timeout=2)
        assert time.monotonic() - start < 5


class Silent(Exception):
    def __str__(self):
        raise ValueError("no text")


def raise_silent():
    if dist.get_rank() == 0:
        raise Silent
    time.sleep(30)  # ended as soon as the other has failed


def only_here(parent):
    if os.getpid() != parent:
        return NotThere(parent)
    raise ValueError("this process cannot hold it")


class NotThere:
    """A value that can be sent, and not received."""

    def __init__(self, parent):
        self.parent = parent

    def __reduce__(self):
        return only_here, (self.parent,)


def send_what_cannot_be_received(parent):
    return NotThere(parent) if dist.get_rank() == 1 else 0


def test_failures_without_a_text_and_values_that_cannot_be_received():
    with Ranks(2, echo=False) as ranks:
        with pytest.raises(RankFailure, match="rank 0 of 2 failed first: Silent"):
            ranks.run(raise_silent, timeout=60)
    with Ranks(2, echo=False) as ranks:
        with pytest.raises(RankFailure, match="rank 1 of 2 .*unpickled here: ValueError: this pro"):
            ranks.run(send_what_cannot_be_received, os.getpid(), timeout=60)


HEADS = textwrap.dedent(
    """
    from course_lib.distributed import launch

    def work():
        for i in range(20000):
            print("a line", i, flush=False)
        return 7

    if __name__ == "__main__":
        values = launch(work, nprocs=2, timeout=100)
        import sys
        sys.stderr.write(f"values {values}\\n")
    """
)


def test_nobody_reads_what_the_ranks_print(tmp_path):
    """As in ``python script.py | head -1``."""
    script = tmp_path / "script.py"
    script.write_text(HEADS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=writing, stderr=subprocess.PIPE, env=environment
    ) as parent:
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
        _, errors = parent.communicate(timeout=120)
    assert "values [7, 7]" in errors.decode()


@pytest.mark.parametrize("how", ["sleeps", "holds"])
def test_nothing_outlives_a_killed_parent(lingering, tmp_path, how):
    """Whatever the ranks do, and whatever they have started."""
    script = tmp_path / "script.py"
    script.write_text(
        "from course_lib.distributed import launch\nimport lingering_work\n"
        f"if __name__ == '__main__': launch(lingering_work.work, {how!r}, False, nprocs=2)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        pids = []
        while len(pids) < 4:
            line = parent.stdout.readline()
            assert line
            if "] pid " in line:
                pids.append(int(line.split("pid ")[1]))
        time.sleep(0.5)
        parent.kill()
        assert gone(pids, 2)


def test_signal_handlers_stay_as_they_are(pools):
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    pools(2).run(add_ranks, 1)
    after = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    assert before == after


TORCHRUN = textwrap.dedent(
    """
    import os
    import torch
    from course_lib.distributed import init_from_env, zero_shard

    comm = init_from_env("gloo")
    model = zero_shard(torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2)), comm=comm)
    model(torch.ones(1, 4)).sum().backward()
    os.write(1, f"rank {comm.rank} of {comm.world_size} trained\\n".encode())  # in one piece
    torch.distributed.destroy_process_group()
    """
)


def test_the_same_script_runs_under_torchrun(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(TORCHRUN)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, str(script)], capture_output=True, text=True, timeout=180, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "rank 0 of 2 trained" in done.stdout and "rank 1 of 2 trained" in done.stdout
