"""GPT-1 and GPT-2 files: linear maps are stored with inputs first."""

from collections.abc import Callable
from typing import Any

from course_lib.config import TransformerConfig
from course_lib.weights.fields import ACTIVATION_NAMES, Fields
from course_lib.weights.rules import Family, Rule, linear

# GPT-1 says "gelu" and means the tanh form.
_GPT1_ACTIVATIONS = {"gelu": "gelu_tanh", "gelu_new": "gelu_tanh", "relu": "relu", "silu": "silu"}
_GPT1_NAMES = {"gelu_tanh": "gelu", "relu": "relu", "silu": "silu"}


def _rules(tokens: str, positions: str) -> Callable[[TransformerConfig], list[Rule]]:
    def rules(config: TransformerConfig) -> list[Rule]:
        made = [
            Rule(f"transformer.{tokens}.weight", "embedding.weight"),
            Rule(f"transformer.{positions}.weight", "decoder.positions.table.weight"),
        ]
        for layer in range(config.n_decoder_layers):
            theirs, ours = f"transformer.h.{layer}", f"decoder.blocks.{layer}"
            made += linear(f"{theirs}.ln_1", f"{ours}.attention_norm")
            made += linear(f"{theirs}.attn.c_attn", f"{ours}.attention.qkv", turn=True)
            made += linear(f"{theirs}.attn.c_proj", f"{ours}.attention.output", turn=True)
            made += linear(f"{theirs}.ln_2", f"{ours}.feed_forward_norm")
            made += linear(f"{theirs}.mlp.c_fc", f"{ours}.feed_forward.up", turn=True)
            made += linear(f"{theirs}.mlp.c_proj", f"{ours}.feed_forward.down", turn=True)
        if config.final_norm:
            made += linear("transformer.ln_f", "decoder.final_norm")
        if not config.tie_embeddings:
            made.append(Rule("lm_head.weight", "head.weight"))
        return made

    return rules


def _copies(tokens: str) -> Callable[[TransformerConfig], dict[str, str]]:
    return lambda config: (
        {"lm_head.weight": f"transformer.{tokens}.weight"} if config.tie_embeddings else {}
    )


def _sizes(reader: Fields) -> dict[str, Any]:
    return {
        "vocab_size": reader.size("vocab_size"),
        "d_model": reader.size("n_embd"),
        "n_heads": reader.size("n_head"),
        "max_seq_len": reader.size(reader.first_of("n_positions", "n_ctx")),
        "n_decoder_layers": reader.size("n_layer"),
        "norm_eps": reader.number("layer_norm_epsilon", 1e-5),
        "tie_embeddings": reader.tied("lm_head.weight"),
        "dropout": reader.number("resid_pdrop", 0.1),
    }


def _read_gpt2(reader: Fields) -> TransformerConfig:
    reader.must_be("scale_attn_weights", True)
    reader.must_be("scale_attn_by_inverse_layer_idx", False)
    reader.must_be("add_cross_attention", False)
    sizes = _sizes(reader)
    width = reader.implied("n_inner", None, 4 * sizes["d_model"])
    activation = reader.activation("activation_function", "gelu_new")
    return TransformerConfig(**sizes, d_ff=width, activation=activation)


def _read_gpt1(reader: Fields) -> TransformerConfig:
    return TransformerConfig(
        **_sizes(reader),
        activation=reader.activation("afn", "gelu", _GPT1_ACTIVATIONS),
        norm_placement="post",
        final_norm=False,
    )


def _write(config: TransformerConfig) -> dict[str, Any]:
    return {
        "vocab_size": config.vocab_size,
        "n_embd": config.d_model,
        "n_head": config.n_heads,
        "n_layer": config.n_decoder_layers,
        "n_positions": config.max_seq_len,
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
    }


def _write_gpt2(config: TransformerConfig) -> dict[str, Any]:
    activation = ACTIVATION_NAMES[config.activation]
    return {**_write(config), "n_inner": config.d_ff, "activation_function": activation}


def _write_gpt1(config: TransformerConfig) -> dict[str, Any]:
    return {**_write(config), "afn": _GPT1_NAMES.get(config.activation, config.activation)}


_IGNORABLE = (
    r"transformer\.h\.\d+\.attn\.(bias|masked_bias)",  # the causal mask, kept as a tensor
    r"transformer\.(position_ids|positions_ids)",
    r"(score|classifier|qa_outputs|multiple_choice_head)\..*",
)

GPT2 = Family(
    model_type="gpt2",
    read=_read_gpt2,
    write=_write_gpt2,
    rules=_rules("wte", "wpe"),
    architecture=lambda config: "GPT2LMHeadModel",
    copies=_copies("wte"),
    ignorable=_IGNORABLE,
    spellings=((r"^(?=(wte|wpe|h|ln_f)\.)", "transformer."),),
    heads={
        "sequence": {"output": "score"},
        "tokens": {"output": "classifier"},
        "span": {"output": "qa_outputs"},
    },
)
GPT1 = Family(
    model_type="openai-gpt",
    read=_read_gpt1,
    write=_write_gpt1,
    rules=_rules("tokens_embed", "positions_embed"),
    architecture=lambda config: "OpenAIGPTLMHeadModel",
    copies=_copies("tokens_embed"),
    ignorable=_IGNORABLE,
    spellings=((r"^(?=(tokens_embed|positions_embed|h|position_ids)\b)", "transformer."),),
    heads={"sequence": {"output": "score"}},
)
