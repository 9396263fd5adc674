"""Model, head, words and labels that are read from a folder are those of one save."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib import presets
from course_lib.model import Transformer
from course_lib.serve.served import ServedModel
from course_lib.tasks import TaskModel, cli, made_tokenizer, make_head, saved
from course_lib.tasks.examples import Encoder
from course_lib.tasks.saved import Tuned, load_tuned, save_tuned
from course_lib.tokenizers import Tokenizer, WordPiece
from course_lib.weights import handover, load
from tests.saves import killed_at

FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks writers")
SIZES = {"vocab_size": 800, "d_model": 16, "n_heads": 2, "max_seq_len": 48, "dropout": 0.0}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("bert-base", {"n_encoder_layers": 1}),
    "own": ("bert-base", {"n_encoder_layers": 1, "norm_placement": "pre"}),
    "gpt2": ("gpt2", {"n_decoder_layers": 1}),
}


def tuned(number: int, kind: str, head: bool = True) -> Tuned:
    """Make a tuned model whose every part tells its number."""
    preset, layers = KINDS[kind]
    config = replace(presets[preset], **SIZES, **layers)
    plain = Transformer(config, generator=torch.Generator().manual_seed(0))
    model: Transformer | TaskModel = plain
    if head:
        new = make_head(config, "sequence", 2, generator=torch.Generator().manual_seed(1))
        model = TaskModel(plain, new)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(number)
    pieces = [*made_tokenizer().tokens, f"save{number}"]
    words = WordPiece({piece: place for place, piece in enumerate(pieces)}, clean_up=False)
    end = words.special_id("[SEP]")
    fields = {"eos_token_id": end, "pad_token_id": 0, "decoder_start_token_id": end}
    encoder = Encoder.of(words, config, fields, f"{number}: ")
    return Tuned(model.eval(), encoder, (f"{number} no", f"{number} yes"))


def of_model(model: torch.nn.Module) -> set[int]:
    return {int(value) for tensor in model.parameters() for value in tensor.unique()}


def of_words(words: Tokenizer) -> set[int]:
    return {int(words.tokens[-1].removeprefix("save"))}


def of_all(found: Tuned) -> set[int]:
    """Which saves the parts of a tuned model are of."""
    told = {int(text[0]) for text in (*found.labels, found.encoder.prefix)}
    return told | of_model(found.model) | of_words(found.encoder.tokenizer)


def read_to_tune(folder: Path) -> set[int]:
    kind = "sentiment"
    chosen = cli.parser().parse_args([kind, "--checkpoint", str(folder)])
    model, words, _ = saved.together(folder, lambda place: cli._read_start(chosen, place))
    return of_model(model) | of_words(words)


def read_to_serve(folder: Path) -> set[int]:
    served = ServedModel.load(folder)
    return of_model(served.model) | of_words(served.tokenizer)


def read_to_hand_over(folder: Path) -> set[int]:
    made: list[Any] = []

    def transformers(model: Transformer, beside: dict[str, Any], *_: object) -> Any:
        made.append(of_model(model))
        found = re.findall(rb"\bsave(\d)\b", beside["tokenizer.json"])
        made.append(set(map(int, found)))
        raise InterruptedError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(handover, "_transformers", transformers)
        with pytest.raises(InterruptedError):
            handover.handover(folder)
    return set.union(*made)


@pytest.mark.parametrize("kind", ["bert", "own"])
def test_a_tuned_model_comes_back(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "above" / "model"
    save_tuned(tuned(1, kind), folder)
    assert of_all(load_tuned(folder)) == {1}
    save_tuned(tuned(2, "own" if kind == "bert" else "bert"), folder)  # of the other form
    assert of_all(load_tuned(folder)) == {2}
    assert (folder / "config.json").exists() == (kind == "own")
    assert not [file.name for file in folder.iterdir() if file.name.startswith(".")]


def test_a_model_that_is_saved_over_a_tuned_one_is_read(tmp_path: Path) -> None:
    """The file that describes the tuned one goes with it."""
    folder = tmp_path / "model"
    save_tuned(tuned(1, "own"), folder)
    tuned(2, "gpt2", head=False).model.save_pretrained(folder)  # type: ignore[union-attr,operator]
    assert of_model(saved.open_pretrained(folder)) == {2}


def test_what_was_said_of_an_older_model_goes(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_tuned(tuned(1, "gpt2", head=False), folder)
    (folder / "generation_config.json").write_text('{"eos_token_id": 7}')
    (folder / "notes.txt").write_text("kept")
    assert ServedModel.load(folder).ends == {7}
    model = tuned(2, "gpt2", head=False)
    save_tuned(model, folder)
    assert ServedModel.load(folder).ends == {model.encoder.end_id}
    assert (folder / "notes.txt").read_text() == "kept"


@pytest.mark.processes
def test_a_second_handover_leaves_no_words_of_the_first(tmp_path: Path) -> None:
    save_tuned(tuned(1, "gpt2", head=False), tmp_path / "one")
    tuned(2, "gpt2", head=False).model.save_pretrained(tmp_path / "two")  # type: ignore[union-attr,operator]
    handover.handover(tmp_path / "one", tmp_path / "out")
    assert (tmp_path / "out" / "transformers" / "tokenizer.json").is_file()
    handover.handover(tmp_path / "two", tmp_path / "out")
    left = {file.name for file in (tmp_path / "out" / "transformers").iterdir()}
    assert left == {"config.json", "model.safetensors"}


@pytest.mark.parametrize("kind", ["bert", "own"])
def test_a_tilde_is_the_home_folder_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    save_tuned(tuned(1, kind), "~/run")
    assert of_all(load_tuned("~/run")) == of_model(saved.open_pretrained("~/run")) == {1}
    assert of_words(saved.find_tokenizer("~/run", None)) == {1}
    assert (tmp_path / "run" / "task.json").is_file()
    with pytest.raises(ValueError, match="folder is empty"):
        save_tuned(tuned(1, kind), "")


READERS: dict[str, tuple[str, Callable[[Path], set[int]], bool]] = {
    "load_tuned": ("bert", lambda folder: of_all(load_tuned(folder)), True),
    "load_tuned, own form": ("own", lambda folder: of_all(load_tuned(folder)), True),
    "to be tuned again": ("bert", read_to_tune, True),
    "serve": ("gpt2", read_to_serve, False),
    "handover": ("gpt2", read_to_hand_over, False),
}


@pytest.mark.parametrize("moment", ["after the model", "before the words"])
@pytest.mark.parametrize("reader", READERS)
def test_a_save_in_the_middle_of_a_read_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, moment: str
) -> None:
    """Another process saves once the model is read, or right before the words are."""
    kind, read, head = READERS[reader]
    folder = tmp_path / "model"
    save_tuned(tuned(1, kind, head), folder)
    left = [2]

    def then_save() -> None:
        if left:
            save_tuned(tuned(left.pop(), kind, head), folder)

    if moment == "after the model":
        real = load.read_pretrained

        def read_pretrained(*arguments: Any, **named: Any) -> Transformer:
            model = real(*arguments, **named)
            then_save()
            return model

        for module in (saved, handover):
            monkeypatch.setattr(module, "read_pretrained", read_pretrained)
        real_own = saved.load_checkpoint

        def load_checkpoint(*arguments: Any, **named: Any) -> Any:
            result = real_own(*arguments, **named)
            then_save()
            return result

        monkeypatch.setattr(saved, "load_checkpoint", load_checkpoint)
    else:
        real_words, real_files = saved.load_tokenizer, handover._tokenizer

        def load_tokenizer(place: Path) -> Tokenizer:
            then_save()
            return real_words(place)

        def tokenizer(place: Path) -> dict[str, Any]:
            then_save()
            return real_files(place)

        monkeypatch.setattr(saved, "load_tokenizer", load_tokenizer)
        monkeypatch.setattr(handover, "_tokenizer", tokenizer)
    assert read(folder) == {2}
    assert not left


@pytest.mark.processes
@FORK
@pytest.mark.parametrize(("old", "new"), [("bert", "own"), ("own", "bert")])
def test_a_kill_leaves_the_old_tuned_model_or_the_new(tmp_path: Path, old: str, new: str) -> None:
    """A child is killed before each of its operations on files."""
    first, second = tuned(1, old), tuned(2, new)
    save_tuned(first, tmp_path / "first")
    known: dict[tuple[tuple[str, bytes], ...], set[int]] = {}
    told, killed, n = [], True, 0
    while killed:
        n += 1
        folder = tmp_path / str(n)
        shutil.copytree(tmp_path / "first", folder)
        killed = killed_at(n, partial(save_tuned, second, folder))
        files = [file for file in sorted(folder.iterdir()) if file.is_file()]
        shown = tuple((file.name, file.read_bytes()) for file in files)
        if shown not in known:
            known[shown] = of_all(load_tuned(folder))
        assert len(known[shown]) == 1, (n, known[shown])
        told += known[shown]
    assert told == sorted(told)  # old up to one operation, new from there on
    assert (told[0], told[-1]) == (1, 2) and n > 20


def test_a_full_disk_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    save_tuned(tuned(1, "bert"), folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saved, "write_json", full)
    with pytest.raises(OSError, match="No space"):
        save_tuned(tuned(2, "bert"), folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert of_all(load_tuned(folder)) == {1}
