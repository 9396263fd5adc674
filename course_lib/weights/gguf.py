"""A LLaMA in a GGUF file, as llama.cpp has it: sizes, tensors and their names."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from course_lib.config import TransformerConfig
from course_lib.weights.families import Published
from course_lib.weights.fields import Fields
from course_lib.weights.gguf_file import GgufFile
from course_lib.weights.llama import ALL_SLOWED, LLAMA
from course_lib.weights.llama_meta import side_by_side
from course_lib.weights.rules import Rule, attention_sizes, rows

_ARCHITECTURE = "general.architecture"
# What our configs do not hold, and what the hub's files call it.
_OTHER_FIELDS = {
    "tokenizer.ggml.bos_token_id": "bos_token_id",
    "tokenizer.ggml.eos_token_id": "eos_token_id",
    "tokenizer.ggml.padding_token_id": "pad_token_id",
}


def read_gguf(file: Path) -> tuple[Published, GgufFile]:
    """Read the sizes of a model in a GGUF file, and the names and shapes of its tensors.

    The rows that RoPE turns together are neighbours here, as in Meta's files; in ours and the
    hub's they lie half a head apart.

    Args:
        file: The file.

    Returns:
        What it says about the model, and its tensors.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the `gguf` package is not installed.
        ValueError: If it is damaged, or holds what our model cannot be; naming file and key.

    Source: the names and the order of rows are those that `convert_hf_to_gguf.py` of llama.cpp
    writes for the architecture "llama".
    """
    opened = GgufFile(file)
    reader = Fields(str(file), opened.values, opened.entries, lambda first, second: False)
    kind = reader.get(_ARCHITECTURE, None, str)
    if kind != "llama":
        raise ValueError(f"{file}: {_ARCHITECTURE}={kind!r}: expected 'llama'")
    reader.must_be("general.type", "model")
    try:
        config = _read(reader, opened)
    except (ValueError, TypeError, ArithmeticError) as error:
        if str(error).startswith(str(file)):
            raise
        raise ValueError(f"{file}: {error}") from error
    unread = [key for key in reader.rest() if key.startswith("llama.")]
    if unread:
        raise ValueError(
            f"{file}: {unread[0]}={opened.values[unread[0]]!r:.60}: this model has no such thing"
        )
    opened.check_layers(config)
    other = {
        ours: reader.size(theirs)
        for theirs, ours in _OTHER_FIELDS.items()
        if theirs in opened.values
    }
    family = replace(LLAMA, rules=gguf_rules, copies=lambda config: {}, ignorable=(), heads={})
    return Published(config, family, other), opened


def _read(reader: Fields, opened: GgufFile) -> TransformerConfig:
    table = opened.entries.get("token_embd.weight")
    if table is None or len(table.shape) != 2:
        raise ValueError(f"{reader.file}: token_embd.weight, the table of embeddings, is missing")
    vocab_size = reader.size("llama.vocab_size", table.shape[0])
    d_model = reader.size("llama.embedding_length", least=1)
    n_heads = reader.size("llama.attention.head_count", least=1)
    d_head = reader.size("llama.attention.key_length", d_model // n_heads)
    for key in ("llama.attention.value_length", "llama.rope.dimension_count"):
        reader.must_be(key, d_head)
    reader.must_be("llama.attention.causal", True)
    for key in ("llama.expert_count", "llama.expert_used_count"):
        reader.must_be(key, 0)
    slowed: dict[str, Any] = {}
    scaling = reader.get("llama.rope.scaling.type", "none", str)
    if scaling not in ("none", "linear"):
        raise ValueError(
            f"{reader.file}: llama.rope.scaling.type={scaling!r}: expected 'none' or 'linear'"
        )
    if scaling == "linear":
        slowed = {"rope_factor": reader.number("llama.rope.scaling.factor"), **ALL_SLOWED}
    return TransformerConfig(
        vocab_size=vocab_size,
        d_model=d_model,
        n_heads=n_heads,
        max_seq_len=reader.size("llama.context_length"),
        n_decoder_layers=reader.size("llama.block_count"),
        n_kv_heads=reader.implied("llama.attention.head_count_kv", None, n_heads),
        d_head=None if d_head * n_heads == d_model else d_head,
        d_ff=reader.size("llama.feed_forward_length"),
        position="rotary",
        rope_theta=reader.number("llama.rope.freq_base", 10_000.0),
        **slowed,
        norm="rms",
        norm_eps=reader.number("llama.attention.layer_norm_rms_epsilon"),
        bias=False,
        activation="silu",
        gated=True,
        tie_embeddings="output.weight" not in opened.entries,
        dropout=0.0,
    )


def gguf_rules(config: TransformerConfig) -> list[Rule]:
    """Return the table of a GGUF file, read in both directions."""
    q, kv = attention_sizes(config)
    made = [
        Rule("token_embd.weight", "embedding.weight"),
        Rule("output_norm.weight", "decoder.final_norm.weight"),
    ]
    for layer in range(config.n_decoder_layers):
        theirs, ours = f"blk.{layer}", f"decoder.blocks.{layer}"
        qkv = f"{ours}.attention.qkv.weight"
        made += [
            Rule(f"{theirs}.attn_norm.weight", f"{ours}.attention_norm.weight"),
            Rule(f"{theirs}.attn_q.weight", qkv, side_by_side(config, 0, q), merged=2),
            Rule(f"{theirs}.attn_k.weight", qkv, side_by_side(config, q, kv), merged=2),
            Rule(f"{theirs}.attn_v.weight", qkv, rows(q + kv, kv)),
            Rule(f"{theirs}.attn_output.weight", f"{ours}.attention.output.weight"),
            Rule(f"{theirs}.ffn_norm.weight", f"{ours}.feed_forward_norm.weight"),
        ]
        for name in ("gate", "up", "down"):
            made.append(Rule(f"{theirs}.ffn_{name}.weight", f"{ours}.feed_forward.{name}.weight"))
    return made if config.tie_embeddings else [*made, Rule("output.weight", "head.weight")]
