"""Tiny models of every family in pairs: the reference library's and ours, on the same weights.

Every parameter of the reference is random (default initialisation hides mistakes: zero biases,
unit norms), and `weights` moves them over by a short table of names for each family.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
import transformers as hf
from torch import Tensor

from course_lib.config import TransformerConfig
from course_lib.model.transformer import Transformer
from course_lib.presets import presets

State = dict[str, Tensor]
VOCAB, PAD = 61, 1


@dataclass
class Pair:
    """A reference model, ours with its weights, and a padded batch that suits both."""

    name: str
    config: TransformerConfig
    reference: torch.nn.Module
    ours: Transformer
    ours_inputs: dict[str, Tensor]
    reference_inputs: dict[str, Tensor]
    keep: Tensor

    def logits(self) -> tuple[Tensor, Tensor]:
        """Return our logits and the reference's, at real tokens."""
        with torch.no_grad():
            ours = self.ours(**self.ours_inputs)
            theirs = self.reference(**self.reference_inputs).logits
        return ours[self.keep], theirs[self.keep]


def tiny(preset: str, **fields: Any) -> TransformerConfig:
    """Shrink a preset without touching its choices."""
    config = presets[preset]
    sizes: dict[str, Any] = {"vocab_size": VOCAB, "d_model": 32, "n_heads": 4, "max_seq_len": 24}
    if config.n_encoder_layers:
        sizes["n_encoder_layers"] = 2
    if config.n_decoder_layers:
        sizes["n_decoder_layers"] = 3 if config.n_encoder_layers else 2
    if config.d_ff is not None:
        sizes["d_ff"] = 56
    if config.d_head is not None:
        sizes["d_head"] = 12
    return replace(config, **sizes, dropout=0.0, **fields)


def linear(state: State, ours: str, theirs: list[str], source: State) -> None:
    """Move one matrix, or several stacked into one, with the bias where there is one."""
    for kind in ("weight", "bias"):
        if f"{theirs[0]}.{kind}" in source:
            state[f"{ours}.{kind}"] = torch.cat([source[f"{t}.{kind}"] for t in theirs])


def bert_like(source: State, base: str) -> State:
    s: State = {
        "embedding.weight": source[f"{base}.embeddings.word_embeddings.weight"],
        "encoder.positions.table.weight": source[f"{base}.embeddings.position_embeddings.weight"],
        "encoder.segments.weight": source[f"{base}.embeddings.token_type_embeddings.weight"],
    }
    linear(s, "encoder.embedding_norm", [f"{base}.embeddings.LayerNorm"], source)
    for i in range(2):
        a, b = f"encoder.blocks.{i}", f"{base}.encoder.layer.{i}"
        qkv = [f"{b}.attention.self.{n}" for n in ("query", "key", "value")]
        linear(s, f"{a}.attention.qkv", qkv, source)
        linear(s, f"{a}.attention.output", [f"{b}.attention.output.dense"], source)
        linear(s, f"{a}.attention_norm", [f"{b}.attention.output.LayerNorm"], source)
        linear(s, f"{a}.feed_forward.up", [f"{b}.intermediate.dense"], source)
        linear(s, f"{a}.feed_forward.down", [f"{b}.output.dense"], source)
        linear(s, f"{a}.feed_forward_norm", [f"{b}.output.LayerNorm"], source)
    return s


def bert(source: State) -> State:
    s = bert_like(source, "bert")
    linear(s, "head.transform.dense", ["cls.predictions.transform.dense"], source)
    linear(s, "head.transform.norm", ["cls.predictions.transform.LayerNorm"], source)
    s["head.bias"] = source["cls.predictions.bias"]
    return s


def roberta(source: State) -> State:
    s = bert_like(source, "roberta")
    linear(s, "head.transform.dense", ["lm_head.dense"], source)
    linear(s, "head.transform.norm", ["lm_head.layer_norm"], source)
    s["head.bias"] = source["lm_head.bias"]
    return s


def gpt(source: State, tokens: str = "wte", positions: str = "wpe") -> State:
    base = "transformer"
    s: State = {
        "embedding.weight": source[f"{base}.{tokens}.weight"],
        "decoder.positions.table.weight": source[f"{base}.{positions}.weight"],
    }
    names = {
        "attention.qkv": "attn.c_attn",
        "attention.output": "attn.c_proj",
        "feed_forward.up": "mlp.c_fc",
        "feed_forward.down": "mlp.c_proj",
    }
    for i in range(2):
        a, b = f"decoder.blocks.{i}", f"{base}.h.{i}"
        for ours, theirs in names.items():
            s[f"{a}.{ours}.weight"] = source[f"{b}.{theirs}.weight"].T
            s[f"{a}.{ours}.bias"] = source[f"{b}.{theirs}.bias"]
        linear(s, f"{a}.attention_norm", [f"{b}.ln_1"], source)
        linear(s, f"{a}.feed_forward_norm", [f"{b}.ln_2"], source)
    linear(s, "decoder.final_norm", [f"{base}.ln_f"], source)
    return s


def gpt1(source: State) -> State:
    extra = {f"transformer.ln_f.{kind}": torch.zeros(1) for kind in ("weight", "bias")}
    s = gpt({**source, **extra}, "tokens_embed", "positions_embed")
    return {name: tensor for name, tensor in s.items() if "final_norm" not in name}


def bloom(source: State) -> State:
    s: State = {"embedding.weight": source["transformer.word_embeddings.weight"]}
    linear(s, "decoder.embedding_norm", ["transformer.word_embeddings_layernorm"], source)
    for i in range(2):
        a, b = f"decoder.blocks.{i}", f"transformer.h.{i}"
        for kind in ("weight", "bias"):
            rows = source[f"{b}.self_attention.query_key_value.{kind}"]
            rows = rows.unflatten(0, (4, 3, 8)).transpose(0, 1).flatten(0, 2)
            s[f"{a}.attention.qkv.{kind}"] = rows
        linear(s, f"{a}.attention.output", [f"{b}.self_attention.dense"], source)
        linear(s, f"{a}.attention_norm", [f"{b}.input_layernorm"], source)
        linear(s, f"{a}.feed_forward_norm", [f"{b}.post_attention_layernorm"], source)
        linear(s, f"{a}.feed_forward.up", [f"{b}.mlp.dense_h_to_4h"], source)
        linear(s, f"{a}.feed_forward.down", [f"{b}.mlp.dense_4h_to_h"], source)
    linear(s, "decoder.final_norm", ["transformer.ln_f"], source)
    return s


def llama(source: State) -> State:
    s: State = {"embedding.weight": source["model.embed_tokens.weight"]}
    for i in range(2):
        a, b = f"decoder.blocks.{i}", f"model.layers.{i}"
        linear(s, f"{a}.attention.qkv", [f"{b}.self_attn.{n}_proj" for n in "qkv"], source)
        linear(s, f"{a}.attention.output", [f"{b}.self_attn.o_proj"], source)
        linear(s, f"{a}.attention_norm", [f"{b}.input_layernorm"], source)
        linear(s, f"{a}.feed_forward_norm", [f"{b}.post_attention_layernorm"], source)
        for name in ("gate", "up", "down"):
            linear(s, f"{a}.feed_forward.{name}", [f"{b}.mlp.{name}_proj"], source)
    linear(s, "decoder.final_norm", ["model.norm"], source)
    s["head.weight"] = source["lm_head.weight"]
    return s


def llama_tied(source: State) -> State:
    s = llama(source)
    del s["head.weight"]
    return s


def bart(source: State) -> State:
    s: State = {
        "embedding.weight": source["model.shared.weight"],
        "head.bias": source["final_logits_bias"][0],
    }
    for stack, n_layers in (("encoder", 2), ("decoder", 3)):
        table = source.get(f"model.{stack}.embed_positions.weight")
        if table is not None and f"model.{stack}.layernorm_embedding.weight" in source:
            s[f"{stack}.positions.table.weight"] = table
            linear(s, f"{stack}.embedding_norm", [f"model.{stack}.layernorm_embedding"], source)
        for i in range(n_layers):
            a, b = f"{stack}.blocks.{i}", f"model.{stack}.layers.{i}"
            linear(s, f"{a}.attention.qkv", [f"{b}.self_attn.{n}_proj" for n in "qkv"], source)
            linear(s, f"{a}.attention.output", [f"{b}.self_attn.out_proj"], source)
            linear(s, f"{a}.attention_norm", [f"{b}.self_attn_layer_norm"], source)
            linear(s, f"{a}.feed_forward.up", [f"{b}.fc1"], source)
            linear(s, f"{a}.feed_forward.down", [f"{b}.fc2"], source)
            linear(s, f"{a}.feed_forward_norm", [f"{b}.final_layer_norm"], source)
            if stack == "decoder":
                c = f"{a}.cross_attention"
                linear(s, f"{c}.query", [f"{b}.encoder_attn.q_proj"], source)
                linear(s, f"{c}.key_value", [f"{b}.encoder_attn.{n}_proj" for n in "kv"], source)
                linear(s, f"{c}.output", [f"{b}.encoder_attn.out_proj"], source)
                linear(s, f"{c}_norm", [f"{b}.encoder_attn_layer_norm"], source)
    return s


def t5(source: State) -> State:
    s: State = {"embedding.weight": source["shared.weight"]}
    for stack, n_layers in (("encoder", 2), ("decoder", 3)):
        table = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        s[f"{stack}.positions.table.weight"] = source[table]
        for i in range(n_layers):
            a, b = f"{stack}.blocks.{i}", f"{stack}.block.{i}.layer"
            own, cross, ff = f"{b}.0.SelfAttention", f"{b}.1.EncDecAttention", f"{b}.1"
            linear(s, f"{a}.attention.qkv", [f"{own}.{n}" for n in "qkv"], source)
            linear(s, f"{a}.attention.output", [f"{own}.o"], source)
            linear(s, f"{a}.attention_norm", [f"{b}.0.layer_norm"], source)
            if stack == "decoder":
                ff = f"{b}.2"
                linear(s, f"{a}.cross_attention.query", [f"{cross}.q"], source)
                linear(s, f"{a}.cross_attention.key_value", [f"{cross}.{n}" for n in "kv"], source)
                linear(s, f"{a}.cross_attention.output", [f"{cross}.o"], source)
                linear(s, f"{a}.cross_attention_norm", [f"{b}.1.layer_norm"], source)
            linear(s, f"{a}.feed_forward_norm", [f"{ff}.layer_norm"], source)
            if f"{ff}.DenseReluDense.wi.weight" in source:
                linear(s, f"{a}.feed_forward.up", [f"{ff}.DenseReluDense.wi"], source)
            else:
                linear(s, f"{a}.feed_forward.gate", [f"{ff}.DenseReluDense.wi_0"], source)
                linear(s, f"{a}.feed_forward.up", [f"{ff}.DenseReluDense.wi_1"], source)
            linear(s, f"{a}.feed_forward.down", [f"{ff}.DenseReluDense.wo"], source)
        linear(s, f"{stack}.final_norm", [f"{stack}.final_layer_norm"], source)
    return s


def t5_untied(source: State) -> State:
    return {**t5(source), "head.weight": source["lm_head.weight"]}


def reference_bert(c: TransformerConfig) -> Any:
    return hf.BertForMaskedLM(
        hf.BertConfig(
            vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=128, max_position_embeddings=24, pad_token_id=PAD,
        )
    )  # fmt: skip


def reference_roberta(c: TransformerConfig) -> Any:
    return hf.RobertaForMaskedLM(
        hf.RobertaConfig(
            vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=128, max_position_embeddings=26, type_vocab_size=1,
            layer_norm_eps=1e-5, pad_token_id=PAD,
        )
    )  # fmt: skip


def reference_gpt2(c: TransformerConfig) -> Any:
    return hf.GPT2LMHeadModel(
        hf.GPT2Config(vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=4, n_positions=24)
    )


def reference_gpt1(c: TransformerConfig) -> Any:
    return hf.OpenAIGPTLMHeadModel(
        hf.OpenAIGPTConfig(vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=4, n_positions=24)
    )


def reference_bloom(c: TransformerConfig) -> Any:
    return hf.BloomForCausalLM(
        hf.BloomConfig(vocab_size=VOCAB, hidden_size=32, n_layer=2, n_head=4)
    )


def reference_llama(c: TransformerConfig) -> Any:
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": c.rope_theta}
    if c.rope_factor != 1:
        rope |= {
            "rope_type": "llama3",
            "factor": c.rope_factor,
            "low_freq_factor": c.rope_low_frequency,
            "high_freq_factor": c.rope_high_frequency,
            "original_max_position_embeddings": c.rope_original_length,
        }
    return hf.LlamaForCausalLM(
        hf.LlamaConfig(
            vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=c.kv_heads, intermediate_size=56, head_dim=c.head_dim,
            rms_norm_eps=c.norm_eps, rope_parameters=rope, tie_word_embeddings=c.tie_embeddings,
            max_position_embeddings=24,
        )
    )  # fmt: skip


SEQ2SEQ: dict[str, Any] = {
    "vocab_size": VOCAB, "d_model": 32, "encoder_layers": 2, "decoder_layers": 3,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128, "pad_token_id": PAD, "bos_token_id": 0, "eos_token_id": 2,
    "forced_eos_token_id": None,
}  # fmt: skip


def reference_marian(c: TransformerConfig) -> Any:
    return hf.MarianMTModel(
        hf.MarianConfig(
            **SEQ2SEQ, max_position_embeddings=24, activation_function="relu",
            scale_embedding=True, decoder_start_token_id=PAD,
        )
    )  # fmt: skip


def reference_bart(c: TransformerConfig) -> Any:
    return hf.BartForConditionalGeneration(hf.BartConfig(**SEQ2SEQ, max_position_embeddings=24))


def reference_t5(c: TransformerConfig) -> Any:
    return hf.T5ForConditionalGeneration(
        hf.T5Config(
            vocab_size=VOCAB, d_model=32, d_kv=12, d_ff=56, num_layers=2, num_decoder_layers=3,
            num_heads=4, pad_token_id=PAD, decoder_start_token_id=PAD,
            feed_forward_proj="gated-gelu" if c.gated else "relu",
            tie_word_embeddings=c.tie_embeddings,
        )
    )  # fmt: skip


GROUPED: dict[str, Any] = {"n_kv_heads": 2}
SLOWED: dict[str, Any] = {"rope_original_length": 16, "n_kv_heads": 2}

# name: our tiny config, the reference, how its weights move over
FAMILIES: dict[str, tuple[TransformerConfig, Callable[..., Any], Callable[[State], State]]] = {
    "bert": (tiny("bert-base"), reference_bert, bert),
    "roberta": (tiny("roberta-base"), reference_roberta, roberta),
    "gpt1": (tiny("gpt1"), reference_gpt1, gpt1),
    "gpt2": (tiny("gpt2"), reference_gpt2, gpt),
    "bloom": (tiny("bloom"), reference_bloom, bloom),
    "llama": (tiny("llama-7b"), reference_llama, llama),
    "llama-3": (tiny("llama-3-8b", **GROUPED), reference_llama, llama),
    "llama-3.1": (tiny("llama-3.1-8b", **SLOWED), reference_llama, llama),
    "llama-3.2": (tiny("llama-3.2-1b", **SLOWED), reference_llama, llama_tied),
    "transformer": (tiny("transformer-base", head_bias="fixed"), reference_marian, bart),
    "bart": (tiny("bart-base"), reference_bart, bart),
    "t5": (tiny("t5-small"), reference_t5, t5),
    "t5-v1.1": (tiny("t5-v1.1-small"), reference_t5, t5_untied),
}  # fmt: skip


def randomise(model: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    tensors = [(n, p) for n, p in model.named_parameters() if p.requires_grad]  # no sinusoids
    tensors += [(n, b) for n, b in model.named_buffers() if n == "final_logits_bias"]
    with torch.no_grad():
        for name, tensor in tensors:
            spread = torch.randn(tensor.shape, generator=generator, dtype=torch.float32) * 0.25
            if name == "shared.weight":
                spread *= 8  # T5 divides its logits by sqrt(d_model)
            middle = 1.0 if tensor.ndim == 1 and name.endswith("weight") else 0.0
            tensor.copy_(middle + spread)


def padded_batch(n_rows: int, length: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw rows of falling length, padded on the right."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, VOCAB, (n_rows, length), generator=generator)
    keep = torch.arange(length) < torch.tensor([length - 3 * row for row in range(n_rows)])[:, None]
    return tokens.masked_fill(~keep, PAD), keep


def make_pair(name: str, dtype: torch.dtype = torch.float32, seed: int = 0) -> Pair:
    config, make_reference, weights = FAMILIES[name]
    reference = make_reference(config).eval()
    if config.family == "encoder-decoder" and not config.tie_embeddings:
        reference.lm_head.weight = torch.nn.Parameter(torch.empty(VOCAB, 32))
    randomise(reference, seed)
    ours = Transformer(config, device="meta")
    ours.load_state_dict(weights(dict(reference.state_dict())), strict=True, assign=True)
    ours = ours.to(dtype).eval()
    reference = reference.to(dtype)

    tokens, keep = padded_batch(3, 11, seed)
    ours_inputs = {"tokens": tokens, "keep": keep}
    theirs = {"input_ids": tokens, "attention_mask": keep.long()}
    if config.n_segments > 1:
        segments = (torch.arange(11) > 4).long().expand(3, 11).contiguous()
        ours_inputs["segments"] = theirs["token_type_ids"] = segments
    if config.family == "encoder-decoder":
        source, source_keep = padded_batch(3, 13, seed + 1)
        ours_inputs |= {"source": source, "source_keep": source_keep}
        theirs = {
            "input_ids": source,
            "attention_mask": source_keep.long(),
            "decoder_input_ids": tokens,
            "decoder_attention_mask": keep.long(),
        }
    return Pair(name, config, reference, ours, ours_inputs, theirs, keep)


@pytest.fixture
def pair() -> Callable[..., Pair]:
    """Make a pair by family name."""
    return make_pair


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `family` once for each family."""
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", FAMILIES)
