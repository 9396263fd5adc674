"""Serve the built site on localhost, compressed as a real host would."""

from __future__ import annotations

import argparse
import errno
import gzip
import io
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from book._tools.paths import HTML, CommandError, command

COMPRESSED = (".html", ".js", ".mjs", ".css", ".json", ".svg", ".txt", ".wasm")


class Handler(SimpleHTTPRequestHandler):
    """Static files with gzip, without a line in the terminal for each.

    A folder without a page of its own is not listed, and names that begin with a dot are not there.
    """

    def send_head(self):
        try:
            path = Path(self.translate_path(self.path))
            if path.is_dir():
                path = path / "index.html"
            there = path.is_file()
        except (ValueError, OSError):  # a name that no file system takes
            there = False
        if not there or any(
            part.startswith(".") for part in path.relative_to(self.directory).parts
        ):
            return self._not_found()
        if path.suffix in COMPRESSED and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(path.read_bytes(), 6)
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(str(path)))
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return io.BytesIO(body)
        return super().send_head()

    def _not_found(self):
        """Send what a host sends for an address that leads nowhere: the site's own page for it."""
        page = Path(self.directory) / "404.html"
        if not page.is_file():
            self.send_error(404)
            return None
        body = page.read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def log_message(self, *args: object) -> None:
        pass


def server(port: int, folder: Path = HTML) -> ThreadingHTTPServer:
    """A server bound to localhost.

    Raises:
        CommandError: the site is not built, or the port is taken.
    """
    if not 0 <= port <= 65535:
        raise CommandError(
            f"there is no port {port}; name one from 1 to 65535: make serve PORT=8000"
        )
    if not (folder / "index.html").exists():
        raise CommandError(f"there is no site in {folder} yet; run: make book")
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise CommandError(
                f"port {port} is taken or not allowed; name another: make serve PORT={port + 1}"
            ) from error
        raise


def main() -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    with server(parser.parse_args().port) as httpd:
        print(f"http://127.0.0.1:{httpd.server_address[1]}/   (Ctrl-C stops)", flush=True)
        try:
            httpd.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    command(main)
