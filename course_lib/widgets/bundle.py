"""Joins a widget's ES module and the kit modules it imports into the one text a widget carries.

The sources stay separate modules, so that a browser (and a test) can import the pure arithmetic
alone; a widget has to carry one text, because a page without a server cannot fetch a second file.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
STYLES = FOLDER / "kit" / "ui" / "styles"  # joined in the order of their names
_IMPORT = re.compile(r'^import \{[^}]*\} from "(\.{1,2}/[\w./]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)
_TOP_LEVEL = re.compile(
    r"^(?:export )?(?:async )?(?:function|const|let|class) (?:\{[^}]*\}|(\w+))", re.MULTILINE
)
# Only at the left edge, before the indents go: a marker that no source holds stands before each.
_MARK = "\x00"
_EDGE = re.compile(r"^(?=\S)", re.MULTILINE)
_DECLARED = re.compile(r"\x00(?:async )?(?:function\*? |const |class )(\w+)", re.MULTILINE)
_EXPORTED = re.compile(r"^export (?:async )?(?:function\*?|const|class) (\w+)", re.MULTILINE)
_DEFAULT = "export default "
_COMMENT = re.compile(r"^\s*(?://.*|/\*\*(?:.|\n)*?\*/)\n", re.MULTILINE)
_INDENT = re.compile(r"^[ ]+", re.MULTILINE)
# A line that ends inside a bracket or a list goes on; one with a comment must end where it does.
_GOES_ON = re.compile(r"^((?!.*//).*[(\[{,])\n", re.MULTILINE)


@cache
def module_text(path: Path) -> str:
    """Reads one source file once."""
    return path.read_text(encoding="utf-8")


def _sources(path: Path, found: dict[Path, str]) -> dict[Path, str]:
    """Collects a module and everything it imports, what is imported first."""
    if path in found:
        return found
    text = module_text(path)
    for name in _IMPORT.findall(text):
        _sources((path.parent / name).resolve(), found)
    found[path] = text
    return found


@cache
def bundle(entry: str) -> str:
    """Returns the text of `entry` with its imports put before it.

    All modules share one scope in the result, so two of them must not use the same top-level name.

    Args:
        entry: File name in this folder, such as "matrix.js".

    Returns:
        One ES module without imports, with the default export of `entry`.

    Raises:
        ValueError: If two modules use the same top-level name, or an import is written in a form
            that cannot be joined.
    """
    found = _sources((FOLDER / entry).resolve(), {})
    own = module_text((FOLDER / entry).resolve())
    return _only_used(_one_scope(found), set(_EXPORTED.findall(own))).replace(_MARK, "")


@cache
def shared_bundle(entries: frozenset[str]) -> str:
    """Returns the modules of several widgets as one plain script that has what they share once.

    A page of seven widgets holds the kit once, not seven times, and has it at once: a module of
    its own is fetched before it runs, while the page goes on without it. An entry stands in a scope
    of its own, so entries may use the same names; the kit's modules share one scope.

    Args:
        entries: File names in this folder, such as "matrix.js".

    Returns:
        A script that sets `courseWidgets` of the window. It has, under the name of each entry's
        file, a function that runs the entry and returns its default export, so that an error in one
        is not one of all.

    Raises:
        ValueError: As `bundle`; or if an entry has not one default export, or imports another
            entry, or a text would end the script.
    """
    found: dict[Path, str] = {}
    for entry in sorted(entries):
        _sources((FOLDER / entry).resolve(), found)
    own = {entry: found.pop((FOLDER / entry).resolve()) for entry in sorted(entries)}
    texts = [(entry, text, 1) for entry, text in own.items()]
    texts += [(path.name, text, 0) for path, text in found.items()]
    for name, text, n_wanted in texts:
        n_defaults = len(re.findall(rf"^{_DEFAULT}", text, re.MULTILINE))
        if n_defaults != n_wanted:
            raise ValueError(f"{name} must have {n_wanted} default exports, got {n_defaults}")
    parts = []
    for number, (entry, text) in enumerate(own.items()):
        inside = _only_used(_one_scope({Path(entry): text}), set()).replace(_MARK, "")
        inside = inside.replace(_DEFAULT, "return ")
        parts.append(f"{_MARK}const entry_{number} = () => {{\n{inside}}};\n")
    listed = ",".join(f'"{entry}":entry_{number}' for number, entry in enumerate(own))
    text = f"{_one_scope(found)}{''.join(parts)}{_MARK}{_DEFAULT}{{{listed}}};\n"
    joined = _only_used(text, set()).replace(_MARK, "").replace(_DEFAULT, "return ")
    if re.search(r"</script|<!--", joined, re.IGNORECASE):
        raise ValueError("a module has a text that ends a script: </script or <!--")
    return f'window.courseWidgets = (() => {{\n"use strict";\n{joined}}})();\n'


def entry_of(texts: Iterable[str]) -> dict[str, str]:
    """Finds the entry of each text that `bundle` makes here; another text is left out."""
    known = {bundle(path.name): path.name for path in FOLDER.glob("*.js")}
    return {text: known[text] for text in texts if text in known}


def _one_scope(found: dict[Path, str]) -> str:
    """Joins modules without their imports, comments and indents; a mark before each edge."""
    owner: dict[str, str] = {}
    parts = []
    for path, text in found.items():
        for name in filter(None, _TOP_LEVEL.findall(text)):
            if name in owner:
                raise ValueError(f"{name!r} is a top-level name in {owner[name]} and {path.name}")
            owner[name] = path.name
        joined = _EXPORT.sub("", _IMPORT.sub("", text))
        if re.search(r"^import\b", joined, re.MULTILINE):
            raise ValueError(f"{path.name} has an import that is not `import {{...}} from`")
        marked = _EDGE.sub(_MARK, _COMMENT.sub("", joined))
        parts.append(_GOES_ON.sub(r"\1", _INDENT.sub("", marked)))
    return "".join(parts)


def _only_used(text: str, exported: set[str]) -> str:
    """Leaves out top-level functions, classes and constants that nothing else names; marks stay.

    What the entry exports stays, since a page or a test may ask for it.

    A declaration begins at the start of a line, and so does the next; a name in a string or a
    comment counts as a use, which keeps too much rather than too little.
    """
    starts = [match.start() for match in _DECLARED.finditer(text)]
    cuts = [0, *starts, len(text)]
    pieces = [text[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
    names = ["", *(match[1] for match in _DECLARED.finditer(text))]
    words = [set(re.findall(r"[\w$]+", piece)) for piece in pieces]
    used = [index for index, name in enumerate(names) if not name or name in exported]
    used += [index for index, piece in enumerate(pieces) if "export default" in piece]
    kept, waiting = set(used), list(used)
    while waiting:
        said = words[waiting.pop()]
        new = {index for index, name in enumerate(names) if name in said} - kept
        kept |= new
        waiting += new
    return "".join(pieces[index] for index in sorted(kept))
