"""A checkpoint in other engines writes the same tokens; a fault in it is seen."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file

from course_lib import Transformer, TransformerConfig
from course_lib.presets import presets
from course_lib.tokenizers import ByteLevelBPE, load_tokenizer
from course_lib.weights import __main__ as command
from course_lib.weights import handover as handing
from course_lib.weights.gguf_file import GgufFile
from course_lib.weights.gguf_tokenizer import tokenizer_files
from course_lib.weights.gguf_write import write_gguf
from course_lib.weights.handover import (
    LLAMA_CPP,
    VLLM_PYTHON,
    HandedOver,
    difference,
    greedy,
    handover,
)

LLAMA = dict(
    d_model=64,
    n_heads=2,
    n_kv_heads=1,
    max_seq_len=64,
    n_decoder_layers=2,
    d_ff=96,
    position="rotary",
    rope_theta=5000.0,
    norm="rms",
    gated=True,
    activation="silu",
    bias=False,
)
GPT_2 = dict(d_model=32, n_heads=2, max_seq_len=64, n_decoder_layers=1, activation="gelu_tanh")


def drawn(fields: dict[str, object], vocab_size: int, seed: int = 0) -> Transformer:
    config = TransformerConfig(vocab_size=vocab_size, **fields)  # type: ignore[arg-type]
    model = Transformer(config, generator=torch.Generator().manual_seed(seed)).eval()
    with torch.no_grad():
        draw = torch.Generator().manual_seed(seed)
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw) * 0.2)
    return model


def tokenizer() -> ByteLevelBPE:
    texts = ["Hello, world! It's the 12345 times, two  blanks and né 日本 🙂"] * 3
    return ByteLevelBPE.train(texts, 300, special_tokens=["<|endoftext|>", "<|im_end|>"])


def checkpoint(folder: Path, fields: dict[str, object], **more: object) -> Path:
    words = tokenizer()
    model = drawn({**fields, **more}, words.vocab_size + 3)  # some rows have no token
    model.published_fields = {"eos_token_id": 1, "bos_token_id": 0}
    model.save_pretrained(folder)
    words.save(folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ 1 }}"}))
    return folder


def by_name(made: list[HandedOver]) -> dict[str, HandedOver]:
    return {one.engine: one for one in made}


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("tie", [True, False])
def test_every_engine_that_is_here_writes_the_same_tokens(tmp_path: Path, tie: bool) -> None:
    folder = checkpoint(tmp_path / "a model", LLAMA, tie_embeddings=tie)
    fields = json.loads((folder / "config.json").read_text())
    fields["eos_token_id"] = [1, *range(100, 250)]  # some are written on the way, by any model
    (folder / "config.json").write_text(json.dumps(fields))
    made = by_name(handover(folder))
    assert made["transformers"].state == "equal"
    assert made["transformers"].told.startswith("40 of 40")
    assert made["GGUF"].state == "equal"
    if os.environ.get(LLAMA_CPP):
        assert made["llama.cpp"].state == "equal", made["llama.cpp"]
        assert made["llama.cpp"].told.startswith("40 of 40")
        assert "cut as in transformers" in made["llama.cpp"].told
    else:
        assert made["llama.cpp"].state == "not here" and LLAMA_CPP in made["llama.cpp"].told
    if os.environ.get(VLLM_PYTHON):
        assert made["vLLM"].state == "equal", made["vLLM"]
        assert made["vLLM"].told.startswith("40 of 40")
    else:
        assert made["vLLM"].state == "written" and VLLM_PYTHON in made["vLLM"].told
    assert "vllm serve" in made["vLLM"].command
    target = folder / "handover"
    settings = load_config_from_file(str(target / "accelerate.json"))
    assert settings.distributed_type.value == "FSDP" and settings.num_processes == 2
    assert json.loads((target / "deepspeed.json").read_text())["zero_optimization"]["stage"] == 2
    said = (target / "commands.txt").read_text()
    assert all(one.engine in said and one.command in said for one in made.values())


@pytest.mark.processes
def test_a_gpt_2_goes_to_transformers_and_not_to_gguf(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "made", GPT_2)
    made = by_name(handover(folder, tmp_path / "out", prompt=[3, 4, 5]))
    assert made["transformers"].state == "equal"
    assert made["GGUF"].state == made["llama.cpp"].state == "does not fit"
    assert "gpt2" in made["GGUF"].told
    assert made["vLLM"].state == "does not fit" and "16" in made["vLLM"].told


@pytest.mark.processes
@pytest.mark.parametrize(
    ("says", "state"),
    [
        ("INFO a line before\n{right}", "equal"),
        ("{wrong}", "differs"),
        ("no JSON at all", "differs"),
        ("{missing}", "not here"),
        ("{fails}", "differs"),
    ],
)
def test_vllm_is_judged_by_what_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, state: str
) -> None:
    model, prompt, target = drawn(LLAMA, 310), [3, 4, 5], tmp_path / "out"
    ours = greedy(model, prompt, 40)
    stand_in = tmp_path / "python"
    lines = {
        "right": json.dumps({"tokens": ours}),
        "wrong": json.dumps({"tokens": [*ours[:-1], 309 - ours[-1]]}),
        "missing": "",
        "fails": "",
    }
    ends = {
        "{missing}": "echo \"No module named 'vllm'\" >&2; exit 1",
        "{fails}": "echo 'Unsupported head' >&2; exit 1",
    }.get(says, "")
    said = says.format(**lines)
    stand_in.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n{ends}\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv(VLLM_PYTHON, str(stand_in))
    made = handing._vllm(model, target, prompt, ours)
    assert made.state == state, made
    if says == "{fails}":
        assert "Unsupported head" in made.told


@pytest.mark.processes
def test_a_planted_fault_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = checkpoint(tmp_path / "made", GPT_2)
    right = greedy

    def wrong(model: Transformer, prompt: list[int], n: int) -> list[int]:
        return [*right(model, prompt, n - 1), -1]

    monkeypatch.setattr(handing, "greedy", wrong)
    assert command.main(["handover", str(folder), "--output", str(tmp_path / "out")]) == 1


@pytest.fixture
def written(tmp_path: Path) -> tuple[Transformer, dict[str, object], Path]:
    words, model = tokenizer(), drawn(LLAMA, 310)
    words.save(tmp_path / "tokenizer.json")
    content = json.loads((tmp_path / "tokenizer.json").read_text())
    write_gguf(model, tmp_path / "made.gguf", tokenizer=content)
    return model, content, tmp_path / "made.gguf"


def test_what_is_written_as_gguf_is_read_back_equal(written, tmp_path: Path) -> None:
    model, content, file = written
    assert difference(model, file, content) == ""
    back = Transformer.from_pretrained(file)
    assert back.config.diff(model.config) == {} or set(back.config.diff(model.config)) <= {
        "dropout",
        "d_head",
    }
    tokens = torch.tensor([[5, 1, 17, 30, 8, 2]])
    with torch.inference_mode():
        assert torch.equal(back(tokens), model(tokens))
    for name, made in tokenizer_files(GgufFile(file)).items():
        (tmp_path / name).write_text(json.dumps(made))
    text = "Hello, world! It's 12345 times né 日本 🙂\n\n  two  blanks<|im_end|>"
    ours = tokenizer().encode(text, allow_special=True)
    assert load_tokenizer(tmp_path).encode(text, allow_special=True) == ours


def test_a_file_of_another_model_or_vocabulary_differs(written) -> None:
    model, content, file = written
    assert "more tensors" in difference(drawn(LLAMA, 310, seed=1), file, content)
    other = json.loads(json.dumps(content))
    other["model"]["merges"][3], other["model"]["merges"][4] = (
        other["model"]["merges"][4],
        other["model"]["merges"][3],
    )
    assert "vocabulary" in difference(model, file, other)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (GPT_2, "gpt2"),
        ({**LLAMA, "rope_factor": 8.0, "rope_original_length": 32}, "rope_factor"),
    ],
)
def test_what_gguf_cannot_hold_is_refused(
    fields: dict[str, object], names: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=names):
        write_gguf(drawn(fields, 310), tmp_path / "made.gguf")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"pre_tokenizer": None},
        {"normalizer": {"type": "Lowercase"}},
        {"model": {"type": "Unigram", "vocab": []}},
    ],
)
def test_another_kind_of_tokenizer_is_refused(written, change, tmp_path: Path) -> None:
    model, content, _ = written
    with pytest.raises(ValueError, match="byte-level BPE"):
        write_gguf(model, tmp_path / "other.gguf", tokenizer={**content, **change})
    assert not (tmp_path / "other.gguf").exists()


def test_a_tokenizer_larger_than_the_model_is_refused(written, tmp_path: Path) -> None:
    _, content, _ = written
    with pytest.raises(ValueError, match="299"):
        write_gguf(drawn(LLAMA, 290), tmp_path / "other.gguf", tokenizer=content)


@pytest.mark.parametrize("prompt", [[], [-1], [10**6], [1] * 64, ["a"]])
def test_a_prompt_that_does_not_fit_is_refused(prompt, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "made", GPT_2)
    with pytest.raises((ValueError, TypeError), match="prompt"):
        handover(folder, prompt=prompt)
    assert not (folder / "handover").exists()


def test_what_is_no_checkpoint_is_named(tmp_path: Path, capsys) -> None:
    assert command.main(["handover", str(tmp_path / "none" / "such")]) == 1
    assert command.main(["handover", str(tmp_path)]) == 1
    assert command.main(["handover", str(checkpoint(tmp_path / "x", GPT_2)), "--ids", "a"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert "such" in said[0] and "config.json" in said[1] and "--ids" in said[2]


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ("-1", "--ids must be ids from 0 to "),
        ("99999", "--ids must be ids from 0 to "),
        (",".join(["1"] * 64), "--ids has 64 tokens"),
    ],
)
def test_ids_that_do_not_fit_are_named_as_written(tmp_path: Path, capsys, ids, told) -> None:
    folder = str(checkpoint(tmp_path / "x", GPT_2))
    assert command.main(["handover", folder, "--ids", ids]) == 1
    assert capsys.readouterr().err.startswith(f"ValueError: {told}")


def test_a_reader_that_has_gone_is_no_fault_of_the_engines(tmp_path: Path, monkeypatch) -> None:
    def gone(*words: object, **more: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(command, "report", gone)
    monkeypatch.setattr(command, "handover", lambda *words, **more: [])
    with pytest.raises(BrokenPipeError):  # which `run_command` waits for
        command.main(["handover", str(tmp_path)])


def test_an_encoder_is_not_handed_over(tmp_path: Path) -> None:
    small = replace(
        presets["bert-base"], vocab_size=50, d_model=32, n_heads=2, n_encoder_layers=1, d_ff=48
    )
    Transformer(small, generator=torch.Generator().manual_seed(0)).save_pretrained(tmp_path / "x")
    with pytest.raises(ValueError, match="encoder-only"):
        handover(tmp_path / "x")
