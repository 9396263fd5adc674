"""Every number of the ZeRO paper that a formula can check (GB = 1e9 bytes)."""

import math
from decimal import ROUND_HALF_UP, Decimal

import pytest

from course_lib.distributed.memory import accounting as acc
from course_lib.distributed.memory import budget
from course_lib.distributed.zero.plan import ParameterInfo, ShardPlan
from course_lib.distributed.zero.stages import STAGES, check_stage

TABLE_1 = {
    7.5e9: {
        1: ("120", "120", "120"),
        4: ("52.5", "41.3", "30"),
        16: ("35.6", "21.6", "7.5"),
        64: ("31.4", "16.6", "1.88"),
        256: ("30.4", "15.4", "0.47"),
        1024: ("30.1", "15.1", "0.12"),
    },
    128e9: {
        1: ("2048", "2048", "2048"),
        4: ("896", "704", "512"),
        16: ("608", "368", "128"),
        64: ("536", "284", "32"),
        256: ("518", "263", "8"),
        1024: ("513", "257", "2"),
    },
    1e12: {
        1: ("16000", "16000", "16000"),
        4: ("7000", "5500", "4000"),
        16: ("4750", "2875", "1000"),
        64: ("4187", "2218", "250"),
        256: ("4046", "2054", "62.5"),
        1024: ("4011", "2013", "15.6"),
    },
}
CELLS = [
    (psi, n, stage, cell)
    for psi, rows in TABLE_1.items()
    for n, row in rows.items()
    for stage, cell in zip((1, 2, 3), row, strict=True)
]


def printed(value: float, like: str) -> set[str]:
    """Both ways the paper prints a number: rounded half up, and cut."""
    digits = len(like.partition(".")[2])
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    cut = Decimal(math.floor(value * 10**digits)).scaleb(-digits)
    return {str(rounded), str(cut)}


def test_table_1_has_54_cells():
    assert len(CELLS) == 54


@pytest.mark.parametrize(("psi", "n", "stage", "cell"), CELLS)
def test_table_1(psi, n, stage, cell):
    assert cell in printed(acc.model_state_bytes(psi, n, stage).total / 1e9, cell)


def test_figure_1():
    figures = [acc.model_state_bytes(7.5e9, 64, stage).total / 1e9 for stage in STAGES]
    assert [float(f"{x:.1f}") for x in figures] == [120.0, 31.4, 16.6, 1.9]


def test_table_2_is_multiples_of_its_rounded_first_row():
    first = [32 / acc.model_state_bytes(1, 64, stage).total for stage in STAGES]
    rounded = [2.0, 7.6, 14.4, 128.0]
    assert [float(f"{x:.1f}") for x in first] == rounded
    printed_rows = {
        2: [4, 15.2, 28.8, 256],
        4: [8, 30.4, 57.6, 500],
        8: [16, 60.8, 115.2, 1000],
        16: [32, 121.6, 230.4, 2000],
    }
    for degree, row in printed_rows.items():
        for value, cell in zip(rounded, row, strict=True):
            # the last column is printed in trillions: 512 -> 0.5T, 2048 -> 2T
            assert value * degree == pytest.approx(cell, rel=0.03 if cell >= 500 else 1e-9)


def by_enumeration(n_ranks, group, machine):
    """Send every piece one by one, from rank 0 to each peer, and count those that leave."""

    def leaves(peer):
        return peer // machine != 0

    within = [peer for peer in range(1, n_ranks) if peer // group == 0]
    alike = [peer for peer in range(1, n_ranks) if peer % group == 0]  # the same shard elsewhere
    shard, copies = 1 / group, n_ranks // group
    gather_or_scatter = sum(shard for peer in within if leaves(peer))
    half_an_all_reduce = sum(shard / copies for peer in alike if leaves(peer))
    return 3 * gather_or_scatter + 2 * half_an_all_reduce


@pytest.mark.parametrize(
    ("n_ranks", "group", "machine"),
    [(512, 8, 8), (512, 64, 8), (512, 512, 8), (512, 1, 8), (16, 2, 4), (8, 8, 8), (6, 3, 1)],
)
def test_what_hybrid_sharding_sends_over_the_slow_link(n_ranks, group, machine):
    sent = acc.slow_link_elements(1.0, n_ranks, group, machine)
    assert sent == pytest.approx(by_enumeration(n_ranks, group, machine), abs=1e-12)


def test_hybrid_sharding_agrees_with_the_paper_where_it_does_not_count_machines():
    n_ranks, g = 512, 8
    papers = 2 / g * (n_ranks - 1) / n_ranks
    assert acc.slow_link_elements(1.0, n_ranks, g, g) == pytest.approx(papers, rel=1 / 50)
    full = acc.slow_link_elements(1.0, n_ranks, n_ranks, machine=1)
    assert full == pytest.approx(3 * (n_ranks - 1) / n_ranks)
    assert acc.slow_link_elements(1.0, n_ranks, 1, machine=1) == acc.communication_elements(
        1, 0, n_ranks
    )


@pytest.mark.parametrize(
    ("n_ranks", "group", "machine", "says"),
    [
        (512, 7, 8, "multiple of group"),
        (12, 4, 6, "divide the other"),
        (8, 0, 8, "group must be at least 1, got 0"),
    ],
)
def test_hybrid_sharding_wants_groups_that_fit(n_ranks, group, machine, says):
    with pytest.raises(ValueError, match=says):
        acc.slow_link_elements(1.0, n_ranks, group, machine)


TABLE_4 = [
    (48, 1600, 1.47),
    (72, 3072, 8.15),
    (98, 4096, 19.73),
    (88, 6144, 39.86),
    (132, 6144, 59.79),
    (100, 8192, 80.5),
    (125, 8192, 100.7),
    (150, 8192, 120.8),
    (175, 8192, 140.9),
    (212, 8192, 170.7),
    (24, 1920, 1.06),
    (34, 1920, 1.50),
    (54, 1920, 2.39),
    (64, 2304, 4.08),
    (52, 3072, 5.89),
    (50, 4096, 10.07),
    (54, 4096, 10.87),
    (58, 4096, 11.68),
    (62, 4096, 12.48),
    (75, 8192, 60.4),
]


@pytest.mark.parametrize(("layers", "hidden", "billions"), TABLE_4)
def test_table_4(layers, hidden, billions):
    value = acc.transformer_parameters(layers, hidden) / 1e9
    assert value == pytest.approx(billions, abs=0.06 if billions > 60 else 0.006)


def test_table_4_erratum():
    # The preprint gives the 40B and 60B models a width of 4096; their labels need 6144.
    for layers, label in ((88, 40e9), (132, 60e9)):
        assert acc.transformer_parameters(layers, 4096) < 0.5 * label
        assert acc.transformer_parameters(layers, 6144) == pytest.approx(label, rel=0.01)


def test_gpt2_and_activations():
    assert 2 * 1.5e9 == 3e9
    assert acc.model_state_bytes(1.5e9, 1, 0).total == 24e9
    assert acc.activation_bytes(48, 1600, 32, 1024) / 1e9 == pytest.approx(60.4, abs=0.05)
    assert acc.checkpoint_bytes(125, 8192, 32, 1024) / 1e9 == pytest.approx(67.1, abs=0.05)
    assert acc.checkpoint_bytes(125, 8192, 32, 1024) / 2**30 == pytest.approx(62.5)


def test_traffic():
    assert [acc.communication_elements(1, s) for s in STAGES] == [2, 2, 2, 3]
    assert acc.communication_elements(1, 3) / acc.communication_elements(1, 0) == 1.5
    assert acc.communication_elements(100, 3, n_ranks=4) == 225


@pytest.mark.parametrize("stage", [-1, 4, "3", True, 1.0, None, [1]])
def test_bad_stage(stage):
    with pytest.raises((ValueError, TypeError)):
        check_stage(stage)


def test_bad_ranks():
    with pytest.raises(ValueError, match="n_ranks must be at least 1, got 0"):
        acc.model_state_bytes(1, 0, 1)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("wrong", [2.5, float("nan"), True, "8", None])
def test_bytes_of_no_number_are_refused(wrong):
    with pytest.raises(TypeError, match="n_ranks must be a whole number"):
        acc.model_state_bytes(1e9, wrong, 1)
    if wrong != 2.5:
        with pytest.raises((TypeError, ValueError), match="n_parameters must be"):
            acc.communication_elements(wrong, 1)
    if wrong is not None:
        with pytest.raises(TypeError, match="n_ranks must be a whole number"):
            acc.communication_elements(1e9, 1, wrong)


def plan_for(world_size):
    names = {f"b.{i}.w": (64, 64) for i in range(3)} | {"e": (128, 16)}
    parameters = {n: ParameterInfo(s, "float32", True, (n,)) for n, s in names.items()}
    return ShardPlan.build(parameters, ["b.0", "b.1", "b.2"], world_size)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_plan_is_the_formula_where_ranks_divide_it(stage, world_size):
    plan = plan_for(world_size)
    psi = sum(flat.numel for flat in plan.flats)
    formula = acc.model_state_bytes(
        psi, world_size, stage, parameter_bytes=4, gradient_bytes=4, optimizer_bytes=8
    )
    assert budget.plan_bytes(plan, stage) == formula


def test_schedule_sends_what_the_paper_says_or_less():
    plan = plan_for(4)
    psi = sum(flat.numel for flat in plan.flats)
    for stage in (0, 1, 2):
        exact = 4 * acc.communication_elements(psi, stage, 4)
        assert budget.schedule_bytes(plan, stage) == exact
    kept = 64 * 64 + 128 * 16
    saved = 4 * kept * 3 / 4
    assert budget.schedule_bytes(plan, 3) == 4 * acc.communication_elements(psi, 3, 4) - saved
    assert budget.schedule_bytes(plan, 3, reshard_after_forward=False) == budget.schedule_bytes(
        plan, 2
    )
