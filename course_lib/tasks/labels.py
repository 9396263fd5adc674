"""Labels of words for a model that reads pieces of words, and labels of entities.

A tagger has one label for a word and one prediction for a piece. The first piece of a word carries
its label; the others carry ``IGNORE``, or a word of four pieces would count four times.
"""

from collections.abc import Hashable, Iterable, Sequence

from course_lib.checks import check_id_lists, check_lists, check_text
from course_lib.objectives import IGNORE
from course_lib.tokenizers.align import Span

Entity = tuple[str, int, int]
"""Type, first word, and the word after the last."""
_MARKS = {"B": "B", "S": "B", "U": "B", "I": "I", "E": "I", "L": "I"}


def first_pieces(pieces: Sequence[Span], words: Sequence[Span]) -> list[int | None]:
    """Find the piece with which each word begins.

    A piece may reach beyond a word: byte-level tokenizers count the blank before it in. What has no
    characters, such as a special token, begins no word.

    Args:
        pieces: Where each piece stands in the text, as ``Tokenizer.offsets`` gives it.
        words: Where each word stands, in order and without overlap.

    Returns:
        An index into ``pieces`` for each word; None for the words that a cut text has lost.

    Raises:
        TypeError: If one of the two is no list.
        ValueError: If a word is empty, out of order, or has no piece of its own.
    """
    check_lists(pieces=pieces, words=words)
    found: list[int | None] = []
    end_of_text = max((stop for _, stop in pieces), default=0)
    at, before = 0, 0
    for number, (start, stop) in enumerate(words):
        if not before <= start < stop:
            raise ValueError(
                f"words[{number}] is {(start, stop)}: must follow {before} and not be empty"
            )
        before = stop
        while at < len(pieces) and (pieces[at][1] <= start or pieces[at][0] == pieces[at][1]):
            at += 1
        if at < len(pieces) and pieces[at][0] < stop:
            if found and found[-1] == at:
                raise ValueError(
                    f"words[{number - 1}] and words[{number}] share the piece {pieces[at]}: they "
                    "cannot have a label each"
                )
            found.append(at)
        elif start >= end_of_text:
            found.append(None)
        else:
            raise ValueError(f"words[{number}], {(start, stop)}, has no piece")
    return found


def align_labels(pieces: Sequence[Span], words: Sequence[Span], labels: Sequence[int]) -> list[int]:
    """Give each piece its target: a word's label for its first piece, ``IGNORE`` for all others.

    Args:
        pieces: Where each piece stands in the text, as ``Tokenizer.offsets`` gives it.
        words: Where each word stands, in order and without overlap.
        labels: One for each word.

    Returns:
        One target for each piece.

    Raises:
        TypeError: If one of the three is no list, or a label no whole number.
        ValueError: If there are not as many labels as words, or the two do not fit together.
    """
    check_lists(pieces=pieces, words=words)
    [labels] = check_id_lists(labels=labels)
    if len(labels) != len(words):
        raise ValueError(f"labels must be one a word: got {len(labels)} for {len(words)} words")
    targets = [IGNORE] * len(pieces)
    for label, piece in zip(labels, first_pieces(pieces, words), strict=True):
        if piece is not None:
            targets[piece] = label
    return targets


def entities(labels: Sequence[str]) -> list[Entity]:
    """Read entities from labels ``B-type``, ``I-type`` and ``O``, one a word.

    Strictly: an entity begins with its ``B``. An ``I`` that follows nothing of its type belongs to
    none.

    Args:
        labels: Of the words of one text.

    Raises:
        TypeError: If labels are no list.
        ValueError: If a label is none of the three.
    """
    check_lists(labels=labels)
    check_text(**{f"labels[{place}]": label for place, label in enumerate(labels)})
    found: list[Entity] = []
    current: str | None = None
    for place, label in enumerate(labels):
        mark, _, kind = label.partition("-")
        if label != "O" and not (mark in ("B", "I") and kind):
            raise ValueError(f"labels[{place}] is {label!r}: must be O, B-type or I-type")
        if mark == "I" and kind == current:
            name, start, _ = found.pop()
            found.append((name, start, place + 1))
        elif mark == "B":
            found.append((kind, place, place + 1))
            current = kind
        else:
            current = None
    return found


def as_iob2(labels: Sequence[str]) -> tuple[str, ...]:
    """Write the labels of entities with a ``B`` at the beginning of each, however a file has them.

    IOB1 begins an entity with ``I``, and with ``B`` only right behind another of its type. BIOES
    and BILOU mark the last word (``E``, ``L``) and an entity of one word (``S``, ``U``). An ``I``
    that goes on from nothing of its type is a beginning, also where a file means IOB2 and errs.

    Args:
        labels: Of the words of one text.

    Returns:
        As `entities` reads them; what is none of these is left as it is.

    Raises:
        TypeError: If labels are no list.

    Source: Tjong Kim Sang and Veenstra 1999, "Representing Text Chunks", section 2; what an ``I``
    without a beginning means is that of the scorer conlleval.
    """
    check_lists(labels=labels)
    check_text(**{f"labels[{place}]": label for place, label in enumerate(labels)})
    found: list[str] = []
    current = ""
    for label in labels:
        mark, dash, kind = label.partition("-")
        if not (dash and kind and mark in _MARKS):
            found.append(label)
            current = ""
            continue
        goes_on = _MARKS[mark] == "I" and kind == current
        found.append(f"{'I' if goes_on else 'B'}-{kind}")
        current = "" if mark in "ESLU" else kind
    return tuple(found)


def entity_f1(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """Score whole entities: right only with their type, their first word and their last.

    Args:
        true: Labels of the words of each text.
        predicted: The same, by a model.

    Returns:
        Twice the right ones over all true and all predicted ones; 1 where there is none of either.

    Raises:
        TypeError: If one of the two is no list of lists.
        ValueError: If the texts differ in number or length.
    """
    check_label_lists(true, predicted)
    pairs = [
        ({(n, *one) for one in entities(a)}, {(n, *one) for one in entities(b)})
        for n, (a, b) in enumerate(zip(true, predicted, strict=True))
    ]
    return _f1((a for one, _ in pairs for a in one), (b for _, one in pairs for b in one))


def token_f1(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """Score words by themselves, those without an entity left out: kinder than ``entity_f1``.

    Args:
        true: Labels of the words of each text.
        predicted: The same, by a model.

    Returns:
        Twice the right ones over all true and all predicted ones; 1 where there is none of either.

    Raises:
        TypeError: If one of the two is no list of lists.
        ValueError: If the texts differ in number or length.
    """
    check_label_lists(true, predicted)

    def marked(texts: Sequence[Sequence[str]]) -> Iterable[tuple[int, int, str]]:
        for n, labels in enumerate(texts):
            for place, label in enumerate(labels):
                if label != "O":
                    yield n, place, label

    return _f1(marked(true), marked(predicted))


def _f1(true: Iterable[Hashable], predicted: Iterable[Hashable]) -> float:
    wanted, got = set(true), set(predicted)
    total = len(wanted) + len(got)
    return 2 * len(wanted & got) / total if total else 1.0


def check_label_lists(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> None:
    """Refuse labels of words of which not each true one has its predicted one.

    Args:
        true: Labels of the words of each text.
        predicted: The same, by a model.

    Raises:
        TypeError: If one of the two is no list of lists.
        ValueError: If the texts differ in number or length.
    """
    check_lists(true=true, predicted=predicted)
    told = "true and predicted must hold as many texts with as many labels each"
    if len(true) != len(predicted):
        raise ValueError(f"{told}, got {len(true)} and {len(predicted)} texts")
    for name, texts in (("true", true), ("predicted", predicted)):
        check_lists(**{f"{name}[{n}]": labels for n, labels in enumerate(texts)})
    if list(map(len, true)) != list(map(len, predicted)):
        raise ValueError(told)
