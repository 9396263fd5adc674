"""The exercises on several ranks hand each rank its own part, one at a time."""

import numpy as np
import pytest

from course_lib.exercises.catalog import find
from course_lib.exercises.chapters.ch18_zero.ranks import add_up, on_each_rank
from course_lib.exercises.code.judge import judge


def test_ranks_exchange_what_they_hand_in():
    def work(own, all_reduce):
        first = all_reduce(own)
        return own, first, all_reduce(first * own)

    assert on_each_rank(work, [(1,), (2,), (3,)], add_up) == [(1, 6, 36), (2, 6, 36), (3, 6, 36)]


def test_a_rank_that_sends_more_often_than_others_is_an_error():
    def work(own, all_reduce):
        return all_reduce(own) if own else own

    with pytest.raises(ValueError, match="1 of 2 ranks hand in"):
        on_each_rank(work, [(0,), (1,)], add_up)
    with pytest.raises(ValueError, match="different shapes"):
        on_each_rank(lambda own, send: send(np.zeros(own)), [(1,), (2,)], add_up)


def test_an_answer_cannot_see_the_rows_of_another_rank():
    seen = []

    def looks(x, y, weights, all_reduce):
        seen.append((len(x), len(y)))
        total = all_reduce(2 * x.T @ (x @ weights - y))
        return total / all_reduce(len(y))

    assert judge(find("18.c"), looks)
    assert max(n for n, _ in seen) <= 5

    def keeps_what_it_sees(x, y, weights, all_reduce, rows=[]):  # noqa: B006
        rows.append((x, y))
        xs, ys = np.concatenate([x for x, _ in rows]), np.concatenate([y for _, y in rows])
        return 2 * xs.T @ (xs @ weights - ys) / len(ys)

    assert not judge(find("18.c"), keeps_what_it_sees)


@pytest.mark.parametrize("name", ["18.c", "18.c2"])
def test_what_an_answer_gets_wrong_about_sending_is_told(name):
    sends = {
        "18.c": lambda x, y, weights, all_reduce: all_reduce(y) * 0,
        "18.c2": lambda w, g, rank, n, all_gather: (all_gather(w) if rank else w, 2),
    }
    result = judge(find(name), sends[name])
    assert result.status in ("error", "invalid", "incorrect")
    assert "checker" not in result.message
