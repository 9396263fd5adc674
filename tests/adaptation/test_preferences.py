import copy
import math
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch

from course_lib import Transformer, TransformerConfig
from course_lib.adaptation import (
    Preference,
    align,
    answer_example,
    answer_log_probs,
    check_preferences,
    dpo_loss,
    preference_loss,
)
from course_lib.objectives import IGNORE


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model_of(seed: int = 0, **fields: Any) -> Transformer:
    sizes = {"vocab_size": 20, "d_model": 32, "n_heads": 2, "n_decoder_layers": 1}
    config = TransformerConfig(**{**sizes, "max_seq_len": 16, **fields})
    model = Transformer(config, generator=drawn(seed)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn(parameter.shape, generator=drawn(seed + 9)) * 0.1
    return model


PAIRS = [
    Preference([1, 2, 3], [4, 5], [6, 7, 8, 9]),
    Preference([1], [10, 11, 12], [13]),
    Preference([14, 15], [16], [17, 18]),
]


def test_only_the_answer_counts_from_its_first_token_on() -> None:
    example = answer_example([[1, 2, 3], [4]], [[5, 6], [7]], pad_id=9)
    assert example.inputs.tolist() == [[1, 2, 3, 5], [4, 9, 9, 9]]
    assert example.targets.tolist() == [
        [IGNORE, IGNORE, 5, 6],
        [7, IGNORE, IGNORE, IGNORE],
    ]


def by_hand(model: Transformer, prompt: list[int], answer: list[int]) -> float:
    """The answer's log-probability, token by token, each read by itself."""
    total = 0.0
    for place, token in enumerate(answer):
        logits = model(torch.tensor([[*prompt, *answer[:place]]]))[0, -1]
        total += float(logits.log_softmax(-1)[token].detach())
    return total


def test_log_probs_are_those_of_the_answer_alone() -> None:
    model = model_of()
    prompts, answers = [[1, 2, 3], [4]], [[5, 6], [7, 8, 9]]
    got = answer_log_probs(model, answer_example(prompts, answers))
    wanted = [by_hand(model, p, a) for p, a in zip(prompts, answers, strict=True)]
    assert got.tolist() == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("off", [-1, 1])
def test_a_mask_that_is_one_off_is_noticed(off: int) -> None:
    model = model_of()
    example = answer_example([[1, 2, 3]], [[5, 6]])
    shifted = example.targets.clone()
    text = torch.tensor([1, 2, 3, 5, 6])
    shifted[0] = IGNORE
    start = 2 + off
    shifted[0, start:] = text[start + 1 :]
    wrong = answer_log_probs(model, type(example)(example.inputs, shifted))
    assert abs(float(wrong.detach()) - by_hand(model, [1, 2, 3], [5, 6])) > 0.1


def test_the_loss_by_hand() -> None:
    loss = dpo_loss(
        torch.tensor([-1.0]), torch.tensor([-3.0]), torch.tensor([-2.0]), torch.tensor([-2.5]),
        beta=0.5,
    )  # fmt: skip
    assert loss.margins.item() == pytest.approx(0.5 * (1.0 + 0.5))
    assert loss.loss.item() == pytest.approx(-math.log(1 / (1 + math.exp(-0.75))))
    assert loss.accuracy == 1.0
    assert loss.chosen_rewards.item() == 0.5 and loss.rejected_rewards.item() == -0.25


def test_a_model_that_is_its_reference_pays_log_two() -> None:
    model = model_of()
    measured = preference_loss(model, copy.deepcopy(model), PAIRS)
    assert measured.loss.item() == pytest.approx(math.log(2), abs=1e-6)
    assert measured.accuracy == 0.0


def trl_loss(
    model: Transformer, reference: Transformer, beta: float, likelihood: float
) -> torch.Tensor:
    """What trl's trainer says of the same batch, with our models behind its two calls."""
    trainer = pytest.importorskip("trl.trainer.dpo_trainer").DPOTrainer
    example = answer_example(
        [p.prompt for p in PAIRS] * 2, [p.chosen for p in PAIRS] + [p.rejected for p in PAIRS]
    )
    ids = torch.zeros(6, example.inputs.shape[1] + 1, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, (pair, answer) in enumerate(
        [(p, p.chosen) for p in PAIRS] + [(p, p.rejected) for p in PAIRS]
    ):
        text = [*pair.prompt, *answer]
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, len(pair.prompt) : len(text)] = 1

    def as_theirs(ours: Transformer) -> Any:
        def call(input_ids: torch.Tensor, labels: torch.Tensor, **_: Any) -> Any:
            log_probs = ours(input_ids[:, :-1]).log_softmax(-1)
            wanted = labels[:, 1:].clamp(min=0)
            each = log_probs.gather(-1, wanted[..., None])[..., 0]
            each = each * (labels[:, 1:] != IGNORE)
            return SimpleNamespace(log_probs=each, entropy=each, mean_logits=each, is_top1=each > 0)

        return call

    named: dict[str, Any] = {
        "model": SimpleNamespace(training=True),
        "aux_loss_enabled": False,
        "ld_alpha": None,
        "precompute_ref_logps": False,
        "ref_model": as_theirs(reference),
        "f_divergence_type": "reverse_kl",
        "loss_types": ["sigmoid", "sft"] if likelihood else ["sigmoid"],
        "loss_weights": [1.0, likelihood] if likelihood else [1.0],
        "beta": beta,
        "label_smoothing": 0.0,
        "use_weighting": False,
        "_total_train_tokens": 0,
        "_tp_size": 1,
    }
    self = MagicMock(**named)
    self.accelerator.device = torch.device("cpu")
    self.accelerator.gather = self.accelerator.gather_for_metrics = lambda value: value
    inputs = {"input_ids": ids, "attention_mask": (ids > 0).long(), "completion_mask": mask}
    with pytest.MonkeyPatch.context() as patched:
        module = __import__("sys").modules[trainer.__module__]
        patched.setattr(module, "is_peft_model", lambda model: False)
        patched.setattr(module, "disable_gradient_checkpointing", MagicMock())
        return trainer._compute_loss(self, as_theirs(model), inputs, False)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("likelihood", [0.0, 0.7])
@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_it_is_trls_loss_on_the_same_batch(beta: float, likelihood: float) -> None:
    model, reference = model_of(1), model_of(2)
    ours = preference_loss(model, reference, PAIRS, beta=beta, likelihood=likelihood)
    theirs = trl_loss(model, reference, beta, likelihood)
    assert abs(float(ours.loss.detach()) - math.log(2)) > 0.01
    torch.testing.assert_close(ours.loss, theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "at least 1 pair"),
        ([Preference([1], [2, 3], [2, 3])], r"pairs\[0\] has equal answers"),
        ([PAIRS[0], Preference([1], [2], (2,))], r"pairs\[1\] has equal answers"),
        ([Preference([], [2], [3])], r"pairs\[0\]\.prompt is empty"),
        ([Preference([1], [], [3])], r"pairs\[0\]\.chosen is empty"),
        ([Preference([1], [2], [])], r"pairs\[0\]\.rejected is empty"),
        ([Preference([1], [2], [3]), Preference([1], [3], [2])], r"prefers what pairs\[0\]"),
    ],
)
def test_pairs_that_say_nothing_are_refused(pairs: list[Preference], message: str) -> None:
    model = model_of()
    for refused in (
        lambda: check_preferences(pairs),
        lambda: preference_loss(model, model, pairs),
        lambda: align(model, pairs, steps=1, progress=False),
    ):
        with pytest.raises(ValueError, match=message):
            refused()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"beta": 0.0}, "beta must be positive, got 0.0"),
        ({"beta": -0.1}, "got -0.1"),
        ({"likelihood": -1.0}, "likelihood must be 0 or more"),
        ({"likelihood": 1.0}, "give both, or neither"),
        ({"n_tokens": torch.tensor([3])}, "give both, or neither"),
    ],
)
def test_numbers_out_of_range_are_refused(more: dict[str, Any], message: str) -> None:
    one = torch.tensor([-1.0])
    with pytest.raises(ValueError, match=message):
        dpo_loss(one, one, one, one, **more)


def some_pairs(n: int, seed: int) -> list[Preference]:
    """Answers that end with 19 are preferred to the same answers without it."""
    made = {}
    ids = torch.randint(1, 18, (n, 4), generator=drawn(seed)).tolist()
    for a, b, c, d in ids:
        made[(a, b)] = Preference([a, b], [c, d, 19], [c, d, 18])
    return list(made.values())


def test_alignment_generalises_and_leaves_the_reference_alone() -> None:
    model = model_of()
    before = copy.deepcopy(model)
    train_pairs, held_out = some_pairs(60, 0), some_pairs(40, 1)
    history = align(model, train_pairs, steps=60, lr=1e-3, beta=0.5, progress=False)
    assert history.losses[0] == pytest.approx(math.log(2), abs=1e-5)
    measured = preference_loss(model, before, held_out, beta=0.5)
    assert measured.accuracy > 0.9
    assert measured.loss < 0.5
    assert not model.training


def test_the_likelihood_term_holds_what_dpo_alone_lets_fall() -> None:
    rewards = {}
    for likelihood in (0.0, 1.0):
        model = model_of()
        before = copy.deepcopy(model)
        pairs = [Preference([p], [a, b], [a, c]) for p, a, b, c in [(1, 2, 3, 4), (5, 6, 7, 8)]]
        align(model, pairs, steps=80, lr=1e-3, beta=0.1, likelihood=likelihood, progress=False)
        measured = preference_loss(model, before, pairs, beta=0.1)
        assert measured.accuracy == 1.0
        rewards[likelihood] = float(measured.chosen_rewards.mean())
    assert rewards[1.0] > rewards[0.0] + 0.05


@pytest.mark.parametrize(
    ("more", "message"),
    [({"warmup": 1.5}, "warmup"), ({"batch_size": 0}, "batch_size must be at least 1")],
)
def test_runs_that_make_no_sense_are_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        align(model_of(), PAIRS, steps=1, progress=False, **more)
    model = model_of()
    with pytest.raises(ValueError, match="reference must be another"):
        align(model, PAIRS, steps=1, reference=model, progress=False)
