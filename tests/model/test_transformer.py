"""One model of every family: shapes, counts, cached decoding."""

import pytest
import torch

from course_lib.config import POSITIONS, TransformerConfig
from course_lib.model.transformer import Transformer

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
    assert model.config.family == family
    assert sum(p.numel() for p in model.parameters()) == model.config.n_parameters()
    sides = {"source": draw(2, 7)} if family == "encoder-decoder" else {}
    assert model(draw(2, 9), **sides).shape == (2, 9, 50)


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
