"""Labels over pieces of words, and what counts as an entity."""

import re

import pytest

from course_lib import tokenizers
from course_lib.objectives import IGNORE
from course_lib.tasks import align_labels, entities, entity_f1, first_pieces, token_f1
from course_lib.tasks.labels import as_iob2

TEXT = "Ada Lovelace visited  Saint-Petersburg, she said."
WORDS = [match.span() for match in re.finditer(r"[\w-]+|[.,]", TEXT)]


@pytest.mark.parametrize("kind", ["ByteLevelBPE", "WordPiece", "Unigram"])
def test_each_word_has_its_label_once_under_every_tokenizer(kind: str) -> None:
    tokenizer = getattr(tokenizers, kind).train([TEXT] * 3, 300 if kind == "ByteLevelBPE" else 60)
    pieces = tokenizer.offsets(TEXT)
    words = WORDS if kind != "Unigram" else [m.span() for m in re.finditer(r"\S+", TEXT)]
    labels = list(range(len(words)))
    targets = align_labels(pieces, words, labels)
    assert [one for one in targets if one != IGNORE] == labels
    for word, piece in zip(words, first_pieces(pieces, words), strict=True):
        assert piece is not None and pieces[piece][0] < word[1] and pieces[piece][1] > word[0]
        assert piece == 0 or pieces[piece - 1][1] <= word[0]


def test_a_continuation_and_a_special_token_count_for_nothing() -> None:
    pieces = [(0, 0), (0, 3), (3, 5), (5, 9), (9, 10), (0, 0)]
    assert align_labels(pieces, [(0, 5), (6, 10)], [7, 8]) == [IGNORE, 7, IGNORE, 8, IGNORE, IGNORE]


def test_a_text_that_was_cut_loses_its_last_words_only() -> None:
    assert first_pieces([(0, 3)], [(0, 3), (4, 8)]) == [0, None]
    assert align_labels([(0, 3)], [(0, 3), (4, 8)], [1, 2]) == [1]


@pytest.mark.parametrize(
    ("pieces", "words", "labels", "message"),
    [
        ([(0, 3)], [(0, 3)], [1, 2], "labels must be one a word: got 2 for 1 words"),
        ([(0, 7)], [(0, 3), (4, 7)], [1, 2], r"words\[0\] and words\[1\] share the piece"),
        ([(0, 3), (6, 7)], [(0, 3), (4, 5), (6, 7)], [1, 2, 3], r"words\[1\], \(4, 5\), has no"),
        ([(0, 7)], [(2, 2)], [1], r"words\[0\] is \(2, 2\): must follow 0 and not be empty"),
        ([(0, 7)], [(3, 5), (2, 6)], [1, 2], r"words\[1\] is \(2, 6\): must follow 5"),
    ],
)
def test_what_does_not_fit_is_named(pieces, words, labels, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        align_labels(pieces, words, labels)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ("B-P I-P O B-L", [("P", 0, 2), ("L", 3, 4)]),
        ("B-P B-P I-P", [("P", 0, 1), ("P", 1, 3)]),
        ("I-P I-P", []),
        ("B-P I-L I-P", [("P", 0, 1)]),
        ("B-P O I-P", [("P", 0, 1)]),
        ("O O", []),
    ],
)
def test_entities_begin_with_their_mark(labels: str, found: list[tuple[str, int, int]]) -> None:
    assert entities(labels.split()) == found


def test_an_entity_is_right_only_as_a_whole() -> None:
    true = [["B-P", "I-P", "I-P", "O"]]
    almost = [["B-P", "I-P", "O", "O"]]
    assert token_f1(true, almost) == pytest.approx(0.8)
    assert entity_f1(true, almost) == 0
    assert entity_f1(true, true) == token_f1(true, true) == 1
    assert entity_f1([["O"]], [["O"]]) == 1
    two = [["B-P", "O", "B-L"], ["B-P"]]
    assert entity_f1(two, [["B-P", "O", "O"], ["B-L"]]) == pytest.approx(2 * 1 / 5)
    with pytest.raises(ValueError, match=r"labels\[1\] is 'X': must be O, B-type or I-type"):
        entities(["O", "X"])
    with pytest.raises(ValueError, match="as many texts with as many labels"):
        entity_f1(two, [["O"]])


WANTED = "B-PER I-PER O B-LOC B-LOC B-ORG"
SCHEMES = {
    "IOB2": WANTED,
    "IOB1": "I-PER I-PER O I-LOC B-LOC I-ORG",
    "BIOES": "B-PER E-PER O S-LOC S-LOC S-ORG",
    "BILOU": "B-PER L-PER O U-LOC U-LOC U-ORG",
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_of_entities_is_read(scheme: str) -> None:
    assert as_iob2(SCHEMES[scheme].split()) == tuple(WANTED.split())


def test_every_scheme_gives_the_entities_that_were_written_in_it() -> None:
    """All ways to lay entities of two types over five words, each written in each scheme."""
    layouts = [[]]
    for _ in range(5):  # a word is outside, begins an entity, or goes on with one
        layouts = [
            [*layout, word]
            for layout in layouts
            for word in ("O", "B-x", "B-y", *({f"I-{layout[-1][2:]}"} if layout else ()))
            if word != "I-"
        ]
    for layout in layouts:
        after = [*layout[1:], "O"]
        alone = [not now.startswith("I") and not next_.startswith("I")
                 for now, next_ in zip(layout, after, strict=True)]  # fmt: skip
        ends = [not next_.startswith("I") for next_ in after]
        first = [
            label if n and label[2:] == layout[n - 1][2:] else f"I{label[1:]}"
            for n, label in enumerate(layout)
        ]
        written = {"IOB1": ["O" if b == "O" else a for a, b in zip(first, layout, strict=True)]}
        for name, (last, single) in {"BIOES": "ES", "BILOU": "LU"}.items():
            marks = zip(layout, alone, ends, strict=True)
            written[name] = [
                label if label == "O" or not end else (single if one else last) + label[1:]
                for label, one, end in marks
            ]
        for name, labels in written.items():
            assert as_iob2(labels) == tuple(layout), name


def test_what_is_no_label_of_an_entity_is_left_alone() -> None:
    assert as_iob2(["o", "b-per", "PER", "I-", "X-a", "O"]) == (
        "o", "b-per", "PER", "I-", "X-a", "O")  # fmt: skip
