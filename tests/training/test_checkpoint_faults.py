"""No damaged or foreign checkpoint is taken, and a refusal changes nothing."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import nn

from course_lib.training import adamw, checkpoint, load_checkpoint, read_config, save_checkpoint


def stepped(model: nn.Module, make: Callable[..., Any] = torch.optim.AdamW, **options: Any) -> Any:
    optimizer = make(model.parameters(), lr=0.1, **options)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer


def snapshot(model: nn.Module, optimizer: torch.optim.Optimizer) -> str:
    return repr((model.state_dict(), optimizer.state_dict()))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    model = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3))
    save_checkpoint(path, model, stepped(model), step=3, state={"place": [1, 2.5, "x"]})
    return path


def test_every_flipped_bit_is_seen(saved: Path) -> None:
    """Bits all over the file: length, header, metadata, digest, padding, tensors."""
    whole = saved.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    rng = random.Random(0)
    places = {*range(64), *range(header - 32, header + 32), *range(len(whole) - 16, len(whole))}
    places |= {rng.randrange(header) for _ in range(300)}
    places |= {rng.randrange(len(whole)) for _ in range(150)}
    model = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3))
    optimizer = stepped(model)
    before = snapshot(model, optimizer)
    for place in sorted(places):
        bad = bytearray(whole)
        bad[place] ^= 1 << rng.randrange(8)
        saved.write_bytes(bad)
        with pytest.raises(ValueError, match="run"):
            load_checkpoint(saved, model, optimizer)
        with pytest.raises(ValueError, match="run"):
            read_config(saved)
    assert snapshot(model, optimizer) == before
    saved.write_bytes(whole)
    assert load_checkpoint(saved, model, optimizer)[0] == 3


@pytest.mark.parametrize("at", [0, 5, 8, 100, -1, -200])
def test_cut_short_or_lengthened(saved: Path, at: int) -> None:
    whole = saved.read_bytes()
    model = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3))
    for bad in (whole[:at], whole[:at] + b"\0" + whole[at:], whole + whole):
        saved.write_bytes(bad)
        with pytest.raises(ValueError, match="run is damaged or cut short"):
            load_checkpoint(saved, model)


def signed(path: Path, header: Any, tensors: dict[str, torch.Tensor]) -> None:
    """Write a file with a right digest, whatever its header says."""
    text = header if isinstance(header, str) else json.dumps(header)
    checkpoint.save_tensors(path, tensors, course_lib=text)


def parts(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        return json.loads(file.metadata()["course_lib"]), tensors


def deep(depth: int) -> str:
    """A header whose JSON can be read, but not walked through."""
    base = json.dumps({"format": checkpoint.FORMAT, "config": None, "step": 0, "tree": "?"})
    return base.replace('"?"', '{"a": ' * depth + "0" + "}" * depth)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.pop("step"), "none of a checkpoint: KeyError"),
        (lambda h: h.pop("config"), "none of a checkpoint"),
        (lambda h: h.pop("tree"), "none of a checkpoint"),
        (lambda h: h["tree"].pop("state"), "none of a checkpoint"),
        (lambda h: h["tree"].pop("optimizer"), "none of a checkpoint"),
        (lambda h: h.update(step="3"), "step must be 0 or more, got '3'"),
        (lambda h: h.update(step=-1), "step must be 0 or more, got -1"),
        (lambda h: h.update(step=True), "step must be 0 or more, got True"),
        (lambda h: h.update(tree=[]), "none of a checkpoint"),
        (lambda h: h.update(config=3), "config must be an object, got 3"),
        (lambda h: h["tree"].update(state=None), "state must be an object"),
        (lambda h: h["tree"].update(model=[1]), "weights must be an object"),
        (lambda h: h["tree"].update(optimizer=7), "optimizer must be an object"),
        (lambda h: h["tree"]["model"].update({"0.bias": 3}), "0.bias is float32 .* and int in"),
        (lambda h: h["tree"]["model"].update({"0.bias": {"tensor at": "x"}}), "none of a checkp"),
        (lambda h: h["tree"]["optimizer"].pop("state"), "optimizer without state or param_groups"),
        (lambda h: h["tree"]["optimizer"].update(param_groups=3), "without state or param_groups"),
        (lambda h: h["tree"]["optimizer"].update(param_groups=[3]), "state or param_groups"),
        (lambda h: h["tree"]["optimizer"]["param_groups"][0].update(params="a"), "or param_groups"),
        (lambda h: h["tree"]["optimizer"].update(state={"9": {}}), "for parameter 9, which is"),
        (lambda h: h["tree"]["optimizer"].update(state={"0": 3}), "0 must be an object, got 3"),
        (lambda h: h["tree"]["optimizer"]["state"]["0"].pop("exp_avg"), "lacks .'exp_avg'"),
        (lambda h: h["tree"]["optimizer"]["state"]["0"].update(more=1), "the unknown .'more'"),
        (lambda h: h["tree"]["optimizer"]["state"]["1"].update(
            exp_avg=h["tree"]["optimizer"]["state"]["0"]["exp_avg"]), "exp_avg is float32 .4, 5."),
        (lambda h: h["tree"]["optimizer"]["state"]["1"].update(exp_avg=0.5), "exp_avg is float in"),
        (lambda h: h["tree"]["optimizer"]["param_groups"][0].update(lr="x"), "lr 0.1, .* 'x'"),
        (lambda h: h["tree"]["optimizer"]["param_groups"][0].update(lr=None), "lr 0.1, .* None"),
        (lambda h: h["tree"]["optimizer"]["param_groups"][0].update(lr=float("nan")), "lr 0.1, .*"),
        (lambda h: h["tree"]["optimizer"]["param_groups"][0].update(betas=[0.9]), "betas"),
        (lambda h: h["tree"]["optimizer"]["param_groups"][0].pop("eps"), "has no eps in the"),
    ],
)  # fmt: skip
def test_a_header_that_does_not_fit_changes_nothing(
    saved: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    header, tensors = parts(saved)
    change(header)
    signed(saved, header, tensors)
    model = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for kind in (optimizer, stepped(model)):  # with no state of its own, and with some
        before = snapshot(model, kind)
        with pytest.raises(ValueError, match=message) as error:
            load_checkpoint(saved, model, kind)
        assert str(saved) in str(error.value)
        assert snapshot(model, kind) == before


@pytest.mark.parametrize("header", ["[]", "7", "{", "[" * 200_000, "\ud800", deep(600)])
def test_a_header_that_is_no_object_is_refused_by_name(saved: Path, header: str) -> None:
    try:
        signed(saved, header, parts(saved)[1])
    except UnicodeEncodeError:
        return  # safetensors does not write it either
    with pytest.raises(ValueError, match="run"):
        load_checkpoint(saved, nn.Linear(2, 2))


def test_the_first_format_is_refused_by_name(saved: Path) -> None:
    header, tensors = parts(saved)
    header["format"] = "course_lib.checkpoint.1"
    signed(saved, header, tensors)
    with pytest.raises(ValueError, match="is of format course_lib.checkpoint.1, wanted .*2"):
        load_checkpoint(saved, nn.Linear(2, 2))


OTHERS = [
    (torch.optim.SGD, {}),
    (torch.optim.SGD, {"momentum": 0.9}),
    (torch.optim.RMSprop, {}),
    (torch.optim.Adam, {}),
    (torch.optim.NAdam, {}),
]


@pytest.mark.parametrize(("make", "options"), OTHERS)
def test_the_state_of_another_optimizer_is_refused(
    saved: Path, make: Callable[..., Any], options: dict[str, Any]
) -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3))
    optimizer = make(model.parameters(), lr=0.1, **options)
    before = snapshot(model, optimizer)
    with pytest.raises(ValueError, match=f"state of AdamW, this optimizer is {make.__name__}"):
        load_checkpoint(saved, model, optimizer)
    assert snapshot(model, optimizer) == before


KINDS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    *OTHERS,
    (torch.optim.AdamW, {}),
    (torch.optim.AdamW, {"amsgrad": True}),
    (torch.optim.AdamW, {"fused": True}),
    (torch.optim.Adam, {"foreach": True}),
    (torch.optim.Adagrad, {}),
    (torch.optim.Adadelta, {}),
    (torch.optim.Adamax, {}),
    (torch.optim.RAdam, {}),
    (torch.optim.Rprop, {}),
    (torch.optim.ASGD, {}),
    (torch.optim.Adafactor, {}),
]


@pytest.mark.parametrize(("make", "options"), KINDS)
def test_every_optimizer_comes_back_and_steps_on(
    tmp_path: Path, make: Callable[..., Any], options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = stepped(model, make, **options)
    save_checkpoint(tmp_path / "run", model, optimizer)
    other = nn.Linear(4, 3)
    fresh = make(other.parameters(), lr=0.5, **options)
    load_checkpoint(tmp_path / "run", other, fresh)
    assert repr(fresh.state_dict()) == repr(optimizer.state_dict())
    for one, two in ((model, optimizer), (other, fresh)):
        for parameter in one.parameters():
            parameter.grad = torch.full_like(parameter, 0.3)
        two.step()
    assert torch.equal(model.weight, other.weight)


def test_parameters_in_another_order_and_of_another_type_are_refused(tmp_path: Path) -> None:
    model = nn.Linear(4, 3)
    save_checkpoint(tmp_path / "run", model, stepped(model))
    turned = torch.optim.AdamW([model.bias, model.weight], lr=0.1)
    with pytest.raises(ValueError, match=r"exp_avg is float32 \(3, 4\) in the checkpoint, wanted"):
        load_checkpoint(tmp_path / "run", model, turned)
    double = nn.Linear(4, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"float64 \(3,\) in the model and float32 \(3,\) in the"):
        load_checkpoint(tmp_path / "run", double)


def test_keys_that_look_alike_stay_apart(tmp_path: Path) -> None:
    one, zero = torch.ones(1), torch.zeros(1)
    state = {
        "a/b": one, "a": {"b": zero, "b/c": one, "~1": one}, "a~1b": zero, "tensor at": {"x": one},
        "model": {"weight": zero}, "tensor at more": "a", "": {"": one}, "n": {"tensor at": "w"},
    }  # fmt: skip
    save_checkpoint(tmp_path / "run", nn.Linear(2, 2), state=state)
    _, restored = load_checkpoint(tmp_path / "run", nn.Linear(2, 2))
    assert repr(restored) == repr(state)
    with pytest.raises(TypeError, match="cannot hold the key 3 in state/x: keys are text"):
        save_checkpoint(tmp_path / "run", nn.Linear(2, 2), state={"x": {3: "a"}})
    nested: dict[str, Any] = {}
    for _ in range(5000):
        nested = {"a": nested}
    with pytest.raises(ValueError, match="nested too deeply"):
        save_checkpoint(tmp_path / "run", nn.Linear(2, 2), state=nested)


def test_views_of_one_memory_are_kept(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    state = {"whole": whole, "half": whole[:3], "turned": whole.view(2, 3).t(), "scalar": whole[2]}
    save_checkpoint(tmp_path / "run", nn.Linear(2, 2), state=state)
    _, restored = load_checkpoint(tmp_path / "run", nn.Linear(2, 2))
    assert all(torch.equal(restored[name], value) for name, value in state.items())


@pytest.mark.processes
def test_what_a_killed_save_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, torch\n"
        "from course_lib.training import checkpoint\n"
        "real = checkpoint.save_file\n"
        "def half(*a, **k):\n"
        "    real(*a, **k)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoint.save_file = half\n"
        "checkpoint.save_checkpoint(sys.argv[1], torch.nn.Linear(2, 2))\n"
    )
    path = tmp_path / "run.ckpt"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", script, str(path)], env=environment, check=False)
    assert done.returncode == -9
    assert [p.name for p in tmp_path.iterdir()] != []
    save_checkpoint(path, nn.Linear(2, 2), adamw(nn.Linear(2, 2), 0.1))
    assert list(tmp_path.iterdir()) == [path]
