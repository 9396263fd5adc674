"""A Firefox as anybody has it, which Playwright can drive.

`python -m book._tools.bidi FIREFOX ARGUMENT ...` stands for Firefox itself. Both speak WebDriver
BiDi, and Playwright begins each page with a command that Firefox does not have yet: to say which of
light and dark the page is to take. This stands between the two. Everything passes as it is but the
answer to that one command, and that too where dark is wanted: Firefox shows the light page, so a
light one is what it can promise.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    WebSocketHandler,
    websocket_connect,
)

from book._tools.paths import CommandError, command
from course_lib.processes import watch

LOOK = "emulation.setMediaFeaturesOverride"
AS_IT_IS = (None, "light")
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
LONGEST_BYTES = 256 * 1024**2  # a screenshot is one message
PATIENCE_SECONDS = 10  # with a Firefox that was asked to end, or to take a connection


def may_be_ignored(message: str) -> int | None:
    """The number of a command that asks for how things are anyway; None for all others."""
    if LOOK not in message:
        return None
    asked = json.loads(message)
    if asked["method"] != LOOK:
        return None
    wanted = asked["params"]["features"] or {}
    others = set(wanted) - {"prefers-color-scheme"}
    ignored = not others and wanted.get("prefers-color-scheme") in AS_IT_IS
    return asked["id"] if ignored else None


def answer(message: str, ignored: set[int]) -> str:
    """What to tell Playwright where Firefox says this."""
    if not ignored or '"unknown command"' not in message:
        return message
    said = json.loads(message)
    if said.get("error") != "unknown command" or said.get("id") not in ignored:
        return message
    return json.dumps({"type": "success", "id": said["id"], "result": {}})


def end(firefox: asyncio.subprocess.Process) -> None:
    """Ask Firefox to end, and make it where it does not."""

    def at_once() -> None:
        if firefox.returncode is None:
            firefox.kill()

    if firefox.returncode is None:
        firefox.terminate()
        asyncio.get_running_loop().call_later(PATIENCE_SECONDS, at_once)


class Relay(WebSocketHandler):
    """The one connection from Playwright, and the one to Firefox, which ends with it."""

    def initialize(self, address: str, firefox: asyncio.subprocess.Process) -> None:
        """Take what the application hands to each connection."""
        self.address, self.firefox = address, firefox
        self.ignored: set[int] = set()
        self.other: WebSocketClientConnection | None = None

    async def open(self) -> None:
        """Connect to Firefox before the first message passes."""
        connecting = websocket_connect(self.address, max_message_size=LONGEST_BYTES)
        self.other = await asyncio.wait_for(connecting, PATIENCE_SECONDS)
        self.back = asyncio.create_task(self.pass_back())

    async def on_message(self, message: str) -> None:
        """Pass on what Playwright says."""
        number = may_be_ignored(message)
        if number is not None:
            self.ignored.add(number)
        assert self.other is not None
        with contextlib.suppress(WebSocketClosedError):  # Firefox has left first
            await self.other.write_message(message)

    async def pass_back(self) -> None:
        """Pass on what Firefox says, until one of the two has left."""
        assert self.other is not None
        with contextlib.suppress(WebSocketClosedError):  # Playwright has left first
            while (message := await self.other.read_message()) is not None:
                await self.write_message(answer(message, self.ignored))
        self.close()

    def on_close(self) -> None:
        """End Firefox, also where Playwright was killed and could not ask for it."""
        if self.other is not None:
            self.other.close()
        end(self.firefox)


async def relay(program: list[str]) -> int:
    """Run Firefox until it ends; it ends with this and with Playwright, also where one is killed.

    A killed process runs no code. That Playwright is gone shows in the number of this process's
    parent, before the two are connected and after; that this is gone, a shell beside it sees.

    Raises:
        CommandError: there is no such program, or it cannot be started.
    """
    if not program:
        raise CommandError("name the Firefox to start, and what to start it with")
    parent = os.getppid()
    try:
        firefox = await asyncio.create_subprocess_exec(
            *program, stderr=subprocess.PIPE, limit=LONGEST_BYTES, start_new_session=True
        )
    except OSError as error:
        raise CommandError(f"{program[0]!r} cannot be started: {error.strerror}") from error
    watching = watch(firefox.pid)
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(one, end, firefox)
    saying = asyncio.create_task(say(firefox))
    saying.add_done_callback(lambda done: done.cancelled() or done.exception() and end(firefox))
    # Its children may hold the pipe open after it, and `wait` would wait for them too.
    while firefox.returncode is None:
        await asyncio.sleep(0.1)
        if os.getppid() != parent:
            parent = os.getppid()
            end(firefox)
    watching.kill()
    watching.communicate()
    await asyncio.wait([saying], timeout=1)
    saying.cancel()
    firefox._transport.close()  # type: ignore[attr-defined]  # there is no other way to let go of it
    return firefox.returncode


async def say(firefox: asyncio.subprocess.Process) -> None:
    """Say what Firefox says, with the address of this in place of its own."""
    assert firefox.stderr is not None
    while line := (await firefox.stderr.readline()).decode(errors="replace"):
        if found := LISTENING.search(line):
            given = {"address": f"{found[1]}/session", "firefox": firefox}
            routes = Application(
                [("/session", Relay, given)], websocket_max_message_size=LONGEST_BYTES
            )
            sockets = bind_sockets(0, "127.0.0.1")
            HTTPServer(routes).add_sockets(sockets)
            line = line.replace(found[1], f"ws://127.0.0.1:{sockets[0].getsockname()[1]}")
        print(line, end="", file=sys.stderr, flush=True)


def main() -> int:
    """Stand between the two until Firefox has ended."""
    return asyncio.run(relay(sys.argv[1:]))


if __name__ == "__main__":
    command(main)
