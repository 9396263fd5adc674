import pytest
import torch

from course_lib.training import precision_context


def test_float32_changes_nothing_and_bfloat16_the_products_only() -> None:
    cpu = torch.device("cpu")
    a = torch.ones(2, 2)
    with precision_context("float32", cpu)():
        assert (a @ a).dtype == torch.float32
    with precision_context("bfloat16", cpu)():
        assert (a @ a).dtype == torch.bfloat16
        assert torch.nn.functional.cross_entropy(a, torch.zeros(2).long()).dtype == torch.float32
    assert (a @ a).dtype == torch.float32


@pytest.mark.parametrize("name", ["float16", "fp8", ""])
def test_other_formats_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"one of float32, bfloat16, got '{name}'"):
        precision_context(name, torch.device("cpu"))
