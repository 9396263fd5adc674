"""Wrong arguments at the doors of this folder; see `tests.doors`."""

from dataclasses import replace
from typing import Any

import pytest

from course_lib import Transformer
from course_lib.ablate import ablate, judge
from course_lib.tasks import items, labels, metrics
from course_lib.tasks.examples import Encoder, Examples, encode_items
from course_lib.tasks.fine_tune import answer, fine_tune, task_model
from course_lib.tasks.heads import TaskModel, make_head
from course_lib.tasks.made import MADE
from course_lib.tokenizers import ByteLevelBPE
from tests.doors import CONFIG, Door, draws, fault, trials

pytestmark = pytest.mark.usefixtures("as_installed")
DOORS: dict[str, Door] = {
    **{
        name: (
            getattr(metrics, name),
            lambda: {"true": ["a", "b"], "predicted": ["a", "c"]},
            {"true": "several", "predicted": "several"},
        )
        for name in ("exact", "answer_f1", "bleu", "chrf", "rouge", "label_accuracy", "macro_f1")
    },
    **{
        score.__name__: (
            score,
            lambda: {"true": [["O"]], "predicted": [["B-a"]]},
            {"true": "lists", "predicted": "lists"},
        )
        for score in (labels.entity_f1, labels.token_f1, metrics.words_accuracy)
    },
    "confusion": (
        metrics.confusion,
        lambda: {"true": ["a", "b"], "predicted": ["a", "a"], "labels": ["a", "b"]},
        {"true": "several", "predicted": "several", "labels": "several"},
    ),
    "right_answers": (
        metrics.right_answers, lambda: {"items": [items.LabelledText("a", "b")]},
        {"items": "several"},
    ),
    "LabelledText": (
        items.LabelledText, lambda: {"text": "a", "label": "b"}, {"text": "text", "label": "text"}
    ),
    **{
        kind.__name__: (
            kind, lambda: {"source": "a", "target": "b"}, {"source": "text", "target": "text"}
        )
        for kind in (items.TextPair, items.Continuation)
    },
    "TaggedWords": (
        items.TaggedWords,
        lambda: {"words": ("a",), "labels": ("O",)},
        {"words": "texts", "labels": "texts"},
    ),
    "Question": (
        items.Question,
        lambda: {"context": "ab", "question": "c", "answer": "b", "start": 1},
        {"context": "text", "question": "text", "answer": "text", "start": "whole"},
    ),
    "make_head": (
        make_head,
        lambda: {"config": CONFIG, "kind": "tokens", "n_labels": 3, "generator": draws()},
        {"config": "object", "kind": "text", "n_labels": "whole", "generator": "generator"},
    ),
    **{
        name: (task.items, lambda: {"n": 2, "generator": draws()},
               {"n": "whole", "generator": "generator"})
        for name, task in MADE.items()
    },
    "entities": (labels.entities, lambda: {"labels": ["O"]}, {"labels": "several"}),
    "as_iob2": (labels.as_iob2, lambda: {"labels": ["O"]}, {"labels": "several"}),
    "align_labels": (
        labels.align_labels,
        lambda: {"pieces": [(0, 2)], "words": [(0, 2)], "labels": [1]},
        {"pieces": "several", "words": "several", "labels": "several"},
    ),
    "judge": (
        judge,
        lambda: {
            "without": [1.0, 2.0], "with_change": [1.0, 3.0], "seeds": [0, 1], "confidence": 0.5
        },
        {
            "without": "several", "with_change": "several", "seeds": "several?",
            "confidence": "share",
        },
    ),
    "ablate": (
        ablate,
        lambda: {
            "run": lambda seed, a: float(seed + a), "base": {"a": 1}, "change": {"a": 2},
            "seeds": [0, 1], "confidence": 0.5,
        },
        {
            "run": "function", "base": "mapping", "change": "mapping", "seeds": "several",
            "confidence": "share",
        },
    ),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)


BPE = ByteLevelBPE.train(["a b"], 257, special_tokens=["</s>"])
SMALL = replace(CONFIG, vocab_size=257)
ENCODER = Encoder.of(BPE, SMALL)
TEXTS = [items.LabelledText("a", "x"), items.LabelledText("b", "y")]
ROWS_OF_TEXTS = encode_items(TEXTS, ENCODER, ["x", "y"])


def tuned() -> TaskModel:
    made = task_model(Transformer(SMALL, generator=draws()), TEXTS, ["x", "y"], draws())
    assert isinstance(made, TaskModel)
    return made


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": []}, {"labels": ["x"]}, {"labels": ["x", "y", "z"]}, {"labels": "xy"},
        {"encoder": None}, {"items": [TEXTS[0], items.TaggedWords(("a",), ("O",))]},
        {"items": "ab"}, {"batch_size": 2.0},
    ],
)  # fmt: skip
def test_a_question_that_has_no_right_answer_is_refused(wrong: dict[str, Any]) -> None:
    right = {"items": TEXTS, "encoder": ENCODER, "labels": ["x", "y"]}
    (name,) = wrong
    assert fault(lambda: answer(tuned(), **{**right, **wrong}), name) == ""
    assert len(answer(tuned(), **right)) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"run": {"lr": 5}}, {"run": ["a"]}, {"seed": 2**64}, {"seed": -1}, {"resume": "no"},
        {"progress": "no"}, {"evaluate_every": 1, "held_out": None},
        {"held_out": Examples([], ROWS_OF_TEXTS.pad_id, [])},
        {"held_out": Examples(ROWS_OF_TEXTS.rows, ROWS_OF_TEXTS.pad_id + 1, [0, 1])},
        {"held_out": Examples([{"inputs": [1], "targets": [1], "source": [1]}],
                              ROWS_OF_TEXTS.pad_id, [0])},
    ],
)  # fmt: skip
def test_a_run_that_would_go_otherwise_than_asked_is_refused(wrong: dict[str, Any]) -> None:
    right = {"steps": 1, "batch_size": 2, "progress": False, "held_out": ROWS_OF_TEXTS}
    name = next(iter(wrong))
    said = fault(lambda: fine_tune(tuned(), ROWS_OF_TEXTS, **{**right, **wrong}), name)
    assert said == ""


def test_a_head_is_put_on_a_model_with_a_generator() -> None:
    for name, wrong in (("generator", None), ("generator", 3), ("model", "gpt2")):
        given = {"model": Transformer(SMALL, generator=draws()), "generator": draws(), name: wrong}
        call = lambda given=given: task_model(items=TEXTS, labels=["x", "y"], **given)  # noqa: E731
        assert fault(call, name) == ""
    with pytest.raises(TypeError, match="model must be a Transformer"):
        TaskModel(None, make_head(CONFIG, "tokens", 2, generator=draws()))  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [labels.entities, labels.as_iob2])
def test_labels_of_entities_are_texts(call: Any) -> None:
    with pytest.raises(TypeError, match=r"labels\[1\] must be a text, got 3"):
        call(["O", 3])


def test_a_label_of_a_piece_is_a_whole_number() -> None:
    for wrong in (1.5, "x", None):
        with pytest.raises(TypeError, match=r"labels\[0\] must be a whole number"):
            labels.align_labels([(0, 2)], [(0, 2)], [wrong])  # type: ignore[list-item]


@pytest.mark.parametrize("name", ["exact", "answer_f1", "bleu", "chrf", "rouge"])
def test_scores_of_texts_name_what_is_none(name: str) -> None:
    with pytest.raises(TypeError, match=r"predicted\[1\] must be a text, got None"):
        getattr(metrics, name)(["a", "b"], ["a", None])


def test_a_table_of_labels_has_each_once() -> None:
    with pytest.raises(ValueError, match="labels must differ"):
        metrics.confusion(["a"], ["b"], ["a", "a", "b"])
