"""One command a task: on made items and on one's own, with clear errors, and resumed exactly."""

import json
import shutil
import signal
from pathlib import Path

import pytest
import torch

from course_lib.locks import locked
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


@pytest.mark.slow
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
        patched.setattr(cli, "how_to_say", lambda steps, curve: say)
        words.remove("--quiet")
        assert main([*words, "--output", str(parts)]) == 130
    assert main([*words, "--output", str(parts), "--resume"]) == 0
    one, two = (load_tuned(place).model.state_dict() for place in (whole, parts))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_curve_is_drawn_where_one_is_asked_for(checkpoint, made, monkeypatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(cli, "how_to_say", lambda steps, curve: asked.append(curve) or False)
    words = ["sentiment", "--checkpoint", str(checkpoint("encoder-only")), *made("sentiment")]
    for more in ([], ["--curve"]):
        assert main([*words, *SHORT[:-1], *more]) == 0
    assert asked == [False, True]
    with pytest.raises(SystemExit):
        main([*words, "--curve", "--quiet"])


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
    told = capsys.readouterr().err
    assert "holds another run: examples was" in told and "items, tokenizer or encoding" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "0"], "--steps must be at least 1, got 0"),
        (["--batch-size", "-1"], "--batch-size must be at least 1, got -1"),
        (["--made-items", "0"], "--made-items must be at least 1, got 0"),
        (["--made-items", "1000001"], "--made-items must be at most 1,000,000, got 1,000,001"),
        (["--lr", "0"], "--lr must be positive and finite, got 0.0"),
        (["--lr", "nan"], "--lr must be positive and finite, got nan"),
        (["--weight-decay", "inf"], "--weight-decay must be 0 or more and finite, got inf"),
        (["--seed", "-1"], "--seed must be 0 to"),
        (["--held-out", "0.5"], "--held-out is for your own items: it needs --data"),
        (["--test", "x.csv"], "--test is for your own items: it needs --data"),
        (["--output", ""], "argument --output: got an empty word"),
        (["--checkpoint", ""], "argument --checkpoint: got an empty word"),
        (["--data", "a.csv", "--column", "test=a"], "--column names 'test': LabelledText has text"),
        (["--column", "text=a"], "--column is for your own items: it needs --data"),
        (["--data", "a.csv", "--made-items", "3"], "--made-items is for a made task"),
        (["--data", "a.csv", "--held-out", "1"], "--held-out must be above 0 and below 1"),
        (["--data", "a.csv", "--held-out", "0.1", "--test", "b.csv"], "--test brings its own"),
        (["--steps", "9" * 400], "--steps must be less than 2**53, got 9999"),
        (["--batch-size", str(2**53)], "--batch-size must be less than 2**53"),
        (["--lr", "1e300"], "--lr must be at most 1e+30, got 1e+300"),
        (["--lr", "1e38"], "--lr must be at most 1e+30, got 1e+38"),
        (["--weight-decay", "1e39"], "--weight-decay must be at most 3.4e+38, got 1e+39"),
        (["--data", "a.csv", "--column", "text=a", "--column", "text=b"], "a column twice: text=a"),
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


GOOD_BAD = "text,label\n" + "the food,1\nthe view,0\n" * 4


def sentiment(checkpoint, folder: Path, *more: str) -> list[str]:
    (folder / "a.csv").write_text(GOOD_BAD)
    words = ["sentiment", "--checkpoint", str(checkpoint("encoder-only")), *SHORT]
    return [*words, "--data", str(folder / "a.csv"), *more]


def refused(words: list[str], message: str, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["IOB2", "IOB1", "BIOES", "BILOU"])
def test_entities_count_however_a_file_marks_them(
    checkpoint, scheme: str, tmp_path: Path, capsys
) -> None:
    one, two = {"IOB2": "BB", "IOB1": "II", "BIOES": "SS", "BILOU": "UU"}[scheme]
    text = f"Ada {one}-PER\ncame O\nto O\nParis {two}-LOC\n\n"
    (tmp_path / "a.conll").write_text(text * 6)
    words = ["entities", "--checkpoint", str(checkpoint("encoder-only")), *SHORT]
    output = tmp_path / "out"
    assert main([*words, "--data", str(tmp_path / "a.conll"), "--output", str(output)]) == 0
    told = json.loads((output / "answers.jsonl").read_text().splitlines()[0])
    assert told["right"] == ["B-PER", "O", "O", "B-LOC"]
    assert load_tuned(output).labels == ("O", "B-LOC", "B-PER")


def test_what_is_no_entity_is_named_with_its_file(checkpoint, tmp_path: Path, capsys) -> None:
    (tmp_path / "a.conll").write_text("Ada N\ncame V\n\n" * 6)
    words = ["entities", "--checkpoint", str(checkpoint("encoder-only"))]
    refused(
        [*words, "--data", str(tmp_path / "a.conll")], "a.conll: items[0]: labels[0] is", capsys
    )


def test_the_checkpoint_is_not_written_over(checkpoint, tmp_path: Path, capsys) -> None:
    source = tmp_path / "pretrained"
    shutil.copytree(checkpoint("encoder-only"), source)
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    for output in (source, tmp_path / "x" / ".." / "pretrained"):
        (tmp_path / "x").mkdir(exist_ok=True)
        words = sentiment(checkpoint, tmp_path, "--output", str(output), "--resume")
        words[2] = str(source)
        refused(words, "is --checkpoint: its model would be lost", capsys)
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before


def test_a_folder_of_something_else_is_not_resumed(checkpoint, tmp_path: Path, capsys) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("a cat")
    words = sentiment(checkpoint, tmp_path, "--output", str(tmp_path / "photos"), "--resume")
    refused(words, "--resume finds no run in", capsys)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]


def test_two_runs_do_not_share_a_folder(checkpoint, tmp_path: Path, capsys) -> None:
    output = tmp_path / "out"
    output.mkdir()
    with locked(output):
        assert main(sentiment(checkpoint, tmp_path, "--output", str(output))) == 1
    assert "is being written by another process" in capsys.readouterr().err
    assert not list(output.iterdir())
    assert main(sentiment(checkpoint, tmp_path, "--output", str(output))) == 0


@pytest.mark.parametrize("part", ["tune", "score", "write_results"])
@pytest.mark.parametrize(("error", "code"), [(OSError(28, "No space left"), 1),
                                             (KeyboardInterrupt(), 130)])  # fmt: skip
def test_a_full_disk_or_an_interrupt_ends_a_run_with_a_line(
    checkpoint, tmp_path: Path, monkeypatch, capsys, part: str, error: BaseException, code: int
) -> None:
    def fail(*words: object) -> None:
        raise error

    monkeypatch.setattr(cli, part, fail)
    assert main(sentiment(checkpoint, tmp_path, "--output", str(tmp_path / "out"))) == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_reader_that_has_gone_is_no_fault_of_the_run(checkpoint, tmp_path, monkeypatch) -> None:
    def gone(*words: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "tune", gone)
    with pytest.raises(BrokenPipeError):  # which `run_command` waits for
        main(sentiment(checkpoint, tmp_path))


@pytest.mark.parametrize(
    ("name", "told"), [("a.csv/x", "a.csv is a file; a folder is wanted"), ("x" * 300, "too long")]
)
def test_an_output_that_cannot_be_made_is_told_in_a_line(
    checkpoint, tmp_path, capsys, name: str, told: str
) -> None:
    refused(sentiment(checkpoint, tmp_path, "--output", f"{tmp_path}/{name}"), told, capsys)


@pytest.mark.parametrize(
    ("family", "name"),
    [("decoder-only", "entities"), ("encoder-only", "word-classes"), ("encoder-only", "answering")],
)
def test_a_prefix_that_nothing_would_read_is_refused(
    checkpoint, made, family: str, name: str, capsys
) -> None:
    words = [name, "--checkpoint", str(checkpoint(family)), *made(name), "--prefix", "label: "]
    refused(words, "--prefix has no place", capsys)


@pytest.mark.parametrize("family", ["encoder-only", "unpublished"])
def test_a_tuned_model_can_be_tuned_again(checkpoint, tmp_path: Path, family: str) -> None:
    words = sentiment(checkpoint, tmp_path, "--output", str(tmp_path / "one"))
    words[2] = str(checkpoint(family))
    assert main(words) == 0
    first = load_tuned(tmp_path / "one").model.model.state_dict()
    again = open_pretrained(tmp_path / "one").state_dict()
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert main(sentiment(checkpoint, tmp_path, "--checkpoint", str(tmp_path / "one"))) == 0


def test_made_files_do_not_take_the_place_of_others(tmp_path: Path, capsys) -> None:
    words = ["sentiment", "--output", str(tmp_path), "--texts", "5", "--train", "8", "--test", "6"]
    (tmp_path / "test.jsonl").write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        make(words)
    assert stopped.value.code == 2 and "test.jsonl holds others" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["test.jsonl"]
    (tmp_path / "test.jsonl").unlink()
    assert make(words) == 0
    (tmp_path / "test.jsonl").unlink()  # an interrupted run: the same command goes on
    assert make(words) == 0
