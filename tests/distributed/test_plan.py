import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.distributed.checkpoint.rectangles import rectangles
from course_lib.distributed.zero.plan import ParameterInfo, ShardPlan

shapes = st.lists(st.integers(0, 6), min_size=0, max_size=4).map(tuple)


def info(name, shape, *, aliases=(), dtype="float32", trainable=True):
    return ParameterInfo(shape, dtype, trainable, (name, *aliases))


@settings(deadline=None)  # a loaded machine
@given(st.lists(shapes, min_size=1, max_size=8), st.integers(1, 9), st.sampled_from([1, 4, 16]))
def test_shards_partition_every_parameter(sizes, world_size, alignment):
    parameters = {f"b.{i}.w": info(f"b.{i}.w", s) for i, s in enumerate(sizes)}
    plan = ShardPlan.build(parameters, ["b.0"], world_size, alignment)
    for name, parameter in parameters.items():
        ranges = [plan.rank_slices(name, rank) for rank in range(world_size)]
        owned = [i for start, stop in ranges for i in range(start, stop)]
        assert owned == list(range(math.prod(parameter.shape)))
    for flat in plan.flats:
        assert 0 <= flat.padded - flat.span < world_size * alignment
        assert flat.padded - flat.numel == sum(stop - start for start, stop in flat.gaps)
        assert sum(flat.owned(rank) for rank in range(world_size)) == flat.numel
        assert all(slot.offset % alignment == 0 for slot in flat.slots)


def test_cuts_lie_at_multiples_of_a_vector():
    plan = ShardPlan.build({"v": info("v", (7,)), "w": info("w", (50, 3))}, [], 4)
    for rank in range(4):
        for slot, start, stop in plan.flats[0].rank_slices(rank):
            assert start % 16 == 0
            assert stop % 16 == 0 or stop == slot.numel


@settings(deadline=None)  # a loaded machine
@given(shapes, st.data())
def test_rectangles_tile_the_range(shape, data):
    total = math.prod(shape)
    start = data.draw(st.integers(0, total))
    stop = data.draw(st.integers(start, total))
    boxes = rectangles(shape, start, stop)
    covered = []
    for offsets, sizes in boxes:
        points = [()]
        for offset, size in zip(offsets, sizes, strict=True):
            points = [(*p, i) for p in points for i in range(offset, offset + size)]
        for point in points:
            index = 0
            for dim, i in zip(shape, point, strict=True):
                index = index * dim + i
            covered.append(index)
    assert covered == list(range(start, stop))
    assert len(boxes) <= max(1, 2 * len(shape) - 1)


def test_the_last_remainder_is_owned():
    # 10 elements on 4 ranks: shards of 3, the last rank has the one that is left
    plan = ShardPlan.build({"w": info("w", (10,))}, [], 4, alignment=1)
    assert [plan.rank_slices("w", r) for r in range(4)] == [(0, 3), (3, 6), (6, 9), (9, 10)]


def test_more_ranks_than_elements_leaves_empty_shards():
    plan = ShardPlan.build({"w": info("w", (2,))}, [], 4, alignment=1)
    assert [plan.rank_slices("w", r) for r in range(4)] == [(0, 1), (1, 2), (0, 0), (0, 0)]


def test_tied_parameters_belong_to_the_root():
    parameters = {
        "blocks.0.w": info("blocks.0.w", (4,), aliases=("head.w",)),
        "blocks.0.v": info("blocks.0.v", (4,)),
    }
    plan = ShardPlan.build(parameters, ["blocks.0"], 2)
    assert [(f.unit, [s.name for s in f.slots]) for f in plan.flats] == [
        ("blocks.0", ["blocks.0.v"]),
        ("", ["blocks.0.w"]),
    ]


def test_frozen_and_other_types_get_flats_of_their_own():
    parameters = {
        "a": info("a", (4,)),
        "b": info("b", (4,), trainable=False),
        "c": info("c", (4,), dtype="bfloat16"),
    }
    plan = ShardPlan.build(parameters, [], 2)
    assert [(f.dtype, f.trainable) for f in plan.flats] == [
        ("float32", True),
        ("float32", False),
        ("bfloat16", True),
    ]


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (["b.0", "b.0"], "listed 2 times"),
        (["b", "b.0"], "would be in two units"),
        (["c"], "holds no parameter"),
    ],
)
def test_bad_units_are_refused(units, message):
    with pytest.raises(ValueError, match=message):
        ShardPlan.build({"b.0.w": info("b.0.w", (3,))}, units, 2)


def test_digest_sees_every_difference():
    base = {"w": info("w", (4, 4))}
    plans = [
        ShardPlan.build(base, [], 2),
        ShardPlan.build(base, [], 3),
        ShardPlan.build({"w": info("w", (16,))}, [], 2),
        ShardPlan.build({"v": info("v", (4, 4))}, [], 2),
        ShardPlan.build({"w": info("w", (4, 4), trainable=False)}, [], 2),
    ]
    assert len({plan.digest() for plan in plans}) == len(plans)


def test_unknown_name_and_range_are_refused():
    plan = ShardPlan.build({"w": info("w", (4,))}, [], 2)
    with pytest.raises(ValueError, match="no parameter 'v'"):
        plan.rank_slices("v", 0)
    with pytest.raises(ValueError, match="does not lie"):
        rectangles((2, 2), 3, 5)
    with pytest.raises(ValueError, match="world_size"):
        ShardPlan.build({"w": info("w", (4,))}, [], 0)
