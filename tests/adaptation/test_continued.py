import math

import pytest
import torch

from course_lib import Transformer, TransformerConfig
from course_lib.adaptation import LossMatrix, continue_pretraining, domain_losses, mix

V, T = 24, 16


def language(low: int, high: int, n: int, seed: int) -> list[list[int]]:
    """Documents of one made language: every word is followed by the next one of its range."""
    draws = torch.Generator().manual_seed(seed)
    width = high - low
    documents = []
    for start in torch.randint(0, width, (n,), generator=draws).tolist():
        step = 1 if low == 1 else 3
        documents.append([low + (start + step * k) % width for k in range(10)])
    return documents


OLD, NEW = language(1, 12, 1000, 0), language(12, 24, 1000, 1)
HELD_OUT = {
    name: mix({"a": text}, {"a": 1.0}, 200, generator=torch.Generator()).rows(T, 0)
    for name, text in {"old": language(1, 12, 40, 2), "new": language(12, 24, 40, 3)}.items()
}


def fresh() -> Transformer:
    config = TransformerConfig(
        vocab_size=V, d_model=32, n_heads=2, n_decoder_layers=1, max_seq_len=T
    )
    return Transformer(config, generator=torch.Generator().manual_seed(0))


def go_on(model: Transformer, new: list[list[int]], **more: object) -> None:
    settings = {"n_tokens": 9000, "seq_len": T, "separator_id": 0, "lr": 1e-2, "batch_size": 8}
    continue_pretraining(model, new, **{**settings, "progress": False, **more})  # type: ignore[arg-type]


def test_replay_keeps_what_is_lost_without_it() -> None:
    lost: dict[float, float] = {}
    for replay in (0.0, 0.2):
        model = fresh()
        stages = {"untrained": domain_losses(model, HELD_OUT)}
        go_on(model, OLD)
        stages["old"] = domain_losses(model, HELD_OUT)
        go_on(model, NEW, replay=replay, replayed=OLD if replay else ())
        stages["new"] = domain_losses(model, HELD_OUT)
        matrix = LossMatrix.of(stages)
        assert stages["new"]["new"] < 0.5 * stages["old"]["new"]
        assert matrix.forgotten()["new"] < 0
        lost[replay] = matrix.forgotten()["old"]
    assert lost[0.0] > 1.0
    assert lost[0.2] < 0.3 * lost[0.0]


def test_it_is_one_pass_over_the_mixture() -> None:
    model = fresh()
    history = continue_pretraining(
        model, NEW, OLD, replay=0.25, n_tokens=2000, seq_len=T, separator_id=0, batch_size=8,
        progress=False, warmup=0.5,
    )  # fmt: skip
    rows = mix(
        {"new": NEW, "replayed": OLD},
        {"new": 0.75, "replayed": 0.25},
        2000,
        generator=torch.Generator().manual_seed(0),
    ).rows(T, 0)
    assert history.steps == len(rows) // 8
    assert history.total_tokens <= T * len(rows)
    assert history.learning_rates[0] < 0.5 * max(history.learning_rates)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"replay": 1.0, "replayed": OLD}, "replay must be a share, 0 to less than 1, got 1.0"),
        ({"replay": -0.1, "replayed": OLD}, "got -0.1"),
        ({"replay": 0.1}, "0 documents in replayed"),
        ({"replayed": OLD}, "replay=0.0 with 1000 documents"),
        ({"warmup": 2.0}, "warmup must be a share"),
        ({"n_tokens": 20}, "fewer than batch_size=8"),
        ({"n_tokens": 10_000_000}, "exhausted"),
    ],
)
def test_runs_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        go_on(fresh(), NEW, **settings)


def test_the_matrix_by_hand() -> None:
    matrix = LossMatrix.of(
        {
            "a": {"general": 1.0, "domain": 4.0},
            "b": {"general": 0.5, "domain": 3.0},
            "c": {"general": 2.0, "domain": 1.0},
        }
    )
    assert matrix.forgotten() == {"general": 1.5, "domain": -2.0}
    assert matrix.perplexities[0][0] == pytest.approx(math.e)
    assert str(matrix).splitlines() == [
        "           general  domain",
        "a            1.000   4.000",
        "b            0.500   3.000",
        "c            2.000   1.000",
        "forgotten   +1.500  -2.000",
    ]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({}, "at least 1 stage"),
        ({"a": {"x": 1.0}, "b": {"y": 1.0}}, r"stages\['b'\] must have the domains \['x'\]"),
        ({"a": {"x": math.inf}}, "must be finite, got inf"),
    ],
)
def test_a_matrix_with_holes_is_refused(stages: dict[str, dict[str, float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LossMatrix.of(stages)


def test_no_domain_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 domain"):
        domain_losses(fresh(), {})
