"""The generation loop: read the prompt once, then choose one token after another.

Chapter: 11_generative_configuration
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, SupportsIndex

import torch
from torch import Tensor

from course_lib.generation.chain import LogitsProcessor, PastTokens
from course_lib.generation.checks import TokenIds, check_ends, check_prompt, check_source
from course_lib.generation.reader import Reader
from course_lib.generation.sampler import Generators, TokenSampler
from course_lib.model.masks import Mask
from course_lib.model.transformer import Transformer
from course_lib.shapes import Bool, Float, Int

StopCondition = Callable[[list[int]], bool]


class Generation(NamedTuple):
    """What the model wrote, without the prompt.

    Attributes:
        tokens: Generated ids, `Int "B N"`; after a row's end, the padding id.
        lengths: Tokens of each row, its end token included, `Int " B"`.
        log_probs: Log-probability that the model itself, before any processor, gave to each
            token, in nats, `Float "B N"`; 0 after a row's end.
    """

    tokens: Int[Tensor, "B N"]
    lengths: Int[Tensor, " B"]
    log_probs: Float[Tensor, "B N"]


class Drawn(NamedTuple):
    """One step of the loop, for all rows.

    Attributes:
        tokens: The chosen ids, `Int " B"`.
        log_probs: Their log-probabilities before any processor, in nats, `Float " B"`.
        wrote: True for rows that wrote, False for rows that had ended, `Bool " B"`; None: all did.
    """

    tokens: Int[Tensor, " B"]
    log_probs: Float[Tensor, " B"]
    wrote: Bool[Tensor, " B"] | None


def generate(
    model: Transformer,
    tokens: Int[Tensor, "B T"],
    *,
    max_new_tokens: SupportsIndex,
    processors: Sequence[LogitsProcessor] = (),
    sample: bool = False,
    generator: Generators | None = None,
    keep: Mask[Tensor, "B T"] | None = None,
    eos_id: TokenIds | None = None,
    pad_id: SupportsIndex | None = None,
    stop: StopCondition | None = None,
    source: Int[Tensor, "B S"] | None = None,
    source_keep: Mask[Tensor, "B S"] | None = None,
    use_cache: bool = True,
) -> Generation:
    """Continue each row of the batch.

    Greedy by default: the most likely token each time. With `sample=True` each token is drawn from
    the processed distribution. A draw uses one uniform number per row and step: one generator
    serves the rows in order; of a list of B generators each row has its own, and then a batch of B
    equals B single runs.

    Args:
        model: A model with a decoder; in evaluation mode, if it has dropout.
        tokens: The prompts, padded on the left; for an encoder-decoder the decoder's first tokens.
        max_new_tokens: The most tokens to write in each row, at least 1.
        processors: Steps applied to the logits, from left to right.
        sample: Draw instead of taking the maximum.
        generator: Source of randomness; needed if, and only if, `sample` is True.
        keep: True for real prompt tokens, False for padding; None means all are real.
        eos_id: End token or tokens, of any integer type: a row ends after writing one.
        pad_id: Fills a row after its end; None means the first end token, or 0.
        stop: Called with the ids a row has written so far; True ends the row. See `StopStrings`.
        source: The encoder's side of an encoder-decoder.
        source_keep: True for real source tokens.
        use_cache: False reads the whole text again for each token: slower, same result.

    Returns:
        The new tokens, how many each row has, and their log-probabilities.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If an argument does not fit, the text would outgrow the model's table of
            positions, or the logits allow no draw.
    """
    drawn = list(
        each_token(
            model,
            tokens,
            max_new_tokens=max_new_tokens,
            processors=processors,
            sample=sample,
            generator=generator,
            keep=keep,
            eos_id=eos_id,
            pad_id=pad_id,
            stop=stop,
            source=source,
            source_keep=source_keep,
            use_cache=use_cache,
        )
    )
    written = torch.stack([step.tokens for step in drawn], 1)  # (B, N)
    log_probs = torch.stack([step.log_probs for step in drawn], 1)  # (B, N)
    lengths = torch.full((len(written),), written.shape[1], device=written.device)
    wrote = [step.wrote for step in drawn if step.wrote is not None]
    if wrote:
        lengths = torch.stack(wrote).sum(0)
    return Generation(written, lengths, log_probs)


def each_token(
    model: Transformer,
    tokens: Int[Tensor, "B T"],
    *,
    max_new_tokens: SupportsIndex,
    processors: Sequence[LogitsProcessor] = (),
    sample: bool = False,
    generator: Generators | None = None,
    keep: Mask[Tensor, "B T"] | None = None,
    eos_id: TokenIds | None = None,
    pad_id: SupportsIndex | None = None,
    stop: StopCondition | None = None,
    source: Int[Tensor, "B S"] | None = None,
    source_keep: Mask[Tensor, "B S"] | None = None,
    use_cache: bool = True,
) -> Iterator[Drawn]:
    """Run the loop of `generate`, and yield each row's next token as it is chosen.

    The arguments are those of `generate`, and are checked at once, before the first token is asked
    for.

    Args:
        model: As in `generate`.
        tokens: As in `generate`.
        max_new_tokens: As in `generate`.
        processors: As in `generate`.
        sample: As in `generate`.
        generator: As in `generate`.
        keep: As in `generate`.
        eos_id: As in `generate`.
        pad_id: As in `generate`.
        stop: As in `generate`.
        source: As in `generate`.
        source_keep: As in `generate`.
        use_cache: As in `generate`.

    Returns:
        An iterator over the steps of the loop, which ends once every row has ended.

    Raises:
        TypeError: As in `generate`.
        ValueError: As in `generate`.
    """
    tokens, keep, n_new = check_prompt(model, tokens, keep, max_new_tokens)
    ends, fill = check_ends(model, eos_id, pad_id)
    source, source_keep = check_source(model, source, source_keep)
    choose = TokenSampler(processors, sample, generator, len(tokens))
    end_ids = torch.tensor(ends, dtype=torch.long, device=tokens.device)
    n_rows, n_prompt = tokens.shape
    n_all = n_prompt + n_new

    def run() -> Iterator[Drawn]:
        text = tokens.new_zeros(n_rows, n_all)
        text[:, :n_prompt] = tokens
        real = torch.ones_like(text, dtype=torch.bool)
        real[:, :n_prompt] = True if keep is None else keep
        padded = keep is not None and not bool(keep.all())
        with torch.inference_mode():
            cache = model.new_cache(n_rows, n_all) if use_cache else None
            read = Reader(model, cache, n_new=n_new, source=source, source_keep=source_keep)
        alive = torch.ones_like(real[:, 0]) if ends or stop is not None else None
        for length in range(n_prompt, n_all):
            with torch.inference_mode():
                past = partial(_past, text, real, n_prompt, length)
                chosen, log_probs = choose(read(text, real if padded else None, length), past)
                wrote = alive
                if alive is not None:
                    chosen = torch.where(alive, chosen, fill)
                    log_probs = torch.where(alive, log_probs, 0.0)
                text.select(1, length).copy_(chosen)
                if alive is not None:
                    alive = alive & ~torch.isin(chosen, end_ids)
                if alive is not None and stop is not None:
                    rows = zip(alive.tolist(), text[:, n_prompt : length + 1].tolist(), strict=True)
                    going = [lives and not stop(ids) for lives, ids in rows]
                    alive = torch.tensor(going, device=alive.device)
            yield Drawn(chosen, log_probs, wrote)
            if alive is not None and not bool(alive.any()):
                return

    return run()


def _past(text: Tensor, real: Tensor, n_prompt: int, length: int) -> PastTokens:
    return PastTokens(text[:, :length], real[:, :length], n_prompt)
