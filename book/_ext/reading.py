"""Reads and writes what an edit of a chapter moves, and nothing else, where all was made before.

Sphinx looks at the times of texts, and does not see new outputs. `book/_tools/sphinx_run.py` says
which chapters changed; pages that quote chapters ask to be read each time. What a page shows of
others (titles, numbers, places to link to) stands in Sphinx's environment: only if an edit moved
something there are all pages written again. Sphinx itself does not track that.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
LAST = 950  # after all that gather something for the environment
# What no other page shows: times, files, the page's own outputs, the search index, Sphinx's parts.
NOT_SEEN = {
    *("all_docs", "dependencies", "dlfiles", "images", "original_image_uri", "srcdir"),
    *("doctreedir", "domaindata"),  # its domains stand for themselves
    *("nb_metadata", "nb_new_exec_data", "temp_data", "ref_context", "titles_old", "settings"),
    *("app", "config", "config_status", "config_status_extra", "domains", "events", "project"),
    *("external_site_map", "myst_config", "mystnb_config", "sd_config", "_viewcode_modules"),
}
INDEX = ("titles", "filenames", "all_titles", "mapping", "title_mapping", "index_entries")


def word_of(value: Any, above: tuple[int, ...] = ()) -> str:
    """One word for a value: the same for equal content, whatever order sets and keys are in."""
    if value is None or isinstance(value, str | int | float | bool):
        return repr(value)
    if id(value) in above:
        return "above"
    inside = (*above, id(value))
    if isinstance(value, nodes.Node):
        parts = [value.pformat() if isinstance(value, nodes.Element) else repr(value)]
    elif isinstance(value, Mapping):
        parts = sorted(f"{word_of(k, inside)}: {word_of(v, inside)}" for k, v in value.items())
    elif isinstance(value, Iterable):
        parts = [word_of(one, inside) for one in value]
        parts = sorted(parts) if isinstance(value, set | frozenset) else parts
    else:
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        held = {name: getattr(value, name) for name in slots if hasattr(value, name)}
        parts = [word_of({**held, **getattr(value, "__dict__", {})}, inside)]
    return hashlib.sha256("\0".join([type(value).__name__, *parts]).encode()).hexdigest()


def told_to_others(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What other pages may show of what one says about itself.

    A heading is linked to by its name and shown by its title. The line it stands on, which Sphinx
    keeps with them, moves with each line that is written above it, and no page shows it.
    """
    told = {name: value for name, value in metadata.items() if name != "wordcount"}
    if slugs := told.get("myst_slugs"):
        told["myst_slugs"] = {name: shown for name, (_, *shown) in slugs.items()}
    return told


def seen_by_others(env: BuildEnvironment) -> dict[str, str]:
    """One word for each part of the environment that pages may show of each other."""
    parts = {name: value for name, value in vars(env).items() if name not in NOT_SEEN}
    parts["included"] = {page: found for page, found in env.included.items() if found}
    parts["metadata"] = {page: told_to_others(told) for page, told in env.metadata.items()}
    # Entries of the index stand on its own page alone, which is written each time.
    parts |= {f"domain {name}": held for name, held in env.domaindata.items() if name != "index"}
    cited = env.domaindata.get("cite", {}).get("citation_refs", [])
    if cited:  # they stand in the order in which pages were read, and are shown in that of the book
        ordered = sorted(cited, key=lambda one: one.docname)
        parts["domain cite"] = {**env.domaindata["cite"], "citation_refs": ordered}
        # Entries of a bibliography are other objects once they are stored, with the same content.
        parts["domain cite"] = pickle.loads(pickle.dumps(parts["domain cite"]))
    caches = ("_search_index", "_pickled", "_write_doc")
    return {name: word_of(value) for name, value in parts.items() if not name.startswith(caches)}


def written(app: Sphinx, pattern: str = "**/*.html") -> list[Path]:
    """The pages of the site that this run has written; those of an earlier one are finished."""
    before = getattr(app, "course_before", {})
    pages = sorted(Path(app.outdir).glob(pattern))
    return [path for path in pages if before.get(path) != path.stat().st_mtime_ns]


def _begin(app: Sphinx) -> None:
    pages = Path(app.outdir).rglob("*.html")
    app.course_before = {path: path.stat().st_mtime_ns for path in pages}  # type: ignore[attr-defined]
    if hasattr(app.builder, "load_indexer"):
        app.builder.load_indexer = lambda names: load_index(app, set(names))


def _outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    # Sphinx forgets modules whose names no page uses, with the first page that is read again.
    app.course_modules = dict(getattr(env, "_viewcode_modules", {}))  # type: ignore[attr-defined]
    app.course_seen = seen_by_others(env)  # type: ignore[attr-defined]
    named = {f"notebooks/{name}" for name in os.environ.get("COURSE_CHANGED_CHAPTERS", "").split()}
    return sorted(named & env.found_docs)


def _keep_modules(app: Sphinx, env: Any) -> None:
    """Keep the sources of the package that were read before: it is the same."""
    for name, entry in app.course_modules.items():  # type: ignore[attr-defined]
        env._viewcode_modules.setdefault(name, entry)


def _where_shown(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """All pages if something moved that any of them may show; none otherwise."""
    _keep_modules(app, env)
    before, now = app.course_seen, seen_by_others(env)  # type: ignore[attr-defined]
    moved = sorted(name for name in before | now if before.get(name) != now.get(name))
    LOGGER.info("what others may show has moved: %s", ", ".join(moved) or "nothing")
    return sorted(env.found_docs) if moved else []


def _many_may_read(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Say for two extensions that do not: one numbers read chapters, one is for LaTeX alone."""
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True


def load_index(app: Sphinx, docnames: set[str]) -> None:
    """Take the search index of the pages that are not written now from the last run.

    Sphinx would take it from the file that browsers load, which has no index entries, and would
    keep words that no page has any more.
    """
    indexer: Any = app.builder.indexer  # type: ignore[attr-defined]
    kept = set(app.env.all_docs) - docnames
    stored = pickle.loads(_index_file(app).read_bytes()) if kept else {}
    for name in INDEX:
        found = stored.get(name, {})
        if name in ("mapping", "title_mapping"):
            left = {word: pages & kept for word, pages in found.items()}
            value: Any = {word: pages for word, pages in left.items() if pages}
        elif name == "index_entries":  # its order is that of the pages
            value = {page: found.get(page, []) for page in sorted(app.env.all_docs)}
        else:
            value = {page: entry for page, entry in found.items() if page in kept}
        setattr(indexer, f"_{name}", value)


def _index_file(app: Sphinx) -> Path:
    return Path(app.doctreedir) / "search_index.pickle"


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Keep the search index for the next run, and no picture of outputs that are gone."""
    if error is not None or app.builder.name != "html":
        return
    indexer: Any = app.builder.indexer  # type: ignore[attr-defined]
    _index_file(app).write_bytes(pickle.dumps({n: getattr(indexer, f"_{n}") for n in INDEX}))
    used = {name for _, name in app.env.images.values()}
    for path in (Path(app.outdir) / "_images").glob("*"):
        if path.name not in used:
            path.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", _begin)
    app.connect("env-get-outdated", _outdated)
    app.connect("env-before-read-docs", _many_may_read)
    app.connect("env-get-updated", _where_shown, priority=LAST)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
