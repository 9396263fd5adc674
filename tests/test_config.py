"""The config refuses what contradicts itself, counts without building, and compares."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace

import pytest

import course_lib
from course_lib.config import TransformerConfig
from course_lib.presets import presets

SIZES = {"vocab_size": 50, "d_model": 32, "n_heads": 4, "max_seq_len": 20, "n_decoder_layers": 2}


def make(**changes) -> TransformerConfig:
    return TransformerConfig(**{**SIZES, **changes})


def test_defaults_are_derived():
    config = make()
    assert (config.family, config.head_dim, config.kv_heads, config.ff_dim) == (
        "decoder-only",
        8,
        4,
        128,
    )
    assert make(d_head=5, n_kv_heads=2, d_ff=7).head_dim == 5
    assert make(n_encoder_layers=1).family == "encoder-decoder"
    assert make(n_encoder_layers=1, n_decoder_layers=0).family == "encoder-only"


def test_frozen_and_keyword_only():
    with pytest.raises(FrozenInstanceError):
        make().d_model = 3
    with pytest.raises(TypeError):
        TransformerConfig(50, 32, 4, 20)
    assert len({make(), make()}) == 1  # hashable


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"position": "Rotary"}, "position='Rotary': expected one of none, sinusoidal"),
        ({"norm": "batch"}, "norm='batch': expected one of layer, rms"),
        ({"norm_placement": "both"}, "norm_placement='both'"),
        ({"activation": "gelu_new"}, "activation='gelu_new': expected one of relu, gelu"),
        ({"head_bias": "yes"}, "head_bias='yes'"),
        ({"vocab_size": 0}, "vocab_size=0: expected at least 1"),
        ({"d_ff": 0}, "d_ff=0: expected at least 1"),
        ({"n_segments": -1}, "n_segments=-1: expected at least 0"),
        ({"n_decoder_layers": 0}, "n_encoder_layers=0 and n_decoder_layers=0"),
        ({"d_model": 30}, "d_model=30 is not a multiple of n_heads=4"),
        ({"n_kv_heads": 3}, "n_heads=4 is not a multiple of n_kv_heads=3"),
        ({"position": "rotary", "d_head": 7}, "position='rotary' .* d_head=7 is odd"),
        ({"position": "sinusoidal", "d_model": 33, "d_head": 8}, "d_model=33 is odd"),
        ({"relative_buckets": 30}, "relative_buckets=30: expected a multiple of 4"),
        ({"relative_max_distance": 16}, "relative_max_distance=16 must exceed half of .*=32"),
        ({"rope_high_frequency": 1.0}, "rope_high_frequency=1.0 must exceed .*=1.0"),
        ({"rope_theta": 0.0}, "rope_theta=0.0: expected a positive number"),
        ({"norm_eps": -1e-5}, "norm_eps=-1e-05: expected a positive number"),
        ({"dropout": 1.0}, "dropout=1.0: expected at least 0 and less than 1"),
        ({"n_segments": 2, "n_encoder_layers": 1}, "n_segments=2 with n_encoder_layers=1"),
        ({"position_pad_id": 1}, "position_pad_id=1 with n_decoder_layers=2"),
        (
            {"position_pad_id": 50, "n_encoder_layers": 1, "n_decoder_layers": 0},
            "position_pad_id=50 is no token of vocab_size=50",
        ),
        (
            {"position_pad_id": 1, "n_encoder_layers": 1, "n_decoder_layers": 0},
            "position_offset=0 with position_pad_id=1",
        ),
    ],
)
def test_contradictions_name_field_and_value(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 32.0}, "d_model=32.0: expected int, got float"),
        ({"d_model": True}, "d_model=True: expected int, got bool"),
        ({"gated": 1}, "gated=1: expected bool, got int"),
        ({"norm": None}, "norm=None: expected str, got NoneType"),
        ({"dropout": "0.1"}, "dropout='0.1': expected float, got str"),
        ({"n_kv_heads": "2"}, "n_kv_heads='2': expected int, got str"),
    ],
)
def test_wrong_types_name_field_and_value(changes, message):
    # In a process of its own: here the shape checker would speak first.
    code = f"from course_lib.config import TransformerConfig as C; C(**{ {**SIZES, **changes}!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1 and f"TypeError: {message}" in run.stderr


def test_diff_is_a_table():
    difference = presets["bert-base"].diff(presets["roberta-base"])
    assert difference["n_segments"] == (2, 1)
    assert list(difference) == [
        "vocab_size",
        "n_segments",
        "position_offset",
        "position_pad_id",
        "norm_eps",
    ]
    lines = repr(difference).splitlines()
    assert lines[0].split() == ["vocab_size", "30522", "50265"] and len(lines) == 5
    assert "| `n_segments` | 2 | 1 |" in difference._repr_markdown_()
    assert make().diff(make()) == {} and repr(make().diff(make())) == "no difference"


def test_round_trip_and_unknown_fields():
    config = make(n_kv_heads=2)
    assert TransformerConfig.from_dict(config.to_dict()) == config
    assert set(config.to_dict()) == {field.name for field in fields(config)}
    with pytest.raises(ValueError, match="unknown config field 'n_head' with value 4; .* n_heads"):
        TransformerConfig.from_dict({**SIZES, "n_head": 4})


def test_count_by_hand():
    # 50 words and 20 positions of 32; blocks of 4 matrices of 32 x 32 and two of 32 x 128, biases,
    # two norms of 64; one norm at the end.
    block = 4 * 32 * 32 + 4 * 32 + 2 * 32 * 128 + 128 + 32 + 2 * 64
    assert make().n_parameters() == 70 * 32 + 2 * block + 64
    assert make(dropout=0.5).n_parameters() == make().n_parameters()


def test_gpt_formula_of_the_paper():
    for name in ("gpt2-xl", "gpt3-175b", "jurassic-1-large"):
        c = presets[name]
        d, n_layers = c.d_model, c.n_decoder_layers
        formula = (c.vocab_size + c.max_seq_len) * d + n_layers * (12 * d * d + 13 * d) + 2 * d
        assert c.n_parameters() == formula


def test_an_experiment_is_one_replace():
    for position in ("none", "sinusoidal", "rotary", "alibi", "relative"):
        assert replace(presets["roberta-base"], position=position).position == position


@pytest.mark.processes
def test_importing_the_package_does_not_import_torch():
    code = "import sys, course_lib; assert 'torch' not in sys.modules; course_lib.Transformer"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_lazy_names():
    assert course_lib.presets is presets and course_lib.TransformerConfig is TransformerConfig
    assert set(course_lib.__all__) <= set(dir(course_lib))
    for name in course_lib.__all__:
        assert getattr(course_lib, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Transformer_'"):
        course_lib.Transformer_  # noqa: B018
