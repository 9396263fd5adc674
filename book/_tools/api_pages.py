"""Write the reference pages: one per part of the package, one section per public module."""

from __future__ import annotations

import ast
from pathlib import Path

from book._tools.paths import BOOK, ROOT, write_atomic

# Page -> its title, its opening sentence, the packages and modules it shows.
PAGES = {
    "model": (
        "Model",
        "One transformer for every architecture: its configuration, its presets, its parts.",
        ["config", "presets", "model"],
    ),
    "weights": ("Published weights", "Checkpoints of every family, read and written.", ["weights"]),
    "tokenizers": ("Tokenizers", "From text to ids and back.", ["tokenizers"]),
    "data": ("Data and objectives", "From ids to examples.", ["objectives", "data"]),
    "training": ("Training", "From examples to a trained model.", ["training"]),
    "distributed": ("Many processes", "One model over several ranks.", ["distributed"]),
    "generation": ("Generation", "From a model to text.", ["generation"]),
    "prompting": ("Prompting", "From a task to a prompt.", ["prompting"]),
    "tasks": (
        "Tasks and comparisons",
        "From a trained model to a use of it, and whether a change made a difference.",
        ["tasks", "ablate"],
    ),
    "adaptation": (
        "Adaptation",
        "From a trained model to one for a purpose: other text, other wishes, fewer bytes.",
        ["adaptation"],
    ),
    "serve": ("The service", "A model behind OpenAI's routes.", ["serve"]),
    "capstone": ("Capstone", "From raw files to a model that can be served.", ["capstone"]),
    "exercises": ("Exercises", "What the questions are made with.", ["exercises"]),
    "widgets": ("Widgets", "What moves in the pages.", ["widgets"]),
    "figures": ("Figures", "What is drawn in the pages.", ["figures"]),
    "ground": (
        "Ground floor",
        "What every part may use: checks, files, locks, processes, commands, and the code behind "
        "a name.",
        [
            "checks",
            "command_line",
            "extras",
            "files",
            "locks",
            "processes",
            "renames",
            "shapes",
            "source",
            "stored",
            "tensor_file",
        ],
    ),
}


def modules(part: str) -> list[str]:
    """Public modules of a part that have something public in them, package first."""
    root = ROOT / "course_lib" / part
    paths = [root.with_suffix(".py")] if root.with_suffix(".py").exists() else []
    paths += sorted(root.rglob("*.py")) if root.is_dir() else []
    found = []
    for path in paths:
        inside = path.relative_to(ROOT).with_suffix("").parts
        if any(name.startswith("_") for name in inside):
            continue
        if "chapters" in inside:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        kinds = ast.FunctionDef | ast.ClassDef
        if any(isinstance(n, kinds) and not n.name.startswith("_") for n in tree.body):
            found.append(".".join(inside))
    return found


def page(name: str) -> str | None:
    """The text of one page, or None when the package has nothing for it yet."""
    title, sentence, parts = PAGES[name]
    sections = []
    for part in parts:
        for module in modules(part):
            sections.append(
                f"## `{module}`\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n"
            )
    if not sections:
        return None
    return f"# {title}\n\n{sentence}\n\n" + "\n".join(sections)


def write() -> list[Path]:
    """Write the pages that differ, remove those no longer made; return those that changed."""
    changed = []
    for path in (BOOK / "api").glob("*.md"):
        if path.stem not in {"index", *PAGES}:
            path.unlink()
    for name in PAGES:
        text = page(name)
        target = BOOK / "api" / f"{name}.md"
        if text is not None and (not target.exists() or target.read_text(encoding="utf-8") != text):
            write_atomic(target, text)
            changed.append(target)
    return changed
