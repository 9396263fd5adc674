"""Make the virtual environment: check the machine, install what the lock pins.

Standard library only, because it runs before anything is installed. Safe to interrupt and to
repeat: the marker that says "done" is written last and holds a digest of what was installed.
The Makefile has checked the version of Python before it calls this.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
NEEDED_BYTES = 4_000_000_000
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"


class SetupError(Exception):
    """Something the user can put right; the message says how."""


def digest(extras: list[str]) -> str:
    """What would be installed: the lock and the project file, then the extras and the Python."""
    state = hashlib.sha256()
    for path in (LOCK, ROOT / "pyproject.toml"):
        state.update(path.read_bytes())
    chosen = repr((sorted(extras), sys.version_info[:2]))
    return f"{state.hexdigest()}-{hashlib.sha256(chosen.encode()).hexdigest()[:16]}"


def check_machine(venv: Path) -> None:
    """Raise before work starts when the machine cannot do it."""
    for module in ("ensurepip", "venv"):
        try:
            __import__(module)
        except ImportError as error:
            raise SetupError(
                f"this Python has no module {module!r}. On Debian and Ubuntu: "
                f"apt-get install python3.{sys.version_info[1]}-venv"
            ) from error
    free = shutil.disk_usage(venv.parent).free
    wanted = int(os.environ.get("COURSE_NEEDED_BYTES", NEEDED_BYTES))
    if free < wanted and not (venv / "bin").exists():
        raise SetupError(
            f"{venv.parent} has {free / 1e9:.1f} GB free and the environment needs about "
            f"{wanted / 1e9:.0f} GB. Free some space, or put it elsewhere: make book VENV=/path"
        )


def run(command: list[str], log: Path, what: str) -> None:
    """Run one step with its whole output in a log, and one line that moves on the screen."""
    start = time.monotonic()
    with log.open("a", encoding="utf-8") as sink:
        sink.write(f"\n$ {' '.join(command)}\n")
        sink.flush()
        # else the modules that are read here would be compiled again and again
        kept = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, cwd=ROOT, env=kept
        )
        try:
            while process.poll() is None:
                seconds = time.monotonic() - start
                if sys.stdout.isatty():
                    print(f"\r  {what} ... {seconds:4.0f} s", end="", flush=True)
                time.sleep(0.5)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    print(f"\r  {what}: {time.monotonic() - start:.0f} s      ", flush=True)
    if process.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
        raise SetupError(f"{what} failed. The end of {log.relative_to(ROOT)}:\n{tail}")


def has_pip(pip: list[str]) -> bool:
    """Whether an environment is whole enough to go on from: an interrupted one may lack pip."""
    try:
        return subprocess.run([*pip, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def read_marker(marker: Path) -> list[str]:
    """Digests of what was installed; none when the marker is missing or damaged."""
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))["digests"]
        return [digest for digest in found if isinstance(digest, str)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def write_marker(marker: Path, digests: list[str]) -> None:
    """Write it whole or not at all, also when the power fails."""
    partial = marker.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"digests": digests}))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(marker)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one that installs into this checkout; say so and wait while another one does."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up runs here; this one waits until it is done.", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def torch_source(pip: list[str], pin: str) -> list[str]:
    """Where to take torch from, as pip arguments.

    On Linux the default wheel is a CUDA build of several GB. So: take what pip is set up with when
    that is a CPU build already, else PyTorch's own CPU index when it answers, else pip's default.
    """
    chosen = os.environ.get("TORCH_INDEX")
    if chosen == "default" or not sys.platform.startswith("linux"):
        return []
    if chosen:
        return ["--index-url", chosen]
    report = subprocess.run(
        [
            *pip,
            "install",
            "--dry-run",
            "-q",
            "--no-deps",
            "--ignore-installed",
            "--report",
            "-",
            pin,
        ],
        capture_output=True,
        text=True,
    )
    if report.returncode == 0 and report.stdout:
        items = json.loads(report.stdout[report.stdout.index("{") :])["install"]
        if items and items[0]["metadata"]["version"].endswith("+cpu"):
            return []
    try:
        request = urllib.request.Request(f"{CPU_WHEELS}/torch/", method="HEAD")
        urllib.request.urlopen(request, timeout=5).close()
    except OSError as error:
        print(f"  PyTorch's CPU wheels are out of reach ({error}); taking pip's default build")
        return []
    return ["--index-url", CPU_WHEELS]


def main() -> int:
    """Install, or say in one line why not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--extras", default="book,test")
    arguments = parser.parse_args()
    venv = arguments.venv if arguments.venv.is_absolute() else ROOT / arguments.venv
    extras = [name for name in arguments.extras.split(",") if name]
    try:
        with alone(ROOT / "book" / "_tools"):
            install(venv, extras)
    except SetupError as error:
        print(f"make setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"make setup: {error.filename}: {error.strerror}", file=sys.stderr)
        print("Mend that and run the same command again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again: it goes on from here.", file=sys.stderr)
        return 130
    return 0


def install(venv: Path, extras: list[str]) -> None:
    """Bring the environment to what the lock says; at once when it is there already.

    Raises:
        SetupError: a step failed; the message says how to go on.
    """
    marker = venv / ".course-ready"
    ready = read_marker(marker)
    wanted = digest(extras)
    if wanted in ready:
        return
    check_machine(venv)
    print(f"Setting up {venv} ({', '.join(extras)})", flush=True)
    log = ROOT / "_build" / "setup.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("", encoding="utf-8")
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    if not has_pip(pip):
        run([sys.executable, "-m", "venv", "--clear", str(venv)], log, "virtual environment")
    # Of 20,000 modules a tenth is ever read: each is compiled then, and not all of them now, but
    # for those of torch that every page reads, since an optimizer does.
    add = [*pip, "install", "--no-compile"]
    pin = next(
        line for line in LOCK.read_text(encoding="utf-8").splitlines() if line.startswith("torch==")
    )
    look = "import importlib.metadata as m; print(m.version('torch'))"
    found = subprocess.run([pip[0], "-c", look], capture_output=True, text=True)
    if found.stdout.split("+")[0].strip() != pin.removeprefix("torch=="):
        source = torch_source(pip, pin)
        run([*add, "--no-deps", *source, pin], log, "torch")
    run([*add, "-c", str(LOCK), "-e", f".[{','.join(extras)}]"], log, "the rest")
    run([pip[0], "-c", "import torch, torch._dynamo"], log, "a first import")
    # What another choice of extras had put there from the same lock is there still.
    same_lock = [known for known in ready if known.split("-")[0] == wanted.split("-")[0]]
    write_marker(marker, [*same_lock, wanted])


if __name__ == "__main__":
    sys.exit(main())
