import itertools

import pytest
import torch

from course_lib.objectives import IGNORE
from course_lib.prompting.named_tasks import (
    ARROW,
    BLANK,
    COLON,
    DIRECTIONS,
    TASKS,
    VOCABULARY,
    answer_example,
    at_once_and_in_steps,
    decode_turns,
    draw_turns,
    draw_walks,
    encode_turns,
    follow,
    said_and_shown,
    turn,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("task", "turned"),
    [
        ("same", "N NE E SE S SW W NW"),
        ("right", "NE E SE S SW W NW N"),
        ("left", "NW N NE E SE S SW W"),
        ("back", "S SW W NW N NE E SE"),
        ("mirror", "N NW W SW S SE E NE"),
        ("quarter", "E SE S SW W NW N NE"),
    ],
)
def test_turns_by_hand(task: str, turned: str) -> None:
    assert decode_turns(turn(task, torch.arange(8))) == turned


def test_no_two_tasks_are_the_same_and_a_few_examples_tell_them_apart() -> None:
    tables = {task: tuple(turn(task, torch.arange(8)).tolist()) for task in (*TASKS, "quarter")}
    for one, other in itertools.combinations(tables.values(), 2):
        assert sum(a == b for a, b in zip(one, other, strict=True)) <= 2


def test_a_task_is_said_where_the_way_says() -> None:
    rows = {
        way: draw_turns(1, 2, way, tasks=("left",), generator=seeded()).tokens[0]
        for way in ("before", "behind", "never")
    }
    before, behind, never = (decode_turns(row).split() for row in rows.values())
    assert before[0] == "left" and before[2] == before[6] == "->"
    assert behind[0] == "*" and behind[2] == behind[6] == "left"
    assert "left" not in never
    assert before[1:2] == behind[1:2] == never[1:2]  # the same draws
    assert [encode_turns(decode_turns(row)) for row in rows.values()] == [
        row.tolist() for row in rows.values()
    ]
    unnamed = draw_turns(4, 2, "behind", tasks=("quarter",), generator=seeded()).tokens
    assert (unnamed[:, 0] == BLANK).all() and (unnamed[:, 2::4] == ARROW).all()


def test_answers_are_those_of_the_task() -> None:
    rows = draw_turns(64, 3, "never", generator=seeded())
    asked, answers = rows.tokens[:, 1::4], rows.tokens[:, 3::4]
    for i, task in enumerate(TASKS):
        chosen = rows.task == i
        assert chosen.any()
        assert torch.equal(turn(task, asked[chosen]), answers[chosen])


def test_the_loss_counts_answers_and_steps_only() -> None:
    tokens = draw_turns(2, 2, "before", generator=seeded()).tokens
    example = answer_example(tokens)
    assert example.targets[0].tolist() == [
        IGNORE,
        IGNORE,
        tokens[0, 3],
        IGNORE,
        IGNORE,
        IGNORE,
        tokens[0, 7],
        IGNORE,
    ]
    mixed = next(said_and_shown(8, 2, generator=seeded()))
    assert (mixed.inputs[:2, 0] < BLANK).all() and (mixed.inputs[2:, 0] == BLANK).all()
    walks = next(at_once_and_in_steps(4, 3, generator=seeded()))
    assert (walks.inputs[:2, 4] == ARROW).all() and (walks.inputs[2:, 4] == COLON).all()
    assert (walks.targets != IGNORE).sum(1).tolist() == [1, 1, 4, 4]
    for inputs, targets in zip(walks.inputs, walks.targets, strict=True):
        way = follow(inputs[:1], inputs[None, 1:4] - len(DIRECTIONS))[0]
        wanted = way[-1:] if inputs[4] == ARROW else way
        assert targets[4 : 4 + len(wanted)].tolist() == wanted.tolist()


def test_a_walk_makes_its_turns_in_order() -> None:
    row = decode_turns(draw_walks(1, 3, generator=seeded())[0]).split()
    at = torch.tensor(encode_turns(row[0]))
    for name, then in zip(row[1:4], row[5:], strict=True):
        at = turn(name, at)
        assert decode_turns(at) == then
    assert row[4] == row[0]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"way must be one of .*, got 'after'"):
        draw_turns(1, 1, "after", generator=seeded())
    with pytest.raises(ValueError, match="tasks must name at least one of .*, got none"):
        draw_turns(1, 1, "never", tasks=(), generator=seeded())
    with pytest.raises(ValueError, match="n_pairs must be at least 1, got 0"):
        draw_turns(1, 0, "never", generator=seeded())
    with pytest.raises(ValueError, match="n_turns must be at least 1, got 0"):
        draw_walks(1, 0, generator=seeded())
    with pytest.raises(ValueError, match=r"task must be one of .*, got 'up'"):
        turn("up", torch.arange(8))
    with pytest.raises(ValueError, match="text has 'Q', wants parts out of"):
        encode_turns("N Q")
    with pytest.raises(ValueError, match="multiple of 4, got 6"):
        next(said_and_shown(6, 1, generator=seeded()))
    with pytest.raises(ValueError, match="positive even number, got 3"):
        next(at_once_and_in_steps(3, 1, generator=seeded()))
    assert len(VOCABULARY) == len(set(VOCABULARY))
