"""The page's arithmetic equals course_lib's, by golden vectors; laws and hand-made cases beside."""

import json
import math

import pytest

from course_lib.widgets.attention_calculator import attention_stages
from course_lib.widgets.draws import draw_counts, random_numbers
from tests.widgets import golden

GOLDEN = json.loads(golden.PATH.read_text())


def close(a, b):
    """Nested lists of numbers, equal to 1e-12 in size."""
    if isinstance(b, list | tuple):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in b)
    if isinstance(b, float | int):
        return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12)
    return a == b


def test_golden_file_is_what_the_library_says_now():
    assert close(json.loads(json.dumps(golden.vectors())), GOLDEN)


@pytest.mark.parametrize("case", GOLDEN["attention"])
def test_attention(kit, case):
    choice = {"causal": case["causal"], "scaled": case["scaled"]}
    found = kit("kit/math.js", "attentionStages", case["q"], case["k"], case["v"], choice)
    for stage in ("score", "weight", "output"):
        assert close(found[stage], case[stage])
    ours = attention_stages(case["q"], case["k"], case["v"], **choice)
    for stage, rows in ours.items():
        assert close(found[stage], rows)


def test_sampling(kit):
    for case in GOLDEN["sampling"]:
        found = kit("kit/sampling.js", "samplerStages", case["logits"], case["settings"])
        assert close(found[-1]["chances"], case["chances"]), case["settings"]
        assert found[-1]["kept"] == case["kept"], case["settings"]


def test_random_numbers_bit_for_bit(kit):
    for seed, wanted in GOLDEN["random"].items():
        assert kit("kit/sampling.js", "randomNumbers", int(seed), len(wanted)) == wanted


def test_draws(kit):
    for case in GOLDEN["draws"]:
        found = kit("kit/sampling.js", "drawWithSeed", case["chances"], case["n"], case["seed"])
        assert found["counts"] == case["counts"]
        assert sum(case["counts"]) == case["n"]


def test_random_numbers_are_even_enough():
    numbers = random_numbers(3, 20_000)
    assert all(0 <= x < 1 for x in numbers)
    for k in range(10):
        share = sum(k / 10 <= x < (k + 1) / 10 for x in numbers) / len(numbers)
        assert abs(share - 0.1) < 5 * math.sqrt(0.1 * 0.9 / len(numbers))
    with pytest.raises(ValueError, match="n must be at least 0, got -1"):
        random_numbers(0, -1)
    with pytest.raises(ValueError, match="chances must have one value above 0"):
        draw_counts([0.0, 0.0], 1, 0)


def test_maps(kit):
    for case in GOLDEN["maps"].values():
        for layer, head, i, wanted in case["rows"]:
            chosen = "mean" if head < 0 else head
            found = kit("kit/maps.js", "weightsOf", case["payload"], layer, chosen, i)
            assert close(found, wanted)
            assert sum(found) == pytest.approx(1, abs=1e-3)


def test_packed_weights_are_the_given_ones():
    payload = golden.map_cases()["causal"]["payload"]
    given = golden.weights()
    for i in range(8):
        row = golden.weights_of(payload, 1, 2, i)
        assert row == pytest.approx(given[1, 2, i].tolist(), abs=5.1e-5)


def test_numbers_and_tokens_as_text(kit):
    for x, two, none, small, share, level in GOLDEN["numbers"]:
        assert kit("kit/text.js", "fixed", x) == two
        assert kit("kit/text.js", "fixed", x, 0) == none
        assert kit("kit/text.js", "short", x) == small
        assert kit("kit/text.js", "percent", abs(x)) == share
        assert kit("kit/text.js", "shade", x, -1, 2) == level
    for token, shown in GOLDEN["tokens"]:
        assert kit("kit/text.js", "seen", token) == shown


def test_text_by_hand():
    assert golden.fixed(-0.004) == "0.00"
    assert golden.fixed(2.5, 0) == "3"
    assert golden.fixed(-2.5, 0) == "−3"
    assert golden.percent(0.0999) == "10 %"
    assert golden.percent(0.052) == "5.2 %"
    assert golden.seen("\n") == "↵"
    assert golden.seen("  ") == "␣␣"


def test_attention_by_hand(kit):
    """Equal scores share equally; a lone visible word gives its own value."""
    found = kit("kit/math.js", "attentionStages", [[0, 0]] * 2, [[1, 2]] * 2, [[2, 0], [0, 4]], {})
    assert found["weight"] == [[1, 0], [0.5, 0.5]]
    assert found["output"] == [[2, 0], [1, 2]]


def test_one_top_p_by_hand(kit):
    """0.5, 0.3, 0.2: 0.8 keeps two, 0.81 keeps three, 0.1 keeps one."""
    logits = [math.log(x) for x in (0.5, 0.3, 0.2)]
    for p, kept in ((0.8, 2), (0.81, 3), (0.1, 1)):
        settings = {"temperature": 1, "topK": 3, "topP": p}
        assert kit("kit/sampling.js", "samplerStages", logits, settings)[-1]["kept"] == kept
