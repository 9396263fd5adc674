"""One command a task: on made items and on one's own, with clear errors, and resumed exactly."""

import json
import signal
from pathlib import Path

import pytest
import torch

from course_lib.tasks import MADE, answer, cli, right_answers
from course_lib.tasks.cli import main
from course_lib.tasks.files import read_items
from course_lib.tasks.kinds import TASK_KINDS
from course_lib.tasks.made.__main__ import main as make
from course_lib.tasks.saved import load_tuned, open_pretrained
from course_lib.training import History

SHORT = ["--steps", "2", "--batch-size", "4", "--max-new-tokens", "4", "--quiet"]
FITS = [
    *((family, name) for family in ("encoder-only", "decoder-only") for name in
      ("sentiment", "entities", "word-classes", "answering")),
    *(("encoder-decoder", name) for name in ("sentiment", "answering", "summarization")),
    *((family, name) for family in ("decoder-only", "encoder-decoder") for name in
      ("translation", "generation")),
]  # fmt: skip


def scores(capsys) -> dict:
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files of a made task, as its command writes them: what is to be given to the command."""

    def write(name: str) -> list[str]:
        folder = tmp_path_factory.mktemp(name)
        make([name, "--output", str(folder), "--texts", "5", "--train", "8", "--test", "6"])
        return ["--data", str(folder / "train.jsonl"), "--test", str(folder / "test.jsonl")]

    return write


@pytest.mark.parametrize(("family", "name"), FITS)
def test_every_family_does_what_it_can(checkpoint, made, family: str, name: str, capsys) -> None:
    assert main([name, "--checkpoint", str(checkpoint(family)), *made(name), *SHORT]) == 0
    found = scores(capsys)
    assert found["task"] == name and found["items"] == 6
    assert 0 <= found[MADE[name].metric] <= 1


def test_without_a_file_the_made_task_is_tuned(checkpoint, capsys) -> None:
    words = ["entities", "--checkpoint", str(checkpoint("encoder-only")), "--made-items", "8"]
    assert main([*words, *SHORT]) == 0
    assert scores(capsys)["items"] == 400


@pytest.mark.parametrize("name", ["translation", "summarization", "generation"])
def test_an_encoder_writes_nothing(checkpoint, name: str, capsys, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"source": "the dog", "target": "dog"}\n' * 8)
    with pytest.raises(SystemExit) as stopped:
        main([name, "--checkpoint", str(checkpoint("encoder-only")), "--data", str(file)])
    assert stopped.value.code == 2
    assert "an encoder-only model writes no text" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("family", "name", "file"),
    [
        ("encoder-only", "sentiment", "config.json"),
        ("encoder-decoder", "sentiment", "config.json"),
        ("encoder-only", "answering", "config.json"),
        ("encoder-decoder", "translation", "config.json"),
        ("encoder-decoder", "word-classes", ""),  # files of BART have no such head
        ("unpublished", "word-classes", ""),
    ],
)
def test_results_can_be_read_back(
    checkpoint, made, family: str, name: str, file: str, tmp_path: Path
) -> None:
    place, files = tmp_path / "out", made(name)
    words = [name, "--checkpoint", str(checkpoint(family)), *files, *SHORT]
    assert main([*words, "--output", str(place)]) == 0
    assert (place / "config.json").is_file() == bool(file)
    tuned = load_tuned(place)
    assert set(tuned.labels) == set(MADE[name].labels)
    told = [json.loads(line) for line in (place / "answers.jsonl").read_text().splitlines()]
    test = read_items(files[3], TASK_KINDS[name].item)
    again = answer(tuned.model, test, tuned.encoder, tuned.labels, max_new_tokens=4)
    assert [list(a) if isinstance(a, tuple) else a for a in again] == [x["answer"] for x in told]
    right = [list(a) if isinstance(a, tuple) else a for a in right_answers(test)]
    assert right == [line["right"] for line in told]


def test_a_resumed_run_has_the_same_weights(checkpoint, made, tmp_path: Path, monkeypatch) -> None:
    words = ["word-classes", "--checkpoint", str(checkpoint("encoder-only")), "--quiet"]
    words += [*made("word-classes"), "--batch-size", "4", "--steps", "6"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main([*words, "--output", str(whole)]) == 0
    say = Interrupt(3)
    with monkeypatch.context() as patched:
        patched.setattr(cli, "lines", lambda steps: say)
        words.remove("--quiet")
        assert main([*words, "--output", str(parts)]) == 130
    assert main([*words, "--output", str(parts), "--resume"]) == 0
    one, two = (load_tuned(place).model.state_dict() for place in (whole, parts))
    assert all(torch.equal(one[name], two[name]) for name in one)


class Interrupt:
    """Presses Ctrl-C after some updates."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, history: History) -> None:
        if history.steps == self.after:
            signal.raise_signal(signal.SIGINT)


def test_a_run_is_not_resumed_on_other_items(checkpoint, made, tmp_path: Path, capsys) -> None:
    words = ["sentiment", "--checkpoint", str(checkpoint("encoder-only")), *SHORT]
    words += ["--output", str(tmp_path / "a"), "--data"]
    train, test = made("sentiment")[1::2]
    assert main([*words, train, "--test", test]) == 0
    assert main([*words, test, "--test", train, "--resume"]) == 1
    assert "holds another run: examples was" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "0"], "--steps must be at least 1, got 0"),
        (["--batch-size", "-1"], "--batch-size must be at least 1, got -1"),
        (["--made-items", "0"], "--made-items must be at least 1, got 0"),
        (["--lr", "0"], "--lr must be positive and finite, got 0.0"),
        (["--lr", "nan"], "--lr must be positive and finite, got nan"),
        (["--weight-decay", "inf"], "--weight-decay must be 0 or more and finite, got inf"),
        (["--seed", "-1"], "--seed must be 0 to"),
        (["--held-out", "0.5"], "--held-out is for your own items: it needs --data"),
        (["--test", "x.csv"], "--test is for your own items: it needs --data"),
        (["--column", "text=a"], "--column is for your own items: it needs --data"),
        (["--data", "a.csv", "--made-items", "3"], "--made-items is for a made task"),
        (["--data", "a.csv", "--held-out", "1"], "--held-out must be above 0 and below 1"),
        (["--data", "a.csv", "--held-out", "0.1", "--test", "b.csv"], "--test brings its own"),
        (["--resume"], "--resume needs --output"),
        (["--checkpoint-every", "3"], "--checkpoint-every needs --output"),
        (["--data", "a.csv", "--column", "text"], "--column wants OURS=THEIRS, got 'text'"),
        (["--data", "none.csv"], "No such file"),
        (["--data", "a.xlsx"], "must end in .csv, "),
    ],
)
def test_bad_arguments_are_named(checkpoint, words: list[str], message: str, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sentiment", "--checkpoint", str(checkpoint("encoder-only")), *words])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_label_that_only_the_share_to_score_on_has_is_known(checkpoint, tmp_path: Path) -> None:
    lines = "".join(f"the food,{label}\n" for label in "abcdefgh")
    (tmp_path / "a.csv").write_text(f"text,label\n{lines}")
    words = ["sentiment", "--checkpoint", str(checkpoint("encoder-only")), *SHORT]
    assert main([*words, "--data", str(tmp_path / "a.csv")]) == 0


def test_a_label_of_the_test_file_alone_is_named(checkpoint, tmp_path: Path, capsys) -> None:
    (tmp_path / "a.csv").write_text("text,label\nthe food,good\nthe view,bad\n")
    (tmp_path / "b.csv").write_text("text,label\nthe food,good\nthe view,fair\n")
    words = ["sentiment", "--checkpoint", str(checkpoint("encoder-only"))]
    with pytest.raises(SystemExit):
        main([*words, "--data", str(tmp_path / "a.csv"), "--test", str(tmp_path / "b.csv")])
    told = capsys.readouterr().err
    assert "b.csv: items[1]: unknown label 'fair': known are bad, good" in told


@pytest.mark.parametrize("files", [{}, {"model.safetensors": b""}, {"config.json": b"{}"}])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, files: dict) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises((ValueError, FileNotFoundError), match=str(tmp_path)):
        open_pretrained(tmp_path)
