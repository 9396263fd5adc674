"""Folders without a `tokenizer.json`: read as `transformers` reads them, option by option."""

import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from course_lib.data.crawl import make_crawl
from course_lib.tokenizers import ByteLevelBPE, load_tokenizer

TEXTS = [
    "Grüße vom Fluss. 河流 café GRÜSSE new",
    "naïve Ångström\u00a0 İstanbul ﬁn cafe\u0301",
    "[MASK] <x> the<x>end [CLS]",
    "  two  blanks\tand a\nline ",
    "",
]
PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *(
        "grüße",
        "gruße",
        "Grüße",
        "Gruße",
        "vom",
        "fluss",
        "Fluss",
        "河",
        "流",
        "河流",
        "café",
        "cafe",
    ),
    *(f"{mark}{letter}" for mark in ("", "##") for letter in "abcdefghijklmnopqrstuvwxyzüåßGRSEÜ."),
]
CHOICES = {
    "do_lower_case": (None, True, False),
    "strip_accents": (None, True, False),
    "tokenize_chinese_chars": (None, True, False),
}


def write(folder: Path, name: str, content: Any) -> None:
    (folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def theirs_of(folder: Path) -> Any:
    transformers = pytest.importorskip("transformers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)


def assert_same(folder: Path) -> None:
    ours, theirs = load_tokenizer(folder), theirs_of(folder)
    for text in TEXTS:
        wanted = theirs.encode(text, add_special_tokens=False)
        assert ours.encode(text, allow_special=True) == wanted
        framed = theirs.encode(text)
        assert ours.encode(text, allow_special=True, add_special=True) == framed


@pytest.mark.parametrize("values", list(itertools.product(*CHOICES.values())), ids=str)
def test_every_option_of_a_vocab_txt(tmp_path: Path, values: tuple[bool | None, ...]) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    config = {n: v for n, v in zip(CHOICES, values, strict=True) if v is not None}
    write(tmp_path, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", **config})
    write(tmp_path, "added_tokens.json", {"<x>": len(PIECES)})
    assert_same(tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        {"unk_token": "[UNK]"},
        {"pad_token": "[PAD]", "mask_token": "[MASK]"},
        {"cls_token": "[MASK]", "unk_token": "[UNK]"},
        {"additional_special_tokens": ["vom"]},
    ],
    ids=str,
)
def test_roles_that_a_config_leaves_to_the_class(tmp_path: Path, config: dict[str, Any]) -> None:
    """A file that names some special tokens takes nothing from the others."""
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    write(tmp_path, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", **config})
    assert_same(tmp_path)


def test_the_options_of_a_vocab_txt_differ_on_these_texts(tmp_path: Path) -> None:
    """Else the test before could not fail."""
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    found = set()
    for values in itertools.product((True, False), repeat=3):
        write(tmp_path, "tokenizer_config.json", dict(zip(CHOICES, values, strict=True)))
        found.add(str([load_tokenizer(tmp_path).encode(text) for text in TEXTS]))
    assert len(found) == 8


@pytest.fixture(scope="module")
def bpe() -> ByteLevelBPE:
    import numpy as np

    texts = [page.text for page in make_crawl(20, np.random.default_rng(0), {"plain": 1.0})]
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"]
    return ByteLevelBPE.train([*texts, *TEXTS], 400, special_tokens=special)


@pytest.mark.parametrize(
    "config",
    [
        {"tokenizer_class": "GPT2Tokenizer"},
        {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True},
        {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "errors": "replace"},
        {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>"},
        {"tokenizer_class": "RobertaTokenizer"},
        {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("added", [False, True])
def test_every_option_of_a_vocab_json(tmp_path: Path, bpe, config, added: bool) -> None:
    bpe.save(tmp_path / "tokenizer.json")
    model = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").unlink()
    vocab = model["model"]["vocab"] | {one["content"]: one["id"] for one in model["added_tokens"]}
    merges = [" ".join(one) if isinstance(one, list) else one for one in model["model"]["merges"]]
    write(tmp_path, "vocab.json", vocab)
    (tmp_path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    if config["tokenizer_class"] == "RobertaTokenizer":
        roles = {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>", "unk": "<unk>"}
        config = config | {f"{role}_token": name for role, name in roles.items()}
        config = config | {"pad_token": "<pad>", "mask_token": "<mask>"}
    else:
        config = {"unk_token": "<|endoftext|>", "eos_token": "<|endoftext|>"} | config
    write(tmp_path, "tokenizer_config.json", config)
    if added:
        write(tmp_path, "added_tokens.json", {"<x>": max(vocab.values()) + 1})
    assert_same(tmp_path)


@pytest.mark.parametrize(
    "option",
    [
        {"do_lower_case": True, "do_lowercase": False},
        {"do_basic_tokenize": False},
        {"never_split": ["Fluss"]},
        {"word_delimiter_token": "|"},
        {"auto_map": {"AutoTokenizer": "own.Tokenizer"}},
        {"split_special_tokens": True},
        {"clean_text": False, "unheard_of": 1},
    ],
    ids=str,
)
def test_an_option_that_is_not_obeyed_is_refused_by_name(tmp_path: Path, option) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    write(tmp_path, "tokenizer_config.json", option)
    with pytest.raises(ValueError, match="|".join(option)):
        load_tokenizer(tmp_path)
