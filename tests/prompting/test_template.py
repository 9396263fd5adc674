import pytest

from course_lib.prompting import Template

REVIEW = Template("Review: {text}\nMood: {mood}", answer="mood")


def test_an_example_is_written_with_its_answer_and_a_query_without() -> None:
    assert REVIEW.full({"text": "fine", "mood": "good"}) == "Review: fine\nMood: good"
    assert REVIEW.ask({"text": "fine"}) == "Review: fine\nMood:"


def test_what_follows_the_answer_is_left_out_of_the_query() -> None:
    template = Template("<{mood}> was said of {text}", answer="mood")
    assert template.ask({"text": "it"}) == "<"
    assert template.full({"text": "it", "mood": "good"}) == "<good> was said of it"


def test_braces_in_values_and_doubled_braces_are_text() -> None:
    template = Template("{{json}}: {code} -> {out}", answer="out")
    assert template.full({"code": "{out}", "out": "{"}) == "{json}: {out} -> {"
    assert template.ask({"code": "{out}"}) == "{json}: {out} ->"


def test_a_field_may_stand_twice() -> None:
    assert Template("{x} {x} {y}", answer="y").ask({"x": "a"}) == "a a"


@pytest.mark.parametrize(
    ("pattern", "answer", "message"),
    [
        ("{text", "text", "cannot be read"),
        ("{text} {0}", "text", "field '0'"),
        ("{text.real}", "text", "field 'text.real'"),
        ("{text!r}", "text", "plain names"),
        ("{text:>9}", "text", "plain names"),
        ("{text}", "mood", "exactly once"),
        ("{mood} {mood}", "mood", "exactly once"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused(pattern: str, answer: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Template(pattern, answer=answer)


def test_fields_must_fit() -> None:
    with pytest.raises(ValueError, match=r"has the fields \['text'\], wants \['mood', 'text'\]"):
        REVIEW.full({"text": "fine"})
    with pytest.raises(ValueError, match="its own answer"):
        REVIEW.ask({"text": "fine", "mood": "good"})
    with pytest.raises(ValueError, match="wants"):
        REVIEW.ask({"text": "fine", "other": "x"})
    with pytest.raises(TypeError, match="str"):
        REVIEW.ask({"text": 3})  # type: ignore[dict-item]
