"""What every course widget has: one module text, one payload, a static form, a text form."""

import math
from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from course_lib.widgets.bundle import STYLES, module_text

CSS = "".join(module_text(path) for path in sorted(STYLES.glob("*.css")))


class CourseWidget(anywidget.AnyWidget):
    """A widget that runs in a kernel and in a page without one.

    A page without JavaScript shows `static_html`; a notebook without widgets shows `text`.
    """

    _css = CSS
    payload: Any = traitlets.Dict().tag(sync=True)
    static_html = traitlets.Unicode().tag(sync=True)

    def __init__(self, payload: dict[str, Any], static_html: str, text: str, **state: Any) -> None:
        """Keeps what the module draws (`payload`), its static HTML and its one-line text."""
        super().__init__(payload=payload, static_html=static_html, **state)
        self._text = text

    def __repr__(self) -> str:
        """Returns the same text in every run: no model id, no address."""
        return f"{type(self).__name__}: {self._text}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/plain"] = repr(self)
        return bundle


def number(name: str, value: Any, *, hidden: bool = False) -> float:
    """Converts one value to a finite float (or minus infinity where `hidden` is allowed)."""
    try:
        if isinstance(value, str | bytes | bool):
            raise TypeError("a number is wanted")
        result = float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a number, got {value!r}") from error
    if not math.isfinite(result) and not (hidden and result == -math.inf):
        raise ValueError(f"{name} must be finite, got {result}")
    return result


def numbers(name: str, values: Any, *, hidden: bool = False) -> list[float]:
    """Converts a vector (list, array or tensor) to a list of floats."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name} must be a vector of numbers, got {type(values).__name__}")
    return [number(f"{name}[{i}]", value, hidden=hidden) for i, value in enumerate(values)]


def table_of_numbers(name: str, values: Any, *, hidden: bool = False) -> list[list[float]]:
    """Converts a matrix (nested list, array or tensor) to lists of floats of equal length."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) == 0:
        raise TypeError(f"{name} must be a matrix with at least one row, got {values!r:.80}")
    rows = [numbers(f"{name}[{i}]", row, hidden=hidden) for i, row in enumerate(values)]
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"{name} must have rows of one length, got lengths {sorted(lengths)}")
    return rows


def labels(name: str, values: Sequence[object] | None, n: int, other: str) -> list[str]:
    """Checks that there is one label for each of `n` things; None numbers them from 1."""
    if values is None:
        return [str(i + 1) for i in range(n)]
    if isinstance(values, str) or len(values) != n:
        got = "a text" if isinstance(values, str) else f"{len(values)} labels"
        raise ValueError(f"{name} must be a list of {n} labels, one per {other}, got {got}")
    return [str(value) for value in values]
