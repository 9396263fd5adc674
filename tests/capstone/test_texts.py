"""Texts that are kept apart: what is cut, what is held out, and what both sides share."""

import pytest

from course_lib.capstone import sentences, texts
from course_lib.capstone.settings import SPECIAL_TOKENS, TURN
from course_lib.tokenizers import ByteLevelBPE

WORDS = "the miller of the old town has a boat and a mill by the river that he likes".split()


def paragraph(number: int) -> str:
    """A paragraph of its own words, so that no run of words is shared by chance."""
    return " ".join(f"{word}{number}" for word in WORDS) + "."


@pytest.mark.parametrize("text", ["a\n\nbb\n\nccc\n\ndddd", "many words on a line " * 9, "x" * 99])
def test_a_long_text_is_cut_and_nothing_is_lost(text: str) -> None:
    pieces = texts.cut_long(text, 10)
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 10 and len(pieces) > 1
    assert texts.cut_long(text, len(text)) == [text]


def test_a_cut_prefers_blank_lines() -> None:
    assert texts.cut_long("aaa\nbbb\n\nccc\nddd", 9) == ["aaa\nbbb\n", "\nccc\nddd"]
    with pytest.raises(ValueError, match="most"):
        texts.cut_long("a", 0)


def test_one_long_document_can_be_held_out_in_part() -> None:
    text = "\n\n".join(map(paragraph, range(60)))
    train, held, n_cut = texts.hold_out([text], 0.1)
    assert n_cut == 1 and held
    assert 0.02 < sum(map(len, held)) / len(text) <= 0.1
    assert sorted("".join(train + held)) == sorted(text)


def test_shared_runs_are_taken_out_of_the_held_out_text_alone() -> None:
    train = [paragraph(1) + "\n\n" + paragraph(2), "Summary\n\n" + paragraph(3)]
    held = [paragraph(4) + "\n\nBefore it, " + paragraph(2), "Summary\n\n" + paragraph(5)]
    clean, share = texts.without_shared_runs(held, train)
    assert clean == [paragraph(4), paragraph(5)]
    n = len(WORDS)
    assert share == pytest.approx((n + 2 + 1) / (3 * n + 2 + 1))
    assert texts.without_shared_runs([paragraph(4)], train) == ([paragraph(4)], 0.0)


def test_a_text_on_one_line_does_not_go_for_one_shared_run() -> None:
    held = " ".join(map(paragraph, range(10, 100)))
    clean, share = texts.without_shared_runs([held], [f"{paragraph(12)}\n\n{paragraph(1)}"])
    assert 0 < share < 0.3 and len(clean) == 1 and paragraph(60) in clean[0].replace("\n\n", "")


def test_sentences_are_whole_and_of_usual_length() -> None:
    text = f"# A title\n\n{paragraph(1)} Too short. {paragraph(2)}\n\nno end " + "word " * 20
    assert sentences.sentences([text, text]) == [paragraph(1), paragraph(2)]


def test_a_begun_sentence_is_the_sentence_again() -> None:
    tokenizer = ByteLevelBPE.train([paragraph(1)], 300, special_tokens=SPECIAL_TOKENS)
    (pair,) = sentences.begun([paragraph(1)], tokenizer, longest_tokens=200)
    turn = tokenizer.special_id(TURN)
    assert pair.reply[-1] == turn and pair.reply.count(turn) == 1
    both = [*pair.prompt, *pair.reply]
    assert tokenizer.decode(both, skip_special=True) == paragraph(1)
    assert sentences.begun([paragraph(1)], tokenizer, longest_tokens=20) == []
    many = [paragraph(i) for i in range(5)]
    assert len(sentences.begun(many, tokenizer, longest_tokens=200, at_most=2)) == 2
