"""SentencePiece files, through their own library, and their character map without it."""

import base64
import io
import json
import pickle
import random
import struct
import sys

import pytest
import sentencepiece
import tokenizers as rust

from course_lib.tokenizers import SentencePieceModel, load_tokenizer
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


LLAMA = {"tokenizer_class": "LlamaTokenizer"}
T5 = {"tokenizer_class": "T5Tokenizer"}


class TestFilesBeside:
    """What is expected was read off `transformers` 5.23, which needs one package more for it."""

    @pytest.fixture
    def put(self, unigram, bpe, tmp_path):
        def write(config, **more):
            is_t5 = config is not None and "T5" in config.get("tokenizer_class", "")
            name = "spiece.model" if is_t5 else "tokenizer.model"
            (tmp_path / name).write_bytes(unigram if is_t5 else bpe)
            files = {"tokenizer_config": config, **more}
            for stem, content in files.items():
                if content is not None:
                    (tmp_path / f"{stem}.json").write_text(json.dumps(content))
            return tmp_path

        return write

    @pytest.mark.parametrize(
        ("config", "goes_on_with", "frame"),
        [
            (None, "▁y", ([], [])),
            (LLAMA, "y", ([], [])),
            (LLAMA | {"legacy": False}, "y", ([], [])),
            (LLAMA | {"legacy": True}, "▁y", ([], [])),
            (LLAMA | {"add_bos_token": True}, "y", ([1], [])),
            (LLAMA | {"add_bos_token": True, "add_eos_token": True}, "y", ([1], [2])),
            (LLAMA | {"bos_token": "</s>", "add_bos_token": True}, "y", ([2], [])),
            (LLAMA | {"sp_model_kwargs": {}, "clean_up_tokenization_spaces": True}, "y", ([], [])),
            ({"add_eos_token": True, "eos_token": {"content": "</s>"}}, "▁y", ([], [2])),
        ],
    )
    def test_llama(self, put, config, goes_on_with, frame):
        ours = load_tokenizer(put(config))
        ids = ours.encode("x</s>yé", allow_special=True)
        spelled = [ours.tokens[i] for i in ids]
        assert "".join(spelled).startswith(f"▁x</s>{goes_on_with}<0xC3>")
        spans = ours.offsets("x</s>yé", allow_special=True)
        assert len(spans) == len(ids)
        assert spans[spelled.index("</s>")] == (1, 5)
        assert max(end for _, end in spans) == 7
        assert all(0 <= start <= end for start, end in spans)
        assert ours.special_frame == frame
        assert pickle.loads(pickle.dumps(ours)).encode("</s>y", allow_special=True) == ours.encode(
            "</s>y", allow_special=True
        )

    @pytest.mark.parametrize(("config", "n"), [(T5, 100), (T5 | {"extra_ids": 10}, 10)])
    def test_t5(self, put, config, n):
        ours = load_tokenizer(put(config))
        assert (ours.vocab_size, ours.sentinel(0)) == (700 + n, 700 + n - 1)
        assert ours.special_frame == ([], [1])

    @pytest.mark.parametrize("special", [True, False])
    def test_added_tokens_of_the_vocabulary(self, put, special):
        """With the flags that the file gives them."""
        entry = {"content": "</s>", "special": special, "lstrip": True, "normalized": True}
        ours = load_tokenizer(put(LLAMA | {"added_tokens_decoder": {"2": entry}}))
        (at,) = [i for i, one in enumerate(ours.encode("x </s>", allow_special=True)) if one == 2]
        assert ours.offsets("x </s>", allow_special=True)[at] == (1, 6)
        assert (2 in ours.encode("x </s>")) == (not special)

    @pytest.mark.parametrize(
        ("config", "more", "told"),
        [
            (LLAMA | {"sp_model_kwargs": {"nbest_size": -1}}, {}, "sp_model_kwargs"),
            (LLAMA | {"add_prefix_space": False}, {}, "add_prefix_space=False"),
            (LLAMA | {"do_lower_case": True}, {}, "do_lower_case=True is not known"),
            (LLAMA | {"pad_token": "<new>"}, {}, "'<new>' is no token of tokenizer.model"),
            (LLAMA | {"auto_map": {"a": "b"}}, {}, "auto_map"),
            (LLAMA, {"added_tokens": {"<new>": 700}}, "'<new>' with the id 700 is no token"),
            (LLAMA, {"added_tokens": {"</s>": 7}}, "'</s>' with the id 7 is no token"),
            (LLAMA, {"special_tokens_map": {"pad_token": "<new>"}}, "'<new>' is no token"),
            (T5 | {"clean_up_tokenization_spaces": True}, {}, "clean_up_tokenization_spaces=True"),
            ({"tokenizer_class": "AlbertTokenizer"}, {}, "AlbertTokenizer.* is not supported"),
            ({"add_bos_token": True, "bos_token": "<b>"}, {}, "'<b>' is no token"),
        ],
    )
    def test_what_is_not_obeyed_is_refused_by_name(self, put, config, more, told):
        with pytest.raises(ValueError, match=told):
            load_tokenizer(put(config, **more))
