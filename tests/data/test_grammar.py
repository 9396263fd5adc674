import math
from collections import Counter, defaultdict

import pytest
import torch

from course_lib.data.grammar import _Writer, floor, next_words, stories, story, vocabulary


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_word_has_one_id() -> None:
    words = vocabulary()
    assert len(words) == len(set(words))
    used = {word for one in stories(500, generator()) for word in one.words}
    assert used == set(words) - {""}


def test_a_word_is_drawn_as_multinomial_draws_it() -> None:
    writer, same = _Writer(generator()), generator()
    for n in range(1, 300):
        options = [f"word {place}" for place in range(n % 12 + 1)]
        weights = [1.0 + (place * n) % 7 for place in range(len(options))] if n % 3 else None
        shares = torch.tensor(weights or [1.0] * len(options))
        expected = options[int(torch.multinomial(shares, 1, generator=same))]
        assert writer.draw(options, weights) == expected
    assert torch.equal(writer.generator.get_state(), same.get_state())


@pytest.mark.slow
def test_the_stated_probability_is_the_frequency_after_each_prefix() -> None:
    sample = [story(generator(seed)) for seed in range(3000)]
    counts: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    stated: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for one in sample:
        for place, word in enumerate(one.words):
            prefix = one.words[:place]
            counts[prefix][word] += 1
            told = stated[prefix].setdefault(word, one.log_probabilities[place])
            assert told == one.log_probabilities[place]
    checked = 0
    for prefix, counter in counts.items():
        total = counter.total()
        if total < 300:
            continue
        checked += 1
        assert sum(math.exp(p) for p in stated[prefix].values()) == pytest.approx(1)
        for word, n in counter.items():
            p = math.exp(stated[prefix][word])
            assert abs(n - total * p) <= 5 * math.sqrt(total * p * (1 - p)) + 1e-9
    assert checked >= 20


def test_the_far_words_agree() -> None:
    for one in stories(200, generator(1)):
        name, colour, animal = one.words[0], one.words[3], one.words[4]
        ending = one.words[one.words.index("then") :]
        assert ending[2:4] == (colour, animal) and ending[6] == name
        assert ("she" in one.words) + ("he" in one.words) <= 1


def test_floor_by_hand() -> None:
    one = stories(1, generator(3))[0]
    assert floor([one]) == pytest.approx(-sum(one.log_probabilities) / (len(one.words) + 1))
    assert 0 > one.log_probability


def test_length_is_bounded_and_the_bound_is_part_of_the_probabilities() -> None:
    short = stories(200, generator(), most_events=1)
    assert max(len(one.words) for one in short) == 16 + 8
    forced = next(one for one in short if len(one.words) > 20)
    place = forced.words.index("then")
    assert forced.log_probabilities[place] == 0.0
    assert len(story(generator(), most_events=0).words) == 16


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="most_events must be 0 or more, got -1"):
        story(generator(), most_events=-1)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        stories(0, generator())


def test_the_next_words_are_those_of_the_maker() -> None:
    for one in stories(60, generator(4), most_events=3):
        for place, word in enumerate(one.words):
            options = next_words(one.words[:place], most_events=3)
            assert sum(options.values()) == pytest.approx(1)
            assert math.log(options[word]) == pytest.approx(one.log_probabilities[place])
        assert next_words(one.words, most_events=3) == {"": 1.0}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("Anna has a red cat . he", "'he'"),
        ("Anna has a red cat . the dog", "'dog'"),
        ("Anna has a red cat . then the blue", "'blue'"),
        ("has", "'has'"),
        ("Anna has a red cat . then the red cat sleeps and Anna is happy . then", "'then'"),
    ],
)
def test_a_beginning_that_no_story_has_is_refused_by_its_word(words: str, named: str) -> None:
    given = words.split()
    wrong = rf"words\[{len(given) - 1}\] = {named}"
    with pytest.raises(ValueError, match=wrong):
        next_words(given)
    assert named.strip("'") not in next_words(given[:-1])
