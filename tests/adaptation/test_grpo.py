import math
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch

from course_lib import Transformer, TransformerConfig
from course_lib.adaptation import (
    Rollouts,
    group_advantages,
    grpo_loss,
    pass_at_k,
    reinforce,
    sample_answers,
)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model_of() -> Transformer:
    config = TransformerConfig(
        vocab_size=12, d_model=32, n_heads=2, n_decoder_layers=1, max_seq_len=12
    )
    return Transformer(config, generator=drawn())


def test_advantages_by_hand() -> None:
    rewards = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.3, 0.3, 0.3, 0.3]])
    advantages = group_advantages(rewards)
    spread = math.sqrt(1 / 3) + 1e-4
    assert advantages[0].tolist() == pytest.approx(
        [0.5 / spread, -0.5 / spread, -0.5 / spread, 0.5 / spread]
    )
    assert advantages[1].tolist() == [0.0] * 4
    with pytest.raises(ValueError, match="at least 2 answers"):
        group_advantages(torch.ones(3, 1))
    with pytest.raises(ValueError, match="finite"):
        group_advantages(torch.tensor([[1.0, math.nan]]))


def batch() -> dict[str, torch.Tensor]:
    noise = drawn(3)
    new = -torch.rand(4, 5, generator=noise) * 3
    return {
        "log_probs": new,
        "old_log_probs": new + torch.randn(4, 5, generator=noise) * 0.3,
        "advantages": torch.tensor([1.2, -0.4, 0.0, -0.8]),
        "counts": torch.arange(5) < torch.tensor([5, 3, 1, 4])[:, None],
    }


def trl_loss(parts: dict[str, torch.Tensor], clip: float, beta: float, reference: Any) -> Any:
    """What trl's trainer says of the same numbers."""
    trainer = pytest.importorskip("trl.trainer.grpo_trainer").GRPOTrainer
    self = MagicMock()
    entropies = torch.zeros_like(parts["log_probs"])
    self._get_per_token_logps_and_entropies.return_value = (parts["log_probs"], entropies, None)
    named: dict[str, Any] = {
        "top_entropy_quantile": 1.0,
        "aux_loss_enabled": False,
        "off_policy_mask_threshold": None,
        "importance_sampling_level": "token",
        "beta": beta,
        "loss_type": "grpo",
        "epsilon_low": clip,
        "epsilon_high": clip,
        "use_vllm": False,
        "current_gradient_accumulation_steps": 1,
        "_entropy_bonus_enabled": False,
        "model": SimpleNamespace(training=True),
        "args": SimpleNamespace(delta=None, use_bias_correction_kl=False),
    }
    for name, value in named.items():
        setattr(self, name, value)
    self.accelerator.reduce = lambda value, reduction=None: value
    self.accelerator.gather = lambda value: value
    width = parts["counts"].shape[1]
    inputs = {
        "prompt_ids": torch.ones(4, 2, dtype=torch.long),
        "prompt_mask": torch.ones(4, 2, dtype=torch.long),
        "completion_ids": torch.ones(4, width, dtype=torch.long),
        "completion_mask": parts["counts"].long(),
        "advantages": parts["advantages"],
        "old_per_token_logps": parts["old_log_probs"],
        "ref_per_token_logps": reference,
    }
    return trainer._compute_loss(self, None, inputs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("clip", [0.2, 0.05])
@pytest.mark.parametrize("beta", [0.0, 0.04])
def test_it_is_trls_loss_on_the_same_batch(clip: float, beta: float) -> None:
    parts = batch()
    reference = parts["log_probs"] + torch.randn(4, 5, generator=drawn(8)) * 0.2 if beta else None
    ours = grpo_loss(**parts, clip=clip, beta=beta, reference_log_probs=reference)
    theirs = trl_loss(parts, clip, beta, reference)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    parts["log_probs"] = parts["log_probs"] + 0.05
    assert abs(float(grpo_loss(**parts, clip=clip)) - float(ours)) > 1e-4


def test_the_gradient_ends_where_a_token_has_moved_enough() -> None:
    old = torch.zeros(2, 1)
    new = torch.tensor([[0.5], [-0.5]], requires_grad=True)
    counts = torch.ones(2, 1, dtype=torch.bool)
    grpo_loss(new, old, torch.tensor([1.0, -1.0]), counts).backward()
    assert new.grad is not None and new.grad.abs().sum() == 0
    new.grad = None
    grpo_loss(new, old, torch.tensor([-1.0, 1.0]), counts).backward()
    assert (new.grad.abs() > 0.1).all()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"clip": 0.0}, "clip must be a share"),
        ({"clip": 1.0}, "got 1.0"),
        ({"beta": -0.1}, "beta must be 0 or more"),
        ({"beta": 0.1}, "give both, or neither"),
        ({"reference_log_probs": torch.zeros(4, 5)}, "give both, or neither"),
        ({"counts": torch.zeros(4, 5, dtype=torch.bool)}, "at least 1 token of each answer"),
    ],
)
def test_numbers_out_of_range_are_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grpo_loss(**{**batch(), **more})


PROMPTS = [[n, 11] for n in range(8)] + [[n, n, 11] for n in range(8)]


def repeats_the_first(prompt: Any, answer: Any) -> bool:
    return answer[0] == prompt[0]


@pytest.mark.slow
def test_a_checkable_reward_is_learned() -> None:
    model = model_of()

    def accuracy(seed: int) -> float:
        answers = sample_answers(model, PROMPTS * 8, max_new_tokens=1, generator=drawn(seed))
        right = [repeats_the_first(p, a) for p, a in zip(PROMPTS * 8, answers, strict=True)]
        return sum(right) / len(right)

    before = accuracy(1)
    history, rollouts = reinforce(
        model, PROMPTS, repeats_the_first, steps=150, max_new_tokens=1, lr=1e-2, progress=False
    )
    assert history.steps == 150
    assert before < 0.3
    assert accuracy(1) > 0.8
    assert sum(rollouts.mean_rewards[-10:]) > 3 * sum(rollouts.mean_rewards[:10])
    assert 0 < rollouts.n_equal_groups < rollouts.n_groups
    assert not model.training


@pytest.mark.parametrize("value", [0.0, 1, True])
def test_a_reward_that_never_varies_ends_the_run_and_says_so(value: float) -> None:
    with pytest.raises(ValueError, match="reward must vary: .* in 3 batches"):
        reinforce(
            model_of(), PROMPTS, lambda p, a: value, steps=5, max_new_tokens=2, patience=3,
            progress=False,
        )  # fmt: skip


def test_a_reward_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        reinforce(
            model_of(), PROMPTS, lambda p, a: math.nan, steps=5, max_new_tokens=2, progress=False
        )


def test_batches_that_say_nothing_are_counted_and_others_are_drawn() -> None:
    calls = iter(range(10_000))

    def late(prompt: Any, answer: Any) -> float:
        return float(answer[0] % 2) if next(calls) >= 2 * 16 * 8 else 0.0

    _, rollouts = reinforce(model_of(), PROMPTS, late, steps=2, max_new_tokens=1, progress=False)
    assert rollouts.n_skipped_batches == 2
    assert len(rollouts.mean_rewards) == 4


def test_a_batch_can_serve_several_updates() -> None:
    _, rollouts = reinforce(
        model_of(), PROMPTS, repeats_the_first, steps=6, reuse=3, max_new_tokens=1, progress=False
    )
    assert len(rollouts.mean_rewards) - rollouts.n_skipped_batches == 2


def test_answers_do_not_depend_on_the_padding_and_end_with_their_end() -> None:
    model = model_of().eval()
    answers = sample_answers(model, PROMPTS, max_new_tokens=6, generator=drawn(), eos_id=3)
    assert all(3 not in answer[:-1] for answer in answers)
    assert all(len(answer) == 6 or answer[-1] == 3 for answer in answers)
    again = sample_answers(model, PROMPTS, max_new_tokens=6, generator=drawn(), eos_id=3)
    assert answers == again


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"answers": 1}, "answers must be at least 2"),
        ({"prompts_a_batch": 17}, "1 to the number of prompts, 16, got 17"),
        ({"prompts_a_batch": 0}, "got 0"),
        ({"patience": 0}, "patience must be at least 1"),
        ({"reuse": 0}, "reuse must be at least 1"),
        ({"prompts": [[1], []]}, r"prompts\[1\] is empty"),
    ],
)
def test_runs_that_make_no_sense_are_refused(more: dict[str, Any], message: str) -> None:
    settings = {"prompts": PROMPTS, "prompts_a_batch": 2, "answers": 2, "max_new_tokens": 1}
    with pytest.raises(ValueError, match=message):
        Rollouts(model_of(), reward=repeats_the_first, generator=drawn(), **{**settings, **more})


def test_pass_at_k_is_the_share_of_choices_with_a_right_answer() -> None:
    from itertools import combinations

    for n, right, k in [(5, 2, 2), (6, 1, 3), (4, 0, 2), (4, 4, 1), (6, 5, 3)]:
        choices = list(combinations([True] * right + [False] * (n - right), k))
        assert pass_at_k(n, right, k) == pytest.approx(sum(map(any, choices)) / len(choices))
    for wrong in ((4, 2, 5), (4, 2, 0), (4, 5, 1), (4, -1, 1)):
        with pytest.raises(ValueError, match="must be"):
            pass_at_k(*wrong)
