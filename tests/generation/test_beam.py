"""Beam search: equal to transformers, equal to greedy with one beam, and truly a search."""

import itertools
from dataclasses import replace

import pytest
import torch
import transformers
from torch import Tensor

from course_lib import Transformer, TransformerConfig, generate
from course_lib.generation.beam import beam_search
from course_lib.generation.penalties import no_repeat_ngram, repetition_penalty

CONFIG = TransformerConfig(
    vocab_size=17, d_model=16, n_heads=2, max_seq_len=32, n_decoder_layers=2, tie_embeddings=True
)
PARTS = {
    "attention_norm": "ln_1",
    "attention.qkv": "attn.c_attn",
    "attention.output": "attn.c_proj",
    "feed_forward_norm": "ln_2",
    "feed_forward.up": "mlp.c_fc",
    "feed_forward.down": "mlp.c_proj",
}


def build(config: TransformerConfig = CONFIG) -> Transformer:
    generator = torch.Generator().manual_seed(0)
    model = Transformer(config).eval().requires_grad_(False)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 0.6 if parameter.dim() == 2 else 0.1
            noise = torch.randn(parameter.shape, generator=generator) * spread
            parameter.copy_(noise if parameter.dim() == 2 else parameter + noise)
    return model


def peer_of(model: Transformer) -> transformers.GPT2LMHeadModel:
    config = model.config
    peer = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.max_seq_len,
            n_embd=config.d_model,
            n_layer=config.n_decoder_layers,
            n_head=config.n_heads,
            bos_token_id=None,
            eos_token_id=None,
        )
    ).eval()
    state = model.state_dict()
    copied = {
        "transformer.wte.weight": state["embedding.weight"],
        "lm_head.weight": state["embedding.weight"],
        "transformer.wpe.weight": state["decoder.positions.table.weight"],
    }
    for kind in ("weight", "bias"):
        copied[f"transformer.ln_f.{kind}"] = state[f"decoder.final_norm.{kind}"]
        for layer, (ours, theirs) in itertools.product(
            range(config.n_decoder_layers), PARTS.items()
        ):
            value = state[f"decoder.blocks.{layer}.{ours}.{kind}"]
            turned = kind == "weight" and theirs.split(".")[-1].startswith("c_")
            copied[f"transformer.h.{layer}.{theirs}.{kind}"] = value.T if turned else value
    peer.load_state_dict(copied)
    return peer


MODEL = build()
PEER = peer_of(MODEL)
PROMPT = torch.randint(0, 17, (3, 4), generator=torch.Generator().manual_seed(1))


def compare(prompt: Tensor, *, keep: Tensor | None = None, processors=(), **options) -> int:
    """Return how many of our texts ended before the limit."""
    n_beams, eos = options["n_beams"], options.get("eos_id")
    ours = beam_search(
        MODEL, prompt, max_new_tokens=9, n_return=n_beams, keep=keep, processors=processors,
        pad_id=1, **options,
    )  # fmt: skip
    mask = torch.ones_like(prompt) if keep is None else keep.long()
    extra = {}
    for step in processors:
        name, value = repr(step)[:-1].split("(")
        names = {"no_repeat_ngram": "no_repeat_ngram_size"}
        extra[names.get(name, name)] = float(value) if "." in value else int(value)
    theirs = PEER.generate(
        prompt,
        attention_mask=mask,
        num_beams=n_beams,
        num_return_sequences=n_beams,
        max_new_tokens=9,
        do_sample=False,
        eos_token_id=eos,
        pad_token_id=1,
        length_penalty=float(options.get("length_penalty", 1.0)),
        early_stopping=options.get("early_stopping", False),
        output_scores=True,
        return_dict_in_generate=True,
        **extra,
    )
    expected = theirs.sequences[:, prompt.shape[1] :].view(len(prompt), n_beams, -1)
    for b, r in itertools.product(range(len(prompt)), range(n_beams)):
        n = int(ours.lengths[b, r])
        assert ours.tokens[b, r, :n].tolist() == expected[b, r, :n].tolist(), (b, r)
        assert (expected[b, r, n:] == 1).all() and (ours.tokens[b, r, n:] == 1).all()
    scores = theirs.sequences_scores.view(len(prompt), n_beams)
    torch.testing.assert_close(ours.scores, scores, rtol=1e-5, atol=1e-5)
    return int((ours.lengths < 9).sum())


@pytest.mark.slow
@pytest.mark.parametrize("n_beams", [2, 5])
@pytest.mark.parametrize("early_stopping", [False, True, "never"])
@pytest.mark.parametrize("length_penalty", [1.0, 0.0, -1.0, 2.0])
def test_equals_transformers(n_beams: int, early_stopping, length_penalty: float) -> None:
    for eos in (None, 5, [2, 11]):
        compare(
            PROMPT,
            n_beams=n_beams,
            eos_id=eos,
            early_stopping=early_stopping,
            length_penalty=length_penalty,
        )


def test_the_comparison_covers_texts_that_end_early() -> None:
    assert compare(PROMPT, n_beams=5, eos_id=5, length_penalty=0.0) > 5


def test_equals_transformers_with_padding() -> None:
    keep = torch.ones_like(PROMPT, dtype=torch.bool)
    keep[1, :2] = False
    compare(PROMPT * keep, keep=keep, n_beams=3, eos_id=5)


def test_equals_transformers_with_processors() -> None:
    compare(PROMPT, n_beams=3, eos_id=5, processors=[no_repeat_ngram(2)])
    compare(PROMPT, n_beams=3, eos_id=5, processors=[repetition_penalty(1.3)])


@pytest.mark.parametrize("position", ["learned", "rotary"])
def test_one_beam_is_greedy(position: str) -> None:
    model = build(replace(CONFIG, position=position))
    found = beam_search(model, PROMPT, n_beams=1, max_new_tokens=8, length_penalty=0)
    greedy = generate(model, PROMPT, max_new_tokens=8)
    assert torch.equal(found.tokens[:, 0], greedy.tokens)
    torch.testing.assert_close(found.scores[:, 0], greedy.log_probs.sum(1), rtol=1e-5, atol=1e-4)


def test_one_beam_is_greedy_with_an_encoder() -> None:
    model = build(replace(CONFIG, n_encoder_layers=1))
    source = torch.randint(0, 17, (3, 6), generator=torch.Generator().manual_seed(3))
    keep = torch.ones_like(source, dtype=torch.bool)
    keep[0, 4:] = False
    options = {"source": source, "source_keep": keep, "max_new_tokens": 6}
    greedy = generate(model, PROMPT, **options)
    one = beam_search(model, PROMPT, n_beams=1, **options)
    assert torch.equal(one.tokens[:, 0], greedy.tokens)
    several = beam_search(model, PROMPT, n_beams=4, n_return=4, **options)
    again = model(torch.cat([PROMPT, several.tokens[:, 2]], 1), source=source, source_keep=keep)
    scores = again.log_softmax(-1)[:, 3:-1].gather(2, several.tokens[:, 2, :, None]).mean((1, 2))
    torch.testing.assert_close(several.scores[:, 2], scores, rtol=1e-4, atol=1e-4)


def test_enough_beams_find_the_best_text_of_all() -> None:
    """With as many beams as there are texts of two tokens, the third is searched exactly."""
    config = replace(CONFIG, vocab_size=4)
    model = build(config)
    prompt = torch.tensor([[1, 2]])
    every = torch.tensor(list(itertools.product(range(4), repeat=2)))
    text = torch.cat([prompt.expand(len(every), -1), every], 1)
    scores = model(text).log_softmax(-1)[:, 1:-1].gather(2, every[..., None]).sum((1, 2))
    found = beam_search(model, prompt, n_beams=4, max_new_tokens=2, length_penalty=0)
    assert found.tokens[0, 0].tolist() == every[scores.argmax()].tolist()
    assert float(found.scores[0, 0]) == pytest.approx(float(scores.max()), abs=1e-4)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"n_beams": 0}, "n_beams got 0"),
        ({"n_beams": 18}, "n_beams got 18, wants at most 17"),
        ({"n_return": 3}, "n_return got 3, wants 1 to n_beams=2"),
        ({"max_new_tokens": 40}, "max_seq_len=32"),
        ({"eos_id": 99}, "eos_id got 99"),
        ({"source": PROMPT}, "source got a tensor"),
    ],
)
def test_bad_arguments_are_named(options, wanted: str) -> None:
    with pytest.raises(ValueError, match=wanted):
        beam_search(MODEL, PROMPT, **{"n_beams": 2, "max_new_tokens": 3, **options})
