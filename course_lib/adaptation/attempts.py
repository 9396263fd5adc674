"""Several answers of a model: how they are drawn, and how often one of them is right."""

import math
from collections.abc import Sequence

import torch

from course_lib.checks import check_lists, check_module, check_numbers, check_whole
from course_lib.generation import generate
from course_lib.generation.processors import temperature as at_temperature
from course_lib.model import Transformer


def pass_at_k(n_answers: int, n_right: int, k: int) -> float:
    """Estimate how likely at least one of k answers is right, from n of them.

    One minus the share of all choices of k answers that hold none of the right ones: the mean over
    choices, which one draw of k would only hit on average.

    Args:
        n_answers: Answers that were drawn, at least k.
        n_right: How many of them are right.
        k: Answers one may give.

    Returns:
        A probability.

    Raises:
        TypeError: If one is no whole number.
        ValueError: If the numbers contradict each other.

    Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", equation 1.
    """
    [n_answers, n_right, k] = check_whole(n_answers=n_answers, n_right=n_right, k=k)
    if not 1 <= k <= n_answers:
        raise ValueError(f"k must be 1 to n_answers={n_answers}, got {k}")
    if not 0 <= n_right <= n_answers:
        raise ValueError(f"n_right must be 0 to n_answers={n_answers}, got {n_right}")
    return 1 - math.comb(n_answers - n_right, k) / math.comb(n_answers, k)


def sample_answers(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    generator: torch.Generator,
    temperature: float = 1.0,
    eos_id: int | None = None,
) -> list[list[int]]:
    """Let a model answer each prompt once, at random.

    Args:
        model: Is put in evaluation mode meanwhile.
        prompts: Token ids, of any lengths.
        max_new_tokens: The most tokens of an answer.
        generator: Draws the answers.
        temperature: 1 draws from the model's own probabilities.
        eos_id: Ends an answer, and is kept.

    Returns:
        The answers.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there is no prompt, one is empty, or a number is out of range.
    """
    check_module(model)
    check_lists(prompts=prompts)
    [temperature] = check_numbers(temperature=temperature)
    if not len(prompts):
        raise ValueError("prompts must hold at least 1 prompt, got 0")
    longest = max(map(len, prompts))
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    keep = torch.zeros_like(ids, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(list(prompt))
        keep[row, longest - len(prompt) :] = True
    was_training = model.training
    device = model.embedding.weight.device
    model.eval()
    try:
        written = generate(
            model,
            ids.to(device),
            keep=None if bool(keep.all()) else keep.to(device),
            max_new_tokens=max_new_tokens,
            processors=[] if temperature == 1 else [at_temperature(temperature)],
            sample=True,
            generator=generator,
            eos_id=eos_id,
        )
    finally:
        model.train(was_training)
    lengths = written.lengths.tolist()
    return [row[:n] for row, n in zip(written.tokens.tolist(), lengths, strict=True)]
