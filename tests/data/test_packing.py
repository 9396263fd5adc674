from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data import Batches, batches, one_per_row, pack
from course_lib.objectives import IGNORE, causal_example

SEPARATOR = 99
DOCUMENTS = st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=12), min_size=1, max_size=8)


def stream(documents: list[list[int]]) -> list[int]:
    joined = [SEPARATOR]
    for document in documents:
        joined += [*document, SEPARATOR]
    return joined


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS, st.integers(1, 9))
def test_every_token_is_a_target_once_and_stands_behind_the_one_before_it(
    documents: list[list[int]], seq_len: int
) -> None:
    whole = stream(documents)
    if len(whole) < seq_len + 1:
        return
    example = causal_example(pack(documents, seq_len, SEPARATOR))
    counting = example.targets != IGNORE
    assert example.targets[counting].tolist() == whole[1:]
    assert example.inputs[counting].tolist() == whole[:-1]


def test_packing_by_hand() -> None:
    rows = pack([[1, 2, 3], [4]], seq_len=2, separator_id=0)
    assert rows.tolist() == [[0, 1, 2], [2, 3, 0], [0, 4, 0]]
    rows = pack([[1, 2, 3], [4]], seq_len=4, separator_id=0)
    assert rows.tolist() == [[0, 1, 2, 3, 0], [0, 4, 0, IGNORE, IGNORE]]


def test_a_row_is_free_memory_of_its_own() -> None:
    rows = pack([[1, 2, 3], [4]], seq_len=2, separator_id=0)
    rows[0, 2] = 7
    assert rows[1, 0] == 2


@pytest.mark.parametrize(
    ("documents", "seq_len", "message"),
    [
        ([], 8, "corpus is empty: it holds 0 documents, a row of seq_len 8 needs 9 tokens"),
        ([[1, 2]], 8, "shorter than the context: it holds 4 tokens .* seq_len 8 needs 9"),
        ([[1, 2], []], 8, r"documents_ids\[1\] is empty"),
        ([[1, 2]], 0, "seq_len must be at least 1, got 0"),
    ],
)
def test_corpora_that_fill_no_row_are_refused(
    documents: list[list[int]], seq_len: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pack(documents, seq_len, SEPARATOR)


def test_one_document_a_row() -> None:
    rows = one_per_row([[1, 2, 3], [4]], seq_len=4, separator_id=0)
    assert rows.tolist() == [[0, 1, 2, 3, 0], [0, 4, 0, IGNORE, IGNORE]]
    with pytest.raises(ValueError, match=r"documents_ids\[1\] holds 4 tokens.* takes 1 to 3"):
        one_per_row([[1], [1, 2, 3, 4]], seq_len=4, separator_id=0)
    with pytest.raises(ValueError, match="empty"):
        one_per_row([], seq_len=4, separator_id=0)


def serve(seed: int, batch_size: int = 3, n_rows: int = 10) -> Batches:
    rows = torch.arange(n_rows)[:, None].repeat(1, 2)
    return batches(rows, batch_size, generator=torch.Generator().manual_seed(seed))


def test_an_epoch_shows_no_row_twice_and_every_epoch_differs() -> None:
    served = serve(0)
    epochs = [torch.cat([next(served) for _ in range(3)])[:, 0].tolist() for _ in range(20)]
    assert all(len(set(epoch)) == 9 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 20
    assert {row for epoch in epochs for row in epoch} == set(range(10))


def test_the_same_seed_serves_the_same_batches() -> None:
    first, second, other = serve(1), serve(1), serve(2)
    one = [next(first).tolist() for _ in range(7)]
    assert one == [next(second).tolist() for _ in range(7)]
    assert one != [next(other).tolist() for _ in range(7)]


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 7])
def test_a_cut_run_goes_on_with_the_batch_it_would_have_had(cut: int) -> None:
    whole = serve(5)
    for _ in range(cut):
        next(whole)
    state = whole.state_dict()
    expected = [next(whole).tolist() for _ in range(8)]
    resumed = serve(1234)
    resumed.load_state_dict(state)
    assert [next(resumed).tolist() for _ in range(8)] == expected


def test_a_state_of_other_data_is_refused() -> None:
    state = serve(0).state_dict()
    with pytest.raises(ValueError, match="rows is .* here and .* in the saved state"):
        serve(0, n_rows=11).load_state_dict(state)
    turned = serve(0)
    turned.rows = turned.rows.flip(0)  # the same numbers, in another order
    with pytest.raises(ValueError, match="rows is .* here and .* in the saved state"):
        turned.load_state_dict(state)
    with pytest.raises(ValueError, match="batch_size is 4 here and 3 in the saved state"):
        serve(0, batch_size=4).load_state_dict(state)


@pytest.mark.parametrize("batch_size", [0, 11])
def test_a_batch_must_fit_the_rows(batch_size: int) -> None:
    with pytest.raises(ValueError, match=f"number of rows, 10, got {batch_size}"):
        serve(0, batch_size=batch_size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"taken": 1}, "taken must be 0 to 9, in steps of 3, got 1"),
        ({"taken": 12}, "taken must be 0 to 9"),
        ({"taken": "3"}, "taken must be 0 to 9"),
        ({"epoch_start": "00ff"}, "epoch_start is no state of a generator"),
        ({"epoch_start": 7}, "epoch_start is no state of a generator"),
        ({"more": 1}, "a place in the data has"),
    ],
)
def test_a_state_that_is_none_changes_nothing(change: dict[str, Any], message: str) -> None:
    served = serve(0)
    next(served)
    before = served.state_dict()
    with pytest.raises(ValueError, match=message):
        served.load_state_dict(before | change)
    assert served.state_dict() == before


def test_parts_of_a_batch_are_the_batch_across_epochs() -> None:
    rows = torch.arange(22).view(11, 2)
    whole, parts = (
        batches(rows, 4, generator=torch.Generator().manual_seed(0), parts=n) for n in (1, 2)
    )
    for _ in range(7):  # an epoch has 2 batches, and 3 rows are left over
        assert torch.equal(next(whole), torch.cat([next(parts), next(parts)]))
    whole.load_state_dict(parts.state_dict())
    assert torch.equal(next(whole), torch.cat([next(parts), next(parts)]))
    next(parts)
    with pytest.raises(ValueError, match="in steps of 4, got"):
        whole.load_state_dict(parts.state_dict())
    with pytest.raises(ValueError, match="parts must divide batch_size 4, got 3"):
        batches(rows, 4, generator=torch.Generator(), parts=3)
