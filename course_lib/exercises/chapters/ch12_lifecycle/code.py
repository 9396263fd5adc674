"""Chapter 12, code: how much of an answer is right, word by word."""

from __future__ import annotations

from collections import Counter
from typing import Any

from course_lib.exercises.author.spec import Code, Spec, Wrong
from course_lib.exercises.chapters.ch12_lifecycle import CHAPTER, SECTION
from course_lib.exercises.code.draw import Draw
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.laws import equals_reference


def token_f1(answer: list[str], right: list[str]) -> float:
    """Return the F1 of an answer's words against those of the right one, each as often as it is."""
    if not answer and not right:
        return 1.0
    left = list(right)
    shared = 0
    for word in answer:
        if word in left:
            left.remove(word)
            shared += 1
    if shared == 0:
        return 0.0
    precision = shared / len(answer)
    recall = shared / len(right)
    return 2 * precision * recall / (precision + recall)


def _counted(answer: list[str], right: list[str]) -> float:
    if not answer and not right:
        return 1.0
    shared = sum((Counter(answer) & Counter(right)).values())
    return 2 * shared / (len(answer) + len(right))


def _by_sorting(answer: list[str], right: list[str]) -> float:
    mine, theirs = sorted(answer), sorted(right)
    i = j = shared = 0
    while i < len(mine) and j < len(theirs):
        if mine[i] == theirs[j]:
            i, j, shared = i + 1, j + 1, shared + 1
        elif mine[i] < theirs[j]:
            i += 1
        else:
            j += 1
    return 1.0 if not mine and not theirs else 2 * shared / (len(mine) + len(theirs))


def _sets(answer: list[str], right: list[str]) -> float:
    if not answer and not right:
        return 1.0
    return 2 * len(set(answer) & set(right)) / (len(set(answer)) + len(set(right)))


def _in_place(answer: list[str], right: list[str]) -> float:
    if not answer and not right:
        return 1.0
    shared = sum(a == b for a, b in zip(answer, right, strict=False))
    return 2 * shared / (len(answer) + len(right))


def _each_occurrence(answer: list[str], right: list[str]) -> float:
    if not answer and not right:
        return 1.0
    shared = sum(word in right for word in answer)
    return 2 * shared / (len(answer) + len(right))


def _found_in_the_other(answer: list[str], right: list[str]) -> float:
    if not answer and not right:
        return 1.0
    precision = sum(word in right for word in answer) / max(1, len(answer))
    recall = sum(word in answer for word in right) / max(1, len(right))
    both = precision + recall
    return 2 * precision * recall / both if both else 0.0


def _over_the_longer(answer: list[str], right: list[str]) -> float:
    if not answer and not right:
        return 1.0
    shared = sum((Counter(answer) & Counter(right)).values())
    return shared / max(len(answer), len(right))


def _longest_run(answer: list[str], right: list[str]) -> float:
    if not answer and not right:
        return 1.0
    table = [[0] * (len(right) + 1) for _ in range(len(answer) + 1)]
    for i, a in enumerate(answer):
        for j, b in enumerate(right):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
            )
    return 2 * table[-1][-1] / (len(answer) + len(right))


def _jaccard(answer: list[str], right: list[str]) -> float:
    if not answer and not right:
        return 1.0
    shared = sum((Counter(answer) & Counter(right)).values())
    return shared / (len(answer) + len(right) - shared)


def _letters(answer: list[str], right: list[str]) -> float:
    if not answer and not right:
        return 1.0
    mine, theirs = Counter("".join(answer)), Counter("".join(right))
    return 2 * sum((mine & theirs).values()) / (mine.total() + theirs.total())


def _divides_by_zero(answer: list[str], right: list[str]) -> float:
    shared = sum((Counter(answer) & Counter(right)).values())
    precision, recall = shared / len(answer), shared / len(right)
    return 2 * precision * recall / (precision + recall)


def words_case(draw: Draw) -> dict[str, Any]:
    """Draw two lists of words, with repeats, in any order, one or both empty at times."""
    words = ["acorn", "makes", "trades", "as", "steel", "in", "ulm", "tea", "sat"]
    alphabet = words[: draw.size(1, 7) + 2]

    def some(n: int) -> list[str]:
        return [alphabet[i] for i in draw.integers(n, low=0, high=len(alphabet) - 1)]

    right = some(draw.size(0, 6))
    kind = draw.integer(0, 5)
    if kind == 0:
        answer = some(draw.size(0, 6))
    elif kind == 1:
        answer = right[::-1] + some(draw.size(0, 2))
    elif kind <= 3:
        answer = right + right[: draw.size(1, 3)]
    elif kind == 4:
        answer = [word for word in words if word not in right][: draw.size(0, 3)]
    else:
        answer = right[draw.size(0, 2) :] + some(draw.size(0, 1))
    return {"answer": answer, "right": right}


CODE = Code(
    reference=token_f1,
    starters=[
        (
            "three parts blank",
            '''
            from collections import Counter

            def token_f1(answer, right):
                """Return the F1 of an answer's words against those of the right one."""
                if not answer and not right:
                    return ...
                shared = sum((Counter(answer) & Counter(right)).values())
                if shared == 0:
                    return 0.0
                precision = ...
                recall = ...
                return 2 * precision * recall / (precision + recall)
            ''',
        ),
        (
            "only the docstring",
            '''
            def token_f1(answer, right):
                """Return the F1 of an answer's words against those of the right one."""
                ...
            ''',
        ),
    ],
    also_correct=[_counted, _by_sorting],
    wrong={
        "sets-for-counts": Wrong(
            _sets,
            "You compare sets, in which a word stands once. An answer that says a word three times "
            "then costs nothing. Count each word as often as it comes.",
        ),
        "place-by-place": Wrong(
            _in_place,
            "You compare place by place, so that one word more at the beginning makes all others "
            "wrong. The measure does not know order: count shared words.",
        ),
        "each-occurrence": Wrong(
            _each_occurrence,
            "You count each word of the answer that stands somewhere in the right one. Saying it "
            "twice then counts twice. A word is shared as often as it stands in *both*.",
        ),
        "found-in-the-other": Wrong(
            _found_in_the_other,
            "You ask of each word whether it stands in the other list. A word that is said twice "
            "and wanted once is then right twice. It is shared once.",
        ),
        "over-the-longer": Wrong(
            _over_the_longer,
            "You divide the shared words by the longer of the two lists. That is the smaller of "
            "precision and recall; F1 lies between them, as their harmonic mean.",
        ),
        "longest-subsequence": Wrong(
            _longest_run,
            "You count words in their order, as ROUGE-L does. This measure does not know order: "
            "shared words count wherever they stand.",
        ),
        "jaccard": Wrong(
            _jaccard,
            "You divide by all words of both together, the shared ones once. That is the Jaccard "
            "similarity. F1 is the harmonic mean of precision and recall.",
        ),
        "letters": Wrong(
            _letters,
            "You compare letters. The lists hold words, and a word is right as a whole or not.",
        ),
        "precision-only": Wrong(
            edit(
                token_f1,
                ("return 2 * precision * recall / (precision + recall)", "return precision"),
            ),
            "You return precision: the right share of what was said. One right word and silence "
            "would score 1. Recall has to count as well.",
        ),
        "recall-only": Wrong(
            edit(
                token_f1, ("return 2 * precision * recall / (precision + recall)", "return recall")
            ),
            "You return recall: how much of the right answer was said. Saying every word there is "
            "would score 1. Precision has to count as well.",
        ),
        "plain-mean": Wrong(
            edit(
                token_f1,
                (
                    "return 2 * precision * recall / (precision + recall)",
                    "return (precision + recall) / 2",
                ),
            ),
            "You take the plain mean of precision and recall. F1 is their harmonic mean, which is "
            "near the smaller one: 2 · P · R / (P + R).",
        ),
        "geometric-mean": Wrong(
            edit(
                token_f1,
                (
                    "return 2 * precision * recall / (precision + recall)",
                    "return (precision * recall) ** 0.5",
                ),
            ),
            "You take the geometric mean, the root of the product. The harmonic mean is smaller "
            "where precision and recall differ: 2 · P · R / (P + R).",
        ),
        "without-two": Wrong(
            edit(token_f1, ("return 2 * precision", "return precision")),
            "The factor 2 is missing. Two equal lists have to score 1.",
        ),
        "exact-match": Wrong(
            edit(
                token_f1,
                (
                    "return 2 * precision * recall / (precision + recall)",
                    "return float(answer == right)",
                ),
            ),
            "You ask whether both are equal. That is exact match. An answer with half of the right "
            "words should get a part of the score.",
        ),
        "both-empty": Wrong(
            edit(token_f1, ("return 1.0", "return 0.0")),
            "Nothing was wanted and nothing was said: that is right, and scores 1. Yours gives 0.",
        ),
        "empty-is-right": Wrong(
            edit(token_f1, ("not answer and not right", "not answer or not right")),
            "Your function gives 1 as soon as one of the lists is empty. Only if both are, nothing "
            "is missing.",
        ),
        "divides-by-zero": Wrong(
            _divides_by_zero,
            "Your function divides by zero where no word is shared, or a list is empty. Look at "
            "these cases first.",
        ),
    },
    generate=words_case,
    properties=[equals_reference(2e-5)],
)

EXERCISES = [
    Spec(
        id="12.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="How much of an answer is right",
        prompt="""
        Exact match gives an answer all or nothing. `answer` and `right` are lists of words. Write
        `token_f1(answer, right)`. A word is shared as often as it stands in both lists. Precision
        is the shared part of the answer, recall the shared part of the right one; return their
        harmonic mean. If no word is shared return 0.0; if both lists are empty return 1.0.
        """,
        code=CODE,
        hints=[
            "`Counter(answer) & Counter(right)` keeps the smaller count of each word.",
            "Its `.values()` sum up to the number of shared words.",
            "Which cases would divide by zero?",
        ],
        explain="""
        It is the score of SQuAD, the data set of questions about a text. It knows neither order nor
        meaning: *not in Ulm* and *in Ulm* share most of their words. A metric is a decision about
        which faults count.
        """,
    ),
]
