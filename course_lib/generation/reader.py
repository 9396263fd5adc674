"""Reading a growing text: only what is new, and by the short way where there is one."""

from torch import Tensor

from course_lib.model.cache import KVCache
from course_lib.model.originals import is_called_otherwise
from course_lib.model.transformer import Transformer
from course_lib.shapes import Bool, Float, Int

try:
    from course_lib.generation.fast import FastReader, fits
except ImportError as error:  # the folder may be deleted: nothing but speed depends on it
    if error.name != "course_lib.generation.fast":
        raise
    FastReader = None  # type: ignore[assignment,misc]


class Reader:
    """Keep a model's place in a text that grows, and return the logits of what comes next.

    The first call reads the prompt, each later one the token that has been added since: with
    `FastReader` where that is sure to be equal, otherwise with the model.

    Args:
        model: A model with a decoder.
        cache: Room for the whole text, empty; None reads everything again each time.
        n_new: Tokens that will be added to the prompt.
        source: The encoder's side of an encoder-decoder.
        source_keep: True for real source tokens.
    """

    def __init__(
        self,
        model: Transformer,
        cache: KVCache | None,
        *,
        n_new: int,
        source: Int[Tensor, "B S"] | None = None,
        source_keep: Bool[Tensor, "B S"] | None = None,
    ) -> None:
        self.model, self.cache, self.n_new = model, cache, n_new
        # A hook on the model, or a forward of somebody's own, is only obeyed by calling the model.
        self.called = is_called_otherwise(model)
        self.source, self.source_keep = source, source_keep
        self.memory = None
        if source is not None and not self.called:
            self.memory = model.encode(source, source_keep)
        self.short = FastReader is not None and cache is not None and n_new > 1 and fits(model)
        self.step: FastReader | None = None

    def __call__(
        self, text: Int[Tensor, "B N"], real: Bool[Tensor, "B N"] | None, length: int
    ) -> Float[Tensor, "B V"]:
        """Read on, and return the logits of the next token.

        Args:
            text: Prompt and written tokens; there may be room for more behind them.
            real: False on padding; None if no row is padded.
            length: How many columns of the text are there.
        """
        cache = self.cache
        n_read = 0 if cache is None else cache.length
        if cache is not None and self.short and 0 < n_read == length - 1:
            if self.step is None:  # not before the prompt is read and its rows are in place
                self.step = FastReader(self.model, cache, self.n_new - 1)
            return self.step(text.select(1, length - 1)).float()
        new, keep = text[:, n_read:length], None if real is None else real[:, n_read:length]
        if self.called:
            return self._call(new, keep)
        hidden = self.model.decode(new, self.memory, cache, keep=keep, memory_keep=self.source_keep)
        return self.model.logits(hidden[:, -1:])[:, 0].float()

    def _call(
        self, new: Int[Tensor, "B T"], keep: Bool[Tensor, "B T"] | None
    ) -> Float[Tensor, "B V"]:
        """Read with the model's own forward."""
        logits = self.model(
            new, keep=keep, source=self.source, source_keep=self.source_keep, cache=self.cache
        )
        return logits[:, -1].float()

    def reorder(self, rows: Int[Tensor, " N"], *, same_prompt: bool = False) -> None:
        """Make row i continue what row `rows[i]` has read, as `KVCache.reorder`."""
        assert self.cache is not None
        self.cache.reorder(rows, same_prompt=same_prompt)
