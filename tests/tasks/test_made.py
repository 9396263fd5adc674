"""The made tasks: every word known, one right answer, and texts that do not give it away."""

from collections import defaultdict

import pytest
import torch

from course_lib.tasks import MADE, Question, TaggedWords, TextPair, entities, made_tokenizer
from course_lib.tasks.made import facts, headlines, names, opinions, word_classes

N = 400
TOKENIZER = made_tokenizer()


def draw(name: str, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return MADE[name].items(N, generator)


@pytest.mark.parametrize("name", MADE)
def test_every_word_is_a_token_and_comes_back(name: str) -> None:
    unknown = TOKENIZER.special_id("[UNK]")
    generator = torch.Generator().manual_seed(1)
    texts = MADE[name].texts(N, generator)
    for item in draw(name):
        if isinstance(item, TextPair):
            texts += [item.source, item.target]
        elif isinstance(item, Question):
            texts += [item.context, item.question, item.answer]
        else:
            texts.append(item.text)
    for text in texts:
        ids = TOKENIZER.encode(text, add_special=True)
        assert unknown not in ids
        assert len(ids) <= 40
        shown = TOKENIZER.decode(ids, skip_special=True)
        assert shown.split() == text.split()  # so that `exact` can be 1


@pytest.mark.parametrize("name", MADE)
def test_a_seed_gives_the_same_items_and_another_one_others(name: str) -> None:
    assert draw(name) == draw(name)
    assert draw(name) != draw(name, 1)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        MADE[name].items(0, torch.Generator())


@pytest.mark.parametrize("name", ["sentiment", "entities", "word-classes"])
def test_labels_are_those_that_occur(name: str) -> None:
    found = {x for i in draw(name) for x in ([i.label] if hasattr(i, "label") else i.labels)}
    assert found == set(MADE[name].labels)


def test_a_review_is_of_one_opinion() -> None:
    polarity = {w: label for label, words in opinions._POLAR.items() for w in words}
    for item in draw("sentiment"):
        assert {polarity[w] for w in item.text.split() if w in polarity} == {item.label}


def test_the_end_of_a_review_is_in_its_texts_only() -> None:
    texts = MADE["sentiment"].texts(N, torch.Generator())
    assert all(text.endswith("it .") for text in texts)
    assert not any("all in all" in item.text for item in draw("sentiment"))


def test_entities_are_one_or_two_words_and_some_words_name_two_kinds() -> None:
    kinds = defaultdict(set)
    for item in draw("entities"):
        found = entities(item.labels)
        assert sum(stop - start for _, start, stop in found) == sum(
            label != "O" for label in item.labels
        )
        for kind, start, stop in found:
            assert 1 <= stop - start <= 2
            kinds[kind] |= set(item.words[start:stop])
    assert len(kinds["PER"] & kinds["LOC"]) >= names.N_SHARED / 2
    assert not kinds["ORG"] & (kinds["PER"] | kinds["LOC"])


def test_what_stands_before_tells_the_class_of_a_word_with_two() -> None:
    for item in draw("word-classes"):
        assert isinstance(item, TaggedWords)
        pairs = zip(item.words[1:], item.labels, item.labels[1:], strict=False)
        for word, before, label in pairs:
            if word in word_classes._BOTH:
                assert label == ("NOUN" if before in ("DET", "ADJ") else "VERB")


def test_a_translation_follows_the_rules() -> None:
    for item in draw("translation"):
        words = item.target.split()[2:-1]
        assert words[-1].endswith(("ex", "em"))
        assert ("ne" in words) == (" not " in item.source)
        assert sum(word.endswith("ko") for word in words) == 1


def test_a_headline_names_the_last_deed_of_the_one_who_comes_first() -> None:
    for item in draw("summarization"):
        sentences = [s.split() for s in item.source.removeprefix("story : ").split(" . ")]
        hero = sentences[0][1]
        last = [s for s in sentences if s[1] == hero][-1]
        thing = [word for word in last if word != "."][-1]
        assert item.target == f"headline : {hero} {last[2]} {thing} ."
        assert len(sentences) == headlines.N_SENTENCES


def test_an_answer_is_the_fact_that_was_asked_for() -> None:
    for item in draw("answering"):
        who = item.question.split()[2]
        assert f"{who} likes {item.answer} ." in item.context
        assert item.context.count(".") == facts.N_FACTS


def test_a_continuation_repeats_the_fact() -> None:
    for item in draw("generation"):
        words = item.source.split()
        assert words[-3::2] == ["so", "likes"]
        assert f"{words[-2]} likes {item.target}" in item.source


def test_an_answer_that_stands_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must stand at character 3 .* has 'k' there"):
        Question("milk", "what ?", "m", 3)
    with pytest.raises(ValueError, match="answer is empty"):
        Question("milk", "what ?", "", 0)
