"""The steppers of beam search and of speculative decoding: both hosts alike, and by keyboard."""

from itertools import product
from typing import Any

import pytest
import torch
from playwright.sync_api import expect

from course_lib.widgets import BeamStepper, DraftStepper
from course_lib.widgets.beam_stepper import (
    TREE,
    beam_steps,
    best_text,
    describe_beams,
    describe_search,
)
from course_lib.widgets.draft_stepper import (
    DRAFT,
    MODEL,
    ROUNDS,
    describe_check,
    describe_kept,
    first_words,
    kept_share,
    rest_of,
    round_with_seed,
)
from tests.widgets.conftest import texts

BEAM, ROUND = BeamStepper().payload, DraftStepper().payload


def test_beams_are_those_of_a_search_by_hand(kit: Any) -> None:
    greedy = [step[0]["text"] for step in beam_steps(BEAM, 1)]
    assert greedy == ["the", "the old", "the old man"]
    assert beam_steps(BEAM, 2)[-1][0]["text"] == "a man came" == best_text(BEAM)[0]
    chances = {
        " ".join(words): TREE[""][words[0]] * TREE[words[0]][words[1]] * row[words[2]]
        for start, row in TREE.items()
        for words in ([*start.split(), last] for last in row)
        if len(words) == 3
    }
    assert best_text(BEAM)[1] == pytest.approx(max(chances.values()))
    assert sum(chances.values()) == pytest.approx(1)
    for n in (1, 2, 3):
        steps = beam_steps(BEAM, n)
        assert kit("kit/math/beams.js", "beamSteps", BEAM, n) == steps
        for step in range(len(steps) + 1):
            said = kit("beam_stepper.js", "describeBeams", BEAM, n, step)
            assert said == describe_beams(BEAM, n, step)
    assert kit("beam_stepper.js", "describeSearch", BEAM) == describe_search(BEAM)
    assert "1 beam: the old man 0.110; 2 beams: a man came 0.288" in describe_search(BEAM)


def test_predict_and_follow_a_search_by_keyboard(show: Any) -> None:
    page = show(BeamStepper())
    live = page.locator(".cw-live")
    page.get_by_label("With 1 beam", exact=True).select_option("the old man")
    page.get_by_label("With 2 beams").select_option("the keys are")
    page.get_by_role("button", name="Commit").press("Enter")
    expect(live.locator("p.cw-panel").first).to_have_text(
        "1 beam ends with: the old man. You had it. 2 beams end with: a man came. "
        "You said: the keys are."
    )
    page.get_by_label("Beams", exact=True).select_option("2")
    for step in (1, 2, 3):
        page.get_by_role("button", name="Next step").press("Enter")
        expect(live.get_by_role("status")).to_have_text(describe_beams(BEAM, 2, step))
    table = live.get_by_role("group", name="Candidates of this step").locator("tbody tr")
    shown = [texts(row.locator("td:not(.bar)")) for row in table.all()]
    last = beam_steps(BEAM, 2)[-1]
    assert shown == [[f"{x['chance']:.3f}", "kept" if x["kept"] else "dropped"] for x in last]
    expect(page.get_by_role("button", name="Next step")).to_be_disabled()
    back = page.get_by_role("button", name="Step back")
    expect(back).to_be_focused()
    beams = page.get_by_label("Beams", exact=True)
    beams.focus()
    beams.select_option("3")  # a choice at the end keeps the focus where it is
    expect(beams).to_be_focused()
    for _ in range(3):
        back.press("Enter")
    expect(page.get_by_role("button", name="Next step")).to_be_focused()


def test_rounds_write_the_models_words(kit: Any) -> None:
    p, q = torch.tensor(MODEL[0]), torch.tensor(DRAFT[0])
    both = torch.minimum(p, q)
    rest = torch.tensor(rest_of(MODEL[0], DRAFT[0]))
    torch.testing.assert_close(both + (1 - both.sum()) * rest, p)
    assert kept_share(ROUND) == pytest.approx(float(both.sum()))
    assert rest_of([0.5, 0.5], [0.5, 0.5]) == [0.5, 0.5]
    ends = set()
    for seed in range(40):
        steps = round_with_seed(ROUND, seed)
        assert kit("kit/math/draft.js", "roundWithSeed", ROUND, seed) == steps
        ends.add((len(steps), steps[-1]["kept"]))
        for at in range(len(steps) + 1):
            said = kit("draft_stepper.js", "describeCheck", ROUND, steps, at)
            assert said == describe_check(ROUND, steps, at)
    assert ends == {*product((1, 2, 3), [False]), (4, None)}
    counts = first_words(ROUND, 3)
    assert kit("kit/math/draft.js", "firstWords", ROUND, 3, ROUNDS) == counts
    for count, chance in zip(counts, MODEL[0], strict=True):
        assert abs(count / ROUNDS - chance) < 5 * (chance * (1 - chance) / ROUNDS) ** 0.5
    assert kit("draft_stepper.js", "describeKept", ROUND) == describe_kept(ROUND)


def test_predict_and_check_guesses_by_keyboard(show: Any) -> None:
    page = show(DraftStepper(seed=2))
    live = page.locator(".cw-live")
    page.get_by_label("The first guess is kept with").fill("70 %")
    page.get_by_label("The first guess is kept with").press("Enter")
    expect(live.locator("p.cw-panel").first).to_contain_text(
        f"You predicted 70 %. {describe_kept(ROUND)}"
    )
    steps = round_with_seed(ROUND, 2)
    for at in range(1, len(steps) + 1):
        page.get_by_role("button", name="Next step").press("Enter")
        expect(live.get_by_role("status")).to_have_text(describe_check(ROUND, steps, at))
    expect(page.get_by_role("button", name="Next step")).to_be_disabled()
    told = live.get_by_role("group", name="The round so far").locator("tbody tr").last
    assert told.locator("td").last.inner_text() == ROUND["words"][steps[-1]["written"]]
    page.get_by_role("button", name="Another round").press("Enter")
    expect(live.get_by_role("status")).to_have_text(
        describe_check(ROUND, round_with_seed(ROUND, 3), 1)
    )
    page.get_by_role("button", name=f"{ROUNDS} rounds").press("Enter")
    expect(live.get_by_role("status")).to_contain_text(f"In {ROUNDS} rounds the first word was the")


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "tree must start at ''"),
        ({"": {"a": 1}, "b": {"c": 1}}, r"got nothing to \['b'\]"),
        ({"": {"a": 0.5, "b": 0.5}, "a": {"c": 1}}, "of one length"),
        ({"": {str(i): 1 / 17 for i in range(17)}}, "at most 16 texts"),
        ({"": {"a": 0.5, "b": 0.6}}, "add up to 1"),
        ({"": {"a": 1.5, "b": -0.5}}, "add up to 1"),
    ],
)
def test_what_is_no_tree_is_refused(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BeamStepper(tree)
    with pytest.raises(ValueError, match="max_beams must be 2 to 4, got 5"):
        BeamStepper(max_beams=5)


@pytest.mark.parametrize(
    ("model", "draft", "message"),
    [
        ([[1.0]], [[1.0]], "one row more than draft's"),
        ([[0.5, 0.5], [0.5, 0.5]], [[1.0]], "of one length"),
        ([[0.5, 0.4], [0.5, 0.5]], [[0.5, 0.5]], r"model\[0\] must have chances"),
        ([[0.5, 0.5], [0.5, 0.5]], [[1.5, -0.5]], r"draft\[0\] must have chances"),
        ([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5]], "a list of 2 labels"),
    ],
)
def test_what_is_no_draft_is_refused(
    model: list[list[float]], draft: list[list[float]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DraftStepper(model, draft, ("a", "b", "c") if "labels" in message else ("a", "b"))
