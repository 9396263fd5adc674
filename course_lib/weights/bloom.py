"""BLOOM files: queries, keys and values stand together head by head."""

from typing import Any

from torch import Tensor

from course_lib.config import TransformerConfig
from course_lib.weights.fields import Fields
from course_lib.weights.rules import Family, Rule, TensorView, linear


def _by_head(config: TransformerConfig) -> TensorView:
    """Our rows are (3, heads, width of a head), theirs (heads, 3, width of a head)."""

    def view(ours: Tensor) -> Tensor:
        return ours.unflatten(0, (3, config.n_heads, config.head_dim)).transpose(0, 1)

    return view


def _rules(config: TransformerConfig) -> list[Rule]:
    made = [
        Rule("transformer.word_embeddings.weight", "embedding.weight"),
        *linear("transformer.word_embeddings_layernorm", "decoder.embedding_norm"),
    ]
    for layer in range(config.n_decoder_layers):
        theirs, ours = f"transformer.h.{layer}", f"decoder.blocks.{layer}"
        made += linear(f"{theirs}.input_layernorm", f"{ours}.attention_norm")
        for kind in ("weight", "bias"):
            name = f"{theirs}.self_attention.query_key_value.{kind}"
            made.append(Rule(name, f"{ours}.attention.qkv.{kind}", _by_head(config), merged=2))
        made += linear(f"{theirs}.self_attention.dense", f"{ours}.attention.output")
        made += linear(f"{theirs}.post_attention_layernorm", f"{ours}.feed_forward_norm")
        made += linear(f"{theirs}.mlp.dense_h_to_4h", f"{ours}.feed_forward.up")
        made += linear(f"{theirs}.mlp.dense_4h_to_h", f"{ours}.feed_forward.down")
    made += linear("transformer.ln_f", "decoder.final_norm")
    return made if config.tie_embeddings else [*made, Rule("lm_head.weight", "head.weight")]


def _read(reader: Fields) -> TransformerConfig:
    reader.must_be("apply_residual_connection_post_layernorm", False)
    d_model = reader.size(reader.first_of("hidden_size", "n_embed"))
    reader.must_be("n_inner", 4 * d_model)
    return TransformerConfig(
        vocab_size=reader.size("vocab_size"),
        d_model=d_model,
        n_heads=reader.size(reader.first_of("n_head", "num_attention_heads")),
        max_seq_len=reader.size("seq_length", 2048),
        n_decoder_layers=reader.size(reader.first_of("n_layer", "num_hidden_layers")),
        position="alibi",
        norm_eps=reader.number("layer_norm_epsilon", 1e-5),
        embedding_norm=True,
        tie_embeddings=reader.tied("lm_head.weight"),
        dropout=reader.number("hidden_dropout", 0.0),
    )


def _write(config: TransformerConfig) -> dict[str, Any]:
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "n_head": config.n_heads,
        "n_layer": config.n_decoder_layers,
        "seq_length": config.max_seq_len,
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
        "hidden_dropout": config.dropout,
        "attention_dropout": config.dropout,
    }


BLOOM = Family(
    model_type="bloom",
    read=_read,
    write=_write,
    rules=_rules,
    architecture=lambda config: "BloomForCausalLM",
    copies=lambda config: (
        {"lm_head.weight": "transformer.word_embeddings.weight"} if config.tie_embeddings else {}
    ),
    ignorable=(r"(score|classifier|qa_outputs)\..*",),
    spellings=((r"^(?=(word_embeddings|word_embeddings_layernorm|h|ln_f)\.)", "transformer."),),
    heads={
        "sequence": {"output": "score"},
        "tokens": {"output": "classifier"},
        "span": {"output": "qa_outputs"},
    },
)
