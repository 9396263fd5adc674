"""Signatures keep their meaning without jaxtyping, which an installed package does not ask for."""

import runpy
import sys

import jaxtyping
import pytest
from torch import Tensor

from course_lib import shapes

NAMES = ("BFloat16", "Bool", "Float", "Int", "Int8", "Shaped")


def test_with_jaxtyping_the_types_are_its_own() -> None:
    assert all(getattr(shapes, name) is getattr(jaxtyping, name) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_without_it_a_type_is_the_plain_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jaxtyping", None)
    plain = runpy.run_path(shapes.__file__)
    assert plain[name][Tensor, "B T"] is Tensor
    assert plain[name][Tensor, ""] | None == Tensor | None

    class Mask(plain["AbstractDtype"]):  # type: ignore[misc]
        dtypes = ["bool"]

    assert Mask[Tensor, "B T"] is Tensor
