"""The cache: reorder for beams, crop for rejected guesses, and what it refuses."""

import pytest
import torch

from course_lib.config import TransformerConfig
from course_lib.model.transformer import Transformer


def build(n_encoder_layers: int = 0) -> Transformer:
    config = TransformerConfig(
        vocab_size=50,
        d_model=32,
        n_heads=4,
        n_kv_heads=2,
        max_seq_len=20,
        n_decoder_layers=2,
        n_encoder_layers=n_encoder_layers,
    )
    return Transformer(config, generator=torch.Generator().manual_seed(0)).eval()


def draw(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(0, 50, shape, generator=torch.Generator().manual_seed(seed))


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, atol=1e-6, rtol=0)


@pytest.mark.parametrize("n_encoder_layers", [0, 2])
@pytest.mark.parametrize("rows", [[2, 0, 0], [1], [0, 0, 1, 1, 2, 2]])
def test_reorder_continues_the_chosen_rows(rows, n_encoder_layers):
    model, tokens, chosen = build(n_encoder_layers), draw(3, 6), torch.tensor(rows)
    keep = torch.arange(6) >= torch.tensor([[0], [1], [2]])
    sides, chosen_sides = {}, {}
    if n_encoder_layers:
        source, source_keep = draw(3, 5), torch.arange(5) < torch.tensor([[5], [4], [2]])
        sides = {"source": source, "source_keep": source_keep}
        chosen_sides = {"source": source[chosen], "source_keep": source_keep[chosen]}
    cache = model.new_cache(3)
    model(tokens, keep=keep, cache=cache, **sides)
    cache.reorder(chosen)
    assert cache.batch_size == len(rows)
    last = draw(len(rows), 1, seed=5)
    whole = model(
        torch.cat((tokens[chosen], last), 1),
        keep=torch.cat((keep[chosen], torch.ones_like(last).bool()), 1),
        **chosen_sides,
    )
    close(model(last, cache=cache), whole[:, -1:])


def test_crop_forgets_the_last_tokens():
    model, tokens = build(), draw(2, 6)
    cache = model.new_cache(2)
    model(tokens, cache=cache)
    cache.crop(4)
    assert cache.length == 4
    close(model(tokens[:, 4:], cache=cache), model(tokens)[:, 4:])
    for length in (7, -1):
        with pytest.raises(ValueError, match=f"length={length}: the cache holds 6 tokens"):
            cache.crop(length)


def test_memory_is_projected_once():
    model = build(2)
    cache = model.new_cache(1)
    model(draw(1, 2), source=draw(1, 5), cache=cache)
    kept = cache.memory
    model(draw(1, 1), cache=cache)
    assert cache.memory is kept and kept[0][0].shape == (1, 2, 5, 8)


def test_room_is_taken_once_and_counted():
    cache = build().new_cache(3, 10)
    assert (
        cache.nbytes == 2 * 2 * 3 * 2 * 10 * 8 * 4
    )  # k and v, layers, rows, heads, slots, width, bytes
    room = cache.room.data_ptr()
    build()(draw(3, 4), cache=cache)
    assert cache.room.data_ptr() == room and cache.length == 4


@pytest.mark.parametrize("same_prompt", [False, True])
def test_rows_of_one_prompt_leave_the_memory_where_it_is(same_prompt):
    model = build(2)
    source, source_keep = draw(1, 5).repeat(2, 1), torch.ones(2, 5).bool()
    cache = model.new_cache(2)
    model(draw(2, 3), source=source, source_keep=source_keep, cache=cache)
    memory = cache.memory
    cache.reorder(torch.tensor([1, 1]), same_prompt=same_prompt)
    assert (cache.memory is memory) == same_prompt
    text = draw(2, 3)[[1, 1]]
    last = draw(2, 1, seed=4)
    whole = model(torch.cat((text, last), 1), source=source, source_keep=source_keep)
    close(model(last, cache=cache), whole[:, -1:])


def test_what_it_refuses():
    model = build()
    with pytest.raises(ValueError, match="batch_size=0: expected at least 1"):
        model.new_cache(0)
    cache = model.new_cache(2, 5)
    model(draw(2, 4), cache=cache)
    with pytest.raises(ValueError, match="max_length=5 tokens holds 4 and cannot take 2 more"):
        model(draw(2, 2), cache=cache)
    with pytest.raises(ValueError, match="batch_size=2 got 3 sequences"):
        model(draw(3, 1), cache=cache)
    assert cache.length == 4
    long = model.new_cache(1, 30)
    model(draw(1, 20), cache=long)
    with pytest.raises(ValueError, match="sequence of 21 tokens is longer than the max_seq_len=20"):
        model(draw(1, 1), cache=long)
