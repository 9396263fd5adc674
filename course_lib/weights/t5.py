"""T5 files, of the first release and of 1.1."""

from typing import Any

from course_lib.config import TransformerConfig
from course_lib.weights.fields import Fields
from course_lib.weights.rules import Family, Rule, attention_sizes, linear, query_key_value, stacked

# `gated-gelu` is the tanh form, plain `gelu` the exact one.
_FEED_FORWARD = {
    "relu": ("relu", False),
    "gelu": ("gelu", False),
    "gelu_new": ("gelu_tanh", False),
    "silu": ("silu", False),
    "gated-gelu": ("gelu_tanh", True),
    "gated-gelu_new": ("gelu_tanh", True),
    "gated-silu": ("silu", True),
    "gated-relu": ("relu", True),
}
_FEED_FORWARD_NAMES = {pair: name for name, pair in reversed(_FEED_FORWARD.items())}


def _rules(config: TransformerConfig) -> list[Rule]:
    made = [Rule("shared.weight", "embedding.weight")]
    for stack, n_layers in (
        ("encoder", config.n_encoder_layers),
        ("decoder", config.n_decoder_layers),
    ):
        # One table for each stack, stored in its first layer.
        table = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        made.append(Rule(table, f"{stack}.positions.table.weight"))
        for layer in range(n_layers):
            made += _block(config, f"{stack}.block.{layer}.layer", f"{stack}.blocks.{layer}")
        made += linear(f"{stack}.final_layer_norm", f"{stack}.final_norm", bias=False)
    return made if config.tie_embeddings else [*made, Rule("lm_head.weight", "head.weight")]


def _block(config: TransformerConfig, theirs: str, ours: str) -> list[Rule]:
    own, feed_forward = f"{theirs}.0.SelfAttention", f"{theirs}.1"
    made = linear(f"{theirs}.0.layer_norm", f"{ours}.attention_norm", bias=False)
    made += query_key_value(
        config, f"{ours}.attention", [f"{own}.{name}" for name in "qkv"], bias=False
    )
    made += linear(f"{own}.o", f"{ours}.attention.output", bias=False)
    if theirs.startswith("decoder"):
        feed_forward, cross = f"{theirs}.2", f"{theirs}.1.EncDecAttention"
        _, kv = attention_sizes(config)
        pair = [(f"{cross}.k", kv), (f"{cross}.v", kv)]
        made += linear(f"{theirs}.1.layer_norm", f"{ours}.cross_attention_norm", bias=False)
        made += linear(f"{cross}.q", f"{ours}.cross_attention.query", bias=False)
        made += stacked(pair, f"{ours}.cross_attention.key_value", bias=False)
        made += linear(f"{cross}.o", f"{ours}.cross_attention.output", bias=False)
    made += linear(f"{feed_forward}.layer_norm", f"{ours}.feed_forward_norm", bias=False)
    parts = {"gate": "wi_0", "up": "wi_1"} if config.gated else {"up": "wi"}
    for part, name in {**parts, "down": "wo"}.items():
        made += linear(
            f"{feed_forward}.DenseReluDense.{name}", f"{ours}.feed_forward.{part}", bias=False
        )
    return made


def _read_head(reader: Fields) -> tuple[bool, bool]:
    """Say whether the head is tied and whether its input is scaled, from any of three spellings.

    Version 1.1 publishes `tie_word_embeddings: false`, which also means that nothing is scaled.
    Its files, rewritten today, say `scale_decoder_outputs: false` and `tie_word_embeddings: true`
    beside a matrix that is not the shared one. So the tensors decide about tying.
    """
    tied = said = reader.tied("lm_head.weight")
    scale = reader.flag("scale_decoder_outputs", said)
    tables = ("shared", "encoder.embed_tokens", "decoder.embed_tokens")
    held = [name for table in tables if reader.has(name := f"{table}.weight", assume=False)]
    if said and held and reader.has("lm_head.weight", assume=False):
        tied = reader.same("lm_head.weight", held[0])
    return tied, scale


def _read(reader: Fields) -> TransformerConfig:
    given = reader.get("feed_forward_proj", "relu", str)
    if given not in _FEED_FORWARD:
        wanted = ", ".join(_FEED_FORWARD)
        raise ValueError(f"{reader.file}: feed_forward_proj={given!r}: expected one of {wanted}")
    activation, gated = _FEED_FORWARD[given]
    tied, scaled = _read_head(reader)
    n_layers = reader.size("num_layers", least=1)
    return TransformerConfig(
        vocab_size=reader.size("vocab_size"),
        d_model=reader.size("d_model"),
        n_heads=reader.size("num_heads"),
        max_seq_len=reader.size("n_positions", 512),
        n_encoder_layers=n_layers,
        n_decoder_layers=reader.size("num_decoder_layers", n_layers, least=1),
        d_head=reader.size("d_kv", 64),
        d_ff=reader.size("d_ff"),
        position="relative",
        relative_buckets=reader.size("relative_attention_num_buckets", 32),
        relative_max_distance=reader.size("relative_attention_max_distance", 128),
        norm="rms",
        norm_eps=reader.number("layer_norm_epsilon", 1e-6),
        bias=False,
        activation=activation,
        gated=gated,
        scale_scores=False,
        tie_embeddings=tied,
        scale_head=scaled,
        dropout=reader.number("dropout_rate", 0.1),
    )


def _write(config: TransformerConfig) -> dict[str, Any]:
    name = _FEED_FORWARD_NAMES.get((config.activation, config.gated), "none known")
    return {
        "vocab_size": config.vocab_size,
        "d_model": config.d_model,
        "num_heads": config.n_heads,
        "n_positions": config.max_seq_len,
        "num_layers": config.n_encoder_layers,
        "num_decoder_layers": config.n_decoder_layers,
        "d_kv": config.head_dim,
        "d_ff": config.ff_dim,
        "relative_attention_num_buckets": config.relative_buckets,
        "relative_attention_max_distance": config.relative_max_distance,
        "layer_norm_epsilon": config.norm_eps,
        "feed_forward_proj": name,
        "tie_word_embeddings": config.tie_embeddings,
        "scale_decoder_outputs": config.scale_head,
        "dropout_rate": config.dropout,
        "is_encoder_decoder": True,
    }


def _copies(config: TransformerConfig) -> dict[str, str]:
    names = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]
    if config.tie_embeddings:
        names.append("lm_head.weight")
    return dict.fromkeys(names, "shared.weight")


T5 = Family(
    model_type="t5",
    read=_read,
    write=_write,
    rules=_rules,
    architecture=lambda config: "T5ForConditionalGeneration",
    copies=_copies,
    ignorable=(
        # Stored in the first files, read by nothing: cross-attention has no relative bias.
        r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",
        r"(classification_head|qa_outputs)\..*",
    ),
    spellings=((r"^transformer\.", ""),),  # beside the head for classification
    heads={
        "sequence": {
            "dense": "classification_head.dense",
            "output": "classification_head.out_proj",
        },
        "span": {"output": "qa_outputs"},
    },
    defaults=lambda config: {"pad_token_id": 0, "decoder_start_token_id": 0},
)
