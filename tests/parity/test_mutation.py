"""Flip each field of each family's config: the logits must move, or the reason stands here.

A parity test that would pass with a wrong config proves nothing. So each family's config is
changed one field at a time, with all weights kept that still fit (new ones are random), and the
logits are compared with those of the right config: they must move by more than twice what the
parity tests forgive.
"""

import dataclasses
from typing import Any

import pytest
import torch

from course_lib.config import TransformerConfig
from course_lib.model.transformer import Transformer

SIZES = {"vocab_size", "d_model", "n_encoder_layers", "n_decoder_layers", "max_seq_len", "d_ff"}

# Another value for every field that is not a size.
CHANGES: dict[str, Any] = {
    "n_heads": lambda c: 2,
    "n_kv_heads": lambda c: 1,
    "d_head": lambda c: 4,
    "n_segments": lambda c: 0 if c.n_segments else 2,
    "position": lambda c: "none" if c.position != "none" else "alibi",
    "position_offset": lambda c: c.position_offset + 1,
    "position_pad_id": lambda c: 5 if c.position_pad_id is None else None,
    "rope_theta": lambda c: c.rope_theta * 3,
    "rope_factor": lambda c: c.rope_factor * 4,
    "rope_low_frequency": lambda c: c.rope_low_frequency * 2,
    "rope_high_frequency": lambda c: c.rope_high_frequency * 2,
    "rope_original_length": lambda c: c.rope_original_length * 2,
    "relative_buckets": lambda c: 16,
    "relative_max_distance": lambda c: 20,
    "norm": lambda c: "rms" if c.norm == "layer" else "layer",
    "norm_placement": lambda c: "post" if c.norm_placement == "pre" else "pre",
    "norm_eps": lambda c: c.norm_eps + 1e-3,
    "bias": lambda c: not c.bias,
    "activation": lambda c: "gelu_tanh" if c.activation == "gelu" else "gelu",
    "gated": lambda c: not c.gated,
    "scale_scores": lambda c: not c.scale_scores,
    "scale_embedding": lambda c: not c.scale_embedding,
    "embedding_norm": lambda c: not c.embedding_norm,
    "final_norm": lambda c: not c.final_norm,
    "tie_embeddings": lambda c: not c.tie_embeddings,
    "head_transform": lambda c: not c.head_transform,
    "head_bias": lambda c: "none" if c.head_bias != "none" else "learned",
    "scale_head": lambda c: not c.scale_head,
    "dropout": lambda c: 0.5,
}

OTHER_SCHEME = "read by another position scheme only"


def reason_not_to_move(config: TransformerConfig, field: str) -> str | None:
    """Say why a change must leave the logits exactly as they are; None if it must move them."""
    if field == "dropout":
        return "nothing is dropped outside training"
    if field.startswith("rope_") and config.position != "rotary":
        return OTHER_SCHEME
    if field.startswith("relative_") and config.position != "relative":
        return OTHER_SCHEME
    if field == "position_offset" and config.position != "learned":
        return OTHER_SCHEME
    if field.startswith("rope_") and field not in ("rope_theta", "rope_factor"):
        if config.rope_factor == 1:
            return "rotations are not slowed"
    if field == "position_pad_id" and config.position in ("alibi", "relative", "none"):
        return "scheme reads slots, not positions"
    if field == "position_pad_id" and config.position_pad_id is not None:
        return "padding is marked by keep, which gives real tokens the same positions"
    return None


def refusal(config: TransformerConfig, field: str) -> str | None:
    """Give the message with which a config must refuse the change."""
    if field == "n_segments" and config.family == "encoder-decoder":
        return "segments belong to a model of one stack"
    if field == "position_pad_id" and config.n_decoder_layers:
        return "counting by token id is for encoder-only models"
    if field == "position_pad_id" and config.position_offset == 0:
        return "padding needs a row before the first"
    return None


def transplant(model: Transformer, config: TransformerConfig) -> Transformer:
    """Build the changed model on the same weights, as far as names and shapes agree."""
    other = Transformer(config, generator=torch.Generator().manual_seed(1))
    old, new = model.state_dict(), other.state_dict()
    generator = torch.Generator().manual_seed(2)
    for name, tensor in new.items():
        if name in old and old[name].shape == tensor.shape:
            tensor.copy_(old[name])
        elif name in old and old[name].ndim == tensor.ndim:  # same table, other size: what fits
            both = [slice(0, min(a, b)) for a, b in zip(old[name].shape, tensor.shape, strict=True)]
            tensor.normal_(0, 0.25, generator=generator)[tuple(both)] = old[name][tuple(both)]
        else:
            tensor.normal_(0, 0.25, generator=generator)
    return other.eval()


def test_every_field_is_changed():
    names = {field.name for field in dataclasses.fields(TransformerConfig)}
    assert names == SIZES | set(CHANGES)


@pytest.mark.slow
@pytest.mark.parametrize("field", CHANGES)
def test_change_moves_the_logits(pair, family, field):
    pair = pair(family)
    config = pair.config
    value = CHANGES[field](config)
    assert value != getattr(config, field)
    message = refusal(config, field)
    if message is not None:
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(config, **{field: value})
        return
    changed = transplant(pair.ours, dataclasses.replace(config, **{field: value}))
    with torch.no_grad():
        before = pair.ours(**pair.ours_inputs)[pair.keep]
        inputs = dict(pair.ours_inputs)
        if changed.config.n_segments == 0:
            inputs.pop("segments", None)
        after = changed(**inputs)[pair.keep]
    moved = (after - before).abs().max().item() / before.abs().max().item()
    if reason_not_to_move(config, field) is None:
        assert moved > 2e-5, f"{field}={value!r} passes for {getattr(config, field)!r}"
    else:
        assert moved == 0
