"""No key of a tokenizer's file is passed over: each is obeyed as in the library, or refused."""

import copy
import json

import pytest
import tokenizers as rust

from course_lib.tokenizers import load_tokenizer
from tests.tokenizers.published import FAMILIES, OTHER

PROBES = [
    *OTHER,
    "  the zoster dog ,isn't it ?  <mask> </s> 12 345\n\n日本 \x00 é e\u0301 ﬁ AB",
    "zoster",
    " x",
    "",
]
BIG = ("vocab", "merges")


def places(content, at=()):
    """Yield the way to every value of a file, but for vocabulary and merges."""
    entries = content.items() if isinstance(content, dict) else []
    entries = enumerate(content) if isinstance(content, list) else entries
    for key, inner in entries:
        if key in BIG or (at == ("added_tokens",) and key not in (0, len(content) - 1)):
            continue
        if key == "continuing_subword_prefix":
            continue  # one that the merges lack makes the library end the process
        if at[:1] == ("added_tokens",) and key == "special" and content["normalized"]:
            continue  # the library compares what it normalized with what it did not
        if at[:1] == ("added_tokens",) and key == "id":
            continue  # the library counts the ids anew where the file's are not in order
        yield (*at, key)
        yield from places(inner, (*at, key))


def others(value):
    """Yield values that could stand in the place of this one."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, 0)
    elif isinstance(value, str):
        yield from ("zoster", "never", "Removed", "Contiguous", "MergedWithNext", "NFKD", "x")
    elif isinstance(value, list):
        yield value[1:]
    elif value is None:
        yield from (True, 3, "x", {"type": "Lowercase"}, {"type": "NFC"}, {"type": "NFKD"})
    else:
        yield None


def told(load, path):
    """What a tokenizer makes of the probes, or None if it is refused."""
    try:
        of = load(path)
        return [of(text) for text in PROBES]
    except ValueError as error:
        assert "tokenizer.json" in str(error) or "text holds" in str(error), error
        return None
    except BaseException as error:
        if type(error).__name__ not in ("Exception", "PanicException"):
            raise
        return "panic" if type(error).__name__ == "PanicException" else None


def library(path):
    tokenizer = rust.Tokenizer.from_file(str(path))

    def of(text):
        framed, plain = tokenizer.encode(text), tokenizer.encode(text, add_special_tokens=False)
        both = [tokenizer.decode(framed.ids, skip_special_tokens=skip) for skip in (False, True)]
        return framed.ids, framed.offsets, plain.ids, both

    return of


def ours(path):
    tokenizer = load_tokenizer(path)

    def of(text):
        framed = tokenizer.encode(text, allow_special=True, add_special=True)
        spans = tokenizer.offsets(text, allow_special=True, add_special=True)
        plain = tokenizer.encode(text, allow_special=True)
        both = [tokenizer.decode(framed, skip_special=skip) for skip in (False, True)]
        return framed, spans, plain, both

    return of


@pytest.mark.slow
@pytest.mark.parametrize("name", ["roberta", "deepseek", "llama2", "gemma", "bert-uncased", "t5"])
def test_every_key_is_obeyed_or_refused(name, tmp_path):
    content = json.loads(FAMILIES[name]().to_str())
    content["added_tokens"].append(
        {"id": _size(content), "content": "zoster", "special": False, "normalized": True}
        | {"single_word": True, "lstrip": False, "rstrip": False}
    )
    path = tmp_path / "tokenizer.json"
    seen = {"same": 0, "refused": 0, "refused by both": 0}
    for *outer, key in places(content):
        for value in others(_at(content, (*outer, key))):
            changed = copy.deepcopy(content)
            _at(changed, outer)[key] = value
            path.write_text(json.dumps(changed))
            right, found = told(library, path), told(ours, path)
            if found is None or right == "panic":
                seen["refused" if right else "refused by both"] += 1
            else:
                assert found == right, (outer, key, value)
                seen["same"] += 1
    print(name, seen)
    assert seen["same"] > 50 and seen["refused"] < seen["same"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "llama2", "bert-cased", "falcon"])
def test_a_key_that_nobody_knows_is_refused(name, tmp_path):
    content = json.loads(FAMILIES[name]().to_str())
    path = tmp_path / "tokenizer.json"
    n_named = 0
    for at in [(), *places(content)]:
        changed = copy.deepcopy(content)
        inner = _at(changed, at)
        if isinstance(inner, dict) and at[:2] != ("post_processor", "special_tokens"):
            inner["unheard"] = True
            path.write_text(json.dumps(changed))
            with pytest.raises(ValueError, match=r"tokenizer\.json") as caught:
                load_tokenizer(path)
            n_named += "unheard" in str(caught.value)
    assert n_named > 3


def _size(content):
    """The next free id."""
    vocab = content["model"]["vocab"]
    highest = len(vocab) - 1 if isinstance(vocab, list) else max(vocab.values())
    return max([highest, *(token["id"] for token in content["added_tokens"])]) + 1


def _at(content, way):
    for step in way:
        content = content[step]
    return content
