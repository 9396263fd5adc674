"""What the workflow files run exists: commands, folders, the folder of the site."""

import re
from pathlib import Path

import pytest
import yaml

from book._tools.paths import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [p for p in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if p.stem != "config"]


def commands(path: Path) -> list[str]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_runs_exists(path: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    extras = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    for command in commands(path):
        for target in re.findall(r"\bmake ([\w-]+)", command):
            assert target in targets, command
        for name in re.findall(r"(?:^|\s)((?:tests|\.ci)/[\w/.]+)", command):
            assert (ROOT / name).exists(), command
        for module in re.findall(r"-m (book[\w.]+)", command):
            assert (ROOT / f"{module.replace('.', '/')}.py").exists(), command
        for names in re.findall(r'"\.\[([\w,]+)\]"', command):
            assert set(names.split(",")) <= set(extras), command


def test_every_system_and_the_newest_versions_are_checked() -> None:
    text = (GITHUB / "workflows" / "check.yml").read_text(encoding="utf-8")
    assert ".ci/run" in text and "--upgrade-strategy eager" in text
    assert yaml.safe_load(text)["env"]["PIP_EXTRA_INDEX_URL"].endswith("/whl/cpu")
    for system in ("ubuntu-latest", "macos-latest", "windows-latest"):
        assert system in text


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_something_and_each_field_has_a_label(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form["name"] and form["description"]
    assert all(field["attributes"]["label"] for field in form["body"])
    assert any(field.get("validations", {}).get("required") for field in form["body"])
