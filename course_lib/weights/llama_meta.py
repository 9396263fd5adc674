"""LLaMA files as Meta gives them out: `params.json` beside `consolidated.00.pth` and so on."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from course_lib.config import TransformerConfig
from course_lib.files import read_json
from course_lib.weights.checkpoint import Checkpoint
from course_lib.weights.families import Published
from course_lib.weights.fields import Fields
from course_lib.weights.llama import LLAMA
from course_lib.weights.rules import Family, Rule, TensorView, attention_sizes, rows, whole

PARAMS, PART = "params.json", "consolidated.{:02}.pth"


class Split(NamedTuple):
    """A tensor that Meta's files hold in parts, one in each.

    Attributes:
        theirs: Name in every file.
        ours: Name of our parameter.
        axis: Along which it was cut; None if every file holds all of it.
        view: Our parameter in their order.
        merged: As in `Rule`.
    """

    theirs: str
    ours: str
    axis: int | None
    view: TensorView = whole
    merged: int = 0


def read_meta(folder: Path) -> tuple[Published, Checkpoint]:
    """Read `params.json` and the names, shapes and types of the tensors beside it.

    Models too large for one device were trained and stored in parts, cut between heads, between
    feed-forward units and between words; nothing is joined before it is copied to its place. The
    rows turned together by RoPE are neighbours in Meta's files, and half a head apart in ours.

    Args:
        folder: With `params.json` and `consolidated.*.pth`.

    Returns:
        What `params.json` says, and the tensors; a name begins with the number of its file.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is damaged, or says what our model cannot be.

    Source: Touvron et al. 2023, code (the cuts are those of its parallel layers).
    """
    reader = Fields(str(folder / PARAMS), read_json(folder / PARAMS), None, lambda a, b: False)
    files = _find_files(folder)
    checkpoint = Checkpoint(folder, parts={f"{part:02}/": file for part, file in enumerate(files)})
    words = checkpoint.entries.get("00/tok_embeddings.weight")
    if words is None:
        raise ValueError(f"{files[0]}: tok_embeddings.weight is missing")
    # The first two versions cut it between columns, the third between words.
    dim, n_parts = reader.size("dim", least=1), len(files)
    axis = 0 if words.shape[1:] == (dim,) else 1
    if len(words.shape) != 2 or axis == 1 and words.shape[1] * n_parts != dim:
        raise ValueError(
            f"{files[0]}: tok_embeddings.weight has shape {words.shape}, but dim={dim} in {PARAMS} "
            f"and {n_parts} files ask for {dim} or {dim} / {n_parts} columns"
        )
    vocab_size = words.shape[0] * (n_parts if axis == 0 else 1)
    tied = "00/output.weight" not in checkpoint.entries
    try:
        config = _read(reader, vocab_size, tied)
        checkpoint.check_layers(config)
        family = _family(config, n_parts, axis)
    except (ValueError, TypeError) as error:
        if str(error).startswith(reader.file):
            raise
        raise ValueError(f"{reader.file}: {error}") from error
    return Published(config, family, {}), checkpoint


def _find_files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("consolidated.*.pth"))
    wanted = [folder / PART.format(part) for part in range(max(1, len(found)))]
    for file in wanted:
        if file not in found:
            raise FileNotFoundError(f"no {file.name} in {folder}, beside {PARAMS}")
    return found


def _read(reader: Fields, vocab_size: int, tied: bool) -> TransformerConfig:
    given = reader.get("vocab_size", -1, int)
    if given not in (-1, vocab_size):
        raise ValueError(
            f"{reader.file}: vocab_size={given}, but the files hold {vocab_size} words"
        )
    for key in ("quantization_args", "lora_args", "moe_args"):
        reader.must_be(key, None)
    d_model, n_heads = reader.size("dim"), reader.size("n_heads", least=1)
    multiple = reader.size("multiple_of", 256, least=1)
    width = int(reader.number("ffn_dim_multiplier", 1.0) * int(8 * d_model / 3))
    slowed: dict[str, Any] = {}
    if reader.flag("use_scaled_rope", False):
        if tied and reader.get("rope_scaling_factor", None) is None:
            raise ValueError(
                f"{reader.file}: rope_scaling_factor is missing: with use_scaled_rope=True and no "
                "output.weight (3.2) Meta's code takes 8, the files on the hub 32; state which"
            )
        slowed = {
            "rope_factor": reader.number("rope_scaling_factor", 8.0),
            "rope_high_frequency": reader.number("rope_high_freq_factor", 4.0),
        }
    return TransformerConfig(
        vocab_size=vocab_size,
        d_model=d_model,
        n_heads=n_heads,
        max_seq_len=reader.size("max_seq_len", 2048),  # what Meta's code takes if nothing is said
        n_decoder_layers=reader.size("n_layers"),
        n_kv_heads=reader.implied("n_kv_heads", None, n_heads),
        d_ff=-(-width // multiple) * multiple,
        position="rotary",
        rope_theta=reader.number("rope_theta", 10_000.0),
        **slowed,
        norm="rms",
        norm_eps=reader.number("norm_eps", 1e-5),
        bias=False,
        activation="silu",
        gated=True,
        tie_embeddings=tied,
    )


def _splits(config: TransformerConfig, words_axis: int) -> list[Split]:
    q, kv = attention_sizes(config)
    made = [
        Split("tok_embeddings.weight", "embedding.weight", words_axis),
        Split("norm.weight", "decoder.final_norm.weight", None),
    ]
    for layer in range(config.n_decoder_layers):
        ours, theirs = f"decoder.blocks.{layer}", f"layers.{layer}"
        qkv = f"{ours}.attention.qkv.weight"
        queries, keys = side_by_side(config, 0, q), side_by_side(config, q, kv)
        made += [
            Split(f"{theirs}.attention_norm.weight", f"{ours}.attention_norm.weight", None),
            Split(f"{theirs}.attention.wq.weight", qkv, 0, queries, merged=2),
            Split(f"{theirs}.attention.wk.weight", qkv, 0, keys, merged=2),
            Split(f"{theirs}.attention.wv.weight", qkv, 0, rows(q + kv, kv)),
            Split(f"{theirs}.attention.wo.weight", f"{ours}.attention.output.weight", 1),
            Split(f"{theirs}.ffn_norm.weight", f"{ours}.feed_forward_norm.weight", None),
            Split(f"{theirs}.feed_forward.w1.weight", f"{ours}.feed_forward.gate.weight", 0),
            Split(f"{theirs}.feed_forward.w3.weight", f"{ours}.feed_forward.up.weight", 0),
            Split(f"{theirs}.feed_forward.w2.weight", f"{ours}.feed_forward.down.weight", 1),
        ]
    return made if config.tie_embeddings else [*made, Split("output.weight", "head.weight", 0)]


def side_by_side(config: TransformerConfig, start: int, n_rows: int) -> TensorView:
    """Return the view of rows in which the two that a rotation turns together are neighbours.

    Our rows of a head are (2, half a head), those of Meta's files (half a head, 2).

    Args:
        config: Reads the width of a head.
        start: The first of our rows.
        n_rows: How many, whole heads.
    """
    inside = (n_rows // config.head_dim, 2, config.head_dim // 2)
    return lambda ours: ours[start : start + n_rows].unflatten(0, inside).transpose(1, 2)


def _family(config: TransformerConfig, n_parts: int, words_axis: int) -> Family:
    """Return the table of LLaMA with the names and cuts of Meta's files."""
    cut = {"n_kv_heads": config.kv_heads, "the feed-forward width": config.ff_dim}
    for name, size in {**cut, "vocab_size": config.vocab_size}.items():
        if size % n_parts:
            raise ValueError(f"{name}={size} cannot be cut into {n_parts} files")
    splits = _splits(config, words_axis)

    def rules(config: TransformerConfig) -> list[Rule]:
        return [
            Rule(f"{part:02}/{split.theirs}", split.ours, _part(split, part, n_parts), split.merged)
            for split in splits
            for part in (range(n_parts) if split.axis is not None else (0,))
        ]

    copies = {
        f"{part:02}/{split.theirs}": f"00/{split.theirs}"
        for split in splits
        if split.axis is None
        for part in range(1, n_parts)
    }
    return replace(
        LLAMA,
        rules=rules,
        copies=lambda config: copies,
        ignorable=(r"\d+/rope\.freqs",),
        spellings=(),
        heads={},
    )


def _part(split: Split, part: int, n_parts: int) -> TensorView:
    axis = split.axis
    if axis is None:
        return split.view

    def view(ours: Tensor) -> Tensor:
        return split.view(ours).chunk(n_parts, axis)[part]

    return view
