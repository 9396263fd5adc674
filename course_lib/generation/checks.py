"""Checks that every way of generating makes before it starts."""

import warnings
from collections.abc import Iterable
from typing import Any, SupportsIndex

from torch import Tensor

from course_lib.checks import whole_number
from course_lib.model.checks import check_tokens
from course_lib.model.masks import as_keep
from course_lib.model.transformer import Transformer
from course_lib.shapes import Bool, Int

TokenIds = SupportsIndex | Iterable[Any]  # one id or several, of any integer type


def token_ids(ids: TokenIds | None, name: str, vocab_size: int | None = None) -> list[int]:
    """Return one id or several as a list without repetitions.

    Args:
        ids: An integer of any type (NumPy's, a tensor of one element), several of them in a
            sequence, an array or a tensor, or None for none.
        name: How messages call them.
        vocab_size: Tokens that the model has, if known.

    Raises:
        TypeError: If an id is no integer.
        ValueError: If an id is negative, or the model has no such token.
    """
    if ids is None:
        return []
    plain = ids.tolist() if hasattr(ids, "tolist") else ids  # tensors and arrays
    several = list(plain) if isinstance(plain, Iterable) else [plain]
    numbers = list(dict.fromkeys(whole_number(i, name, 0) for i in several))
    for i in numbers:
        if vocab_size is not None and i >= vocab_size:
            raise ValueError(f"{name} got {i}, wants 0 to {vocab_size - 1}")
    return numbers


def check_model(model: Transformer) -> None:
    """Refuse a model that cannot write.

    Args:
        model: The model.

    Raises:
        TypeError: If it is no `Transformer`.
        ValueError: If it has no decoder, or would drop elements at random.
    """
    if not hasattr(model, "config") or not hasattr(model, "decoder"):
        raise TypeError(f"model got {type(model).__name__}, wants a Transformer")
    config = model.config
    if model.decoder is None:
        raise ValueError(f"model got an {config.family} model, wants one with a decoder")
    if model.training and config.dropout > 0:
        raise ValueError(
            f"model is in training mode with dropout={config.dropout}: call model.eval() first"
        )


def check_context(model: Transformer, n_tokens: int, what: str) -> None:
    """Refuse a text that outgrows a table of positions, and warn of one that is just very long.

    Only learned positions end. Other schemes go on, though the model was not trained so far.

    Args:
        model: The model that will read it.
        n_tokens: Tokens of the text at its longest.
        what: How messages call the text.

    Raises:
        ValueError: If the model has no position for the last token.
    """
    assert model.decoder is not None
    limit, trained = model.decoder.positions.limit, model.config.max_seq_len
    if limit is not None and n_tokens > limit:
        raise ValueError(f"{what} is longer than the model's context, max_seq_len={limit}")
    if n_tokens > trained:
        warnings.warn(
            f"{what} is longer than max_seq_len={trained}, the longest the model was made for; "
            f"{model.config.position} positions go on, and what it writes there may be poor",
            stacklevel=4,
        )


def check_prompt(
    model: Transformer, tokens: Tensor, keep: Tensor | None, max_new_tokens: SupportsIndex
) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"] | None, int]:
    """Refuse a prompt that the model cannot continue, and return it in the usual types.

    Args:
        model: The model that will read it.
        tokens: The prompts, `Int "B T"`.
        keep: True for real prompt tokens, `Bool "B T"`, or None; zeros and ones will do.
        max_new_tokens: The most tokens to write.

    Returns:
        The prompts, the mask as booleans, and the number of tokens as an `int`.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: Naming the argument, what it got and what it wants.
    """
    check_model(model)
    tokens, keep = check_tokens(tokens), as_keep(keep)
    if tokens.numel() == 0:
        raise ValueError(f"tokens got shape {tuple(tokens.shape)}, wants (B, T), neither of them 0")
    n_new = whole_number(max_new_tokens, "max_new_tokens", 1)
    n_prompt = tokens.shape[1]
    what = f"tokens got a prompt of {n_prompt}, which with max_new_tokens={n_new}"
    check_context(model, n_prompt + n_new, what)
    if keep is not None and keep.shape != tokens.shape:
        raise ValueError(f"keep got shape {tuple(keep.shape)}, wants {tuple(tokens.shape)}")
    if keep is not None and not bool(keep[:, -1].all()):
        raise ValueError("keep got rows padded on the right, wants padding on the left only")
    return tokens, keep, n_new


def check_ends(
    model: Transformer, eos_id: TokenIds | None, pad_id: SupportsIndex | None
) -> tuple[list[int], int]:
    """Return the end tokens, and the token that fills a row after its end.

    Args:
        model: The model that will write them.
        eos_id: End token or tokens, or None.
        pad_id: The filling token; None means the first end token, or 0.

    Raises:
        TypeError: If an id is no integer.
        ValueError: If an id is not one of the model's tokens, or there are several to fill with.
    """
    n_vocab = model.config.vocab_size
    ends, fill = token_ids(eos_id, "eos_id", n_vocab), token_ids(pad_id, "pad_id", n_vocab)
    if len(fill) > 1:
        raise ValueError(f"pad_id got {fill}, wants one id")
    return ends, (fill or ends or [0])[0]


def check_source(
    model: Transformer, source: Tensor | None, source_keep: Tensor | None = None
) -> tuple[Int[Tensor, "B S"] | None, Bool[Tensor, "B S"] | None]:
    """Refuse a source where there is no encoder, and no source where there is one.

    Args:
        model: The model that will read it.
        source: The encoder's side, `Int "B S"`, or None.
        source_keep: True for real source tokens, or None; zeros and ones will do.

    Returns:
        Both in the usual types.

    Raises:
        TypeError: If one of them is of a wrong type.
        ValueError: If the model and they do not fit.
    """
    if (source is None) == (model.config.family == "encoder-decoder"):
        got = "None" if source is None else "a tensor"
        raise ValueError(f"source got {got}, but the model is {model.config.family}")
    if source is None:
        if source_keep is not None:
            raise ValueError("source_keep got a mask, but there is no source")
        return None, None
    source, source_keep = check_tokens(source, "source"), as_keep(source_keep, "source_keep")
    if source_keep is not None and source_keep.shape != source.shape:
        raise ValueError(
            f"source_keep got shape {tuple(source_keep.shape)}, wants {tuple(source.shape)}"
        )
    return source, source_keep
