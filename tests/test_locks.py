"""One writer a folder: among threads, processes, and where a file system has no locks."""

import errno
import os
import signal
import threading
import time

import pytest

from course_lib import locks

POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_one_at_a_time_among_threads(tmp_path):
    inside, most = 0, 0

    def work():
        nonlocal inside, most
        for _ in range(20):
            with locks.locked(tmp_path):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and names(tmp_path) == []


@pytest.mark.processes
@POSIX
def test_a_lock_ends_with_its_process(tmp_path):
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with locks.locked(tmp_path):
            os.write(tell, b"x")
            time.sleep(60)
    os.read(ready, 1)
    with pytest.raises(TimeoutError, match="is being written by another process: waited 0.05 s"):
        with locks.locked(tmp_path, timeout_seconds=0.05):
            pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with locks.locked(tmp_path, timeout_seconds=5.0):
        pass
    with pytest.raises(FileNotFoundError, match="cannot lock"), locks.locked(tmp_path / "no"):
        pass


@POSIX
def test_a_file_system_without_locks_keeps_nobody_out_and_says_so(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    for held in (locks.locked(tmp_path), locks.only_run(tmp_path / "run")):
        with pytest.warns(UserWarning, match="this file system has no locks"), held:
            pass
    assert names(tmp_path) == []


def test_the_lock_of_a_folder_is_not_that_of_a_file_in_it(tmp_path):
    folder = tmp_path / "run"  # of the name under which a command locks what it writes
    with locks.only_run(folder / "run"), locks.only_run(folder, inside=True):
        with pytest.raises(BlockingIOError), locks.only_run(folder, inside=True):
            pass
    with locks.only_run(tmp_path / ("é" * 120)):  # 240 bytes: the name of the lock must fit, too
        pass
