"""DPO: which of two answers people prefer, made into a loss without any model of reward."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks import (
    check_floats,
    check_lists,
    check_module,
    check_numbers,
    check_whole,
    tensor_of_ids,
)
from course_lib.objectives import IGNORE, Example, token_losses
from course_lib.shapes import Bool, Float, Int, same_shape
from course_lib.training.batch import predict_logits


class Preference(NamedTuple):
    """A prompt with the answer that was preferred and the one that was not, as token ids."""

    prompt: Sequence[int]
    chosen: Sequence[int]
    rejected: Sequence[int]


class PreferenceLoss(NamedTuple):
    """The loss of some pairs, and what to watch while it falls.

    Attributes:
        loss: Mean over the pairs.
        chosen_rewards: How much more likely than the reference the model makes each chosen answer,
            times beta. It may fall while the loss falls, too: that is the beginning of collapse.
        rejected_rewards: The same of each rejected answer.
    """

    loss: Float[Tensor, ""]
    chosen_rewards: Float[Tensor, " B"]
    rejected_rewards: Float[Tensor, " B"]

    @property
    def margins(self) -> Float[Tensor, " B"]:
        """Reward of the chosen minus reward of the rejected answer, for each pair."""
        return self.chosen_rewards - self.rejected_rewards

    @property
    def accuracy(self) -> float:
        """Share of the pairs that the model orders as people do, against the reference."""
        return float((self.margins > 0).float().mean())


def answer_example(
    prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], pad_id: int = 0
) -> Example:
    """Put prompts and answers in rows, so that only the tokens of the answers count.

    The place that reads the *last token of the prompt* is the first that counts: there the first
    token of the answer is said. A mask that begins one place later never asks for that token; one
    that begins earlier asks for the prompt.

    Args:
        prompts: Token ids of each prompt, at least one.
        answers: Token ids of each answer, at least one.
        pad_id: What inputs hold behind the end of a row.

    Returns:
        Rows of prompt and answer, the target of each place being the next token, or ``IGNORE``
        where that is one of the prompt's.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there are no rows, their numbers differ, or a prompt or an answer is empty.
    """
    check_lists(prompts=prompts, answers=answers)
    [pad_id] = check_whole(pad_id=pad_id)
    if not len(prompts) or len(prompts) != len(answers):
        raise ValueError(
            f"prompts and answers must be as many, at least 1, got {len(prompts)} and "
            f"{len(answers)}"
        )
    asked, said = _filled("prompts", prompts), _filled("answers", answers)
    longest = max(len(p) + len(a) for p, a in zip(asked, said, strict=True)) - 1
    inputs = torch.full((len(asked), longest), pad_id)
    targets = torch.full_like(inputs, IGNORE)
    for row, (prompt, answer) in enumerate(zip(asked, said, strict=True)):
        text = torch.cat([prompt, answer])
        inputs[row, : len(text) - 1] = text[:-1]
        targets[row, len(prompt) - 1 : len(text) - 1] = text[len(prompt) :]
    return Example(inputs=inputs, targets=targets)


def _filled(name: str, texts: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return the ids of each text; an empty one is refused."""
    made = [tensor_of_ids(f"{name}[{index}]", ids) for index, ids in enumerate(texts)]
    for index, ids in enumerate(made):
        if not len(ids):
            raise ValueError(f"{name}[{index}] is empty: it needs at least 1 token")
    return made


def answer_log_probs(model: nn.Module, example: Example) -> Float[Tensor, " B"]:
    """Give the log-probability of each row's answer: the sum over its tokens, in nats.

    Args:
        model: A causal model.
        example: From `answer_example`.

    Raises:
        TypeError: If `model` is none.
    """
    check_module(model)
    device = next(model.parameters()).device
    moved = Example(example.inputs.to(device), example.targets.to(device))
    return -token_losses(predict_logits(model, moved), moved.targets).sum(1)


def dpo_loss(
    chosen: Float[Tensor, " B"],
    rejected: Float[Tensor, " B"],
    reference_chosen: Float[Tensor, " B"],
    reference_rejected: Float[Tensor, " B"],
    *,
    beta: float | int = 0.1,
    likelihood: float | int = 0.0,
    n_tokens: Int[Tensor, " B"] | None = None,
) -> PreferenceLoss:
    """Ask that the chosen answer gains more on the reference than the rejected one does.

    Only the difference of the two gains counts. A model can make both answers less likely, and the
    loss still falls: then it says neither, but something that nobody has judged. The likelihood
    term, the ordinary loss on the chosen answers, holds against that.

    Args:
        chosen: Log-probability that the model gives to each chosen answer.
        rejected: The same of the rejected answers.
        reference_chosen: What the reference, the model before, gives to the chosen answers.
        reference_rejected: The same of the rejected answers.
        beta: How dear it is to leave the reference: small lets the model go far.
        likelihood: Weight of the likelihood term, in nats a token of the chosen answers.
        n_tokens: Tokens of each chosen answer; needed if `likelihood` is not 0.

    Returns:
        The loss, and the rewards of both answers.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If a number is out of range, the shapes differ, or `n_tokens` and `likelihood`
            do not belong together.

    Source: Rafailov et al. 2023, "Direct Preference Optimization", equation 7; the likelihood term:
    Pang et al. 2024, "Iterative Reasoning Preference Optimization", section 2.
    """
    [beta, likelihood] = check_numbers(beta=beta, likelihood=likelihood)
    if not 0 < beta < float("inf"):
        raise ValueError(f"beta must be positive, got {beta}")
    if not 0 <= likelihood < float("inf"):
        raise ValueError(f"likelihood must be 0 or more, got {likelihood}")
    if bool(likelihood) != (n_tokens is not None):
        raise ValueError(f"likelihood={likelihood} with n_tokens={n_tokens}: give both, or neither")
    check_floats("chosen", chosen, "B")
    references = {"reference_chosen": reference_chosen, "reference_rejected": reference_rejected}
    for name, sums in {"rejected": rejected, **references}.items():
        check_floats(name, sums)
    if not chosen.numel():
        raise ValueError("chosen must hold at least 1 pair, got 0")
    same_shape(chosen=chosen, rejected=rejected, **references, n_tokens=n_tokens)
    chosen_rewards = beta * (chosen - reference_chosen)
    rejected_rewards = beta * (rejected - reference_rejected)
    loss = -F.logsigmoid(chosen_rewards - rejected_rewards).mean()
    if n_tokens is not None:
        loss = loss - likelihood * chosen.sum() / n_tokens.sum()
    return PreferenceLoss(loss, chosen_rewards.detach(), rejected_rewards.detach())


def check_preferences(pairs: Sequence[Preference]) -> None:
    """Refuse pairs from which nothing can be learned, before any work starts.

    Args:
        pairs: All of them.

    Raises:
        TypeError: If pairs are no list, or one of them is no `Preference`.
        ValueError: If there is none, a prompt or an answer is empty, both answers of a pair are
            equal, or a pair stands in the list the other way round, too; it names the first.
    """
    check_lists(pairs=pairs)
    if not len(pairs):
        raise ValueError("pairs must hold at least 1 pair, got 0")
    seen: dict[tuple[tuple[int, ...], ...], int] = {}
    for index, pair in enumerate(pairs):
        if not isinstance(pair, Preference):
            raise TypeError(f"pairs[{index}] must be a Preference, got {pair!r:.60}")
        for name, ids in pair._asdict().items():
            check_lists(**{f"pairs[{index}].{name}": ids})
            if not len(ids):
                raise ValueError(f"pairs[{index}].{name} is empty: it needs at least 1 token")
        prompt, chosen, rejected = map(tuple, pair)
        if chosen == rejected:
            raise ValueError(
                f"pairs[{index}] has equal answers: nothing is preferred, and its loss is log 2 "
                "whatever the model does"
            )
        other = seen.get((prompt, rejected, chosen))
        if other is not None:
            raise ValueError(f"pairs[{index}] prefers what pairs[{other}] rejects")
        seen.setdefault((prompt, chosen, rejected), index)


def preference_loss(
    model: nn.Module,
    reference: nn.Module,
    pairs: Sequence[Preference],
    *,
    beta: float | int = 0.1,
    likelihood: float | int = 0.0,
    pad_id: int = 0,
) -> PreferenceLoss:
    """Measure `dpo_loss` of some pairs, with both models.

    Args:
        model: The one that learns.
        reference: The model before; it gets no gradient.
        pairs: A batch.
        beta: As in `dpo_loss`.
        likelihood: As in `dpo_loss`.
        pad_id: What inputs hold behind the end of a row.

    Returns:
        The loss, and the rewards of both answers.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: As in `check_preferences` and `dpo_loss`.
    """
    check_module(model)
    check_module(reference, "reference")
    [beta, likelihood] = check_numbers(beta=beta, likelihood=likelihood)
    check_preferences(pairs)
    n = len(pairs)
    both = answer_example(
        [pair.prompt for pair in pairs] * 2,
        [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs],
        pad_id,
    )
    with torch.no_grad():
        before = answer_log_probs(reference, both)
    now = answer_log_probs(model, both)
    counts = _lengths(both.targets != IGNORE)[:n].to(now.device) if likelihood else None
    return dpo_loss(
        now[:n], now[n:], before[:n], before[n:], beta=beta, likelihood=likelihood, n_tokens=counts
    )


def _lengths(counts: Bool[Tensor, "B T"]) -> Int[Tensor, " B"]:
    return counts.sum(1)
