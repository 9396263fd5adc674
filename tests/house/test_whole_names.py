"""A name and its number stay on one line of a table, and their text stays as it is."""

import pytest
from docutils.core import publish_doctree, publish_from_doctree

from book._ext.whole_names import keep_whole

TABLE = """
===========  =====
method       sent
===========  =====
{cell:11}  1.0 P
===========  =====
"""


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("ZeRO-1", 1),
        ("ZeRO-3, gpt-2", 2),
        ("*GPT-2*", 1),
        ("GPT-3.5", 1),
        ("GPT-2.", 1),
        ("a-2-b", 0),
        ("v-1.2.3", 0),
        ("``a-1``", 0),  # code is kept as code is
        ("1-2", 0),
        ("top-p", 0),
        ("2019-11-03", 0),
        ("CC-BY-4.0", 0),
    ],
)
def test_a_name_and_its_number_are_one_element(cell: str, kept: int) -> None:
    page = publish_doctree(TABLE.format(cell=cell))
    before = page.astext()
    keep_whole(page)
    assert page.astext().split() == before.split()
    html = publish_from_doctree(page, writer_name="html").decode()
    assert html.count('class="whole"') == kept
