import pytest
import torch

from course_lib.figures.attention import (
    attention_links,
    attention_stages,
    head_report,
    row_entropy,
)
from course_lib.model.attention import attention

WORDS = ["the", "keys", "are"]
Q = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 2.0]])
K = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
V = torch.tensor([[0.0, 1.0], [4.0, 0.0], [1.0, 1.0]])


def test_the_stages_end_with_what_the_model_computes() -> None:
    for causal in (True, False):
        figure = attention_stages(Q, K, V, WORDS, causal=causal)
        mixed = attention(Q[None, None], K[None, None], V[None, None], causal=causal)[0, 0]
        shown = [[float(cell) for cell in row[2:4]] for row in figure.table[-3:]]
        assert shown == [[round(x, 2) for x in row] for row in mixed.tolist()]
        hidden = sum(cell == "hidden" for row in figure.table for cell in row)
        assert hidden == (3 if causal else 0)


def test_the_stages_say_where_the_last_word_looks() -> None:
    assert (
        "“are”, gives its largest weight, 0.77, to “keys”" in attention_stages(Q, K, V, WORDS).alt
    )


def test_links_draw_one_line_for_each_weight_that_can_be_seen() -> None:
    weights = torch.tensor([[[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.01, 0.19, 0.8]]])
    figure = attention_links(weights, WORDS)
    assert len(figure.figure.axes[0].lines) == 5
    assert [row[1] for row in figure.table[1:]] == WORDS
    widths = sorted(line.get_linewidth() for line in figure.figure.axes[0].lines)
    assert widths[-1] == pytest.approx(4.0) and widths[0] == pytest.approx(0.76)


def test_links_of_one_word() -> None:
    weights = torch.tensor([[[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.1, 0.7, 0.2]]])
    figure = attention_links(weights, WORDS, query=-1, titles=["a head"])
    assert figure.table[1] == ["a head", "are", *weights[0, 2].tolist()]
    assert len(figure.table) == 2
    assert "a head: “are” takes 0.70 from “keys”" in figure.alt


def test_the_head_report_names_who_pays_and_who_costs() -> None:
    paid = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    lost = torch.tensor([[0.0, 0.6], [0.3, 0.1]])
    figure = head_report(paid, lost, ["person", "rhyme"])
    assert "person: head 1 pays most (0.90), head 2 costs most when off (0.30)" in figure.alt
    assert figure.table[2][1:] == pytest.approx([0.2, 0.8, 0.3, 0.1])


def test_the_entropy_figure_holds_its_numbers() -> None:
    figure = row_entropy([4, 16], {"scaled": [5.0, 5.1], "raw": [4.0, 2.0]})
    assert figure.table == [["K", "scaled", "raw"], [4, 5.0, 4.0], [16, 5.1, 2.0]]
    assert "raw: 4.00 to 2.00 bits" in figure.alt


def test_what_does_not_fit_is_refused() -> None:
    weights = torch.full((2, 3, 3), 1 / 3)
    with pytest.raises(ValueError, match="2 words"):
        attention_links(weights, ["a", "b"])
    with pytest.raises(ValueError, match="titles must name 2 heads, got 1"):
        attention_links(weights, WORDS, titles=["only"])
    with pytest.raises(ValueError, match="query must be a word from -3 to 2, got 3"):
        attention_links(weights, WORDS, query=3)
    with pytest.raises(ValueError, match="q has 3 rows, words has 1"):
        attention_stages(Q, K, V, ["one"])
    with pytest.raises(ValueError, match="do not fit"):
        head_report(torch.zeros(2, 2), torch.zeros(2, 2), ["one"])
    with pytest.raises(ValueError, match="has 1 numbers, widths has 2"):
        row_entropy([1, 2], {"a": [1.0]})
