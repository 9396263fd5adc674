"""One version, wherever it is told."""

import re
import tomllib

import yaml

import course_lib
from book._tools.paths import ROOT


def test_every_place_tells_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    site = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased, *released = re.findall(r"^## \[(.+?)\](?: - (\S+))?$", changes, re.M)
    assert unreleased == ("Unreleased", "") and released
    version = course_lib.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert project["version"] == cited["version"] == version
    assert released[0] == (version, str(cited["date-released"]))
    assert site["html"]["extra_footer"].startswith(f"Version {version}. ")
