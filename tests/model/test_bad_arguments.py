"""Wrong arguments at the doors of this folder; see `tests.doors`."""

import pytest
import torch

from course_lib import Transformer
from course_lib.model import KVCache, SequenceClassifier, SpanHead, TokenClassifier, masks
from course_lib.model.attention import attention, attention_weights
from tests.doors import CONFIG, ROWS, Door, draws, model, trials

pytestmark = pytest.mark.usefixtures("as_installed")
HEADS = torch.zeros(2, 4, 3, 5)
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
        lambda: {"q": HEADS, "k": HEADS[:, :2], "v": HEADS[:, :2]},
        {"q": "floats", "k": "floats", "v": "floats"},
    ),
    "attention_weights": (
        attention_weights,
        lambda: {"q": HEADS, "k": HEADS[:, :2]},
        {"q": "floats", "k": "floats"},
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


test_a_right_call_is_not_refused, test_a_wrong_argument_is_refused_by_name = trials(DOORS)
