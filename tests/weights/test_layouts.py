"""Files as they were published over the years, not only as they are saved today."""

import pytest
import torch
import transformers as hf

from course_lib import Transformer


def load(folder, **options):
    return Transformer.from_pretrained(folder.path, **options)


def test_bert_of_2018(tiny, check_logits, check_weights):
    """gamma and beta, stored position ids, the pooler, and copies of the tied matrix and bias."""
    pair, folder = tiny("bert")
    tensors = folder.tensors
    assert "cls.predictions.decoder.weight" not in tensors
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in tensors.items()
    }
    assert sum("gamma" in name for name in old) == 6
    old["bert.embeddings.position_ids"] = torch.arange(24)[None]
    old["bert.pooler.dense.weight"] = torch.randn(32, 32)
    old["bert.pooler.dense.bias"] = torch.randn(32)
    old["cls.seq_relationship.weight"] = torch.randn(2, 32)
    old["cls.seq_relationship.bias"] = torch.randn(2)
    old["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
    old["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    folder.write(old)
    ours = load(folder)
    check_logits(pair, ours)
    check_weights(ours, pair.ours)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_an_encoder_without_its_head(tiny, family, tmp_path):
    """No prefix and no head: the hidden states are theirs, and the logits plain products."""
    pair, _ = tiny(family)
    pair.reference.base_model.save_pretrained(tmp_path / "base")
    ours = Transformer.from_pretrained(tmp_path / "base")
    assert not ours.config.head_transform and ours.config.head_bias == "none"
    inputs = dict(pair.ours_inputs)
    with torch.no_grad():
        hidden = ours.encode(inputs.pop("tokens"), **inputs)
        theirs = pair.reference.base_model(**pair.reference_inputs).last_hidden_state
        logits = ours(**pair.ours_inputs)
    torch.testing.assert_close(hidden[pair.keep], theirs[pair.keep], atol=1e-5, rtol=0)
    assert torch.equal(logits, hidden @ ours.embedding.weight.T)
    ours.save_pretrained(tmp_path / "again")
    kind = type(pair.reference.base_model)
    again = kind.from_pretrained(tmp_path / "again", add_pooling_layer=False).eval()
    with torch.no_grad():
        assert torch.equal(again(**pair.reference_inputs).last_hidden_state, theirs)


@pytest.mark.parametrize(
    ("family", "prefix"),
    [
        ("gpt1", "transformer."),
        ("gpt2", "transformer."),
        ("bloom", "transformer."),
        ("llama-3.2", "model."),
        ("bart", "model."),
    ],
)
def test_files_without_prefix(tiny, check_weights, family, prefix):
    pair, folder = tiny(family)
    tensors = folder.tensors
    folder.write({name.removeprefix(prefix): tensor for name, tensor in tensors.items()})
    assert not any(name.startswith(prefix) for name in folder.tensors)
    check_weights(load(folder), pair.ours)


def test_gpt2_with_stored_masks(tiny, check_logits):
    pair, folder = tiny("gpt2")
    old = {name.removeprefix("transformer."): t for name, t in folder.tensors.items()}
    for layer in range(2):
        old[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 24, 24).tril()
        old[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    old["lm_head.weight"] = old["wte.weight"]
    folder.write(old)
    folder.set(n_ctx=24, n_positions=...)
    check_logits(pair, load(folder))


def test_llama_with_stored_frequencies(tiny, check_logits):
    pair, folder = tiny("llama")
    old = folder.tensors
    for layer in range(2):
        old[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = torch.rand(4)
    folder.write(old)
    check_logits(pair, load(folder))


LLAMA3 = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}


@pytest.mark.parametrize(
    "spelling",
    [
        {"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", **LLAMA3}},
        {"rope_theta": 500000.0, "rope_scaling": {"type": "llama3", **LLAMA3}},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3}},
    ],
)
def test_spellings_of_a_scaled_rotation(tiny, check_logits, spelling):
    pair, folder = tiny("llama-3.1")
    folder.set(**{"rope_parameters": ..., "rope_theta": ..., **spelling})
    ours = load(folder)
    assert ours.config == pair.config
    check_logits(pair, ours)


@pytest.mark.parametrize(
    "spelling",
    [
        {"rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 4.0}},
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}},
    ],
)
def test_a_rotation_slowed_by_one_factor(tiny, check_logits, spelling, tmp_path):
    """Positions divided by a factor: the first way to lengthen the context."""
    pair, folder = tiny("llama")
    plain = load(folder)
    folder.set(**{"rope_parameters": ..., "rope_theta": ..., **spelling})
    pair.reference = hf.LlamaForCausalLM.from_pretrained(folder.path).eval()
    ours = load(folder)
    check_logits(pair, ours)
    with pytest.raises(AssertionError):
        check_logits(pair, plain)
    ours.save_pretrained(tmp_path / "again")
    again = hf.LlamaForCausalLM.from_pretrained(tmp_path / "again").eval()
    assert again.config.rope_parameters["rope_type"] == "linear"
    pair.reference = again
    check_logits(pair, ours)


@pytest.mark.parametrize(
    "spelling", [{}, {"rope_scaling": None}, {"rope_theta": 10000, "rope_scaling": None}]
)
def test_spellings_of_a_plain_rotation(tiny, check_logits, spelling):
    pair, folder = tiny("llama")
    folder.set(**{"rope_parameters": ..., "rope_theta": ..., **spelling})
    ours = load(folder)
    assert ours.config.rope_theta == 10000 and ours.config.rope_factor == 1
    check_logits(pair, ours)


@pytest.mark.parametrize(
    "spelling",
    [
        {"tie_word_embeddings": False, "scale_decoder_outputs": ...},  # as published
        {"tie_word_embeddings": True, "scale_decoder_outputs": False},  # as rewritten today
        {"tie_word_embeddings": False, "scale_decoder_outputs": False},
    ],
)
def test_spellings_of_t5_1_1(tiny, check_logits, spelling):
    pair, folder = tiny("t5-v1.1")
    folder.set(**spelling)
    ours = load(folder)
    assert not ours.config.tie_embeddings and not ours.config.scale_head
    assert not torch.equal(ours.head.weight, ours.embedding.weight)
    check_logits(pair, ours)


def test_t5_of_2019(tiny, check_logits, check_weights):
    """Copies of the shared matrix in three places, and a bias table that nothing reads."""
    pair, folder = tiny("t5")
    old = folder.tensors
    for name in ("encoder.embed_tokens", "decoder.embed_tokens", "lm_head"):
        old[f"{name}.weight"] = old["shared.weight"]
    unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    old[unused] = torch.randn(32, 4)
    folder.write(old)
    folder.set(
        tie_word_embeddings=..., scale_decoder_outputs=..., relative_attention_max_distance=...
    )
    ours = load(folder)
    assert ours.config.tie_embeddings and ours.config.scale_head
    check_logits(pair, ours)
    check_weights(ours, pair.ours)


def test_bart_with_three_copies(tiny, check_logits):
    pair, folder = tiny("bart")
    old = folder.tensors
    for name in ("model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head"):
        old[f"{name}.weight"] = old["model.shared.weight"]
    old["model.encoder.version"] = torch.tensor([3.0])
    folder.write(old)
    folder.set(normalize_embedding=True, add_final_layer_norm=False, normalize_before=False)
    check_logits(pair, load(folder))


@pytest.mark.parametrize(
    ("family", "original", "copy"),
    [
        ("bert", "cls.predictions.bias", "cls.predictions.decoder.bias"),
        ("bert", "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"),
        ("gpt2", "transformer.wte.weight", "lm_head.weight"),
        ("llama-3.2", "model.embed_tokens.weight", "lm_head.weight"),
        ("bart", "model.shared.weight", "model.encoder.embed_tokens.weight"),
        ("t5", "shared.weight", "decoder.embed_tokens.weight"),
        ("t5-v1.1", "shared.weight", "encoder.embed_tokens.weight"),
    ],
)
def test_only_a_copy_was_kept(tiny, check_weights, family, original, copy):
    pair, folder = tiny(family)
    tensors = folder.tensors
    kept = tensors.pop(original)
    folder.write({**tensors, copy: kept})
    assert original not in folder.tensors
    check_weights(load(folder), pair.ours)


def test_bart_without_its_fixed_bias(tiny, tmp_path):
    pair, _ = tiny("bart")
    pair.reference.model.save_pretrained(tmp_path / "base")
    ours = Transformer.from_pretrained(tmp_path / "base")
    assert ours.config.head_bias == "none"
    pair.reference.final_logits_bias.zero_()
    with torch.no_grad():
        theirs = pair.reference(**pair.reference_inputs).logits
        torch.testing.assert_close(
            ours(**pair.ours_inputs)[pair.keep], theirs[pair.keep], atol=1e-4, rtol=0
        )


def test_marian_with_stored_sinusoids(tiny, check_logits):
    pair, folder = tiny("transformer")
    old = folder.tensors
    for stack in ("encoder", "decoder"):
        old[f"model.{stack}.embed_positions.weight"] = torch.randn(24, 32)
    folder.write(old)
    folder.set(static_position_embeddings=True, normalize_embedding=False)
    check_logits(pair, load(folder))


def test_bloom_as_published(tiny, check_logits):
    pair, folder = tiny("bloom")
    folder.set(
        hidden_size=..., n_embed=32, n_head=..., num_attention_heads=4, n_inner=None, seq_length=24
    )
    ours = load(folder)
    assert ours.config == pair.config
    check_logits(pair, ours)


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "bloom"])
def test_untied_heads(tiny, check_logits, family, tmp_path):
    pair, folder = tiny(family)
    config = type(pair.reference.config).from_pretrained(folder.path, tie_word_embeddings=False)
    untied = type(pair.reference)(config).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in untied.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * 0.25
            is_scale = parameter.ndim == 1 and name.endswith("weight")
            parameter.copy_(noise + is_scale)
    untied.save_pretrained(tmp_path / "untied")
    pair.reference = untied
    ours = Transformer.from_pretrained(tmp_path / "untied")
    assert not ours.config.tie_embeddings
    check_logits(pair, ours)
    ours.save_pretrained(tmp_path / "again")
    pair.reference = type(untied).from_pretrained(tmp_path / "again").eval()
    check_logits(pair, ours)


def test_biases_in_llama(tiny, check_logits, tmp_path):
    pair, folder = tiny("llama")
    config = hf.LlamaConfig.from_pretrained(folder.path, attention_bias=True, mlp_bias=True)
    biased = hf.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in biased.parameters():
            parameter.normal_(0, 0.25, generator=torch.Generator().manual_seed(4))
    biased.save_pretrained(tmp_path / "biased")
    pair.reference = biased
    ours = Transformer.from_pretrained(tmp_path / "biased")
    assert ours.config.bias
    check_logits(pair, ours)


def test_bfloat16_stays_or_widens_exactly(tiny, check_logits, tmp_path):
    pair, _ = tiny("llama-3")
    pair.reference.to(torch.bfloat16).save_pretrained(tmp_path / "half")
    kept = Transformer.from_pretrained(tmp_path / "half")
    assert {tensor.dtype for tensor in kept.state_dict().values()} == {torch.bfloat16}
    wide = Transformer.from_pretrained(tmp_path / "half", dtype=torch.float32)
    for name, tensor in wide.state_dict().items():
        assert torch.equal(tensor, kept.state_dict()[name].float()), name
    pair.reference = hf.LlamaForCausalLM.from_pretrained(tmp_path / "half", dtype=torch.float32)
    check_logits(pair, wide)
    kept.save_pretrained(tmp_path / "again")
    theirs = hf.LlamaForCausalLM.from_pretrained(tmp_path / "again")
    assert theirs.dtype == torch.bfloat16
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(tensor.float(), pair.reference.state_dict()[name]), name


def test_a_constant_in_full_precision_widens_nothing(tiny):
    _, folder = tiny("llama")
    half = {name: tensor.half() for name, tensor in folder.tensors.items()}
    folder.write({**half, "model.layers.0.self_attn.rotary_emb.inv_freq": torch.rand(4)})
    assert {t.dtype for t in load(folder).state_dict().values()} == {torch.float16}


def test_mixed_types_take_the_widest(tiny):
    _, folder = tiny("gpt2")
    mixed = folder.tensors
    for name in mixed:
        if "ln_" not in name:
            mixed[name] = mixed[name].to(torch.float16)
    folder.write(mixed)
    assert {t.dtype for t in load(folder).state_dict().values()} == {torch.float32}
