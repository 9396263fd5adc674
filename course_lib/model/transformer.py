"""The transformer: encoder-only, decoder-only and encoder-decoder from one stack.

Chapter: 08_detailed_architecture
"""

import importlib
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from course_lib.checks import check_generator
from course_lib.config import TransformerConfig
from course_lib.model.block import Stack
from course_lib.model.cache import KVCache
from course_lib.model.embedding import Embedding
from course_lib.model.heads import LanguageModelHead
from course_lib.model.init import initialize
from course_lib.model.masks import Mask, as_keep
from course_lib.shapes import Float, Int


class AttentionMaps(NamedTuple):
    """Attention weights of every layer and head; None for a stack the model lacks."""

    encoder: Float[Tensor, "L B H T S"] | None
    decoder: Float[Tensor, "L B H T S"] | None
    cross: Float[Tensor, "L B H T S"] | None


class AttentionRecord:
    """Lists that take each layer's attention weights (B, H, T, S) while a model runs."""

    def __init__(self) -> None:
        self.encoder: list[Tensor] = []
        self.decoder: list[Tensor] = []
        self.cross: list[Tensor] = []


class Transformer(nn.Module):
    """A transformer of any family, with its language modelling head.

    Args:
        config: What to build.
        generator: Source of the initial parameters; None uses torch's own.
        device: Where to build; "meta" allocates nothing, which is enough for counting.
        dtype: Type of the parameters; None means float32.

    Raises:
        TypeError: If config or generator is none.

    Source: Vaswani et al. 2017.
    """

    #: What the `config.json` it came from says beyond our config: ids of special tokens, labels.
    published_fields: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        config: TransformerConfig,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(config, TransformerConfig):
            raise TypeError(f"config must be a TransformerConfig, got {config!r:.60}")
        if generator is not None:
            check_generator(generator)
        self.config = config
        n_encoder, n_decoder = config.n_encoder_layers, config.n_decoder_layers
        self.has_decoder = n_decoder > 0
        with torch.device("meta"):  # so that torch does not fill what `initialize` fills below
            self.embedding = Embedding(config)
            self.encoder = Stack(config, n_encoder, causal=False) if n_encoder else None
            self.decoder = (
                Stack(config, n_decoder, causal=True, cross=n_encoder > 0) if n_decoder else None
            )
            self.head = LanguageModelHead(config)
        if dtype is not None:
            self.to(dtype)
        if device is None or torch.device(device).type != "meta":
            self.to_empty(device=device or "cpu")
            initialize(self, config, generator)

    def forward(
        self,
        tokens: Int[Tensor, "B T"],
        *,
        keep: Mask[Tensor, "B T"] | None = None,
        segments: Int[Tensor, "B T"] | None = None,
        positions: Int[Tensor, "..."] | None = None,
        source: Int[Tensor, "B S"] | None = None,
        source_keep: Mask[Tensor, "B S"] | None = None,
        cache: KVCache | None = None,
        record: AttentionRecord | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Return the logits of every token.

        Positions count the tokens that `keep` marks, so padding on either side changes nothing.

        Args:
            tokens: The text; for an encoder-decoder the decoder's side. With a cache, only the
                new tokens.
            keep: True for real tokens, False for padding; None means all are real.
            segments: Segment of each token; None means segment 0.
            positions: Position of each token, " T" or "B T", for schemes that add or turn; None
                counts.
            source: The encoder's side of an encoder-decoder. Not needed again once the cache
                holds it.
            source_keep: True for real source tokens.
            cache: Earlier tokens of the decoder; filled with these.
            record: If given, takes the attention weights of every layer.

        Returns:
            Scores of the vocabulary, at every position.

        Raises:
            TypeError: If ids are no integers, or a mask holds fractions.
            ValueError: If the input does not fit the model.
        """
        self._check_sides(source, cache)
        source_keep = as_keep(source_keep, "source_keep")
        with torch.set_grad_enabled(cache is None and torch.is_grad_enabled()):
            if self.decoder is None:
                assert self.encoder is not None
                hidden = self.encoder(
                    self.embedding(tokens),
                    keep=keep,
                    segments=segments,
                    positions=self._encoder_positions(tokens, positions),
                    record=record and record.encoder,
                )
                return self.logits(hidden)
            memory = None
            if self.encoder is not None and (cache is None or not cache.memory):
                assert source is not None
                memory = self.encode(source, source_keep, record=record)
            hidden = self.decoder(
                self.embedding(tokens),
                keep=keep,
                segments=segments,
                positions=positions,
                memory=memory,
                memory_keep=source_keep,
                cache=cache,
                record=record and record.decoder,
                cross_record=record and record.cross,
            )
            return self.logits(hidden)

    def logits(self, hidden: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """Apply the language modelling head to hidden states.

        Args:
            hidden: Output of `decode`, or of `encode` for an encoder-only model; any slots of it.

        Returns:
            Scores of the vocabulary.
        """
        return self.head(hidden, self.embedding.weight)

    def encode(
        self,
        tokens: Int[Tensor, "B T"],
        keep: Mask[Tensor, "B T"] | None = None,
        *,
        segments: Int[Tensor, "B T"] | None = None,
        positions: Int[Tensor, "..."] | None = None,
        record: AttentionRecord | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Run the encoder.

        Args:
            tokens: The text to read, both ways at once.
            keep: True for real tokens; None means all are.
            segments: Segment of each token; None means segment 0.
            positions: Position of each token; None counts.
            record: If given, takes the attention weights of every layer.

        Returns:
            One hidden state for each token: the memory a decoder looks at.

        Raises:
            TypeError: As `forward`.
            ValueError: If the model has no encoder or the input does not fit.
        """
        if self.encoder is None:
            raise ValueError(
                f"n_encoder_layers={self.config.n_encoder_layers}: this model has no encoder"
            )
        return self.encoder(
            self.embedding(tokens),
            keep=keep,
            segments=segments,
            positions=self._encoder_positions(tokens, positions),
            record=record and record.encoder,
        )

    def decode(
        self,
        tokens: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S D"] | None = None,
        cache: KVCache | None = None,
        *,
        keep: Mask[Tensor, "B T"] | None = None,
        segments: Int[Tensor, "B T"] | None = None,
        positions: Int[Tensor, "..."] | None = None,
        memory_keep: Mask[Tensor, "B S"] | None = None,
        record: AttentionRecord | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Run the decoder.

        Args:
            tokens: The text so far; with a cache, only the new tokens.
            memory: Output of `encode`, for an encoder-decoder; not needed once the cache holds it.
            cache: Earlier tokens; filled with these.
            keep: True for real tokens; None means all are.
            segments: Segment of each token; None means segment 0.
            positions: Position of each token; None counts.
            memory_keep: Which slots of the memory are real.
            record: If given, takes the attention weights of every layer.

        Returns:
            One hidden state for each token; `logits` turns them into scores.

        Raises:
            TypeError: As `forward`.
            ValueError: If the model has no decoder or the input does not fit.
        """
        if self.decoder is None:
            raise ValueError(
                f"n_decoder_layers={self.config.n_decoder_layers}: this model has no decoder"
            )
        with torch.set_grad_enabled(cache is None and torch.is_grad_enabled()):
            return self.decoder(
                self.embedding(tokens),
                keep=keep,
                segments=segments,
                positions=positions,
                memory=memory,
                memory_keep=memory_keep,
                cache=cache,
                record=record and record.decoder,
                cross_record=record and record.cross,
            )

    def attention_maps(self, tokens: Int[Tensor, "B T"], **inputs: Tensor | None) -> AttentionMaps:
        """Return the attention weights of every layer and head.

        Args:
            tokens: As in `forward`.
            **inputs: As in `forward`: `keep`, `segments`, `positions`, `source`, `source_keep`.

        Returns:
            Weights (L, B, H, T, S) of the encoder, the decoder, and the decoder's look at the
            encoder. Rows sum to 1.
        """
        record = AttentionRecord()
        self(tokens, **inputs, record=record)
        maps = (record.encoder, record.decoder, record.cross)
        return AttentionMaps(*(torch.stack(m) if m else None for m in maps))

    def new_cache(self, batch_size: int, max_length: int | None = None) -> KVCache:
        """Make an empty cache for this model's decoder.

        Args:
            batch_size: Sequences, B.
            max_length: Tokens it must hold; None means `config.max_seq_len`.

        Returns:
            The cache, on the model's device and in its type.

        Raises:
            ValueError: If the model has no decoder.
        """
        config = self.config
        if self.decoder is None:
            raise ValueError(f"n_decoder_layers={config.n_decoder_layers}: nothing to cache")
        return KVCache(
            len(self.decoder.blocks),
            batch_size,
            config.kv_heads,
            config.max_seq_len if max_length is None else max_length,
            config.head_dim,
            device=self.embedding.weight.device,
            dtype=self.embedding.weight.dtype,
        )

    @classmethod
    def from_pretrained(
        cls,
        path_or_name: str | os.PathLike[str],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        revision: str | None = None,
    ) -> "Transformer":
        """Build a model from a published checkpoint; see `course_lib.weights.load_pretrained`.

        The package that knows those files stands above the model, which must be readable without
        it. So it is named here and in `save_pretrained`, and imported when one of them is called.

        Args:
            path_or_name: A folder with `config.json` and weights, one with Meta's `params.json`
                and `consolidated.00.pth`, or a name on the hub.
            device: Where to put the model; None means the CPU.
            dtype: Type of the parameters; None means the file's own.
            revision: Branch, tag or commit, for a name on the hub.

        Returns:
            The model, in evaluation mode.

        Raises:
            FileNotFoundError: If there is no such folder or name, or the hub is out of reach.
            ValueError: If a file is damaged or does not fit, naming what differs.
        """
        weights = importlib.import_module("course_lib.weights")
        return weights.load_pretrained(path_or_name, device=device, dtype=dtype, revision=revision)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model as a published checkpoint; see `course_lib.weights.save_pretrained`.

        An older checkpoint in the folder is exchanged for the new one at one moment.

        Args:
            folder: Where to write `config.json` and the weights.

        Raises:
            ValueError: If no published family is built like this model.
        """
        importlib.import_module("course_lib.weights").save_pretrained(self, folder)

    def _check_sides(self, source: Tensor | None, cache: KVCache | None) -> None:
        """Refuse inputs for a side that the model lacks, and a missing source."""
        if self.encoder is None or self.decoder is None:
            if source is not None:
                raise ValueError(
                    f"source given, but this model is {self.config.family}: put the text in tokens"
                )
            if self.decoder is None and cache is not None:
                raise ValueError("cache given, but an encoder reads all tokens at once")
        elif source is None and (cache is None or not cache.memory):
            raise ValueError("source=None: an encoder-decoder needs the encoder's side too")

    def _encoder_positions(self, tokens: Tensor, positions: Tensor | None) -> Tensor | None:
        """Count the tokens as a model does whose padding has a position of its own."""
        if positions is not None or self.config.position_pad_id is None:
            return positions
        real = tokens != self.config.position_pad_id
        return real.cumsum(-1) * real - 1
