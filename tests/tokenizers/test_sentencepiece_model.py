"""SentencePiece files, through their own library, and their character map without it."""

import base64
import io
import pickle
import random
import struct
import sys

import pytest
import sentencepiece
import tokenizers as rust

from course_lib.tokenizers import SentencePieceModel
from course_lib.tokenizers.charsmap import CharacterMap
from course_lib.tokenizers.normalizers import build_normalizer


def train(topics, **options):
    lines = [line for text in topics[:12] for line in text.split("\n") if line.strip()]
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=written,
        vocab_size=700,
        minloglevel=2,
        num_threads=1,
        **options,
    )
    return written.getvalue()


@pytest.fixture(scope="module")
def unigram(topics):
    return train(topics, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)


@pytest.fixture(scope="module")
def bpe(topics):
    return train(topics, model_type="bpe", byte_fallback=True, normalization_rule_name="identity")


def fields(message):
    """Field number -> content of a protocol buffer message (last one wins)."""
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = number()
        if key & 7 == 0:
            found[key >> 3] = number()
            continue
        size = {1: 8, 5: 4}.get(key & 7) or number()
        found[key >> 3] = message[at : at + size]
        at += size
    return found


@pytest.fixture(scope="module")
def charsmap(unigram):
    return fields(fields(unigram)[3])[2]


class TestModel:
    def test_same_ids(self, unigram, bpe, hard):
        for model in (unigram, bpe):
            reference = sentencepiece.SentencePieceProcessor(model_proto=model)
            ours = SentencePieceModel(model)
            assert ours.encode(hard) == reference.encode(hard)
            assert len(ours.offsets(hard)) == len(ours.encode(hard))
            assert ours.vocab_size == len(ours.tokens) == reference.get_piece_size()

    def test_bytes_give_the_text_back(self, bpe):
        ours = SentencePieceModel(bpe)
        text = "日本語 and 😀 \u0300"
        assert ours.decode(ours.encode(text)) == text

    def test_sentinels(self, unigram):
        ours = SentencePieceModel(unigram, n_sentinels=100)
        assert (ours.sentinel(0), ours.sentinel(99)) == (799, 700)
        text = "Thank you <extra_id_0> me</s>"
        ids = ours.encode(text, allow_special=True)
        assert ids[-1] == 1 and 799 in ids
        assert 799 not in ours.encode(text)
        assert ours.decode(ids).endswith("</s>")
        assert "<" not in ours.decode(ids, skip_special=True)

    def test_files(self, unigram, tmp_path):
        SentencePieceModel(unigram).save(tmp_path)
        loaded = SentencePieceModel.load(tmp_path)
        assert loaded.tokens == SentencePieceModel(unigram).tokens
        assert (tmp_path / "tokenizer.model").read_bytes() == unigram
        assert pickle.loads(pickle.dumps(loaded)).encode("a b") == loaded.encode("a b")

    def test_bad_input(self, unigram, tmp_path):
        with pytest.raises(ValueError, match="no SentencePiece model"):
            SentencePieceModel(b"nonsense")
        (tmp_path / "spiece.model").write_bytes(b"nonsense")
        with pytest.raises(ValueError, match=r"spiece\.model"):
            SentencePieceModel.load(tmp_path)
        with pytest.raises(ValueError, match="id 700"):
            SentencePieceModel(unigram).decode([700])
        with pytest.raises(ValueError, match="lone surrogate"):
            SentencePieceModel(unigram).encode("\udcff")

    def test_without_the_library(self, unigram, monkeypatch):
        monkeypatch.setitem(sys.modules, "sentencepiece", None)
        with pytest.raises(ModuleNotFoundError, match="pip install sentencepiece"):
            SentencePieceModel(unigram)


class TestCharacterMap:
    def test_every_character_of_blocks_that_change(self, charsmap):
        ours, theirs = CharacterMap(charsmap), rust.normalizers.Precompiled(charsmap)
        blocks = [(0, 0x3400), (0xF900, 0x10000), (0x1D400, 0x1D800), (0x1F100, 0x1F300)]
        characters = [chr(c) for first, end in blocks for c in range(first, end)]
        for start in range(0, len(characters), 500):
            text = "\n".join(characters[start : start + 500])
            assert ours(text) == theirs.normalize_str(text)

    def test_hard_texts(self, charsmap, hard):
        section = {
            "type": "Precompiled",
            "precompiled_charsmap": base64.b64encode(charsmap).decode(),
        }
        theirs = rust.normalizers.Precompiled(charsmap)
        assert build_normalizer(section)(hard) == theirs.normalize_str(hard)

    def test_letters_with_accents(self, charsmap):
        ours, theirs = CharacterMap(charsmap), rust.normalizers.Precompiled(charsmap)
        generator = random.Random(0)
        letters = "aeEoun 1ﬁ①ｱｶﾞ\u0301\u0308\u0327\u200d\r\n\t" + "".join(map(chr, range(192, 600)))
        for _ in range(300):
            text = "".join(generator.choices(letters, k=12))
            assert ours(text) == theirs.normalize_str(text)

    def test_broken(self, charsmap):
        with pytest.raises(ValueError, match="begin with its length"):
            CharacterMap(b"")
        with pytest.raises(ValueError, match="bytes of trie"):
            CharacterMap(struct.pack("<I", len(charsmap)) + charsmap[4:100])
