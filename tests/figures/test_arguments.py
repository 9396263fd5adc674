"""What figures ask of their arguments, and that the names of a matrix are as many as its lines."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from course_lib.figures.arguments import kinds_of
from course_lib.figures.attention import attention_stages
from course_lib.figures.base import new_figure
from course_lib.figures.heat import heat_map
from course_lib.shapes import Float

pytestmark = pytest.mark.usefixtures("as_installed")


def drawing(
    table: Float[Tensor, "N M"],
    words: Sequence[str],
    sizes: Sequence[int],
    runs: Mapping[str, float],
    title: str = "",
    *,
    n: int = 1,
    share: float | None = None,
    both: float | int = 1,
    wide: bool = False,
    anything: Any = None,
) -> None:
    """A figure with an argument of each kind."""


RIGHT: dict[str, Any] = {"table": torch.zeros(1, 1), "words": ["a"], "sizes": [1], "runs": {}}
OTHERS = {
    "table": [None, [[0.0]], "abc"], "words": ["abc", None, [3], iter(["a"])],
    "sizes": ["12", 3, None, {}], "runs": [[], "a", None], "title": [None, 3, b"a"],
    "n": [None, 2.5, "3", True], "share": ["0.5", True, [0.5]], "both": [None, "1"],
    "wide": ["no", None, 3],
}  # fmt: skip
FORMS = {
    "words": [("a",), np.array(["a"])], "sizes": [range(3), np.arange(3), torch.arange(3)],
    "n": [np.int64(3), torch.tensor(3)], "share": [None, np.float32(0.5), 1], "both": [0.5, 3],
    "wide": [np.bool_(True), 1], "anything": [object()],
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_an_argument_of_another_kind_is_refused_by_name(name: str) -> None:
    check = kinds_of(drawing)
    for wrong in OTHERS[name]:
        with pytest.raises(TypeError, match=rf"^{name}(\[0\])? must be"):
            check(**{**RIGHT, name: wrong})


@pytest.mark.parametrize("name", FORMS)
def test_any_form_of_a_kind_is_taken(name: str) -> None:
    check = kinds_of(drawing)
    check(*RIGHT.values())
    for form in FORMS[name]:
        check(**{**RIGHT, name: form})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": ["a"]}, "rows must be 2 names, one for each, got 1"),
        ({"columns": ["a", "b", "c", "d"]}, "columns must be 3 names, one for each, got 4"),
    ],
)
def test_a_matrix_with_too_few_or_many_names_is_refused(
    changed: dict[str, Any], message: str
) -> None:
    _, axes = new_figure()
    given: dict[str, Any] = {"rows": ["a", "b"], "columns": ["a", "b", "c"]} | changed
    with pytest.raises(ValueError, match=message):
        heat_map(axes, torch.rand(2, 3), **given)


def test_a_text_is_not_drawn_letter_by_letter() -> None:
    draw: Callable[..., Any] = attention_stages
    with pytest.raises(TypeError, match="words must be a list, got 'abc'"):
        draw(*[torch.rand(3, 2)] * 3, "abc")
