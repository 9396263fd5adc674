"""Checks that every way of generating makes before it starts."""

from collections.abc import Sequence

from torch import Tensor

from course_lib.model.transformer import Transformer


def check_prompt(
    model: Transformer, tokens: Tensor, keep: Tensor | None, max_new_tokens: int
) -> None:
    """Refuse a prompt that the model cannot continue.

    Args:
        model: The model that will read it.
        tokens: The prompts, `Int "B T"`.
        keep: True for real prompt tokens, `Bool "B T"`, or None.
        max_new_tokens: The most tokens to write.

    Raises:
        ValueError: Naming the argument, what it got and what it wants.
    """
    config = model.config
    if not config.n_decoder_layers:
        raise ValueError(f"model got an {config.family} model, wants one with a decoder")
    if model.training and config.dropout > 0:
        raise ValueError(
            f"model is in training mode with dropout={config.dropout}: call model.eval() first"
        )
    if tokens.dim() != 2 or tokens.numel() == 0:
        raise ValueError(f"tokens got shape {tuple(tokens.shape)}, wants (B, T), neither of them 0")
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens got {max_new_tokens}, wants at least 1")
    n_prompt = tokens.shape[1]
    if n_prompt + max_new_tokens > config.max_seq_len:
        raise ValueError(
            f"tokens got a prompt of {n_prompt}, which with max_new_tokens={max_new_tokens} is "
            f"longer than the model's context, max_seq_len={config.max_seq_len}"
        )
    if keep is None:
        return
    if keep.shape != tokens.shape:
        raise ValueError(f"keep got shape {tuple(keep.shape)}, wants {tuple(tokens.shape)}")
    if not bool(keep[:, -1].all()):
        raise ValueError("keep got rows padded on the right, wants padding on the left only")


def check_ends(
    model: Transformer, eos_id: int | Sequence[int] | None, pad_id: int | None
) -> list[int]:
    """Return the end tokens as a list, after a look at whether the model has them.

    Args:
        model: The model that will write them.
        eos_id: End token or tokens, or None.
        pad_id: The token that fills a row after its end, or None.

    Raises:
        ValueError: If an id is not one of the model's tokens.
    """
    ends = [] if eos_id is None else [eos_id] if isinstance(eos_id, int) else list(eos_id)
    for name, ids in (("eos_id", ends), ("pad_id", [] if pad_id is None else [pad_id])):
        for i in ids:
            if not 0 <= i < model.config.vocab_size:
                raise ValueError(f"{name} got {i}, wants 0 to {model.config.vocab_size - 1}")
    return ends


def check_source(model: Transformer, source: Tensor | None) -> None:
    """Refuse a source where there is no encoder, and no source where there is one.

    Args:
        model: The model that will read it.
        source: The encoder's side, `Int "B S"`, or None.

    Raises:
        ValueError: If the two do not fit.
    """
    if (source is None) == (model.config.family == "encoder-decoder"):
        got = "None" if source is None else "a tensor"
        raise ValueError(f"source got {got}, but the model is {model.config.family}")
