"""Near duplicates against exact Jaccard, planted faults of the hash, and coming back to a run."""

import numpy as np
import pytest

from course_lib.data.crawl import article, make_crawl
from course_lib.data.crawl.articles import paragraphs
from course_lib.data.crawl.kinds import near_copy
from course_lib.data.curation import ExactDuplicates, NearDuplicates, Page
from course_lib.data.curation.duplicates import MinHash, jaccard, shingles
from course_lib.data.curation.repetition import ngram_hashes


def sets(rng: np.random.Generator, similarity: float, size: int = 400):
    shared = round(2 * size * similarity / (1 + similarity))
    numbers = rng.integers(0, 2**63, 2 * size, dtype=np.uint64)
    return numbers[:size], np.concatenate([numbers[:shared], numbers[size : 2 * size - shared]])


@pytest.mark.parametrize("similarity", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_agreement_of_signatures_is_the_jaccard_similarity(similarity: float) -> None:
    """A recall test would not see hash functions that all pick the same element; this does."""
    rng = np.random.default_rng(0)
    min_hash = MinHash(2000)
    a, b = sets(rng, similarity)
    estimate = float(np.mean(min_hash(a) == min_hash(b)))
    assert estimate == pytest.approx(jaccard(a, b), abs=5 * 0.5 / np.sqrt(2000))


def test_narrow_multipliers_are_caught_by_that_test() -> None:
    rng = np.random.default_rng(0)
    min_hash = MinHash(2000)
    min_hash.multipliers = rng.integers(1, 2**16, 2000, dtype=np.uint64) | np.uint64(1)
    min_hash.offsets[:] = 0
    a, b = (side >> np.uint64(32) for side in sets(rng, 0.5))
    estimate = float(np.mean(min_hash(a) == min_hash(b)))
    assert abs(estimate - jaccard(a, b)) > 0.3


def test_shingles() -> None:
    assert len(shingles([])) == 0
    assert len(shingles(["one", "two"])) == 1
    assert len(shingles("a b c d e f".split())) == 2
    assert len(shingles("a a a a a a a".split())) == 1
    same = shingles("the river is wide today".split())
    assert (same == shingles("the river is wide today".split())).all()
    assert not (same == shingles("wide river is the today".split())).any()
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        shingles(["a"], 0)


def test_planted_copies_are_found_and_nothing_else() -> None:
    rng = np.random.default_rng(2)
    near, hits = NearDuplicates(), {True: [], False: []}
    texts: list[str] = []
    for _ in range(700):
        copied = bool(texts) and rng.random() < 0.3
        text = (
            near_copy(texts[rng.integers(len(texts))], rng)
            if copied
            else paragraphs(article(rng)[1])
        )
        if not copied:
            texts.append(text)
        hits[copied].append(bool(near(Page(text))))
    true, false = sum(hits[True]), sum(hits[False])
    assert true / len(hits[True]) >= 0.95
    assert true / (true + false) >= 0.95


def test_the_first_copy_stays_and_the_reason_names_it() -> None:
    rng = np.random.default_rng(4)
    text = paragraphs(article(rng)[1])
    near = NearDuplicates()
    assert near(Page(paragraphs(article(rng)[1]))) == []
    assert near(Page(text)) == []
    (reason,) = near(Page(text + " Indeed."))
    assert "page 1" in str(reason)


def test_many_pages_are_found_again_after_their_keys_were_merged() -> None:
    rng = np.random.default_rng(5)
    near = NearDuplicates()
    pages = [Page(" ".join(map(str, rng.integers(0, 10**6, 12)))) for _ in range(1200)]
    assert not any(near(page) for page in pages)
    assert all(near(page) for page in pages)


def test_exact_copies_differ_in_blanks_and_case_only() -> None:
    exact = ExactDuplicates()
    assert exact(Page("The River\n\nis wide")) == []
    assert exact(Page("the  river is wide "))
    assert exact(Page("the river was wide")) == []
    assert exact(Page("caf\u00e9")) == [] and exact(Page("cafe\u0301"))


@pytest.mark.parametrize("make", [ExactDuplicates, NearDuplicates])
def test_a_run_that_is_taken_up_decides_as_one_that_was_not_cut(make) -> None:
    pages = list(make_crawl(600, np.random.default_rng(6)))
    whole = make()
    expected = [bool(whole(page)) for page in pages]
    first = make()
    found = [bool(first(page)) for page in pages[:250]]
    second = make()
    second.load_state_dict(first.state_dict())
    assert found + [bool(second(page)) for page in pages[250:]] == expected


def test_pages_hashed_in_another_way_are_refused() -> None:
    state = NearDuplicates().state_dict()
    with pytest.raises(ValueError, match="were hashed as"):
        NearDuplicates(9, 13).load_state_dict(state)
    with pytest.raises(ValueError, match="were hashed as"):
        NearDuplicates(seed=1).load_state_dict(state)


def test_the_step_of_the_bands() -> None:
    near = NearDuplicates()
    assert near.caught(0.9) > 0.99 and near.caught(0.5) < 0.06
    assert near.caught(1.0) == 1.0 and near.caught(0.0) == 0.0


@pytest.mark.parametrize("name", ["n_bands", "rows", "shingle_words", "min_words"])
def test_sizes_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        NearDuplicates(**{name: 0})


def test_the_numbers_of_a_saved_run_are_those_of_every_version() -> None:
    """Pages that one run has seen are compared with the hashes of the next."""
    hashes = ngram_hashes(np.arange(1, 5, dtype=np.uint64), 2)
    assert hashes.tolist() == [1519527019469052234, 3447790167261198805, 9281126639539950794]
    assert shingles("the river is wide today".split()).tolist() == [7023181019008615617]


def test_a_signature_is_the_least_of_each_function() -> None:
    min_hash = MinHash(64)
    assert bool((min_hash.multipliers % 2 == 1).all()), "an even one throws bits away"
    elements = np.random.default_rng(0).integers(0, 2**63, 5000, dtype=np.uint64)
    for n in (1, 2, 4096, 4097, 5000):  # also more than are held at once
        products = elements[:n, None] * min_hash.multipliers + min_hash.offsets
        assert np.array_equal(min_hash(elements[:n]), products.min(axis=0) >> np.uint64(32))
    assert min_hash(elements[:0]).tolist() == [2**32 - 1] * 64


def test_the_page_that_is_repeated_is_named_after_a_merge_too() -> None:
    rng = np.random.default_rng(4)
    pages = [Page(paragraphs(article(rng)[1])) for _ in range(4)]
    near = NearDuplicates()
    for number, page in enumerate(pages):
        assert near(page) == []
        if number == 2:
            near.state_dict()  # merges
    for number, page in enumerate(pages):
        assert [reason.value for reason in near(page)] == [f"a copy of page {number}"]


def test_a_page_of_just_enough_words_is_remembered() -> None:
    for n, found in ((7, False), (8, True)):
        near, page = NearDuplicates(), Page(" ".join("abcdefgh"[:n]))
        assert len(near.keys(page)) == (near.n_keys if found else 0)
        assert near(page) == [] and bool(near(page)) == found
    assert NearDuplicates(2, 3).caught(0.5) == pytest.approx(1 - (1 - 0.5**3) ** 2)
    assert NearDuplicates().n_keys == 14 and len(NearDuplicates().min_hash.multipliers) == 112
    for name in ("n_bands", "rows", "shingle_words", "min_words"):
        NearDuplicates(**{name: 1})
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            NearDuplicates(**{name: 0})
    with pytest.raises(ValueError, match="n_hashes must be at least 1, got 0"):
        MinHash(0)
