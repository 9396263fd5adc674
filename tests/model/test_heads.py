"""What stands before and behind the blocks, each against its formula on drawn numbers."""

import math

import pytest
import torch

from course_lib.config import TransformerConfig
from course_lib.model.attention import View
from course_lib.model.block import Block
from course_lib.model.embedding import Embedding, Entrance
from course_lib.model.heads import (
    HeadTransform,
    LanguageModelHead,
    NextSentenceHead,
    Pooler,
    SequenceClassifier,
    SpanHead,
    TokenClassifier,
)
from course_lib.model.layers import PreciseLinear, add

D, V = 8, 11


def config(**fields) -> TransformerConfig:
    sizes = {"vocab_size": V, "d_model": D, "n_heads": 2, "max_seq_len": 16, "n_decoder_layers": 1}
    return TransformerConfig(**{**sizes, **fields})


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def drawn(module: torch.nn.Module) -> torch.nn.Module:
    for number, tensor in enumerate([*module.parameters(), *module.buffers()]):
        tensor.data = draw(*tensor.shape, seed=number + 1)
    return module.eval()


def test_a_head_scores_words_by_their_vectors():
    hidden, table = draw(2, 3, D), draw(V, D, seed=9)
    tied = LanguageModelHead(config(tie_embeddings=True, head_bias="none"))
    assert tied.weight is None and tied.bias is None
    torch.testing.assert_close(tied(hidden, table), hidden @ table.T)
    scaled = LanguageModelHead(config(tie_embeddings=True, head_bias="none", scale_head=True))
    torch.testing.assert_close(scaled(hidden, table), hidden @ table.T / math.sqrt(D))
    own = drawn(LanguageModelHead(config(tie_embeddings=False, head_bias="learned")))
    torch.testing.assert_close(own(hidden, table), hidden @ own.weight.T + own.bias)
    assert isinstance(own.bias, torch.nn.Parameter)
    fixed = LanguageModelHead(config(tie_embeddings=True, head_bias="fixed"))
    assert fixed.bias.tolist() == [0.0] * V and not list(fixed.parameters())


def test_a_head_transforms_first_where_it_has_a_transform():
    hidden, table = draw(2, 3, D), draw(V, D, seed=9)
    fields = {"tie_embeddings": True, "head_bias": "none", "head_transform": True}
    head = LanguageModelHead(config(activation="relu", **fields))
    changed = drawn(head.transform)
    assert isinstance(changed, HeadTransform)
    wanted = changed.norm(changed.dense(hidden).relu())
    torch.testing.assert_close(head(hidden, table), wanted @ table.T)


def test_the_pooler_and_the_next_sentence_read_the_first_token():
    hidden = draw(2, 3, D)
    pooler, head = drawn(Pooler(D)), drawn(NextSentenceHead(D))
    torch.testing.assert_close(pooler(hidden), torch.tanh(pooler.dense(hidden[:, 0])))
    assert head(pooler(hidden)).shape == (2, 2)


@pytest.mark.parametrize("dense", [True, False])
def test_a_label_is_read_from_the_first_or_the_last_real_token(dense):
    hidden = draw(3, 4, D)
    keep = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]])
    for last, given, slots in (
        (False, None, [0, 0, 0]),
        (False, keep, [0, 0, 0]),
        (True, None, [3, 3, 3]),
        (True, keep, [3, 1, 3]),
    ):
        head = drawn(SequenceClassifier(D, 5, last=last, dense=dense, bias=not dense))
        assert (head.output.bias is None) == dense
        read = hidden[torch.arange(3), slots]
        wanted = head.output(torch.tanh(head.dense(read)) if dense else read)
        torch.testing.assert_close(head(hidden, given), wanted)
    assert SequenceClassifier(D, 5).dense is not None and not SequenceClassifier(D, 5).last
    assert SequenceClassifier(D, 5).output.bias is not None


@pytest.mark.parametrize("dropped", [0.0, 1.0])
def test_dropout_of_the_labels_is_the_one_asked_for(dropped):
    hidden = draw(1, 2, D)
    whole, words = SequenceClassifier(D, 5, dropout=dropped), TokenClassifier(D, 5, dropout=dropped)
    heads = ((whole.train(), whole(hidden)), (words.train(), words(hidden)[:, 0]))
    for head, scores in heads:  # all of the read vector is dropped, or nothing
        assert torch.equal(scores, head.output.bias.expand_as(scores)) == bool(dropped)
    assert SequenceClassifier(D, 5).dropout.p == TokenClassifier(D, 5).dropout.p == 0


def test_each_token_gets_labels_and_a_span_two_ends():
    hidden, keep = draw(2, 3, D), torch.tensor([[True, True, False], [True, True, True]])
    words, span = drawn(TokenClassifier(D, 5)), drawn(SpanHead(D))
    torch.testing.assert_close(words(hidden), words.output(hidden))
    scores = span.output(hidden)
    for given in (None, keep):
        start, end = span(hidden, given)
        hide = (
            torch.zeros(2, 3) if given is None else torch.zeros(2, 3).masked_fill(~keep, -math.inf)
        )
        torch.testing.assert_close(start, scores[..., 0] + hide)
        torch.testing.assert_close(end, scores[..., 1] + hide)


def test_the_table_is_scaled_by_the_root_of_the_width_where_the_model_scales():
    tokens = torch.tensor([[0, 3, V - 1]])
    for scale in (False, True):
        table = drawn(Embedding(config(scale_embedding=scale)))
        wanted = table.weight[tokens] * (math.sqrt(D) if scale else 1)
        torch.testing.assert_close(table(tokens), wanted)


def test_segments_order_and_norm_enter_in_this_order():
    x, at = draw(1, 3, D), torch.arange(3)
    segments = torch.tensor([[1, 0, 1]])
    fields = {"position": "learned", "n_segments": 2, "embedding_norm": True}
    door = drawn(Entrance(config(**fields), bidirectional=False))
    order = door.positions.table.weight[:3]
    for given, of in ((segments, door.segments.weight[segments]), (None, door.segments.weight[0])):
        torch.testing.assert_close(door.enter(x, at, given), door.embedding_norm(x + order + of))
    plain = Entrance(config(position="none"), bidirectional=False)
    assert torch.equal(plain.enter(x, at, None), x)
    with pytest.raises(ValueError, match="this model has no segments"):
        plain.enter(x, at, segments)


def test_dropout_at_the_door_is_for_training_only():
    x, at = torch.ones(1, 3, D), torch.arange(3)
    door = Entrance(config(position="none", dropout=0.5), bidirectional=False)
    assert torch.equal(door.eval().enter(x, at, None), x)
    assert set(door.train().enter(x, at, None).flatten().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("cross", [False, True])
def test_norms_stand_before_each_part_or_behind_each_sum(cross):
    x, view = draw(1, 3, D), View(causal=True)
    for placement in ("pre", "post"):
        block = drawn(Block(config(norm_placement=placement), cross=cross))
        memory = block.project_memory(draw(1, 5, D, seed=3)) if cross else None
        parts = [(block.attention_norm, lambda y, b=block: b.attention(y, view))]
        if cross:
            look = lambda y, b=block, m=memory: b.cross_attention(y, View(), m)  # noqa: E731
            parts.append((block.cross_attention_norm, look))
        parts.append((block.feed_forward_norm, block.feed_forward))
        wanted = x
        for norm, part in parts:
            before = placement == "pre"
            wanted = wanted + part(norm(wanted)) if before else norm(wanted + part(wanted))
        torch.testing.assert_close(block(x, view, memory, View()), wanted)


def test_float16_answers_wide_and_sums_stay_finite():
    linear = PreciseLinear(2, 1).half()
    linear.weight.data.fill_(300.0)
    linear.bias.data.fill_(1.0)
    wide = linear(torch.full((1, 2), 300.0, dtype=torch.float16))
    assert wide.dtype == torch.float32 and wide.tolist() == [[180001.0]]
    assert PreciseLinear(2, 1)(torch.ones(1, 2)).dtype == torch.float32
    large = torch.tensor([60000.0, -60000.0, 1.0], dtype=torch.float16)
    assert add(large, large).tolist() == [64512.0, -64512.0, 2.0]
    assert add(large[2:], large[2:]).tolist() == [2.0]
    assert add(large.float(), large.float()).tolist() == [120000.0, -120000.0, 2.0]
