"""The command: what it refuses before it serves, and how a signal ends it."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_lib.serve.cli import main

pytestmark = pytest.mark.processes


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_bad_arguments_are_named(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(checkpoint)
    free = ("--port", "0")
    assert "--max-requests" in refused(capsys, folder, *free, "--max-requests", "0")
    assert "--max-tokens" in refused(capsys, folder, *free, "--max-tokens", "0")
    assert "65535" in refused(capsys, folder, "--port", "70000")
    assert "--grace-seconds" in refused(capsys, folder, *free, "--grace-seconds", "nan")
    assert "no-such" in refused(capsys, str(tmp_path / "no-such"), *free)
    assert "config.json" in refused(capsys, str(tmp_path), *free)
    for host in ("no.such.host.invalid", "192.0.2.1"):  # none, and nobody's
        said = refused(capsys, folder, *free, "--host", host)
        assert f"--host must be a name or an address of this machine, got '{host}'" in said
        assert "--port" not in said
    assert "argument --host: got an empty word" in refused(capsys, folder, *free, "--host", "")


def test_a_reader_that_has_gone_is_no_fault_of_the_service(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*words: object, **more: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", gone)
    with pytest.raises(BrokenPipeError):  # which `run_command` waits for
        main([str(checkpoint), "--port", "0"])


def test_a_port_that_is_taken_is_said_before_a_model_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(capsys, str(tmp_path / "no-such"), "--port", str(port))
    assert str(port) in said and "--port" in said and "no-such" not in said


def test_a_tokenizer_that_is_missing_is_asked_for(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((checkpoint / name).read_bytes())
    assert "tokenizer" in refused(capsys, str(tmp_path), "--port", "0")


def test_sigterm_finishes_what_runs_and_ends_with_zero(checkpoint: Path) -> None:
    command = [sys.executable, "-m", "course_lib.serve", str(checkpoint), "--port", "0"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
        assert found is not None
        link = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=120)
        body = {"model": "tiny", "prompt": "the", "max_tokens": 90, "logit_bias": {"2": -100}}
        link.request("POST", "/v1/completions", json.dumps({**body, "stream": True}))
        response = link.getresponse()
        assert response.readline().startswith(b"data:")
        process.send_signal(signal.SIGTERM)
        assert response.read().endswith(b"data: [DONE]\n\n")
        link.close()
        start = time.monotonic()
        said = process.stderr.read()
        assert process.wait(60) == 0, said
        assert time.monotonic() - start < 30
    assert "Traceback" not in said and "stopped" in said
