"""LLaMA files, versions 1 to 3, as the hub has them: pairs of a rotation are half a head apart."""

from typing import Any

from course_lib.config import TransformerConfig
from course_lib.weights.fields import ACTIVATION_NAMES, Fields
from course_lib.weights.rules import Family, Rule, linear, query_key_value


def _rules(config: TransformerConfig) -> list[Rule]:
    bias = config.bias
    made = [Rule("model.embed_tokens.weight", "embedding.weight")]
    for layer in range(config.n_decoder_layers):
        theirs, ours = f"model.layers.{layer}", f"decoder.blocks.{layer}"
        attention = [f"{theirs}.self_attn.{name}_proj" for name in "qkv"]
        made += linear(f"{theirs}.input_layernorm", f"{ours}.attention_norm", bias=False)
        made += query_key_value(config, f"{ours}.attention", attention, bias=bias)
        made += linear(f"{theirs}.self_attn.o_proj", f"{ours}.attention.output", bias=bias)
        made += linear(
            f"{theirs}.post_attention_layernorm", f"{ours}.feed_forward_norm", bias=False
        )
        for name in ("gate", "up", "down"):
            made += linear(f"{theirs}.mlp.{name}_proj", f"{ours}.feed_forward.{name}", bias=bias)
    made += linear("model.norm", "decoder.final_norm", bias=False)
    return made if config.tie_embeddings else [*made, Rule("lm_head.weight", "head.weight")]


# In a text of one token no rotation completes a turn, so the rule of llama3 slows them all alike.
ALL_SLOWED = {"rope_low_frequency": 1.0, "rope_high_frequency": 4.0, "rope_original_length": 1}


def _read_rope(reader: Fields) -> dict[str, Any]:
    """Read the rotation in any of its four spellings.

    Files of today have `rope_parameters` with everything in it. Those before have `rope_theta`
    on its own and a `rope_scaling` that names its kind `rope_type`, or `type`, or is null. The
    first have nothing, which means a base of 10000.
    """
    rope = reader.inside(reader.first_of("rope_parameters", "rope_scaling"))
    read: dict[str, Any] = {
        "rope_theta": rope.number("rope_theta", reader.number("rope_theta", 10_000.0))
    }
    kind_key = rope.first_of("rope_type", "type")
    kind = rope.get(kind_key, "default")
    if kind == "default":
        return read
    if kind == "linear":
        return {**read, "rope_factor": rope.number("factor"), **ALL_SLOWED}
    if kind != "llama3":
        raise ValueError(
            f"{rope.file}: {kind_key}={kind!r}: expected one of default, linear, llama3"
        )
    return {
        **read,
        "rope_factor": rope.number("factor"),
        "rope_low_frequency": rope.number("low_freq_factor"),
        "rope_high_frequency": rope.number("high_freq_factor"),
        "rope_original_length": rope.size("original_max_position_embeddings"),
    }


def _read(reader: Fields) -> TransformerConfig:
    reader.must_be("partial_rotary_factor", 1.0)
    bias = reader.flag("attention_bias", False)
    if bias != reader.flag("mlp_bias", False):
        raise ValueError(
            f"{reader.file}: attention_bias={bias} but mlp_bias={not bias}: expected the same"
        )
    d_model, n_heads = reader.size("hidden_size"), reader.size("num_attention_heads", least=1)
    return TransformerConfig(
        vocab_size=reader.size("vocab_size"),
        d_model=d_model,
        n_heads=n_heads,
        max_seq_len=reader.size("max_position_embeddings", 2048),
        n_decoder_layers=reader.size("num_hidden_layers"),
        n_kv_heads=reader.implied("num_key_value_heads", None, n_heads),
        d_head=reader.implied("head_dim", None, d_model // n_heads),
        d_ff=reader.size("intermediate_size"),
        position="rotary",
        **_read_rope(reader),
        norm="rms",
        norm_eps=reader.number("rms_norm_eps", 1e-6),
        bias=bias,
        activation=reader.activation("hidden_act", "silu"),
        gated=True,
        tie_embeddings=reader.tied("lm_head.weight", False),
        dropout=reader.number("attention_dropout", 0.0),
    )


def _write(config: TransformerConfig) -> dict[str, Any]:
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": config.rope_theta}
    if config.rope_factor != 1 and all(getattr(config, k) == v for k, v in ALL_SLOWED.items()):
        rope |= {"rope_type": "linear", "factor": config.rope_factor}
    elif config.rope_factor != 1:
        rope |= {
            "rope_type": "llama3",
            "factor": config.rope_factor,
            "low_freq_factor": config.rope_low_frequency,
            "high_freq_factor": config.rope_high_frequency,
            "original_max_position_embeddings": config.rope_original_length,
        }
    # Older readers know the two fields below, newer ones `rope_parameters`.
    scaling = {key: value for key, value in rope.items() if key != "rope_theta"}
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.kv_heads,
        "num_hidden_layers": config.n_decoder_layers,
        "head_dim": config.head_dim,
        "intermediate_size": config.ff_dim,
        "max_position_embeddings": config.max_seq_len,
        "rope_parameters": rope,
        "rope_theta": config.rope_theta,
        "rope_scaling": scaling if config.rope_factor != 1 else None,
        "rms_norm_eps": config.norm_eps,
        "attention_bias": config.bias,
        "mlp_bias": config.bias,
        "hidden_act": ACTIVATION_NAMES[config.activation],
        "tie_word_embeddings": config.tie_embeddings,
        "attention_dropout": config.dropout,
    }


LLAMA = Family(
    model_type="llama",
    read=_read,
    write=_write,
    rules=_rules,
    architecture=lambda config: "LlamaForCausalLM",
    copies=lambda config: (
        {"lm_head.weight": "model.embed_tokens.weight"} if config.tie_embeddings else {}
    ),
    ignorable=(
        r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",
        r"(score|qa_outputs)\..*",
    ),
    spellings=(
        (r"^transformer\.", "model."),  # beside the head for question answering
        (r"^(?=(embed_tokens|layers|norm)\.)", "model."),
    ),
    heads={
        "sequence": {"output": "score"},
        "tokens": {"output": "score"},
        "span": {"output": "qa_outputs"},
    },
)
