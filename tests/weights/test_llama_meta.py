"""LLaMA in Meta's own files, in one part or more, is the model of the hub's files."""

import json
import re

import huggingface_hub
import pytest
import torch
import transformers as hf
from huggingface_hub import utils

from course_lib import Transformer
from course_lib.tasks.saved import open_pretrained
from course_lib.weights import llama_meta as meta
from course_lib.weights import load_head
from course_lib.weights.rules import rows

NAMES = {
    "model.embed_tokens": "tok_embeddings",
    "model.norm": "norm",
    "lm_head": "output",
    "model.layers": "layers",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attention.wq",
    "self_attn.k_proj": "attention.wk",
    "self_attn.v_proj": "attention.wv",
    "self_attn.o_proj": "attention.wo",
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.down_proj": "feed_forward.w2",
    "mlp.up_proj": "feed_forward.w3",
}
PARAMS = {"dim": 32, "n_layers": 2, "n_heads": 4, "multiple_of": 8, "norm_eps": 1e-6}


def theirs(name, tensor):
    """Give a tensor of the hub's layout Meta's name, and its order of rows within a head."""
    for hub, own in NAMES.items():
        name = name.replace(hub, own)
    if name.endswith(("wq.weight", "wk.weight")):
        heads = tensor.view(len(tensor) // 8, 2, 4, 32)  # head, half, pair
        tensor = torch.stack((heads[:, 0], heads[:, 1]), dim=2).reshape(tensor.shape)
    return name, tensor


def cut(name, tensor, n_parts, words_axis):
    """Cut a tensor as model-parallel layers do."""
    if "norm" in name:
        return [tensor] * n_parts
    axis = 1 if name.endswith(("wo.weight", "w2.weight")) else 0
    return tensor.chunk(n_parts, words_axis if "tok_embeddings" in name else axis)


@pytest.fixture
def given_out(tiny, tmp_path):
    """Write a pair's reference as Meta would; returns the pair and the folder."""

    def make(family, n_parts=1, words_axis=1, dtype=torch.float32, **params):
        pair, hub = tiny(family)
        config = type(pair.reference.config).from_pretrained(hub.path, vocab_size=60)
        config.intermediate_size = 88  # int(8 * 32 / 3) = 85, up to a multiple of 8
        reference = hf.LlamaForCausalLM(config).eval()
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for parameter in reference.parameters():
                spread = torch.randn(parameter.shape, generator=generator) * 0.25
                parameter.copy_(spread + (parameter.ndim == 1))
        pair.reference = reference
        pair.ours_inputs["tokens"].clamp_(max=59)
        parts = [{"rope.freqs": torch.rand(4)} for _ in range(n_parts)]
        for name, tensor in reference.state_dict().items():
            if name == "lm_head.weight" and config.tie_word_embeddings:
                continue
            name, tensor = theirs(name, tensor.to(dtype))
            for part, piece in zip(parts, cut(name, tensor, n_parts, words_axis), strict=True):
                part[name] = piece.clone()
        folder = tmp_path / "meta"
        folder.mkdir()
        for number, part in enumerate(parts):
            torch.save(part, folder / f"consolidated.{number:02}.pth")
        (folder / "params.json").write_text(json.dumps({**PARAMS, **params}))
        return pair, folder

    return make


THREE = {"n_kv_heads": 2, "rope_theta": 500000.0, "norm_eps": 1e-5, "vocab_size": 60}


@pytest.mark.parametrize(
    ("family", "n_parts", "words_axis", "params"),
    [
        ("llama", 1, 1, {"vocab_size": -1}),
        ("llama", 2, 1, {"vocab_size": -1}),
        ("llama", 4, 1, {}),
        ("llama-3", 1, 0, THREE),
        ("llama-3", 2, 0, THREE),
    ],
)
def test_logits(given_out, check_logits, family, n_parts, words_axis, params):
    pair, folder = given_out(family, n_parts, words_axis, **params)
    ours = Transformer.from_pretrained(folder)
    assert ours.config.ff_dim == 88 and ours.config.vocab_size == 60 and not ours.training
    check_logits(pair, ours)


def test_commands_open_it(given_out):
    """Whatever takes the folder of a model takes this one."""
    _, folder = given_out("llama")
    wanted = Transformer.from_pretrained(folder).state_dict()
    opened = open_pretrained(folder).state_dict()
    assert all(torch.equal(opened[name], tensor) for name, tensor in wanted.items())


@pytest.mark.parametrize(("family", "factor"), [("llama-3.1", None), ("llama-3.2", 32.0)])
def test_a_slowed_rotation(given_out, check_logits, family, factor):
    """Meta's code fixes the original context at 8192; ours is slowed by the same rule."""
    params = {**THREE, "use_scaled_rope": True}
    if factor is not None:
        params["rope_scaling_factor"] = factor
    pair, folder = given_out(family, 2, 0, **params)
    ours = Transformer.from_pretrained(folder)
    assert ours.config.rope_original_length == 8192
    assert ours.config.rope_factor == (factor or 8.0)
    assert ours.config.tie_embeddings == (family == "llama-3.2")
    rope = {**pair.reference.config.rope_parameters, "original_max_position_embeddings": 8192}
    pair.reference.config.rope_parameters = rope
    again = hf.LlamaForCausalLM(pair.reference.config).eval()
    again.load_state_dict(pair.reference.state_dict())
    pair.reference = again
    check_logits(pair, ours)


def test_it_is_saved_as_the_hub_has_it(given_out, check_logits, tmp_path):
    pair, folder = given_out("llama-3", 2, 0, dtype=torch.bfloat16, **THREE)
    ours = Transformer.from_pretrained(folder)
    assert ours.embedding.weight.dtype == torch.bfloat16
    ours.save_pretrained(tmp_path / "saved")
    wide = Transformer.from_pretrained(folder, dtype=torch.float32)
    pair.reference = hf.LlamaForCausalLM.from_pretrained(tmp_path / "saved", dtype=torch.float32)
    check_logits(pair, wide)


def test_a_config_of_the_hub_comes_first(given_out):
    _, folder = given_out("llama")
    (folder / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"config\.json: model_type=None"):
        Transformer.from_pretrained(folder)


def test_faults_in_the_table_are_caught(given_out, check_logits, monkeypatch):
    """Planted: rows of a head taken in the hub's order, and gate and up exchanged."""
    pair, folder = given_out("llama", 2)
    real = meta._splits

    def unturned(config, axis):
        starts = {"wq": 0, "wk": 32}
        return [
            split._replace(view=rows(starts[split.theirs.split(".")[-2]], 32), merged=0)
            if split.merged
            else split
            for split in real(config, axis)
        ]

    def exchanged(config, axis):
        other = {"w1": "w3", "w3": "w1"}
        return [
            split._replace(theirs=re.sub("w[13]", lambda m: other[m[0]], split.theirs))
            for split in real(config, axis)
        ]

    for fault in (unturned, exchanged):
        with monkeypatch.context() as patch:
            patch.setattr(meta, "_splits", fault)
            with pytest.raises(AssertionError):
                check_logits(pair, Transformer.from_pretrained(folder))


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"dim": None}, "dim is missing"),
        ({"dim": 48}, r"tok_embeddings.weight has shape \(60, 16\), but dim=48"),
        ({"n_heads": "4"}, "n_heads='4': expected int"),
        ({"n_heads": 5}, "d_model=32.*n_heads=5"),
        ({"n_kv_heads": 1}, "n_kv_heads=1 cannot be cut into 2 files"),
        ({"vocab_size": 61}, "vocab_size=61, but the files hold 60 words"),
        ({"multiple_of": 16}, r"feed_forward.w1.weight has shape \(44, 32\).*\(48, 32\)"),
        ({"n_layers": 3}, r"tensors missing: 00/layers.2.attention_norm.weight"),
        ({"n_layers": 10**9}, "asks for 1000000000 layers, but there are only 44 tensors"),
        ({"n_layers": 1}, r"layers.1.*has no place"),
        ({"n_kv_heads": 2}, r"attention.wk.weight has shape \(16, 32\).*\(8, 32\)"),
        ({"lora_args": {"rank": 4}}, "lora_args={'rank': 4}"),
        ({"quantization_args": {"group_size": 32}}, "quantization_args"),
        ({"rope_theta": -1.0}, "rope_theta=-1.0"),
    ],
)
def test_params_that_cannot_be(given_out, params, told):
    _, folder = given_out("llama", 2, 1)
    written = {k: v for k, v in {**PARAMS, **params}.items() if v is not None}
    (folder / "params.json").write_text(json.dumps(written))
    with pytest.raises(ValueError, match=told) as caught:
        Transformer.from_pretrained(folder)
    assert str(folder) in str(caught.value)


def test_a_factor_that_is_not_told(given_out):
    _, folder = given_out("llama-3.2", 1, 0, **THREE, use_scaled_rope=True)
    with pytest.raises(ValueError, match="rope_scaling_factor is missing"):
        Transformer.from_pretrained(folder)


def test_files_that_are_missing_or_damaged(given_out):
    _, folder = given_out("llama", 2, 1)
    second = folder / "consolidated.01.pth"
    content = second.read_bytes()
    second.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"consolidated\.01\.pth is damaged, cut short"):
        Transformer.from_pretrained(folder)
    second.unlink()
    with pytest.raises(ValueError, match=r"has shape \(60, 16\), but dim=32 .*and 1 files"):
        Transformer.from_pretrained(folder)
    second.write_bytes(content)
    norm = torch.load(second, weights_only=True)
    torch.save({**norm, "norm.weight": torch.zeros(32)}, second)
    with pytest.raises(ValueError, match=r"norm.weight differs from 00/norm.weight"):
        Transformer.from_pretrained(folder)
    (folder / "consolidated.00.pth").unlink()
    with pytest.raises(FileNotFoundError, match=r"no consolidated\.00\.pth"):
        Transformer.from_pretrained(folder)
    with pytest.raises(FileNotFoundError, match=r"no consolidated\.00\.pth"):
        load_head(folder, "sequence")


@pytest.mark.parametrize("n_parts", [0, 1, 2])
def test_a_name_on_the_hub(given_out, check_logits, monkeypatch, n_parts):
    """Nothing says how many parts there are: they are asked for until there is no next one."""
    pair, folder = given_out("llama", max(1, n_parts))
    if n_parts == 0:
        (folder / "consolidated.00.pth").unlink()
    asked = []

    def fetch(name, file, revision):
        asked.append(file)
        if not (folder / file).is_file():
            raise utils.EntryNotFoundError(file)
        return str(folder / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    if n_parts:
        check_logits(pair, Transformer.from_pretrained("some/one"))
    else:
        with pytest.raises(FileNotFoundError, match="some/one on the hub has no weights"):
            Transformer.from_pretrained("some/one")
    parts = [f"consolidated.{part:02}.pth" for part in range(n_parts + 1)]
    assert asked == ["config.json", "params.json", *parts]


def test_meta_has_no_task_heads(given_out):
    _, folder = given_out("llama")
    with pytest.raises(ValueError, match="heads of llama files are: none"):
        load_head(folder, "sequence")
