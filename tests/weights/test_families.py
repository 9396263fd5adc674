"""Every family, there and back: the reference library's files, and ours read by it."""

from dataclasses import replace

import pytest
import torch
import transformers as hf

from course_lib import Transformer, presets
from course_lib.weights import read_config, write_config
from course_lib.weights.families import FAMILIES
from course_lib.weights.rules import check_complete, whole


def test_their_checkpoint_is_our_model(tiny, check_logits, check_weights, any_family):
    pair, folder = tiny(any_family)
    ours = Transformer.from_pretrained(folder.path)
    assert not ours.training
    check_logits(pair, ours)
    check_weights(ours, pair.ours)


def test_our_checkpoint_is_their_model(tiny, check_logits, check_weights, any_family, tmp_path):
    pair, _ = tiny(any_family)
    saved = tmp_path / "saved"
    pair.ours.save_pretrained(saved)
    assert sorted(file.name for file in saved.iterdir()) == ["config.json", "model.safetensors"]
    theirs, told = type(pair.reference).from_pretrained(saved, output_loading_info=True)
    for kind in ("unexpected_keys", "mismatched_keys", "error_msgs"):
        assert not told.get(kind), (kind, told[kind])
    assert not told["missing_keys"]
    mine, reference = theirs.state_dict(), pair.reference.state_dict()
    for name in reference:
        if "embed_positions" in name and any_family == "transformer":
            continue  # sinusoids, computed
        assert torch.equal(mine[name], reference[name]), name
    pair.reference = theirs.eval()
    check_logits(pair, pair.ours)
    check_weights(Transformer.from_pretrained(saved), pair.ours)


def test_fields_we_do_not_read_come_back(tiny, tmp_path):
    pair, folder = tiny("transformer")
    folder.set(decoder_start_token_id=1, id2label={"0": "yes"}, transformers_version="4.0.0")
    Transformer.from_pretrained(folder.path).save_pretrained(tmp_path / "saved")
    again = Transformer.from_pretrained(tmp_path / "saved")
    fields = dict(again.published_fields)
    assert fields["model_type"] == "marian" and fields["pad_token_id"] == 1
    assert fields["decoder_start_token_id"] == 1 and fields["id2label"] == {"0": "yes"}
    assert "transformers_version" not in fields
    hf.MarianMTModel.from_pretrained(tmp_path / "saved")


@pytest.mark.slow
@pytest.mark.parametrize("name", presets)
def test_every_preset_has_a_family_and_complete_rules(name):
    config = presets[name]
    family, fields = write_config(config)
    back = read_config("config", fields).config
    if config.position == "sinusoidal":
        config = replace(config, head_bias="fixed")  # which only the tensors of a file tell
    assert back == config
    model = Transformer(presets[name], device="meta")
    check_complete(family.rules(presets[name]), dict(model.state_dict()))


SIZES = {"vocab_size", "d_model", "n_heads", "n_kv_heads", "d_head", "d_ff", "max_seq_len"}
SIZES |= {"n_encoder_layers", "n_decoder_layers", "n_segments", "norm_eps", "dropout"}
SIZES |= {"rope_theta", "rope_factor", "rope_original_length"}


def choices(config):
    """Give all that is no size, and of the sizes whether they make another kind of model."""
    if config.position == "sinusoidal":
        config = replace(config, head_bias="fixed")  # which only the tensors of a file tell
    fields = {name: value for name, value in config.to_dict().items() if name not in SIZES}
    grouped, slowed = config.kv_heads < config.n_heads, config.rope_factor > 1
    return {**fields, "kind": (config.family, grouped, slowed, config.n_segments > 1)}


@pytest.mark.parametrize("name", presets)
def test_every_preset_is_a_tiny_family_but_for_its_sizes(name, tiny_configs):
    """So what the tiny models show, flipping every field of them, is shown for every preset."""
    assert choices(presets[name]) in [choices(config) for config in tiny_configs.values()]


@pytest.mark.parametrize(
    ("name", "model_type"),
    [
        ("bert-base", "bert"),
        ("roberta-large", "roberta"),
        ("gpt1", "openai-gpt"),
        ("gpt2-xl", "gpt2"),
        ("gpt3-175b", "gpt2"),
        ("jurassic-1-jumbo", "gpt2"),
        ("bloom", "bloom"),
        ("bloomberggpt", "bloom"),
        ("llama-3.1-8b", "llama"),
        ("transformer-big", "marian"),
        ("bart-large", "bart"),
        ("t5-v1.1-xxl", "t5"),
    ],
)
def test_presets_belong_to_the_right_family(name, model_type):
    assert write_config(presets[name])[0].model_type == model_type


def test_a_published_count_is_counted_by_the_reference_library():
    """The config we write gives their model the same parameters, without building either."""
    for name, count in (("gpt2", 124_439_808), ("bloom-560m", 559_214_592)):
        _, fields = write_config(presets[name])
        config = hf.AutoConfig.for_model(**fields)
        with torch.device("meta"):
            theirs = hf.AutoModelForCausalLM.from_config(config)
        assert sum(parameter.numel() for parameter in theirs.parameters()) == count


def test_a_swapped_row_of_a_table_is_caught(tiny, check_logits, check_weights, monkeypatch):
    """Two rows of each table that fit each other's place, exchanged: a test above must fail."""
    for name, model_type, first, second in (
        ("bert", "bert", "self.query", "self.key"),
        ("gpt2", "gpt2", "ln_1", "ln_2"),
        ("bloom", "bloom", "input_layernorm", "post_attention_layernorm"),
        ("llama", "llama", "gate_proj", "up_proj"),
        ("bart", "bart", "self_attn.k_proj", "self_attn.v_proj"),
        ("t5-v1.1", "t5", "wi_0", "wi_1"),
    ):
        family = FAMILIES[model_type]

        def swapped(config, rules=family.rules, pair=(first, second)):
            turned = dict(zip(pair, reversed(pair), strict=True))
            return [
                replace(rule, theirs=rule.theirs.replace(part, turned[part]))
                if (part := next((p for p in pair if p in rule.theirs), None))
                else rule
                for rule in rules(config)
            ]

        pair, folder = tiny(name)
        monkeypatch.setitem(FAMILIES, model_type, replace(family, rules=swapped))
        ours = Transformer.from_pretrained(folder.path)
        with pytest.raises(AssertionError):
            check_weights(ours, pair.ours)
        with pytest.raises(AssertionError):
            check_logits(pair, ours)


@pytest.mark.parametrize("family_name", ["bloom", "gpt2"])
def test_a_lost_layout_is_caught(tiny, check_weights, monkeypatch, family_name):
    """Square matrices stored turned, or rows head by head: read plainly they are wrong."""
    pair, folder = tiny(family_name)
    family, n_planted = FAMILIES[family_name], 0
    for rule in family.rules(pair.config):
        plain = replace(rule, view=whole, merged=0)
        shape = plain.shape(pair.ours.state_dict()[rule.ours])
        if rule.view is whole or shape != folder.tensors[rule.theirs].shape:
            continue

        def flawed(config, rule=rule, plain=plain):
            return [plain if r.theirs == rule.theirs else r for r in family.rules(config)]

        n_planted += 1
        monkeypatch.setitem(FAMILIES, family_name, replace(family, rules=flawed))
        with pytest.raises(AssertionError):
            check_weights(Transformer.from_pretrained(folder.path), pair.ours)
    assert n_planted >= pair.config.n_decoder_layers
