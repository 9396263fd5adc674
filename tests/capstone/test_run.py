"""A run that is cut, taken up, or asked for something else; and the whole way, small."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib.capstone import STEPS, Capstone, Settings, command, run, steps
from course_lib.data.grammar import stories
from course_lib.model.transformer import Transformer
from course_lib.prompting.chat import ChatTemplate
from course_lib.weights.handover import HandedOver

SMALL = Settings(vocab_size=300, size="tiny", passes=0.4, tune_steps=4, held_out=0.2)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some dozen files of made stories, a copy, and something that is no text."""
    folder = tmp_path_factory.mktemp("raw")
    made = [" ".join(one.words) for one in stories(260, torch.Generator().manual_seed(0))]
    for i in range(0, len(made), 10):
        (folder / f"{i:03}.txt").write_text("\n\n".join(made[i : i + 10]))
    (folder / "copy.md").write_text((folder / "010.txt").read_text())
    (folder / "odd.txt").write_bytes(b"\0\1\2")
    return folder


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Steps that do nothing but write their folder and say that they ran."""
    ran: list[str] = []

    def stub(name: str) -> Callable[[Any], dict[str, Any]]:
        def work(plan: Any) -> dict[str, Any]:
            ran.append(name)
            for folder in steps.WORK[name].folders:
                (plan.out / folder).mkdir()
            return {"number": len(ran)}

        return work

    work = {n: replace(s, work=stub(n), check=lambda r: []) for n, s in steps.WORK.items()}
    monkeypatch.setattr(run, "WORK", work)
    monkeypatch.setattr(run, "SUMMARIES", dict.fromkeys(STEPS, lambda result: "made"))
    return ran


def test_a_finished_run_does_nothing_again(raw: Path, tmp_path: Path, stubs: list[str]) -> None:
    made = Capstone(raw, tmp_path / "run").all(lambda line: None)
    assert tuple(stubs) == STEPS
    said: list[str] = []
    assert Capstone(raw, tmp_path / "run").all(said.append) == made
    assert len(stubs) == len(STEPS) and "(done before)" in said[0]


def test_a_cut_run_goes_on_at_the_step_that_is_missing(
    raw: Path, tmp_path: Path, stubs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(plan: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    whole = run.WORK["pretrain"]
    monkeypatch.setitem(run.WORK, "pretrain", replace(whole, work=cut))
    assert command.main([str(raw), "--out", str(tmp_path / "run"), "--quiet"]) == 130
    monkeypatch.setitem(run.WORK, "pretrain", whole)
    assert command.main([str(raw), "--out", str(tmp_path / "run"), "--quiet"]) == 0
    assert tuple(stubs) == STEPS


def test_a_changed_choice_is_named_and_made_again_from_there(
    raw: Path, tmp_path: Path, stubs: list[str]
) -> None:
    out = tmp_path / "run"
    Capstone(raw, out).all(lambda line: None)
    with pytest.raises(ValueError, match=r"tune_steps was 150, now it is 7.*--again.*from tune on"):
        Capstone(raw, out, Settings(tune_steps=7))
    stubs.clear()
    Capstone(raw, out, Settings(tune_steps=7), again=True).all(lambda line: None)
    assert tuple(stubs) == STEPS[STEPS.index("tune") :]


def test_a_changed_file_is_named(raw: Path, tmp_path: Path, stubs: list[str]) -> None:
    text = tmp_path / "text"
    text.mkdir()
    for file in raw.glob("*.txt"):
        (text / file.name).write_bytes(file.read_bytes())
    Capstone(text, tmp_path / "run").all(lambda line: None)
    (text / "010.txt").write_text("other words")
    (text / "020.txt").unlink()
    (text / "new.txt").write_text("new words")
    with pytest.raises(ValueError, match=r"new.txt is new; 020.txt is gone; 010.txt is changed"):
        Capstone(text, tmp_path / "run")


def test_a_check_that_stops_is_said_again(
    raw: Path, tmp_path: Path, stubs: list[str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    stop = [run.Finding("too little text", "add files", stops=True)]
    monkeypatch.setitem(run.WORK, "split", replace(run.WORK["split"], check=lambda result: stop))
    words = [str(raw), "--out", str(tmp_path / "run"), "--quiet"]
    for _ in range(2):
        assert command.main(words) == 1
        assert "stopped. stop: too little text: add files" in capsys.readouterr().err
    assert stubs == ["curate", "split"]


def test_steps_have_an_order(raw: Path, tmp_path: Path, stubs: list[str]) -> None:
    made = Capstone(raw, tmp_path / "run")
    with pytest.raises(ValueError, match="split comes after curate"):
        made.step("split")
    with pytest.raises(ValueError, match="name must be one of"):
        made.step("fly")
    assert not (tmp_path / "run").exists()


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        command.main(words)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1 or "usage:" in said
    return said


def test_a_reader_that_has_gone_is_no_fault_of_the_run(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*words: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(Capstone, "all", gone)
    with pytest.raises(BrokenPipeError):  # which `run_command` waits for
        command.main([str(raw), "--out", str(tmp_path / "run")])


def test_bad_input_is_one_line_before_work_starts(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    empty, binary, short, other = (tmp_path / n for n in ("empty", "binary", "short", "other"))
    for folder in (empty, binary, short, other):
        folder.mkdir()
    (binary / "a.txt").write_bytes(b"\0\1" * 50_000)
    (short / "a.txt").write_text("One line.")
    (other / "thesis.doc").write_text("mine")
    assert "no file of a known kind" in refused(capsys, str(empty), "--out", out)
    assert "1 binary" in refused(capsys, str(binary), "--out", out)
    assert "9 characters" in refused(capsys, str(short), "--out", out)
    assert "thesis.doc" in refused(capsys, str(raw), "--out", str(other))
    assert "is a file" in refused(capsys, str(raw / "010.txt"), "--out", out)
    assert "there is no folder" in refused(capsys, str(tmp_path / "gone"), "--out", out)
    assert "in one another" in refused(capsys, str(raw), "--out", str(raw / "run"))
    assert "--no-such" in refused(capsys, str(raw), "--out", out, "--no-such")
    assert "--vocab-size must" in refused(capsys, str(raw), "--out", out, "--vocab-size", "9")
    assert "--held-out must" in refused(capsys, str(raw), "--out", out, "--held-out", "nan")
    assert "--size must be one of" in refused(capsys, str(raw), "--out", out, "--size", "huge")
    for filters in ("magic", "", ",", "exact,url", "classifier"):  # two want a file
        said = refused(capsys, str(raw), "--out", out, "--filters", filters)
        assert "--filters must be of language, repetition, " in said and "--steps" not in said
        assert said.endswith(f"got {filters!r}\n") and "harmful" not in said
    twice = refused(capsys, str(raw), "--out", out, "--filters", "exact,exact")
    assert "--filters must be different ones, got 'exact,exact'" in twice
    for option in ("--lr", "--tune-lr"):
        said = refused(capsys, str(raw), "--out", out, option, "1e38")
        assert f"{option} must be at most 1e+30, got 1e+38" in said
    assert "argument --out: got an empty word" in refused(capsys, str(raw), "--out", "")
    assert "argument FOLDER: got an empty word" in refused(capsys, "", "--out", out)
    assert not Path(out).exists()


def test_another_program_s_state_is_left_alone(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"kind": "of something else"}))
    with pytest.raises(ValueError, match="something else"):
        Capstone(raw, tmp_path)


@pytest.mark.slow
def test_the_whole_way(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def written(model: Path, folder: Path) -> list[HandedOver]:
        (folder / "commands.txt").write_text(f"run {folder}/model.gguf")
        return [HandedOver("GGUF", "equal", f"{folder}/model.gguf, read back")]

    monkeypatch.setattr(steps, "handover", written)
    said: list[str] = []
    made = Capstone(raw, tmp_path / "run", SMALL).all(said.append)
    assert made["curate"]["skipped"] == {"binary": 1}
    assert made["curate"]["dropped"]["exact"] == 1
    first, last = (made["pretrain"]["evaluations"][i][1] for i in (0, -1))
    assert last < first - 0.5
    bits = made["evaluate"]["bits a byte"]
    assert bits["pre-trained"] < bits["untrained"]
    assert made["evaluate"]["nats a token"]["untrained"] == pytest.approx(first)
    assert made["tune"]["text loss"][0] == pytest.approx(last)
    assert sum(line.startswith("    ") for line in said) >= len(STEPS)

    model = tmp_path / "run" / "model"
    assert ChatTemplate.load(model) is not None
    tuned = Transformer.from_pretrained(model)
    assert len(tuned.published_fields["eos_token_id"]) == 2
    where = str(tmp_path / "run" / "handover")
    assert (tmp_path / "run" / "handover" / "commands.txt").read_text() == f"run {where}/model.gguf"
    assert made["handover"]["engines"]["GGUF"][1].startswith(where)
