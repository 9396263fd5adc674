"""The transformer: encoder-only, decoder-only and encoder-decoder from one stack."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.config import TransformerConfig
from course_lib.model.block import Stack
from course_lib.model.cache import KVCache
from course_lib.model.checks import check_input
from course_lib.model.heads import LanguageModelHead
from course_lib.model.init import initialize
from course_lib.model.pretrained import Pretrained

Records = tuple[list[Tensor], list[Tensor]]


class AttentionMaps(NamedTuple):
    """Attention weights of every layer and head; None for a stack the model lacks."""

    encoder: Float[Tensor, "L B H T S"] | None
    decoder: Float[Tensor, "L B H T S"] | None
    cross: Float[Tensor, "L B H T S"] | None


class Transformer(Pretrained, nn.Module):
    """A transformer of any family, with its language modelling head.

    Args:
        config: What to build.
        generator: Source of the initial parameters; None uses torch's own.
        device: Where to build; "meta" allocates nothing, which is enough for counting.
        dtype: Type of the parameters; None means float32.

    Source: Vaswani et al. 2017.
    Chapter: 08_detailed_architecture
    """

    def __init__(
        self,
        config: TransformerConfig,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        n_encoder, n_decoder = config.n_encoder_layers, config.n_decoder_layers
        self.has_decoder = n_decoder > 0
        self.embedding_scale = math.sqrt(config.d_model) if config.scale_embedding else None
        self.position_limit = config.max_seq_len if config.position == "learned" else None
        with torch.device("meta"):  # so that torch does not fill what `initialize` fills below
            self.embedding = nn.Embedding(config.vocab_size, config.d_model)
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
        keep: Bool[Tensor, "B T"] | None = None,
        segments: Int[Tensor, "B T"] | None = None,
        positions: Int[Tensor, "..."] | None = None,
        source: Int[Tensor, "B S"] | None = None,
        source_keep: Bool[Tensor, "B S"] | None = None,
        cache: KVCache | None = None,
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

        Returns:
            Scores of the vocabulary, at every position.

        Raises:
            ValueError: If the input does not fit the model.
        """
        with torch.set_grad_enabled(cache is None and torch.is_grad_enabled()):
            hidden = self._run(tokens, keep, segments, positions, source, source_keep, cache)
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
        keep: Bool[Tensor, "B T"] | None = None,
        *,
        segments: Int[Tensor, "B T"] | None = None,
        positions: Int[Tensor, "..."] | None = None,
        records: Records | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Run the encoder.

        Args:
            tokens: The text to read, both ways at once.
            keep: True for real tokens; None means all are.
            segments: Segment of each token; None means segment 0.
            positions: Position of each token; None counts.
            records: If given, its first list takes each layer's attention weights.

        Returns:
            One hidden state for each token: the memory a decoder looks at.

        Raises:
            ValueError: If the model has no encoder or the input does not fit.
        """
        if self.encoder is None:
            raise ValueError(
                f"n_encoder_layers={self.config.n_encoder_layers}: this model has no encoder"
            )
        check_input(tokens, keep, segments, positions, limit=self.position_limit)
        if positions is None and self.config.position_pad_id is not None:
            real = tokens != self.config.position_pad_id
            positions = real.cumsum(-1) * real - 1
        return self.encoder(
            self._embed(tokens), keep=keep, segments=segments, positions=positions, records=records
        )

    def decode(
        self,
        tokens: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S D"] | None = None,
        cache: KVCache | None = None,
        *,
        keep: Bool[Tensor, "B T"] | None = None,
        segments: Int[Tensor, "B T"] | None = None,
        positions: Int[Tensor, "..."] | None = None,
        memory_keep: Bool[Tensor, "B S"] | None = None,
        records: Records | None = None,
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
            records: If given, two lists that take the weights of self- and cross-attention.

        Returns:
            One hidden state for each token; `logits` turns them into scores.

        Raises:
            ValueError: If the model has no decoder or the input does not fit.
        """
        if self.decoder is None:
            raise ValueError(
                f"n_decoder_layers={self.config.n_decoder_layers}: this model has no decoder"
            )
        start = 0 if cache is None else cache.length
        check_input(tokens, keep, segments, positions, start=start, limit=self.position_limit)
        with torch.set_grad_enabled(cache is None and torch.is_grad_enabled()):
            return self.decoder(
                self._embed(tokens),
                keep=keep,
                segments=segments,
                positions=positions,
                memory=memory,
                memory_keep=memory_keep,
                cache=cache,
                records=records,
            )

    def attention_maps(
        self,
        tokens: Int[Tensor, "B T"],
        *,
        keep: Bool[Tensor, "B T"] | None = None,
        segments: Int[Tensor, "B T"] | None = None,
        positions: Int[Tensor, "..."] | None = None,
        source: Int[Tensor, "B S"] | None = None,
        source_keep: Bool[Tensor, "B S"] | None = None,
    ) -> AttentionMaps:
        """Return the attention weights of every layer and head; arguments as in `forward`.

        Returns:
            Weights (L, B, H, T, S) of the encoder, the decoder, and the decoder's look at the
            encoder. Rows sum to 1.

        Chapter: 01_relevance
        """
        encoder: Records = ([], [])
        decoder: Records = ([], [])
        self._run(tokens, keep, segments, positions, source, source_keep, None, (encoder, decoder))
        maps = [torch.stack(m) if m else None for m in (encoder[0], decoder[0], decoder[1])]
        return AttentionMaps(*maps)

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

    def _run(
        self,
        tokens: Tensor,
        keep: Tensor | None,
        segments: Tensor | None,
        positions: Tensor | None,
        source: Tensor | None,
        source_keep: Tensor | None,
        cache: KVCache | None,
        records: tuple[Records, Records] | tuple[None, None] = (None, None),
    ) -> Tensor:
        """Run the stacks the model has."""
        if self.decoder is None or self.encoder is None:
            if source is not None:
                raise ValueError(
                    f"source given, but this model is {self.config.family}: put the text in tokens"
                )
        if self.decoder is None:
            if cache is not None:
                raise ValueError("cache given, but an encoder reads all tokens at once")
            return self.encode(
                tokens, keep, segments=segments, positions=positions, records=records[0]
            )
        memory = None
        if self.encoder is not None and (cache is None or not cache.memory):
            if source is None:
                raise ValueError("source=None: an encoder-decoder needs the encoder's side too")
            memory = self.encode(source, source_keep, records=records[0])
        return self.decode(
            tokens,
            memory,
            cache,
            keep=keep,
            segments=segments,
            positions=positions,
            memory_keep=source_keep,
            records=records[1],
        )

    def _embed(self, tokens: Tensor) -> Tensor:
        try:
            x = self.embedding(tokens)
        except IndexError:
            low, high = tokens.min().item(), tokens.max().item()
            raise ValueError(
                f"tokens run from {low} to {high}, vocab_size={self.config.vocab_size}"
            ) from None
        return x if self.embedding_scale is None else x * self.embedding_scale
