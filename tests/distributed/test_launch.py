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
