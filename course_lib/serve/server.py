"""Listening, and ending in good order."""

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import Iterator
from types import FrameType

import uvicorn

from course_lib.serve.app import create_app
from course_lib.serve.engine import ServingEngine
from course_lib.serve.served import ServedModel

_BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """Take a port before anything else is done, and say so if another program has it.

    Args:
        host: Name or address to listen at.
        port: 0 for any that is free.

    Raises:
        OSError: Naming the host or the port, and what to do.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        nowhere = isinstance(error, socket.gaierror | UnicodeError)
        if nowhere or getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
            raise OSError(
                f"--host must be a name or an address of this machine, got {host!r:.80}: {error}"
            ) from error
        raise OSError(
            f"cannot listen at port {port} of {host}: {error}; choose another with --port, 0 for "
            "any that is free"
        ) from error


class CourseServer(uvicorn.Server):
    """A server that finishes what runs before it ends.

    The first SIGTERM, or Ctrl-C, begins the end: whoever runs or waits gets the whole reply, and
    whoever comes gets a 503 that says so. A second one, or the end of the grace, ends at once, and
    whatever was not finished is told that it was not.

    Args:
        served: The model.
        engine: Not started.
        grace_seconds: How long the end may take.
    """

    def __init__(
        self, served: ServedModel, engine: ServingEngine, *, grace_seconds: float = 60.0
    ) -> None:
        self.engine, self.grace_seconds = engine, grace_seconds
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        app = create_app(served, engine)
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=5,
                h11_max_incomplete_event_size=2**16,
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until the end."""
        self._loop = asyncio.get_running_loop()
        self.engine.start()
        ending = asyncio.create_task(self._end())
        try:
            await super().serve(sockets)
        finally:
            ending.cancel()
            await asyncio.to_thread(self.engine.close)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the end, or end at once where it has begun."""
        if not self.engine.draining:
            self.begin_end()
            return
        self.should_exit = True
        self.force_exit = True

    def begin_end(self) -> None:
        """Take nothing new from now on, and end when all is written; for any thread."""
        self.engine.draining = True  # no lock: a signal may have come while this thread holds it
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stopping.set)

    async def _end(self) -> None:
        await self._stopping.wait()
        if not self.engine.idle:
            n = len(self.engine.rows) + len(self.engine.waiting)
            print(f"finishing {n} replies; once more ends at once", file=sys.stderr, flush=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.grace_seconds):
                while not self.engine.idle:
                    await asyncio.sleep(0.02)
        if not self.engine.idle:
            await asyncio.to_thread(self.engine.close)  # tells them
        self.should_exit = True


@contextlib.contextmanager
def running(server: CourseServer, listener: socket.socket) -> Iterator[str]:
    """Run a server in a thread of this process, for a notebook or a test.

    Args:
        server: Not started.
        listener: From `listen`.

    Yields:
        Its address, such as `http://127.0.0.1:8000`.
    """
    import threading

    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    host, port = listener.getsockname()[:2]
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    try:
        yield f"http://{host}:{port}"
    finally:
        server.begin_end()
        thread.join()
        listener.close()
