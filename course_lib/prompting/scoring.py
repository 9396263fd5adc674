"""Score given answers by their likelihood, instead of letting the model write one.

Chapter: 10_prompt_engineering
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from course_lib.model.transformer import Transformer
from course_lib.objectives.causal import token_losses
from course_lib.objectives.example import IGNORE
from course_lib.prompting.few_shot import Encodes


class Scores(NamedTuple):
    """Log-probabilities of answers, in nats.

    Attributes:
        total: Of the whole answer: the sum over its tokens. A long answer has a low one.
        mean: A token, the length-normalised score.
        lengths: Tokens of each answer.
    """

    total: Float[Tensor, " N"]
    mean: Float[Tensor, " N"]
    lengths: Int[Tensor, " N"]


def score(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    *,
    batch_size: int = 32,
    pad_on_left: bool = False,
) -> Scores:
    """Ask a model how likely each answer is after its prompt.

    Nothing is generated: one forward pass over prompt and answer holds the probability of every
    token of the answer. Rows of different lengths are padded; the side changes nothing.

    Args:
        model: A decoder-only model, in evaluation mode if it has dropout.
        prompts: Ids of each prompt, at least one a prompt.
        answers: Ids of the answer to each prompt, at least one an answer.
        batch_size: Rows read at a time.
        pad_on_left: Where the padding goes.

    Returns:
        A score for each pair, in the order given.

    Raises:
        ValueError: If the model does not fit, the two lists differ in length, or a prompt or an
            answer is empty, has an unknown id, or outgrows the model's context.

    Source: Brown et al. 2020, section 2.4 (multiple choice by likelihood, also a token).

    Chapter: 10_prompt_engineering
    """
    rows = _rows(model, prompts, answers)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))  # alike lengths, little padding
    device = model.embedding.weight.device
    total = torch.zeros(len(rows), device=device)
    for start in range(0, len(rows), batch_size):
        chosen = order[start : start + batch_size]
        tokens, targets, keep = [], [], []
        for i in chosen:
            row = torch.tensor(rows[i])
            wanted = row[1:].clone()
            wanted[: len(prompts[i]) - 1] = IGNORE
            tokens.append(row[:-1])
            targets.append(wanted)
            keep.append(torch.ones(len(row) - 1, dtype=torch.bool))
        side = "left" if pad_on_left else "right"
        inputs = pad_sequence(tokens, True, 0, side).to(device)  # (B, T)
        wanted = pad_sequence(targets, True, IGNORE, side).to(device)
        real = pad_sequence(keep, True, False, side).to(device)
        with torch.inference_mode():
            losses = token_losses(model(inputs, keep=real), wanted)  # (B, T)
        total[torch.tensor(chosen, device=device)] = -losses.sum(-1)
    lengths = torch.tensor([len(answer) for answer in answers], device=device)
    return Scores(total, total / lengths, lengths)


def choose(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    candidates: Sequence[Sequence[int]],
    *,
    normalise: bool = False,
    neutral: Sequence[int] | None = None,
    batch_size: int = 32,
) -> tuple[Int[Tensor, " B"], Float[Tensor, "B C"]]:
    """Pick the likeliest of some candidates for each prompt.

    The sum favours short candidates, since every further token costs; the mean a token favours
    long ones whose last tokens follow by themselves. A candidate may also win because it is common
    anywhere: with `neutral` its score after a prompt that asks nothing is taken off.

    Args:
        model: A decoder-only model.
        prompts: Ids of each prompt.
        candidates: Ids of each candidate, the same for all prompts.
        normalise: Compare the mean a token instead of the sum.
        neutral: Ids of a prompt without a question, such as "Answer:".
        batch_size: Rows read at a time.

    Returns:
        The index of the best candidate for each prompt, and the scores compared.

    Raises:
        ValueError: As `score`, or if there is no prompt or no candidate.

    Source: Brown et al. 2020, section 2.4, where the neutral prompt divides probabilities; a
    difference of logarithms is the same.

    Chapter: 10_prompt_engineering
    """
    if not prompts or not candidates:
        raise ValueError(
            f"prompts and candidates must not be empty, got {len(prompts)} and {len(candidates)}"
        )
    asked = [*prompts, *([neutral] if neutral is not None else [])]
    pairs = [(prompt, candidate) for prompt in asked for candidate in candidates]
    scores = score(model, [p for p, _ in pairs], [c for _, c in pairs], batch_size=batch_size)
    table = (scores.mean if normalise else scores.total).unflatten(0, (len(asked), -1))
    if neutral is not None:
        table = table[:-1] - table[-1]
    return table.argmax(-1), table


def encode_pair(tokenizer: Encodes, prompt: str, answer: str) -> tuple[list[int], list[int]]:
    """Split the tokens of prompt and answer together where the prompt ends.

    Tokenizing the two apart can give tokens that the joined text never has: blanks belong to the
    word after them, and letters at the seam may merge. So the joined text is tokenized, and the
    answer begins with the first token that the prompt alone does not have.

    Args:
        tokenizer: Turns text into ids.
        prompt: Text before the answer.
        answer: The answer, with the blank before it where there is one.

    Returns:
        Ids of the prompt and of the answer; together they are the ids of the joined text.

    Raises:
        ValueError: If prompt or answer has no token left of its own.

    Chapter: 10_prompt_engineering
    """
    joined, alone = tokenizer.encode(prompt + answer), tokenizer.encode(prompt)
    n_shared = 0
    while n_shared < min(len(joined), len(alone)) and joined[n_shared] == alone[n_shared]:
        n_shared += 1
    if n_shared == 0 or n_shared == len(joined):
        empty = "answer" if n_shared else "prompt"
        raise ValueError(f"{empty} has no token of its own: prompt {prompt!r}, answer {answer!r}")
    return joined[:n_shared], joined[n_shared:]


def _rows(
    model: Transformer, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Join prompts and answers, after a look at whether the model can read them."""
    config = model.config
    if config.family != "decoder-only":
        raise ValueError(f"model got an {config.family} model, wants a decoder-only one")
    if model.training and config.dropout > 0:
        raise ValueError(
            f"model is in training mode with dropout={config.dropout}: call model.eval() first"
        )
    if len(prompts) != len(answers):
        raise ValueError(
            f"answers must be as many as the {len(prompts)} prompts, got {len(answers)}"
        )
    if not prompts:
        raise ValueError("prompts must hold at least one prompt, got none")
    rows = []
    for i, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        for name, ids in (("prompts", prompt), ("answers", answer)):
            if not len(ids):
                raise ValueError(f"{name}[{i}] must hold at least one token, got none")
        row = [*map(int, prompt), *map(int, answer)]
        if len(row) - 1 > config.max_seq_len:
            raise ValueError(
                f"prompts[{i}] and its answer take {len(row)} tokens, the model's context is "
                f"{config.max_seq_len}"
            )
        if not 0 <= min(row) <= max(row) < config.vocab_size:
            raise ValueError(
                f"prompts[{i}] and its answer have ids from {min(row)} to {max(row)}, wants 0 to "
                f"{config.vocab_size - 1}"
            )
        rows.append(row)
    return rows
