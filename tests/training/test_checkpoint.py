import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from course_lib.model.transformer import Transformer
from course_lib.training import adamw, load_checkpoint, read_config, save_checkpoint
from course_lib.training import checkpoint as module

Make = Callable[..., Transformer]


def stepped(model: nn.Module) -> torch.optim.Optimizer:
    optimizer = adamw(model, lr=0.1)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer


def equal(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(equal, a, b))
    return a == b


@pytest.mark.parametrize("tie", [True, False])
def test_save_then_load_is_the_same(make_model: Make, tmp_path: Path, tie: bool) -> None:
    model = make_model(tie_embeddings=tie)
    optimizer = stepped(model)
    state = {"place": {"generator": torch.arange(9, dtype=torch.uint8), "at": [1, 2.5, None]}}
    path = tmp_path / "new" / "run.safetensors"
    save_checkpoint(path, model, optimizer, step=7, state=state)

    other = make_model(seed=1, tie_embeddings=tie)
    other_optimizer = adamw(other, lr=0.5)
    step, restored = load_checkpoint(path, other, other_optimizer)
    assert step == 7
    assert equal(restored, state)
    assert equal(dict(model.state_dict()), dict(other.state_dict()))
    assert equal(optimizer.state_dict(), other_optimizer.state_dict())
    assert read_config(path) == model.config.to_dict()


def test_tied_weights_are_stored_once_and_stay_tied(tmp_path: Path) -> None:
    def tied() -> nn.Module:
        module = nn.ModuleDict({"a": nn.Linear(64, 64, bias=False), "b": nn.Linear(64, 64)})
        module["b"].weight = module["a"].weight
        return module

    model, other = tied(), tied()
    save_checkpoint(tmp_path / "run", model)
    assert os.path.getsize(tmp_path / "run") < 1.5 * 64 * 64 * 4
    load_checkpoint(tmp_path / "run", other)
    assert torch.equal(other["b"].weight, model["a"].weight)
    assert other["b"].weight is other["a"].weight


def test_another_config_is_refused_with_both_values(make_model: Make, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "run", make_model(d_model=32, n_decoder_layers=1))
    other = make_model(d_model=64, n_decoder_layers=2)
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(ValueError) as error:
        load_checkpoint(tmp_path / "run", other)
    assert "d_model is 64 in the model and 32 in the checkpoint" in str(error.value)
    assert "n_decoder_layers is 2 in the model and 1 in the checkpoint" in str(error.value)
    assert equal(before, dict(other.state_dict()))


def test_other_weights_without_a_config_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "run", nn.Linear(3, 2))
    with pytest.raises(
        ValueError, match=r"weight is float32 \(2, 4\) in the model and float32 \(2, 3\)"
    ):
        load_checkpoint(tmp_path / "run", nn.Linear(4, 2))
    with pytest.raises(ValueError, match="holds the weight bias, which the model has not"):
        load_checkpoint(tmp_path / "run", nn.Linear(3, 2, bias=False))
    save_checkpoint(tmp_path / "bare", nn.Linear(3, 2, bias=False))
    with pytest.raises(ValueError, match="lacks the weight bias"):
        load_checkpoint(tmp_path / "bare", nn.Linear(3, 2))


def test_an_optimizer_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    save_checkpoint(tmp_path / "bare", model)
    with pytest.raises(ValueError, match="holds no optimizer state"):
        load_checkpoint(tmp_path / "bare", model, adamw(model, lr=0.1))
    save_checkpoint(tmp_path / "run", model, stepped(model))
    with pytest.raises(ValueError, match=r"groups have \[2\] parameters, in the checkpoint \[1, 1"):
        load_checkpoint(tmp_path / "run", model, torch.optim.AdamW(model.parameters()))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9999])
def test_a_file_cut_short_is_refused_and_changes_nothing(tmp_path: Path, share: float) -> None:
    path = tmp_path / "run"
    model = nn.Linear(300, 20)
    save_checkpoint(path, model, stepped(model))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    before = model.weight.detach().clone()
    with pytest.raises(ValueError, match="run is damaged or cut short"):
        load_checkpoint(path, model)
    assert torch.equal(model.weight, before)


def test_a_file_of_another_kind_or_none_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, tmp_path / "weights")
    with pytest.raises(ValueError, match="is of format None, wanted course_lib.checkpoint.2"):
        load_checkpoint(tmp_path / "weights", nn.Linear(2, 2))
    with pytest.raises(FileNotFoundError, match="no checkpoint at .*missing"):
        load_checkpoint(tmp_path / "missing", nn.Linear(2, 2))


def test_a_failed_save_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    model = nn.Linear(2, 2)
    save_checkpoint(path, model, step=1)
    before = path.read_bytes()

    def fail(tensors: object, name: Path, metadata: object) -> None:
        name.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(module, "save_file", fail)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(path, model, step=2)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_kept_is_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cannot hold state/place/0, a Generator"):
        save_checkpoint(tmp_path / "run", nn.Linear(2, 2), state={"place": [torch.Generator()]})
    assert list(tmp_path.iterdir()) == []
