import math
from collections import Counter

import pytest
import torch

from course_lib.adaptation import check_apart, mix, token_counts
from course_lib.objectives import IGNORE


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


LONG = [[100 + n] * (40 + n) for n in range(60)]
SHORT = [[200 + n] * (1 + n % 5) for n in range(900)]
SOURCES = {"long": LONG, "short": SHORT}


@pytest.mark.parametrize("share", [0.5127, 0.5, 1 / 3, 0.999, 0.001])
@pytest.mark.parametrize("n_tokens", [1000, 1001, 7])
def test_each_source_has_its_share_of_the_tokens_not_of_the_documents(
    share: float, n_tokens: int
) -> None:
    mixture = mix(SOURCES, {"long": share, "short": 1 - share}, n_tokens, generator=drawn())
    counted: Counter[str] = Counter()
    for name, ids in zip(mixture.sources, mixture.documents, strict=True):
        assert len(ids) > 0
        counted[name] += len(ids)
    assert sum(counted.values()) == n_tokens == mixture.n_tokens
    assert abs(counted["long"] - share * n_tokens) < 1
    assert {name: counted[name] for name in SOURCES} == mixture.tokens


def test_document_shares_would_be_far_off() -> None:
    """The mistake that token shares avoid: half of the documents is not half of the tokens."""
    mixture = mix(SOURCES, {"long": 0.5, "short": 0.5}, 2000, generator=drawn())
    documents = Counter(mixture.sources)
    assert documents["short"] > 10 * documents["long"]
    assert mixture.shares == {"long": 0.5, "short": 0.5}


def test_nothing_comes_twice_within_an_epoch() -> None:
    size = sum(map(len, SHORT))
    once = mix({"short": SHORT}, {"short": 1.0}, size, generator=drawn())
    assert sorted(once.documents) == sorted(map(tuple, SHORT))
    assert once.unread == {"short": 0}
    twice = mix({"short": SHORT}, {"short": 1.0}, size + size // 2, generator=drawn(), epochs=2)
    counted = Counter(ids[0] for ids in twice.documents)
    assert set(counted.values()) == {1, 2}
    assert set(counted) == {ids[0] for ids in SHORT}


def test_the_last_document_is_cut_and_no_other() -> None:
    mixture = mix(SOURCES, {"long": 0.5, "short": 0.5}, 1001, generator=drawn())
    whole = set(map(tuple, LONG + SHORT))
    assert sum(ids not in whole for ids in mixture.documents) <= 2


def test_a_seed_gives_the_same_mixture_and_another_seed_another() -> None:
    weights = {"long": 0.3, "short": 0.7}
    first = mix(SOURCES, weights, 900, generator=drawn(1))
    assert first == mix(SOURCES, weights, 900, generator=drawn(1))
    assert first.documents != mix(SOURCES, weights, 900, generator=drawn(2)).documents


def test_the_order_is_mixed_throughout() -> None:
    mixture = mix(SOURCES, {"long": 0.8, "short": 0.2}, 2000, generator=drawn())
    half = len(mixture.sources) // 2
    early = Counter(mixture.sources[:half])["long"]
    assert 0.25 < early / Counter(mixture.sources)["long"] < 0.75


def test_rows_hold_every_token_once() -> None:
    mixture = mix(SOURCES, {"long": 0.5, "short": 0.5}, 999, generator=drawn())
    targets = mixture.rows(16, separator_id=0)[:, 1:]
    kept = targets[(targets != IGNORE) & (targets != 0)]
    assert len(kept) == 999
    assert Counter(kept.tolist()) == Counter(i for ids in mixture.documents for i in ids)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "at least 1 source"),
        ({"long": 0.5, "short": 0.4}, r"sum to 1, got 0\.9"),
        ({"long": 51.27, "short": 48.73}, "sum to 1, got 100"),
        ({"long": 1.2, "short": -0.2}, r"weights\['short'\] must be a share, 0 or more, got -0\.2"),
        ({"long": math.nan, "short": 1.0}, "got nan"),
        ({"long": math.inf, "short": 0.0}, "got inf"),
        ({"long": 1.0}, r"must name the sources \['long', 'short'\], got \['long'\]"),
        ({"long": 0.5, "brief": 0.5}, "got .*brief"),
    ],
)
def test_weights_that_are_no_shares_are_refused(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mix(SOURCES, weights, 100, generator=drawn())


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"long": LONG, "short": []}, r"sources\['short'\] is empty"),
        ({"long": LONG, "short": [[1], []]}, r"sources\['short'\]\[1\] is empty"),
        ({"long": LONG, "short": [[1] * 499]}, "exhausted: it holds 499 .*at most n_tokens=998"),
    ],
)
def test_sources_that_cannot_give_their_share_are_refused(
    sources: dict[str, list[list[int]]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        mix(sources, {"long": 0.5, "short": 0.5}, 1000, generator=drawn())


def test_an_exhausted_source_says_what_would_fit_and_that_fits() -> None:
    sources = {"long": LONG, "short": [[1] * 333]}
    weights = {"long": 0.7, "short": 0.3}
    with pytest.raises(ValueError, match="at most n_tokens=1,110"):
        mix(sources, weights, 1200, generator=drawn())
    assert mix(sources, weights, 1110, generator=drawn()).tokens["short"] == 333
    assert mix(sources, weights, 1200, generator=drawn(), epochs=2).tokens["short"] == 360


@pytest.mark.parametrize(("n_tokens", "epochs", "name"), [(0, 1, "n_tokens"), (9, 0, "epochs")])
def test_counts_out_of_range_are_refused(n_tokens: int, epochs: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        mix({"a": SHORT}, {"a": 1.0}, n_tokens, generator=drawn(), epochs=epochs)


def test_a_weight_of_nothing_leaves_a_source_out() -> None:
    mixture = mix(SOURCES, {"long": 1.0, "short": 0.0}, 100, generator=drawn())
    assert set(mixture.sources) == {"long"}
    assert mixture.tokens == {"long": 100, "short": 0}


def test_rounding_loses_no_token() -> None:
    weights = {name: 1 / 7 for name in "abcdefg"}
    for n_tokens in range(1, 60):
        counts = token_counts(weights, n_tokens)
        assert sum(counts.values()) == n_tokens
        assert max(counts.values()) - min(counts.values()) <= 1


def test_a_leak_is_found() -> None:
    train = [[1, 2, 3, 4], [5, 6]]
    check_apart(train, {"test": [[1, 2, 3], [9, 2, 3, 9]]})
    with pytest.raises(ValueError, match=r"held_out\['test'\]\[1\].* 0 more of its 2"):
        check_apart(train, {"test": [[7], [5, 6]]})
    with pytest.raises(ValueError, match=r"\[1\] .*shares 2 tokens"):
        check_apart(train, {"test": [[3, 1], [9, 2, 3, 9]]}, run_tokens=2)
    check_apart(train, {"test": [[9, 2, 3, 9]]}, run_tokens=3)
    with pytest.raises(ValueError, match="run_tokens must be at least 1, got 0"):
        check_apart(train, {"test": [[7]]}, run_tokens=0)
