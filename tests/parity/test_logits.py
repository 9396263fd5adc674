"""Our logits are the reference library's, for every family, on padded batches."""

import torch
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm

# The largest difference, as a share of the largest logit.
FLOAT32 = 1e-5
FLOAT64 = 1e-8
# Where the reference stays in float32 inside a float64 model, and what that costs at most.
FLOAT32_INSIDE = {
    "bloom": (1e-6, "attention softmax, ALiBi slopes, and a constant of gelu with 8 digits"),
    "llama": (1e-6, "rotary angles"),
    "llama-3": (1e-6, "rotary angles"),
    "llama-3.1": (1e-6, "rotary angles"),
    "llama-3.2": (1e-6, "rotary angles"),
}


def exact_rms_norm(self, x):
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


def test_float32(pair, family):
    ours, theirs = pair(family).logits()
    largest = theirs.abs().max().item()
    assert largest > 1, "the weights must be large enough to show a mistake"
    torch.testing.assert_close(ours, theirs, atol=FLOAT32 * max(1.0, largest), rtol=0)


def test_float64(pair, family, monkeypatch):
    for norm in (LlamaRMSNorm, T5LayerNorm):  # theirs are float32 whatever the model is
        monkeypatch.setattr(norm, "forward", exact_rms_norm)
    ours, theirs = pair(family, torch.float64).logits()
    bound, _ = FLOAT32_INSIDE.get(family, (FLOAT64, ""))
    error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    assert error < bound
