"""One model of every family: shapes, counts, cached decoding."""

import traceback
from pathlib import Path

import pytest
import torch

from course_lib.config import POSITIONS, TransformerConfig
from course_lib.model.transformer import AttentionRecord, Transformer

FAMILIES = {
    "encoder-only": {"n_encoder_layers": 2},
    "decoder-only": {"n_decoder_layers": 2},
    "encoder-decoder": {"n_encoder_layers": 1, "n_decoder_layers": 2},
}


def build(family: str = "decoder-only", **fields) -> Transformer:
    sizes = {"vocab_size": 50, "d_model": 32, "n_heads": 4, "max_seq_len": 20}
    config = TransformerConfig(**{**sizes, **FAMILIES[family], **fields})
    return Transformer(config, generator=torch.Generator().manual_seed(0)).eval()


def draw(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(0, 50, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_builds_runs_and_counts(family, position):
    model = build(family, position=position)
    assert model.config.family == family and model.has_decoder == (
        "n_decoder_layers" in FAMILIES[family]
    )
    assert sum(p.numel() for p in model.parameters()) == model.config.n_parameters()
    sides = {"source": draw(2, 7)} if family == "encoder-decoder" else {}
    assert model(draw(2, 9), **sides).shape == (2, 9, 50)


@pytest.mark.parametrize("family", ["decoder-only", "encoder-decoder"])
def test_a_single_layer_is_a_decoder(family):
    assert build(family, n_decoder_layers=1).has_decoder


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("family", ["decoder-only", "encoder-decoder"])
def test_cached_equals_uncached(family, position):
    model = build(family, position=position)
    tokens = draw(2, 9)
    sides = {"source": draw(2, 7)} if family == "encoder-decoder" else {}
    whole = model(tokens, **sides)
    cache = model.new_cache(2)
    pieces = [model(tokens[:, :4], cache=cache, **sides), model(tokens[:, 4:6], cache=cache)]
    pieces += [model(tokens[:, i : i + 1], cache=cache) for i in range(6, 9)]
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("family", ["decoder-only", "encoder-decoder"])
def test_a_causal_model_cannot_see_the_future(family, position):
    model = build(family, position=position)
    sides = {"source": draw(2, 7)} if family == "encoder-decoder" else {}
    tokens = draw(2, 9)
    other = tokens.clone()
    other[:, 5] = (other[:, 5] + 1) % 50
    before, after = model(tokens, **sides), model(other, **sides)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


@pytest.mark.parametrize("position", POSITIONS)
def test_an_encoder_sees_both_ways(position):
    model = build("encoder-only", position=position)
    tokens = draw(2, 9)
    other = tokens.clone()
    other[:, 8] = (other[:, 8] + 1) % 50
    assert not torch.equal(model(tokens)[:, 0], model(other)[:, 0])


@pytest.mark.parametrize("position", ["none", "sinusoidal", "learned", "rotary", "alibi"])
def test_a_decoder_that_may_look_ahead_is_an_encoder(position):
    decoder = build("decoder-only", position=position)
    encoder = build("encoder-only", position=position)
    weights = {n.replace("decoder.", "encoder."): t for n, t in decoder.state_dict().items()}
    encoder.load_state_dict(weights)
    tokens = draw(2, 9)
    assert not torch.allclose(decoder(tokens), encoder(tokens))
    decoder.decoder.causal = False
    torch.testing.assert_close(decoder(tokens), encoder(tokens))


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_nothing(family, position, side):
    model = build(family, position=position)
    tokens = draw(1, 6)
    pad = torch.full((1, 3), 7)
    real, hidden = torch.ones(1, 6, dtype=torch.bool), torch.zeros(1, 3, dtype=torch.bool)
    order = (pad, tokens) if side == "left" else (tokens, pad)
    keep = torch.cat((hidden, real) if side == "left" else (real, hidden), 1)
    sides, padded_sides = {}, {}
    if family == "encoder-decoder":
        sides = {"source": tokens}
        padded_sides = {"source": torch.cat(order, 1), "source_keep": keep}
    alone = model(tokens, **sides)
    padded = model(torch.cat(order, 1), keep=keep, **padded_sides)
    assert padded.isfinite().all()
    torch.testing.assert_close(padded[keep][None], alone, atol=2e-6, rtol=0)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("family", ["decoder-only", "encoder-decoder"])
def test_cached_equals_uncached_with_left_padding(family, position):
    model = build(family, position=position, n_kv_heads=2)
    tokens = draw(3, 9)
    keep = torch.arange(9) >= torch.tensor([[0], [2], [3]])
    sides = {}
    if family == "encoder-decoder":
        sides = {
            "source": draw(3, 7),
            "source_keep": torch.arange(7) < torch.tensor([[7], [4], [1]]),
        }
    whole = model(tokens, keep=keep, **sides)
    cache = model.new_cache(3, 9)
    pieces = [model(tokens[:, :5], keep=keep[:, :5], cache=cache, **sides)]
    pieces += [model(tokens[:, i : i + 1], cache=cache) for i in range(5, 9)]
    difference = (torch.cat(pieces, 1) - whole)[keep]
    assert difference.abs().max() < 1e-6


def test_a_fully_masked_row_is_finite_forward_and_backward():
    for family in FAMILIES:
        model = build(family)
        keep = torch.ones(2, 5, dtype=torch.bool)
        keep[1] = False
        sides = {"source": draw(2, 5), "source_keep": keep} if family == "encoder-decoder" else {}
        logits = model(draw(2, 5), keep=keep, **sides)
        logits.sum().backward()
        assert logits.isfinite().all()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_maps_are_the_weights_the_model_used(family):
    model = build(family, n_kv_heads=2)
    tokens, sides = draw(2, 6), {}
    if family == "encoder-decoder":
        sides = {
            "source": draw(2, 4),
            "source_keep": torch.tensor([[True] * 4, [True, True, False, False]]),
        }
    maps = model.attention_maps(tokens, **sides)
    shapes = {
        "encoder-only": [(2, 2, 4, 6, 6), None, None],
        "decoder-only": [None, (2, 2, 4, 6, 6), None],
        "encoder-decoder": [(1, 2, 4, 4, 4), (2, 2, 4, 6, 6), (2, 2, 4, 6, 4)],
    }
    assert [None if m is None else tuple(m.shape) for m in maps] == shapes[family]
    for weights in maps:
        if weights is not None:
            torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    if maps.decoder is not None:
        assert maps.decoder.triu(1).abs().max() == 0
    if maps.cross is not None:
        assert maps.cross[:, 1, :, :, 2:].abs().max() == 0
    if family == "encoder-only":
        torch.testing.assert_close(
            model.encode(tokens, record=AttentionRecord()), model.encode(tokens)
        )
    elif family == "decoder-only":
        torch.testing.assert_close(
            model.decode(tokens, record=AttentionRecord()), model.decode(tokens)
        )


def test_roberta_counts_positions_from_ids():
    model = build("encoder-only", position_offset=2, position_pad_id=1)
    given = []
    model.encoder.positions.embed = lambda at: given.append(at + 2)
    model(torch.tensor([[0, 5, 6, 2, 1, 1], [1, 1, 0, 9, 8, 2], [0, 9, 1, 8, 2, 1]]))
    expected = [[2, 3, 4, 5, 1, 1], [1, 1, 2, 3, 4, 5], [2, 3, 1, 4, 5, 1]]
    assert given[0].tolist() == expected


@pytest.mark.parametrize("position", ["learned", "sinusoidal", "rotary"])
def test_explicit_positions(position):
    model = build(position=position)
    tokens = draw(2, 6)
    torch.testing.assert_close(model(tokens, positions=torch.arange(6)), model(tokens))
    gap = torch.tensor([0, 1, 2, 9, 10, 11]).expand(2, 6)
    assert not torch.allclose(model(tokens, positions=gap), model(tokens))


def test_segments_default_to_the_first():
    model = build("encoder-only", n_segments=2)
    tokens = draw(2, 6)
    assert torch.equal(model(tokens), model(tokens, segments=torch.zeros_like(tokens)))
    assert not torch.equal(model(tokens), model(tokens, segments=torch.ones_like(tokens)))


def test_same_generator_same_model_and_dtype():
    one, two = build(), build()
    for (name, a), b in zip(one.named_parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b), name
    half = Transformer(one.config, dtype=torch.bfloat16)
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}
    assert half(draw(1, 4)).dtype == torch.bfloat16


def test_initial_scales():
    config = TransformerConfig(
        vocab_size=500, d_model=128, n_heads=4, max_seq_len=64, n_decoder_layers=8
    )
    model = Transformer(config, generator=torch.Generator().manual_seed(0))
    block = model.decoder.blocks[3]
    assert block.attention.qkv.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert block.feed_forward.down.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert block.attention.qkv.bias.abs().max() == 0 and block.attention_norm.weight.min() == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_autocast_trains(family):
    model = build(family, position="relative").train()
    sides = {"source": draw(2, 5)} if family == "encoder-decoder" else {}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = (
            model(draw(2, 6), keep=torch.ones(2, 6, dtype=torch.bool), **sides)
            .float()
            .logsumexp(-1)
            .mean()
        )
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_cache_turns_gradients_off():
    model = build()
    assert model(draw(1, 3)).requires_grad
    assert not model(draw(1, 3), cache=model.new_cache(1)).requires_grad
    assert model.decode(draw(1, 3)).requires_grad
    assert not model.decode(draw(1, 3), cache=model.new_cache(1)).requires_grad
    with torch.no_grad():
        assert not model.decode(draw(1, 3)).requires_grad


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": draw(1, 21)}, "sequence of 21 tokens is longer than the max_seq_len=20"),
        ({"tokens": draw(1, 3) + 50}, "tokens run from .* vocab_size=50"),
        ({"tokens": draw(1, 0)}, r"tokens of shape \(1, 0\)"),
        ({"tokens": draw(1, 3), "source": draw(1, 3)}, "this model is decoder-only"),
        (
            {"tokens": draw(1, 3), "positions": torch.tensor([0, 1, 20])},
            "positions up to 20, but max_seq_len=20",
        ),
        (
            {"tokens": draw(1, 3), "positions": torch.arange(4)},
            r"positions of shape \(4,\) for tokens of shape \(1, 3\)",
        ),
        ({"tokens": draw(1, 3), "segments": draw(1, 3)}, "segments given, but n_segments=0"),
    ],
)
def test_input_that_does_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        build()(**arguments)


def test_calls_that_do_not_suit_the_family():
    encoder, decoder, both = (build(family) for family in FAMILIES)
    with pytest.raises(ValueError, match="n_encoder_layers=0: this model has no encoder"):
        decoder.encode(draw(1, 3))
    with pytest.raises(ValueError, match="n_decoder_layers=0: this model has no decoder"):
        encoder.decode(draw(1, 3))
    with pytest.raises(ValueError, match="n_decoder_layers=0: nothing to cache"):
        encoder.new_cache(1)
    with pytest.raises(ValueError, match="cache given, but an encoder"):
        encoder(draw(1, 3), cache=decoder.new_cache(1))
    with pytest.raises(ValueError, match="source=None"):
        both(draw(1, 3))
    with pytest.raises(ValueError, match="memory=None"):
        both.decode(draw(1, 3))


def test_schemes_without_a_table_have_no_limit():
    for position in ("none", "sinusoidal", "rotary", "alibi", "relative"):
        assert build(position=position)(draw(1, 30)).isfinite().all()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_way_to_the_kernel_is_five_calls_through_three_files(family, monkeypatch):
    """A reader follows model, stack, block, layer, function; the sixth call is torch's kernel."""
    ways = []
    kernel = torch.nn.functional.scaled_dot_product_attention

    def note(*arguments, **named):
        ours = [frame for frame in traceback.extract_stack() if "course_lib/" in frame.filename]
        ways.append([(Path(frame.filename).stem, frame.name) for frame in ours])
        return kernel(*arguments, **named)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", note)
    build(family)(draw(2, 4), **({"source": draw(2, 4)} if family == "encoder-decoder" else {}))
    way = [("transformer", "forward"), ("block", "forward"), ("block", "forward")]
    assert way + [("attention", "forward"), ("attention", "attention")] == ways[-1]
