from collections.abc import Callable
from typing import Any

import pytest

from course_lib.prompting import Prompt, Template, few_shot_prompt
from course_lib.tokenizers import ByteLevelBPE

REVIEW = Template("Review: {text}\nMood: {mood}", answer="mood")
EXAMPLES = [{"text": f"sentence {i}", "mood": "good" if i % 2 else "bad"} for i in range(6)]
QUERY = {"text": "something new"}


class Words:
    """One token a word."""

    def encode(self, text: str) -> list[int]:
        return [len(word) for word in text.split()]


def prompt(**changes: Any) -> Prompt:
    options: dict[str, Any] = {
        "tokenizer": Words(),
        "budget_tokens": 200,
        "examples": EXAMPLES,
        "instruction": "Say the mood.",
    }
    return few_shot_prompt(REVIEW, QUERY, **(options | changes))


def test_zero_one_and_few_shot() -> None:
    assert prompt(n_examples=0).text == "Say the mood.\n\nReview: something new\nMood:"
    one = prompt(n_examples=1)
    assert one.text.count("Mood:") == 2
    assert "sentence 5" in one.text and one.n_examples == 1
    everything = prompt()
    assert everything.n_examples == 6 and everything.n_dropped == 0
    places = [everything.text.index(f"sentence {i}") for i in range(6)]
    assert places == sorted(places)
    assert everything.text.endswith("Review: something new\nMood:")


@pytest.mark.parametrize("budget", range(8, 60))
def test_the_oldest_examples_go_until_the_prompt_fits(budget: int) -> None:
    made = prompt(budget_tokens=budget)
    assert made.tokens == Words().encode(made.text)
    assert len(made.tokens) <= budget
    assert made.n_examples + made.n_dropped == 6
    assert made.text.startswith("Say the mood.") and made.text.endswith("new\nMood:")
    kept = [f"sentence {i}" in made.text for i in range(6)]
    assert kept == [i >= made.n_dropped for i in range(6)]
    if made.n_dropped:  # one more would not have fitted
        assert len(prompt(n_examples=made.n_examples + 1).tokens) > budget


def test_tokens_are_counted_not_characters() -> None:
    tokenizer = ByteLevelBPE.train(["Review: a sentence\nMood: good bad " * 9], 300)
    made = prompt(tokenizer=tokenizer, budget_tokens=80)
    assert len(made.text) > 80 >= len(made.tokens)
    assert tokenizer.decode(made.tokens) == made.text


def test_what_cannot_fit_is_an_error_and_never_cut() -> None:
    with pytest.raises(ValueError, match="is 6, but instruction and query alone take 7"):
        prompt(budget_tokens=6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget_tokens": 0}, "budget_tokens must be at least 1, got 0"),
        ({"n_examples": 7}, "n_examples must be from 0 to 6, got 7"),
        ({"n_examples": -1}, "n_examples must be from 0 to 6, got -1"),
        ({"examples": [{"text": "x"}]}, "has the fields"),
    ],
)
def test_bad_input_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prompt(**changes)


def test_the_query_among_the_examples_is_a_leak() -> None:
    leaking = [*EXAMPLES, {**QUERY, "mood": "good"}]
    with pytest.raises(ValueError, match=r"examples\[6\] is the query itself"):
        prompt(examples=leaking)
    allowed = prompt(examples=leaking, allow_query_among_examples=True)
    assert allowed.n_examples == 7
    assert prompt(examples=leaking[::-1], n_examples=6).n_examples == 6  # not used, no leak


def test_a_query_without_fields_is_in_no_example() -> None:
    made = few_shot_prompt(
        Template("Mood: {mood}", answer="mood"),
        {},
        tokenizer=Words(),
        budget_tokens=20,
        examples=[{"mood": "good"}, {"mood": "bad"}],
    )
    assert made.text == "Mood: good\n\nMood: bad\n\nMood:"


def keep_newest(text: str) -> str:
    return text[-60:]


@pytest.mark.parametrize("fault", [keep_newest, lambda text: text + " good"])
def test_a_planted_cut_or_leak_is_seen(fault: Callable[[str], str]) -> None:
    """A prompt cut in its middle, or answered, breaks what the tests above ask for."""
    made = fault(prompt(budget_tokens=30).text)
    assert not (made.startswith("Say the mood.") and made.endswith("new\nMood:"))
