"""The tokenizer figures say in words and numbers what they draw."""

import pytest

from course_lib.figures.tokenizer import bytes_per_token, token_strips
from course_lib.tokenizers import ByteLevelBPE, WordPiece

TEXT = "the lower lowest"


@pytest.fixture(scope="module")
def tokenizers():
    return {
        "bytes": ByteLevelBPE.train([TEXT * 3], 262),
        "pieces": WordPiece.train([TEXT * 3], 40),
    }


def test_every_token_is_in_the_table(tokenizers):
    drawn = token_strips(TEXT, tokenizers)
    for name, tokenizer in tokenizers.items():
        rows = [row for row in drawn.table if row[0] == name]
        assert [row[3] for row in rows] == tokenizer.encode(TEXT)
        assert f"{name}, {len(rows)} tokens" in drawn.alt
    covered = "".join(row[2] for row in drawn.table if row[0] == "bytes")
    assert covered.replace("␣", " ") == TEXT
    assert drawn.png().startswith(b"\x89PNG")


def test_ids_are_drawn(tokenizers):
    drawn = token_strips(TEXT, {"bytes": tokenizers["bytes"]})
    texts = {text.get_text() for text in drawn.figure.axes[0].texts}
    assert {str(i) for i in tokenizers["bytes"].encode(TEXT)} <= texts


def test_tokens_inside_a_character(tokenizers):
    drawn = token_strips("a語b", {"bytes": tokenizers["bytes"]})
    assert [row[2] for row in drawn.table[1:]] == ["a", "語", "語", "語", "b"]


def test_ids_stand_beside_each_other_and_inside_their_box(tokenizers):
    drawn = token_strips("aïb", {"bytes": tokenizers["bytes"]})
    axes = drawn.figure.axes[0]
    drawn.png()  # places everything
    turned = next(text for text in axes.texts if text.get_text().count("\n") == 1)
    box = next(patch for patch in axes.patches if patch.get_window_extent().contains(
        *turned.get_window_extent().get_points().mean(0)))  # fmt: skip
    inner, outer = turned.get_window_extent(), box.get_window_extent()
    assert outer.x0 <= inner.x0 < inner.x1 <= outer.x1


def test_curve():
    drawn = bytes_per_token([256, 512], {"seen": [1.0, 2.0], "unseen": [1.0, 1.5]})
    assert drawn.table == [["vocabulary", "seen", "unseen"], [256, 1.0, 1.0], [512, 2.0, 1.5]]
    assert "unseen: 1.0 at 256 tokens, 1.5 at 512" in drawn.alt
    lines = drawn.figure.axes[0].lines
    assert len({line.get_marker() for line in lines}) == 2


def test_bad_input(tokenizers):
    for text in ("", "two\nlines", "x" * 91):
        with pytest.raises(ValueError, match="one line"):
            token_strips(text, tokenizers)
    with pytest.raises(ValueError, match="at least one"):
        token_strips("text", {})
    with pytest.raises(ValueError, match="2 sizes"):
        bytes_per_token([1, 2], {"a": [1.0]})
