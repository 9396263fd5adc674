"""One flat description of every transformer: sizes, and choices among named values.

Chapter: 09_transformer_models
"""

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

POSITIONS = ("none", "sinusoidal", "learned", "rotary", "alibi", "relative")
NORMS = ("layer", "rms")
NORM_PLACEMENTS = ("pre", "post")
ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu")
HEAD_BIASES = ("none", "learned", "fixed")

_CHOICES = {
    "position": POSITIONS,
    "norm": NORMS,
    "norm_placement": NORM_PLACEMENTS,
    "activation": ACTIVATIONS,
    "head_bias": HEAD_BIASES,
}
_AT_LEAST_ONE = "vocab_size d_model n_heads max_seq_len n_kv_heads d_head d_ff".split()
_POSITIVE = "rope_theta rope_factor rope_low_frequency rope_original_length norm_eps".split()


class FieldTable(dict[str, tuple[Any, Any]]):
    """Fields in which two configs differ, as `{field: (left, right)}`; prints as a table."""

    def __repr__(self) -> str:
        """Return one aligned line per field."""
        if not self:
            return "no difference"
        rows = [(name, repr(left), repr(right)) for name, (left, right) in self.items()]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        return "\n".join(f"{n:<{widths[0]}}  {a:<{widths[1]}}  {b}" for n, a, b in rows)

    def _repr_markdown_(self) -> str:
        rows = [f"| `{name}` | {left!r} | {right!r} |" for name, (left, right) in self.items()]
        return "\n".join(["| field | left | right |", "|---|---|---|", *rows])


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Everything that distinguishes one transformer from another.

    The family follows from which layer counts are not zero. A field that only one position scheme
    reads (`position_offset`, `rope_*`, `relative_*`) is ignored under the others, so that
    `dataclasses.replace(config, position="alibi")` is enough for an experiment.
    """

    # Sizes. The letters are those of the notation page.
    vocab_size: int  #: V, rows of the embedding table
    d_model: int  #: D, width of the stream between blocks
    n_heads: int  #: H, query heads of one attention
    max_seq_len: int  #: tokens it was made for; a hard limit only for learned positions
    n_encoder_layers: int = 0  #: blocks that see both ways; 0 for decoder-only models
    n_decoder_layers: int = 0  #: blocks that see only back; 0 for encoder-only models
    n_kv_heads: int | None = None  #: G, key-value heads; None: one for each query head
    d_head: int | None = None  #: K, width of one head; None: d_model / n_heads
    d_ff: int | None = None  #: F, feed-forward width; None: 4 d_model
    n_segments: int = 0  #: rows of the segment (token type) table; 0: no table

    # Order.
    position: str = "learned"  #: one of POSITIONS
    position_offset: int = 0  #: first rows of the learned table, which counting does not reach
    position_pad_id: int | None = None  #: token that counting passes over, and that takes the
    #: row before the first (RoBERTa); None: count what `keep` marks
    rope_theta: float = 10_000.0  #: base of the rotary wavelengths
    rope_factor: float = 1.0  #: how much slower the slowest turn (llama3 scaling); 1: unscaled
    rope_low_frequency: float = 1.0  #: with fewer turns in the original context, slowed in full
    rope_high_frequency: float = 4.0  #: with more turns, left alone
    rope_original_length: int = 8192  #: context in tokens before slowing
    relative_buckets: int = 32  #: rows of the relative position table
    relative_max_distance: int = 128  #: tokens from which all share the last bucket

    # Block.
    norm: str = "layer"  #: layer (LayerNorm, with a bias) or rms (RMSNorm)
    norm_placement: str = "pre"  #: pre: x + f(norm(x)); post: norm(x + f(x))
    norm_eps: float = 1e-5  #: added to the variance before the root
    bias: bool = True  #: whether linear maps add a bias
    activation: str = "gelu_tanh"  #: one of ACTIVATIONS
    gated: bool = False  #: whether a second projection multiplies the activated one
    scale_scores: bool = True  #: whether scores are divided by sqrt(d_head); T5: no

    # Edges.
    scale_embedding: bool = False  #: whether embeddings are multiplied by sqrt(d_model)
    embedding_norm: bool = False  #: whether each stack normalises its input
    final_norm: bool = True  #: whether each stack normalises its output
    tie_embeddings: bool = True  #: whether the head's matrix is the embedding table
    head_transform: bool = False  #: whether dense, activation and norm precede that matrix
    head_bias: str = "none"  #: none, learned, or fixed: stored but neither trained nor counted
    scale_head: bool = False  #: whether the head's input is multiplied by d_model ** -0.5

    dropout: float = 0.0  #: probability of dropping an element, in training mode only

    def __post_init__(self) -> None:
        """Refuse a config that contradicts itself, naming the fields and their values."""
        for field in dataclasses.fields(self):
            _check_type(field.name, str(field.type), getattr(self, field.name))
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"{name}={value!r}: expected one of {', '.join(choices)}")
        for name in _AT_LEAST_ONE:
            _check_least(name, getattr(self, name), 1)
        for name in ("n_encoder_layers", "n_decoder_layers", "n_segments", "position_offset"):
            _check_least(name, getattr(self, name), 0)
        self._check_agreement()

    def _check_agreement(self) -> None:
        encoder, decoder = self.n_encoder_layers, self.n_decoder_layers
        if encoder == 0 and decoder == 0:
            raise ValueError(
                "n_encoder_layers=0 and n_decoder_layers=0: one of them must be at least 1"
            )
        if self.n_segments and encoder and decoder:
            raise ValueError(
                f"n_segments={self.n_segments} with n_encoder_layers={encoder} and "
                f"n_decoder_layers={decoder}: segments belong to a model of one stack"
            )
        if self.position_pad_id is not None:
            if decoder:
                raise ValueError(
                    f"position_pad_id={self.position_pad_id} with n_decoder_layers={decoder}: "
                    "counting by token id is for encoder-only models"
                )
            if not 0 <= self.position_pad_id < self.vocab_size:
                raise ValueError(
                    f"position_pad_id={self.position_pad_id} is no token of "
                    f"vocab_size={self.vocab_size}"
                )
            if self.position == "learned" and self.position_offset < 1:
                raise ValueError(
                    f"position_offset={self.position_offset} with position_pad_id="
                    f"{self.position_pad_id}: padding needs a row before the first, so at least 1"
                )
        if self.d_head is None and self.d_model % self.n_heads:
            raise ValueError(
                f"d_model={self.d_model} is not a multiple of n_heads={self.n_heads}; "
                "choose another or give d_head"
            )
        if self.n_heads % self.kv_heads:
            raise ValueError(
                f"n_heads={self.n_heads} is not a multiple of n_kv_heads={self.n_kv_heads}"
            )
        if self.position == "rotary" and self.head_dim % 2:
            raise ValueError(f"position='rotary' turns pairs, but d_head={self.head_dim} is odd")
        if self.position == "sinusoidal" and self.d_model % 2:
            raise ValueError(
                f"position='sinusoidal' needs pairs, but d_model={self.d_model} is odd"
            )
        if self.relative_buckets < 4 or self.relative_buckets % 4:
            raise ValueError(f"relative_buckets={self.relative_buckets}: expected a multiple of 4")
        if self.relative_max_distance <= self.relative_buckets // 2:
            raise ValueError(
                f"relative_max_distance={self.relative_max_distance} must exceed half of "
                f"relative_buckets={self.relative_buckets}"
            )
        if self.rope_high_frequency <= self.rope_low_frequency:
            raise ValueError(
                f"rope_high_frequency={self.rope_high_frequency} must exceed "
                f"rope_low_frequency={self.rope_low_frequency}"
            )
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}={getattr(self, name)}: expected a positive number")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout}: expected at least 0 and less than 1")

    @property
    def family(self) -> str:
        """Name the stacks that the model has, as encoder-only, decoder-only or encoder-decoder."""
        if not self.n_decoder_layers:
            return "encoder-only"
        return "encoder-decoder" if self.n_encoder_layers else "decoder-only"

    @property
    def head_dim(self) -> int:
        """Width of one head, K."""
        return self.d_model // self.n_heads if self.d_head is None else self.d_head

    @property
    def kv_heads(self) -> int:
        """Number of key-value heads, G."""
        return self.n_heads if self.n_kv_heads is None else self.n_kv_heads

    @property
    def ff_dim(self) -> int:
        """Feed-forward width, F."""
        return 4 * self.d_model if self.d_ff is None else self.d_ff

    def diff(self, other: "TransformerConfig") -> FieldTable:
        """Return the fields in which two configs differ.

        Args:
            other: The config to compare with.

        Returns:
            For each such field the pair (value here, value there); it prints as a table.
        """
        pairs = {
            f.name: (getattr(self, f.name), getattr(other, f.name))
            for f in dataclasses.fields(self)
        }
        return FieldTable({name: pair for name, pair in pairs.items() if pair[0] != pair[1]})

    def n_parameters(self) -> int:
        """Count the model's parameters by arithmetic, without building anything.

        The tied matrix counts once; constants (sinusoids, a fixed head bias) do not count.

        Returns:
            The number of elements in all parameters of `Transformer(config)`.
        """
        d, f = self.d_model, self.ff_dim
        q_width, kv_width = self.n_heads * self.head_dim, self.kv_heads * self.head_dim
        norm = d * (2 if self.norm == "layer" else 1)
        attention = d * (q_width + 2 * kv_width) + q_width * d
        feed_forward = d * f * (3 if self.gated else 2)
        if self.bias:
            attention += q_width + 2 * kv_width + d
            feed_forward += f * (2 if self.gated else 1) + d
        block = attention + feed_forward + 2 * norm
        cross = attention + norm if self.family == "encoder-decoder" else 0

        edge = norm * (self.embedding_norm + self.final_norm)
        if self.position == "learned":
            edge += (self.max_seq_len + self.position_offset) * d
        if self.position == "relative":
            edge += self.relative_buckets * self.n_heads
        n_stacks = bool(self.n_encoder_layers) + bool(self.n_decoder_layers)

        head = 0 if self.tie_embeddings else self.vocab_size * d
        if self.head_transform:
            head += d * d + d * self.bias + norm
        if self.head_bias == "learned":
            head += self.vocab_size
        return (
            (self.vocab_size + self.n_segments) * d
            + n_stacks * edge
            + self.n_encoder_layers * block
            + self.n_decoder_layers * (block + cross)
            + head
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dictionary, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "TransformerConfig":
        """Rebuild a config from `to_dict`.

        Args:
            fields: Values by field name; absent fields take their defaults.

        Returns:
            The config.

        Raises:
            ValueError: For a name that is no field, or a value that does not fit.
            TypeError: For a value of the wrong type, or a missing required field.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in fields:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=3)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise ValueError(f"unknown config field {name!r} with value {fields[name]!r}{hint}")
        return cls(**fields)


def _check_type(name: str, wanted: str, value: Any) -> None:
    optional = value is None and "None" in wanted
    kind = wanted.replace("<class '", "").replace("'>", "").split(" |")[0]
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        "int": numeric and isinstance(value, int),
        "float": numeric,
        "bool": isinstance(value, bool),
        "str": isinstance(value, str),
    }
    if not optional and not fits[kind]:
        raise TypeError(f"{name}={value!r}: expected {kind}, got {type(value).__name__}")


def _check_least(name: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise ValueError(f"{name}={value}: expected at least {least}")
