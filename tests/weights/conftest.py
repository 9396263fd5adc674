"""Published checkpoints in small: the reference library's models, saved as that library saves."""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file
from torch import Tensor

# The tiny models of the parity tests. Their weights come to ours by tables written for those
# tests, so that a table of `course_lib.weights` is held against a second one.
_FILE = Path(__file__).parents[1] / "parity" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("tiny_models", _FILE)
assert _SPEC is not None and _SPEC.loader is not None
tiny_models = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(tiny_models)

hf.logging.set_verbosity_error()


class Folder:
    """A checkpoint folder that a test may rewrite."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def fields(self) -> dict[str, Any]:
        """Return the fields of its config."""
        return json.loads((self.path / "config.json").read_text())

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Return its tensors."""
        return load_file(self.path / "model.safetensors")

    def set(self, **fields: Any) -> None:
        """Change fields of its config; `...` takes one away."""
        changed = {**self.fields, **fields}
        kept = {key: value for key, value in changed.items() if value is not ...}
        (self.path / "config.json").write_text(json.dumps(kept))

    def write(self, tensors: dict[str, Tensor]) -> None:
        """Put other tensors in."""
        apart = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
        save_file(apart, self.path / "model.safetensors", metadata={"format": "pt"})


@pytest.fixture
def tiny(tmp_path: Path) -> Any:
    """Make a pair of models and save the reference's; returns the pair and the folder."""

    def make(family: str, **options: Any) -> tuple[Any, Folder]:
        pair = tiny_models.make_pair(family)
        folder = tmp_path / f"published-{family}"
        pair.reference.save_pretrained(folder, **options)
        return pair, Folder(folder)

    return make


def same_logits(pair: Any, ours: Any) -> None:
    """Check a model of ours against the pair's reference, at real tokens."""
    with torch.no_grad():
        mine = ours(**pair.ours_inputs)[pair.keep]
        theirs = pair.reference(**pair.reference_inputs).logits[pair.keep]
    largest = theirs.abs().max().item()
    assert largest > 1, "the weights must be large enough to show a mistake"
    torch.testing.assert_close(mine, theirs, atol=1e-5 * max(1.0, largest), rtol=0)


def same_weights(first: Any, second: Any) -> None:
    """Check that two models of ours hold the same numbers under the same names."""
    a, b = first.state_dict(), second.state_dict()
    assert list(a) == list(b)
    for name in a:
        assert torch.equal(a[name], b[name]), name


@pytest.fixture
def tiny_configs() -> dict[str, Any]:
    """Give the config of each tiny family."""
    return {name: family[0] for name, family in tiny_models.FAMILIES.items()}


@pytest.fixture
def check_logits() -> Any:
    """Give the comparison of logits."""
    return same_logits


@pytest.fixture
def check_weights() -> Any:
    """Give the comparison of weights."""
    return same_weights


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `any_family` once for each family."""
    if "any_family" in metafunc.fixturenames:
        metafunc.parametrize("any_family", tiny_models.FAMILIES)
