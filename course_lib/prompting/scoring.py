"""Score given answers by their likelihood, instead of letting the model write one.

Chapter: 10_prompt_engineering
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from course_lib.checks import check_lists, check_methods, check_text, check_whole, tensor_of_ids
from course_lib.generation.checks import check_context, check_model
from course_lib.model.transformer import Transformer
from course_lib.objectives.causal import token_losses
from course_lib.objectives.example import IGNORE, Example
from course_lib.prompting.few_shot import Encodes
from course_lib.shapes import Float, Int


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
    start_id: int | None = None,
    batch_size: int = 32,
    pad_on_left: bool = False,
) -> Scores:
    """Ask a model how likely each answer is after its prompt.

    Nothing is generated: one forward pass over prompt and answer holds the probability of every
    token of the answer. A decoder-only model reads the two in one row; an encoder-decoder reads
    the prompt in its encoder and the answer in its decoder. Rows of different lengths are padded;
    the side changes nothing.

    Args:
        model: A model with a decoder, in evaluation mode if it has dropout.
        prompts: Ids of each prompt, at least one a prompt.
        answers: Ids of the answer to each prompt, at least one an answer. The token that ends a
            text is scored like any other, if it is among them.
        start_id: The token the decoder of an encoder-decoder begins with (T5: 0, its padding).
        batch_size: Rows read at a time.
        pad_on_left: Where the padding goes.

    Returns:
        A score for each pair, in the order given.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the model does not fit, the two lists differ in length, or a prompt or an
            answer is empty, has an unknown id, or outgrows the model's context.

    Source: Brown et al. 2020, section 2.4 (multiple choice by likelihood, also a token).
    """
    [batch_size] = check_whole(batch_size=batch_size)
    rows = _rows(model, prompts, answers, start_id)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    order = sorted(range(len(rows)), key=lambda i: _size(rows[i]))  # alike sizes, little padding
    device = model.embedding.weight.device
    side = "left" if pad_on_left else "right"
    total = torch.zeros(len(rows), device=device)
    for start in range(0, len(rows), batch_size):
        chosen = order[start : start + batch_size]
        inputs, keep = _padded([rows[i].inputs for i in chosen], side, device)  # (B, T)
        read = {"keep": keep}
        sources = [source for i in chosen if (source := rows[i].source) is not None]
        if sources:
            read["source"], read["source_keep"] = _padded(sources, side, device)  # (B, S)
        targets = pad_sequence([rows[i].targets for i in chosen], True, IGNORE, side).to(device)
        with torch.inference_mode():
            losses = token_losses(model(inputs, **read), targets)  # (B, T)
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
    start_id: int | None = None,
    batch_size: int = 32,
) -> tuple[Int[Tensor, " B"], Float[Tensor, "B C"]]:
    """Pick the likeliest of some candidates for each prompt.

    The sum favours short candidates, since every further token costs; the mean a token favours
    long ones whose last tokens follow by themselves. A candidate may also win because it is common
    anywhere: with `neutral` its score after a prompt that asks nothing is taken off.

    Args:
        model: A model with a decoder.
        prompts: Ids of each prompt.
        candidates: Ids of each candidate, the same for all prompts.
        normalise: Compare the mean a token instead of the sum.
        neutral: Ids of a prompt without a question, such as "Answer:".
        start_id: The token the decoder of an encoder-decoder begins with.
        batch_size: Rows read at a time.

    Returns:
        The index of the best candidate for each prompt, and the scores compared.

    Raises:
        TypeError: As `score`.
        ValueError: As `score`, or if there is no prompt or no candidate.

    Source: Brown et al. 2020, section 2.4, where the neutral prompt divides probabilities; a
    difference of logarithms is the same.
    """
    check_lists(prompts=prompts, candidates=candidates)
    check_lists(None, neutral=neutral)
    if not len(prompts) or not len(candidates):
        raise ValueError(
            f"prompts and candidates must not be empty, got {len(prompts)} and {len(candidates)}"
        )
    asked = [*prompts, *([neutral] if neutral is not None else [])]
    pairs = [(prompt, candidate) for prompt in asked for candidate in candidates]
    left, right = [prompt for prompt, _ in pairs], [candidate for _, candidate in pairs]
    scores = score(model, left, right, start_id=start_id, batch_size=batch_size)
    table = (scores.mean if normalise else scores.total).unflatten(0, (len(asked), -1))
    if neutral is not None:
        table = table[:-1] - table[-1]
    return table.argmax(-1), table


def encode_pair(tokenizer: Encodes, prompt: str, answer: str) -> tuple[list[int], list[int]]:
    """Split the tokens of prompt and answer together where the prompt ends.

    Tokenizing the two apart can give tokens that the joined text never has: blanks belong to the
    word after them, and letters at the seam may merge. So the joined text is tokenized, and the
    answer begins with the first token that the prompt alone does not have. (An encoder-decoder
    reads the two apart, and they are tokenized apart.)

    Args:
        tokenizer: Turns text into ids.
        prompt: Text before the answer.
        answer: The answer, with the blank before it where there is one.

    Returns:
        Ids of the prompt and of the answer; together they are the ids of the joined text.

    Raises:
        TypeError: If prompt or answer is no text.
        ValueError: If prompt or answer has no token left of its own.
    """
    check_methods("encode", tokenizer=tokenizer)
    check_text(prompt=prompt, answer=answer)
    joined, alone = tokenizer.encode(prompt + answer), tokenizer.encode(prompt)
    n_shared = 0
    while n_shared < min(len(joined), len(alone)) and joined[n_shared] == alone[n_shared]:
        n_shared += 1
    if n_shared == 0 or n_shared == len(joined):
        empty = "answer" if n_shared else "prompt"
        raise ValueError(f"{empty} has no token of its own: prompt {prompt!r}, answer {answer!r}")
    return joined[:n_shared], joined[n_shared:]


def _rows(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    start_id: int | None,
) -> list[Example]:
    """Say what is read and what is asked for, after a look at whether the model can read it."""
    _check_model(model, start_id)
    check_lists(prompts=prompts, answers=answers)
    if len(prompts) != len(answers):
        raise ValueError(
            f"answers must be as many as the {len(prompts)} prompts, got {len(answers)}"
        )
    if not len(prompts):
        raise ValueError("prompts must hold at least one prompt, got none")
    rows = []
    for i, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        left = tensor_of_ids(f"prompts[{i}]", prompt)
        right = tensor_of_ids(f"answers[{i}]", answer)
        for name, ids in (("prompts", left), ("answers", right)):
            if not len(ids):
                raise ValueError(f"{name}[{i}] must hold at least one token, got none")
        _check_ids(model, i, torch.cat((left, right)))
        if start_id is not None:
            row = torch.cat((torch.tensor([start_id]), right))
            example = Example(row[:-1], row[1:], source=left)
        else:
            row = torch.cat((left, right))
            unasked = torch.full((len(left) - 1,), IGNORE)
            example = Example(row[:-1], torch.cat((unasked, right)))
        rows.append(example)
    i = max(range(len(rows)), key=lambda i: max(_size(rows[i])))
    n_tokens = max(_size(rows[i]))
    check_context(model, n_tokens, f"prompts[{i}] with its answer, read as {n_tokens} tokens,")
    return rows


def _check_model(model: Transformer, start_id: int | None) -> None:
    check_model(model)
    check_whole(None, start_id=start_id)
    config = model.config
    if config.family == "decoder-only" and start_id is not None:
        raise ValueError(f"start_id={start_id}: a decoder-only model begins with its prompt")
    if config.family == "encoder-decoder":
        if start_id is None:
            raise ValueError(
                "start_id=None: wants the token that the decoder of this encoder-decoder begins "
                "with, which published models name decoder_start_token_id"
            )
        if not 0 <= start_id < config.vocab_size:
            raise ValueError(f"start_id={start_id}, wants 0 to {config.vocab_size - 1}")


def _check_ids(model: Transformer, i: int, ids: Tensor) -> None:
    low, high = int(ids.min()), int(ids.max())
    if not 0 <= low <= high < model.config.vocab_size:
        raise ValueError(
            f"prompts[{i}] and its answer have ids from {low} to {high}, wants 0 to "
            f"{model.config.vocab_size - 1}"
        )


def _size(row: Example) -> tuple[int, int]:
    return len(row.inputs), 0 if row.source is None else len(row.source)


def _padded(rows: Sequence[Tensor], side: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Stack rows of different lengths, and say which slots are real."""
    keep = [torch.ones(len(row), dtype=torch.bool) for row in rows]
    padded = pad_sequence(list(rows), True, 0, side).to(device)
    return padded, pad_sequence(keep, True, False, side).to(device)
