"""Norms and feed-forward networks against torch and their formulas."""

import pytest
import torch

from course_lib.config import TransformerConfig
from course_lib.model.layers import ACTIVATIONS, FeedForward, RMSNorm, make_feed_forward, make_norm


def config(**fields) -> TransformerConfig:
    sizes = {"vocab_size": 9, "d_model": 8, "n_heads": 2, "max_seq_len": 16, "n_decoder_layers": 1}
    return TransformerConfig(**{**sizes, **fields})


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_rms_norm_equals_torch():
    ours, theirs = RMSNorm(8, 1e-5), torch.nn.RMSNorm(8, eps=1e-5)
    ours.weight.data = theirs.weight.data = draw(8)
    torch.testing.assert_close(ours(draw(2, 3, 8)), theirs(draw(2, 3, 8)))


def test_rms_norm_takes_the_mean_square_in_float32():
    large = torch.full((1, 1, 8), 300.0, dtype=torch.float16)  # its square is not a float16
    assert RMSNorm(8, 1e-5).half()(large).tolist() == [[[1.0] * 8]]


def test_make_norm():
    assert isinstance(make_norm(config()), torch.nn.LayerNorm)
    norm = make_norm(config(norm="rms", norm_eps=1e-3))
    assert isinstance(norm, RMSNorm) and norm.eps == 1e-3


@pytest.mark.parametrize(
    ("name", "at_one", "at_minus_three"),
    [
        ("relu", 1.0, 0.0),
        ("gelu", 0.841344746, -0.004049694),
        ("gelu_tanh", 0.841191991, -0.003637392),
        ("silu", 0.731058579, -0.142277620),
    ],
)
def test_activations(name, at_one, at_minus_three):
    values = ACTIVATIONS[name](torch.tensor([1.0, -3.0], dtype=torch.float64))
    assert values.tolist() == pytest.approx([at_one, at_minus_three], abs=1e-9)


def test_the_two_gelus_differ_most_where_the_text_says():
    x = torch.linspace(-5, 5, 100_001, dtype=torch.float64)
    gap = (ACTIVATIONS["gelu"](x) - ACTIVATIONS["gelu_tanh"](x)).abs()
    assert gap.max().item() == pytest.approx(4.73e-4, abs=1e-6)
    assert x[gap.argmax()].abs().item() == pytest.approx(2.699, abs=1e-2)


def test_plain_and_gated_network():
    x = draw(2, 3, 8)
    plain = make_feed_forward(config(activation="relu"))
    assert type(plain) is FeedForward
    torch.testing.assert_close(plain(x), plain.down(plain.up(x).relu()))
    gated = make_feed_forward(config(gated=True, activation="silu", bias=False, d_ff=12))
    hidden = torch.nn.functional.silu(gated.gate(x)) * gated.up(x)
    torch.testing.assert_close(gated(x), gated.down(hidden))
    assert gated.up.weight.shape == (12, 8) and gated.up.bias is None


def test_each_token_is_on_its_own():
    network, x = make_feed_forward(config()), draw(1, 4, 8)
    torch.testing.assert_close(network(x)[:, 2:3], network(x[:, 2:3]))


def test_dropout_drops_in_training_only():
    network, x = make_feed_forward(config(dropout=0.5)), draw(1, 4, 8)
    assert (network(x) == 0).any()
    assert not (network.eval()(x) == 0).any()
