"""BART files, and Marian files, which hold the transformer of 2017."""

from typing import Any

from torch import Tensor

from course_lib.config import TransformerConfig
from course_lib.weights.fields import ACTIVATION_NAMES, Fields
from course_lib.weights.rules import Family, Rule, attention_sizes, linear, query_key_value, stacked

_STACKS = ("encoder", "decoder")


def _one_row(ours: Tensor) -> Tensor:
    return ours.unsqueeze(0)


def _rules(config: TransformerConfig) -> list[Rule]:
    made = [Rule("model.shared.weight", "embedding.weight")]
    for stack, n_layers in zip(
        _STACKS, (config.n_encoder_layers, config.n_decoder_layers), strict=True
    ):
        if config.position == "learned":
            table = f"{stack}.positions.table.weight"
            made.append(Rule(f"model.{stack}.embed_positions.weight", table))
        if config.embedding_norm:
            made += linear(f"model.{stack}.layernorm_embedding", f"{stack}.embedding_norm")
        for layer in range(n_layers):
            made += _block(config, f"model.{stack}.layers.{layer}", f"{stack}.blocks.{layer}")
    if config.head_bias == "fixed":
        made.append(Rule("final_logits_bias", "head.bias", _one_row))
    return made


def _block(config: TransformerConfig, theirs: str, ours: str) -> list[Rule]:
    own, cross = f"{theirs}.self_attn", f"{theirs}.encoder_attn"
    names = [f"{own}.{name}_proj" for name in "qkv"]
    made = query_key_value(config, f"{ours}.attention", names, bias=True)
    made += linear(f"{own}.out_proj", f"{ours}.attention.output")
    made += linear(f"{theirs}.self_attn_layer_norm", f"{ours}.attention_norm")
    if ours.startswith("decoder"):
        _, kv = attention_sizes(config)
        pair = [(f"{cross}.k_proj", kv), (f"{cross}.v_proj", kv)]
        made += linear(f"{cross}.q_proj", f"{ours}.cross_attention.query")
        made += stacked(pair, f"{ours}.cross_attention.key_value", bias=True)
        made += linear(f"{cross}.out_proj", f"{ours}.cross_attention.output")
        made += linear(f"{theirs}.encoder_attn_layer_norm", f"{ours}.cross_attention_norm")
    made += linear(f"{theirs}.fc1", f"{ours}.feed_forward.up")
    made += linear(f"{theirs}.fc2", f"{ours}.feed_forward.down")
    return made + linear(f"{theirs}.final_layer_norm", f"{ours}.feed_forward_norm")


def _read_common(reader: Fields, **different: Any) -> TransformerConfig:
    reader.agree("encoder_attention_heads", "decoder_attention_heads")
    reader.agree("encoder_ffn_dim", "decoder_ffn_dim")
    reader.must_be("normalize_before", False)
    reader.must_be("add_final_layer_norm", False)
    reader.must_be("tie_word_embeddings", True)
    bias = reader.has("final_logits_bias", assume=True)
    d_model = reader.size("d_model")
    return TransformerConfig(
        vocab_size=reader.size("vocab_size"),
        d_model=d_model,
        n_heads=reader.size("encoder_attention_heads"),
        max_seq_len=reader.size("max_position_embeddings", 1024),
        n_encoder_layers=reader.size("encoder_layers", least=1),
        n_decoder_layers=reader.size("decoder_layers", least=1),
        d_ff=reader.implied("encoder_ffn_dim", 4096, 4 * d_model),
        norm_placement="post",
        activation=reader.activation("activation_function", "gelu"),
        scale_embedding=reader.flag("scale_embedding", False),
        final_norm=False,
        head_bias="fixed" if bias else "none",
        dropout=reader.number("dropout", 0.1),
        **different,
    )


def _read_bart(reader: Fields) -> TransformerConfig:
    reader.must_be("normalize_embedding", True)
    reader.must_be("static_position_embeddings", False)
    return _read_common(reader, position="learned", position_offset=2, embedding_norm=True)


def _read_marian(reader: Fields) -> TransformerConfig:
    reader.must_be("normalize_embedding", False)
    reader.must_be("static_position_embeddings", True)
    reader.must_be("share_encoder_decoder_embeddings", True)
    reader.must_be("decoder_vocab_size", reader.size("vocab_size"))
    return _read_common(reader, position="sinusoidal")


def _write(config: TransformerConfig) -> dict[str, Any]:
    return {
        "vocab_size": config.vocab_size,
        "d_model": config.d_model,
        "encoder_attention_heads": config.n_heads,
        "decoder_attention_heads": config.n_heads,
        "encoder_layers": config.n_encoder_layers,
        "decoder_layers": config.n_decoder_layers,
        "encoder_ffn_dim": config.ff_dim,
        "decoder_ffn_dim": config.ff_dim,
        "max_position_embeddings": config.max_seq_len,
        "activation_function": ACTIVATION_NAMES[config.activation],
        "scale_embedding": config.scale_embedding,
        "tie_word_embeddings": True,
        "dropout": config.dropout,
        "attention_dropout": config.dropout,
        "is_encoder_decoder": True,
    }


def _copies(config: TransformerConfig) -> dict[str, str]:
    names = [f"model.{stack}.embed_tokens.weight" for stack in _STACKS]
    return dict.fromkeys(["lm_head.weight", *names], "model.shared.weight")


def _last_is_padding(config: TransformerConfig) -> dict[str, Any]:
    pad = config.vocab_size - 1
    return {"pad_token_id": pad, "decoder_start_token_id": pad, "decoder_vocab_size": pad + 1}


_HEADS = {
    "sequence": {"dense": "classification_head.dense", "output": "classification_head.out_proj"},
    "span": {"output": "qa_outputs"},
}
_SPELLINGS = ((r"^(?=(shared|encoder|decoder)\.)", "model."),)

BART = Family(
    model_type="bart",
    read=_read_bart,
    write=_write,
    rules=_rules,
    architecture=lambda config: "BartForConditionalGeneration",
    copies=_copies,
    ignorable=(r"classification_head\..*", r"qa_outputs\..*", r"model\.(encoder|decoder)\.version"),
    spellings=_SPELLINGS,
    heads=_HEADS,
)
MARIAN = Family(
    model_type="marian",
    read=_read_marian,
    write=_write,
    rules=_rules,
    architecture=lambda config: "MarianMTModel",
    copies=_copies,
    ignorable=(r"model\.(encoder|decoder)\.embed_positions\.weight",),  # sinusoids, computed
    spellings=_SPELLINGS,
    defaults=_last_is_padding,
)
