"""Tiny models of every family in pairs, as the parity tests make them."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_FILE = Path(__file__).parents[1] / "parity" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("tiny_models", _FILE)
assert _SPEC is not None and _SPEC.loader is not None
tiny_models = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(tiny_models)


@pytest.fixture
def pair() -> Callable[..., Any]:
    """Make a pair by family name."""
    return tiny_models.make_pair


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `family` once for each family."""
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", tiny_models.FAMILIES)
