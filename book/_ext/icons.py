"""Draws the theme's icons into the pages, so that no page loads the 1.5 MB icon script.

The theme ships every Font Awesome icon in one script and a page uses about fifteen. The shapes are
read from that script when the book is built; a name that is not there fails the build.

Icons: Font Awesome Free, CC BY 4.0, https://fontawesome.com/license/free
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

ELEMENT = re.compile(
    r'<(i|span)\s+class="([^"]*\bfa(?:-solid|-brands|-regular|s|b|r)\s[^"]*)"([^>]*)>\s*</\1>'
)
SCRIPT = re.compile(r"\s*<script[^>]*scripts/fontawesome\.js[^>]*>\s*</script>")
PRELOAD = re.compile(r"\s*<link[^>]*scripts/fontawesome\.js[^>]*>")
NOT_NAMES = {"fa-solid", "fa-brands", "fa-regular", "fa-lg", "fa-fw", "fa-sm", "fa-xs", "fa-2x"}


class Icons:
    """The shapes of one icon script, found by name."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.found: dict[str, str] = {}

    def svg(self, name: str) -> str:
        """One icon as inline SVG.

        Raises:
            ValueError: the script has no icon of this name.
        """
        if name not in self.found:
            match = re.search(
                rf'[{{,]"?{re.escape(name)}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","(M[^"]+)"\]',
                self.script,
            )
            if match is None:
                raise ValueError(f"the theme's icon script has no icon {name!r}")
            width, height, path = match.groups()
            self.found[name] = (
                f'<svg viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">'
                f'<path d="{path}"/></svg>'
            )
        return self.found[name]

    def draw(self, page: str) -> str:
        """A page with its icon elements filled and the icon script no longer asked for."""

        def fill(match: re.Match[str]) -> str:
            tag, classes, rest = match.groups()
            names = [c for c in classes.split() if c.startswith("fa-") and c not in NOT_NAMES]
            return f'<{tag} class="{classes}"{rest}>{self.svg(names[0][3:])}</{tag}>'

        return PRELOAD.sub("", SCRIPT.sub("", ELEMENT.sub(fill, page)))


def draw_all(folder: Path, pages: Iterable[Path]) -> None:
    """Draw the icons of some pages of a built site; remove the script and the icon fonts.

    Whatever still asks for one of them gets a 404, which the page tests report.
    """
    script = folder / "_static" / "scripts" / "fontawesome.js"
    icons = Icons(script.read_text(encoding="utf-8"))
    for path in pages:
        page = path.read_text(encoding="utf-8")
        drawn = icons.draw(page)
        if drawn != page:
            path.write_text(drawn, encoding="utf-8")
    for path in script.parent.glob("*.map"):
        path.unlink()
    script.unlink()
    shutil.rmtree(folder / "_static" / "vendor" / "fontawesome", ignore_errors=True)
