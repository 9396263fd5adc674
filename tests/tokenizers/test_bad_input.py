"""What no tokenizer accepts, tried on each kind: one row of the list, one test.

Arguments of a wrong type are caught by the type checker first while the tests run, so of those
messages only the argument's name is asked for here.
"""

import copy
import json
import re

import pytest

from course_lib.tokenizers import (
    ByteLevelBPE,
    CharacterBPE,
    LibraryTokenizer,
    Unigram,
    WordPiece,
    load_tokenizer,
)

TEXTS = ["the text of a corpus, the text of a test"] * 5
SIZES = {ByteLevelBPE: 300, WordPiece: 60, Unigram: 60}


@pytest.fixture(scope="module", params=SIZES, ids=lambda kind: kind.__name__)
def made(request):
    """Give each kind, and one of it."""
    return request.param, request.param.train(TEXTS, SIZES[request.param])


@pytest.fixture
def saved(made, tmp_path):
    """Give each kind, its saved file, and the file's content."""
    kind, tokenizer = made
    tokenizer.save(tmp_path)
    file = tmp_path / "tokenizer.json"
    return kind, file, json.loads(file.read_text())


def fails(kind, file, message=None):
    """Check that neither way of loading accepts the file, and that both name it."""
    for load in (kind.load, load_tokenizer):
        with pytest.raises(ValueError, match=message) as caught:
            load(file)
        assert str(file) in str(caught.value)


@pytest.mark.parametrize("text", ["\ud83d", "ab\udc80", "\udfff\ud800 c"])
def test_lone_surrogates(made, text):
    kind, tokenizer = made
    for use in (tokenizer.encode, tokenizer.offsets):
        at = next(i for i, character in enumerate(text) if "\ud800" <= character <= "\udfff")
        with pytest.raises(ValueError, match=f"lone surrogate .* at character {at}"):
            use(text)
        with pytest.raises(ValueError, match="lone surrogate"):
            use(text, allow_special=True)
    with pytest.raises(ValueError, match=r"texts\[5\]: text has a lone surrogate"):
        kind.train([*TEXTS, text], SIZES[kind])
    names = [*tokenizer.special_tokens, text]
    with pytest.raises(ValueError, match="special_tokens has a lone surrogate"):
        kind.train(TEXTS, SIZES[kind], special_tokens=names)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"bytes", None, 3])
def test_what_is_no_text(made, text):
    kind, tokenizer = made
    for use in (tokenizer.encode, tokenizer.offsets):
        with pytest.raises(TypeError, match="text"):
            use(text)
    with pytest.raises(TypeError, match="texts"):
        kind.train(["good", text], SIZES[kind])


@pytest.mark.parametrize("texts", ["one text", b"\xff"])
def test_one_text_is_no_corpus(made, texts):
    with pytest.raises(TypeError, match="texts"):
        made[0].train(texts, 300)


def test_bytes_that_are_no_text_have_their_own_way():
    tokenizer = ByteLevelBPE.train(TEXTS, 300)
    for data in (b"\xff\xfe", "é".encode()[:1], bytes(range(256))):
        assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data
    with pytest.raises(TypeError, match="data"):
        tokenizer.encode_bytes("text")


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_an_empty_corpus(made, texts):
    for corpus in (texts, iter(texts)):
        with pytest.raises(ValueError, match="texts must hold some text to learn from, got none"):
            made[0].train(corpus, 300)


@pytest.mark.parametrize("texts", [[" "], ["   "], ["\n"], ["a"], ["a a", "b"]])
def test_a_corpus_of_almost_nothing(made, texts):
    """As little as one blank is learned from, except by WordPiece, to which a blank is nothing."""
    kind, _ = made
    if kind is WordPiece and not texts[0].strip():
        with pytest.raises(ValueError, match="texts must hold some text"):
            kind.train(texts, 300)
        return
    tokenizer = kind.train(texts, 300)
    ids = tokenizer.encode(texts[0])
    assert ids and tokenizer.decode(ids).strip() == texts[0].strip()


@pytest.mark.parametrize("size", [-1, 0, 3])
def test_a_vocabulary_smaller_than_the_alphabet(made, size):
    with pytest.raises(ValueError, match=rf"vocab_size must be at least \d+ \(.*got {size}"):
        made[0].train(TEXTS, size)


def test_the_smallest_vocabulary_is_the_one_the_message_asks_for(made):
    kind, _ = made
    with pytest.raises(ValueError, match="at least") as caught:
        kind.train(TEXTS, 0)
    least = int(re.search(r"at least (\d+)", str(caught.value))[1])
    assert kind.train(TEXTS, least).vocab_size == least
    with pytest.raises(ValueError, match=f"at least {least} .*got {least - 1}"):
        kind.train(TEXTS, least - 1)


@pytest.mark.parametrize("size", ["300", 300.0, None, True])
def test_a_size_that_is_no_whole_number(made, size):
    with pytest.raises(TypeError, match="vocab_size"):
        made[0].train(TEXTS, size)


def test_unknown_special_tokens(made):
    _, tokenizer = made
    for use in (tokenizer.encode, tokenizer.offsets):
        with pytest.raises(ValueError, match="'<nope>' is not a special token: .*; known: "):
            use("a text", allow_special=["<nope>"])
        with pytest.raises(TypeError, match="allow_special wants True, False or a list"):
            use("a text", allow_special="<nope>")
    # In the text itself such a spelling is ordinary characters, asked for or not.
    assert tokenizer.encode("<nope>", allow_special=True) == tokenizer.encode("<nope>")


def test_ids_that_no_token_has(made):
    _, tokenizer = made
    for bad in (-1, tokenizer.vocab_size, 10**9):
        with pytest.raises(ValueError, match=r"is not in the vocabulary of \d+ tokens"):
            tokenizer.decode([bad])
    for bad in (None, 7):
        with pytest.raises(TypeError, match="ids"):
            tokenizer.decode(bad)


@pytest.mark.parametrize("keep", [0, 1, 10, 0.5, -3])
def test_a_file_cut_short(saved, keep):
    kind, file, _ = saved
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep) if isinstance(keep, float) else keep])
    fails(kind, file, "is not JSON")


def test_a_file_that_is_not_utf8(saved):
    kind, file, _ = saved
    file.write_bytes(file.read_bytes().replace(b'"version"', b'"version\xff"'))
    fails(kind, file, "is not UTF-8 text: byte")


@pytest.mark.parametrize("content", [b"[UNK]\n\xff\n", b"a\nb\n", b"", b"[UNK]\na\na\n"])
def test_a_broken_vocabulary_of_lines(tmp_path, content):
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / "vocab.txt"))):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("vocab", None, None),
        ("vocab", 3, None),
        ("vocab", {"a": "b"}, None),
        ("vocab", {"a": -1}, None),
        ("vocab", {"a": 1.5}, None),
        ("vocab", ..., "no model with a vocabulary"),
        ("type", "WordLevel", "WordLevel tokenizer|the library"),
    ],
)
def test_a_model_that_is_none(saved, section, value, message):
    kind, file, content = saved
    content["model"][section] = value
    if value is ...:
        del content["model"][section]
    file.write_text(json.dumps(content))
    fails(kind, file, message)


@pytest.mark.parametrize(
    "added", [[{"id": 0}], [{"content": "<x>"}], [{"content": "<x>", "id": "0"}], [3], 3]
)
def test_special_tokens_that_are_none(saved, added):
    kind, file, content = saved
    file.write_text(json.dumps({**content, "added_tokens": added}))
    fails(kind, file, "added_tokens.*(is missing|expected)")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *((part, value) for part in ("pre_tokenizer", "decoder") for value in ([], 3)),
        *((part, {"type": "Unheard"}) for part in ("pre_tokenizer", "decoder", "model")),
        ("pre_tokenizer", {"type": "Sequence"}),
    ],
)
def test_parts_that_are_not_understood(saved, part, value):
    kind, file, content = saved
    file.write_text(json.dumps({**content, part: value}))
    fails(kind, file)


@pytest.mark.parametrize("part", ["pre_tokenizer", "decoder"])
def test_a_part_that_is_left_out_makes_another_kind(saved, part):
    """The class refuses such a file; it is still a tokenizer, which others read."""
    kind, file, content = saved
    file.write_text(json.dumps({**content, part: None}))
    with pytest.raises(ValueError, match=part) as caught:
        kind.load(file)
    assert str(file) in str(caught.value)
    assert type(load_tokenizer(file)) in (LibraryTokenizer, CharacterBPE)


ODD = [None, "x", "", -1, 0, True, [], {}, [1], {"a": 1}, ["a", "b"], 1.5, 10**12, ...]


def places(content, at=()):
    """Yield the way to everything in a file, but to a few entries only of a long list."""
    if at:
        yield at
    entries = list(content.items()) if isinstance(content, dict) else []
    entries = list(enumerate(content)) if isinstance(content, list) else entries
    for key, inner in entries[:3] if at[-1:] in [("vocab",), ("merges",)] else entries:
        yield from places(inner, (*at, key))


@pytest.mark.slow
def test_an_odd_value_anywhere_is_read_or_refused_by_name(saved):
    """Whatever stands in a file, the only error there is says which file it is in."""
    kind, file, content = saved
    n_refused = 0
    for *outer, key in places(content):
        for value in ODD:
            changed = copy.deepcopy(content)
            inner = changed
            for step in outer:
                inner = inner[step]
            inner[key] = value
            if value is ...:
                del inner[key]
            file.write_text(json.dumps(changed))
            try:
                tokenizer = kind.load(file)
            except (ValueError, FileNotFoundError) as error:  # the second: no merges.txt beside it
                told = str(error)
                assert str(file.parent) in told and file.name in told, (outer, key, value, told)
                n_refused += 1
            else:
                tokenizer.decode(tokenizer.encode("the text"))
    assert n_refused > 100
