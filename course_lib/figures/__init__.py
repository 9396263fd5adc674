"""The lecture's figures, drawn from live objects, each with its words and its numbers."""

from course_lib.extras import needs

with needs("widgets", "a figure"):
    from course_lib.figures.base import FigureWithText, Palette, new_figure, palette, text_table

__all__ = ["FigureWithText", "Palette", "new_figure", "palette", "text_table"]
