"""``train`` on a sharded model: the same run on any engine and any number of ranks."""

import dataclasses
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent))  # the ranks import the cases from here

import command_cases as cases

from course_lib.data import batches
from course_lib.distributed import Ranks, ShardedOptimizer, to_fsdp2, zero_shard
from course_lib.model.transformer import Transformer
from course_lib.objectives import Example
from course_lib.training import NonFiniteError, PlainEngine, adamw, evaluate, open_engine, train

STRATEGIES = ("ddp", "zero1", "zero2", "zero3", "fsdp2")


@pytest.fixture(scope="module")
def two() -> Iterator[Ranks]:
    with Ranks(2, echo=False, collective_timeout=120) as ranks:
        yield ranks


def small(dropout=0.0):
    config = dataclasses.replace(cases.CONFIG, dropout=dropout)
    return Transformer(config, generator=torch.Generator().manual_seed(0))


def serve(size=4, parts=1, seed=1):
    return batches(cases.rows(), size, generator=torch.Generator().manual_seed(seed), parts=parts)


def python_run(strategy, steps, path=None, *, cut=None, accumulate=1, dropout=0.0):
    """Train by ``open_engine``; with ``cut`` stop there, forget everything, and go on."""
    torch.set_num_threads(1)
    histories = []
    for until in [steps] if cut is None else [cut, steps]:
        engine = open_engine(strategy, small(dropout), lr=1e-2)
        history = train(
            engine,
            serve(parts=accumulate),
            steps=until,
            accumulate=accumulate,
            held_out=cases.rows(7, 1),
            checkpoint=path,
            resume=path is not None,
            progress=False,
        )
        histories.append(history)
    return histories[-1], engine.weights()


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_resumed_run_is_the_run_without_a_pause(
    two: Ranks, tmp_path: Path, strategy: str
) -> None:
    whole = two.run(python_run, strategy, 7, dropout=0.2, timeout=300)
    cut = two.run(python_run, strategy, 7, str(tmp_path / "run"), cut=4, dropout=0.2, timeout=300)
    assert cut[0][0].resumed_at == 4
    for (history, weights), (again, others) in zip(whole, cut, strict=True):
        assert history.losses == again.losses
        assert equal(weights, others)


def test_one_process_with_a_pause(tmp_path: Path) -> None:
    whole, weights = python_run("plain", 7, dropout=0.2)
    cut, others = python_run("plain", 7, tmp_path / "run", cut=3, dropout=0.2)
    assert whole.losses == cut.losses and equal(weights, others)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_ranks_and_passes_are_the_same_run(two: Ranks, dropout: float) -> None:
    """Two ranks, or two passes on one: also what dropout draws is the same."""
    alone, weights = python_run("ddp", 5, accumulate=2, dropout=dropout)
    ranks = two.run(python_run, "zero3", 5, dropout=dropout, timeout=300)
    for history, others in ranks:
        assert history.losses == alone.losses
        assert history.evaluations == alone.evaluations
        assert equal(weights, others)


def wrapped_by_hand(kind):
    torch.set_num_threads(1)
    model = small()
    if kind == "fsdp2":
        sharded = to_fsdp2(model)
        optimizer = adamw(sharded, 1e-2)
    else:
        sharded = zero_shard(model, stage=2, average=kind == "average")
        optimizer = ShardedOptimizer(sharded, lambda p: torch.optim.AdamW(p, lr=1e-2, fused=True))
    history = train(sharded, serve(), optimizer=optimizer, steps=4, progress=False)
    return history.losses


def test_train_takes_a_model_that_is_sharded_already(two: Ranks) -> None:
    model = small()
    plain = train(model, serve(), optimizer=adamw(model, 1e-2), steps=1, progress=False)
    losses = {kind: two.run(wrapped_by_hand, kind)[0] for kind in ("sum", "average", "fsdp2")}
    assert losses["sum"] == losses["average"]
    assert losses["fsdp2"] == pytest.approx(losses["sum"], rel=1e-2)
    assert losses["sum"][0] == pytest.approx(plain.losses[0], rel=1e-6)
    assert len(set(losses["sum"])) == 4


def test_model_and_optimizer_that_do_not_belong_together() -> None:
    model = small()
    sharded = zero_shard(small(), stage=3)
    plain = adamw(model, 1e-2)
    wrong = [
        (sharded, plain, "must be a ShardedOptimizer"),
        (sharded, None, "must be a ShardedOptimizer"),
        (torch.nn.Sequential(sharded), plain, "holds a sharded model at '0'"),
        (model, None, "optimizer must be one of torch's, got NoneType"),
        (PlainEngine(model, plain), plain, "optimizer must be left out"),
        (small(), plain, "optimizer holds none of the model's parameters"),
    ]
    for given, optimizer, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            train(given, serve(), optimizer=optimizer, steps=1)
    with pytest.raises(ValueError, match="precision 'bfloat16' must be given to the engine"):
        train(PlainEngine(model, plain), serve(), steps=1, precision="bfloat16")


@pytest.mark.processes
def test_a_batch_that_does_not_divide_over_the_ranks(two: Ranks) -> None:
    from course_lib.distributed import RankFailure

    with Ranks(2, echo=False) as ranks:
        with pytest.raises(RankFailure, match="a batch of 3 rows does not divide over 2 ranks"):
            ranks.run(uneven)


def uneven():
    train(open_engine("zero1", small(), lr=0.1), serve(3), steps=1, progress=False)


def lonely_targets():
    """Rank 1 gets rows without a target; stage 3 still needs its forward passes."""
    torch.set_num_threads(1)
    rows = cases.rows()[1:5].clone()
    rows[2:, 1:] = -100
    engine = open_engine("zero3", small(), lr=1e-2)
    history = train(engine, iter(lambda: rows, None), steps=3, held_out=rows, progress=False)
    return history, engine.weights()


def test_a_rank_without_targets_takes_part(two: Ranks) -> None:
    (history, _), (other, _) = two.run(lonely_targets)
    assert history.losses == other.losses and all(map(math.isfinite, history.losses))
    assert history.evaluations[-1][1] < history.evaluations[0][1]


def test_a_folder_keeps_the_newest(tmp_path: Path) -> None:
    job = cases.job("zero2", tmp_path / "run", checkpoint_every=1, keep_last=2)
    cases.train(job)
    folders = {path.name for path in (tmp_path / "run").iterdir() if path.is_dir()}
    assert folders == {"step-00000005", "step-00000006"}


@pytest.mark.processes
def test_the_other_kind_of_checkpoint_is_named(tmp_path: Path) -> None:
    python_run("plain", 1, tmp_path / "file")
    with pytest.raises(ValueError, match="is a file, as one process writes it"):
        python_run("zero1", 1, tmp_path / "file")
    python_run("zero1", 1, tmp_path / "folder")
    with pytest.raises(ValueError, match="is a folder, as sharded training writes it"):
        python_run("plain", 1, tmp_path / "folder")


@pytest.mark.parametrize("strategy", ["plain", "zero1"])
@pytest.mark.parametrize("finished", [False, True])
def test_the_batch_of_a_loss_that_is_not_finite_is_kept(
    tmp_path: Path, strategy: str, finished: bool
) -> None:
    path = tmp_path / "run"
    bad = cases.rows()[:4].clone()
    engine = open_engine(strategy, small(), lr=1e-2)
    before = {name: value.clone() for name, value in engine.weights().items()}

    def loss(logits, targets):
        return logits.sum() * torch.inf

    batch = Example(bad[:, :-1].clamp(min=0), bad[:, 1:]) if finished else bad
    with pytest.raises(NonFiniteError, match="at step 0; its batches are kept in") as error:
        train(engine, iter(lambda: batch, None), steps=2, loss=loss, checkpoint=path,
              accumulate=2, progress=False)  # fmt: skip
    assert equal(engine.weights(), before)
    kept = load_file(error.value.path)
    if finished:
        assert set(kept) == {"0.inputs", "0.targets", "1.inputs", "1.targets"}
        assert torch.equal(kept["1.targets"], bad[:, 1:])
    else:
        assert set(kept) == {"0", "1"} and torch.equal(kept["0"], bad)
    assert isinstance(error.value, FloatingPointError) and error.value.step == 0
    with pytest.raises(NonFiniteError, match="at step 0$"):
        train(engine, iter(lambda: batch, None), steps=2, loss=loss, progress=False)


@pytest.mark.parametrize("strategy", ["plain", "zero1", "zero3"])
def test_a_run_is_not_taken_up_by_another(tmp_path: Path, strategy: str) -> None:
    path = tmp_path / "run"
    options = {"checkpoint": path, "progress": False, "run": {"lr": 0.1, "data": ["a"]}}
    train(open_engine(strategy, small(), lr=1e-2), serve(), steps=3, **options)
    other = open_engine(strategy, small(), lr=1e-2)
    before = {name: value.clone() for name, value in other.weights().items()}
    cases_ = [
        ({"run": {"lr": 0.2, "data": ["a"]}}, serve(), 4, "lr was 0.1, now it is 0.2"),
        ({"run": {"lr": 0.1}}, serve(), 4, "data was .'a'., now it is None"),
        ({}, serve(), 2, "steps must be at least 3, which the run in .*run.* has, got 2"),
        ({}, serve(size=5), 4, "is of other data: batch_size is 5 here and 4"),
    ]
    for changes, served, steps, message in cases_:
        with pytest.raises(ValueError, match=message):
            train(other, served, steps=steps, resume=True, **(options | changes))
        assert equal(other.weights(), before)
    history = train(other, serve(seed=9), steps=5, resume=True, **options)
    assert history.steps == 5 and history.resumed_at == 3


def test_the_global_random_state_is_left_alone() -> None:
    model = small(dropout=0.5)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(model, serve(), optimizer=adamw(model, 1e-2), steps=2, progress=False)
    evaluate(model, cases.rows(7, 1))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.processes
def test_a_run_killed_at_random_moments_ends_with_the_same_weights(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import pathlib, command_cases as cases, torch\n"
        "job = cases.job('plain', pathlib.Path(sys.argv[2]), checkpoint_every=1, resume=True)\n"
        "import dataclasses; cases.train(dataclasses.replace(job, steps=60))\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*command, str(whole)], env=environment, check=True, timeout=200)
    rng, killed = random.Random(0), 0
    for _ in range(60):
        process = subprocess.Popen([*command, str(cut)], env=environment)
        wanted = rng.randrange(5, 30)
        start = len(lines(cut))
        end = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < end:
            if len(lines(cut)) >= max(start, 1) + wanted:
                process.send_signal(signal.SIGKILL)
                killed += 1
            time.sleep(0.005)
        if process.wait() == 0:
            break
    assert process.returncode == 0 and killed >= 2
    assert cases.distance(cases.weights(whole), cases.weights(cut)) == 0
    same = [json.loads((f / "history.json").read_text())["losses"] for f in (whole, cut)]
    assert same[0] == same[1] and len(same[0]) == 60


def lines(folder: Path) -> list[str]:
    path = folder / "metrics.jsonl"
    return path.read_text().splitlines() if path.exists() else []
