"""Tensor and pipeline parallelism: the gradients of one process, with a part on each rank."""

import pytest
import torch
from torch import nn

from course_lib.distributed.parallel.pipeline import timetable

WIDTH, INNER = 6, 12


def network(bias=True):
    generator = torch.Generator().manual_seed(0)
    layers = nn.Sequential(
        nn.LayerNorm(WIDTH), nn.Linear(WIDTH, INNER, bias), nn.GELU(), nn.Linear(INNER, WIDTH, bias)
    )
    for parameter in layers.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return layers.double()


def inputs():
    return torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def whole(model, x):
    x = x.clone().requires_grad_()
    model(x).square().mean().backward()
    return x.grad, {name: p.grad for name, p in model.named_parameters()}


def cut_by_hand(gradients, rank, n):
    """What a rank should hold of the whole gradients: two parts of the first layer, each cut."""

    def first(t):
        return torch.cat([part.chunk(n)[rank] for part in t.split([4, 8])])

    return {
        **gradients,
        "1.weight": first(gradients["1.weight"]),
        "1.bias": first(gradients["1.bias"]),
        "3.weight": torch.cat(
            [part.chunk(n, 1)[rank] for part in gradients["3.weight"].split([4, 8], 1)], 1
        ),
    }


def reordered():
    """The second layer's inputs in the order in which ranks hold the first one's outputs."""
    return torch.cat([torch.tensor([0, 1, 4, 5, 6, 7]), torch.tensor([2, 3, 8, 9, 10, 11])])


def in_tensor_parallel():
    from course_lib.distributed import Comm, tensor_parallel

    comm, model = Comm(), network()
    order = reordered()
    model[3].weight.data = model[3].weight.data[:, order]
    tensor_parallel(model, comm, columns={"1": [4, 8]}, rows=["3"])
    comm.sent.clear()
    x_grad, gradients = whole(model, inputs())
    return x_grad, gradients, sum(comm.sent.values())


@pytest.mark.processes
def test_tensor_parallel_gives_the_gradients_of_one_process(pools):
    x_grad, gradients = whole(network(), inputs())
    for rank, (own_x, own, sent) in enumerate(pools(2).run(in_tensor_parallel)):
        torch.testing.assert_close(own_x, x_grad, rtol=0, atol=1e-12)
        for name, value in cut_by_hand(gradients, rank, 2).items():
            torch.testing.assert_close(own[name], value, rtol=0, atol=1e-12)
        assert sent == 2 * 2 * (2 - 1) / 2 * 5 * WIDTH * 8  # two all-reduces of the rows


def refused():
    from course_lib.distributed import Comm, tensor_parallel

    comm, said = Comm(), []
    for columns, rows in (
        ({"2": None}, []),
        ({"no": None}, []),
        ({"1": [4]}, []),
        ({"1": [3, 9]}, []),
        ({"1": None}, ["1"]),
    ):
        model = network()
        try:
            tensor_parallel(model, comm, columns=columns, rows=rows)
        except ValueError as error:
            said.append(str(error))
        assert isinstance(model[1], nn.Linear)
    return said


@pytest.mark.processes
def test_what_cannot_be_cut_is_refused_before_anything_is(pools):
    for said in pools(2).run(refused):
        assert said == [
            "'2' is no linear layer of this model",
            "'no' is no linear layer of this model",
            "parts must add up to the 12 outputs of '1', got [4]",
            "the 3 outputs of '1' do not divide over 2 ranks",
            "'1' stands in columns and in rows; a layer is cut in one way",
        ]


def piped(n_micro):
    from course_lib.distributed import Comm, pipeline_backward

    comm, chain = Comm(), nn.Sequential(*(network() for _ in range(4)))
    size = 4 // comm.world_size
    stage = chain[comm.rank * size : (comm.rank + 1) * size]
    batches = list(inputs().repeat(2, 1)[:8].chunk(n_micro))
    comm.sent.clear()
    loss = pipeline_backward(
        stage,
        batches,
        lambda out, i: out.square().mean() * (i + 1),
        comm,
        shape=batches[0].shape,
        dtype=torch.float64,
    )
    gradients = {name: p.grad for name, p in stage.named_parameters()}
    return loss.item(), gradients, comm.bytes_sent


@pytest.mark.processes
@pytest.mark.parametrize(("n_ranks", "n_micro"), [(2, 4), (2, 1), (4, 2)])
def test_a_pipeline_gives_the_gradients_of_one_process_bit_by_bit(pools, n_ranks, n_micro):
    torch.set_num_threads(1)
    chain = nn.Sequential(*(network() for _ in range(4)))
    total = torch.zeros(())
    for i, batch in enumerate(inputs().repeat(2, 1)[:8].chunk(n_micro)):
        loss = chain(batch).square().mean() * (i + 1) / n_micro
        total += loss.detach()
        loss.backward()
    expected = {name: p.grad for name, p in chain.named_parameters()}
    results = pools(n_ranks).run(piped, n_micro)
    held = {}
    for rank, (loss, gradients, sent) in enumerate(results):
        held |= gradients
        assert loss == (total.item() if rank == n_ranks - 1 else 0)
        neighbours = (rank > 0) + (rank < n_ranks - 1)
        assert sent == neighbours * 8 * WIDTH * 8
    assert held.keys() == expected.keys()
    assert all(torch.equal(held[name], value) for name, value in expected.items())


def test_the_timetable_has_the_bubble_it_says():
    assert timetable(2, 2) == [["F0", "F1", "", "", "B0", "B1"], ["", "F0", "F1", "B0", "B1", ""]]
    for n_stages in (1, 3, 4):
        for n_micro in (1, 5):
            table = timetable(n_stages, n_micro)
            assert all(row.count("") == 2 * (n_stages - 1) for row in table)
            for slot in zip(*table, strict=True):  # a micro-batch is in one place at a time
                busy = [work for work in slot if work]
                assert len(set(busy)) == len(busy)
    with pytest.raises(ValueError, match="n_micro must be at least 1"):
        timetable(2, 0)
