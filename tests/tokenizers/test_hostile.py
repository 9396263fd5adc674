"""Files made to harm: each is refused when it is read, or gives up in time when it is used."""

import base64
import io
import json
import time

import pytest
import sentencepiece

from course_lib.tokenizers import (
    ByteLevelBPE,
    SentencePieceModel,
    Unigram,
    WordPiece,
    load_tokenizer,
    patterns,
)
from course_lib.tokenizers.charsmap import CharacterMap
from tests.tokenizers.published import charsmap

TEXTS = ["the text of a corpus, the text of a test"] * 5
DEEP = {"type": "NFC"}
for _ in range(400):
    DEEP = {"type": "Sequence", "normalizers": [DEEP]}


def split(pattern):
    step = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [step, byte_level]}


@pytest.fixture
def bpe(tmp_path):
    """Give a way to load byte-level BPE with parts of its file exchanged."""
    ByteLevelBPE.train(TEXTS, 280).save(tmp_path)
    file = tmp_path / "tokenizer.json"
    content = json.loads(file.read_text())

    def load(**parts):
        file.write_text(json.dumps(content | parts))
        return load_tokenizer(file)

    return load


@pytest.mark.parametrize(
    "parts",
    [
        {"normalizer": {"type": "Prepend"}},
        {"normalizer": {"type": "Prepend", "prepend": 3}},
        {"normalizer": {"type": "Prepend", "prepend": "x" * 10_000}},
        {"normalizer": {"type": "Replace", "pattern": {"Regex": "(("}, "content": ""}},
        {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}},
        {"normalizer": {"type": "Replace", "pattern": {"String": "a"}, "content": "b" * 10_000}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAA"}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "ÄÖ=="}},
        {"normalizer": DEEP},
        {"pre_tokenizer": split({"Regex": "(?R)"})},
        {"pre_tokenizer": split({"Regex": "a(?1)?(b)"})},
        {"pre_tokenizer": split({"Regex": "(" * 5000 + ")" * 5000})},
        {"pre_tokenizer": split({"Regex": ""})},
        {"pre_tokenizer": split({})},
        {"post_processor": {"type": "TemplateProcessing", "single": [], "pair": []}},
        {"post_processor": {"type": "RobertaProcessing", "sep": ["x"], "cls": ["x", 1]}},
    ],
)
def test_refused_when_it_is_read(bpe, parts):
    with pytest.raises(ValueError, match=r"tokenizer\.json"):
        bpe(**parts)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["(a|a)*$", "(a|aa)+$"])
@pytest.mark.parametrize("place", ["pre_tokenizer", "normalizer"])
def test_an_endless_search_is_given_up(bpe, pattern, place, monkeypatch):
    """In each place, after a while that is made short for all but one."""
    seconds = patterns._SECONDS if (pattern, place) == ("(a|a)*$", "normalizer") else 0.5
    monkeypatch.setattr(patterns, "_SECONDS", seconds)
    replace = {"type": "Replace", "pattern": {"Regex": pattern}, "content": "x"}
    part = split({"Regex": pattern}) if place == "pre_tokenizer" else replace
    tokenizer = bpe(**{place: part})
    start = time.process_time()
    with pytest.raises(ValueError, match="pattern takes too long"):
        tokenizer.encode("a" * 60 + "b")
    assert time.process_time() - start < 20


def test_a_text_that_would_grow_without_end(bpe):
    double = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    tokenizer = bpe(normalizer={"type": "Sequence", "normalizers": [double] * 40})
    assert tokenizer.encode("the text")
    with pytest.raises(ValueError, match="longer than 100 times"):
        tokenizer.encode("a" * 100)


@pytest.mark.slow
def test_a_damaged_character_map():
    """Every byte changed: it is read as another map, or refused; it never fails in use."""
    blob = base64.b64decode(charsmap())
    CharacterMap(blob)("ﬁ Ａ ①")
    refused = 0
    for at in range(0, len(blob), len(blob) // 40):
        for value in (0, 0x80, 0xFF):
            try:
                made = CharacterMap(blob[:at] + bytes([value]) + blob[at + 1 :])
            except ValueError:
                refused += 1
            else:
                made("ﬁ Ａ ① é \u200b x")
    with pytest.raises(ValueError, match="leads nowhere"):
        CharacterMap(blob[: len(blob) - 2000])
    assert refused


def test_an_unknown_id_that_is_none(tmp_path):
    Unigram.train(TEXTS, 60).save(tmp_path)
    file = tmp_path / "tokenizer.json"
    content = json.loads(file.read_text())
    for value in (-1, 10**6, 1.5, True):
        content["model"]["unk_id"] = value
        file.write_text(json.dumps(content))
        with pytest.raises(ValueError, match=r"tokenizer\.json.*unk_id"):
            load_tokenizer(file)


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.json", "tokenizer_config.json"])
def test_deep_files(tmp_path, name):
    (tmp_path / "vocab.txt").write_text("[UNK]\na\n")
    (tmp_path / name).write_bytes(b"[" * 100_000)
    with pytest.raises(ValueError, match=f"{name} is nested too deeply"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("kind", [ByteLevelBPE, Unigram, WordPiece])
def test_one_long_word_takes_no_longer_than_many(kind):
    def seconds(length):
        start = time.process_time()
        kind.train(["abcdefghij" * (length // 10)], 300)
        return time.process_time() - start

    seconds(1000)
    assert seconds(40_000) < 20


@pytest.mark.parametrize("kind", [ByteLevelBPE, Unigram, WordPiece])
def test_one_string_is_no_list_of_names(kind):
    with pytest.raises(TypeError, match="special_tokens"):
        kind.train(TEXTS, 300, special_tokens="<x>")


def test_sentencepiece_without_special_tokens():
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the river and a cat"] * 5),
        model_writer=written,
        vocab_size=25,
        model_type="bpe",
        minloglevel=2,
    )
    tokenizer = SentencePieceModel(written.getvalue())
    end = tokenizer.special_id("</s>")
    ids = [*tokenizer.encode("the river"), end, *tokenizer.encode("a cat"), end]
    assert tokenizer.decode(ids, skip_special=True) == "the river a cat"
    assert tokenizer.decode(ids) == "the river</s>a cat</s>"
