"""The short way for one token equals the model, and is left where it might not."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from course_lib import Transformer, TransformerConfig, generate
from course_lib.generation.fast.token_layers import fits
from course_lib.generation.fast.token_step import FastReader
from course_lib.model.originals import replaced_definitions
from course_lib.model.positions import Positions

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


SOURCE = torch.randint(0, 23, (3, 6), generator=torch.Generator().manual_seed(2))
SOURCE_KEEP = torch.tensor([[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1]]).bool()


def check(
    model: Transformer,
    keep: torch.Tensor | None = None,
    source_keep: torch.Tensor | None = None,
    n_rows: int = 3,
) -> None:
    """Read four tokens with the model and five with the short way; the model reads all at once."""
    assert fits(model), replaced_definitions()
    tokens = torch.randint(0, 23, (n_rows, 9), generator=torch.Generator().manual_seed(1))
    side = {}
    if model.encoder is not None:
        side = {"source": SOURCE[:n_rows], "source_keep": source_keep}
    whole = None
    if keep is not None:
        whole = torch.cat((keep, torch.ones(n_rows, 5, dtype=torch.bool)), 1)
    expected = model(tokens, keep=whole, **side)
    assert not expected[:, 4:].isnan().any()
    cache = model.new_cache(n_rows)
    model(tokens[:, :4], keep=keep, cache=cache, **side)
    step = FastReader(model, cache)
    for i in range(4, 9):
        logits = step(tokens[:, i])
        torch.testing.assert_close(logits, expected[:, i], rtol=1e-5, atol=1e-5)
    assert cache.length == 9


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("n_rows", [1, 3])
@pytest.mark.parametrize("n_encoder_layers", [0, 1])
@torch.inference_mode()
def test_equals_the_model(name: str, n_rows: int, n_encoder_layers: int) -> None:
    check(build(replace(CONFIGS[name], n_encoder_layers=n_encoder_layers)), n_rows=n_rows)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("n_encoder_layers", [0, 1])
@torch.inference_mode()
def test_equals_the_model_where_rows_are_padded(name: str, n_encoder_layers: int) -> None:
    keep = torch.arange(4) >= torch.tensor([[0], [1], [3]])
    check(build(replace(CONFIGS[name], n_encoder_layers=n_encoder_layers)), keep, SOURCE_KEEP)


@torch.inference_mode()
def test_a_source_of_padding_alone_adds_nothing() -> None:
    nothing = SOURCE_KEEP & torch.tensor([[True], [False], [True]])
    check(build(replace(GPT, n_encoder_layers=1)), None, nothing)


@pytest.mark.parametrize("name", ["gpt", "llama"])
@torch.inference_mode()
def test_half_precision_is_as_close_as_the_model(name: str) -> None:
    model = build(CONFIGS[name])
    tokens = torch.randint(0, 23, (2, 6), generator=torch.Generator().manual_seed(1))
    exact = model(tokens)[:, -1]
    model = model.bfloat16()
    cache = model.new_cache(2)
    model(tokens[:, :-1], cache=cache)
    error = (FastReader(model, cache)(tokens[:, -1]) - exact).abs().max()
    assert error < 2 * (model(tokens)[:, -1] - exact).abs().max()


@torch.inference_mode()
def test_rows_of_one_prompt_may_change_places() -> None:
    model = build(replace(CONFIGS["bloom"], n_encoder_layers=1))
    tokens = torch.tensor([[1, 2], [1, 2], [1, 2]])
    cache, last = model.new_cache(3), torch.tensor([3, 4, 5])
    source = SOURCE[:1].expand(3, -1)
    model(tokens, source=source, cache=cache)
    step = FastReader(model, cache)
    step(last)
    cache.reorder(torch.tensor([2, 2, 0]), same_prompt=True)
    logits = step(torch.tensor([6, 7, 8]))
    text = torch.tensor([[1, 2, 5, 6], [1, 2, 5, 7], [1, 2, 3, 8]])
    expected = model(text, source=source)[:, -1]
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_the_cache_refuses_what_does_not_fit() -> None:
    model = build(GPT)
    cache = model.new_cache(3, 3)
    model(torch.ones(3, 2, dtype=torch.long), cache=cache)
    step = FastReader(model, cache)
    with pytest.raises(ValueError, match="batch_size=3 got 2 sequences"):
        step(torch.tensor([1, 2]))
    step(torch.tensor([1, 2, 3]))
    with pytest.raises(ValueError, match="holds 3 and cannot take 1 more"):
        step(torch.tensor([1, 2, 3]))


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
    assert not fits(build(replace(GPT, n_encoder_layers=1, n_decoder_layers=0)))
    assert not fits(build(replace(GPT, n_segments=2)))

    class Zigzag(Positions):
        def bias(self, query_slots, key_slots):
            return (query_slots % 2)[None, :, None] * key_slots

    model = build(GPT)
    model.decoder.positions = Zigzag()  # not a function of the distance alone
    assert not fits(model)


def test_the_encoder_is_not_opened() -> None:
    model = build(replace(GPT, n_encoder_layers=1))
    heard = []
    model.encoder.blocks[0].register_forward_hook(lambda *_: heard.append(1))
    assert fits(model), replaced_definitions()
    generate(model, torch.tensor([[1, 2]]), max_new_tokens=3, source=SOURCE[:1])
    assert heard == [1]
    model.decoder.blocks[0].cross_attention.register_forward_hook(lambda *_: None)
    assert not fits(model)


def test_generate_takes_the_short_way_exactly_where_it_may(monkeypatch) -> None:
    taken = []
    plain = FastReader.__call__

    def counted(self, *arguments):
        taken.append(1)
        return plain(self, *arguments)

    monkeypatch.setattr(FastReader, "__call__", counted)
    model, prompt = build(GPT), torch.tensor([[1, 2, 3]])
    generate(model, prompt, max_new_tokens=5)
    assert len(taken) == 4  # the first token comes from reading the prompt
    generate(model, prompt, max_new_tokens=5, use_cache=False)
    model.decoder.blocks[0].attention.register_forward_hook(lambda *_: None)
    generate(model, prompt, max_new_tokens=5)
    assert len(taken) == 4


def test_a_module_that_was_once_compiled_changes_nothing() -> None:
    """`torch.compile` wraps how every module is made, whichever was compiled."""
    from torch._dynamo.mutation_guard import install_generation_tagging_init

    install_generation_tagging_init()
    assert replaced_definitions() == []
