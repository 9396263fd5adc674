"""Language, personal data, the learned filter and the search for evaluation texts."""

import numpy as np
import pytest

from course_lib.data.crawl import KINDS, make_crawl
from course_lib.data.crawl.foreign import _SENTENCES
from course_lib.data.curation import (
    Contamination,
    Language,
    Page,
    QualityClassifier,
    find_personal_data,
    mask_personal_data,
)
from course_lib.data.curation.quality import features


def test_language_names_the_language() -> None:
    english = Language()
    for code, sentences in _SENTENCES.items():
        assert english.identify(" ".join(sentences))[0] == code
        assert Language(code)(Page(" ".join(sentences))) == []
        assert "language" in english(Page(" ".join(sentences)))[0].rule
    assert english(Page(KINDS["plain"].make(np.random.default_rng(0)))) == []
    assert english(Page("  ")) and english(Page("\ud800"))


def test_language_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="language must be one of .*, en, .*got 'xx'"):
        Language("xx")
    with pytest.raises(ValueError, match="min_probability must be 0 to 1, got 2.0"):
        Language("en", 2.0)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to a.b+c@mail.example.org now", "write to <EMAIL> now"),
        ("a@b is no address", "a@b is no address"),
        ("see user@host.example.", "see <EMAIL>."),
        ("call 555-123-4567 today", "call <PHONE> today"),
        ("call (030) 555 1234.", "call <PHONE>."),
        ("call +49 30 1234 5678", "call <PHONE>"),
        ("call +1-555-123-4567", "call <PHONE>"),
        ("number 123-45-6789 is secret", "number <SSN> is secret"),
        ("000-12-3456 and 123-00-4567", "000-12-3456 and 123-00-4567"),
        ("the host 8.8.8.8 answers", "the host <IP> answers"),
        ("the host 10.0.0.1 and 127.0.0.1", "the host 10.0.0.1 and 127.0.0.1"),
        ("version 1.2.3.4.5 and 999.1.1.1", "version 1.2.3.4.5 and 999.1.1.1"),
        ("card 4111 1111 1111 1111 ok", "card <CARD> ok"),
        ("card 4111 1111 1111 1112 no", "card 4111 1111 1111 1112 no"),
        ("4111111111111111", "<CARD>"),
        ("5555 5555 5555 4444", "<CARD>"),
        ("5555 5555 5554 5444", "5555 5555 5554 5444"),  # two digits changed places
        ("in 1999-2024 and 3.14159265", "in 1999-2024 and 3.14159265"),
        ("10 000 people, 12 500 000 trees", "10 000 people, 12 500 000 trees"),
        ("", ""),
    ],
)
def test_personal_data_by_its_form(text: str, masked: str) -> None:
    assert mask_personal_data(text) == masked
    assert mask_personal_data(masked) == masked


def test_pieces_that_touch_are_masked_one_after_the_other() -> None:
    once = mask_personal_data("x +49 30 1234567+49 30 7654321")
    assert once == "x <PHONE>+49 30 7654321" and mask_personal_data(once) == "x <PHONE><PHONE>"


def test_planted_personal_data_is_found_and_tables_of_numbers_are_left() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        kinds = [one.kind for one in find_personal_data(KINDS["with_personal_data"].make(rng))]
        assert kinds == ["EMAIL", "PHONE"]
        assert find_personal_data(KINDS["number_table"].make(rng)) == []
        assert find_personal_data(KINDS["plain"].make(rng)) == []


def test_a_long_text_without_a_match_takes_no_time_that_grows_faster_than_it() -> None:
    for piece in ("a.", "1-", "12 ", "@", "+1", "(12", "x@y."):
        mask_personal_data(piece * 100_000)


def classifier() -> QualityClassifier:
    rng = np.random.default_rng(0)
    good = [Page(KINDS["plain"].make(rng)) for _ in range(100)]
    bad = [Page(KINDS[k].make(rng)) for k in ("shuffled", "spam_tail", "keyword_spam") * 30]
    return QualityClassifier.fit(good, bad, rng=rng)


def test_the_classifier_finds_what_no_rule_can() -> None:
    judge, rng = classifier(), np.random.default_rng(9)
    share = {
        kind: np.mean([bool(judge(Page(KINDS[kind].make(rng)))) for _ in range(30)])
        for kind in ("plain", "shuffled", "spam_tail", "interview", "keyword_spam")
    }
    assert share["plain"] <= 0.05 and share["interview"] <= 0.1
    assert min(share["shuffled"], share["spam_tail"], share["keyword_spam"]) >= 0.95


def test_the_classifier_is_the_same_for_the_same_draw() -> None:
    a, b = classifier(), classifier()
    assert (a.weights == b.weights).all() and a.bias == b.bias
    assert 0 <= a.score(Page("")) <= 1
    assert len(features(Page("the river the river"))) == 4


def test_one_epoch_of_the_classifier_by_hand() -> None:
    good, bad = Page("river"), Page("spam")
    judge = QualityClassifier.fit(
        [good], [bad], rng=np.random.default_rng(0), epochs=1, learning_rate=1.0, l2=0.0
    )
    # The first page pushes by a full step, the second by half a step and against the bias.
    (first, second), bias = np.random.default_rng(0).permutation([1.0, -1.0]), 0.1 * 0.5
    error = 1 / (1 + np.exp(-bias))
    weight = {first: first * 0.5, second: second * 0.5 * error}
    assert judge.weights[features(good)] == pytest.approx(weight[1.0])
    assert judge.weights[features(bad)] == pytest.approx(weight[-1.0])
    assert judge.bias == pytest.approx(first * bias + second * 0.1 * 0.5 * error)


def test_a_score_divides_by_the_root_of_the_number_of_features() -> None:
    judge = QualityClassifier(np.full(2**16, 0.5), bias=0.25)
    for text, logit in (("", 0.25), ("river", 0.75), ("the river the river", 0.25 + 4 * 0.5 / 2)):
        assert judge.score(Page(text)) == pytest.approx(1 / (1 + np.exp(-logit)))


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ([], [Page("x")], "got 0 good and 1 bad"),
        ([Page("x")], [], "got 1 good and 0 bad"),
        ([Page("")], [Page(" ")], "pages with words"),
    ],
)
def test_the_classifier_needs_both_kinds(good, bad, message) -> None:
    with pytest.raises(ValueError, match=message):
        QualityClassifier.fit(good, bad, rng=np.random.default_rng(0))


def test_evaluation_texts_are_found_in_whatever_surrounds_them() -> None:
    rng = np.random.default_rng(1)
    pages = [p.text for p in make_crawl(40, rng, {"plain": 1.0})]
    question = "which of the rivers of the north is so wide that nobody has crossed it yet"
    short = "how deep is the lake"
    search = Contamination([question, short])
    assert not any(search(Page(text)) for text in pages)
    assert search(Page(pages[0] + "\n\n" + question.upper() + "?"))
    assert search(Page("He asked: how deep is the lake? Nobody knew."))
    assert not search(Page("how deep is a lake")) and not search(Page(""))


def test_evaluation_texts_that_cannot_be_looked_for() -> None:
    assert Contamination(["yes", "a text of five words"]).n_left_out == 1
    with pytest.raises(ValueError, match="a text of 4 words or more, got 2 shorter"):
        Contamination(["yes", ""])
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        Contamination(["a b c d"], n=0)


def test_a_run_is_as_long_as_was_asked_for() -> None:
    words = [f"word{i}" for i in range(20)]
    for n, search in (
        (13, Contamination([" ".join(words)])),
        (1, Contamination(words, n=1, min_words=1)),
    ):
        assert search(Page("so " + " ".join(words[3 : 3 + n]) + " then"))
        assert search(Page(" ".join(words[3 : 3 + n]))), "a page of the run alone"
        assert not search(Page("so " + " ".join(words[3 : 2 + n]) + " then"))
    (reason,) = search(Page("word1 or word2"))
    assert reason.value == 2 and search.n_left_out == 0
    assert Contamination(["one two three", "one two three four"]).n_left_out == 1
    with pytest.raises(ValueError, match="min_words must be at least 1, got 0"):
        Contamination(words, n=1, min_words=0)
