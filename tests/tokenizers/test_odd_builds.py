"""Builds that no published family has, found by putting parts together at random."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers as rust
from tokenizers import decoders, models, normalizers, processors, trainers
from tokenizers import pre_tokenizers as pre

from course_lib.tokenizers import ByteLevelBPE, LibraryTokenizer, Unigram, load_tokenizer

TEXTS = ["the river and the boat. the oar", "a river, the boats and THE oars\n"] * 5
HARD = ["", " ", "the", "the the other", "a\xa0b\u3000c", "[MASK]the", "<s> x </s>", "日本 e\u0301"]


def write(folder: Path, content: dict[str, Any]) -> Any:
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return rust.Tokenizer.from_file(str(folder / "tokenizer.json"))


def byte_bpe() -> dict[str, Any]:
    made = rust.Tokenizer(models.BPE())
    made.pre_tokenizer = pre.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(TEXTS, trainer)
    return json.loads(made.to_str())


def unigram(**parts: Any) -> dict[str, Any]:
    special = ["<unk>", "<s>", "[MASK]"]
    pieces = [*((name, 0.0) for name in special), ("▁", -2.0), ("▁the", -3.0), ("e", -3.5)]
    pieces += [(letter, -4.0) for letter in "thabcrivo"]
    made = rust.Tokenizer(models.Unigram(pieces, 0, False))
    made.pre_tokenizer = pre.Metaspace()
    made.decoder = decoders.Metaspace()
    made.add_special_tokens(special)
    for name, part in parts.items():
        setattr(made, name, part)
    return json.loads(made.to_str())


def assert_same(folder: Path, theirs: Any, kind: type) -> None:
    ours = load_tokenizer(folder)
    assert type(ours) is kind
    for text in HARD:
        wanted = theirs.encode(text, add_special_tokens=False)
        assert ours.encode(text, allow_special=True) == wanted.ids, text
        assert ours.offsets(text, allow_special=True) == wanted.offsets, text
        for skip in (False, True):
            again = ours.decode(wanted.ids, skip_special=skip)
            assert again == theirs.decode(wanted.ids, skip_special_tokens=skip), text


@pytest.mark.parametrize("special", [True, False])
def test_an_added_token_that_a_merge_makes_too(tmp_path: Path, special: bool) -> None:
    """A word that somebody marked later on: it has a use in the model as well."""
    content = byte_bpe()
    i = content["model"]["vocab"]["the"]
    flags = dict.fromkeys(("lstrip", "rstrip", "single_word", "normalized"), False)
    content["added_tokens"] = [{"id": i, "content": "the", "special": special, **flags}]
    theirs = write(tmp_path, content)
    assert_same(tmp_path, theirs, LibraryTokenizer)
    with pytest.raises(ValueError, match="a merge makes the added token 'the'"):
        ByteLevelBPE.load(tmp_path)


def test_the_same_in_lists(tmp_path: Path) -> None:
    model = byte_bpe()["model"]
    merges = [" ".join(one) for one in model["merges"]]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
    (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]), encoding="utf-8")
    (tmp_path / "added_tokens.json").write_text(json.dumps({"the": model["vocab"]["the"]}))
    with pytest.raises(ValueError, match="a merge makes the added token 'the'"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("trims", [True, False])
def test_spans_of_unknown_blanks(tmp_path: Path, trims: bool) -> None:
    """A piece that is not known is spelled as it stands in the text, so its blanks count."""
    post = processors.ByteLevel(trim_offsets=trims)
    theirs = write(tmp_path, unigram(post_processor=post))
    assert_same(tmp_path, theirs, Unigram)


def test_a_special_token_that_is_spelled_anew(tmp_path: Path) -> None:
    """The library looks a token up as it shows it, so that one in small letters is kept."""
    content = unigram(normalizer=normalizers.Lowercase())
    for entry in content["added_tokens"]:
        entry["normalized"] = True
    theirs = write(tmp_path, content)
    assert theirs.decode([2], skip_special_tokens=True) == "[mask]"
    assert_same(tmp_path, theirs, Unigram)


@pytest.mark.parametrize("ids", [[], [2]])
def test_a_decoder_that_the_library_fails_on(tmp_path: Path, ids: list[int]) -> None:
    """It ends in a panic, which is no exception of Python's own."""
    steps = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 0, 1)])
    content = unigram(decoder=steps, pre_tokenizer=pre.FixedLength(4))
    write(tmp_path, content)
    ours = load_tokenizer(tmp_path)
    assert type(ours) is LibraryTokenizer
    with pytest.raises(ValueError, match="the library refuses it: "):
        ours.decode(ids, skip_special=True)
