"""``python -m course_lib.training``: the same weights on any number of ranks; clear refusals."""

import argparse
import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # the ranks import the cases from here

import command_cases as cases

import course_lib
from course_lib.data import batches, pack, read_text_files, split
from course_lib.distributed import RankFailure, Ranks, latest_valid
from course_lib.training import (
    History,
    adamw,
    cli,
    engines,
    load_checkpoint,
    train,
    warmup_cosine,
)
from course_lib.training.evaluation import evaluate
from course_lib.training.job import Job

EXACT = ("ddp", "zero1", "zero2", "zero3")


@pytest.fixture(scope="module")
def two() -> Iterator[Ranks]:
    with Ranks(2, echo=False, collective_timeout=120) as ranks:
        yield ranks


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One process, adding up what the ranks would have: the reference."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    cases.train(cases.job("ddp", folder, accumulate=2, checkpoint_every=3))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [*EXACT, "fsdp2"])
def test_two_ranks_give_the_weights_of_one_process(
    two: Ranks, alone: Path, tmp_path: Path, strategy: str
) -> None:
    one, other = two.run(cases.train, cases.job(strategy, tmp_path / "run"), timeout=300)
    assert one.losses == other.losses and one.evaluations == other.evaluations
    distance = cases.distance(cases.weights(alone), cases.weights(tmp_path / "run"))
    history = json.loads((alone / "history.json").read_text())
    assert [step for step, _ in one.evaluations] == [0, 6]
    assert one.evaluations[-1][1] == pytest.approx(history["evaluations"][-1][1], abs=1e-5)
    if strategy in EXACT:
        assert distance == 0
        assert one.losses == history["losses"]
    assert distance < 5e-5


def test_equal_weight_for_ranks_instead_of_targets_is_seen(
    two: Ranks, alone: Path, tmp_path: Path
) -> None:
    """The planted fault: a mean of the ranks' means."""
    got = two.run(_mean_of_means, cases.job("zero2", tmp_path / "run"), timeout=300)
    assert got[0].losses != json.loads((alone / "history.json").read_text())["losses"]
    assert cases.distance(cases.weights(alone), cases.weights(tmp_path / "run")) > 5e-5


def _mean_of_means(job):
    from unittest import mock

    from course_lib.training import loop

    real = loop.gradient

    def wrong(*arguments, loss, **options):
        def weighed(logits, targets):
            count = int((targets != -100).sum())
            return loss(logits, targets) * (targets.numel() / count)

        return real(*arguments, loss=weighed, **options)

    with mock.patch.object(loop, "gradient", wrong):
        return cases.train(job)


def at_step_3(alone: Path, folder: Path) -> Path:
    folder.mkdir()
    shutil.copytree(alone / "step-00000003", folder / "step-00000003")
    return folder


@pytest.mark.parametrize("strategy", ["zero3", "fsdp2"])
def test_a_run_goes_on_with_other_ranks_and_another_engine(
    two: Ranks, alone: Path, tmp_path: Path, strategy: str
) -> None:
    folder = at_step_3(alone, tmp_path / "run")
    results = two.run(cases.train, cases.job(strategy, folder, resume=True), timeout=300)
    assert [result.resumed_at for result in results] == [3, 3]
    assert len(results[0].losses) == 6
    distance = cases.distance(cases.weights(alone), cases.weights(folder))
    assert distance == 0 if strategy == "zero3" else distance < 5e-5
    assert latest_valid(folder) == folder / "step-00000006"


def test_a_checkpoint_of_fsdp2_goes_on_under_zero(two: Ranks, alone: Path, tmp_path: Path) -> None:
    job = cases.job("fsdp2", tmp_path / "run", checkpoint_every=3)
    two.run(cases.train, job, timeout=300)
    folder = at_step_3(tmp_path / "run", tmp_path / "next")
    result = cases.train(cases.job("zero1", folder, accumulate=2, resume=True))
    assert result.resumed_at == 3
    assert cases.distance(cases.weights(alone), cases.weights(folder)) < 5e-5


def test_dropout_goes_on_as_if_there_had_been_no_pause(tmp_path: Path) -> None:
    config = dataclasses.replace(cases.CONFIG, dropout=0.2)
    whole = cases.job("zero2", tmp_path / "whole", config=config, checkpoint_every=3)
    cases.train(whole)
    folder = at_step_3(tmp_path / "whole", tmp_path / "cut")
    cases.train(dataclasses.replace(whole, output=folder, resume=True))
    assert cases.distance(cases.weights(whole.output), cases.weights(folder)) == 0


def test_another_run_or_a_damaged_checkpoint_is_refused(alone: Path, tmp_path: Path) -> None:
    folder = at_step_3(alone, tmp_path / "run")
    with pytest.raises(ValueError, match="holds another run: seed was 0, now it is 1"):
        cases.train(cases.job("ddp", folder, resume=True, seed=1))
    with pytest.raises(ValueError, match="rows was .* text, tokenizer or length of rows"):
        cases.train(cases.job("ddp", folder, resume=True, rows=cases.rows(seed=5)))
    other = dataclasses.replace(cases.CONFIG, d_model=8)
    with pytest.raises(ValueError, match="another run: config.d_model was 16, now it is 8"):
        cases.train(cases.job("ddp", folder, resume=True, config=other))


def test_the_result_is_a_plain_model(alone: Path) -> None:
    model = course_lib.Transformer(cases.CONFIG)
    step, _ = load_checkpoint(alone / "model.safetensors", model)
    history = json.loads((alone / "history.json").read_text())
    assert step == 6
    assert evaluate(model, cases.rows(7, 1)) == pytest.approx(history["evaluations"][-1][1])


def test_bfloat16_learns_and_keeps_full_precision(two: Ranks, alone: Path, tmp_path: Path) -> None:
    one, _ = two.run(
        cases.train, cases.job("zero3", tmp_path / "run", precision="bfloat16"), timeout=300
    )
    got = cases.weights(tmp_path / "run")
    assert all(value.dtype == torch.float32 for value in got.values())
    assert 1e-6 < cases.distance(cases.weights(alone), got) < 0.05
    assert one.losses[-1] < one.losses[0]


@pytest.mark.processes
def test_a_loss_that_is_not_finite_stops_all_ranks(two: Ranks, tmp_path: Path) -> None:
    job = cases.job("zero3", tmp_path / "run")
    bad = dataclasses.replace(job, lr=1e30, clip=None)
    with Ranks(2, echo=False, collective_timeout=60) as ranks:
        with pytest.raises(RankFailure, match=r"NonFiniteError: loss .* at step [1-5]"):
            ranks.run(cases.train, bad, timeout=120)
    assert not (tmp_path / "run" / "model.safetensors").exists()


# ---- the command itself


@pytest.fixture
def texts(tmp_path: Path) -> list[str]:
    folder = tmp_path / "texts"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.txt").write_text(f"Page {n}. " + f"The cat {n} saw the dog. " * 12)
    (tmp_path / "tiny.json").write_text(
        json.dumps({**cases.CONFIG.to_dict(), "vocab_size": 270, "max_seq_len": 16})
    )
    return [str(path) for path in sorted(folder.iterdir())]


def words(tmp_path: Path, texts: list[str], *more: str) -> list[str]:
    base = ["--config", str(tmp_path / "tiny.json"), "--steps", "4", "--batch-size", "4"]
    return [*base, "--text", *texts, *more]


def main(arguments: list[str]) -> int:
    return cli.main(arguments, presets=course_lib.presets, tokenizer=course_lib.ByteLevelBPE)


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_a_reader_that_has_gone_is_no_fault_of_the_run(
    tmp_path: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*words: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "start", gone)
    with pytest.raises(BrokenPipeError):  # which `run_command` waits for
        main(words(tmp_path, texts))


def test_files_that_are_named_one_by_one_are_all_read(texts: list[str]) -> None:
    one_by_one = [word for path in texts for word in ("--text", path)]
    chosen = cli.parser([]).parse_args([*one_by_one, "--noise", "mask", "--noise", "delete"])
    assert [str(path) for path in chosen.text] == texts and len(texts) > 1
    assert chosen.noise == ["mask", "delete"]


def test_it_trains_alone_says_how_far_it_is_and_goes_on(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = words(tmp_path, texts, "--output", str(out), "--held-out", "0.4")
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "plain on 1 rank(s); model states" in said
    assert "step 4 of 4, loss" in said and "trained 4 steps" in said and "held out" in said
    names = {path.name for path in out.iterdir()}
    assert names == {"tokenizer.json", "checkpoint.safetensors", "model.safetensors",
                     "history.json", "metrics.jsonl"}  # fmt: skip
    assert "<|endoftext|>" in course_lib.ByteLevelBPE.load(out / "tokenizer.json").special_tokens
    assert "is not empty: pass --resume" in refusal(arguments, capsys)
    assert main([*arguments, "--resume", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main([*arguments, "--resume", "--steps", "3"]) == 1
    assert "--steps must be at least 4, which the run in" in capsys.readouterr().err


def test_a_curve_is_drawn_where_one_is_asked_for(
    tmp_path: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    jobs: list[Job] = []
    monkeypatch.setattr(cli, "start", lambda made, _: jobs.append(made) or History())
    for more in ([], ["--curve"]):
        assert main(words(tmp_path, texts, *more)) == 0
    assert [(made.progress, made.curve) for made in jobs] == [(True, False), (True, True)]
    capsys.readouterr()
    assert "not allowed with" in refusal(words(tmp_path, texts, "--curve", "--quiet"), capsys)


@pytest.mark.parametrize("dropout", ["0.0", "0.2"])
def test_python_and_the_command_line_give_the_same_run(
    tmp_path: Path, texts: list[str], dropout: str
) -> None:
    out = tmp_path / "out"
    more = ["--output", str(out), "--held-out", "0.4", "--accumulate", "2", "--quiet"]
    assert main([*words(tmp_path, texts, "--set", f"dropout={dropout}"), *more]) == 0

    fields = json.loads((tmp_path / "tiny.json").read_text())
    config = course_lib.TransformerConfig(**(fields | {"dropout": float(dropout)}))
    learned, measured = split(read_text_files(texts), 0.4)
    tokenizer = course_lib.ByteLevelBPE.load(out / "tokenizer.json")
    separator = tokenizer.special_tokens[cli.SEPARATOR]
    rows, held_out = (
        pack([tokenizer.encode(t) for t in part], 16, separator) for part in (learned, measured)
    )
    model = course_lib.Transformer(config, generator=torch.Generator().manual_seed(0))
    history = train(
        model,
        batches(rows, 4, generator=torch.Generator().manual_seed(1), parts=2),
        optimizer=adamw(model, 1e-3, 0.1),
        steps=4,
        accumulate=2,
        schedule=warmup_cosine(steps=4, warmup=0),
        held_out=held_out,
        progress=False,
    )
    got = cases.weights(out)
    theirs = {name.removeprefix("model/"): value for name, value in got.items()}
    mine = model.state_dict()
    assert all(torch.equal(mine[name], value) for name, value in theirs.items())
    kept = json.loads((out / "history.json").read_text())
    for name, values in history.to_dict().items():
        if name != "seconds":
            assert json.loads(json.dumps(values)) == kept[name], name
    entries = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [e["loss"] for e in entries if "loss" in e] == history.losses
    assert [(e["step"], e["held_out"]) for e in entries if "held_out" in e] == history.evaluations


@pytest.mark.processes
def test_the_two_commands_of_chapter_18_as_printed(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Train on four ranks, go on under another engine on two, and make the run longer."""
    page = Path(course_lib.__file__).parents[1] / "book" / "18_multi_gpu_zero.md"
    found = re.findall(r"python -m (course_lib\.training(?:.*\\\n)*.*)", page.read_text())
    printed = [shlex.split(text.replace("\\\n", " "))[1:] for text in found]
    assert len(printed) == 2 and "--resume" in printed[1]
    for command, total in zip(printed, (2, 4), strict=True):
        tiny = {"gpt2": str(tmp_path / "tiny.json"), "runs/mine": str(tmp_path / "mine")}
        steps = command[command.index("--steps") + 1]
        every = command[command.index("--checkpoint-every") + 1]
        small = {steps: str(total), every: "1", "--preset": "--config"} | tiny
        given = [small.get(word, word) for word in command]
        at = given.index("mine/*.txt")
        assert main([*given[:at], *texts, *given[at + 1 :], "--batch-size", "4"]) == 0
    said = capsys.readouterr().out
    assert "trained 2 steps after 2 made before" in said
    history = json.loads((tmp_path / "mine" / "history.json").read_text())
    assert len(history["losses"]) == 4


@pytest.mark.processes
def test_it_starts_ranks_and_runs_under_torchrun(tmp_path: Path, texts: list[str]) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": "1",
    }
    module = ["-m", "course_lib.training"]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *module]
    found = {}
    for name, start, more in (
        ("ours", module, ["--nprocs", "2", "--strategy", "zero1"]),
        ("torchrun", torchrun, ["--strategy", "zero3"]),
    ):
        out = tmp_path / name
        command = [sys.executable, *start, *words(tmp_path, texts, *more, "--output", str(out))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        assert f"{more[-1]} on 2 rank(s)" in done.stdout and "trained 4 steps" in done.stdout
        found[name] = cases.weights(out)
    assert cases.distance(found["ours"], found["torchrun"]) == 0


@pytest.mark.processes
def test_a_failing_rank_ends_the_command_with_its_name(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = words(tmp_path, texts, "--nprocs", "2", "--lr", "1e30", "--clip", "0", "--quiet")
    assert main(arguments) == 1
    assert "RankFailure: rank " in (said := capsys.readouterr().err) and "at step" in said


TINY = "{tiny}"
MASKED = ("--set", "n_encoder_layers=2", "--set", "n_decoder_layers=0")
T5 = ("--set", "n_encoder_layers=2")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--preset", "gpt-2"], "no preset named 'gpt-2'; the nearest are gpt2"),
        (["--preset", "gpt2", "--config", TINY], "give either --preset or --config"),
        ([], "give either --preset or --config"),
        (["--preset", "bert-base", "--objective", "causal"],
         "bert-base is encoder-only, which takes masked, masked-static"),
        (["--config", TINY, "--objective", "ul2"], "ul2 is for encoder-decoder models"),
        (["--config", TINY, "--mask-rate", "0.2"], "--mask-rate is no option of the objective"),
        (["--config", TINY, "--mean-span", "2"], "--mean-span is no option of the objective"),
        (["--config", TINY, "--noise", "mask"], "--noise is no option of the objective"),
        (["--config", TINY, "--whole-words"], "--whole-words is no option of the objective"),
        (["--config", TINY, "--decay", "191"], "--decay must be 0 to 190, which the warm-up"),
        (["--config", TINY, *MASKED, "--mask-rate", "0"], "--mask-rate must be above 0, at most 1"),
        (["--config", TINY, *MASKED, "--mask-rate", "nan"], "--mask-rate must be above 0, at most"),
        (["--config", TINY, *T5, "--mean-span", "0.5"], "--mean-span must be 1 token or more"),
        (["--config", TINY, *T5, "--mean-span", "inf"], "--mean-span must be 1 token or more"),
        (["--config", TINY, *T5, "--seq-len", "3"], "too short for span-corruption: it needs 4"),
        (["--config", TINY, "--set", "d_modle=3"], "unknown config field 'd_modle' with value 3"),
        (["--config", TINY, "--set", "d_model"], "--set wants FIELD=VALUE, got 'd_model'"),
        (["--config", TINY, "--strategy", "deepspeed"], "deepspeed_config gives the settings"),
        (["--config", TINY, "--strategy", "zero4"], "strategy must be one of plain, ddp"),
        (["--config", TINY, "--batch-size", "5", "--nprocs", "2"],
         "--batch-size 5 does not divide over 2 ranks with 1 backward passes each; it must be a "
         "multiple of 2"),
        (["--config", TINY, "--nprocs", "0"], "nprocs must be at least 1, got 0"),
        (["--config", TINY, "--nprocs", "99", "--backend", "nccl"], "NCCL needs a GPU per rank"),
        (["--config", TINY, "--steps", "0"], "--steps must be at least 1, got 0"),
        (["--config", TINY, "--steps", "9" * 400], "--steps must be less than 2**53, got 9999"),
        (["--config", TINY, "--batch-size", str(2**53)], "--batch-size must be less than 2**53"),
        (["--config", TINY, "--lr", "0"], "--lr must be positive, got 0.0"),
        (["--config", TINY, "--time-limit", "-1"], "--time-limit must be positive, got -1.0"),
        (["--config", TINY, "--clip", "-1"], "--clip must be 0 or more, got -1.0"),
        (["--config", TINY, "--lr", "inf"], "--lr must be finite, got inf"),
        (["--config", TINY, "--lr", "1e38"], "--lr must be at most 1e+30, got 1e+38"),
        (["--config", TINY, "--strategy", ""], "--strategy must be one of plain, ddp"),
        (["--config", TINY, "--lr", "nan"], "--lr must be positive, got nan"),
        (["--config", TINY, "--weight-decay", "inf"], "--weight-decay must be finite, got inf"),
        (["--config", TINY, "--clip", "nan"], "--clip must be 0 or more, got nan"),
        (["--config", TINY, "--seed", str(2**64)], "--seed must be 0 to 2**63 - 2"),
        (["--config", TINY, "--seed", "-1"], "--seed must be 0 to 2**63 - 2, got -1"),
        (["--config", TINY, "--backend", "nccl"], "--backend nccl is for ranks"),
        (["--config", TINY, "--keep-last", "2"], "--keep-last is for the folders of sharded runs"),
        (["--config", TINY, "--strategy", "plain", "--nprocs", "2"], "plain is for one process"),
        (["--config", TINY, "--set", "d_model=1073741824"], "of memory"),
        (["--config", TINY, "--set", "n_decoder_layers=1000000000000"], "of memory"),
        (["--config", TINY, "--vocab-size", "1000000000000000"], "of memory"),
        (["--config", "/dev/zero"], "/dev/zero is no ordinary file"),
        (["--config", TINY, "--text", "/dev/zero"], "/dev/zero is no ordinary file"),
        (["--config", TINY, "--weight-decay", "-2"], "--weight-decay must be 0 or more, got -2.0"),
        (["--config", TINY, "--warmup", "300"], "--warmup must be 0 to --steps 200, got 300"),
        (["--config", TINY, "--seq-len", "64"], "--seq-len must be at most max_seq_len 16, got 64"),
        (["--config", TINY, "--tokenizer", "x", "--vocab-size", "300"], "--tokenizer brings its"),
        (["--config", TINY, "--vocab-size", "12"], "--vocab-size must be at least 257"),
        (["--config", TINY, "--resume"], "--resume needs --output"),
        (["--config", TINY, "--checkpoint-every", "2"], "--checkpoint-every needs --output"),
        (["--config", TINY, "--output", TINY], "is a file; a folder is wanted"),
        (["--config", "nowhere.json"], "nowhere.json"),
        (["--config", TINY, "--text", "nowhere.txt"], "nowhere.txt"),
        (["--config", TINY, "--batch-size", "10000"], "--batch-size must be at most the"),
        (["--config", TINY, "--evaluate-every", "2"], "--evaluate-every needs text to measure on"),
        (["--config", TINY, "--set", "dropout=0.1", "--set", "dropout=0.2"],
         "--set names dropout twice: dropout=0.1 dropout=0.2"),
        (["--config", TINY, "--held-out", "1.5"], "--held-out must lie between 0 and 1, got 1.5"),
        (["--config", TINY, "--nprocs", "0"], "--nprocs must be at least 1, got 0"),
        (["--config", TINY, "--nprocs", "2", "--batch-size", "3"], "--batch-size 3 does not"),
        (["--config", ""], "argument --config: got an empty word"),
        (["--config", TINY, "--text", ""], "argument --text/--data: got an empty word"),
        (["--config", TINY, "--tokenizer", ""], "argument --tokenizer: got an empty word"),
        (["--config", TINY, "--output", ""], "argument --output: got an empty word"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_before_work_starts(
    tmp_path: Path,
    texts: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    message: str,
) -> None:
    for name in ("run", "launch"):
        monkeypatch.setattr(cli, name, None)  # nothing may be started
    arguments = [str(tmp_path / "tiny.json") if word == TINY else word for word in more]
    if "--text" not in arguments:
        arguments += ["--text", *texts]
    assert message in refusal(arguments, capsys)
    assert {path.name for path in tmp_path.iterdir()} == {"texts", "tiny.json"}


def test_a_pipe_and_a_config_without_end_are_refused(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    tiny = str(tmp_path / "tiny.json")
    pipe = str(tmp_path / "pipe")
    for given in (["--config", tiny, "--text", pipe], ["--config", pipe]):
        assert "pipe is no ordinary file" in refusal(given, capsys)
    given = ["--config", tiny, "--text", *texts, "--tokenizer", pipe]
    assert pipe in refusal(given, capsys)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert "is nested too deeply" in refusal(["--config", str(tmp_path / "deep.json")], capsys)


def test_ranks_within_torchrun_are_refused(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    said = refusal(words(tmp_path, texts, "--nprocs", "2"), capsys)
    assert "torchrun has started them: leave it out" in said


def test_a_config_that_is_no_json_and_a_tokenizer_that_does_not_fit(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text("{")
    assert "bad.json is not JSON" in refusal(["--config", str(tmp_path / "bad.json")], capsys)
    train = course_lib.ByteLevelBPE.train
    train(["a b c"], 257, special_tokens=("<s>",)).save(tmp_path / "other.json")
    train(["a b c d e f g" * 9], 271, special_tokens=(cli.SEPARATOR,)).save(tmp_path / "big.json")
    said = refusal(words(tmp_path, texts, "--tokenizer", str(tmp_path / "other.json")), capsys)
    assert "no token <|endoftext|> or </s> or [SEP] to put between documents" in said
    few = ["--set", "vocab_size=100", "--tokenizer", str(tmp_path / "big.json")]
    assert "tokens, the model 100" in refusal(words(tmp_path, texts, *few), capsys)


def test_a_strategy_that_is_none() -> None:
    with pytest.raises(ValueError, match="strategy must be one of plain, ddp, .*, got 'zero9'"):
        engines.check_strategy("zero9")


@pytest.mark.parametrize("kept", [True, False])
def test_an_interrupted_run_says_how_to_go_on(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, kept: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(cli, "start", lambda job, chosen: History(interrupted=True))
    more = ["--output", str(tmp_path / "out")] if kept else []
    given = words(tmp_path, texts, "--quiet", *more)
    assert main(given) == 130
    told = "--resume goes on" if kept else "nothing is kept without --output"
    assert f"interrupted after 0 steps; {told}\n" in capsys.readouterr().err


def test_a_run_that_is_not_gone_on_with_keeps_its_tokenizer(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its model reads by it."""
    out = tmp_path / "out"
    more = ["--quiet", "--output", str(out)]
    assert main(words(tmp_path, texts, *more)) == 0
    before = {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()}
    other = tmp_path / "other.txt"
    other.write_text("Quite another text, of boats and trees. " * 30)
    assert main(words(tmp_path, [str(other)], *more, "--resume")) == 1
    assert "holds another run" in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()} == before


@pytest.mark.parametrize("kept", [True, False])
def test_an_interrupt_before_the_first_step_promises_no_checkpoint(
    tmp_path: Path, texts: list[str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, kept: bool,
) -> None:  # fmt: skip
    def interrupted(job: Job, chosen: argparse.Namespace) -> History:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "start", interrupted)
    more = ["--output", str(tmp_path / "out")] if kept else []
    assert main(words(tmp_path, texts, "--quiet", *more)) == 130
    told = "a checkpoint, if there is one, is whole" if kept else "nothing is kept without --output"
    assert capsys.readouterr().err == f"interrupted; {told}\n"
