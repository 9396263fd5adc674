"""A trained model as numbers that a page can hold, and the model that those numbers are.

Chapter: 10_prompt_engineering
"""

import base64
import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.config import TransformerConfig
from course_lib.model.transformer import Transformer

_LINEAR = {
    "qkv": "attention.qkv",
    "output": "attention.output",
    "up": "feed_forward.up",
    "down": "feed_forward.down",
    "gate": "feed_forward.gate",
}
_WANTED: dict[str, tuple[Any, ...]] = {
    "family": ("decoder-only",),
    "position": ("none", "learned", "rotary"),
    "position_offset": (0,),
    "norm_placement": ("pre",),
    "activation": ("relu", "gelu_tanh", "silu"),
    "head_bias": ("none",),
    "scale_embedding": (False,),
    "embedding_norm": (False,),
    "head_transform": (False,),
    "scale_head": (False,),
    "n_segments": (0,),
}


def shrink(model: Transformer, bits: int = 8) -> dict[str, Any]:
    """Pack a model into numbers that a page can hold.

    Each row of a matrix is divided by its own step, so that its largest weight becomes the largest
    whole number of so many bits. Norms and biases are few and stay as they are.

    Args:
        model: Decoder-only, norm first, with learned, rotary or no positions.
        bits: 8 or 16.

    Returns:
        A description in plain types, ready for JSON.

    Raises:
        ValueError: If the page cannot run such a model, or it is larger than two million
            parameters.
    """
    config = model.config
    for name, wanted in _WANTED.items():
        if getattr(config, name) not in wanted:
            raise ValueError(f"model has {name}={getattr(config, name)!r}, wants one of {wanted}")
    if bits not in (8, 16):
        raise ValueError(f"bits must be 8 or 16, got {bits}")
    n = config.n_parameters()
    if n > 2_000_000:
        raise ValueError(f"model has {n:,} parameters, a page should hold at most 2,000,000")
    stack = model.decoder
    assert stack is not None
    weights = model.state_dict()
    blocks = []
    for layer in range(config.n_decoder_layers):
        at = f"decoder.blocks.{layer}."
        block: dict[str, Any] = {}
        for ours, theirs in _LINEAR.items():
            key = f"{at}{theirs}.weight"
            if key in weights:
                block[ours] = _pack_matrix(weights[key], bits)
                block[f"{ours}_bias"] = _list(weights.get(f"{at}{theirs}.bias"))
        for name in ("attention_norm", "feed_forward_norm"):
            block[name] = _norm(weights, at + name)
        blocks.append(block)
    table = weights.get("decoder.positions.table.weight", weights.get("decoder.positions.weight"))
    return {
        "config": {
            "n_heads": config.n_heads,
            "n_kv_heads": config.kv_heads,
            "d_head": config.head_dim,
            "eps": config.norm_eps,
            "scale": config.head_dim**-0.5 if config.scale_scores else 1.0,
            "activation": config.activation,
            "frequencies": list(getattr(stack.positions, "frequencies", ())) or None,
        },
        "embedding": _pack_matrix(weights["embedding.weight"], bits),
        "positions": None if table is None else _pack_matrix(table, bits),
        "head": None if config.tie_embeddings else _pack_matrix(weights["head.weight"], bits),
        "final_norm": _norm(weights, "decoder.final_norm") if config.final_norm else None,
        "blocks": blocks,
    }


def restore(packed: Mapping[str, Any], config: TransformerConfig) -> Transformer:
    """Build the model that the page runs, in double precision.

    Args:
        packed: From `shrink`.
        config: Of the model that was packed.

    Returns:
        A model with the rounded weights.
    """
    plain = dataclasses.replace(config, dropout=0.0)
    model = Transformer(plain, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    state = {"embedding.weight": _unpack_matrix(packed["embedding"])}
    if packed["head"] is not None:
        state["head.weight"] = _unpack_matrix(packed["head"])
    if packed["positions"] is not None:
        (key,) = (name for name in model.state_dict() if name.startswith("decoder.positions"))
        state[key] = _unpack_matrix(packed["positions"])
    norms = {"decoder.final_norm": packed["final_norm"]}
    for layer, block in enumerate(packed["blocks"]):
        at = f"decoder.blocks.{layer}."
        for ours, theirs in _LINEAR.items():
            if ours in block:
                state[f"{at}{theirs}.weight"] = _unpack_matrix(block[ours])
                if block[f"{ours}_bias"] is not None:
                    state[f"{at}{theirs}.bias"] = torch.tensor(
                        block[f"{ours}_bias"], dtype=torch.float64
                    )
        norms |= {at + name: block[name] for name in ("attention_norm", "feed_forward_norm")}
    for name, norm in norms.items():
        for part, values in (norm or {}).items():
            if values is not None:
                state[f"{name}.{part}"] = torch.tensor(values, dtype=torch.float64)
    nn.Module.load_state_dict(model, state)
    return model.eval()


def _pack_matrix(matrix: Tensor, bits: int) -> dict[str, Any]:
    """Rounds each row to whole numbers of its own step."""
    wide = matrix.detach().double().cpu()
    limit = 2 ** (bits - 1) - 1
    steps = (wide.abs().amax(1) / limit).clamp(min=1e-12).float().double()
    kind = torch.int8 if bits == 8 else torch.int16
    whole = (wide / steps[:, None]).round().clamp(-limit, limit).to(kind)
    data = base64.b64encode(whole.contiguous().numpy().tobytes()).decode()
    rows, columns = matrix.shape
    return {
        "rows": rows,
        "columns": columns,
        "bits": bits,
        "data": data,
        "steps": _list(steps),
    }


def _unpack_matrix(packed: Mapping[str, Any]) -> Tensor:
    kind = torch.int8 if packed["bits"] == 8 else torch.int16
    whole = torch.frombuffer(bytearray(base64.b64decode(packed["data"])), dtype=kind)
    steps = torch.tensor(packed["steps"], dtype=torch.float64)
    return whole.double().view(packed["rows"], packed["columns"]) * steps[:, None]


def _norm(weights: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    return {part: _list(weights.get(f"{name}.{part}")) for part in ("weight", "bias")}


def _list(values: Tensor | None) -> list[float] | None:
    """Keeps seven digits, more than a float32 holds exactly."""
    return None if values is None else [float(f"{value:.7g}") for value in values.tolist()]
