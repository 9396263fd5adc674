"""The short way for one token equals the model, and is left where it might not."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from course_lib import Transformer, TransformerConfig, generate
from course_lib.generation import token_step
from course_lib.generation.token_step import TokenStep, fits

GPT = TransformerConfig(
    vocab_size=23, d_model=16, n_heads=4, max_seq_len=24, n_decoder_layers=2, head_bias="learned"
)
CONFIGS = {
    "gpt": GPT,
    "llama": replace(
        GPT,
        position="rotary",
        norm="rms",
        gated=True,
        activation="silu",
        bias=False,
        n_kv_heads=2,
        tie_embeddings=False,
    ),
    "bloom": replace(GPT, position="alibi", embedding_norm=True),
    "relative": replace(GPT, position="relative", scale_scores=False, scale_head=True, d_head=6),
    "post": replace(
        GPT, position="sinusoidal", norm_placement="post", final_norm=False, scale_embedding=True
    ),
    "no order": replace(GPT, position="none", activation="relu", head_transform=True),
}


def build(config: TransformerConfig) -> Transformer:
    """A model whose every parameter is random: default values would hide mistakes."""
    generator = torch.Generator().manual_seed(0)
    model = Transformer(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return model


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("n_rows", [1, 3])
@pytest.mark.parametrize("n_tokens", [1, 1000])
@torch.inference_mode()
def test_equals_the_model(name: str, n_rows: int, n_tokens: int) -> None:
    model = build(CONFIGS[name])
    assert fits(model)
    tokens = torch.randint(0, 23, (n_rows, 9), generator=torch.Generator().manual_seed(1))
    expected = model(tokens)
    cache = model.new_cache(n_rows)
    model.decode(tokens[:, :4], None, cache)
    step = TokenStep(model, n_tokens)  # for many tokens it copies the matrices
    for i in range(4, 9):
        logits = step(tokens[:, i], cache)
        torch.testing.assert_close(logits, expected[:, i], rtol=1e-5, atol=1e-5)
    assert cache.length == 9


def test_anything_unknown_goes_through_the_model() -> None:
    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    def wrap(model: Transformer) -> None:
        old = model.decoder.blocks[1].feed_forward.up
        model.decoder.blocks[1].feed_forward.up = Doubled(old.in_features, old.out_features)

    def listen(model: Transformer) -> None:
        model.decoder.blocks[0].attention.register_forward_hook(lambda *_: None)

    def parametrize(model: Transformer) -> None:
        nn.utils.parametrizations.weight_norm(model.decoder.blocks[0].attention.qkv)

    for change in (wrap, listen, parametrize):
        model = build(GPT)
        change(model)
        assert not fits(model), change.__name__
        prompt = torch.tensor([[1, 2, 3]])
        out = generate(model, prompt, max_new_tokens=5)
        text = torch.cat([prompt, out.tokens], 1)
        assert torch.equal(model(text)[0, 2:-1].argmax(-1), out.tokens[0]), change.__name__


def test_models_with_other_parts_do_not_fit() -> None:
    assert not fits(build(replace(GPT, n_encoder_layers=1)))
    assert not fits(build(replace(GPT, n_encoder_layers=1, n_decoder_layers=0)))
    assert not fits(build(replace(GPT, n_segments=2)))


def test_generate_takes_the_short_way_exactly_where_it_may(monkeypatch) -> None:
    taken = []
    plain = TokenStep.__call__

    def counted(self, *arguments):
        taken.append(1)
        return plain(self, *arguments)

    monkeypatch.setattr(token_step.TokenStep, "__call__", counted)
    model, prompt = build(GPT), torch.tensor([[1, 2, 3]])
    generate(model, prompt, max_new_tokens=5)
    assert len(taken) == 4  # the first token comes from reading the prompt
    generate(model, prompt, max_new_tokens=5, keep=torch.tensor([[False, True, True]]))
    generate(model, prompt, max_new_tokens=5, use_cache=False)
    assert len(taken) == 4
