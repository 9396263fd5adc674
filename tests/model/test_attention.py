"""Attention by hand, against torch, and fused against explicit."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.config import TransformerConfig
from course_lib.model.attention import (
    Attention,
    CrossAttention,
    View,
    attention,
    attention_weights,
    split_projection,
)
from course_lib.model.masks import as_bias, causal_mask, combine, count_kept, padding_mask
from course_lib.model.positions import ALiBi


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def heads(n_kv: int = 4, T: int = 5, S: int = 7) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return draw(2, 4, T, 8), draw(2, n_kv, S, 8, seed=1), draw(2, n_kv, S, 8, seed=2)


def test_two_tokens_by_hand():
    # The query fits the first key with score 1 and the second with ln 3 more: weights 1/4 and 3/4.
    q = torch.tensor([[[[1.0, 0.0]]]])
    k = torch.tensor([[[[1.0, 5.0], [1.0 + math.log(3), -5.0]]]])
    v = torch.tensor([[[[4.0, 0.0], [0.0, 8.0]]]])
    weights = attention_weights(q, k, scale=1.0)
    torch.testing.assert_close(weights, torch.tensor([[[[0.25, 0.75]]]]))
    torch.testing.assert_close(attention(q, k, v, scale=1.0), torch.tensor([[[[1.0, 6.0]]]]))


def test_default_scale_is_one_over_root_of_width():
    q, k, _ = heads()
    expected = (q @ k.transpose(-2, -1) / math.sqrt(8)).softmax(-1)
    torch.testing.assert_close(attention_weights(q, k), expected)


@pytest.mark.parametrize("n_kv", [4, 2, 1])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_fused_equals_explicit(n_kv, causal, masked, biased):
    q, k, v = heads(n_kv)
    keep = torch.rand(2, 1, 1, 7, generator=torch.Generator().manual_seed(3)) > 0.3
    keep[1] = False  # a row that may see nothing
    options = {"causal": causal, "scale": 0.3}
    options |= {"keep": keep} if masked else {}
    options |= {"bias": draw(4, 5, 7, seed=4)} if biased else {}
    explicit = attention_weights(q, k, **options) @ v.repeat_interleave(4 // n_kv, 1)
    torch.testing.assert_close(attention(q, k, v, **options), explicit)


def test_fused_equals_explicit_where_sizes_happen_to_agree():
    # As many sequences as query heads, and as many queries as key heads: no size says which it is.
    q, k, v = draw(4, 4, 2, 8), draw(4, 2, 5, 8, seed=1), draw(4, 2, 5, 8, seed=2)
    explicit = attention_weights(q, k, causal=True) @ v.repeat_interleave(2, 1)
    torch.testing.assert_close(attention(q, k, v, causal=True), explicit)


@pytest.mark.parametrize("fused", [True, False])
def test_a_query_that_may_see_nothing_gives_zero_and_finite_gradients(fused):
    q, k, v = (tensor.requires_grad_() for tensor in heads())
    keep = torch.ones(2, 1, 5, 7, dtype=torch.bool)
    keep[0, 0, 2] = False
    keep[1] = False
    out = attention(q, k, v, keep=keep) if fused else attention_weights(q, k, keep=keep) @ v
    assert (out[0, :, 2] == 0).all() and (out[1] == 0).all() and (out[0, :, 3] != 0).any()
    out.sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in (q, k, v))


def test_key_head_serves_neighbouring_query_heads():
    q, k, _ = heads(n_kv=2)
    weights = attention_weights(q, k)
    for head, key_head in enumerate([0, 0, 1, 1]):
        alone = attention_weights(q[:, head : head + 1], k[:, key_head : key_head + 1])
        torch.testing.assert_close(weights[:, head : head + 1], alone)


def config(**fields) -> TransformerConfig:
    sizes = {"vocab_size": 9, "d_model": 32, "n_heads": 4, "max_seq_len": 16, "n_decoder_layers": 1}
    return TransformerConfig(**{**sizes, **fields})


@pytest.mark.parametrize("causal", [False, True])
def test_module_equals_torch(causal):
    ours = Attention(config()).double()
    theirs = torch.nn.MultiheadAttention(32, 4, batch_first=True).double()
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = ours.qkv.weight.data, ours.qkv.bias.data
    theirs.out_proj.load_state_dict(ours.output.state_dict())
    x = draw(2, 6, 32)
    hidden = ~causal_mask(6) if causal else None
    expected, weights = theirs(x, x, x, attn_mask=hidden, average_attn_weights=False)
    torch.testing.assert_close(ours(x, View(causal=causal)), expected)
    record: list[torch.Tensor] = []
    torch.testing.assert_close(ours(x, View(causal=causal, record=record)), expected)
    torch.testing.assert_close(record[0], weights)


def test_cross_module_equals_torch():
    ours = CrossAttention(config()).double()
    theirs = torch.nn.MultiheadAttention(32, 4, batch_first=True).double()
    for kind in ("weight", "bias"):
        stacked = torch.cat([getattr(ours.query, kind), getattr(ours.key_value, kind)])
        getattr(theirs, f"in_proj_{kind}").data = stacked.data
    theirs.out_proj.load_state_dict(ours.output.state_dict())
    x, memory = draw(2, 6, 32), draw(2, 7, 32, seed=1)
    keep = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    expected, _ = theirs(x, memory, memory, key_padding_mask=~keep)
    view = View(bias=as_bias(padding_mask(keep), None, x.dtype))
    torch.testing.assert_close(ours(x, view, ours.project_memory(memory)), expected)


class Copies(TorchDispatchMode):
    """Lists the operators that copy whole tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        name = operator.overloadpacket.__name__
        if name in ("cat", "clone", "copy_", "_to_copy"):
            self.seen.append(name)
        return operator(*args, **(kwargs or {}))


@pytest.mark.parametrize("n_kv", [4, 2])
def test_parts_of_a_projection_are_views_in_order(n_kv):
    projected = draw(2, 5, (4 + 2 * n_kv) * 8)
    parts = split_projection(projected, 8, 4, n_kv, n_kv)
    rows = projected.view(2, 5, 4 + 2 * n_kv, 8).transpose(1, 2)
    for part, expected in zip(parts, (rows[:, :4], rows[:, 4:-n_kv], rows[:, -n_kv:]), strict=True):
        torch.testing.assert_close(part, expected, rtol=0, atol=0)
        assert part.data_ptr() == expected.data_ptr()  # a view, no copy


@pytest.mark.parametrize("cross", [False, True])
def test_one_copy_joins_the_gradients_of_a_projection(cross):
    """A second one took half a percent of a training step of BERT."""
    module = CrossAttention(config()) if cross else Attention(config())
    x = draw(2, 6, 32).float().requires_grad_()
    out = module(x, View(), module.project_memory(x) if cross else None)
    with Copies() as copies:
        out.sum().backward()
    assert copies.seen == ["cat"]


def test_fused_kernel_under_autocast():
    module = Attention(config())
    bias = ALiBi(4).bias(torch.arange(6), torch.arange(6)).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = module(draw(2, 6, 32).float(), View(bias=bias))
    assert out.dtype == torch.bfloat16 and out.isfinite().all()


def test_dropout_drops_in_training_only():
    module = Attention(config(dropout=0.5))
    x = draw(1, 6, 32).float()
    assert not torch.equal(module(x, View()), module(x, View()))
    module.eval()
    assert torch.equal(module(x, View()), module(x, View()))


def test_causal_mask():
    assert causal_mask(3).tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert causal_mask(2, 4).tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    with pytest.raises(ValueError, match="S=2 keys cannot be fewer than T=3"):
        causal_mask(3, 2)


def test_combine_keeps_what_all_keep():
    keep = torch.tensor([[True, False, True]])
    both = combine(padding_mask(keep), None, causal_mask(3))
    assert both[0, 0].tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 1]]
    assert combine(None, None) is None


def test_as_bias():
    keep = torch.tensor([True, False])
    assert as_bias(None, None, torch.float32) is None
    assert as_bias(keep, None, torch.float32).tolist() == [0, -math.inf]
    assert as_bias(keep, torch.tensor([2.0, 3.0]), torch.float32).tolist() == [2, -math.inf]


def test_count_kept_ignores_where_the_padding_is():
    keep = torch.tensor([[0, 0, 1, 1], [1, 1, 0, 0], [1, 0, 1, 1]]).bool()
    assert count_kept(keep).tolist() == [[0, 0, 0, 1], [0, 1, 1, 1], [0, 0, 1, 2]]


def test_plain_attention_is_the_kernel_of_torch():
    q, k, v = heads()
    torch.testing.assert_close(attention(q, k, v), F.scaled_dot_product_attention(q, k, v))


@pytest.mark.parametrize("n_kv", [4, 2])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_training_in_bfloat16_is_the_same_function(n_kv, causal, masked, biased):
    S = 5 if causal and not masked else 7
    inputs = [t.bfloat16().requires_grad_() for t in heads(n_kv, S=S)]
    exact = [tensor.detach().double().requires_grad_() for tensor in inputs]
    keep = torch.rand(2, 1, 5, S, generator=torch.Generator().manual_seed(3)) > 0.3
    keep[1, :, 2] = False  # a query that may see nothing
    options = {"causal": causal, "scale": 0.3}
    options |= {"keep": keep} if masked else {}
    bias = draw(4, 5, S, seed=4).bfloat16()
    out = attention(*inputs, **options, **({"bias": bias} if biased else {}))
    expected = attention(*exact, **options, **({"bias": bias.double()} if biased else {}))
    assert out.dtype == torch.bfloat16 and "ScaledDot" not in str(out.grad_fn.next_functions)
    torch.testing.assert_close(out.double(), expected, rtol=0.03, atol=0.03)
    if masked:
        assert (out[1, :, 2] == 0).all()
    (out.double() * expected.detach()).sum().backward()
    (expected * expected.detach()).sum().backward()
    for mine, theirs in zip(inputs, exact, strict=True):
        torch.testing.assert_close(mine.grad.double(), theirs.grad, rtol=0.05, atol=0.05)


def test_dropout_in_bfloat16_keeps_the_mean():
    v = torch.ones(1, 1, 4000, 8, dtype=torch.bfloat16, requires_grad=True)
    q = k = torch.zeros(1, 1, 500, 8, dtype=torch.bfloat16)
    out = attention(q, k, v[:, :, :500], dropout=0.5)
    assert out.std() > 0.01 and abs(out.float().mean().item() - 1) < 0.02
