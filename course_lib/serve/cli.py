"""The command line: ``python -m course_lib.serve CHECKPOINT``."""

import argparse
import asyncio
import math
import sys
from collections.abc import Sequence

from course_lib.command_line import file_path, filled
from course_lib.extras import needs


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = argparse.ArgumentParser(
        prog="python -m course_lib.serve",
        description="Serve a checkpoint to OpenAI's clients: /v1/models, /v1/completions, "
        "/v1/chat/completions; also /health, /metrics, and a page for a person at /.",
    )
    made.add_argument("checkpoint", type=file_path, metavar="CHECKPOINT", help="folder of a "
                      "training run or of a published model")  # fmt: skip
    made.add_argument(
        "--tokenizer", type=file_path, help="file or folder; else the checkpoint's own"
    )
    made.add_argument("--name", help="what requests call the model (the folder's name)")
    made.add_argument("--host", type=filled, default="127.0.0.1", help="address to listen at "
                      "(%(default)s: this machine alone; there are no keys)")  # fmt: skip
    made.add_argument("--port", type=int, default=8000, help="0 for any that is free (%(default)s)")
    made.add_argument("--max-requests", type=int, default=8, help="replies written at one time, "
                      "in one batch (%(default)s)")  # fmt: skip
    made.add_argument("--max-waiting", type=int, default=64, help="replies that may wait for room; "
                      "more get a 429 (%(default)s)")  # fmt: skip
    made.add_argument("--max-tokens", type=int, help="most tokens of one reply (the context)")
    made.add_argument("--grace-seconds", type=float, default=60.0, help="how long a stop waits for "
                      "what runs (%(default)s)")  # fmt: skip
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Words of the command line; None takes the program's own.

    Returns:
        0 after a stop in good order. Bad arguments, a port that is taken, or a checkpoint that
        cannot be read end the program with 2.

    Raises:
        BrokenPipeError: Whoever read the output is gone.
    """
    reader = parser()
    chosen = reader.parse_args(arguments)
    try:
        _check(chosen)
        with needs("serve", "the service"):
            from course_lib.serve.engine import ServingEngine
            from course_lib.serve.served import ServedModel
            from course_lib.serve.server import CourseServer, listen

        listener = listen(chosen.host, chosen.port)
        with listener:
            served = ServedModel.load(
                chosen.checkpoint,
                name=chosen.name,
                tokenizer=chosen.tokenizer,
                max_new_tokens=chosen.max_tokens,
            )
            engine = ServingEngine(
                served.model,
                served.tokenizer,
                max_rows=chosen.max_requests,
                max_waiting=chosen.max_waiting,
            )
            server = CourseServer(served, engine, grace_seconds=chosen.grace_seconds)
            host, port = listener.getsockname()[:2]
            at = f"[{host}]" if ":" in host else host
            print(f"{served.name} is served at http://{at}:{port}/ (Ctrl-C stops)", flush=True)
            asyncio.run(server.serve([listener]))
    except BrokenPipeError:
        raise  # whoever reads the output has gone: `run_command` ends this quietly
    except (ValueError, TypeError, OSError, ImportError) as error:
        reader.exit(2, f"{reader.prog}: {error}\n")
    print("stopped", file=sys.stderr)
    return 0


def _check(chosen: argparse.Namespace) -> None:
    for name, least in (("max_requests", 1), ("max_waiting", 0), ("max_tokens", 1)):
        value = getattr(chosen, name)
        if value is not None and value < least:
            raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, got {value}")
    if not 0 <= chosen.port < 2**16:
        raise ValueError(f"--port must be 0 to 65535, got {chosen.port}")
    if not 0 <= chosen.grace_seconds < math.inf:
        raise ValueError(f"--grace-seconds must be 0 or more, got {chosen.grace_seconds}")
    if chosen.name is not None and not chosen.name.strip():
        raise ValueError("--name is empty")
