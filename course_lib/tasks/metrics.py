"""Scores of a model's answers. What is taught is counted here; the rest counts a kept library."""

import importlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from course_lib.checks import check_lists, check_text
from course_lib.tasks.labels import check_label_lists, entity_f1, token_f1


def _library(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"this score needs {package}: pip install 'course-lib[metrics]'", name=error.name
        ) from error


def _check(true: Sequence[Any], predicted: Sequence[Any]) -> None:
    check_lists(true=true, predicted=predicted)
    if len(true) != len(predicted) or not len(true):
        raise ValueError(
            f"true and predicted must be as many, at least 1: got {len(true)} and {len(predicted)}"
        )


def _check_texts(true: Sequence[Any], predicted: Sequence[Any]) -> None:
    _check(true, predicted)
    for name, texts in (("true", true), ("predicted", predicted)):
        check_text(**{f"{name}[{place}]": one for place, one in enumerate(texts)})


def label_accuracy(true: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the share of labels that are right.

    Args:
        true: A label for each text or word.
        predicted: The same, by a model.

    Raises:
        TypeError: If one of the two is no list.
        ValueError: If there are none, or not as many of both.
        ModuleNotFoundError: If scikit-learn is not installed.
    """
    _check(true, predicted)
    metrics = _library("sklearn.metrics", "scikit-learn")
    return float(metrics.accuracy_score(list(true), list(predicted)))


def macro_f1(true: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the mean of every label's F1: a rare label weighs as much as a common one.

    Args:
        true: A label for each text or word.
        predicted: The same, by a model.

    Raises:
        TypeError: If one of the two is no list.
        ValueError: If there are none, or not as many of both.
        ModuleNotFoundError: If scikit-learn is not installed.
    """
    _check(true, predicted)
    metrics = _library("sklearn.metrics", "scikit-learn")
    return float(metrics.f1_score(list(true), list(predicted), average="macro", zero_division=0))


def confusion(
    true: Sequence[str], predicted: Sequence[str], labels: Sequence[str]
) -> list[list[int]]:
    """Count which label was taken for which: a row for each true one, a column a predicted one.

    Args:
        true: A label for each text or word.
        predicted: The same, by a model.
        labels: All of them, in the order of rows and columns.

    Raises:
        TypeError: If one of the three is no list.
        ValueError: If there are none, not as many of both, one is not among ``labels``, or one of
            those comes twice.
        ModuleNotFoundError: If scikit-learn is not installed.
    """
    _check(true, predicted)
    check_lists(labels=labels)
    if len({*labels}) < len(labels):
        raise ValueError(f"labels must differ, got {list(labels)}")
    if unknown := {*true, *predicted} - {*labels}:
        raise ValueError(f"labels {list(labels)} lack {sorted(unknown)}")
    metrics = _library("sklearn.metrics", "scikit-learn")
    table = metrics.confusion_matrix(list(true), list(predicted), labels=list(labels))
    return [[int(count) for count in row] for row in table]


def exact(true: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the share of texts that are right to the last character, blanks around them aside.

    Args:
        true: A text each.
        predicted: The same, by a model.

    Raises:
        TypeError: If one of the two is no list of texts.
        ValueError: If there are none, or not as many of both.
    """
    _check_texts(true, predicted)
    pairs = zip(true, predicted, strict=True)
    return sum(a.split() == b.split() for a, b in pairs) / len(true)


def answer_f1(true: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the mean overlap of answers in words: an answer that is half right counts in part.

    Args:
        true: An answer each.
        predicted: The same, by a model.

    Raises:
        TypeError: If one of the two is no list of texts.
        ValueError: If there are none, or not as many of both.

    Source: Rajpurkar et al. 2016, "SQuAD", section 6.1; articles and signs are left in.
    """
    _check_texts(true, predicted)
    total = 0.0
    for a, b in zip(true, predicted, strict=True):
        wanted, got = Counter(a.lower().split()), Counter(b.lower().split())
        n_words = wanted.total() + got.total()
        total += 2 * (wanted & got).total() / n_words if n_words else 1.0
    return total / len(true)


def bleu(true: Sequence[str], predicted: Sequence[str]) -> float:
    """Return corpus BLEU, from 0 to 100: words and runs of up to four that the reference has, too.

    Args:
        true: A translation each.
        predicted: The same, by a model.

    Raises:
        TypeError: If one of the two is no list of texts.
        ValueError: If there are none, or not as many of both.
        ModuleNotFoundError: If sacrebleu is not installed.

    Source: Papineni et al. 2002; Post 2018 (sacrebleu: one tokenization, so that scores compare).
    """
    _check_texts(true, predicted)
    library = _library("sacrebleu", "sacrebleu")
    return float(library.corpus_bleu(list(predicted), [list(true)]).score)


def chrf(true: Sequence[str], predicted: Sequence[str]) -> float:
    """Return chrF, from 0 to 100: runs of characters, so that a wrong ending is half right.

    Args:
        true: A translation each.
        predicted: The same, by a model.

    Raises:
        TypeError: If one of the two is no list of texts.
        ValueError: If there are none, or not as many of both.
        ModuleNotFoundError: If sacrebleu is not installed.

    Source: Popovic 2015.
    """
    _check_texts(true, predicted)
    library = _library("sacrebleu", "sacrebleu")
    return float(library.corpus_chrf(list(predicted), [list(true)]).score)


def rouge(true: Sequence[str], predicted: Sequence[str], kind: str = "rougeL") -> float:
    """Return the mean F1 of ROUGE, from 0 to 1: words in common, for L in the same order.

    Args:
        true: A summary each.
        predicted: The same, by a model.
        kind: ``rouge1``, ``rouge2`` or ``rougeL``.

    Raises:
        TypeError: If one of the two is no list of texts.
        ValueError: If there are none, not as many of both, or the kind is none.
        ModuleNotFoundError: If rouge-score is not installed.

    Source: Lin 2004.
    """
    _check_texts(true, predicted)
    if kind not in ("rouge1", "rouge2", "rougeL"):
        raise ValueError(f"kind must be rouge1, rouge2 or rougeL, got {kind!r}")
    library = _library("rouge_score.rouge_scorer", "rouge-score")
    scorer = library.RougeScorer([kind])
    pairs = zip(true, predicted, strict=True)
    return sum(scorer.score(a, b)[kind].fmeasure for a, b in pairs) / len(true)


def words_accuracy(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """Return the share of words with the right label, over all texts.

    Args:
        true: Labels of the words of each text.
        predicted: The same, by a model.

    Raises:
        TypeError: If one of the two is no list.
        ValueError: If there are none, or texts differ in number or length.
        ModuleNotFoundError: If scikit-learn is not installed.
    """
    check_label_lists(true, predicted)
    flat = [[label for labels in side for label in labels] for side in (true, predicted)]
    return label_accuracy(*flat)


METRICS: dict[str, Callable[[Sequence[Any], Sequence[Any]], float]] = {
    "accuracy": label_accuracy,
    "macro_f1": macro_f1,
    "words_accuracy": words_accuracy,
    "entity_f1": entity_f1,
    "token_f1": token_f1,
    "exact": exact,
    "answer_f1": answer_f1,
    "bleu": bleu,
    "chrf": chrf,
    "rougeL": rouge,
}
"""Scores by name; each takes what is right and what was predicted."""


def right_answers(items: Sequence[Any]) -> list[Any]:
    """Return what the items say is right, in the form in which ``answer`` gives predictions.

    Raises:
        TypeError: If items are no list, or one of them is no item.
    """
    check_lists(items=items)
    fields = ("label", "labels", "target", "answer")
    for place, item in enumerate(items):
        if not any(hasattr(item, name) for name in fields):
            raise TypeError(f"items[{place}] must be an item of a task, got {item!r:.60}")
    name = next((name for name in fields if items and hasattr(items[0], name)), "")
    return [getattr(item, name) for item in items]
