import math

import pytest
import torch

from course_lib.data.baselines import NGram, bits_per_byte
from course_lib.objectives import IGNORE


def random_rows(n: int = 40, vocab_size: int = 12) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, vocab_size - 2, (n, 9), generator=generator)
    rows[-1, 5:] = IGNORE
    return rows


@pytest.mark.parametrize("order", [1, 2])
def test_every_context_has_a_distribution_without_zeros(order: int) -> None:
    model = NGram(random_rows(), 12, order)
    assert model.log_probabilities.isfinite().all()
    assert model.log_probabilities.exp().sum(1).tolist() == pytest.approx(
        [1.0] * (1 if order == 1 else 12)
    )


def test_unigram_by_hand() -> None:
    # Targets 1, 1, 0 of a vocabulary of 3: counts 1, 2, 0, one added to each.
    model = NGram(torch.tensor([[2, 1, 1, 0]]), 3, 1)
    assert model.log_probabilities[0].exp().tolist() == pytest.approx([2 / 6, 3 / 6, 1 / 6])
    rows = torch.tensor([[0, 1, IGNORE], [0, 2, 0]])
    assert model.evaluate(rows) == pytest.approx(-math.log(3 / 6 * 1 / 6 * 2 / 6) / 3)


def test_bigram_by_hand() -> None:
    # Pairs 0-1, 1-0, 0-1, 1-2, 2-0: n1 = 3, n2 = 1, so the discount is 3 / 5.
    model = NGram(torch.tensor([[0, 1, 0, 1, 2, 0]]), 3, 2)
    assert model.discount == pytest.approx(0.6)
    # Followed by different tokens: 0 by two, 1 by one, 2 by one; one added: 3, 2, 2 of 7.
    expected = [0.6 * 3 / 7 / 2, (2 - 0.6) / 2 + 0.6 * 2 / 7 / 2, 0.6 * 2 / 7 / 2]
    assert model.log_probabilities[0].exp().tolist() == pytest.approx(expected)


def test_a_bigram_finds_order_that_a_unigram_cannot() -> None:
    cycle = torch.arange(300) % 5
    rows = cycle.unfold(0, 10, 9)
    assert NGram(rows, 5, 1).evaluate(rows) == pytest.approx(math.log(5), abs=0.01)
    assert NGram(rows, 5, 2).evaluate(rows) < 0.05


def test_a_token_never_seen_in_front_falls_back() -> None:
    model = NGram(random_rows(), 12, 2)
    assert torch.equal(model.log_probabilities[10], model.log_probabilities[11])


def test_bits_per_byte() -> None:
    assert bits_per_byte(math.log(2), 30, 10) == pytest.approx(3)
    with pytest.raises(ValueError, match="n_tokens 3, n_bytes 0"):
        bits_per_byte(1.0, 3, 0)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_probabilities_of_what_may_follow_sum_to_one(order: int) -> None:
    rows, V = random_rows(), 12
    model = NGram(rows, V, order)
    for before in ([3, 1, 4], [10, 10, 10], rows[0, :3].tolist()):  # seen, and never seen
        every = torch.tensor([[*before, token] for token in range(V)])
        following = model.token_losses(every).view(V, 3)[:, -1]
        assert following.isfinite().all()
        assert following.neg().exp().sum().item() == pytest.approx(1)


def test_trigram_by_hand() -> None:
    # Runs of three: 0-1-0, 1-0-1, 0-1-2, 1-2-0, each once: n1 = 4, n2 = 0, so the discount is 1,
    # all goes to the bigram. After 0-1 came 0 and 2; the bigram counts what stands before a pair:
    # 1-0 after 0; 0-1 after 1; 1-2 after 0; 2-0 after 1. Each once, discount 1, all to the unigram,
    # which counts before 0: 1 and 2; before 1: 0; before 2: 1; one added to each.
    model = NGram(torch.tensor([[0, 1, 0, 1, 2, 0]]), 3, 3)
    assert model.discount == 1
    losses = model.token_losses(torch.tensor([[0, 1, 0], [0, 1, 2]])).view(2, 2)
    assert losses[:, 1].neg().exp().tolist() == pytest.approx([3 / 7, 2 / 7])


def test_a_longer_table_finds_what_a_shorter_one_cannot() -> None:
    # What follows is the sum of the last two, modulo 7: one token back says nothing.
    text = [1, 1]
    generator = torch.Generator().manual_seed(0)
    while len(text) < 3000:
        new = torch.rand((), generator=generator) < 0.2
        text.append(int(torch.randint(7, (), generator=generator)) if new else sum(text[-2:]) % 7)
    rows = torch.tensor(text).unfold(0, 30, 29)
    two, three = (NGram(rows[:80], 7, order).evaluate(rows[80:]) for order in (2, 3))
    assert three < two - 0.7


def test_bad_orders_and_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="order must be at least 1 .* got order 0"):
        NGram(random_rows(), 12, 0)
    with pytest.raises(ValueError, match="below 2 .. 63, got order 7 and vocab_size 1024"):
        NGram(random_rows(), 1024, 7)
    with pytest.raises(ValueError, match="order 3 is too large"):
        _ = NGram(random_rows(), 12, 3).log_probabilities
    with pytest.raises(ValueError, match="rows hold id 9, vocab_size is 5"):
        NGram(random_rows(), 5, 2)
