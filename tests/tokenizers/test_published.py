"""The tokenizer of any folder from the hub: ids, spans, text, special tokens, post-processor."""

import json
import pickle
import random
import sys

import pytest
import tokenizers as rust

from course_lib.tokenizers import LibraryTokenizer, load_tokenizer
from tests.tokenizers.conftest import HARD
from tests.tokenizers.published import FAMILIES, OTHER, TOPICS

READ_BY_THE_LIBRARY = {"falcon", "clip", "word-level"}


def texts(special):
    """Yield what tokenizers have been wrong on, with special tokens in all places."""
    yield from OTHER
    yield from (HARD[name] for name in HARD if name not in ("letters", "long"))
    yield from (topic[:2000] for topic in TOPICS[:6])
    draw = random.Random(0)
    signs = [
        *"abcXYZ019 .,!?'\"()\n\t\r ▁▁ßéÅe\u0301ñ\u0303日本한İΣς½²٣😀 zoster the",
        "  ",
        "the zoster dog",
    ]
    parts = [*signs, *special]
    for _ in range(150):
        yield "".join(draw.choice(parts) for _ in range(draw.randrange(1, 25)))


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory):
    """Give a family's name, the library's tokenizer, ours, and the file."""
    theirs = FAMILIES[request.param]()
    file = tmp_path_factory.mktemp(request.param) / "tokenizer.json"
    theirs.save(str(file))
    return request.param, theirs, load_tokenizer(file), file


@pytest.mark.slow
def test_who_reads_it(family):
    name, _, ours, _ = family
    assert isinstance(ours, LibraryTokenizer) == (name in READ_BY_THE_LIBRARY)


@pytest.mark.slow
def test_ids_spans_and_text(family):
    name, theirs, ours, _ = family
    special = list(ours.special_tokens)
    for text in texts(special):
        for add in (False, True):
            reference = theirs.encode(text, add_special_tokens=add)
            try:
                ids = ours.encode(text, allow_special=True, add_special=add)
            except ValueError as error:
                assert name == "smollm" and "has no token" in str(error), (text, error)
                continue
            assert ids == reference.ids, text
            spans = ours.offsets(text, allow_special=True, add_special=add)
            assert spans == reference.offsets, text
            for skip in (False, True):
                told = ours.decode(ids, skip_special=skip)
                assert told == theirs.decode(ids, skip_special_tokens=skip), text


# The library's own model finds the spelling of a special token among its pieces in these.
SPELLING_FOUND = ("bert-cased", "bert-uncased", "t5", "albert", "xlm-roberta")


def test_special_tokens_as_ordinary_text(family):
    name, theirs, ours, _ = family
    ordinary = {ours.special_tokens.get(unknown) for unknown in ("<unk>", "[UNK]")}
    theirs.encode_special_tokens = True
    try:
        for text in [f"a {name} b{name}" for name in ours.special_tokens]:
            found = ours.encode(text)
            assert not (set(found) & set(ours.special_tokens.values())) - ordinary, text
            if name not in SPELLING_FOUND:
                assert found == theirs.encode(text, add_special_tokens=False).ids, text
    finally:
        theirs.encode_special_tokens = False


def test_what_is_special_and_what_is_put_round(family):
    _, theirs, ours, _ = family
    decoder = theirs.get_added_tokens_decoder()
    assert ours.special_tokens == {t.content: i for i, t in decoder.items() if t.special}
    before, after = ours.special_frame
    ids = ours.encode("the text", add_special=True)
    assert ids == [*before, *ours.encode("the text"), *after]
    assert len(before) + len(after) == theirs.num_special_tokens_to_add(is_pair=False)
    assert ours.vocab_size == max(theirs.get_vocab().values()) + 1


def test_saved_and_pickled_it_is_the_same(family, tmp_path):
    name, theirs, ours, _ = family
    ours.save(tmp_path)
    again = rust.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    loaded, copied = load_tokenizer(tmp_path), pickle.loads(pickle.dumps(ours))
    for text in [*OTHER[:3], "the zoster dog  <mask> x"]:
        reference = theirs.encode(text)
        assert again.encode(text).ids == reference.ids
        for tokenizer in (loaded, copied):
            assert type(tokenizer) is type(ours)
            found = tokenizer.encode(text, allow_special=True, add_special=True)
            assert found == reference.ids
    saved, first = again.to_str(), theirs.to_str()
    for part in ("post_processor", "added_tokens", "normalizer"):
        assert json.loads(saved)[part] == json.loads(first)[part], part


def test_without_the_library(family, monkeypatch):
    name, _, ours, file = family
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    if name not in READ_BY_THE_LIBRARY:
        assert load_tokenizer(file).encode("the text") == ours.encode("the text")
        return
    with pytest.raises(ValueError, match=r"tokenizer\.json.*pip install tokenizers"):
        load_tokenizer(file)
