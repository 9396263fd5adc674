"""What a decoder reads before it answers questions: text that gives no fact away but by lookup."""

import json
import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import pretraining_pays
import torch

from course_lib.objectives import IGNORE

KNOWN = {*pretraining_pays.PERSONS, *pretraining_pays.THINGS}


def test_a_list_begins_again() -> None:
    for text in pretraining_pays.lists(100, Random(0)):
        words = text.split()
        size = len(set(words))
        assert len(words) == pretraining_pays.LENGTH and 8 <= size <= 16 and set(words) <= KNOWN
        assert len(set(words[:size])) == size
        again = words[size:]
        assert again[size:] == again[: len(again) - size]
        turn = words.index(again[0])
        assert again[:size] == [*words[turn:size], *words[:turn]][: len(again)]


def test_a_note_tells_one_thing_of_each_person_again_and_again() -> None:
    n_persons = set()
    for text in pretraining_pays.notes(100, Random(0)):
        words = text.split()
        told = list(zip(words[::3], words[1::3], strict=True))
        assert set(words[2::3]) == {"."}
        assert len(told) == pretraining_pays.LENGTH // 3
        has = dict(told)
        assert all(has[who] == what for who, what in told)
        assert set(has) <= set(pretraining_pays.PERSONS)
        assert set(has.values()) <= set(pretraining_pays.THINGS)
        n_persons.add(len(has))
    assert n_persons == {1, 2, 3, 4}


def test_only_words_that_stood_before_are_asked() -> None:
    row = torch.tensor([[3, 7, 8, 7, 9, 7, 8, IGNORE]])
    example = pretraining_pays.known_next_tokens(row, torch.Generator())
    assert example.targets.tolist() == [[IGNORE, IGNORE, 7, IGNORE, 7, 8, IGNORE]]


def test_no_text_to_pre_train_on_holds_a_question_or_a_fact() -> None:
    tokenizer = pretraining_pays.FEW_WORDS
    read = set(pretraining_pays.rows(pretraining_pays.DECODER, 0)[:, 1:-1].flatten().tolist())
    asked = {tokenizer.special_id("[UNK]"), *tokenizer.encode("likes like what does ? so")}
    assert len(asked) == 7 and not read & asked


def test_the_answer_is_found_as_page_17_says() -> None:
    stored = json.loads(pretraining_pays.RESULT.read_text(encoding="utf-8"))
    (row,) = (row for row in stored["results"] if row["task"] == "answering")
    assert row["verdict"] == row["verdict_against_the_guess"] == "better"
    assert min(*row["pretrained"], row["twice_the_pretraining"]) > 0.9
    assert max(*row["scratch"], *row["guess"], *row["without_the_text"]) < 0.5
