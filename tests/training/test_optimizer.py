from collections.abc import Callable

import pytest
import torch
from torch import nn

from course_lib.model.transformer import Transformer
from course_lib.training import adamw, decay_groups


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("position", ["learned", "rotary", "relative"])
def test_only_matrices_of_linear_maps_decay(
    make_model: Callable[..., Transformer], tie: bool, position: str
) -> None:
    model = make_model(tie_embeddings=tie, position=position)
    decayed, kept = (
        {id(p) for p in group["params"]} for group in decay_groups(model, weight_decay=0.1)
    )
    for name, parameter in model.named_parameters():
        linear = parameter.ndim == 2 and not any(
            word in name for word in ("embedding", "position", "table")
        )
        assert (id(parameter) in decayed) == linear, name
        assert (id(parameter) in kept) != linear, name


def test_a_tied_parameter_is_given_once() -> None:
    model = nn.Module()
    model.embedding = nn.Embedding(5, 3)
    model.head = nn.Linear(3, 5, bias=False)
    model.head.weight = model.embedding.weight
    decayed, kept = decay_groups(model, weight_decay=0.1)
    assert decayed["params"] == []
    assert len(kept["params"]) == 1


def test_frozen_parameters_are_left_alone() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    given = [p for group in adamw(model, lr=0.1).param_groups for p in group["params"]]
    assert {id(p) for p in given} == {id(p) for p in model[1].parameters()}


def test_decay_shrinks_a_matrix_without_gradient_and_no_vector() -> None:
    model = nn.Linear(2, 2)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = adamw(model, lr=0.5, weight_decay=0.2)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert torch.allclose(model.weight, before["weight"] * (1 - 0.5 * 0.2))
    assert torch.equal(model.bias, before["bias"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": 0.0}, "lr must be positive, got 0.0"),
        ({"lr": 1e31}, r"lr must be at most 1e\+30, got 1e\+31"),
        ({"lr": 0.1, "weight_decay": -1.0}, "weight_decay must be 0 or more, got -1.0"),
    ],
)
def test_bad_numbers_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adamw(nn.Linear(2, 2), **arguments)


def test_a_model_with_nothing_to_train_is_refused() -> None:
    with pytest.raises(ValueError, match="no trainable parameter"):
        adamw(nn.Linear(2, 2).requires_grad_(False), lr=0.1)


def test_defaults_are_the_papers_and_no_kernel_is_asked_for_on_a_cpu() -> None:
    model = nn.Linear(2, 2)
    optimizer = adamw(model, 1e30)  # the largest rate that fits
    assert optimizer.defaults["betas"] == (0.9, 0.95) and optimizer.defaults["eps"] == 1e-8
    assert optimizer.defaults["fused"] is None
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    (group,) = adamw(nn.LayerNorm(2), 0.1, 0.0).param_groups
    assert group["weight_decay"] == 0.0 and len(group["params"]) == 2
    for lr in (0.0, -1.0, 1.1e30):
        with pytest.raises(ValueError, match="lr must be"):
            adamw(model, lr)
    with pytest.raises(ValueError, match="weight_decay must be 0 or more"):
        adamw(model, 0.1, -0.1)


@pytest.mark.parametrize("together", [True, False])
def test_parameters_updated_together_get_the_weights_of_each_alone(
    together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("course_lib.training.optimizer._SMALL", 200 if together else 199)
    models = [nn.Sequential(nn.Linear(9, 10), nn.Linear(10, 9), nn.Linear(1, 1)) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    assert sum(parameter.numel() for parameter in models[0].parameters()) == 201
    models[0][2].weight.requires_grad_(False)  # only what is trained needs room
    models[1][2].weight.requires_grad_(False)
    ours = adamw(models[0], 0.01)
    assert all(bool(group["foreach"]) is together for group in ours.param_groups)
    alone = torch.optim.AdamW(
        decay_groups(models[1], 0.1), lr=0.01, betas=(0.9, 0.95), foreach=False
    )
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        x = torch.randn(4, 9, generator=generator)
        for model, optimizer in zip(models, (ours, alone), strict=True):
            model[:2](x).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    assert all(map(torch.equal, models[0].parameters(), models[1].parameters()))
