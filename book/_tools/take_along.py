"""Pack the built site: one file to give away, with the command that shows it."""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

from book._tools.paths import BUILD, HTML, CommandError, alone, check_target, command
from course_lib import files

NAME = "transformers-line-by-line"
ZIP = BUILD / f"{NAME}.zip"
# The same bytes from the same site, whenever and wherever it is packed.
_DATE = (1980, 1, 1, 0, 0, 0)
READ_ME = """\
Transformers, line by line

Unpack this folder and open a terminal in it:

    python serve.py

Python 3 is enough, of any system; the pages come from this folder, nothing is fetched.

index.html also opens without it, by a double click: text, figures, widgets, questions and progress
work. A browser does not let a page read other files there, so search shows titles without excerpts,
and Python in the page does not start. Both say so where you meet them.
"""
SERVE = '''\
"""Show this folder in the browser: python serve.py [PORT]"""

import sys
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(SimpleHTTPRequestHandler):
    # Some systems name other types, and a browser then refuses the file.
    extensions_map = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".json": "application/json",
        ".svg": "image/svg+xml",
    }

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    port = sys.argv[1] if len(sys.argv) > 1 else "0"
    here = partial(Handler, directory=str(Path(__file__).resolve().parent))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(port)), here)
    except (OSError, OverflowError, ValueError) as error:
        sys.exit(f"Cannot listen on port {port} ({error}). Any free port will do: python serve.py")
    with server:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        print(f"{address}   (Ctrl-C stops)", flush=True)
        webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
'''


def pack(site: Path, out: Path) -> int:
    """Write the site, a server and what to do with them into one file.

    Args:
        site: Folder of the built site.
        out: File to write, whole or not at all.

    Returns:
        How many files are in it.

    Raises:
        CommandError: If the site is not built.
    """
    if not (site / "index.html").exists():
        raise CommandError(f"there is no site in {site} yet; run: make book")
    inside = {
        path.relative_to(site).as_posix(): path
        for path in site.rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(site).parts)
    }
    texts = {"READ_ME.txt": READ_ME, "serve.py": SERVE}
    with files.replacing(out) as partial:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in sorted([*inside, *texts]):
                entry = zipfile.ZipInfo(f"{NAME}/{name}", _DATE)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                data = texts[name].encode() if name in texts else inside[name].read_bytes()
                packed.writestr(entry, data)
    return len(inside) + len(texts)


def main() -> int:
    """Pack the built site and say what it weighs."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--out", type=Path, default=ZIP, help="file to write (%(default)s)")
    out = reader.parse_args().out
    check_target(out)
    with alone():  # a build that ends meanwhile would exchange the site
        n_files = pack(HTML, out)
    print(f"{out}: {n_files} files, {out.stat().st_size / 1e6:.1f} MB; unpack it: python serve.py")
    return 0


if __name__ == "__main__":
    command(main)
