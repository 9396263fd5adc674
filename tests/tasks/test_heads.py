"""A task's head on a model of any family, and the loss they share."""

import pytest
import torch
from torch.nn import functional as F

from course_lib import TransformerConfig
from course_lib.model import Transformer
from course_lib.objectives import IGNORE
from course_lib.tasks import TaskModel, make_head, task_loss
from course_lib.tasks.heads import HEAD_KINDS

SIZES = {"vocab_size": 20, "d_model": 16, "n_heads": 2, "max_seq_len": 12}
FAMILIES = {
    "encoder": {"n_encoder_layers": 1},
    "decoder": {"n_decoder_layers": 1},
    "both": {"n_encoder_layers": 1, "n_decoder_layers": 1},
}


def build(family: str, kind: str, n_labels: int = 3) -> TaskModel:
    config = TransformerConfig(**SIZES, **FAMILIES[family])
    model = Transformer(config, generator=torch.Generator().manual_seed(0))
    head = make_head(config, kind, n_labels, generator=torch.Generator().manual_seed(1))
    return TaskModel(model, head).eval()


def read(model: TaskModel, ids: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
    both = model.model.encoder is not None and model.model.decoder is not None
    more = {"source": ids, "source_keep": keep} if both else {}
    return model(ids, keep=keep, **more)


@pytest.mark.parametrize("kind", HEAD_KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_padding_changes_no_answer(family: str, kind: str) -> None:
    model = build(family, kind)
    ids = torch.randint(1, 20, (2, 7), generator=torch.Generator().manual_seed(2))
    n_choices = 7 if kind == "span" else 3
    logits = read(model, ids)
    assert logits.shape == (2, {"sequence": 1, "tokens": 7, "span": 2}[kind], n_choices)
    padded = torch.nn.functional.pad(ids, (0, 3))
    keep = torch.arange(10).expand(2, 10) < 7
    again = read(model, padded, keep)
    if kind == "span":
        assert again[..., 7:].isinf().all()
        again = again[..., :7]
    torch.testing.assert_close(again[:, : logits.shape[1]], logits)


def test_the_loss_is_the_surprise_at_the_right_choices() -> None:
    logits = torch.randn(2, 2, 5, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[3, 4, IGNORE], [0, IGNORE, 2]])  # the last column is no question
    wanted = torch.stack(
        [F.cross_entropy(logits[0], targets[0, :2], reduction="sum"),
         F.cross_entropy(logits[1, :1], targets[1, :1], reduction="sum")]
    ).sum() / 3  # fmt: skip
    torch.testing.assert_close(task_loss(logits, targets), wanted)


@pytest.mark.parametrize(
    ("kind", "n_labels", "message"),
    [
        ("word", 3, "kind='word': must be one of sequence, tokens, span"),
        ("sequence", 1, "n_labels must be at least 2, got 1"),
        ("tokens", 0, "n_labels must be at least 2, got 0"),
    ],
)
def test_what_is_no_head_is_refused(kind: str, n_labels: int, message: str) -> None:
    config = TransformerConfig(**SIZES, n_encoder_layers=1)
    make = make_head.__wrapped__ if hasattr(make_head, "__wrapped__") else make_head
    with pytest.raises(ValueError, match=message):
        make(config, kind, n_labels, generator=torch.Generator())


def test_a_language_model_head_is_no_task() -> None:
    config = TransformerConfig(**SIZES, n_encoder_layers=1)
    model = Transformer(config)
    with pytest.raises(TypeError, match="head must be of a task, got LanguageModelHead"):
        TaskModel(model, model.head)


def test_an_encoder_decoder_asks_for_both_sides() -> None:
    with pytest.raises(ValueError, match="source=None"):
        build("both", "sequence")(torch.ones(1, 3, dtype=torch.long))
