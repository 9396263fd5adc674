"""Sentences to measure on are none of those that are learned."""

import pytest

from course_lib.capstone.sentences import sentences, unseen

LEARNED = "It rained all day on the hill, and the old boat stayed where it was. Nobody came."


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("The old boat stayed where it was and sank.", True),
        ("the OLD boat stayed where it was.", False),  # a part of a longer sentence, other case
        ("Day on the hill, and the old boat stayed!", False),
        ("The old boat stayed.", False),
        ("A boat stayed where it was all the day.", True),
        ("stayed where it was. Nobody came. Nobody came here.", True),
        ("Nobody came.", False),
        ("It rained.", False),  # shorter than what it is looked up by, and not at the end
        ("...", True),  # says nothing that could be learned
    ],
)
def test_a_sentence_that_stands_in_a_learned_text_is_left_out(sentence: str, kept: bool) -> None:
    assert unseen([sentence], ["Another text.", LEARNED]) == [sentence] * kept


def test_none_of_the_learned_sentences_is_left_and_order_is_kept() -> None:
    learned = [f"The {i} boats of the harbour go out at dawn, say all." for i in range(40)]
    held = [f"The {i} boats of the harbour go out at dawn, say all." for i in range(30, 50)]
    assert sentences(learned) == learned
    assert unseen(held, [" ".join(learned)]) == held[10:]
    assert unseen([], learned) == [] and unseen(held, []) == held
