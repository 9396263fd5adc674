import pytest
import torch

from course_lib.prompting.word_steps import common_step, pairs_of_tokens


class Letters:
    """A tokenizer with a token for a space and a letter, and one for each further letter."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text[1:]]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_pairs_of_one_token_each_are_kept() -> None:
    kept = pairs_of_tokens(Letters(), [("a", "b"), ("ab", "c"), ("c", "cd"), ("d", "e")])
    assert kept.tolist() == [[97, 98], [100, 101]]
    assert pairs_of_tokens(Letters(), [("ab", "c")]).shape == (0, 2)


def test_a_step_that_all_pairs_share_is_found() -> None:
    table = torch.randn(40, 16, generator=generator())
    step = torch.randn(16, generator=generator())
    table[20:] = table[:20] + step
    pairs = torch.stack([torch.arange(20), torch.arange(20, 40)], dim=1)
    shared = common_step(table, pairs, generator=generator())
    assert shared.n_pairs == 20 and shared.found == 1.0
    assert shared.along == pytest.approx(1.0, abs=1e-5) and shared.crossed < 0.9


def test_pairs_of_one_step_each_share_none() -> None:
    table = torch.randn(400, 64, generator=generator())
    pairs = torch.stack([torch.arange(200), torch.arange(200, 400)], dim=1)
    none = common_step(table, pairs, generator=generator())
    assert abs(none.along) < 0.1 and abs(none.crossed) < 0.1 and none.found < 0.1


def test_the_pairing_counts_not_the_group_alone() -> None:
    """Two clouds of rows, apart from each other: any step across them points one way."""
    table = torch.randn(400, 8, generator=generator())
    table[200:] += 5.0
    pairs = torch.stack([torch.arange(200), torch.arange(200, 400)], dim=1)
    clouds = common_step(table, pairs, generator=generator())
    assert clouds.along > 0.9 and abs(clouds.along - clouds.crossed) < 0.05 and clouds.found < 0.1


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="pairs must be four or more, got 3"):
        common_step(torch.zeros(8, 2), torch.zeros(3, 2, dtype=torch.long), generator=generator())
