"""Any model trains to the same bits, or is refused by name."""

import odd_models
import pytest

NAMES = list(odd_models.MODELS)


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_on_one_rank(stage):
    assert odd_models.unlike(odd_models.outcomes(NAMES, [stage])) == {}


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_on_two_ranks(pools, stage):
    for found in pools(2).run(odd_models.outcomes, NAMES, [stage], timeout=300):
        assert odd_models.unlike(found) == {}


def test_some_on_four_ranks(pools):
    for found in pools(4).run(odd_models.outcomes, NAMES[1::6], [1, 3], timeout=500):
        assert odd_models.unlike(found) == {}
