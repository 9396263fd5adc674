import math
from collections import Counter, defaultdict

import pytest
import torch

from course_lib.adaptation.two_domains import (
    DOMAINS,
    END,
    EVENTS,
    DomainDocument,
    domain_documents,
    domain_floor,
    domain_vocabulary,
    fact_questions,
    verdict_questions,
)


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.slow
@pytest.mark.parametrize("domain", DOMAINS)
def test_stated_probabilities_are_those_that_are_drawn(domain: str) -> None:
    """After each beginning, words come as often as they are said to, and the shares sum to 1."""
    seen: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    stated: defaultdict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for one in domain_documents(domain, 30_000, drawn()):
        assert len(one.log_probabilities) == len(one.words) + 1
        for place, word in enumerate([*one.words, END][:12]):
            before = one.words[:place]
            seen[before][word] += 1
            p = math.exp(one.log_probabilities[place])
            assert stated[before].setdefault(word, p) == p
    tried = 0
    for before, counts in seen.items():
        n = counts.total()
        if n < 300:
            continue
        tried += 1
        if n > 2_000:
            assert sum(stated[before].values()) == pytest.approx(1.0)
        for word, p in stated[before].items():
            assert abs(counts[word] - n * p) < 6 * math.sqrt(n * p * (1 - p) + 1)
    assert tried > 50


def test_the_floor_is_the_mean_surprise() -> None:
    documents = [
        DomainDocument(("a", "b"), (math.log(0.5), 0.0, math.log(0.5))),
        DomainDocument(("a",), (math.log(0.5), math.log(0.25))),
    ]
    assert domain_floor(documents) == pytest.approx(5 * math.log(2) / 5)
    floors = [domain_floor(domain_documents(name, 4000, drawn())) for name in DOMAINS]
    assert max(floors) - min(floors) < 0.02, "neither domain is easier than the other"


def test_the_domains_share_events_and_no_fact() -> None:
    everyday, finance = DOMAINS["everyday"], DOMAINS["finance"]
    flipped = [event for event in EVENTS if everyday.is_good(event) != finance.is_good(event)]
    assert len(flipped) == len(EVENTS) / 2
    names = [
        {*d.subjects, *(v for _, values in d.facts.values() for v in values)}
        for d in (everyday, finance)
    ]
    assert not names[0] & names[1]
    assert len(set(finance.facts["trades"][1])) == 24
    assert len(domain_vocabulary()) == len(set(domain_vocabulary()))


@pytest.mark.parametrize("domain", DOMAINS)
def test_questions_are_answered_as_the_text_tells_them(domain: str) -> None:
    text = domain_documents(domain, 20_000, drawn(1))
    told: defaultdict[str, Counter[str]] = defaultdict(Counter)
    facts = set()
    for one in text:
        sentences = " ".join(one.words).split(" .")
        for sentence in filter(None, map(str.split, sentences)):
            if "news" in sentence:
                told[sentence[1]][sentence[-1]] += 1
            else:
                facts.add(tuple(sentence))
    questions = verdict_questions(domain)
    assert sum(q.flipped for q in questions) == len(questions) / 2
    for question in questions:
        event = next(word for word in question.words if word in EVENTS)
        assert told[event].most_common(1)[0][0] == question.answer
    for question in fact_questions(domain):
        assert (*question.words, question.answer) in facts
        assert question.answer in question.options
    assert set(domain_vocabulary()) >= {word for one in text for word in one.words}


def test_a_seed_gives_the_same_text_and_bad_wishes_are_refused() -> None:
    assert domain_documents("finance", 50, drawn(3)) == domain_documents("finance", 50, drawn(3))
    with pytest.raises(ValueError, match="domain must be one of"):
        domain_documents("law", 1, drawn())
    with pytest.raises(ValueError, match="n must be at least 1"):
        domain_documents("finance", 0, drawn())
