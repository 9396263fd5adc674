import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from course_lib import Transformer, TransformerConfig, generate
from course_lib.adaptation import (
    LoRALinear,
    add_lora,
    load_lora,
    lora_modules,
    merge_lora,
    save_lora,
)
from course_lib.data import batches
from course_lib.tasks.heads import TaskModel, make_head
from course_lib.training import adamw, train


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model_of(**fields: Any) -> Transformer:
    config = TransformerConfig(
        **{"vocab_size": 31, "d_model": 16, "n_heads": 2, "n_decoder_layers": 2, "max_seq_len": 12}
        | fields
    )
    return Transformer(config, generator=drawn()).eval()


def shake(model: torch.nn.Module) -> None:
    """Give every change numbers of its own: fresh ones change nothing."""
    noise = drawn(5)
    with torch.no_grad():
        for _, module in lora_modules(model):
            module.up.copy_(torch.randn(module.up.shape, generator=noise) * 0.3)


TOKENS = torch.randint(31, (3, 9), generator=drawn(1))


def test_nothing_changes_at_first_and_all_is_frozen_but_the_changes() -> None:
    model = model_of()
    before = model(TOKENS)
    names = add_lora(model, 4, generator=drawn())
    assert len(names) == 2 * 4
    assert torch.equal(model(TOKENS), before)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {f"{name}.{side}" for name in names for side in ("down", "up")}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("alpha", [None, 8.0, 1.0])
def test_merged_equals_unmerged(alpha: float | None, dtype: torch.dtype) -> None:
    model = model_of().to(dtype)
    plain = model(TOKENS)
    add_lora(model, 4, alpha=alpha, generator=drawn())
    shake(model)
    apart = model(TOKENS)
    assert (apart - plain).abs().max() > 0.1
    assert merge_lora(model) == 8
    assert not list(lora_modules(model))
    assert all(p.requires_grad for p in model.parameters())
    torch.testing.assert_close(model(TOKENS), apart, atol=1e-6, rtol=0)


def test_the_change_by_hand() -> None:
    base = torch.nn.Linear(3, 2)
    change = LoRALinear(base, 1, alpha=6.0)
    with torch.no_grad():
        change.down.copy_(torch.tensor([[1.0, 2.0, 3.0]]))
        change.up.copy_(torch.tensor([[1.0], [-1.0]]))
    x = torch.tensor([1.0, 0.0, 1.0])
    by_hand = torch.tensor([6.0 * 4, -6.0 * 4])
    torch.testing.assert_close(change(x) - base(x), by_hand)
    assert change.change().tolist() == [[6, 12, 18], [-6, -12, -18]]
    assert change.scale == 6.0


def test_it_learns_through_the_one_trainer_and_leaves_the_base_as_it_was() -> None:
    model = model_of()
    base = {name: p.clone() for name, p in model.named_parameters()}
    rows = (torch.arange(40)[:, None] + torch.arange(9)) % 31
    add_lora(model, 4, generator=drawn())
    feed = batches(rows, 8, generator=drawn())
    history = train(model, feed, optimizer=adamw(model, 5e-2), steps=120, progress=False)
    assert history.losses[-1] < history.losses[0] - 0.1
    for name, parameter in model.named_parameters():
        old = base.get(name.replace(".base.", "."))
        assert old is None or torch.equal(parameter, old), name


def test_generation_obeys_the_change_before_and_after_merging() -> None:
    model = model_of()
    plain = generate(model, TOKENS[:, :3], max_new_tokens=8).tokens
    add_lora(model, 4, alpha=16.0, generator=drawn())
    shake(model)
    apart = generate(model, TOKENS[:, :3], max_new_tokens=8).tokens
    merge_lora(model)
    merged = generate(model, TOKENS[:, :3], max_new_tokens=8).tokens
    assert torch.equal(apart, merged)
    assert not torch.equal(apart, plain)


def test_dropout_acts_in_training_only() -> None:
    model = model_of()
    add_lora(model, 4, dropout=0.5, generator=drawn())
    shake(model)
    quiet = model(TOKENS)
    assert torch.equal(model(TOKENS), quiet)
    assert not torch.equal(model.train()(TOKENS), quiet)
    assert model.training and all(m.training for _, m in lora_modules(model))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rank": 17}, "rank must be 1 to 16, .* got 17"),
        ({"rank": 0}, "got 0"),
        ({"rank": -1}, "got -1"),
        ({"rank": 2, "alpha": 0.0}, "alpha must be positive, got 0.0"),
        ({"rank": 2, "alpha": float("nan")}, "alpha must be positive, got nan"),
        ({"rank": 2, "dropout": 1.0}, "dropout must be at least 0 and less than 1"),
        ({"rank": 2, "targets": ()}, "at least 1 name"),
        ({"rank": 2, "targets": "qkv"}, "at least 1 name, got 'qkv'"),
        ({"rank": 2, "targets": ("q_proj",)}, r"\['q_proj'\] are no linear maps here.*'qkv'"),
        ({"rank": 2, "targets": ("embedding",)}, "no linear maps"),
    ],
)
def test_changes_that_make_no_sense_are_refused_and_leave_no_trace(
    settings: dict[str, Any], message: str
) -> None:
    model = model_of()
    with pytest.raises(ValueError, match=message):
        add_lora(model, **settings)
    assert not list(lora_modules(model))
    assert all(p.requires_grad for p in model.parameters())


def test_a_second_change_and_a_merge_of_none_are_refused(tmp_path: Path) -> None:
    model = model_of()
    for refused in (lambda: merge_lora(model), lambda: save_lora(model, tmp_path)):
        with pytest.raises(ValueError, match="no change of low rank"):
            refused()
    add_lora(model, 2)
    for refused in (lambda: add_lora(model, 2), lambda: load_lora(model, tmp_path)):
        with pytest.raises(ValueError, match="already"):
            refused()


def test_it_goes_under_the_head_of_a_task() -> None:
    model = model_of()
    tagger = TaskModel(model, make_head(model.config, "tokens", 3, generator=drawn()))
    add_lora(tagger, 2, targets=("qkv",), generator=drawn())
    assert [name for name, _ in lora_modules(tagger)] == [
        f"model.decoder.blocks.{n}.attention.qkv" for n in range(2)
    ]


def as_peft(pair: Any, folder: Path, tmp_path: Path) -> torch.nn.Module:
    """The reference's model with our saved changes, put on by peft."""
    peft = pytest.importorskip("peft")
    return peft.PeftModel.from_pretrained(pair.reference, folder).eval()


def logits_of(pair: Any, reference: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return reference(**pair.reference_inputs).logits[pair.keep]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_peft_reads_what_is_saved(family: str, pair: Callable[..., Any], tmp_path: Path) -> None:
    made = pair(family)
    plain = logits_of(made, made.reference)
    add_lora(made.ours, 3, alpha=5.0, generator=drawn())
    shake(made.ours)
    with torch.no_grad():
        mine = made.ours(**made.ours_inputs)[made.keep]
    save_lora(made.ours, tmp_path)
    theirs = logits_of(made, as_peft(made, tmp_path, tmp_path))
    largest = max(1.0, float(theirs.abs().max()))
    assert (theirs - plain).abs().max() > 0.01 * largest, "the change must show"
    torch.testing.assert_close(mine, theirs, atol=1e-5 * largest, rtol=0)


PEFT_TARGETS = {
    "gpt": ["c_attn", "c_proj"],
    "bloom": ["query_key_value", "dense"],
    "llama": ["q_proj", "v_proj", "down_proj"],
    "transformer": ["q_proj", "v_proj", "fc1"],
    "bart": ["q_proj", "v_proj", "fc1"],
    "t5": ["q", "v", "wo"],
    "bert": ["query", "value"],
    "roberta": ["query", "value"],
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scale", ["plain", "rslora", "patterns"])
def test_what_peft_saves_is_read(
    family: str, scale: str, pair: Callable[..., Any], tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    made = pair(family)
    targets = next(v for k, v in PEFT_TARGETS.items() if family.startswith(k))
    more: dict[str, Any] = {"plain": {}, "rslora": {"use_rslora": True}}.get(scale, {})
    if scale == "patterns":
        more = {"rank_pattern": {targets[0]: 2}, "alpha_pattern": {targets[0]: 3}}
    config = peft.LoraConfig(
        r=4, lora_alpha=6, target_modules=targets, fan_in_fan_out=family.startswith("gpt"), **more
    )
    wrapped = peft.get_peft_model(made.reference, config).eval()
    noise = drawn(3)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=noise) * 0.1)
    theirs = logits_of(made, wrapped)
    wrapped.save_pretrained(tmp_path)
    load_lora(made.ours, tmp_path)
    with torch.no_grad():
        mine = made.ours(**made.ours_inputs)[made.keep]
        merge_lora(made.ours)
        merged = made.ours(**made.ours_inputs)[made.keep]
    largest = max(1.0, float(theirs.abs().max()))
    torch.testing.assert_close(mine, theirs, atol=1e-5 * largest, rtol=0)
    torch.testing.assert_close(merged, theirs, atol=1e-5 * largest, rtol=0)


def test_saved_changes_come_back_onto_a_loaded_checkpoint(tmp_path: Path) -> None:
    model_of().save_pretrained(tmp_path / "base")
    first = Transformer.from_pretrained(tmp_path / "base")
    add_lora(first, 3, alpha=6.0, targets=("qkv", "down"), generator=drawn())
    shake(first)
    save_lora(first, tmp_path / "change", base=str(tmp_path / "base"))
    second = Transformer.from_pretrained(tmp_path / "base")
    assert load_lora(second, tmp_path / "change") == [name for name, _ in lora_modules(first)]
    torch.testing.assert_close(second(TOKENS), first(TOKENS), atol=1e-6, rtol=0)
    assert {n for n, p in second.named_parameters() if p.requires_grad} == {
        n for n, p in first.named_parameters() if p.requires_grad
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"peft_type": "PREFIX_TUNING"}, "peft_type='PREFIX_TUNING'"),
        ({"use_dora": True}, "use_dora=True"),
        ({"bias": "all"}, "bias='all'"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"r": 0}, "r=0: expected a positive number"),
        ({"lora_alpha": None}, "lora_alpha=None"),
    ],
)
def test_changes_of_another_kind_are_refused(
    fields: dict[str, Any], message: str, tmp_path: Path
) -> None:
    model = model_of()
    add_lora(model, 3)
    save_lora(model, tmp_path)
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))
    fresh = model_of()
    with pytest.raises(ValueError, match=message):
        load_lora(fresh, tmp_path)
    assert not list(lora_modules(fresh)) and all(p.requires_grad for p in fresh.parameters())


@pytest.mark.parametrize("fault", ["other", "half", "shape", "none"])
def test_tensors_that_do_not_fit_are_refused(fault: str, tmp_path: Path) -> None:
    model = model_of()
    add_lora(model, 3)
    save_lora(model, tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    tensors = load_file(file)
    name = next(key for key in tensors if "c_attn.lora_A" in key)
    if fault == "other":
        tensors[name.replace(".h.0.", ".h.7.")] = tensors[name].clone()
    elif fault == "half":
        del tensors[name]
    elif fault == "shape":
        tensors[name] = torch.zeros(3, 5)
    else:
        tensors = {}
    save_file(tensors, file)
    messages = {
        "other": "fit no matrix",
        "half": "lacks",
        "shape": "does not fit",
        "none": "holds no",
    }
    fresh = model_of()
    with pytest.raises(ValueError, match=messages[fault]):
        load_lora(fresh, tmp_path)
    assert not list(lora_modules(fresh))


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="adapter_config"):
        load_lora(model_of(), tmp_path)
