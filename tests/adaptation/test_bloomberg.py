from dataclasses import replace

import pytest

from course_lib.adaptation.bloomberg import (
    A100_BFLOAT16,
    BLOOMBERG_RUN,
    DATA,
    FINPILE,
    PUBLIC,
    TOTAL,
    planned_size,
    width_for_depth,
)

ROWS = {row.name: row for row in DATA}


def test_the_arithmetic_closes() -> None:
    run = BLOOMBERG_RUN
    assert run.n_parameters == 50_558_868_480
    assert run.steps == 139_200
    assert run.n_tokens == (7_200 * 1_024 + 132_000 * 2_048) * 2_048
    assert run.n_tokens / 1e9 == pytest.approx(568.7, abs=0.05)
    assert run.flops_a_second / 1e12 == pytest.approx(101.95, abs=0.005)
    assert run.days == pytest.approx(52.4, abs=0.05)
    assert run.model_flops == pytest.approx(1.73e23, rel=0.005)
    assert run.hardware_flops == pytest.approx(2.36e23, rel=0.03), "as reported"
    assert run.gpu_hours == pytest.approx(643_000, rel=0.005)
    assert run.flops_a_second / A100_BFLOAT16 == pytest.approx(0.33, abs=0.005)
    assert run.n_tokens / (ROWS[TOTAL].tokens * 1e8) == pytest.approx(0.80, abs=0.005)
    assert run.petaflop_days == pytest.approx(run.model_flops / 8.64e19)


def test_another_run_gives_other_numbers() -> None:
    slower = replace(BLOOMBERG_RUN, step_seconds=65.0)
    assert slower.days == pytest.approx(2 * BLOOMBERG_RUN.days)
    assert slower.flops_a_second == pytest.approx(BLOOMBERG_RUN.flops_a_second / 2)
    assert replace(BLOOMBERG_RUN, recompute=1.0).hardware_flops == BLOOMBERG_RUN.model_flops


@pytest.mark.parametrize("row", DATA, ids=lambda row: row.name)
def test_every_row_follows_from_its_own_numbers(row: object) -> None:
    assert row.faults(ROWS[TOTAL].tokens) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("column", ["documents", "characters", "tokens", "percent"])
@pytest.mark.parametrize("name", ["Web", "C4", "GitHub", "Total"])
def test_a_planted_misprint_is_found(name: str, column: str) -> None:
    row = ROWS[name]
    value = getattr(row, column)
    wrong = row._replace(**{column: type(value)(value * 1.05 + 1)})
    assert wrong.faults(ROWS[TOTAL].tokens)


@pytest.mark.parametrize("column", ["documents", "characters", "tokens"])
def test_parts_sum(column: str) -> None:
    def total(names: list[str]) -> int:
        return sum(getattr(ROWS[name], column) for name in names)

    sources = [row.name for row in DATA if row.part == FINPILE]
    assert len(sources) == 5
    assert abs(total(sources) - getattr(ROWS[FINPILE], column)) <= 1
    assert abs(total([FINPILE, PUBLIC]) - getattr(ROWS[TOTAL], column)) <= 1
    public = [row.name for row in DATA if row.part == PUBLIC]
    assert total(public) < getattr(ROWS[PUBLIC], column), "twelve small parts are not listed"


def test_the_part_that_is_not_listed_has_the_tokens_that_are_said() -> None:
    listed = sum(row.tokens for row in DATA if row.part == PUBLIC)
    assert ROWS[PUBLIC].tokens - listed == 194


def test_the_plan() -> None:
    n, d = planned_size(1.3e6 * 0.75, 102e12)
    assert n == pytest.approx(52.993e9, rel=0.01)
    assert d == pytest.approx(1111e9, rel=0.02), "the printed exponents are rounded"
    assert width_for_depth(70) == pytest.approx(7510.07, abs=0.01)
    config = BLOOMBERG_RUN.config
    assert config.d_model == 7680 and config.n_decoder_layers == 70 and config.head_dim == 192
    assert config.d_model >= width_for_depth(70)
    for refused in (lambda: planned_size(0, 1), lambda: planned_size(1, -1)):
        with pytest.raises(ValueError, match="must be positive"):
            refused()
    with pytest.raises(ValueError, match="n_layers must be at least 1"):
        width_for_depth(0)
