"""Choosing the class from what the files declare."""

import io
import json
import sys

import pytest
import sentencepiece

from course_lib.tokenizers import (
    ByteLevelBPE,
    SentencePieceModel,
    Tokenizer,
    Unigram,
    WordPiece,
    load_tokenizer,
)

TEXT = "the cat sat on the mat, the cat sat"
KINDS = {
    ByteLevelBPE: lambda: ByteLevelBPE.train([TEXT], 270, special_tokens=["<|endoftext|>"]),
    WordPiece: lambda: WordPiece.train([TEXT], 35),
    Unigram: lambda: Unigram.train([TEXT], 25),
}


@pytest.mark.parametrize("kind", KINDS)
def test_tokenizer_json(kind, tmp_path):
    tokenizer = KINDS[kind]()
    tokenizer.save(tmp_path)
    for path in (tmp_path, tmp_path / "tokenizer.json", str(tmp_path)):
        loaded = load_tokenizer(path)
        assert type(loaded) is kind
        assert loaded.encode(TEXT) == tokenizer.encode(TEXT)
        assert loaded.special_tokens == tokenizer.special_tokens


def test_type_left_out(tmp_path):
    for kind, make in KINDS.items():
        make().save(tmp_path)
        file = tmp_path / "tokenizer.json"
        content = json.loads(file.read_text())
        del content["model"]["type"]
        file.write_text(json.dumps(content))
        assert type(load_tokenizer(file)) is kind


def test_vocab_txt(tmp_path):
    tokenizer = KINDS[WordPiece]()
    tokenizer.save(tmp_path / "vocab.txt")
    assert load_tokenizer(tmp_path).encode(TEXT) == tokenizer.encode(TEXT)


def test_vocab_json_of_a_model_with_the_word_model(tmp_path):
    """A spelling called `model` in a vocab.json is a token, not a section."""
    tokenizer = ByteLevelBPE.train(["model " * 20 + "xmodel"], 280)
    tokenizer.save(tmp_path)
    model = json.loads((tmp_path / "tokenizer.json").read_text())["model"]
    (tmp_path / "tokenizer.json").unlink()
    assert "model" in model["vocab"]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in model["merges"])
    (tmp_path / "merges.txt").write_text(merges)
    assert load_tokenizer(tmp_path).merges == tokenizer.merges


def test_sentencepiece(tmp_path):
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([TEXT] * 5),
        model_writer=written,
        vocab_size=20,
        model_type="bpe",
        minloglevel=2,
    )
    (tmp_path / "tokenizer.model").write_bytes(written.getvalue())
    assert type(load_tokenizer(tmp_path)) is SentencePieceModel


def test_the_name_of_the_folder_plays_no_part(tmp_path):
    folder = tmp_path / "bert-base-uncased"
    folder.mkdir()
    KINDS[Unigram]().save(folder)
    assert type(load_tokenizer(folder)) is Unigram


def test_bad_input(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json, vocab\.json, vocab\.txt"):
        load_tokenizer(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_tokenizer(tmp_path / "nowhere")
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "WordLevel", "vocab": {}}}')
    with pytest.raises(ValueError, match=r"tokenizer\.json: the library refuses it"):
        load_tokenizer(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ValueError, match="WordLevel tokenizer; known are BPE"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_interface(kind):
    tokenizer = KINDS[kind]()
    assert isinstance(tokenizer, Tokenizer)
    ids = tokenizer.encode(TEXT)
    assert all(0 <= i < tokenizer.vocab_size for i in ids)
    assert len(tokenizer.tokens) == tokenizer.vocab_size
    assert len(tokenizer.offsets(TEXT)) == len(ids)
    assert tokenizer.encode("") == [] and tokenizer.offsets("") == [] and tokenizer.decode([]) == ""
    assert tokenizer.decode(ids).replace(" ", "") == TEXT.replace(" ", "")
