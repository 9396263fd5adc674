"""Parameters start as the papers say."""

from dataclasses import replace

import pytest
import torch
import transformers as hf

from course_lib import Transformer, presets

T5 = replace(
    presets["t5-small"],
    vocab_size=500,
    d_model=128,
    n_encoder_layers=1,
    n_decoder_layers=1,
    d_head=48,
    d_ff=320,
)


def seeded(config, seed=0):
    return Transformer(config, generator=torch.Generator().manual_seed(seed)).eval()


@pytest.mark.parametrize("gated", [False, True])
def test_spread_of_t5_is_the_reference_librarys(gated, tmp_path):
    reference = hf.T5ForConditionalGeneration(
        hf.T5Config(
            vocab_size=500, d_model=128, d_kv=48, d_ff=320, num_layers=1, num_heads=8,
            feed_forward_proj="gated-gelu" if gated else "relu",
        )
    )  # fmt: skip
    reference.save_pretrained(tmp_path)
    theirs = Transformer.from_pretrained(tmp_path).state_dict()
    activation = "gelu_tanh" if gated else "relu"
    ours = seeded(replace(T5, gated=gated, activation=activation)).state_dict()
    assert list(ours) == list(theirs)
    width = 8 * 48
    for name, tensor in ours.items():
        parts = [slice(0, width), slice(width, None)] if "qkv" in name else [slice(None)]
        for part in parts:
            a, b = tensor[part], theirs[name][part]
            if a.ndim == 1:
                assert torch.equal(a, b), name
                continue
            few = 0.25 if a.numel() < 1000 else 0.05
            assert a.std().item() == pytest.approx(b.std().item(), rel=few), name


def test_scores_and_logits_of_t5_start_at_size_one():
    for changed in ({}, {"tie_embeddings": False, "scale_head": False}, {"scale_head": False}):
        model = seeded(replace(T5, **changed))
        tokens = torch.randint(500, (4, 32), generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            logits = model(tokens, source=tokens)
        assert 0.5 < logits.std() < 3, changed
        attention = model.encoder.blocks[0].attention
        stream = torch.randn(1, 64, 128, generator=torch.Generator().manual_seed(2))
        q, k, _ = attention.qkv(stream).view(1, 64, 3, 8, 48).unbind(2)
        scores = torch.einsum("bthk,bshk->bhts", q, k)
        assert 0.8 < scores.std() < 1.25


def test_spread_of_the_others():
    model = seeded(replace(presets["gpt2"], vocab_size=500, d_model=96, n_decoder_layers=8))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif parameter.ndim == 1:
            assert (parameter == 1).all(), name
        else:
            adds = name.endswith(("attention.output.weight", "down.weight"))
            wanted = 0.02 / 4 if adds else 0.02
            assert parameter.std().item() == pytest.approx(wanted, rel=0.05), name


def test_the_same_generator_gives_the_same_model():
    first, same, other = (seeded(T5, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["embedding.weight"], other["embedding.weight"])
