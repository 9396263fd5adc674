"""Scores by hand, and what they say where a library is missing."""

import builtins
import sys

import pytest

from course_lib.tasks import METRICS, entity_f1, token_f1
from course_lib.tasks.metrics import answer_f1, confusion, exact, label_accuracy, macro_f1, rouge

RIGHT, SAID = ["a", "a", "a", "b"], ["a", "a", "b", "b"]


def test_labels() -> None:
    assert label_accuracy(RIGHT, SAID) == 0.75
    assert macro_f1(RIGHT, SAID) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert confusion(RIGHT, SAID, ["b", "a"]) == [[1, 0], [1, 2]]
    assert METRICS["words_accuracy"]([["a", "b"], ["c"]], [["a", "b"], ["d"]]) == pytest.approx(
        2 / 3
    )


def test_a_rare_label_weighs_as_much_as_a_common_one() -> None:
    right, said = ["a"] * 9 + ["b"], ["a"] * 10
    assert label_accuracy(right, said) == 0.9
    assert macro_f1(right, said) == pytest.approx(18 / 19 / 2)


def test_half_an_entity_counts_for_words_and_not_for_entities() -> None:
    right = [["B-PER", "I-PER", "O", "B-LOC"]]
    said = [["B-PER", "O", "O", "B-LOC"]]
    assert token_f1(right, said) == pytest.approx(4 / 5)
    assert entity_f1(right, said) == pytest.approx(1 / 2)


def test_texts() -> None:
    assert exact(["le  chien", "x"], [" le chien", "y"]) == 0.5
    assert answer_f1(["the red dog"], ["red dog"]) == pytest.approx(4 / 5)
    assert answer_f1(["a", "b"], ["a", ""]) == 0.5
    assert METRICS["bleu"](["a b c d e"], ["a b c d e"]) == pytest.approx(100)
    assert METRICS["bleu"](["a b c d e"], ["v w x y z"]) < 10
    assert 0 < METRICS["chrf"](["kingko"], ["kingti"]) < 100
    assert rouge(["a b c d"], ["a c"]) == pytest.approx(2 / 3)
    assert rouge(["a b c d"], ["c a"]) == pytest.approx(1 / 3)
    assert rouge(["a b c d"], ["c a"], "rouge1") == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", [n for n in METRICS if not n.endswith("_f1") or n[0] in "ma"])
def test_nothing_to_score_is_refused(name: str) -> None:
    for right, said in (([], []), (["a"], []), (["a"], ["a", "b"])):
        with pytest.raises(ValueError, match="true and predicted must"):
            METRICS[name](right, said)


def test_other_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels \['a'\] lack \['b'\]"):
        confusion(RIGHT, SAID, ["a"])
    with pytest.raises(ValueError, match="kind must be rouge1, rouge2 or rougeL, got 'rouge9'"):
        rouge(["a"], ["a"], "rouge9")


@pytest.mark.parametrize(
    ("name", "library"),
    [("accuracy", "sklearn"), ("macro_f1", "sklearn"), ("bleu", "sacrebleu"),
     ("chrf", "sacrebleu"), ("rougeL", "rouge_score")],
)  # fmt: skip
def test_a_missing_library_is_named(name: str, library: str, monkeypatch) -> None:
    real = builtins.__import__

    def refuse(wanted: str, *args, **options):
        if wanted.split(".")[0] == library:
            raise ModuleNotFoundError(f"No module named {wanted!r}", name=wanted)
        return real(wanted, *args, **options)

    for loaded in [m for m in sys.modules if m.split(".")[0] == library]:
        monkeypatch.setitem(sys.modules, loaded, None)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ModuleNotFoundError, match=r"this score needs .*course-lib\[metrics\]"):
        METRICS[name](["a"], ["a"])
