"""Wrong arguments at the doors of this folder; see `tests.doors`."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from course_lib import Transformer
from course_lib.model import KVCache, SequenceClassifier, SpanHead, TokenClassifier, layers, masks
from course_lib.model import positions as orders
from course_lib.model.attention import attention, attention_weights
from tests.doors import CONFIG, ROWS, Door, draws, model, trials

pytestmark = pytest.mark.usefixtures("as_installed")
HEADS = torch.zeros(2, 4, 3, 5)
META = torch.zeros(3, 3, device="meta")


def buckets(n_buckets: int = 32, max_distance: int = 128) -> torch.Tensor:
    return orders.relative_bucket(ROWS, n_buckets, max_distance, bidirectional=True)


def segmented() -> Transformer:
    config = replace(CONFIG, n_segments=2, position="learned")
    return Transformer(config, generator=draws()).eval()


DOORS: dict[str, Door] = {
    "Transformer": (
        Transformer,
        lambda: {"config": CONFIG, "generator": draws()},
        {"config": "object", "generator": "generator?"},
    ),
    "forward": (
        lambda tokens, keep: model()(tokens, keep=keep),
        lambda: {"tokens": ROWS, "keep": ROWS > -1},
        {"tokens": "ids", "keep": "mask?"},
    ),
    "attention": (
        attention,
        lambda: {
            "q": HEADS, "k": HEADS[:, :2], "v": HEADS[:, :2], "bias": HEADS[0, 0, :, :3],
            "scale": 0.5, "causal": True, "dropout": 0.0,
        },
        {
            "q": "floats", "k": "floats", "v": "floats", "bias": "bias?", "scale": "factor?",
            "causal": "flag", "dropout": "share",
        },
    ),
    "attention_weights": (
        attention_weights,
        lambda: {"q": HEADS, "k": HEADS[:, :2], "bias": HEADS[0, 0, :, :3], "scale": 0.5},
        {"q": "floats", "k": "floats", "bias": "bias?", "scale": "factor?"},
    ),
    "segments and positions": (
        lambda segments, positions: segmented()(ROWS, segments=segments, positions=positions),
        lambda: {"segments": ROWS % 2, "positions": torch.arange(5).expand(8, 5)},
        {"segments": "ids?", "positions": "ids?"},
    ),
    "RMSNorm": (
        lambda d_model, eps, x: layers.RMSNorm(d_model, eps)(x),
        lambda: {"d_model": 5, "eps": 0.5, "x": HEADS},
        {"d_model": "whole", "eps": "factor", "x": "bias"},
    ),
    "Sinusoidal": (
        lambda d_model: orders.Sinusoidal(d_model).embed(torch.arange(3)),
        lambda: {"d_model": 4}, {"d_model": "whole"},
    ),
    "ALiBi": (
        lambda n_heads, query_slots, key_slots: orders.ALiBi(n_heads).bias(query_slots, key_slots),
        lambda: {"n_heads": 2, "query_slots": torch.arange(3), "key_slots": torch.arange(3)},
        {"n_heads": "whole", "query_slots": "ids", "key_slots": "ids"},
    ),
    "rotary_frequencies": (
        orders.rotary_frequencies, lambda: {"width": 4, "theta": 100.0},
        {"width": "whole", "theta": "factor"},
    ),
    "Rotary": (
        lambda frequencies, x: orders.Rotary(frequencies).rotate(x, torch.arange(3)),
        lambda: {"frequencies": [1.0, 0.5], "x": HEADS[..., :4]},
        {"frequencies": "several", "x": "bias"},
    ),
    "relative_bucket": (
        orders.relative_bucket,
        lambda: {
            "distance": ROWS, "n_buckets": 8, "max_distance": 16, "bidirectional": True,
        },
        {"distance": "slots", "n_buckets": "whole", "max_distance": "whole"},
    ),
    "causal_mask": (masks.causal_mask, lambda: {"T": 2, "S": 3}, {"T": "whole", "S": "whole?"}),
    "padding_mask": (masks.padding_mask, lambda: {"keep": ROWS > -1}, {"keep": "mask"}),
    "SequenceClassifier": (
        SequenceClassifier,
        lambda: {"d_model": 4, "n_labels": 2, "dropout": 0.5},
        {"d_model": "whole", "n_labels": "whole", "dropout": "share"},
    ),
    "TokenClassifier": (
        TokenClassifier,
        lambda: {"d_model": 4, "n_labels": 2, "dropout": 0.5},
        {"d_model": "whole", "n_labels": "whole", "dropout": "share"},
    ),
    "SpanHead": (SpanHead, lambda: {"d_model": 4}, {"d_model": "whole"}),
    "new_cache": (
        lambda batch_size, max_length: model().new_cache(batch_size, max_length),
        lambda: {"batch_size": 2, "max_length": 3},
        {"batch_size": "whole", "max_length": "whole?"},
    ),
    "crop": (
        lambda length: KVCache(1, 1, 1, 4, 2).crop(length), lambda: {"length": 0},
        {"length": "whole"},
    ),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.RMSNorm(4, 1e-5)(torch.ones(2, 1)), r"x must be \(..., 4\)"),
        (lambda: layers.RMSNorm(1, 1e-5)(torch.ones(2, 4)), r"x must be \(..., 1\)"),
        (lambda: layers.RMSNorm(4, -1.0), "eps must be 0 or more"),
        (lambda: orders.Sinusoidal(5), "d_model must be even"),
        (lambda: orders.rotary_frequencies(5, 10.0), "width must be even"),
        (lambda: orders.rotary_frequencies(4, -1.0), "theta must be positive"),
        (lambda: orders.ALiBi(0), "n_heads must be at least 1"),
        (lambda: orders.Rotary((1.0,)).rotate(HEADS, torch.arange(3)), "x must be"),
        (lambda: orders.Rotary((1.0,)).rotate(HEADS[..., :1, :2], torch.arange(3)), "x must be"),
        (lambda: buckets(n_buckets=2), "n_buckets must be at least 4"),
        (lambda: buckets(max_distance=8), "max_distance must exceed the 8 exact ones"),
        (lambda: attention(HEADS, HEADS, HEADS, scale=math.nan), "scale must be finite"),
        (lambda: attention(HEADS, HEADS, HEADS, dropout=1.5), "dropout must be from 0 to 1"),
        (lambda: attention(HEADS, HEADS.to("meta"), HEADS), "k must be on the device of q"),
        (lambda: attention(HEADS, HEADS, HEADS, bias=META), "bias must be on the device of q"),
        (lambda: segmented()(ROWS, positions=torch.arange(5) - 1), "positions must be 0 or more"),
        (lambda: segmented()(ROWS, segments=ROWS), "segments run from 0 to 10, n_segments=2"),
        (lambda: model()(ROWS.to("meta")), "tokens are on meta, the model is on cpu"),
    ],
)
def test_what_would_be_stretched_or_read_elsewhere_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_keys_of_another_type_are_refused() -> None:
    for call in (attention, lambda q, k, v: attention_weights(q, k)):
        with pytest.raises(TypeError, match="k must be of the type of q, torch.float32"):
            call(HEADS, HEADS.double(), HEADS.double())


def test_one_angle_turns_every_token() -> None:
    x, rotary = torch.rand(1, 1, 3, 2), orders.Rotary((1.0,))
    turned = rotary.rotate(x, torch.tensor([5]))
    assert torch.equal(turned, rotary.rotate(x, torch.tensor([5, 5, 5])))
