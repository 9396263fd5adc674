"""What cannot be loaded or saved says why: the file, the name and both values."""

import copy
import json
import re
from dataclasses import replace

import pytest
import torch

from course_lib import Transformer, TransformerConfig, presets
from course_lib.weights import read_config, save_pretrained, write_config


def fails(folder, *told, error=ValueError):
    """Check that loading fails, and that the message holds all of these, and the folder."""
    with pytest.raises(error) as caught:
        Transformer.from_pretrained(folder.path)
    for text in (*told, str(folder.path)):
        assert text in str(caught.value), f"{text!r} not in {caught.value}"


@pytest.mark.parametrize(
    ("family", "fields", "told"),
    [
        ("gpt2", {"model_type": "mamba"}, ["model_type='mamba'", "expected one of bert, roberta"]),
        ("gpt2", {"model_type": ...}, ["model_type=None"]),
        ("gpt2", {"n_embd": ...}, ["n_embd is missing"]),
        ("gpt2", {"n_embd": "32"}, ["n_embd='32': expected int"]),
        ("gpt2", {"n_layer": True}, ["n_layer=True: expected int"]),
        ("gpt2", {"n_head": 5}, ["d_model=32", "n_heads=5"]),
        ("gpt2", {"n_layer": 0}, ["n_decoder_layers=0"]),
        ("gpt2", {"n_positions": -1}, ["n_positions=-1: expected at least 0"]),
        ("gpt2", {"vocab_size": 0}, ["vocab_size=0"]),
        ("gpt2", {"n_ctx": 24, "n_positions": "24"}, ["n_positions='24': expected int"]),
        ("gpt2", {"resid_pdrop": 1.5}, ["dropout=1.5"]),
        ("gpt2", {"layer_norm_epsilon": float("nan")}, ["layer_norm_epsilon=nan: expected a fin"]),
        ("gpt2", {"activation_function": "mish"}, ["activation_function='mish'", "gelu_new"]),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, ["scale_attn_by_inverse_layer_idx"]),
        ("gpt2", {"add_cross_attention": True}, ["add_cross_attention=True"]),
        ("gpt2", {"tie_word_embeddings": False}, ["tie_word_embeddings=False", "lm_head.weight"]),
        ("gpt2", {"quantization_config": {"bits": 4}}, ["quantization_config={'bits': 4}"]),
        ("gpt1", {"afn": "swish9"}, ["afn='swish9'"]),
        ("bert", {"hidden_act": "mish"}, ["hidden_act='mish'"]),
        ("bert", {"is_decoder": True}, ["is_decoder=True"]),
        ("bert", {"position_embedding_type": "relative_key"}, ["'relative_key'"]),
        ("bert", {"type_vocab_size": 0}, ["type_vocab_size=0: expected at least 1"]),
        ("bert", {"layer_norm_eps": -1.0}, ["norm_eps=-1.0"]),
        ("roberta", {"hidden_act": "relu"}, ["hidden_act='relu'"]),
        ("bloom", {"apply_residual_connection_post_layernorm": True}, ["post_layernorm=True"]),
        ("bloom", {"n_inner": 100}, ["n_inner=100", "128"]),
        ("llama", {"hidden_act": "mish"}, ["hidden_act='mish'"]),
        ("llama", {"attention_bias": True}, ["attention_bias=True", "mlp_bias=False"]),
        ("llama-3", {"num_key_value_heads": 3}, ["n_heads=4", "n_kv_heads=3"]),
        (
            "llama",
            {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}},
            ["rope_parameters: rope_type='yarn'", "default, linear, llama3"],
        ),
        (
            "llama",
            {"rope_parameters": ..., "rope_scaling": {"type": "dynamic", "factor": 2.0}},
            ["rope_scaling: type='dynamic'", "default, linear, llama3"],
        ),
        (
            "llama",
            {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4}},
            ["rope_parameters: factor is missing"],
        ),
        (
            "llama",
            {"rope_parameters": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}},
            ["high_freq_factor is missing"],
        ),
        ("llama", {"rope_parameters": {"rope_theta": -1.0}}, ["rope_theta=-1.0"]),
        ("llama", {"rope_parameters": {"rope_theta": float("inf")}}, ["rope_theta=inf: expected"]),
        ("llama", {"head_dim": 7}, ["d_head=7 is odd"]),
        (
            "llama-3.1",
            {
                "rope_parameters": {
                    "rope_type": "llama3",
                    "factor": 8.0,
                    "low_freq_factor": 4.0,
                    "high_freq_factor": 1.0,
                    "original_max_position_embeddings": 16,
                }
            },
            ["rope_high_frequency=1.0 must exceed rope_low_frequency=4.0"],
        ),
        ("llama", {"rope_parameters": {"rope_theta": "big"}}, ["rope_theta='big'"]),
        ("t5", {"feed_forward_proj": "gated-mish"}, ["feed_forward_proj='gated-mish'"]),
        ("t5", {"num_layers": 0}, ["num_layers=0: expected at least 1"]),
        ("t5", {"tie_word_embeddings": False}, ["tie_word_embeddings=False", "lm_head.weight"]),
        ("bart", {"activation_function": "mish"}, ["activation_function='mish'"]),
        ("bart", {"decoder_ffn_dim": 64}, ["encoder_ffn_dim=128", "decoder_ffn_dim=64"]),
        ("bart", {"normalize_before": True}, ["normalize_before=True"]),
        ("bart", {"tie_word_embeddings": False}, ["tie_word_embeddings=False"]),
        ("transformer", {"decoder_vocab_size": 9}, ["decoder_vocab_size=9", "61"]),
    ],
)
def test_a_config_that_cannot_be(tiny, family, fields, told):
    _, folder = tiny(family)
    folder.set(**fields)
    fails(folder, *told, "config.json")


ODD = [None, "x", -1, 0, True, [], {}, [1], 1.5, float("nan"), 10**12, ...]


def test_an_odd_value_in_any_field_is_read_or_refused_by_name(tiny, any_family):
    """Whatever stands in a config, the only error there is says which file it is in."""
    pair, folder = tiny(any_family)
    fields, names = folder.fields, set(folder.tensors)
    n_refused = 0
    places = [(key,) for key in fields]
    places += [("rope_parameters", key) for key in fields.get("rope_parameters") or ()]
    for *outer, key in places:
        for value in ODD:
            changed = copy.deepcopy(fields)
            inner = changed[outer[0]] if outer else changed
            inner[key] = value
            if value is ...:
                del inner[key]
            try:
                read_config("config.json", changed, names)
            except ValueError as error:
                assert str(error).startswith("config.json: "), (key, value, error)
                n_refused += 1
    assert n_refused > 50


def test_a_missing_tensor(tiny):
    _, folder = tiny("gpt2")
    tensors = folder.tensors
    for name in ("transformer.h.1.mlp.c_fc.bias", "transformer.ln_f.weight"):
        del tensors[name]
    folder.write(tensors)
    fails(folder, "transformer.h.1.mlp.c_fc.bias, transformer.ln_f.weight", "gpt2")


def test_many_missing_tensors_are_counted(tiny):
    _, folder = tiny("bert")
    folder.set(num_hidden_layers=3)
    fails(folder, "bert.encoder.layer.2.attention.self.query.weight", "and 13 more")


def test_an_unknown_tensor(tiny):
    _, folder = tiny("gpt2")
    folder.write({**folder.tensors, "transformer.adapter.weight": torch.zeros(2, 3)})
    fails(folder, "model.safetensors: transformer.adapter.weight (2, 3) has no place")


def test_more_layers_than_there_could_be(tiny):
    _, folder = tiny("gpt2")
    folder.set(n_layer=10**9)
    fails(folder, "the config asks for 1000000000 layers, but there are only 28 tensors")


def test_a_layer_too_many(tiny):
    _, folder = tiny("t5")
    folder.set(num_decoder_layers=2)
    fails(folder, "decoder.block.2.layer.0")


def test_a_wrong_shape(tiny):
    _, folder = tiny("gpt2")
    name = "transformer.h.0.attn.c_attn.weight"
    tensors = folder.tensors
    folder.write({**tensors, name: tensors[name].T})
    fails(folder, "model.safetensors", name, "(96, 32)", "(32, 96)")


def test_a_config_of_another_size(tiny):
    _, folder = tiny("llama-3.2")
    folder.set(vocab_size=62)
    fails(folder, "model.embed_tokens.weight", "(61, 32)", "(62, 32)")


def test_a_copy_that_differs(tiny):
    _, folder = tiny("bart")
    folder.write({**folder.tensors, "lm_head.weight": torch.zeros(61, 32)})
    fails(folder, "lm_head.weight differs from model.shared.weight")


def test_a_tensor_of_whole_numbers(tiny):
    _, folder = tiny("gpt2")
    name = "transformer.h.0.attn.c_attn.weight"
    folder.write({**folder.tensors, name: torch.zeros(32, 96, dtype=torch.int8)})
    fails(folder, name, "no real numbers")


def test_one_tensor_in_two_spellings(tiny):
    _, folder = tiny("gpt2")
    tensors = folder.tensors
    folder.write({**tensors, "wte.weight": tensors["transformer.wte.weight"]})
    fails(folder, "wte.weight", "transformer.wte.weight", "twice")


@pytest.mark.parametrize("keep", [0, 5, 100, 0.5, -1])
def test_a_file_cut_short(tiny, keep):
    _, folder = tiny("gpt2")
    file = folder.path / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep) if isinstance(keep, float) else keep])
    fails(folder, "model.safetensors is damaged or cut short")


@pytest.mark.parametrize("content", ["", '{"model_type": "gp', "[1]", "\x00"])
def test_a_damaged_config(tiny, content):
    _, folder = tiny("gpt2")
    (folder.path / "config.json").write_text(content)
    fails(folder, "config.json")


def test_missing_files(tiny):
    _, folder = tiny("gpt2")
    (folder.path / "model.safetensors").unlink()
    fails(folder, "no weights", "model.safetensors", error=FileNotFoundError)
    (folder.path / "config.json").unlink()
    fails(folder, "no config.json", error=FileNotFoundError)


def test_a_file_in_place_of_a_folder(tiny):
    _, folder = tiny("gpt2")
    with pytest.raises(NotADirectoryError, match=r"config\.json is a file"):
        Transformer.from_pretrained(folder.path / "config.json")


def test_shards_and_index_disagree(tiny):
    _, folder = tiny("gpt2", max_shard_size="20KB")
    index = folder.path / "model.safetensors.index.json"
    good = json.loads(index.read_text())

    def write(**changed):
        where = {k: v for k, v in {**good["weight_map"], **changed}.items() if v is not None}
        index.write_text(json.dumps({"weight_map": where}))

    first, *_, last = sorted(set(good["weight_map"].values()))
    write(**{"transformer.extra": first})
    fails(folder, first, "transformer.extra is missing")
    write(**{"transformer.wte.weight": last})
    fails(folder, last, "transformer.wte.weight is missing")
    write(**{"transformer.wte.weight": "../model.safetensors"})
    fails(folder, "'../model.safetensors'", "of this folder")
    write(**{"transformer.wte.weight": "model.bin"})
    fails(folder, "'model.bin'")
    write(**{"transformer.wte.weight": "absent.safetensors"})
    fails(folder, "no absent.safetensors", error=FileNotFoundError)
    index.write_text('{"weight_map": {}}')
    fails(folder, "weight_map={}")
    index.write_text(json.dumps(good))
    (folder.path / last).unlink()
    fails(folder, f"no {last}", error=FileNotFoundError)


class Trap:
    """An object whose unpickling would run code."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('the trap was sprung')",))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_bin_file_that_would_run_code(tiny, zipped):
    _, folder = tiny("gpt2")
    (folder.path / "model.safetensors").unlink()
    content = {**folder_state(), "trap": Trap()}
    torch.save(content, folder.path / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    fails(folder, "pytorch_model.bin is damaged, cut short, or holds more than tensors")


def folder_state():
    return {"transformer.wte.weight": torch.zeros(2, 2)}


@pytest.mark.parametrize("zipped", [True, False])
def test_a_bin_file_cut_short(tiny, zipped):
    _, folder = tiny("gpt2")
    file = folder.path / "pytorch_model.bin"
    torch.save(folder.tensors, file, _use_new_zipfile_serialization=zipped)
    (folder.path / "model.safetensors").unlink()
    content = file.read_bytes()
    for keep in (0, 10, len(content) // 2):
        file.write_bytes(content[:keep])
        fails(folder, "pytorch_model.bin is damaged")


def test_a_bin_file_of_something_else(tiny):
    _, folder = tiny("gpt2")
    (folder.path / "model.safetensors").unlink()
    torch.save([torch.zeros(2)], folder.path / "pytorch_model.bin")
    fails(folder, "expected a dictionary of tensors, got list")


def test_arguments(tiny):
    _, folder = tiny("gpt2")
    with pytest.raises(ValueError, match=r"dtype=torch\.int8"):
        Transformer.from_pretrained(folder.path, dtype=torch.int8)
    with pytest.raises(ValueError, match=r"revision='main'.*is a folder"):
        Transformer.from_pretrained(folder.path, revision="main")
    model = Transformer.from_pretrained(folder.path)
    with pytest.raises(ValueError, match="max_shard_bytes=0"):
        save_pretrained(model, folder.path / "new", max_shard_bytes=0)


SMALL = {"vocab_size": 61, "d_model": 32, "n_heads": 4, "max_seq_len": 24}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            TransformerConfig(**SMALL, n_decoder_layers=2, position="none"),
            r"nearest gpt2: position='none', but 'learned' there",
        ),
        (
            TransformerConfig(**SMALL, n_decoder_layers=2, position="rotary"),
            r"nearest .*rotary|nearest llama",
        ),
        (replace(presets["gpt2"], norm="rms"), r"norm='rms', but 'layer' there"),
        (replace(presets["gpt2"], head_bias="learned"), r"head_bias='learned', but 'none' there"),
        (replace(presets["bert-base"], n_segments=0), r"no published family"),
        (replace(presets["t5-small"], n_encoder_layers=0), r"no published family"),
        (replace(presets["t5-v1.1-small"], activation="gelu"), r"no published family"),
        (replace(presets["bart-base"], tie_embeddings=False), r"tie_embeddings=False"),
    ],
)
def test_a_model_no_family_can_hold(config, told, tmp_path):
    with pytest.raises(ValueError, match=told):
        write_config(config)
    model = Transformer(config, device="meta")
    with pytest.raises(ValueError, match=re.escape("no published family")):
        model.save_pretrained(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
