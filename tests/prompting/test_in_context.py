import itertools

import pytest
import torch

from course_lib.exercises.chapters.ch10_prompts.predictions import best_accuracy
from course_lib.objectives import IGNORE
from course_lib.prompting import (
    LabelTask,
    bayes_accuracy,
    bayes_probabilities,
    easy_then_pure,
    label_example,
)

TASK = LabelTask()
SMALL = LabelTask(classes=(("a", "b"), ("c", "d"), ("e", "f")), labels=("x", "y", "z"))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def maps(task: LabelTask, tokens: torch.Tensor) -> list[dict[int, set[int]]]:
    """Labels seen with each class, row by row."""
    size = len(task.classes[0])
    rows = []
    for row in tokens.tolist():
        seen: dict[int, set[int]] = {}
        for word, label in zip(row[::2], row[1::2], strict=True):
            assert 0 <= word < task.first_label <= label < task.vocab_size
            seen.setdefault(word // size, set()).add(label)
        rows.append(seen)
    return rows


def test_words_of_a_class_share_a_label_and_no_two_classes_do() -> None:
    rows = maps(TASK, TASK.draw(300, 12, generator=seeded()))
    for seen in rows:
        assert all(len(labels) == 1 for labels in seen.values())
        assert len(set.union(*seen.values())) == len(seen)
    given = {(c, min(labels)) for seen in rows for c, labels in seen.items()}
    assert len(given) == 16, "every class gets every label in some row"


def test_labels_cannot_be_known_without_examples() -> None:
    tokens = TASK.draw(8000, 1, generator=seeded())
    counts = torch.zeros(16, 4)
    for word, label in tokens.tolist():
        counts[word, label - TASK.first_label] += 1
    assert (counts / counts.sum(1, keepdim=True) - 0.25).abs().max() < 0.1  # 5 spreads


def test_easy_rows_have_fewer_classes_and_shared_labels() -> None:
    rows = maps(TASK, TASK.draw(400, 12, generator=seeded(), easy=True))
    assert {len(seen) for seen in rows} == {1, 2, 3, 4}
    assert all(len(labels) == 1 for seen in rows for labels in seen.values())
    assert any(len(set.union(*seen.values())) < len(seen) for seen in rows)


def test_drawing_can_be_repeated() -> None:
    one, two = (TASK.draw(5, 6, generator=seeded(3), easy=True) for _ in range(2))
    assert torch.equal(one, two)


def test_the_loss_asks_for_labels_only() -> None:
    tokens = TASK.draw(4, 5, generator=seeded())
    example = label_example(tokens)
    assert torch.equal(example.inputs, tokens[:, :-1])
    assert torch.equal(example.targets[:, ::2], tokens[:, 1::2])
    assert bool((example.targets[:, 1::2] == IGNORE).all())


def test_batches_turn_from_easy_to_pure_at_the_share() -> None:
    made = [e.inputs for e in easy_then_pure(TASK, 64, 12, steps=10, generator=seeded())]
    assert len(made) == 10

    def pure(inputs: torch.Tensor) -> bool:
        rows = maps(TASK, inputs[:, :-1])
        return all(len(set.union(*seen.values())) == len(seen) for seen in rows)

    assert [pure(inputs) for inputs in made] == [False] * 4 + [True] * 6


def by_listing(task: LabelTask, words: list[int], labels: list[int], query: int) -> list[float]:
    """Posterior over labels by listing every map of classes to labels."""
    size, n = len(task.classes[0]), len(task.classes)
    fits = [
        one
        for one in itertools.permutations(range(n))
        if all(one[w // size] == k - task.first_label for w, k in zip(words, labels, strict=True))
    ]
    return [sum(one[query // size] == k for one in fits) / len(fits) for k in range(n)]


@pytest.mark.parametrize("task", [TASK, SMALL])
def test_bayes_equals_listing_every_label_map(task: LabelTask) -> None:
    tokens = task.draw(20, 6, generator=seeded(5))
    found = bayes_probabilities(task, tokens)
    for row, chances in zip(tokens.tolist(), found, strict=True):
        words, labels = row[::2], row[1::2]
        wanted = [by_listing(task, words[:i], labels[:i], words[i]) for i in range(6)]
        torch.testing.assert_close(chances, torch.tensor(wanted))


@pytest.mark.parametrize("task", [TASK, SMALL])
def test_bayes_accuracy_is_what_the_bayes_answer_scores(task: LabelTask) -> None:
    tokens = task.draw(20_000, 9, generator=seeded(6))
    chances = bayes_probabilities(task, tokens)
    answers = chances.argmax(-1) + task.first_label
    scored = (answers == tokens[:, 1::2]).float().mean(0)
    expected = [bayes_accuracy(k, len(task.classes)) for k in range(9)]
    assert (scored - torch.tensor(expected)).abs().max() < 5 * 0.5 / 20_000**0.5
    # The mean confidence of a calibrated answer is its accuracy.
    assert (chances.amax(-1).mean(0) - torch.tensor(expected)).abs().max() < 0.02


def test_bayes_accuracy_by_hand() -> None:
    assert bayes_accuracy(0) == 0.25
    assert bayes_accuracy(1) == pytest.approx(1 / 4 + 3 / 4 * 1 / 3)
    assert bayes_accuracy(1, 2) == 1
    assert [bayes_accuracy(k) < bayes_accuracy(k + 1) for k in range(9)] == [True] * 9


def test_the_exercise_finds_the_same_accuracy_by_listing_prompts() -> None:
    for k in (0, 1, 2, 4):
        assert best_accuracy(k) / 100 == pytest.approx(bayes_accuracy(k))


def test_bayes_sees_the_past_only() -> None:
    tokens = TASK.draw(50, 8, generator=seeded(7))
    whole = bayes_probabilities(TASK, tokens)
    torch.testing.assert_close(bayes_probabilities(TASK, tokens[:, :8]), whole[:, :4])
    known = (whole[:, 1:].amax(-1) == 1).float().mean()
    assert 0.5 < known < 1  # a predictor that saw its own label would always be sure


def test_text_and_ids() -> None:
    ids = TASK.encode("dog dax river  fep\ncat")
    assert TASK.decode(ids) == "dog dax river fep cat"
    assert TASK.decode(torch.tensor(ids)) == "dog dax river fep cat"
    with pytest.raises(ValueError, match="text has 'horse', wants words out of"):
        TASK.encode("dog horse")


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="two or more of one size, got 2 of sizes"):
        LabelTask(classes=(("a", "b"), ("c",)), labels=("x", "y"))
    with pytest.raises(ValueError, match="as many as the 2 classes, got 1"):
        LabelTask(classes=(("a",), ("c",)), labels=("x",))
    with pytest.raises(ValueError, match=r"got \['a'\] twice"):
        LabelTask(classes=(("a",), ("c",)), labels=("a", "y"))
    with pytest.raises(ValueError, match="n_pairs must be at least 1, got 0"):
        TASK.draw(1, 0, generator=seeded())
    with pytest.raises(ValueError, match="easy_share must be from 0 to 1, got 2.0"):
        next(easy_then_pure(TASK, 1, 1, steps=1, easy_share=2.0, generator=seeded()))
    with pytest.raises(ValueError, match="must alternate words and labels"):
        bayes_probabilities(TASK, torch.tensor([[16, 0]]))
    with pytest.raises(ValueError, match="one label and each label one class"):
        bayes_probabilities(TASK, torch.tensor([[0, 16, 1, 17]]))
    with pytest.raises(ValueError, match="got -1 and 4"):
        bayes_accuracy(-1)
