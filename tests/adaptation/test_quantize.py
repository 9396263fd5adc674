import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from course_lib import Transformer, TransformerConfig, generate
from course_lib.adaptation import (
    add_lora,
    lora_modules,
    merge_lora,
    quantize_int8,
    round_to_int8,
    weight_bytes,
)
from course_lib.data import batches
from course_lib.generation.fast import fits
from course_lib.model.int8 import FEW_ROWS, Int8Weight
from course_lib.training import adamw, evaluate, train


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model_of(**fields: Any) -> Transformer:
    sizes = {"vocab_size": 64, "d_model": 64, "n_heads": 4, "n_decoder_layers": 2}
    config = TransformerConfig(**{**sizes, "max_seq_len": 24, **fields})
    return Transformer(config, generator=drawn()).eval()


def test_rounding_by_hand() -> None:
    # A row's largest number, 127 steps, makes the step; a second row has a step of its own.
    weight = torch.tensor([[127.0, -63.6, 0.4], [0.0, 0.0, 0.0], [-2.0, 1.0, 0.0]])
    made = round_to_int8(weight)
    assert made.integers[0].tolist() == [127, -64, 0]
    assert made.integers[1].tolist() == [0, 0, 0]
    assert made.scales[0] == 1.0
    assert made.dequantize()[2].tolist() == pytest.approx([-2.0, 1.0, 0.0], abs=0.02)


def test_no_number_is_off_by_more_than_half_a_step() -> None:
    weight = torch.randn(300, 40, generator=drawn()) * torch.logspace(-6, 3, 300)[:, None]
    made = round_to_int8(weight)
    step = made.scales.float()
    assert (step >= weight.abs().amax(1) / 127).all()
    assert (step <= weight.abs().amax(1) / 127 * 1.008).all()
    assert ((made.dequantize() - weight).abs() <= 0.5001 * step[:, None]).all()
    assert int(made.integers.min()) >= -127


@pytest.mark.parametrize("fault", [torch.nan, torch.inf])
def test_numbers_that_are_none_are_refused_and_leave_the_model_as_it_was(fault: float) -> None:
    model = model_of()
    with torch.no_grad():
        model.get_parameter("decoder.blocks.1.attention.qkv.weight")[3, 3] = fault
    with pytest.raises(ValueError, match="must be finite"):
        quantize_int8(model)
    assert not any(isinstance(p, Int8Weight) for p in model.parameters())
    with pytest.raises((ValueError, TypeError)):
        round_to_int8(torch.zeros(3))


def test_bytes_fall_below_thirty_percent_and_the_loss_hardly_moves() -> None:
    model = model_of(d_model=96)
    rows = (torch.arange(64)[:, None] * 3 + torch.arange(25) ** 2) % 61
    feed = batches(rows, 16, generator=drawn())
    train(model, feed, optimizer=adamw(model, 3e-3), steps=60, progress=False)
    before = evaluate(model.eval(), rows)
    said = weight_bytes(model)
    report = quantize_int8(model)
    after = evaluate(model, rows)
    assert before < 3.0, "the model must have learned something to lose"
    assert report.bytes_before == said and report.bytes_after == weight_bytes(model)
    assert report.share <= 0.30
    assert report.n_matrices == 1 + 2 * 4
    assert 0 < report.worst_error < 0.005
    assert abs(after - before) < 0.02
    assert after != before


def test_the_integer_kernel_and_the_floats_agree() -> None:
    weight = round_to_int8(torch.randn(40, 64, generator=drawn()))
    bias = torch.randn(40, generator=drawn(1))
    x = torch.randn(FEW_ROWS + 1, 64, generator=drawn(2))
    exact = x @ weight.dequantize().T + bias
    assert torch.equal(weight.product(x, bias), torch.nn.functional.linear(x, weight, bias))
    torch.testing.assert_close(weight.product(x, bias), exact)
    few = weight.product(x[:3], bias)
    torch.testing.assert_close(few, exact[:3], atol=0.1, rtol=0)
    assert (few - exact[:3]).abs().max() > 1e-6, "a few rows go through bfloat16"
    assert weight.product(x[:6].view(2, 3, 64)).shape == (2, 3, 40)


@pytest.mark.parametrize("n_rows", [1, 3, FEW_ROWS + 1])
def test_generation_takes_the_short_way_and_says_what_the_model_says(n_rows: int) -> None:
    model = model_of()
    quantize_int8(model)
    assert fits(model)
    prompt = torch.randint(64, (n_rows, 4), generator=drawn())
    short = generate(model, prompt, max_new_tokens=12)
    model.register_forward_hook(lambda *_: None)
    assert not fits(model)
    long = generate(model, prompt, max_new_tokens=12)
    same = (short.tokens == long.tokens).all(1)
    assert same.float().mean() >= 0.9
    torch.testing.assert_close(short.log_probs[same], long.log_probs[same], atol=0.02, rtol=0)


def test_every_family_keeps_most_of_what_it_says(family: str, pair: Callable[..., Any]) -> None:
    made = pair(family)
    with torch.no_grad():
        before = made.ours(**made.ours_inputs)[made.keep]
        report = quantize_int8(made.ours)
        after = made.ours(**made.ours_inputs)[made.keep]
    assert not torch.equal(before, after)
    error = (before - after).norm() / before.norm()
    assert error < 0.12
    assert report.bytes_after < report.bytes_before
    for name, parameter in made.ours.named_parameters():
        large = parameter.ndim == 2 and "positions" not in name and "segments" not in name
        assert isinstance(parameter, Int8Weight) == large, name


def test_a_tied_matrix_stays_tied_and_a_second_time_is_refused() -> None:
    model = model_of()
    quantize_int8(model)
    assert model.head.weight is None
    assert isinstance(model.embedding.weight, Int8Weight)
    with pytest.raises(ValueError, match="quantized already"):
        quantize_int8(model)


def test_it_is_copied_kept_and_saved(tmp_path: Path) -> None:
    model = model_of()
    quantize_int8(model)
    tokens = torch.randint(64, (2, 20), generator=drawn())
    said = model(tokens)
    twin = copy.deepcopy(model)
    assert torch.equal(twin(tokens), said) and fits(twin)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    back = torch.load(file, weights_only=False)
    assert torch.equal(back(tokens), said) and weight_bytes(back) == weight_bytes(model)
    model.save_pretrained(tmp_path / "floats")
    published = Transformer.from_pretrained(tmp_path / "floats")
    torch.testing.assert_close(published(tokens), said, atol=1e-5, rtol=0)


def test_what_it_cannot_do_is_refused() -> None:
    model = model_of()
    quantize_int8(model)
    weight = model.embedding.weight
    with pytest.raises(TypeError, match="changed in place, by mul_"):
        weight.mul_(2)
    with pytest.raises(TypeError, match="cannot be trained"):
        weight.requires_grad_(True)
    with pytest.raises(TypeError, match="move the model first"):
        model.double()
    assert model.to("cpu") is model and model.float() is model
    assert "Int8Weight(shape=(64, 64)" in repr(weight)
    torch.testing.assert_close(weight * 1.0, weight.dequantize())


def test_changes_of_low_rank_train_beside_whole_numbers() -> None:
    model = model_of()
    quantize_int8(model)
    add_lora(model, 8, generator=drawn())
    rows = (torch.arange(64)[:, None] + torch.arange(20)) % 64
    feed = batches(rows, 16, generator=drawn())
    history = train(model, feed, optimizer=adamw(model, 3e-2), steps=40, progress=False)
    assert history.losses[-1] < history.losses[0] - 0.3
    apart = model.eval()(rows[:4])
    merge_lora(model)
    assert not list(lora_modules(model))
    torch.testing.assert_close(model(rows[:4]), apart, atol=1e-4, rtol=0)
    assert isinstance(model.embedding.weight, Int8Weight)
