import pytest
import torch

from course_lib import Transformer, TransformerConfig
from course_lib.figures.architecture import (
    detailed_architecture,
    parameters_by_part,
    shape_trace,
    simplified_architecture,
    training_curves,
)

SIZES = dict(vocab_size=11, d_model=8, n_heads=2, max_seq_len=6)
FAMILIES = {
    "encoder-only": dict(n_encoder_layers=2, n_segments=2),
    "decoder-only": dict(n_decoder_layers=3, position="rotary"),
    "encoder-decoder": dict(n_encoder_layers=1, n_decoder_layers=2, tie_embeddings=False),
}


def build(family: str, **changes: object) -> Transformer:
    return Transformer(TransformerConfig(**{**SIZES, **FAMILIES[family], **changes}))


def inputs(family: str) -> dict[str, torch.Tensor]:
    return {"source": torch.zeros(1, 5, dtype=torch.long)} if family == "encoder-decoder" else {}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_parts_add_up_to_the_whole_model(family: str) -> None:
    model = build(family)
    assert sum(count for _, count in parameters_by_part(model)) == model.config.n_parameters()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_trace_visits_every_part_in_order(family: str) -> None:
    model = build(family)
    stops = shape_trace(model, torch.zeros(1, 4, dtype=torch.long), **inputs(family))
    assert stops[0].shape[-1] == 8 and stops[-1].shape == (1, 4, 11)
    kinds = [stop.name.rsplit(".", 1)[-1] for stop in stops]
    decoder = [
        k for k, s in zip(kinds, stops, strict=True) if s.name.startswith("decoder.blocks.0")
    ]
    if family == "decoder-only":
        assert decoder == ["attention_norm", "attention", "feed_forward_norm", "feed_forward"]
    n_blocks = model.config.n_encoder_layers + model.config.n_decoder_layers
    assert kinds.count("feed_forward") == n_blocks
    assert kinds.count("cross_attention") == (2 if family == "encoder-decoder" else 0)
    assert not any(module._forward_hooks for module in model.modules())


def test_the_trace_leaves_no_hook_behind_when_the_model_refuses() -> None:
    model = build("decoder-only")
    with pytest.raises(ValueError, match="source given"):
        shape_trace(model, torch.zeros(1, 4, dtype=torch.long), **inputs("encoder-decoder"))
    assert not any(module._forward_hooks for module in model.modules())


def test_the_outline_says_what_the_model_holds() -> None:
    figure = simplified_architecture(build("encoder-decoder"))
    assert "the encoder has 1 layers of self-attention, feed-forward" in figure.alt
    assert "attention over the encoder's output" in figure.alt
    encoder = simplified_architecture(build("encoder-only"))
    outline = encoder.alt
    assert "decoder" not in outline and "2 layers of self-attention" in outline
    assert figure.table[-1] == ["all", build("encoder-decoder").config.n_parameters()]
    assert [" in a loop" in text for text in (figure.alt, outline)] == [True, False]
    drawn = [[text.get_text() for text in one.figure.axes[0].texts] for one in (figure, encoder)]
    assert ["the chosen token goes back in" in words for words in drawn] == [True, False]


@pytest.mark.parametrize("placement", ["pre", "post"])
def test_the_way_around_begins_before_a_norm_that_comes_first(placement: str) -> None:
    model = build("decoder-only", norm_placement=placement)
    stops = shape_trace(model, torch.zeros(1, 4, dtype=torch.long))
    figure = detailed_architecture(stops)
    lengths = {
        round(float(max(line.get_ydata()) - min(line.get_ydata())), 1)
        for line in figure.figure.axes[0].lines
    }
    assert lengths == ({2.0} if placement == "pre" else {1.0})
    assert len(figure.table) == len(stops) + 1
    assert "6 of them" in figure.alt


def test_the_whole_figure_says_what_is_read_how_often_and_what_comes_out() -> None:
    model = build("encoder-decoder")
    stops = shape_trace(model, torch.zeros(1, 4, dtype=torch.long), **inputs("encoder-decoder"))
    figure = detailed_architecture(stops, whole=True, n_layers=6, order="+ order")
    words = [text.get_text() for text in figure.figure.axes[0].texts]
    for word, times in {"inputs": 1, "outputs (shifted right)": 1, "softmax": 1, "6 ×": 2}.items():
        assert words.count(word) == times, word
    assert words.count("+ order") == 2
    assert "The blocks are there 6 times. A softmax" in figure.alt
    plain = [text.get_text() for text in detailed_architecture(stops).figure.axes[0].texts]
    assert not {"inputs", "softmax", "6 ×"} & set(plain)


def test_two_stacks_stand_side_by_side() -> None:
    model = build("encoder-decoder")
    stops = shape_trace(model, torch.zeros(1, 4, dtype=torch.long), **inputs("encoder-decoder"))
    axes = detailed_architecture(stops).figure.axes[0]
    words = [text.get_text() for text in axes.texts]
    assert words.count("embedding") == 2 and words[0] == "embedding"
    assert axes.texts[0].get_position()[0] < 4.4
    bridges = [text for text in axes.texts if getattr(text, "xyann", (0, 0))[0] == 3.8]
    assert len(bridges) == model.config.n_decoder_layers == 2


def test_no_stops_are_refused() -> None:
    with pytest.raises(ValueError, match="got 0"):
        detailed_architecture([])


def test_training_curves_say_where_each_begins_and_ends() -> None:
    losses = {"a": [4.0 - 0.1 * i for i in range(40)], "b": [4.0] * 40}
    figure = training_curves(losses, level=3.6, level_name="frequencies")
    assert "40 training steps" in figure.alt and "a: 4.00 to 0.10; b: 4.00 to 4.00" in figure.alt
    assert "Level line at 3.60: frequencies." in figure.alt
    assert figure.table[0] == ["step", "a", "b"] and len(figure.table) == 11
    assert figure.table[1] == [1, 4.0, 4.0] and figure.table[-1] == [40, 0.1, 4.0]
    axes = figure.figure.axes[0]
    assert len({(line.get_linestyle(), line.get_marker()) for line in axes.lines}) == 3
    assert "Level" not in training_curves({"a": [1.0, 2.0]}).alt


@pytest.mark.parametrize("losses", [{}, {"a": [1.0], "b": [1.0, 2.0]}])
def test_training_curves_of_different_lengths_are_refused(losses: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="one length, got"):
        training_curves(losses)
