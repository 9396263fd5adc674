"""The lock, Binder's environment, and what the code imports agree with each other."""

import ast
import re
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from book._tools import lock, notebook_text
from book._tools.binder import listed
from book._tools.paths import ROOT, chapter_texts

# Where the conda package, or the import, has another name than the distribution.
CONDA_TO_PYPI = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
IMPORT_TO_PYPI = {"IPython": "ipython", "PIL": "pillow", "yaml": "PyYAML"}
# Imported by course_lib only where it is used, with a clear error when it is missing.
# Extras of the package that no page needs; each says how to install it where it is missing.
OPTIONAL = {"sentencepiece", "huggingface_hub", "deepspeed", "gguf", "datatrove"}
# The extra `serve`; jinja2, for chat templates, comes with torch as well.
OPTIONAL |= {"fastapi", "jinja2", "pydantic", "starlette", "uvicorn"}
# Only for authors, who have the extra `dev`: course_lib.exercises.__main__ checks payloads with it.
OPTIONAL |= {"jsonschema"}
# Comes with ipywidgets in every environment that can run a notebook.
GIVEN = {"IPython", "traitlets", "course_lib"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What only tests ask for: course_lib.shapes does without it.
OPTIONAL |= {"jaxtyping"}


def pins() -> dict[str, Version]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), "every line of the lock is name==version"
    return {name: Version(version) for name, version in pairs}


def test_what_is_installed_is_what_the_lock_says() -> None:
    locked = {name: str(version) for name, version in pins().items()}
    wrong = {n: v for n, v in lock.installed().items() if str(Version(v)) != locked.get(n)}
    assert wrong == {}, "run make setup, or make lock after a deliberate change"


def test_the_lock_names_no_address_and_no_local_version() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text and "@" not in text and "+" not in text


def brought(extra: str) -> list[str]:
    """What an extra brings, the extras that it names included."""
    found = []
    for line in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(line)
        others = sorted(requirement.extras) if requirement.name == PROJECT["name"] else []
        found += [line] if not others else [one for other in others for one in brought(other)]
    return found


def test_the_project_file_admits_the_lock() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(line for extra in extras for line in brought(extra))]
    locked = pins()
    for line in wanted:
        requirement = Requirement(line)
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert name in locked, f"{name} is not in the lock"
        assert requirement.specifier.contains(locked[name]), line


def binder() -> dict[str, str]:
    """PyPI name to version range, as environment.yml says."""
    found = {}
    for line in listed():
        match = re.match(r"([a-z0-9_-]+)(.*)", line)
        assert match is not None
        name, rest = match.groups()
        if rest.startswith("=") and not rest.startswith("=="):
            version = rest.lstrip("=").split("=")[0]
            rest = f"=={version}" if version.endswith("*") else f"=={version}.*"
        found[CONDA_TO_PYPI.get(name, name).lower()] = rest
    return found


def third_party(source: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - GIVEN


def all_imports() -> dict[str, set[str]]:
    sources = {str(p): p.read_text() for p in (ROOT / "course_lib").rglob("*.py")}
    for text in chapter_texts():
        cells = [c.source for c in notebook_text.from_text(text).cells if c.cell_type == "code"]
        code = "\n".join(re.sub(r"^(\s*)[%!].*$", r"\1pass", c, flags=re.MULTILINE) for c in cells)
        sources[text.name] = code
    return {name: third_party(source) for name, source in sources.items()}


def test_binder_has_every_import() -> None:
    covered = set(binder())
    missing = {
        (name, module)
        for name, modules in all_imports().items()
        for module in modules - OPTIONAL
        if IMPORT_TO_PYPI.get(module, module).lower() not in covered
    }
    assert missing == set()


def test_a_planted_import_is_found() -> None:
    assert third_party("import pandas as pd\nfrom torch import nn") == {"pandas", "torch"}


def test_the_dependencies_of_the_package_are_those_of_binder() -> None:
    """What the package asks for and its extra `notebooks`, at the same ranges."""
    wanted = {}
    for line in [*PROJECT["dependencies"], *brought("notebooks")]:
        requirement = Requirement(line)
        wanted[requirement.name] = requirement.specifier
    found = {name: spec for name, spec in binder().items() if name not in ("python", "pip")}
    assert wanted.keys() == found.keys()
    of_conda = "torch"  # where a build is named, and with it the version differently
    differ = {n for n, spec in found.items() if n != of_conda and SpecifierSet(spec) != wanted[n]}
    assert differ == set()


def test_the_package_alone_is_light() -> None:
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert names == {"torch", "numpy", "safetensors", "regex", "tqdm"}


def test_binder_admits_the_lock() -> None:
    locked = pins()
    for name, spec in binder().items():
        if name == "python":
            assert SpecifierSet(spec).contains("3.11.7")
        elif name != "pip":
            assert SpecifierSet(spec).contains(locked[name]), (name, spec, locked[name])


def test_repo2docker_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():  # one of its own dependencies has moved a module
        warnings.simplefilter("ignore", DeprecationWarning)
        from repo2docker.app import Repo2Docker
        from repo2docker.buildpacks import CondaBuildPack

    monkeypatch.chdir(ROOT)
    pack = CondaBuildPack(Repo2Docker.base_image.default_value)
    pack.platform = "linux/amd64"
    assert pack.detect()
    assert pack.python_version.startswith("3.11")
    dockerfile = pack.render({})
    assert "environment.yml" in dockerfile
    assert "postBuild" in dockerfile
    # With a postBuild only environment.yml is copied before the solve.
    solve = next(i for i, line in enumerate(dockerfile.splitlines()) if "env update" in line)
    before = "\n".join(dockerfile.splitlines()[:solve])
    assert not re.search(r"COPY --chown=\S+ src/ ", before)


def test_there_is_no_binder_folder() -> None:
    """A binder/ folder would make repo2docker ignore the environment.yml at the root."""
    assert not (ROOT / "binder").exists() and not (ROOT / ".binder").exists()


def test_post_build_is_executable_and_sound() -> None:
    import os
    import subprocess

    path = ROOT / "postBuild"
    assert os.access(path, os.X_OK)
    assert subprocess.run(["bash", "-n", str(path)]).returncode == 0
    assert Path(ROOT / ".ci" / "run").exists() and os.access(ROOT / ".ci" / "run", os.X_OK)
