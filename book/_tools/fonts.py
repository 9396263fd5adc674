"""Cut the typefaces of the book out of the published ones: Latin letters, the weights it uses.

Takes the unpacked npm packages `@fontsource-variable/source-sans-3`,
`@fontsource-variable/source-code-pro` and `@fontsource/stix-two-math` and writes what stands in
`book/assets/vendor/fonts`. The licence of the first two reserves the name "Source" for the
unchanged files, so these are called otherwise. The face of formulas has what a formula can be made
of, with the larger forms of brackets and roots.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

from book._ext.tex_symbols import characters
from book._tools.paths import BOOK, CommandError, command

TARGET = BOOK / "assets" / "vendor" / "fonts"
# Latin-1 and the marks of running text; other letters come from the reader's own fonts.
LETTERS = (
    *range(0x20, 0x7F),
    *range(0xA0, 0x100),
    *(0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2026, 0x2212),
)
FEATURES = ["kern", "liga", "tnum", "mark", "ccmp", "ssty"]
FAMILY_NAMES = (1, 3, 4, 6, 16, 25)  # numbers of the names that say the family


@dataclass(frozen=True)
class Face:
    """One file of the book: where it comes from, its name, the weights and letters that it keeps.

    A file with one weight in it has None.
    """

    source: str
    name: str
    file: str
    weight: float | tuple[float, float, float] | None
    letters: tuple[int, ...] = LETTERS


FACES = (
    Face(
        "source-sans-3/files/source-sans-3-latin-wght-normal.woff2",
        "Course Sans",
        "course-sans.woff2",
        (400, 400, 700),
    ),
    Face(
        "source-sans-3/files/source-sans-3-latin-wght-italic.woff2",
        "Course Sans Italic",
        "course-sans-italic.woff2",
        400,
    ),
    Face(
        "source-code-pro/files/source-code-pro-latin-wght-normal.woff2",
        "Course Code",
        "course-code.woff2",
        400,
    ),
    Face(
        "stix-two-math/files/stix-two-math-latin-400-normal.woff2",
        "Course Math",
        "course-math.woff2",
        None,
        tuple(sorted(map(ord, characters()))),
    ),
)


def cut(source: Path, face: Face) -> bytes:
    """The file of a face, made from a published one."""
    font = TTFont(source, lazy=False)
    if face.weight is not None:
        font = instantiateVariableFont(font, {"wght": face.weight})
    font.flavor = None
    whole = io.BytesIO()
    font.save(whole)
    whole.seek(0)
    font = TTFont(whole)
    options = subset.Options()
    options.hinting = False
    options.layout_features = FEATURES
    options.name_IDs = ["*"]
    worker = subset.Subsetter(options)
    worker.populate(unicodes=face.letters)
    worker.subset(font)
    if "MATH" in font:
        # Else a browser hangs the index of a letter with a tail lower than that of another.
        font["MATH"].table.MathConstants.SubscriptBaselineDropMin.Value = 0
    for record in font["name"].names:
        if record.nameID in FAMILY_NAMES:
            record.string = face.name.replace(" ", "") if record.nameID in (6, 25) else face.name
    font.flavor = "woff2"
    written = io.BytesIO()
    font.save(written)
    return written.getvalue()


def main() -> int:
    """Command line: the folder that holds the unpacked packages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", type=Path, help="holds source-sans-3/, source-code-pro/ and stix-two-math/"
    )
    folder = parser.parse_args().folder
    for face in FACES:
        if not (folder / face.source).is_file():
            raise CommandError(f"{folder} holds no {face.source}: unpack the npm package there")
        (TARGET / face.file).write_bytes(cut(folder / face.source, face))
        print(f"{face.file}: {(TARGET / face.file).stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    command(main)
