"""Bytes: states equal the plan and the paper, the peak a written formula."""

import pytest
import wide

STAGES = [0, 1, 2, 3]


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_state_bytes_are_the_plan_and_the_formula(pools, world_size):
    for bf16 in (False, True):
        for stage in STAGES:
            if world_size == 1:
                results = [wide.state_and_report(stage, bf16)]
            else:
                results = pools(world_size).run(wide.state_and_report, stage, bf16)
            for measured, plan, formula, text in results:
                assert measured == plan, (stage, bf16)
                # the widths divide evenly: the paper's 16 bytes per parameter, exactly
                assert measured == formula, (stage, bf16)
                assert f"stage {stage}, {world_size} ranks" in text


def test_every_stage_holds_less_than_the_one_before(pools):
    totals = [pools(4).run(wide.state_and_report, stage, True)[0][0].total for stage in STAGES]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] / totals[3] == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize("world_size", [2, 4])
def test_peak_is_the_written_formula(pools, world_size):
    for stage in STAGES:
        for measured, formula in pools(world_size).run(wide.peak, stage):
            assert measured == pytest.approx(formula, rel=0.02), stage


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_collectives_of_a_step_are_those_of_the_schedule(pools, world_size):
    """Number, order and sizes, as the plan has them."""
    for stage in STAGES:
        if world_size == 1:
            results = [wide.log(stage)]
        else:
            results = pools(world_size).run(wide.log, stage)
        assert all(result == results[0] for result in results)
        got, flats = results[0]
        size = dict(flats)
        blocks = [name for name, _ in flats if name != "root"]
        order = [*reversed(blocks), "root"]
        gathers = [("all-gather", name, size[name]) for name in [*blocks, "root"]]
        reduces = [("reduce-scatter", name, size[name]) for name in order]
        if stage == 0:
            pairs = [(r, ("all-gather", *r[1:])) for r in reduces]
            assert got == [operation for pair in pairs for operation in pair]
        elif stage < 3:
            assert got == reduces + gathers
        else:
            forward = [gathers[-1], *gathers[:-1]]
            assert got[: len(flats)] == forward
            backward = got[len(flats) :]
            assert [op for op in backward if op[0] == "reduce-scatter"] == reduces
            again = [op for op in backward if op[0] == "all-gather"]
            assert again == [gathers[i] for i in range(len(blocks) - 2, -1, -1)]


def test_frozen_parameters_travel_only_to_be_used(pools):
    """A step sends what the schedule says; in stages 1 and 2 nothing of what no step changes."""
    for stage in STAGES:
        for sent, schedule in pools(2).run(wide.traffic_of_half_frozen, stage):
            assert sent == schedule, stage


def test_levels_follow_what_is_taken_and_given_back():
    assert wide.levels() == {"one": [4096], "two": [12288, 8192], "nothing": []}
