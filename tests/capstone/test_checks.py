"""Each check is silent on good numbers, and speaks on the fault that it is for."""

from typing import Any

import pytest

from course_lib.capstone import checks

CURATED: dict[str, Any] = {
    "characters": 100_000,
    "words read": 20_000,
    "words dropped": {"exact": 0, "near": 100, "paragraphs": 0},
    "skipped": {},
    "languages": {"en": 0.99, "de": 0.01},
}
SPLIT: dict[str, Any] = {"documents": 50, "cut": 0, "shared": 0.0, "held-out characters": 9_000}
TOKENIZER: dict[str, Any] = {
    "asked": 1024,
    "vocab_size": 1024,
    "tokens": 50_000,
    "held-out tokens": 5_000,
    "bytes a token": 3.0,
    "held-out bytes a token": 2.9,
}
PRETRAINED: dict[str, Any] = {
    "parameters": 1_000,
    "tokens": 50_000,
    "passes": 1.0,
    "evaluations": [[0, 7.0], [10, 5.0], [20, 4.0]],
}
TUNED: dict[str, Any] = {
    "pairs": 100,
    "held-out pairs": 10,
    "reply loss": [5.0, 4.0],
    "text loss": [4.0, 4.1],
    "ends": 0.9,
}
EVALUATED: dict[str, Any] = {
    "bits a byte": {"untrained": 3.0, "unigram": 2.5, "trigram": 1.8, "pre-trained": 1.7}
}
HANDED: dict[str, Any] = {"engines": {"transformers": ["equal", "40 of 40"]}}

CASES = [
    (checks.check_curated, CURATED, {"characters": 100}, "too little text", True),
    (
        checks.check_curated,
        CURATED,
        {"words dropped": {"exact": 9_000, "near": 0, "paragraphs": 0}},
        "duplicates",
        False,
    ),
    (checks.check_curated, CURATED, {"skipped": {"binary": 3}}, "not read", False),
    (
        checks.check_curated,
        CURATED,
        {"languages": {"fr": 0.6, "de": 0.4}},
        "several languages",
        False,
    ),
    (checks.check_split, SPLIT, {"cut": 1}, "few documents", False),
    (checks.check_split, SPLIT, {"shared": 0.02}, "test text in training text", False),
    (checks.check_split, SPLIT, {"shared": 0.6}, "nothing to measure on", True),
    (checks.check_tokenizer, TOKENIZER, {"tokens": 900}, "too large a vocabulary", True),
    (checks.check_tokenizer, TOKENIZER, {"vocab_size": 700}, "small vocabulary", False),
    (checks.check_tokenizer, TOKENIZER, {"held-out tokens": 900}, "little to measure on", False),
    (checks.check_tokenizer, TOKENIZER, {"held-out tokens": 90}, "little to measure on", True),
    (
        checks.check_tokenizer,
        TOKENIZER,
        {"held-out bytes a token": 2.0},
        "held-out text of another kind",
        False,
    ),
    (checks.check_pretrained, PRETRAINED, {"tokens": 9_000}, "little text for this size", False),
    (checks.check_pretrained, PRETRAINED, {"passes": 9.0}, "many passes", False),
    (
        checks.check_pretrained,
        PRETRAINED,
        {"evaluations": [[0, 7.0], [20, 6.9]]},
        "loss that did not fall",
        True,
    ),
    (
        checks.check_pretrained,
        PRETRAINED,
        {"evaluations": [[0, 7.0], [20, float("nan")]]},
        "loss that did not fall",
        True,
    ),
    (
        checks.check_pretrained,
        PRETRAINED,
        {"evaluations": [[0, 7.0], [10, 4.0], [20, 4.3]]},
        "loss that rose again",
        False,
    ),
    (checks.check_tuned, TUNED, {"pairs": 0}, "nothing to tune on", False),
    (checks.check_tuned, TUNED, {"reply loss": [4.0, 4.0]}, "use that was not learned", False),
    (checks.check_tuned, TUNED, {"text loss": [4.0, 5.0]}, "forgotten text", False),
    (checks.check_tuned, TUNED, {"ends": 0.2}, "replies that do not end", False),
    (
        checks.check_evaluated,
        EVALUATED,
        {"bits a byte": EVALUATED["bits a byte"] | {"pre-trained": 1.9}},
        "no better than counting",
        False,
    ),
    (
        checks.check_handed_over,
        HANDED,
        {"engines": {"transformers": ["differs", "token 3"]}},
        "transformers differs",
        True,
    ),
]


@pytest.mark.parametrize(
    ("check", "good", "fault", "name", "stops"), CASES, ids=[f"{c[3]}-{c[4]}" for c in CASES]
)
def test_a_check_speaks_on_its_fault_alone(
    check: Any, good: dict[str, Any], fault: dict[str, Any], name: str, stops: bool
) -> None:
    assert check(good) == []
    found = {one.check: one for one in check(good | fault)}
    assert name in found and found[name].stops is stops
    assert str(found[name]).startswith(f"{'stop' if stops else 'look'}: {name}: ")


def test_too_little_text_names_the_filter_that_took_most() -> None:
    left = CURATED | {"characters": 10, "words dropped": {"language": 9, "fineweb": 7}}
    assert "language, which took 9 words" in checks.check_curated(left)[0].told
