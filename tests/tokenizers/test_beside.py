"""What stands beside a `tokenizer.json` is obeyed as `transformers` does, or refused by name."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from course_lib.tokenizers import LibraryTokenizer, Tokenizer, WordPiece, load_tokenizer

transformers = pytest.importorskip("transformers")
published = pytest.importorskip("tests.tokenizers.published")

TEXTS = [
    "Hello world, the river runs. do n't stop !",
    "  two  blanks and <x> the<x>end <|new|> x",
    "Grüße Köln İ CAFÉ 河流",
    "</s>the <|endoftext|> [CLS] river <s> a",
    " I ' m here , you 're",
]
# A family, and the classes of which it is read as its tokenizer.json says where no option stands.
READ_AS = {
    "gpt2": ("GPT2Tokenizer", "PreTrainedTokenizerFast", None),
    "roberta": ("RobertaTokenizer", "SomebodysTokenizer"),
    "qwen": ("Qwen2Tokenizer",),
    "llama3": ("PreTrainedTokenizerFast", "LlamaTokenizerFast"),
    "llama2": ("PreTrainedTokenizerFast",),
    "mistral": ("LlamaTokenizer",),
    "t5": ("T5TokenizerFast", "PreTrainedTokenizerFast"),
    "albert": ("AlbertTokenizer",),
    "bert": ("BertTokenizer", "DistilBertTokenizerFast", "PreTrainedTokenizerFast"),
}


def token(content: str, **flags: bool) -> dict[str, Any]:
    usual = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    return {"content": content, **usual, "special": True, **flags}


# Each of them changes the ids or the text of some family here.
EFFECTIVE: list[dict[str, Any]] = [
    {"add_prefix_space": True},
    {"add_prefix_space": False},
    {"split_special_tokens": True},
    {"clean_up_tokenization_spaces": True},
    {"legacy": True},
    {"do_lower_case": False},
    {"strip_accents": False},
    {"tokenize_chinese_chars": False},
    {"keep_accents": True},
    {"pad_token": "<|new|>"},
    {"unk_token": "the"},
    {"additional_special_tokens": ["<x>", "<|new|>"]},
    {"extra_special_tokens": ["<x>"]},
    {"extra_special_tokens": {"image_token": "<x>"}},
    {"image_token": "<x>"},
    {"mask_token": {"__type": "AddedToken", **token("<x>", lstrip=True)}},
]
HARMLESS: list[dict[str, Any]] = [
    {},
    # The post_processor of the tokenizer.json says what stands round a text.
    {"add_bos_token": True, "add_eos_token": True},
    {"add_bos_token": False, "split_special_tokens": False, "clean_up_tokenization_spaces": False},
    # What the file says as well, or only a class knows that is not here.
    {"legacy": False, "do_lower_case": True, "bos_token": None},
    # Of slow tokenizers, of offsets, of batches, of whole models.
    {
        "errors": "strict",
        "trim_offsets": False,
        "sp_model_kwargs": {"enable_sampling": True},
        "spaces_between_special_tokens": False,
        "use_default_system_prompt": False,
        "model_max_length": 3,
        "padding_side": "left",
        "truncation_side": "left",
    },
]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """The `tokenizer.json` of each family."""
    made = {name: getattr(published, name) for name in READ_AS if name != "bert"}
    built = {name: build().to_str() for name, build in made.items()}
    return built | {"bert": published.bert(lowercase=True).to_str()}


def folder_of(folder: Path, content: str, said: Any = None, **beside: Any) -> Path:
    (folder / "tokenizer.json").write_text(content, encoding="utf-8")
    if said is not None:
        beside["tokenizer_config"] = said
    for name, fields in beside.items():
        (folder / f"{name}.json").write_text(json.dumps(fields), encoding="utf-8")
    return folder


def theirs_on(folder: Path) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        plain = [made.encode(text, add_special_tokens=False) for text in TEXTS]
        return [
            [ids, made.encode(text), made.decode(ids), made.decode(ids, skip_special_tokens=True)]
            for text, ids in zip(TEXTS, plain, strict=True)
        ]


def by(made: Tokenizer) -> list[Any]:
    plain = [made.encode(text, allow_special=True) for text in TEXTS]
    return [
        [
            ids,
            made.encode(text, allow_special=True, add_special=True),
            made.decode(ids),
            made.decode(ids, skip_special=True),
        ]
        for text, ids in zip(TEXTS, plain, strict=True)
    ]


def assert_obeyed_or_refused(folder: Path, *keys: str) -> bool:
    try:
        made = load_tokenizer(folder)
    except ValueError as error:
        assert any(key in str(error) for key in keys), error
        return False
    found = by(made)
    assert found == theirs_on(folder)
    again = folder / "again"
    again.mkdir()
    made.save(again)  # alone it says the same
    assert by(load_tokenizer(again)) == found
    return True


def declared(name: str | None, option: dict[str, Any]) -> dict[str, Any]:
    return option if name is None else {"tokenizer_class": name, **option}


# Two classes make something of a new token that stands in no file: one adds its own [MASK] before
# it, one forgets its flags.
OF_THEIR_OWN = [
    ("albert", "<x>"),
    ("qwen", "lstrip"),
]
PAIRS = [(family, name) for family, names in READ_AS.items() for name in names]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "name", "option"),
    [
        (family, name, option)
        for family, name in PAIRS
        for option in [*EFFECTIVE, *HARMLESS]
        if not any(family == odd and word in str(option) for odd, word in OF_THEIR_OWN)
    ],
    ids=str,
)
def test_every_option_is_obeyed_or_refused(tmp_path, files, family, name, option) -> None:
    folder = folder_of(tmp_path, files[family], declared(name, option))
    obeyed = assert_obeyed_or_refused(folder, *option)
    assert obeyed or option not in HARMLESS


@pytest.mark.parametrize("option", EFFECTIVE, ids=str)
def test_every_effective_option_changes_something(tmp_path, files, option) -> None:
    """Else the test before could not fail on it."""
    for n, (family, name) in enumerate(PAIRS):
        plain, with_it = tmp_path / f"{n}plain", tmp_path / f"{n}with"
        for folder, said in ((plain, {}), (with_it, option)):
            folder.mkdir()
            folder_of(folder, files[family], declared(name, said))
        if theirs_on(plain) != theirs_on(with_it):
            return
    pytest.fail(f"{option} changes nothing")


FIRST = {"gpt2": "<|endoftext|>", "llama2": "<unk>", "t5": "</s>", "bert": "[CLS]"}
FLAGS = ("lstrip", "rstrip", "normalized", "single_word", "special")


@pytest.mark.parametrize("family", FIRST)
@pytest.mark.parametrize("flag", FLAGS)
def test_flags_of_the_decoder_replace_those_of_the_file(tmp_path, files, family, flag) -> None:
    content = json.loads(files[family])
    spelling = FIRST[family]
    entry = next(one for one in content["added_tokens"] if one["content"] == spelling)
    changed = token(spelling, **{flag: not entry[flag]})
    config = {"added_tokens_decoder": {str(entry["id"]): changed}}
    load_tokenizer(folder_of(tmp_path, files[family], declared("TokenizersBackend", config)))
    ours, theirs = by(load_tokenizer(tmp_path)), theirs_on(tmp_path)
    if (family, flag) == ("t5", "single_word"):  # their model makes </s> out of ordinary text then
        theirs[3] = ours[3]
    assert [one[:2] for one in ours] == [one[:2] for one in theirs]
    if flag != "normalized":  # of a known token they show the spelling before normalization
        assert ours == theirs


@pytest.mark.parametrize("family", FIRST)
@pytest.mark.parametrize("special", [True, False])
def test_new_tokens_of_the_decoder(tmp_path, files, family, special) -> None:
    size = len(json.loads(files[family])["model"]["vocab"])
    new = [token("<x>", special=special, lstrip=True), token("<|new|>", special=special)]
    entries = {str(size + n): one for n, one in enumerate(new)}
    config = declared("PreTrainedTokenizerFast", {"added_tokens_decoder": entries})
    assert assert_obeyed_or_refused(folder_of(tmp_path, files[family], config))
    assert load_tokenizer(tmp_path).vocab_size == size + 2


def test_a_new_token_with_an_id_that_it_cannot_have_is_refused(tmp_path, files) -> None:
    config = {"added_tokens_decoder": {"100000": token("<x>")}}
    folder = folder_of(tmp_path, files["gpt2"], declared("GPT2Tokenizer", config))
    with pytest.raises(ValueError, match=r"'<x>' has the id 100000"):
        load_tokenizer(folder)


@pytest.mark.parametrize("family", FIRST)
def test_the_older_files_beside_are_read(tmp_path, files, family) -> None:
    size = len(json.loads(files[family])["model"]["vocab"])
    folder = folder_of(
        tmp_path,
        files[family],
        {"tokenizer_class": "PreTrainedTokenizerFast"},
        special_tokens_map={"pad_token": token("<x>", lstrip=True) | {"special": None}},
        added_tokens={"<x>": size, "<|new|>": size + 1},
    )
    content = json.loads((folder / "special_tokens_map.json").read_text())
    del content["pad_token"]["special"]
    (folder / "special_tokens_map.json").write_text(json.dumps(content))
    assert assert_obeyed_or_refused(folder)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("gpt2", "BertTokenizer"),
        ("bert", "GPT2Tokenizer"),
        ("t5", "LlamaTokenizer"),
        ("llama2", "T5Tokenizer"),
        ("llama2", "GPT2Tokenizer"),
        ("bert", "ByT5Tokenizer"),
    ],
)
def test_a_class_of_another_kind_is_refused(tmp_path, files, family, name) -> None:
    folder = folder_of(tmp_path, files[family], {"tokenizer_class": name})
    with pytest.raises(ValueError, match=f"tokenizer_class='{name}'"):
        load_tokenizer(folder)


@pytest.mark.parametrize(
    "scheme", [{"legacy": True}, {"legacy": False}, {"add_prefix_space": False}]
)
@pytest.mark.parametrize("family", ["llama1", "llama2", "mistral"])
def test_llama_puts_blanks_in_front_as_its_options_say(tmp_path, family, scheme) -> None:
    content = getattr(published, family)().to_str()
    folder = folder_of(tmp_path, content, {"tokenizer_class": "LlamaTokenizer"} | scheme)
    assert assert_obeyed_or_refused(folder)


def test_the_model_type_names_the_class_where_nothing_else_does(tmp_path, files) -> None:
    folder = folder_of(
        tmp_path, files["bert"], {"do_lower_case": False}, config={"model_type": "bert"}
    )
    assert assert_obeyed_or_refused(folder)
    assert load_tokenizer(folder).lower_case is False


@pytest.mark.parametrize(
    "option", [{"auto_map": {"AutoTokenizer": "own.T"}}, {"fix_mistral_regex": True}], ids=str
)
def test_options_that_nothing_obeys_are_refused(tmp_path, files, option) -> None:
    folder_of(tmp_path, files["gpt2"], option)
    with pytest.raises(ValueError, match=next(iter(option))):
        load_tokenizer(tmp_path)


def test_an_option_that_nobody_knows_is_named(tmp_path, files) -> None:
    folder_of(tmp_path, files["gpt2"], {"unheard_of": 1})
    with pytest.warns(UserWarning, match="unheard_of"):
        load_tokenizer(tmp_path)


def test_every_way_to_read_a_folder_obeys(tmp_path, files) -> None:
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    folder_of(tmp_path, files["bert"], config)
    wanted = theirs_on(tmp_path)
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        for load in (load_tokenizer, WordPiece.load, LibraryTokenizer.load):
            assert [one[0] for one in by(load(path))] == [one[0] for one in wanted]


def test_a_file_of_another_name_stands_alone(tmp_path, files) -> None:
    folder_of(tmp_path, files["bert"], {"tokenizer_class": "BertTokenizer", "do_lower_case": False})
    other = (tmp_path / "tokenizer.json").rename(tmp_path / "other.json")
    assert WordPiece.load(other).lower_case


@pytest.mark.parametrize("scheme", [{}, {"legacy": True}, {"legacy": False}], ids=str)
@pytest.mark.parametrize("kind", ["mistral", "mixtral", "phi3", "olmo2", "stablelm", "llama"])
def test_some_types_of_models_are_read_as_the_file_says(tmp_path, kind, scheme) -> None:
    said = {"tokenizer_class": "LlamaTokenizer"} | scheme
    folder = folder_of(tmp_path, published.llama2().to_str(), said, config={"model_type": kind})
    assert assert_obeyed_or_refused(folder)


@pytest.mark.parametrize("family", ["llama1", "llama2"])
def test_llama_without_its_options_takes_those_of_its_class(tmp_path, family) -> None:
    content = getattr(published, family)().to_str()
    folder = folder_of(tmp_path, content, {"tokenizer_class": "LlamaTokenizer"})
    assert assert_obeyed_or_refused(folder)


@pytest.mark.parametrize("family", FIRST)
@pytest.mark.parametrize(
    "option",
    [
        {"image_token": token("<x>") | {"__type": "AddedToken"}},
        {"model_specific_special_tokens": {"image_token": "<x>"}},
        {"model_specific_special_tokens": {"x_token": token("<x>") | {"__type": "AddedToken"}}},
    ],
    ids=["described", "of the model", "of the model, described"],
)
def test_tokens_of_a_role_of_the_models_own(tmp_path, files, family, option) -> None:
    folder = folder_of(tmp_path, files[family], option)
    assert assert_obeyed_or_refused(folder)
    assert "<x>" in load_tokenizer(folder).special_tokens


def test_what_common_folders_say_is_known(tmp_path, files) -> None:
    said = {"tokenizer_class": "BertTokenizer", "do_basic_tokenize": True, "never_split": None}
    folder = folder_of(tmp_path, files["bert"], said)
    assert assert_obeyed_or_refused(folder)  # a warning would be an error
