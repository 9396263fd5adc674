import pytest
import torch

from course_lib.figures.embedding import closeness_in_training, cosine_spread, embedding_lookup

TABLE = torch.arange(12.0).view(4, 3)


def test_the_rows_are_those_of_the_table() -> None:
    figure = embedding_lookup(["a", " b", "a"], [2, 0, 2], TABLE, columns=2)
    assert figure.table[1:] == [["“a”", 2, 6.0, 7.0], ["“ b”", 0, 0.0, 1.0], ["“a”", 2, 6.0, 7.0]]
    assert "take the rows 2, 0, 2. 1 of them take a row that was taken before" in figure.alt
    assert "No row comes twice" in embedding_lookup(["a"], [1], TABLE, columns=3).alt


def test_the_spread_is_set_beside_the_law() -> None:
    figure = cosine_spread({4: 0.5, 16: 0.2})
    assert [row[2] for row in figure.table[1:]] == ["0.5000", "0.2500"]
    assert "0.500 in 4 dimensions, 0.200 in 16; at most 20% off" in figure.alt


def test_each_kind_of_pair_is_a_line() -> None:
    figure = closeness_in_training([0, 50], {"twins": [0.0, 0.75], "others": [0.1, 0.0]})
    assert figure.table == [["step", "twins", "others"], [0, 0.0, 0.1], [50, 0.75, 0.0]]
    assert "twins: 0.00 to 0.75; others: 0.10 to 0.00" in figure.alt
    assert len(figure.figure.axes[0].get_legend().get_texts()) == 2


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, got 2, 1"):
        embedding_lookup(["a", "b"], [0], TABLE)
    with pytest.raises(ValueError, match="ids must be from 0 to 3, got 0 to 4"):
        embedding_lookup(["a", "b"], [0, 4], TABLE, columns=2)
    with pytest.raises(ValueError, match="columns must be from 1 to 3, got 8"):
        embedding_lookup(["a"], [0], TABLE)
    with pytest.raises(ValueError, match="two widths or more"):
        cosine_spread({4: 0.5})
    with pytest.raises(ValueError, match="'twins'.* has 1 numbers, steps has 2"):
        closeness_in_training([0, 1], {"twins": [0.0]})
    with pytest.raises(ValueError, match="at least one kind of pair"):
        closeness_in_training([0, 1], {})
