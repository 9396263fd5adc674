"""GRPO: let a model answer several times, and make likelier what a check finds right."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.adaptation.attempts import sample_answers
from course_lib.adaptation.preferences import answer_example
from course_lib.checks import (
    check_floats,
    check_generator,
    check_lists,
    check_mask,
    check_module,
    check_numbers,
    check_whole,
)
from course_lib.model import Transformer
from course_lib.objectives import IGNORE, Example, token_losses
from course_lib.shapes import Bool, Float, same_shape
from course_lib.training import History, adamw, linear, train

Reward = Callable[[Sequence[int], Sequence[int]], float | int | bool]


def group_advantages(rewards: Float[Tensor, "B N"], *, eps: float = 1e-4) -> Float[Tensor, "B N"]:
    """Say how much better each answer is than the other answers to its prompt, in their spread.

    No model of value is needed: the mean of the group takes its place. A group whose rewards are
    all equal says nothing, and gets 0.

    Args:
        rewards: Of N answers to each of B prompts.
        eps: Added to the spread.

    Returns:
        For each group, mean 0.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If a group has less than two answers, or a reward is not finite.

    Source: Shao et al. 2024, "DeepSeekMath", section 4.1.2.
    """
    check_floats("rewards", rewards, "B N")
    if rewards.shape[1] < 2:
        raise ValueError(
            f"rewards must be of at least 2 answers to a prompt, got {rewards.shape[1]}: one has "
            "nothing to be better than"
        )
    if not bool(rewards.isfinite().all()):
        raise ValueError("rewards must be finite, got a NaN or an infinity")
    off = rewards - rewards.mean(1, keepdim=True)
    equal = rewards.amax(1, keepdim=True) == rewards.amin(1, keepdim=True)
    return (off / (rewards.std(1, keepdim=True) + eps)).masked_fill(equal, 0.0)


def grpo_loss(
    log_probs: Float[Tensor, "B T"],
    old_log_probs: Float[Tensor, "B T"],
    advantages: Float[Tensor, " B"],
    counts: Bool[Tensor, "B T"],
    *,
    clip: float = 0.2,
    beta: float | int = 0.0,
    reference_log_probs: Float[Tensor, "B T"] | None = None,
) -> Float[Tensor, ""]:
    """Make the tokens of good answers likelier and those of bad ones less, but not by much at once.

    Each answer weighs the same, however long it is: its tokens are averaged first. In the first
    update after the answers were drawn, old and new are equal, the loss is minus the mean
    advantage, and only its gradient means something.

    Args:
        log_probs: Of each token, by the model that learns.
        old_log_probs: The same when the answers were drawn; no gradient.
        advantages: Of each answer.
        counts: True for tokens of the answer.
        clip: A token's probability may move by this share before its gradient ends.
        beta: Weight of the divergence from the reference.
        reference_log_probs: By the reference; needed if `beta` is not 0.

    Returns:
        The loss.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If a number is out of range, shapes differ, no token of an answer counts, or
            `beta` and the reference do not belong together.

    Source: Shao et al. 2024, "DeepSeekMath", equations 3 and 4.
    """
    [clip, beta] = check_numbers(clip=clip, beta=beta)
    check_floats("log_probs", log_probs, "B T")
    check_floats("old_log_probs", old_log_probs)
    check_floats("advantages", advantages, "B")
    if not 0 < clip < 1:
        raise ValueError(f"clip must be a share, above 0 and below 1, got {clip}")
    if not 0 <= beta < math.inf:
        raise ValueError(f"beta must be 0 or more, got {beta}")
    if bool(beta) != (reference_log_probs is not None):
        raise ValueError("beta and reference_log_probs belong together: give both, or neither")
    same_shape(
        log_probs=log_probs,
        old_log_probs=old_log_probs,
        counts=counts,
        reference_log_probs=reference_log_probs,
    )
    check_mask("counts", counts, log_probs.shape)
    if advantages.shape != log_probs.shape[:1]:
        raise ValueError(
            f"advantages must be one of each of {len(log_probs)} answers, "
            f"got shape {list(advantages.shape)}"
        )
    if not bool(counts.any(1).all()):
        raise ValueError("counts must hold at least 1 token of each answer")
    ratio = (log_probs - old_log_probs.detach()).exp()
    gain = advantages[:, None]
    each = -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)  # (B, T)
    if reference_log_probs is not None:
        off = reference_log_probs.detach() - log_probs
        each = each + beta * (off.exp() - off - 1)
    return ((each * counts).sum(1) / counts.sum(1)).mean()


class Rollouts:
    """Batches of answers that the model itself has just given, with what a check says of them.

    Prompts are drawn, each is answered several times, and every answer gets a reward. A batch in
    which no group of answers varies is no use, and is counted. At the beginning others are drawn in
    its place, and a reward that never varies ends the run; later, as when the task is solved, such
    a batch is an update without a gradient.

    Args:
        model: The model that learns; it answers as it is at that moment.
        prompts: Token ids of each prompt.
        reward: Called as ``reward(prompt, answer)``; the answer ends with its end token, if it has
            one.
        prompts_a_batch: Prompts drawn for a batch.
        answers: N, answers to each prompt.
        max_new_tokens: The most tokens of an answer.
        generator: Draws prompts and answers.
        temperature: Of the answers.
        eos_id: Ends an answer.
        patience: Batches without any variation at the beginning, after which it gives up.
        reuse: Updates that each batch serves.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If a number is out of range, or a prompt is empty.
    """

    def __init__(
        self,
        model: Transformer,
        prompts: Sequence[Sequence[int]],
        reward: Reward,
        *,
        prompts_a_batch: int,
        answers: int,
        max_new_tokens: int,
        generator: torch.Generator,
        temperature: float = 1.0,
        eos_id: int | None = None,
        patience: int = 20,
        reuse: int = 1,
    ) -> None:
        sizes = {"patience": patience, "reuse": reuse, "max_new_tokens": max_new_tokens}
        [patience, reuse, max_new_tokens, prompts_a_batch, answers] = check_whole(
            **sizes, prompts_a_batch=prompts_a_batch, answers=answers
        )
        [temperature] = check_numbers(temperature=temperature)
        check_module(model)
        check_lists(prompts=prompts)
        check_generator(generator)
        if not callable(reward):
            raise TypeError(f"reward must be a function of prompt and answer, got {reward!r:.60}")
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if answers < 2:
            raise ValueError(f"answers must be at least 2 to compare them, got {answers}")
        if not 1 <= prompts_a_batch <= len(prompts):
            raise ValueError(
                f"prompts_a_batch must be 1 to the number of prompts, {len(prompts)}, got "
                f"{prompts_a_batch}"
            )
        for index, prompt in enumerate(prompts):
            if not len(prompt):
                raise ValueError(f"prompts[{index}] is empty: it needs at least 1 token")
        self.model, self.prompts, self.reward = model, prompts, reward
        self.prompts_a_batch, self.answers, self.max_new_tokens = (
            prompts_a_batch,
            answers,
            max_new_tokens,
        )
        self.generator, self.temperature, self.eos_id = generator, temperature, eos_id
        self.patience, self.reuse = patience, reuse
        self.mean_rewards: list[float] = []
        self.n_groups = self.n_equal_groups = self.n_skipped_batches = 0
        self.has_varied = False
        self.advantages = torch.zeros(0)
        self.old_log_probs: Tensor | None = None
        self._example: Example | None = None
        self._used = 0

    def __iter__(self) -> Iterator[Example]:
        """Return itself."""
        return self

    def __next__(self) -> Example:
        """Return the next batch; never stops.

        Raises:
            ValueError: If the reward has not varied in the first `patience` batches, or is not
                finite.
        """
        if self._example is None or self._used == self.reuse:
            self._example, self._used = self._draw(), 0
            self.old_log_probs = None
        self._used += 1
        return self._example

    def _draw(self) -> Example:
        for _ in range(self.patience):
            chosen = torch.randperm(len(self.prompts), generator=self.generator)
            asked = [self.prompts[n] for n in chosen[: self.prompts_a_batch].tolist()]
            repeated = [prompt for prompt in asked for _ in range(self.answers)]
            written = sample_answers(
                self.model,
                repeated,
                max_new_tokens=self.max_new_tokens,
                generator=self.generator,
                temperature=self.temperature,
                eos_id=self.eos_id,
            )
            values = [
                float(self.reward(prompt, answer))
                for prompt, answer in zip(repeated, written, strict=True)
            ]
            rewards = torch.tensor(values).view(len(asked), self.answers)
            advantages = group_advantages(rewards)
            equal = rewards.amax(1) == rewards.amin(1)
            self.n_groups += len(asked)
            self.n_equal_groups += int(equal.sum())
            self.mean_rewards.append(float(rewards.mean()))
            self.n_skipped_batches += bool(equal.all())
            self.has_varied = self.has_varied or not bool(equal.all())
            if self.has_varied:  # once it has, a batch of equal rewards is a step without gradient
                self.advantages = advantages.flatten()
                return answer_example(repeated, written)
        raise ValueError(
            f"reward must vary: it gave {self.mean_rewards[-1]:.4g} to each of {self.answers} "
            f"answers to every prompt in {self.patience} batches, and nothing can be learned from "
            "that; the task is too easy, too hard, or the check sees no difference"
        )

    def loss(self, clip: float = 0.2) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the loss of the batch that was handed out last, as `train` asks for it.

        Args:
            clip: As in `grpo_loss`.
        """

        def loss(logits: Tensor, targets: Tensor) -> Tensor:
            log_probs = -token_losses(logits, targets)
            if self.old_log_probs is None:
                self.old_log_probs = log_probs.detach()
            return grpo_loss(
                log_probs,
                self.old_log_probs,
                self.advantages.to(logits.device),
                targets != IGNORE,
                clip=clip,
            )

        return loss


def reinforce(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    reward: Reward,
    *,
    steps: int,
    max_new_tokens: int,
    prompts_a_batch: int = 16,
    answers: int = 8,
    temperature: float = 1.0,
    eos_id: int | None = None,
    lr: float = 3e-4,
    clip: float = 0.2,
    reuse: int = 1,
    patience: int = 20,
    seed: int = 0,
    **settings: Any,
) -> tuple[History, Rollouts]:
    """Train a model on what a check says of its own answers, by GRPO and the one training loop.

    It makes likely what the model could do already, now and then: a task at which it never succeeds
    gives nothing to learn from.

    Args:
        model: A decoder that has learned the form of the task; it is changed.
        prompts: Token ids of each prompt.
        reward: As in `Rollouts`.
        steps: Updates.
        max_new_tokens: The most tokens of an answer.
        prompts_a_batch: Prompts of an update.
        answers: Answers to each of them.
        temperature: Of the answers.
        eos_id: Ends an answer.
        lr: Peak learning rate of AdamW; it falls to 0 along a straight line.
        clip: As in `grpo_loss`.
        reuse: Updates that each batch serves.
        patience: As in `Rollouts`.
        seed: Draws prompts and answers.
        **settings: Passed on to `train`; a run cannot be resumed, since its batches come from
            the model.

    Returns:
        The course of the run, and the rollouts, which have counted rewards and skips.

    Raises:
        ValueError: If a number is out of range, or the reward never varies.

    Source: Shao et al. 2024, "DeepSeekMath", section 4.1; without a divergence term.
    """
    rollouts = Rollouts(
        model,
        prompts,
        reward,
        prompts_a_batch=prompts_a_batch,
        answers=answers,
        max_new_tokens=max_new_tokens,
        generator=torch.Generator().manual_seed(seed),
        temperature=temperature,
        eos_id=eos_id,
        patience=patience,
        reuse=reuse,
    )
    history = train(
        model,
        rollouts,
        optimizer=adamw(model, lr, 0.0),
        steps=steps,
        schedule=linear(steps=steps, warmup=0),
        loss=rollouts.loss(clip),
        seed=seed,
        **settings,
    )
    model.eval()
    return history, rollouts
