"""Wrong arguments at the doors of this folder; see `tests.doors`."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_lib.data import crawl, curation
from course_lib.data.curation import Page, lists, repetition, rules
from course_lib.data.curation.duplicates import MinHash, shingles
from course_lib.data.curation.job import as_line, curate_files
from course_lib.data.curation.packed import write_tokens
from course_lib.data.curation.pipeline import Step, run_step
from course_lib.data.curation.quality import features
from course_lib.data.curation.sources import find_files, read_pages
from course_lib.tokenizers import ByteLevelBPE
from tests.doors import Door, fault, trials

pytestmark = pytest.mark.usefixtures("as_installed")
PAGE = Page("The river is wide near the old harbour.", "http://www.badsite.example/a")
GOOD, BAD = [PAGE], [Page("buy cheap now cheap now buy")]
TRAINED = curation.QualityClassifier.fit(GOOD, BAD, rng=np.random.default_rng(0), epochs=1)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def shown(pages: Any) -> list[str]:
    return [page.text for page in pages]


DOORS: dict[str, Door] = {
    "Page": (
        Page,
        lambda: {"text": "a", "url": "", "about": {}},
        {"text": "text", "url": "text", "about": "mapping"},
    ),
    "Step": (
        Step, lambda: {"name": "a", "run": lambda page: []}, {"name": "text", "run": "function"}
    ),
    "harmful_terms": (
        curation.harmful_terms,
        lambda: {"page": PAGE, "terms": ["river"], "max_share": 0.05, "min_different": 1},
        {"page": "object", "terms": "texts", "max_share": "share", "min_different": "whole"},
    ),
    "url_blocked": (
        curation.url_blocked,
        lambda: {"page": PAGE, "hosts": ["badsite.example"], "words": ["casino"]},
        {"page": "object", "hosts": "texts", "words": "texts"},
    ),
    **{
        filter.__name__: (
            filter,
            lambda limits=limits: {"page": PAGE, "limits": limits},
            {"page": "object", "limits": "object"},
        )
        for filter, limits in (
            (curation.gopher_quality, rules.GOPHER),
            (curation.c4_page, rules.C4),
            (curation.fineweb, rules.FINEWEB),
        )
    },
    "c4_lines": (
        curation.c4_lines, lambda: {"page": PAGE, "end_mark": True},
        {"page": "object", "end_mark": "flag"},
    ),
    **{
        kind.__name__: (
            kind,
            lambda kind=kind: dict(vars(kind())),
            dict.fromkeys(vars(kind()), "number"),
        )
        for kind in (rules.QualityLimits, rules.C4Limits, rules.FineWebLimits)
    },
    "gopher_repetition": (curation.gopher_repetition, lambda: {"page": PAGE}, {"page": "object"}),
    "word_numbers": (repetition.word_numbers, lambda: {"words": ["a", "b"]}, {"words": "several"}),
    "ngram_hashes": (
        repetition.ngram_hashes,
        lambda: {"numbers": np.arange(5, dtype=np.uint64), "n": 2},
        {"n": "whole"},
    ),
    "shingles": (
        shingles, lambda: {"words": ["a", "b", "c"], "n": 2}, {"words": "several", "n": "whole"}
    ),
    "MinHash": (
        MinHash, lambda: {"n_hashes": 4, "seed": 1}, {"n_hashes": "whole", "seed": "whole"}
    ),
    "NearDuplicates": (
        curation.NearDuplicates,
        lambda: {"n_bands": 2, "rows": 3, "shingle_words": 2, "min_words": 4, "seed": 1},
        dict.fromkeys(["n_bands", "rows", "shingle_words", "min_words", "seed"], "whole"),
    ),
    "caught": (
        curation.NearDuplicates().caught, lambda: {"similarity": 0.5}, {"similarity": "share"}
    ),
    "NearDuplicates.keys": (
        curation.NearDuplicates().keys, lambda: {"page": PAGE}, {"page": "object"}
    ),
    "ExactDuplicates.keys": (
        curation.ExactDuplicates().keys, lambda: {"page": PAGE}, {"page": "object"}
    ),
    "RepeatedParagraphs": (
        curation.RepeatedParagraphs, lambda: {"min_characters": 5}, {"min_characters": "whole"}
    ),
    "Contamination": (
        curation.Contamination,
        lambda: {"evaluation": ["one two three four"], "n": 3, "min_words": 2},
        {"evaluation": "texts", "n": "whole", "min_words": "whole"},
    ),
    "Language": (
        curation.Language,
        lambda: {"language": "en", "min_probability": 0.5},
        {"language": "text", "min_probability": "share"},
    ),
    "features": (
        features, lambda: {"page": PAGE, "n_buckets": 8}, {"page": "object", "n_buckets": "whole"}
    ),
    "fit": (
        curation.QualityClassifier.fit,
        lambda: {
            "good": GOOD, "bad": BAD, "rng": rng(), "n_buckets": 16, "epochs": 2,
            "learning_rate": 0.5, "l2": 0.25,
        },
        {
            "good": "several", "bad": "several", "rng": "generator", "n_buckets": "whole",
            "epochs": "whole", "learning_rate": "factor", "l2": "factor",
        },
    ),
    "QualityClassifier": (
        curation.QualityClassifier, lambda: {"weights": np.zeros(4), "bias": 0.5},
        {"weights": "object", "bias": "factor"},
    ),
    "the score": (
        TRAINED, lambda: {"page": PAGE, "min_score": 0.5}, {"page": "object", "min_score": "share"}
    ),
    "find_personal_data": (
        curation.find_personal_data, lambda: {"text": "ada@site.example"}, {"text": "text"}
    ),
    "find_files": (find_files, lambda: {"paths": [__file__]}, {"paths": "texts"}),
    "read_pages": (
        lambda **given: shown(read_pages(**given)),
        lambda: {"path": __file__, "skipped": Counter(), "max_page_bytes": 100},
        {"skipped": "object", "max_page_bytes": "whole"},
    ),
    "make_crawl": (
        lambda **given: shown(crawl.make_crawl(**given)),
        lambda: {"n": 2, "rng": rng(), "shares": {"plain": 0.5}},
        {"n": "whole", "rng": "generator", "shares": "mapping"},
    ),
    "as_html": (crawl.as_html, lambda: {"page": PAGE}, {"page": "object"}),
}  # fmt: skip


[
    test_a_right_call_is_not_refused,
    test_a_wrong_argument_is_refused_by_name,
    test_another_form_of_an_argument_does_the_same,
] = trials(DOORS)


@pytest.mark.parametrize(
    "term", ["Damn", "two words", "damn!", "", "a\tb", "#tag", "...", "(note)"]
)
def test_a_term_that_could_never_be_found_is_refused(term: str) -> None:
    with pytest.raises(ValueError, match="terms must be single words in lower case"):
        curation.harmful_terms(PAGE, frozenset({"river", term}))


@pytest.mark.parametrize("term", ["don't", "c++", "f*ck", "straße", "日本", "2024"])
def test_a_term_that_can_be_found_is_found(term: str) -> None:
    assert curation.harmful_terms(Page(f"So {term.upper()}, ({term}) then."), [term])


@pytest.mark.parametrize(
    "host",
    ["BADsite.example", "http://badsite.example", "badsite.example/a", "*.badsite.example", "",
     ".badsite.example", "badsite.example.", "badsite.example:80", "a@badsite.example", "a b"],
)  # fmt: skip
def test_a_host_that_blocks_nothing_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="hosts must be host names in lower case"):
        curation.url_blocked(PAGE, {"other.example", host})


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("badsite.example", "http://badsite.example./a"),
        ("badsite.example", "http://me@www.BADSITE.example:80/"),
        ("10.0.0.1", "http://10.0.0.1/"),
        ("::1", "http://[::1]/"),
        ("bücher.example", "https://bücher.example"),
        ("localhost", "localhost/a"),
    ],
)
def test_a_host_on_the_list_is_blocked_in_every_spelling(host: str, url: str) -> None:
    assert curation.url_blocked(Page("a", url), {host})


def test_words_of_an_address_are_texts_in_lower_case() -> None:
    for words in ({""}, {"Casino"}):
        with pytest.raises(ValueError, match="words must be texts in lower case"):
            curation.url_blocked(PAGE, (), words)


def test_a_list_is_looked_through_once_for_many_pages() -> None:
    asked = []
    many = frozenset(f"word{n}" for n in range(100))
    for _ in range(3):
        lists._checked(many, "terms", "any", lambda word: asked.append(word) or True)  # type: ignore[func-returns-value]
        looked = lambda word: True  # noqa: E731
        assert lists._every_one(many, "terms", "any", looked) is many
    assert lists.word_set(many) is many


@pytest.mark.parametrize("limits", rules._Limits.__subclasses__())
def test_limits_that_no_page_can_be_held_against_are_refused(limits: Any) -> None:
    for name in vars(limits()):
        for wrong in (float("nan"), -1):
            with pytest.raises(ValueError, match=f"{name} must be 0 or more"):
                limits(**{name: wrong})
    with pytest.raises(ValueError, match="min_words must be at most max_words 5, got 50"):
        rules.QualityLimits(max_words=5)
    assert rules.QualityLimits(max_words=float("inf")).max_words == float("inf")  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [None, True, "bad", ["bad"], (), 0])
def test_a_filter_that_answers_with_something_else_is_named(answer: Any) -> None:
    """One that forgets to return would keep every page."""
    with pytest.raises(TypeError, match="filter of step odd must return a Page or a list of Reas"):
        run_step(Step("odd", lambda page: answer), PAGE)


def run(tmp_path: Path, **changed: Any) -> Any:
    (tmp_path / "a.txt").write_text("The river is wide.")
    given: dict[str, Any] = {
        "paths": [tmp_path / "a.txt"],
        "output": tmp_path / "out",
        "steps": [Step("all", lambda page: [])],
        "settings": {},
    }
    return curate_files(**{**given, **changed})


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 3}, {"steps": "near"}, {"steps": ["near"]}, {"steps": None},
        {"steps": [Step("one", lambda page: [])] * 2}, {"seed": 1.5}, {"seed": None}, {"seed": -1},
        {"examples": -1}, {"examples": 2.5}, {"examples": float("nan")}, {"settings": None},
        {"settings": {"a": {1}}}, {"progress": "no"}, {"output": ""}, {"output": None},
        {"output": __file__}, {"paths": "a"}, {"paths": b"a"}, {"paths": [b"a"]}, {"paths": [""]},
        {"paths": [3]}, {"paths": None},
    ],
)  # fmt: skip
def test_a_run_is_refused_before_it_starts(tmp_path: Path, wrong: dict[str, Any]) -> None:
    (name,) = wrong
    assert name == "output" or fault(lambda: run(tmp_path, **wrong), name) == ""
    with pytest.raises((TypeError, ValueError, OSError), match=name):
        run(tmp_path, **wrong)
    assert not (tmp_path / "out").exists()


def test_steps_and_paths_may_come_one_by_one(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "b.png").touch()
    steps = (step for step in [Step("all", lambda page: [])])
    report = run(raw, steps=steps, paths=(path for path in [raw]), output=tmp_path / "out")
    assert [step.kept for step in report.steps] == [1]
    assert report.skipped == {"unknown kind of file": 1}


@pytest.mark.parametrize("name", ["text", "url"])
def test_what_would_take_the_place_of_a_page_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="about must not name text or url"):
        as_line(Page("mine", "", {name: "other"}))


def test_one_text_is_no_list_of_texts_to_tokenize(tmp_path: Path) -> None:
    tokenizer = ByteLevelBPE.train(["a b"], 257, special_tokens=["<end>"])
    for texts in ("abc", b"abc", 3, [3]):
        with pytest.raises(TypeError, match="texts"):
            write_tokens(texts, tokenizer, tmp_path / "t", "<end>")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="tokenizer must be"):
        write_tokens(["a"], "bpe", tmp_path / "t", "<end>")  # type: ignore[arg-type]
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ("ab", "pages must be a list of Pages"),
        (PAGE, "pages must be a list of Pages"),
        (["a"], "page must be a Page"),
        ([PAGE, Page("a", "http://a.example\r\nWARC-Type: x")], "url must be an address"),
        ([PAGE, Page("half \ud800")], "surrogates"),
    ],
)
def test_an_archive_is_written_whole_or_not_at_all(tmp_path: Path, pages: Any, message) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        crawl.write_warc(tmp_path / "a.warc.gz", pages, rng())
    with pytest.raises(ValueError, match=r"path must end in \.warc\.gz"):
        crawl.write_warc(tmp_path / "a.warc", [PAGE], rng())
    assert not list(tmp_path.iterdir())
