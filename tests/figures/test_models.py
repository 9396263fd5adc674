import pytest
import torch

from course_lib import Transformer, TransformerConfig
from course_lib.figures.models import AttentionTable, probability_by_place, who_sees_whom

SIZES = {"vocab_size": 9, "d_model": 8, "n_heads": 2, "max_seq_len": 6}


def views_of_a_model():
    config = TransformerConfig(**SIZES, n_encoder_layers=1, n_decoder_layers=1)
    model = Transformer(config, generator=torch.Generator().manual_seed(0)).eval()
    maps = model.attention_maps(torch.arange(3)[None], source=torch.arange(4)[None])
    mean = {name: part.detach().mean((0, 1, 2)) for name, part in maps._asdict().items()}
    return {
        "encoder": AttentionTable(mean["encoder"], list("abcd"), list("abcd")),
        "decoder": AttentionTable(mean["decoder"], list("xyz"), list("xyz")),
        "bridge": AttentionTable(mean["cross"], list("xyz"), list("abcd")),
    }


def test_what_is_hidden_is_read_from_the_model() -> None:
    figure = who_sees_whom(views_of_a_model())
    seen = {name: [row[2] for row in figure.table if row[0] == name] for name in views_of_a_model()}
    assert seen == {"encoder": [4, 4, 4, 4], "decoder": [1, 2, 3], "bridge": [4, 4, 4]}
    assert "decoder: 6 of 9 pairs are visible;" in figure.alt
    assert "encoder: 16 of 16 pairs are visible (all)" in figure.alt
    assert figure.png() == who_sees_whom(views_of_a_model()).png()


def test_a_leaky_mask_shows() -> None:
    views = views_of_a_model()
    leaky = torch.full((3, 3), 1 / 3)
    figure = who_sees_whom({"decoder": views["decoder"]._replace(weights=leaky)})
    assert [row[2] for row in figure.table[1:]] == [3, 3, 3]


def test_hidden_cells_are_hatched() -> None:
    figure = who_sees_whom({"decoder": views_of_a_model()["decoder"]})
    hatched = [patch for patch in figure.figure.axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 3


def test_probabilities_stand_beside_the_best_possible() -> None:
    models = {"both sides": torch.tensor([0.9, 0.5]), "left only": torch.tensor([0.1, 0.4])}
    best = {"both sides": torch.tensor([1.0, 0.6]), "left only": torch.tensor([0.125, 0.6])}
    figure = probability_by_place(["name", "mood"], models, best)
    assert figure.table[1] == pytest.approx(["name", 0.9, 0.1, 1.0, 0.125])
    assert "differ most at place 1, “name”: both sides 0.90, left only 0.10" in figure.alt
    alone = probability_by_place(["a", "b"], {"m": torch.ones(2)}, {"m": torch.ones(2)})
    assert "m is drawn alone" in alone.alt


def test_what_does_not_fit_is_refused() -> None:
    view = views_of_a_model()["decoder"]
    with pytest.raises(ValueError, match="views is empty"):
        who_sees_whom({})
    with pytest.raises(ValueError, match=r"decoder: weights has shape \(3, 3\).*2 rows"):
        who_sees_whom({"decoder": view._replace(rows=["x", "y"])})
    with pytest.raises(ValueError, match="decoder: each row must sum to 1"):
        who_sees_whom({"decoder": view._replace(weights=view.weights * 2)})
    ones = torch.ones(2)
    with pytest.raises(ValueError, match="models has a, best has b"):
        probability_by_place(["x", "y"], {"a": ones}, {"b": ones})
    with pytest.raises(ValueError, match="a has 2 values for 3 words"):
        probability_by_place(["x", "y", "z"], {"a": ones}, {"a": ones})
