"""A product with few rows is the same linear map in every order of the matrix."""

import pytest
import torch
import torch.nn.functional as F

from course_lib.generation.fast import products
from course_lib.generation.fast.products import linear


def draw(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=dtype)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 8])
@pytest.mark.parametrize("shape", [(24, 16), (512, 256), (256, 513)])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("reorder", [False, True])
@torch.inference_mode()
def test_equals_a_linear_layer(n_rows, shape, has_bias, reorder):
    weight, bias = draw(*shape), draw(shape[0]) if has_bias else None
    before = weight.clone()
    multiply = linear(weight, bias, n_rows, reorder)
    for seed in (1, 2):  # the second input would show a result kept from the first
        x = draw(n_rows, shape[1]) * seed
        torch.testing.assert_close(multiply(x), F.linear(x, weight, bias), rtol=1e-5, atol=1e-4)
    assert torch.equal(weight, before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@torch.inference_mode()
def test_keeps_the_precision(dtype):
    weight, x = draw(512, 256, dtype=dtype), draw(4, 256, dtype=dtype)
    result = linear(weight, None, 4, True)(x)
    assert result.dtype == dtype
    torch.testing.assert_close(result, F.linear(x, weight))


@torch.inference_mode()
def test_without_tiles_another_order_serves(monkeypatch):
    weight, bias, x = draw(512, 256), draw(512), draw(4, 256)
    monkeypatch.setattr(products, "_tiles", lambda: False)
    monkeypatch.setattr(products, "_tiled", lambda *_: pytest.fail("there are no tiles"))
    result = linear(weight, bias, 4, True)(x)
    torch.testing.assert_close(result, F.linear(x, weight, bias), rtol=1e-5, atol=1e-4)
