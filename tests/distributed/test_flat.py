"""One flat alone: which elements a rank updates, how gradients add up, when memory may go."""

import pytest
import torch
from torch import nn

from course_lib.distributed.comm.collectives import Comm, Pending
from course_lib.distributed.zero.flat import Flat, Residence
from course_lib.distributed.zero.parameters import set_gradient
from course_lib.distributed.zero.plan import ParameterInfo, ShardPlan


class Alone(Comm):
    """One of several ranks, of which only this one is there: what it gathers it must wait for."""

    def __init__(self, rank=0, world_size=1):
        super().__init__()
        self.rank, self.world_size = rank, world_size
        self.under_way = []

    def all_gather(self, out, shard, *, label=""):
        self.under_way.append(label)

        def finish():
            assert out.untyped_storage().nbytes(), "the memory that is written to is gone"
            self.under_way.remove(label)

        return Pending(finish)


def flat_of(comm, stage):
    """A flat of three parameters of 35, 100 and 1 elements, which are its elements' numbers."""
    shapes = {"a": (5, 7), "b": (100,), "c": ()}
    infos = {name: ParameterInfo(shape, "float32", True, (name,)) for name, shape in shapes.items()}
    (plan,) = ShardPlan.build(infos, [], comm.world_size).flats
    values = torch.arange(136.0).split([35, 100, 1])
    parameters = [
        nn.Parameter(v.reshape(shape)) for v, shape in zip(values, shapes.values(), strict=True)
    ]
    return Flat(plan, parameters, comm, stage, None, None, broadcast=False), values


@pytest.mark.parametrize("stage", [0, 1, 3])
def test_pieces_say_where_the_optimizer_finds_each_element(stage):
    seen = []
    for rank in range(3):
        flat, values = flat_of(Alone(rank, 3), stage)
        for index, start, stop, position in flat.pieces():
            piece = flat.master[position : position + stop - start]
            assert torch.equal(piece, values[index][start:stop])
            seen += piece.tolist()
    assert seen == [*range(136)] * (3 if stage == 0 else 1)


def test_gradients_of_two_backward_passes_are_added():
    flat, values = flat_of(Alone(), 1)
    for factor in (1, 10):
        for index, value in enumerate(values[:2]):
            parameter = flat.parameters[index]
            set_gradient(parameter, factor * value.reshape(parameter.shape))
            flat.take(index, keep=True)
    flat.reduced_by(flat.reduce())
    for slot, value, factor in zip(flat.plan.slots, values, (11, 11, 0), strict=True):
        assert torch.equal(flat.grad[slot.offset : slot.offset + slot.numel], factor * value)


def test_a_parameter_that_the_second_pass_leaves_out_keeps_the_gradient_of_the_first():
    """Two reductions without a step between them: both sums count, what lies there counts once."""
    flat, values = flat_of(Alone(), 1)
    for factor, used in ((1, 3), (10, 2)):
        for index, value in enumerate(values[:used]):
            parameter = flat.parameters[index]
            set_gradient(parameter, factor * value.reshape(parameter.shape))
            flat.take(index, keep=False)
        flat.reduced_by(flat.reduce())
    for slot, value, factor in zip(flat.plan.slots, values, (11, 11, 1), strict=True):
        assert torch.equal(flat.grad[slot.offset : slot.offset + slot.numel], factor * value)


def test_memory_is_not_given_back_while_something_is_written_to_it():
    comm = Alone(0, 2)
    flat, _ = flat_of(comm, 3)
    flat.gather()
    assert flat.state is Residence.GATHERING and comm.under_way == ["root"]
    flat.release()
    assert flat.state is Residence.SHARDED and not comm.under_way
    assert flat.full.untyped_storage().nbytes() == 0
