"""Each published rule on both sides of its limit, and what it does to each kind of page."""

from collections import defaultdict

import numpy as np
import pytest

from course_lib.data.crawl import BLOCKED_HOSTS, KINDS, LISTED_TERMS
from course_lib.data.curation import (
    Page,
    c4_lines,
    c4_page,
    fineweb,
    gopher_quality,
    gopher_repetition,
    harmful_terms,
    url_blocked,
)
from course_lib.data.curation.repetition import ngram_hashes, word_numbers


def rules(reasons) -> set[str]:
    return {reason.rule.split(": ", 1)[1] for reason in reasons}


def prose(n_words: int) -> str:
    words = ["the", "river", "and", "boats", "that", "cross", "wide", "water"]
    return " ".join(words[i % 8] for i in range(n_words))


@pytest.mark.parametrize(
    ("text", "rule", "broken"),
    [
        (prose(50), "words", False),
        (prose(49), "words", True),
        (prose(100_000), "words", False),
        (prose(100_001), "words", True),
        (prose(50) + " a" * 60, "mean word length", True),
        (prose(50) + " unbelievableness" * 200, "mean word length", True),
        (prose(60) + " #x" * 6, "hash marks per word", False),
        (prose(60) + " #x" * 8, "hash marks per word", True),
        (prose(60) + " ... " * 6, "ellipses per word", False),
        (prose(60) + " ..." * 7, "ellipses per word", True),
        (prose(60) + "…" * 7, "ellipses per word", True),
        ("\n".join(["- the boats and water"] * 18 + [prose(8)] * 2), "lines with a bullet", False),
        ("\n".join(["- the boats and water"] * 19 + [prose(8)] * 2), "lines with a bullet", True),
        ("\n".join([prose(8) + "..."] * 3 + [prose(8)] * 7), "lines ending in an ellipsis", False),
        ("\n".join([prose(8) + "..."] * 4 + [prose(8)] * 6), "lines ending in an ellipsis", True),
        (prose(80) + " 12" * 20, "words with a letter", False),
        (prose(80) + " 12" * 21, "words with a letter", True),
        ("the and " + "boats water " * 30, "different stop words", False),
        ("the the " + "boats water " * 30, "different stop words", True),
        ("THE AND " + "boats water " * 30, "different stop words", False),
    ],
)
def test_gopher_quality_on_both_sides_of_each_limit(text: str, rule: str, broken: bool) -> None:
    assert (rule in rules(gopher_quality(Page(text)))) is broken


@pytest.mark.parametrize("text", ["", " \n\t ", "...", "— — —", "\0", "\ud800", "‏"])
def test_pages_without_words_are_dropped_and_never_an_error(text: str) -> None:
    page = Page(text)
    assert gopher_quality(page)
    for rule in (gopher_repetition, c4_page, fineweb):
        rule(page)
    c4_lines(page)


def test_one_rule_does_not_hide_another() -> None:
    assert {"words", "different stop words", "words with a letter"} <= rules(
        gopher_quality(Page("12 34 56 #x"))
    )


@pytest.mark.parametrize(
    ("text", "rule", "broken"),
    [
        ("One is here. Two is here. Three is here.", "sentences", False),
        ("One is here. Two is here.", "sentences", True),
        ("It costs 3.50 or 4.20 or 5.10 today. Yes. No.", "sentences", False),
        ("One. Two. Three. {", "curly brackets", True),
        ("One. Two. Three. Lorem  ipsum", "placeholder text", False),
        ("One. Two. Three. LOREM IPSUM dolor", "placeholder text", True),
        ("One. Two. Three. " + "x" * 1000, "longest word", False),
        ("One. Two. Three. " + "x" * 1001, "longest word", True),
    ],
)
def test_c4_page_on_both_sides(text: str, rule: str, broken: bool) -> None:
    assert (rule in rules(c4_page(Page(text)))) is broken


def test_c4_lines_keeps_sentences_and_the_borders_of_paragraphs() -> None:
    text = (
        "The river is wide here today.\nHome\nToo few words.\n\nWe use cookies on this fine site.\n"
        "Please enable JavaScript to read this page.\nIt goes on and on and on...\n"
        'He said: "The water is cold."'
    )
    page = Page(text, "u", {"a": 1})
    kept = c4_lines(page)
    assert kept.text == 'The river is wide here today.\n\nHe said: "The water is cold."'
    assert (kept.url, kept.about) == ("u", {"a": 1})
    loose = c4_lines(page, end_mark=False)
    assert "It goes on and on and on..." in loose.lines
    assert c4_lines(kept).text == kept.text


@pytest.mark.parametrize(
    ("text", "rule", "broken"),
    [
        (
            "\n".join(["A long line without any mark at its end x"] * 1),
            "lines with an end mark",
            True,
        ),
        ("A line.\n" + "\n".join(f"line {i}" for i in range(7)), "lines with an end mark", False),
        ("A line.\n" + "\n".join(f"line {i}" for i in range(8)), "lines with an end mark", True),
        ("\n".join(["x" * 30] * 2 + ["y" * 31]), "short lines", False),
        ("\n".join(["x" * 30] * 7 + ["y" * 31] * 3), "short lines", True),
        ("a" * 90 + "\n" + "b" * 10 + "\n" + "b" * 10, "characters in duplicate lines", False),
        ("a" * 70 + "\n" + "b" * 10 + "\n" + "b" * 10, "characters in duplicate lines", True),
    ],
)
def test_fineweb_on_both_sides(text: str, rule: str, broken: bool) -> None:
    assert (rule in rules(fineweb(Page(text)))) is broken


@pytest.mark.parametrize(
    ("url", "blocked"),
    [
        ("https://casino-win.example/a", True),
        ("https://www.casino-win.example:8080/a", True),
        ("HTTPS://WWW.CASINO-WIN.EXAMPLE", True),
        ("casino-win.example/path", True),
        ("https://notcasino-win.example", False),
        ("https://casino-win.example.org", False),
        ("https://a.example/?to=casino-win.example", False),
        ("", False),
        ("http://[broken", True),
    ],
)
def test_a_host_blocks_itself_and_what_is_below_it(url: str, blocked: bool) -> None:
    assert bool(url_blocked(Page("x", url), BLOCKED_HOSTS)) is blocked


def test_listed_words() -> None:
    terms = {"zorbag", "vreck"}
    assert harmful_terms(Page("You zorbag!"), terms)
    assert harmful_terms(Page("You ZORBAG, you."), terms)
    assert not harmful_terms(Page("zorbags are no match"), terms)
    assert not harmful_terms(Page("a zorbag is rude"), terms, min_different=2)
    assert harmful_terms(Page("a zorbag, a vreck"), terms, min_different=2)
    assert not harmful_terms(Page("one zorbag " + "word " * 98), terms, max_share=0.01)
    with pytest.raises(ValueError, match="terms must be single words .*, got 'two words'"):
        harmful_terms(Page("x"), {"two words"})


def direct_share(words: list[str], n: int) -> float:
    """Characters in repeated n-grams, word by word."""
    seen, covered = set(), set()
    for start in range(len(words) - n + 1):
        gram = tuple(words[start : start + n])
        if gram in seen:
            covered |= set(range(start, start + n))
        seen.add(gram)
    return sum(len(words[i]) for i in covered) / sum(map(len, words))


def test_repetition_equals_a_count_word_by_word() -> None:
    from course_lib.data.curation.repetition import _share_in_duplicates, _share_in_top_ngram

    rng = np.random.default_rng(0)
    for _ in range(60):
        words = [("a", "bb", "ccc", "dddd")[i] for i in rng.integers(0, 4, rng.integers(1, 60))]
        numbers, lengths = word_numbers(words), np.array([len(w) for w in words])
        for n in (2, 3, 5, 8):
            hashes = ngram_hashes(numbers, n)
            assert _share_in_duplicates(hashes, lengths, n) == pytest.approx(direct_share(words, n))
            grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
            counts = {g: grams.count(g) for g in grams}
            most = max(counts.values(), default=1)
            best = max((sum(map(len, g)) for g, c in counts.items() if c == most), default=0)
            want = best * most / sum(map(len, words)) if most > 1 else 0.0
            assert _share_in_top_ngram(hashes, lengths, n) == pytest.approx(want)


def test_repetition_rules_name_what_is_repeated() -> None:
    line = "The very same line of the page once more"
    assert "duplicate lines" in rules(gopher_repetition(Page("\n".join([line] * 5))))
    assert "duplicate paragraphs" in rules(gopher_repetition(Page("\n\n".join([line] * 5))))
    top = "buy shoes " * 10 + " ".join(f"word{i}" for i in range(30))
    assert "characters in the most common 2-gram" in rules(gopher_repetition(Page(top)))
    assert gopher_repetition(Page(" ".join(f"word{i}" for i in range(200)))) == []


def removed(rule, n: int = 40) -> dict[str, float]:
    """Share of each kind of page that a rule drops."""
    shares = {}
    for name, kind in KINDS.items():
        rng = np.random.default_rng(3)
        shares[name] = float(np.mean([bool(rule(Page(kind.make(rng)))) for _ in range(n)]))
    return shares


@pytest.mark.slow
def test_what_each_rule_does_to_each_kind() -> None:
    """Good pages of some authors are removed, and some bad ones never: both are the lesson."""
    table = defaultdict(dict)
    for name, rule in {
        "quality": gopher_quality,
        "repetition": gopher_repetition,
        "c4": c4_page,
        "fineweb": fineweb,
        "harmful": lambda page: harmful_terms(page, LISTED_TERMS),
    }.items():
        for kind, share in removed(rule).items():
            table[kind][name] = share
    assert all(share == 0 for share in table["plain"].values())
    assert table["tutorial"]["c4"] == 1 and table["poem"]["fineweb"] == 1
    assert table["recipe"]["fineweb"] == 1 and table["short_note"]["quality"] == 1
    assert table["dialect"]["quality"] > 0.9
    assert table["about_a_term"]["harmful"] == 1 and table["insults"]["harmful"] == 1
    for kind in ("navigation", "stub", "keyword_spam", "number_table", "program", "teasers"):
        assert max(table[kind].values()) == 1
    assert all(share == 0 for share in table["shuffled"].values())
    assert max(table["spam_tail"].values()) < 0.5
