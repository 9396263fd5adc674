"""Every published model has the published number of parameters, counted twice."""

import pytest
import torch

from course_lib.config import TransformerConfig
from course_lib.model.heads import NextSentenceHead, Pooler
from course_lib.model.transformer import Transformer
from course_lib.presets import presets

EXACT = {
    "bert-base": 109_514_298,
    "bert-base-cased": 108_340_804,
    "bert-large": 335_174_458,
    "roberta-base": 124_697_433,
    "roberta-large": 355_412_057,
    "gpt1": 116_534_784,
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "gpt3-small": 125_226_240,
    "gpt3-medium": 355_871_744,
    "gpt3-large": 760_300_032,
    "gpt3-xl": 1_315_723_264,
    "gpt3-2.7b": 2_651_553_280,
    "gpt3-6.7b": 6_658_404_352,
    "gpt3-13b": 12_853_386_240,
    "gpt3-175b": 174_604_259_328,
    "jurassic-1-large": 7_526_293_504,
    "jurassic-1-jumbo": 177_951_790_080,
    "bloom-560m": 559_214_592,
    "bloom-1b1": 1_065_314_304,
    "bloom-1b7": 1_722_408_960,
    "bloom-3b": 3_002_557_440,
    "bloom-7b1": 7_069_016_064,
    "bloom": 176_247_271_424,
    "bloomberggpt": 50_558_868_480,
    "llama-7b": 6_738_415_616,
    "llama-13b": 13_015_864_320,
    "llama-33b": 32_528_943_616,
    "llama-65b": 65_285_660_672,
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "llama-2-70b": 68_976_648_192,
    "llama-3-8b": 8_030_261_248,
    "llama-3-70b": 70_553_706_496,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "transformer-base": 63_082_496,
    "transformer-big": 214_245_376,
    "bart-base": 139_420_416,
    "bart-large": 406_291_456,
    "t5-small": 60_506_624,
    "t5-base": 222_903_552,
    "t5-large": 737_668_096,
    "t5-3b": 2_851_598_336,
    "t5-11b": 11_307_321_344,
    "t5-v1.1-small": 76_961_152,
    "t5-v1.1-base": 247_577_856,
    "t5-v1.1-large": 783_150_080,
    "t5-v1.1-xl": 2_849_757_184,
    "t5-v1.1-xxl": 11_135_332_352,
}

# Millions, as papers and model cards print them, and how far off rounding lets them be.
PUBLISHED = {
    "transformer-base": (65, 0.03),
    "transformer-big": (213, 0.01),
    "gpt3-175b": (174_600, 0.001),
    "gpt3-13b": (12_850, 0.001),
    "jurassic-1-jumbo": (178_000, 0.001),
    "jurassic-1-large": (7_500, 0.005),
    "llama-65b": (65_200, 0.002),
    "t5-11b": (11_000, 0.03),
}


def counted(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", presets)
def test_count_on_meta_equals_arithmetic_equals_publication(name):
    config = presets[name]
    model = Transformer(config, device="meta")
    assert counted(model) == config.n_parameters() == EXACT.get(name, config.n_parameters())


def test_all_but_one_preset_is_pinned():
    assert set(presets) - set(EXACT) == {"bert-large-cased"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_count_is_near_what_the_paper_prints(name):
    millions, tolerance = PUBLISHED[name]
    assert presets[name].n_parameters() / 1e6 == pytest.approx(millions, rel=tolerance)


@pytest.mark.parametrize(
    ("name", "encoder_and_pooler", "both_tasks"),
    [
        ("bert-base", 109_482_240, 110_106_428),
        ("bert-base-cased", 108_310_272, 108_932_934),
        ("bert-large", 335_141_888, 336_226_108),
        ("roberta-base", 124_645_632, None),
        ("roberta-large", 355_359_744, None),
    ],
)
def test_bert_with_its_other_heads(name, encoder_and_pooler, both_tasks):
    config = presets[name]
    model = Transformer(config, device="meta")
    pooler, next_sentence = Pooler(config.d_model), NextSentenceHead(config.d_model)
    assert counted(model) - counted(model.head) + counted(pooler) == encoder_and_pooler
    if both_tasks is not None:
        assert counted(model) + counted(pooler) + counted(next_sentence) == both_tasks


def test_bloom_embeddings():
    bloom = presets["bloom"]
    assert bloom.vocab_size * bloom.d_model == 3_596_615_680


def test_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(KeyError, match=r"no preset named 'gpt-2'; the nearest are .*gpt2"):
        presets["gpt-2"]
    with pytest.raises(ValueError, match="bert-base"):
        presets["BERT-base-uncased"]
    with pytest.raises(ValueError, match="known are bert-base, "):
        presets["?"]
    assert "gpt-2" not in presets and presets.get("gpt-2") is None


def test_presets_are_configs_and_survive_a_round_trip():
    for config in presets.values():
        assert TransformerConfig.from_dict(config.to_dict()) == config
