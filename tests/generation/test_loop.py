"""The generation loop and its draws: laws, statistics, bad input."""

import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from course_lib import Transformer, TransformerConfig
from course_lib.generation.chain import probabilities
from course_lib.generation.loop import Generation, each_token, generate
from course_lib.generation.penalties import no_repeat_ngram, repetition_penalty
from course_lib.generation.processors import temperature, top_k, top_p
from course_lib.generation.sampler import draw, uniform

SMALL = TransformerConfig(
    vocab_size=23,
    d_model=16,
    n_heads=2,
    max_seq_len=40,
    n_decoder_layers=2,
    tie_embeddings=False,  # a tied head with random weights says the same token again and again
)
CONFIGS = {
    "learned": SMALL,
    "rotary": replace(SMALL, position="rotary", norm="rms", gated=True, n_kv_heads=1),
    "alibi": replace(SMALL, position="alibi"),
    "encoder-decoder": replace(SMALL, position="relative", n_encoder_layers=1),
}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(name: str) -> Transformer:
    """A model whose every parameter is random, so that its choices vary."""
    model = Transformer(CONFIGS[name], generator=seeded(0)).eval()
    generator = seeded(1)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 0.8 if parameter.dim() == 2 else 0.1  # biases would favour the same token
            noise = torch.randn(parameter.shape, generator=generator) * spread
            parameter.copy_(noise if parameter.dim() == 2 else parameter + noise)
    return model


MODELS = {name: build(name) for name in CONFIGS}


def prompt(n_rows: int = 3, length: int = 5, seed: int = 2) -> Tensor:
    return torch.randint(0, 23, (n_rows, length), generator=seeded(seed))


def sources(name: str, n_rows: int = 3) -> dict[str, Tensor]:
    if name != "encoder-decoder":
        return {}
    return {"source": prompt(n_rows, 7, seed=3)}


def same(a: Generation, b: Generation) -> None:
    assert torch.equal(a.tokens, b.tokens)
    assert torch.equal(a.lengths, b.lengths)
    torch.testing.assert_close(a.log_probs, b.log_probs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", CONFIGS)
def test_greedy_takes_the_maximum_of_every_step(name: str) -> None:
    model, start, extra = MODELS[name], prompt(), sources(name)
    out = generate(model, start, max_new_tokens=6, **extra)
    text = start
    for step in range(6):
        log_probs = model(text, **extra)[:, -1].log_softmax(-1)
        best = log_probs.argmax(-1)
        assert torch.equal(out.tokens[:, step], best)
        expected = log_probs.gather(1, best[:, None])[:, 0]
        torch.testing.assert_close(out.log_probs[:, step], expected, rtol=0, atol=1e-4)
        text = torch.cat([text, best[:, None]], 1)
    assert out.tokens.unique().numel() > 3  # a model that repeats itself would test little
    assert out.lengths.tolist() == [6, 6, 6]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("sample", [False, True])
def test_cached_equals_uncached(name: str, sample: bool) -> None:
    outs = [
        generate(
            MODELS[name],
            prompt(),
            max_new_tokens=12,
            sample=sample,
            generator=seeded(4) if sample else None,
            processors=[repetition_penalty(1.2), temperature(1.5), top_p(0.9)],
            use_cache=use_cache,
            **sources(name),
        )
        for use_cache in (True, False)
    ]
    same(*outs)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_left_padded_batch_equals_single_runs(name: str) -> None:
    lengths = (2, 5, 3)
    rows = [prompt(1, n, seed=n) for n in lengths]
    batch = torch.zeros(3, 5, dtype=torch.long)
    keep = torch.zeros(3, 5, dtype=torch.bool)
    for i, row in enumerate(rows):
        batch[i, 5 - lengths[i] :] = row[0]
        keep[i, 5 - lengths[i] :] = True
    extra = sources(name)
    for use_cache in (True, False):
        together = generate(
            MODELS[name],
            batch,
            keep=keep,
            max_new_tokens=9,
            processors=[no_repeat_ngram(2)],
            use_cache=use_cache,
            **extra,
        )
        for i, row in enumerate(rows):
            own = {key: value[i : i + 1] for key, value in extra.items()}
            alone = generate(
                MODELS[name], row, max_new_tokens=9, processors=[no_repeat_ngram(2)], **own
            )
            assert together.tokens[i].tolist() == alone.tokens[0].tolist()
            torch.testing.assert_close(together.log_probs[i : i + 1], alone.log_probs)


def test_a_padded_source_equals_a_short_one() -> None:
    model, start, source = MODELS["encoder-decoder"], prompt(1), prompt(1, 4, seed=8)
    padded = torch.cat([source, torch.zeros(1, 3, dtype=torch.long)], 1)
    keep = torch.tensor([[True] * 4 + [False] * 3])
    short = generate(model, start, max_new_tokens=6, source=source)
    same(short, generate(model, start, max_new_tokens=6, source=padded, source_keep=keep))
    assert not torch.equal(
        short.tokens, generate(model, start, max_new_tokens=6, source=padded).tokens
    )


def test_a_batch_with_one_generator_a_row_equals_single_runs() -> None:
    model, start = MODELS["learned"], prompt(4)
    options = {"max_new_tokens": 15, "sample": True, "processors": [temperature(2.0)]}
    together = generate(model, start, generator=[seeded(i) for i in range(4)], **options)
    for i in range(4):
        alone = generate(model, start[i : i + 1], generator=seeded(i), **options)
        assert together.tokens[i].tolist() == alone.tokens[0].tolist()


def test_the_same_seed_gives_the_same_text_and_another_seed_another() -> None:
    def run(seed: int) -> Tensor:
        return generate(
            MODELS["rotary"], prompt(), max_new_tokens=10, sample=True, generator=seeded(seed)
        ).tokens

    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))


def test_temperature_zero_and_top_1_are_greedy() -> None:
    model, start = MODELS["learned"], prompt()
    greedy = generate(model, start, max_new_tokens=10)
    for step in (temperature(0), top_k(1), top_p(1e-9)):
        drawn = generate(
            model,
            start,
            max_new_tokens=10,
            sample=True,
            generator=seeded(0),
            processors=[step],
        )
        same(greedy, drawn)


def test_log_probs_are_the_models_own_whatever_the_chain() -> None:
    model, start = MODELS["learned"], prompt()
    out = generate(
        model,
        start,
        max_new_tokens=8,
        sample=True,
        generator=seeded(0),
        processors=[temperature(3.0), top_k(5)],
    )
    text = torch.cat([start, out.tokens], 1)
    scores = model(text).log_softmax(-1)[:, 4:-1].gather(2, out.tokens[..., None])[..., 0]
    torch.testing.assert_close(out.log_probs, scores, rtol=0, atol=1e-4)


def test_rows_end_at_their_end_token() -> None:
    model, start = MODELS["learned"], prompt()
    free = generate(model, start, max_new_tokens=10)
    end = int(free.tokens[0, 2])
    out = generate(model, start, max_new_tokens=10, eos_id=end, pad_id=7)
    for row, plain, length in zip(out.tokens, free.tokens, out.lengths, strict=True):
        ids = plain.tolist()
        wanted = ids.index(end) + 1 if end in ids else 10
        assert int(length) == wanted
        assert row[:wanted].tolist() == ids[:wanted]
        assert row[wanted:].tolist() == [7] * (len(row) - wanted)
    assert out.lengths.min() < out.lengths.max()
    assert (out.log_probs[0, 3:] == 0).all()
    assert out.tokens.shape[1] == out.lengths.max()


def test_several_end_tokens_and_an_early_stop_of_the_loop() -> None:
    model, start = MODELS["learned"], prompt()
    out = generate(model, start, max_new_tokens=10, eos_id=list(range(23)))
    assert out.tokens.shape == (3, 1)
    assert out.lengths.tolist() == [1, 1, 1]


def test_a_stop_function_ends_a_row() -> None:
    model, start = MODELS["learned"], prompt()
    out = generate(model, start, max_new_tokens=10, stop=lambda ids: len(ids) == 4)
    assert out.lengths.tolist() == [4, 4, 4]
    never = generate(model, start, max_new_tokens=10, stop=lambda ids: False)
    assert never.lengths.tolist() == [10, 10, 10]


def test_steps_yield_what_generate_returns_and_can_be_left_early() -> None:
    model, start = MODELS["learned"], prompt()
    whole = generate(model, start, max_new_tokens=8)
    tokens = each_token(model, start, max_new_tokens=8)
    seen = []
    for step in tokens:
        seen.append(step.tokens)
        if len(seen) == 3:
            break
    assert torch.equal(torch.stack(seen, 1), whole.tokens[:, :3])
    rest = torch.stack([step.tokens for step in tokens], 1)
    assert torch.equal(rest, whole.tokens[:, 3:])


def test_generation_leaves_its_inputs_and_the_gradient_mode_alone() -> None:
    start = prompt()
    before = start.clone()
    next(each_token(MODELS["learned"], start, max_new_tokens=2))
    assert torch.equal(start, before)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


# -- draws ----------------------------------------------------------------------------------------


def test_draws_follow_the_distribution() -> None:
    logits = torch.randn(1, 12, generator=seeded(0)) * 2
    chances = probabilities(logits, [temperature(0.9), top_p(0.95)])
    rows = chances.expand(100_000, -1)
    counts = draw(rows, uniform(seeded(1), 100_000)).bincount(minlength=12).double()
    inside = chances[0] > 0
    assert counts[~inside].sum() == 0 and (~inside).any()
    expected = chances[0, inside].double()
    p_value = chisquare(counts[inside], expected / expected.sum() * 100_000).pvalue
    assert p_value > 0.001


def test_the_chi_square_test_can_fail() -> None:
    logits = torch.randn(1, 12, generator=seeded(0)) * 2
    drawn = probabilities(logits, [temperature(1.03)])  # three percent off is seen in 1e5 draws
    counts = draw(drawn.expand(100_000, -1), uniform(seeded(1), 100_000)).bincount(minlength=12)
    expected = logits.double().softmax(-1)[0] * 100_000
    assert chisquare(counts.double(), expected).pvalue < 0.001


def test_sampled_generation_follows_the_models_distribution() -> None:
    """The whole path: 20,000 rows draw their first token."""
    model = MODELS["rotary"]
    start = prompt(1).expand(20_000, -1)
    out = generate(
        model,
        start,
        max_new_tokens=1,
        sample=True,
        generator=seeded(5),
        processors=[temperature(1.3), top_k(6)],
    )
    chances = probabilities(model(prompt(1))[:, -1].detach(), [temperature(1.3), top_k(6)])
    chances = chances[0].double()
    counts = out.tokens[:, 0].bincount(minlength=23).double()
    inside = chances > 0
    assert counts[~inside].sum() == 0
    expected = chances[inside] / chances[inside].sum() * 20_000
    assert chisquare(counts[inside], expected).pvalue > 0.001


def test_draws_at_the_edges_of_the_numbers() -> None:
    chances = torch.tensor([[0.0, 0.25, 0.0, 0.75, 0.0]])
    for number, token in ((0.0, 1), (0.2499, 1), (0.25, 3), (0.75, 3), (1 - 2**-53, 3)):
        assert draw(chances, torch.tensor([[number]], dtype=torch.float64)).tolist() == [token]
    tiny = torch.tensor([[1e-30, 0.0]])
    assert draw(tiny, torch.tensor([[1 - 2**-53]], dtype=torch.float64)).tolist() == [0]


def test_a_likely_token_is_drawn_more_often_not_always() -> None:
    chances = torch.tensor([[0.9, 0.1]]).expand(1000, -1)
    n_second = int(draw(chances, uniform(seeded(0), 1000)).sum())
    assert 60 < n_second < 140


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens got 0"),
        ({"max_new_tokens": 36}, r"prompt of 5, which with max_new_tokens=36 .*max_seq_len=40"),
        ({"tokens": torch.zeros(1, 60, dtype=torch.long)}, "prompt of 60.*max_seq_len=40"),
        ({"tokens": torch.zeros(1, 0, dtype=torch.long)}, r"tokens of shape \(1, 0\)"),
        ({"tokens": torch.full((1, 3), 99)}, "vocab_size=23"),
        ({"sample": True}, "generator got None"),
        ({"generator": seeded(0)}, "generator got one, wants None"),
        ({"sample": True, "generator": [seeded(0)]}, "list of 1, wants 3"),
        ({"eos_id": 23}, "eos_id got 23, wants 0 to 22"),
        ({"pad_id": -1}, "pad_id got -1"),
        ({"source": prompt()}, "source got a tensor, but the model is decoder-only"),
        ({"keep": torch.arange(5).expand(3, -1) < 3}, "padding on the left only"),
    ],
)
def test_bad_arguments_are_named(options, wanted: str) -> None:
    arguments = {"tokens": prompt(), "max_new_tokens": 3, **options}
    with pytest.raises(ValueError, match=wanted):
        generate(MODELS["learned"], **arguments)


def test_models_that_cannot_generate_say_why() -> None:
    encoder = replace(SMALL, n_decoder_layers=0, n_encoder_layers=1)
    with pytest.raises(ValueError, match="encoder-only model, wants one with a decoder"):
        generate(Transformer(encoder), prompt(), max_new_tokens=2)
    with pytest.raises(ValueError, match="source got None, but the model is encoder-decoder"):
        generate(MODELS["encoder-decoder"], prompt(), max_new_tokens=2)
    dropping = Transformer(replace(SMALL, dropout=0.1))
    with pytest.raises(ValueError, match=r"training mode with dropout=0.1: call model.eval\(\)"):
        generate(dropping, prompt(), max_new_tokens=2)
    generate(dropping.eval(), prompt(), max_new_tokens=2)


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("steps", [[], [top_p(0.9)], [temperature(0.5), top_k(3)]])
def test_a_broken_model_is_named(sample: bool, steps) -> None:
    model = Transformer(SMALL)
    with torch.no_grad():
        model.decoder.final_norm.weight[0] = math.nan
    generator = seeded(0) if sample else None
    with pytest.raises(ValueError, match="the model returned NaN in row 0"):
        generate(
            model,
            prompt(),
            max_new_tokens=2,
            processors=steps,
            sample=sample,
            generator=generator,
        )


@pytest.mark.parametrize("sample", [False, True])
def test_a_step_that_leaves_nothing_is_named(sample: bool) -> None:
    def nothing(logits: Tensor) -> Tensor:
        return logits.new_full(logits.shape, -math.inf)

    generator = seeded(0) if sample else None
    with pytest.raises(ValueError, match=r"nothing returned only -inf .* in row 0"):
        generate(
            MODELS["learned"],
            prompt(),
            max_new_tokens=2,
            processors=[nothing],
            sample=sample,
            generator=generator,
        )
