"""Break a grader on purpose: the checks of every exercise must notice.

If these tests fail, the checks themselves have gone soft, and a green run of the others means
nothing.
"""

import dataclasses
import time

import numpy as np
import pytest

from course_lib.exercises import selfcheck
from course_lib.exercises.author.spec import Choice, Contract, Near, Number
from course_lib.exercises.catalog import find
from course_lib.exercises.code.call import OutOfTime
from course_lib.exercises.code.laws import Property, equals_reference
from course_lib.exercises.process.inline import alarm

FULL = find("01.c")
CODE = dataclasses.replace(
    FULL,
    code=dataclasses.replace(
        FULL.code,
        cases=16,
        wrong={
            name: FULL.code.wrong[name]
            for name in ("overflow", "columns", "all-pairs", "not-normalised", "in-place")
        },
    ),
)
NUMBER = find("06.d")
CHOICE = find("01.a")
SEVERAL = find("06.e")
ORDINARY = find("06.a")


def with_code(**changes):
    return dataclasses.replace(CODE, code=dataclasses.replace(CODE.code, **changes))


def with_part(spec, **changes):
    return dataclasses.replace(spec, parts=[dataclasses.replace(spec.parts[0], **changes)])


def code_faults(spec):
    return selfcheck.code_faults(spec)


def test_the_originals_have_no_fault():
    assert selfcheck.code_faults(CODE) == []
    for spec in (NUMBER, CHOICE, SEVERAL, ORDINARY):
        assert selfcheck.part_faults(spec) == []


def test_no_properties():
    faults = code_faults(with_code(properties=[]))
    assert any("gets correct" in fault for fault in faults)


def test_tolerance_of_one():
    assert any(
        "gets correct" in fault
        for fault in code_faults(with_code(properties=[equals_reference(1.0)]))
    )


def test_property_that_always_holds_is_idle():
    lazy = Property("nothing is asked", lambda case: None)
    spec = with_code(properties=[*CODE.code.properties, lazy])
    assert selfcheck.idle_properties(spec) == ["nothing is asked"]


def test_tight_example_instead_of_cases():
    def one_case(draw):
        return {"scores": np.array([[0.0, 1.0], [1.0, 0.0]])}

    assert any("gets correct" in fault for fault in code_faults(with_code(generate=one_case)))


def test_wrong_reference():
    def reference(scores):
        return np.exp(scores) / np.exp(scores).sum()

    faults = code_faults(
        with_code(reference=reference, generate=lambda draw: {"scores": draw.array(3, 3)})
    )
    assert any("_with_loops" in fault for fault in faults)


def test_swapped_messages():
    wrong = dict(CODE.code.wrong)
    first, second = list(wrong)[:2]
    wrong[first], wrong[second] = wrong[second], wrong[first]
    swapped = {name: dataclasses.replace(item) for name, item in wrong.items()}
    swapped[first] = dataclasses.replace(wrong[first], function=CODE.code.wrong[first].function)
    duplicate = {**swapped, "another": wrong[second]}
    assert code_faults(with_code(wrong=duplicate)) != []


def test_impure_answers_allowed():
    faults = code_faults(with_code(contract=Contract(pure=False, alias=True)))
    assert any("in-place" in fault and "gets correct" in fault for fault in faults)


def test_starter_that_is_an_answer():
    source = "def relevance(scores):\n    return scores\n"
    faults = code_faults(with_code(starters=[("given away", source)]))
    assert any("the starter 'given away'" in fault for fault in faults)


def test_too_few_wrong_programs():
    assert any("5 wrong" in fault for fault in code_faults(with_code(wrong={})))


def test_property_that_notices_no_mutant():
    always = Property("finite", lambda case: None)
    assert selfcheck.survivors(CODE) == []
    assert selfcheck.survivors(with_code(properties=[always])) != []


@pytest.mark.parametrize("tolerance", [1.0, 0.5])
def test_number_with_a_wide_tolerance(tolerance):
    assert any(
        "two tolerances" in f for f in selfcheck.part_faults(with_part(NUMBER, tolerance=tolerance))
    )


def test_number_with_the_key_of_a_mistake():
    part = NUMBER.parts[0]
    assert selfcheck.part_faults(with_part(NUMBER, key=part.near[0].value)) != []


def test_number_without_planted_values():
    assert any("planted" in f for f in selfcheck.part_faults(with_part(NUMBER, near=[])))


def test_near_value_that_cannot_be_reached():
    part = NUMBER.parts[0]
    twice = [*part.near, Near(part.near[0].value, "never shown to anyone")]
    assert selfcheck.part_faults(with_part(NUMBER, near=twice)) != []


def test_choice_with_the_key_swapped():
    options = [
        dataclasses.replace(option, correct=not option.correct)
        for option in CHOICE.parts[0].options[:2]
    ]
    spec = with_part(CHOICE, options=[*options, *CHOICE.parts[0].options[2:]])
    assert any("misconception" in fault for fault in selfcheck.part_faults(spec))


def test_choice_with_two_right_options():
    options = [dataclasses.replace(option, correct=True) for option in CHOICE.parts[0].options]
    assert any(
        "want 1" in fault for fault in selfcheck.part_faults(with_part(CHOICE, options=options))
    )


def test_choice_without_a_right_option():
    options = [dataclasses.replace(option, correct=False) for option in SEVERAL.parts[0].options]
    assert any(
        "no option" in fault for fault in selfcheck.part_faults(with_part(SEVERAL, options=options))
    )


def test_match_with_the_key_moved():
    match = ORDINARY.parts[0]
    rows = [dataclasses.replace(match.rows[0], correct=[match.options[3]]), *match.rows[1:]]
    spec = dataclasses.replace(ORDINARY, parts=[dataclasses.replace(match, rows=rows)])
    # The key is consistent with itself; the feedback tells: the right choice names a misconception.
    assert any("misconception" in fault for fault in selfcheck.part_faults(spec))


@pytest.mark.parametrize("text", ["", "No.", "word " * 61])
def test_feedback_too_short_or_too_long(text):
    options = [
        dataclasses.replace(CHOICE.parts[0].options[0], feedback=text),
        *CHOICE.parts[0].options[1:],
    ]
    assert any(
        "words" in fault for fault in selfcheck.text_faults(with_part(CHOICE, options=options))
    )


def test_option_that_leans_on_its_place():
    options = [
        *CHOICE.parts[0].options[:-1],
        dataclasses.replace(CHOICE.parts[0].options[-1], text="all of the above"),
    ]
    assert any(
        "order" in fault for fault in selfcheck.text_faults(with_part(CHOICE, options=options))
    )


def test_kinds_used_here_are_what_they_say():
    assert isinstance(NUMBER.parts[0], Number)
    assert isinstance(CHOICE.parts[0], Choice)


def test_one_pass_finds_what_a_pass_without_each_property_finds():
    lazy = Property("nothing is asked", lambda case: None)
    laws = [*CODE.code.properties, lazy, *CODE.code.diagnose]
    spec = with_code(properties=laws)
    left = set(selfcheck.survivors(spec))
    idle = []
    for law in laws:
        weaker = with_code(properties=[other for other in laws if other is not law])
        planted = [wrong.function for wrong in CODE.code.wrong.values()]
        if not any(selfcheck.survives(weaker, function) for function in planted):
            if not set(selfcheck.survivors(weaker)) - left:
                idle.append(law.name)
    assert selfcheck.mutation_faults(spec) == (idle, sorted(left))


def test_an_alarm_that_would_never_go_off_is_refused():
    for seconds in (0.0, -1.0):
        with pytest.raises(ValueError, match="seconds must be more than 0"), alarm(seconds):
            pass


def test_seconds_of_work_are_not_those_of_a_busy_machine():
    with alarm(0.05, of_processor=True):
        time.sleep(0.2)
    with pytest.raises(OutOfTime), alarm(0.05, of_processor=True):
        while True:
            pass
