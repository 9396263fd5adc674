"""What a model reads and should answer: for each kind of item, in each family."""

from dataclasses import replace

import pytest
import torch

from course_lib import Transformer, TransformerConfig
from course_lib.objectives import IGNORE
from course_lib.tasks import (
    Continuation,
    Encoder,
    LabelledText,
    Question,
    TaggedWords,
    TextPair,
    answer,
    encode_items,
    task_model,
)
from course_lib.tokenizers import ByteLevelBPE, WordPiece

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "dog", "##gy", "likes", "tea", "?"]
PAD, CLS, SEP, THE, DOG, GY, LIKES, TEA, ASK = (0, 2, 3, 5, 6, 7, 8, 9, 10)
TOKENIZER = WordPiece({piece: number for number, piece in enumerate(PIECES)})
ENCODER = TransformerConfig(
    vocab_size=11, d_model=16, n_heads=2, max_seq_len=12, n_encoder_layers=1
)
DECODER = replace(ENCODER, n_encoder_layers=0, n_decoder_layers=1)
BOTH = replace(ENCODER, n_decoder_layers=1)
TAGGED = TaggedWords(("the", "doggy", "likes", "tea"), ("O", "B-X", "O", "B-X"))
ASKED = Question("doggy likes tea", "the dog ?", "tea", 12)
PAIR = TextPair("the dog", "doggy tea")


def encoded(item, config: TransformerConfig, labels=("O", "B-X"), **options):
    return encode_items([item], Encoder.of(TOKENIZER, config, **options), labels)


def test_a_continuation_has_no_label() -> None:
    (row,) = encoded(TAGGED, ENCODER).rows
    assert row["inputs"] == [CLS, THE, DOG, GY, LIKES, TEA, SEP]
    assert row["targets"] == [IGNORE, 0, 1, IGNORE, 0, 1, IGNORE]


MISTAKES = {
    "every piece has the label of its word": [IGNORE, 0, 1, 1, 0, 1, IGNORE],
    "labels are those of pieces in order": [0, 1, 0, 1, IGNORE, IGNORE, IGNORE],
    "no place is left for the first special token": [0, 1, IGNORE, 0, 1, IGNORE, IGNORE],
    "the last piece has the label": [IGNORE, 0, IGNORE, 1, 0, 1, IGNORE],
    "special tokens are outside an entity": [0, 0, 1, IGNORE, 0, 1, 0],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_classic_mistakes_are_others(mistake: str) -> None:
    (row,) = encoded(TAGGED, ENCODER).rows
    assert row["targets"] != MISTAKES[mistake]


def test_a_text_has_its_label_at_its_first_place() -> None:
    for config, before in ((ENCODER, CLS), (DECODER, SEP)):
        (row,) = encoded(LabelledText("the dog", "B-X"), config).rows
        assert row["inputs"] == [before, THE, DOG, SEP]
        assert row["targets"] == [1, IGNORE, IGNORE, IGNORE]


def test_a_decoder_whose_padding_ends_texts_reads_the_last_word() -> None:
    encoder = Encoder.of(TOKENIZER, DECODER, {"pad_token_id": SEP})
    (row,) = encode_items([LabelledText("the dog", "O")], encoder, ("O", "B-X")).rows
    assert row["inputs"] == [SEP, THE, DOG]
    (row,) = encode_items([PAIR], encoder).rows
    assert row["inputs"] == [SEP, THE, DOG, SEP, DOG, GY, TEA]


def test_an_encoder_decoder_reads_a_text_twice() -> None:
    (row,) = encoded(LabelledText("the dog", "O"), BOTH).rows
    assert row["source"] == [SEP, THE, DOG, SEP]
    assert row["inputs"] == [SEP, SEP, THE, DOG]


def test_a_decoder_learns_the_target_alone() -> None:
    (row,) = encoded(PAIR, DECODER).rows
    assert row["inputs"] == [SEP, THE, DOG, SEP, DOG, GY, TEA]
    assert row["targets"] == [IGNORE, IGNORE, IGNORE, DOG, GY, TEA, SEP]


def test_a_continuation_follows_its_beginning_at_once() -> None:
    goes_on = Continuation("the dog", "likes tea")
    (row,) = encoded(goes_on, DECODER).rows
    assert row["inputs"] == [SEP, THE, DOG, LIKES, TEA]
    assert row["targets"] == [IGNORE, IGNORE, LIKES, TEA, SEP]
    words = ByteLevelBPE.train(["the dog likes tea"] * 3, 270, special_tokens=["<|endoftext|>"])
    config = replace(DECODER, vocab_size=words.vocab_size, max_seq_len=32)
    (row,) = encode_items([goes_on], Encoder.of(words, config)).rows
    assert words.decode(row["inputs"][1:]) == "the dog likes tea"


def test_an_encoder_decoder_writes_from_its_start_token() -> None:
    (row,) = encoded(PAIR, BOTH, published={"decoder_start_token_id": 4}).rows
    assert row["source"] == [SEP, THE, DOG, SEP]
    assert row["inputs"] == [4, DOG, GY, TEA]
    assert row["targets"] == [DOG, GY, TEA, SEP]


def test_an_answer_is_a_span_of_the_text_behind_the_question() -> None:
    (row,) = encoded(ASKED, ENCODER).rows
    assert row["inputs"] == [CLS, THE, DOG, ASK, SEP, DOG, GY, LIKES, TEA, SEP]
    assert row["targets"] == [8, 8] + [IGNORE] * 8
    longer = replace(ASKED, answer="doggy likes", start=0)
    assert encoded(longer, ENCODER).rows[0]["targets"][:2] == [5, 7]


def test_a_batch_is_as_long_as_its_longest() -> None:
    items = [LabelledText("the", "O"), LabelledText("the dog likes tea", "B-X")]
    made = encode_items(items, Encoder.of(TOKENIZER, ENCODER), ("O", "B-X"))
    batch = made(made.numbers)
    assert batch.inputs.tolist() == [[2, 5, 3, 0, 0, 0], [2, 5, 6, 8, 9, 3]]
    assert batch.keep.tolist() == [[True] * 3 + [False] * 3, [True] * 6]
    assert batch.targets[:, 0].tolist() == [0, 1]
    assert made(made.numbers[:1]).inputs.shape == (1, 3)


def test_what_is_too_long_is_cut_or_left_out_and_counted() -> None:
    config = replace(ENCODER, max_seq_len=5)
    made = encoded(TAGGED, config)
    assert made.rows[0]["targets"] == [IGNORE, 0, 1, IGNORE, IGNORE]
    assert made.notes["cut to max_seq_len"] == 1
    far = replace(ASKED, context="tea " + "the " * 20 + "dog", answer="dog", start=84)
    encoder = Encoder.of(TOKENIZER, ENCODER)
    made = encode_items([far, ASKED], encoder)
    assert made.kept == [1]
    assert made.notes["left out: the answer lies beyond max_seq_len"] == 1
    with pytest.raises(ValueError, match="none of the 1 items fits max_seq_len 12: left out"):
        encode_items([far], encoder)
    with pytest.raises(ValueError, match="none of the 1 items fits"):
        encoded(TextPair("the " * 20, "dog"), BOTH)


@pytest.mark.parametrize(
    ("items", "labels", "message"),
    [
        ([], (), "items must hold at least 1, got none"),
        ([LabelledText("a", "x")], ("y", "z"), r"items\[0\]: unknown label 'x': known are y, z"),
        ([TAGGED, TAGGED], ("O",), r"items\[0\]: unknown label 'B-X'"),
        ([LabelledText("a", "x")], ("x", "x"), "labels must differ"),
        ([PAIR], (), r"items\[0\]: an encoder-only model writes no text"),
    ],
)
def test_what_cannot_be_encoded_is_named(items: list, labels: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_items(items, Encoder.of(TOKENIZER, ENCODER), labels)
    with pytest.raises(TypeError, match="items must all be LabelledText"):
        encode_items([LabelledText("a", "x"), PAIR], Encoder.of(TOKENIZER, ENCODER), ("x", "y"))


def test_a_tokenizer_larger_than_the_model_is_refused() -> None:
    with pytest.raises(ValueError, match="tokenizer has 11 tokens, the model only 10"):
        Encoder.of(TOKENIZER, replace(ENCODER, vocab_size=10))


@pytest.mark.parametrize("config", [ENCODER, DECODER, BOTH], ids=lambda c: c.family)
@pytest.mark.parametrize("item", [TAGGED, ASKED, LabelledText("the dog", "O")], ids=type)
def test_an_answer_does_not_depend_on_its_neighbours(item, config) -> None:
    encoder = Encoder.of(TOKENIZER, config)
    fresh = torch.Generator().manual_seed(0)
    model = task_model(Transformer(config, generator=fresh), [item], ("O", "B-X"), fresh)
    others = {
        TaggedWords: TaggedWords(("tea",), ("O",)),
        Question: replace(ASKED, context="tea", start=0),
        LabelledText: LabelledText("tea likes the dog", "O"),
    }
    both = [item, others[type(item)]]
    together = answer(model, both, encoder, ("O", "B-X"), max_new_tokens=3)
    alone = answer(model, both, encoder, ("O", "B-X"), batch_size=1, max_new_tokens=3)
    assert together == alone
    if isinstance(item, TaggedWords):
        assert [len(labels) for labels in alone] == [4, 1]


def test_a_head_does_not_answer_another_question() -> None:
    fresh = torch.Generator().manual_seed(0)
    model = task_model(Transformer(ENCODER, generator=fresh), [TAGGED], ("O", "B-X"), fresh)
    with pytest.raises(TypeError, match="a head for tokens cannot answer a LabelledText"):
        answer(model, [LabelledText("a", "O")], Encoder.of(TOKENIZER, ENCODER), ("O", "B-X"))
    with pytest.raises(TypeError, match="TaggedWords needs a model with the head of a task"):
        answer(model.model, [TAGGED], Encoder.of(TOKENIZER, ENCODER), ("O", "B-X"))
