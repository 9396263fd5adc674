"""The shape of the data at each stop of a transformer, and its parameters by part.

Chapter: 08_detailed_architecture
"""

from collections.abc import Mapping
from typing import Any

import traitlets

from course_lib.config import TransformerConfig
from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, percent, scroll
from course_lib.widgets.markup import table as html_table

_ATTENTION = (
    ("tokens", "B T"),
    ("embeddings", "B T D"),
    ("queries", "B H T K"),
    ("keys", "B G T K"),
    ("values", "B G T K"),
    ("scores", "B H T T"),
    ("mixed values", "B H T K"),
    ("after attention", "B T D"),
)
_ENCODER = (
    ("source tokens", "B S"),
    ("source embeddings", "B S D"),
    ("encoder scores", "B H S S"),
    ("memory", "B S D"),
)
_CROSS = (
    ("cross-attention queries", "B H T K"),
    ("cross-attention keys and values", "B G S K"),
    ("cross-attention scores", "B H T S"),
    ("after cross-attention", "B T D"),
)
_END = (
    ("inside the feed-forward", "B T F"),
    ("after the feed-forward", "B T D"),
    ("logits", "B T V"),
)


class ShapeTracer(CourseWidget):
    """Sizes to choose, shapes to fill in stop by stop, and where the parameters are.

    Args:
        configs: Model name to config; the first is shown first.
        batch: Sequences in the batch, B.
        tokens: Tokens of each, T.
        source: Source tokens of an encoder-decoder, S.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        TypeError: If a config is not a `TransformerConfig`.
        ValueError: If there is no config, or a size is below 1.
    """

    _esm = bundle("shape_tracer.js")
    preset = traitlets.Unicode().tag(sync=True)
    config: Any = traitlets.Dict(help="the config as edited").tag(sync=True)
    opened = traitlets.Int(0, help="stops shown so far").tag(sync=True)
    total = traitlets.Int(0, help="parameters of the config as edited").tag(sync=True)

    def __init__(
        self,
        configs: Mapping[str, TransformerConfig],
        *,
        batch: int = 2,
        tokens: int = 16,
        source: int = 12,
        title: str = "Shape by shape",
        describe: str = "",
    ) -> None:
        """Checks the configs and writes the static form of the first."""
        if not configs:
            raise ValueError("configs must hold at least one config, got none")
        for name, config in configs.items():
            if not isinstance(config, TransformerConfig):
                raise TypeError(
                    f"configs[{name!r}] must be a TransformerConfig, got {type(config).__name__}"
                )
        size = {"B": batch, "T": tokens, "S": source}
        for letter, value in size.items():
            if value < 1:
                raise ValueError(f"{letter} must be at least 1, got {value}")
        payload = {
            "presets": {name: config.to_dict() for name, config in configs.items()},
            "order": list(configs),  # a page may sort the keys of what it keeps
            "size": size,
            "title": title,
            "describe": describe,
            "badge": "computed",
        }
        name, config = next(iter(configs.items()))
        sentence = f"{name}: {describe_shapes(config, size)}"
        stops = stops_of(config, size)
        parts = {part: count for part, count in parts_of(config).items() if count}
        total = config.n_parameters()
        static = card(
            title,
            "computed",
            f"<p>{escape(describe)}</p>" if describe else "",
            scroll(
                "Stops",
                html_table(
                    "stop",
                    ["shape", "letters"],
                    (
                        (
                            f"{i}. {stop}",
                            [f"<td>{' × '.join(f'{n:,}' for n in shape)}</td><td>{letters}</td>"],
                        )
                        for i, (stop, letters, shape) in enumerate(stops, 1)
                    ),
                ),
            ),
            scroll(
                "Parameters by part",
                html_table(
                    "part",
                    ["parameters", "share"],
                    (
                        (part, [f"<td>{count:,}</td><td>{percent(count / total)}</td>"])
                        for part, count in [*parts.items(), ("total", total)]
                    ),
                ),
            ),
        )
        super().__init__(payload, static, f"{title}. {sentence}", preset=name, total=total)


def stops_of(
    config: TransformerConfig, size: Mapping[str, int]
) -> list[tuple[str, str, tuple[int, ...]]]:
    """Returns every stop as name, letters and shape."""
    sizes = {
        **size,
        "D": config.d_model,
        "H": config.n_heads,
        "G": config.kv_heads,
        "K": config.head_dim,
        "F": config.ff_dim,
        "V": config.vocab_size,
    }
    both = config.family == "encoder-decoder"
    stops = (*(_ENCODER if both else ()), *_ATTENTION, *(_CROSS if both else ()), *_END)
    return [
        (name, letters, tuple(sizes[letter] for letter in letters.split()))
        for name, letters in stops
    ]


def parts_of(config: TransformerConfig) -> dict[str, int]:
    """Returns the parameters by part; they sum to `config.n_parameters()`."""
    d, f, bias = config.d_model, config.ff_dim, config.bias
    q_width, kv_width = config.n_heads * config.head_dim, config.kv_heads * config.head_dim
    norm = d * (2 if config.norm == "layer" else 1)
    attention = d * (q_width + 2 * kv_width) + q_width * d
    attention += (q_width + 2 * kv_width + d) * bias
    feed = d * f * (3 if config.gated else 2) + (f * (2 if config.gated else 1) + d) * bias
    encoder, decoder = config.n_encoder_layers, config.n_decoder_layers
    n_cross = decoder if config.family == "encoder-decoder" else 0
    stacks = bool(encoder) + bool(decoder)
    order = {
        "learned": (config.max_seq_len + config.position_offset) * d,
        "relative": config.relative_buckets * config.n_heads,
    }
    head = 0 if config.tie_embeddings else config.vocab_size * d
    head += (d * d + d * bias + norm) * config.head_transform
    head += config.vocab_size * (config.head_bias == "learned")
    return {
        "token embedding": config.vocab_size * d,
        "positions and segments": stacks * order.get(config.position, 0) + config.n_segments * d,
        "attention": (encoder + decoder) * attention,
        "cross-attention": n_cross * attention,
        "feed-forward": (encoder + decoder) * feed,
        "norms": (2 * (encoder + decoder) + n_cross) * norm
        + stacks * norm * (config.embedding_norm + config.final_norm),
        "output head": head,
    }


def describe_shapes(config: TransformerConfig, size: Mapping[str, int]) -> str:
    """Says the number of parameters, where most of them are, and every stop."""
    parts = parts_of(config)
    most = max(parts, key=lambda part: parts[part])
    total = config.n_parameters()
    stops = "; ".join(
        f"{name} {' × '.join(str(n) for n in shape)}" for name, _, shape in stops_of(config, size)
    )
    return (
        f"{total:,} parameters, most of them ({percent(parts[most] / total)}) in {most}. "
        f"Stops: {stops}."
    )
