"""In all tests, each function of the package is held to the types and shapes that it names."""

import inspect

import pytest
import torch
from jaxtyping import TypeCheckError

from course_lib.files import partial_path
from course_lib.model.attention import attention_weights
from course_lib.model.masks import padding_mask
from course_lib.objectives.causal import causal_loss
from course_lib.tokenizers import ByteLevelBPE
from course_lib.tokenizers.base import bounded, check_vocab_size


def test_shapes_are_checked_and_agree_with_each_other() -> None:
    with pytest.raises(TypeCheckError, match="padding_mask"):
        padding_mask(torch.ones(3, dtype=torch.bool))  # no batch
    with pytest.raises(TypeCheckError, match="targets"):
        causal_loss(torch.zeros(2, 5, 7), torch.zeros(2, 4, dtype=torch.int64))  # another T


def test_shapes_that_fitted_once_do_not_let_others_through(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, targets = torch.zeros(3, 4, 6), torch.zeros(3, 4, dtype=torch.int64)
    for _ in range(2):
        causal_loss(logits, targets)
        causal_loss(logits.double(), targets=targets)
        for wrong in (targets[:, :3], targets[:2], targets.float(), targets[0], None):
            with pytest.raises(TypeCheckError, match="targets"):
                causal_loss(logits, wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeCheckError, match="causal_loss"):
            causal_loss(logits[..., 0], targets)
    for wrong in (torch.zeros(2), torch.zeros((), dtype=torch.int64), 0.5):
        with monkeypatch.context() as planted:
            planted.setattr(torch.nn.functional, "cross_entropy", lambda *_, w=wrong, **__: w)
            for _ in range(2):
                with pytest.raises(TypeCheckError, match="causal_loss"):
                    causal_loss(logits, targets)
    with pytest.raises(TypeCheckError, match="logits"):
        causal_loss([[[0.0]]], targets)  # type: ignore[arg-type]


def test_plain_types_are_checked_where_no_shape_is_named() -> None:
    with pytest.raises(TypeCheckError, match="smallest"):
        check_vocab_size(300, "256", "why")  # type: ignore[arg-type]
    with pytest.raises(TypeCheckError, match="partial_path"):
        partial_path(3)  # type: ignore[arg-type]
    tokenizer = ByteLevelBPE.train(["a b"], 257)
    with pytest.raises(TypeCheckError, match="first"):
        tokenizer._encode_ordinary("a", first="no")  # type: ignore[arg-type]


def test_what_is_returned_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = ByteLevelBPE.train(["a b"], 257, special_tokens=["<end>"])
    tokenizer._special_tokens["<end>"] = "256"  # type: ignore[assignment]
    with pytest.raises(TypeCheckError, match="special_id"):
        tokenizer.special_id("<end>")
    monkeypatch.setattr(torch.nn.functional, "cross_entropy", lambda *_, **__: torch.zeros(2))
    with pytest.raises(TypeCheckError, match="causal_loss"):
        causal_loss(torch.zeros(2, 5, 7), torch.zeros(2, 5, dtype=torch.int64))


def test_a_hundred_items_are_checked_not_one_by_chance() -> None:
    vocabulary = [bytes([i]) for i in range(256)]
    for at in (0, 50, 99):
        wrong = [*vocabulary[:at], "a", *vocabulary[at + 1 :]]
        with pytest.raises(TypeCheckError, match="tokens"):
            ByteLevelBPE(wrong, [])  # type: ignore[arg-type]
    wrong_value = {**dict(enumerate(vocabulary)), 3: "a"}
    with pytest.raises(TypeCheckError, match="tokens"):
        ByteLevelBPE(wrong_value, [])  # type: ignore[arg-type]
    with pytest.raises(TypeCheckError, match="merges"):
        ByteLevelBPE(vocabulary, [(b"a", b"b"), (b"a", "b")])  # type: ignore[list-item]


def test_a_checked_function_is_still_itself() -> None:
    for function in (check_vocab_size, attention_weights, bounded):
        source = inspect.getsource(function)
        assert source.startswith(f"def {function.__name__}(")
        assert "why: str" in source or function is not check_vocab_size
        assert str(inspect.signature(function)).startswith("(")
    assert list(bounded(["a", "b"])) == ["a", "b"]  # what yields still yields
