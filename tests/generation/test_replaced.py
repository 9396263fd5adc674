"""Whatever somebody replaces, wraps, patches or listens to in a model, `generate` obeys."""

import functools
from collections.abc import Callable
from dataclasses import replace
from types import MethodType

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils import parametrizations, prune

from course_lib import Transformer, TransformerConfig, generate
from course_lib.model import attention as attention_module
from course_lib.model import block as block_module
from course_lib.model import layers as layers_module
from course_lib.model.attention import Attention
from course_lib.model.block import Block
from course_lib.model.layers import RMSNorm
from course_lib.model.transformer import Transformer as TransformerClass

GPT = TransformerConfig(
    vocab_size=31, d_model=16, n_heads=4, max_seq_len=32, n_decoder_layers=2, tie_embeddings=False
)
LLAMA = replace(
    GPT, position="rotary", norm="rms", gated=True, activation="silu", bias=False, n_kv_heads=2
)
CONFIGS = {"decoder": GPT, "encoder-decoder": replace(LLAMA, n_encoder_layers=1)}
Change = Callable[[Transformer, pytest.MonkeyPatch], object]
CHANGES: dict[str, Change] = {}


def change(function: Change) -> Change:
    """Enter a change of a model under its name."""
    CHANGES[function.__name__] = function
    return function


def build(config: TransformerConfig) -> Transformer:
    model = Transformer(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
    return model


def last(model: Transformer) -> Block:
    return model.decoder.blocks[-1]


# -- what the book teaches: another forward on one object


@change
def a_blocks_forward(model, patch):
    def straight(self, x, *arguments, **named):
        return x + self.feed_forward(self.feed_forward_norm(x))

    last(model).forward = MethodType(straight, last(model))


@change
def a_feed_forwards_forward(model, patch):
    feed_forward = last(model).feed_forward
    feed_forward.forward = lambda x: x.tanh()


@change
def an_attentions_forward(model, patch):
    last(model).attention.forward = lambda x, *arguments, **named: torch.zeros_like(x)


@change
def a_norms_forward(model, patch):
    last(model).attention_norm.forward = lambda x: x / 2


@change
def a_matrixs_forward(model, patch):
    down = last(model).feed_forward.down
    down.forward = lambda x: F.linear(x, down.weight * 2, down.bias)


@change
def a_heads_forward(model, patch):
    head = model.head
    head.forward = lambda hidden, embedding: -F.linear(hidden, head.weight)


@change
def an_inner_method(model, patch):
    feed_forward = last(model).feed_forward
    feed_forward.widen = lambda x: feed_forward.activate(feed_forward.up(x)) * 3


@change
def the_models_logits(model, patch):
    plain = model.logits
    model.logits = lambda hidden: -plain(hidden)


@change
def the_models_forward(model, patch):
    plain = model.forward
    model.forward = lambda tokens, **named: plain(tokens, **named).roll(1, -1)


# -- functions and classes patched for all


@change
def the_function_attention(model, patch):
    plain = attention_module.attention

    def mine(q, k, v, **named):
        return plain(q, k, v.flip(1), **named)

    patch.setattr(attention_module, "attention", mine)


@change
def the_function_attention_in_disguise(model, patch):
    plain = attention_module.attention

    @functools.wraps(plain)
    def mine(*arguments, **named):
        return 2 * plain(*arguments, **named)

    patch.setattr(attention_module, "attention", mine)


@change
def the_function_turn(model, patch):
    plain = attention_module.turn
    patch.setattr(attention_module, "turn", lambda x, angles: plain(x, angles) * 1.5)
    if model.config.position != "rotary":  # nothing turns: then another function of the module
        patch.setattr(attention_module, "attention", lambda q, k, v, **named: torch.zeros_like(q))


@change
def the_kernel(model, patch):
    plain = F.scaled_dot_product_attention
    patch.setattr(F, "scaled_dot_product_attention", lambda *a, **named: 2 * plain(*a, **named))


@change
def a_classs_forward(model, patch):
    patch.setattr(Block, "forward", lambda self, x, *arguments, **named: x + self.feed_forward(x))


@change
def a_classs_inner_method(model, patch):
    kind = type(last(model).feed_forward)
    plain = kind.widen
    patch.setattr(kind, "widen", lambda self, x: 2 * plain(self, x))


@change
def a_class_that_gets_a_method(model, patch):
    def call(self, *arguments, **named):
        return 2 * nn.Module.__call__(self, *arguments, **named)

    patch.setattr(Attention, "__call__", call, raising=False)


@change
def a_class_of_torch(model, patch):
    plain = nn.Linear.forward
    patch.setattr(nn.Linear, "forward", lambda self, x: plain(self, x) / 2)


@change
def the_transformers_forward(model, patch):
    plain = TransformerClass.forward
    patch.setattr(TransformerClass, "forward", lambda *a, **named: plain(*a, **named).roll(1, -1))


# -- another module in a part's place


@change
def a_subclassed_norm(model, patch):
    class Halved(RMSNorm):
        def forward(self, x):
            return super().forward(x) / 2

    last(model).feed_forward_norm = Halved(model.config.d_model, 1e-5)


@change
def a_wrapped_matrix(model, patch):
    class Wrapped(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x) * 2

    last(model).feed_forward.down = Wrapped(last(model).feed_forward.down)


@change
def a_low_rank_addition(model, patch):
    class LowRank(nn.Linear):
        def __init__(self, inner):
            super().__init__(inner.in_features, inner.out_features, bias=inner.bias is not None)
            self.load_state_dict(inner.state_dict())
            self.a = nn.Parameter(torch.ones(1, inner.in_features))
            self.b = nn.Parameter(torch.arange(inner.out_features)[:, None] / 10)

        def forward(self, x):
            return super().forward(x) + x @ self.a.T @ self.b.T

    last(model).attention.output = LowRank(last(model).attention.output)


@change
def a_matrix_of_eight_bits(model, patch):
    class EightBits(nn.Module):
        def __init__(self, inner):
            super().__init__()
            scale = inner.weight.detach().abs().amax(1, keepdim=True) / 7
            self.register_buffer("scale", scale)
            self.register_buffer("codes", (inner.weight / scale).round().to(torch.int8))
            self.bias = inner.bias

        def forward(self, x):
            return F.linear(x, self.codes * self.scale, self.bias)

    for block in model.decoder.blocks:
        block.feed_forward.up = EightBits(block.feed_forward.up)


@change
def a_tensor_that_is_a_class_of_its_own(model, patch):
    class Doubled(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, arguments=(), named=None):
            with torch._C.DisableTorchFunctionSubclass():
                result = function(*arguments, **(named or {}))
            if function is torch.Tensor.detach:  # a parameter must stay what it is
                return result.as_subclass(cls)
            return 2 * result if function is F.linear else result

    down = last(model).feed_forward.down
    down.weight = nn.Parameter(down.weight.detach().as_subclass(Doubled))


@change
def an_embedding_that_shortens(model, patch):
    shorter = nn.Embedding(31, 16, max_norm=0.5)
    shorter.weight = nn.Parameter(model.embedding.weight.detach().clone())
    model.embedding = shorter


@change
def a_block_taken_out(model, patch):
    del model.decoder.blocks[0]


@change
def a_block_put_in_twice(model, patch):
    model.decoder.blocks.append(build(model.config).decoder.blocks[0])


# -- hooks and parametrizations


@change
def a_forward_hook(model, patch):
    last(model).attention.register_forward_hook(lambda module, given, out: out * 2)


@change
def a_forward_pre_hook(model, patch):
    last(model).feed_forward.register_forward_pre_hook(lambda module, given: (given[0] * 2,))


@change
def a_hook_on_the_model(model, patch):
    model.register_forward_hook(lambda module, given, out: out.roll(1, -1))


@change
def a_hook_on_every_module(model, patch):
    def hook(module, given, out):
        return out * 1.5 if isinstance(module, nn.Linear) else None

    handle = register_module_forward_hook(hook)
    patch.setattr(handle, "id", handle.id)  # so that the end of the test finds it
    model.handle = handle


@change
def a_parametrization(model, patch):
    parametrizations.weight_norm(last(model).attention.output)
    with torch.no_grad():
        last(model).attention.output.parametrizations.weight.original0.mul_(2)


@change
def a_pruned_matrix(model, patch):
    prune.l1_unstructured(last(model).feed_forward.down, "weight", amount=0.5)


# -- numbers and types


@change
def a_scale_of_its_own(model, patch):
    last(model).attention.scale = 3.0


@change
def another_activation(model, patch):
    last(model).feed_forward.activate = layers_module.ACTIVATIONS["relu"]


@change
def a_block_with_its_norms_last(model, patch):
    last(model).norm_first = False


@change
def double_precision(model, patch):
    model.double()
    with torch.no_grad():
        model.head.weight.mul_(-1)


@change
def bfloat16(model, patch):
    model.bfloat16()


@change
def a_function_of_the_block(model, patch):
    plain = block_module.padding_mask
    patch.setattr(block_module, "padding_mask", lambda keep: plain(torch.ones_like(keep)))


@pytest.fixture(autouse=True)
def no_hook_stays():
    yield
    torch.nn.modules.module._global_forward_hooks.clear()


@pytest.mark.slow
@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("name", CHANGES)
def test_generate_obeys_with_and_without_a_cache(name, family, monkeypatch):
    model = build(CONFIGS[family])
    prompt = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    keep = torch.tensor([[True] * 4, [False, True, True, True]])
    source = prompt + 4 if family == "encoder-decoder" else None

    def write(use_cache):
        return generate(
            model, prompt, max_new_tokens=6, keep=keep, source=source, use_cache=use_cache
        )

    before = write(True)
    CHANGES[name](model, monkeypatch)
    cached, plain = write(True), write(False)
    tolerance = 0.3 if name == "bfloat16" else 1e-5
    if name != "bfloat16":
        assert torch.equal(cached.tokens, plain.tokens)
    torch.testing.assert_close(
        cached.log_probs.float(), plain.log_probs.float(), rtol=tolerance, atol=tolerance
    )
    assert not torch.equal(cached.log_probs, before.log_probs), "the change changes nothing"
