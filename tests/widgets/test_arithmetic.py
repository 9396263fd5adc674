"""The page's arithmetic equals course_lib's, by golden vectors; laws and hand-made cases beside."""

import json
import math

import pytest
import torch

from course_lib import presets
from course_lib.config import TransformerConfig
from course_lib.distributed.memory.accounting import communication_elements
from course_lib.model.transformer import Transformer
from course_lib.widgets import HeadGallery, MemoryCalculator
from course_lib.widgets.attention_calculator import attention_stages
from course_lib.widgets.draws import draw_counts, random_numbers
from course_lib.widgets.head_gallery import habits_of
from course_lib.widgets.markup import seen_all, shade_class
from course_lib.widgets.mask_switch import mask_of
from course_lib.widgets.memory_calculator import memory_parts
from course_lib.widgets.shape_tracer import stops_of
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
    found = kit("kit/math/attention.js", "attentionStages", case["q"], case["k"], case["v"], choice)
    for stage in ("score", "weight", "output"):
        assert close(found[stage], case[stage])
    ours = attention_stages(case["q"], case["k"], case["v"], **choice)
    for stage, rows in ours.items():
        assert close(found[stage], rows)


def test_sampling(kit):
    for case in GOLDEN["sampling"]:
        found = kit("kit/math/sampling.js", "samplerStages", case["logits"], case["settings"])
        assert close(found[-1]["chances"], case["chances"]), case["settings"]
        assert found[-1]["kept"] == case["kept"], case["settings"]


def test_random_numbers_bit_for_bit(kit):
    for seed, wanted in GOLDEN["random"].items():
        assert kit("kit/math/sampling.js", "randomNumbers", int(seed), len(wanted)) == wanted


def test_draws(kit):
    for case in GOLDEN["draws"]:
        found = kit(
            "kit/math/sampling.js", "drawWithSeed", case["chances"], case["n"], case["seed"]
        )
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
            found = kit("kit/math/maps.js", "weightsOf", case["payload"], layer, chosen, i)
            assert close(found, wanted)
            assert sum(found) == pytest.approx(1, abs=1e-3)


def test_packed_weights_are_the_given_ones():
    payload = golden.map_cases()["causal"]["payload"]
    given = golden.weights()
    for i in range(8):
        row = golden.weights_of(payload, 1, 2, i)
        assert row == pytest.approx(given[1, 2, i].tolist(), abs=5.1e-5)


def test_parameters_by_part(kit):
    for case in GOLDEN["shapes"]:
        assert kit("kit/math/shapes.js", "partsOf", case["config"]) == case["parts"], case["name"]
        assert sum(case["parts"].values()) == presets[case["name"]].n_parameters()


def test_stops_are_those_of_the_python_side(kit):
    size = {"B": 2, "T": 5, "S": 3}
    for name in ("gpt2", "bert-base", "transformer-base", "t5-11b", "llama-2-70b"):
        found = kit("kit/math/shapes.js", "stopsOf", presets[name].to_dict(), size)
        wanted = stops_of(presets[name], size)
        assert [(one["name"], tuple(one["shape"])) for one in found] == [
            (stop, shape) for stop, _, shape in wanted
        ]


def test_stops_are_what_a_model_makes():
    """Logits and attention maps of a small model have the shapes of their stops."""
    config = TransformerConfig(
        vocab_size=11, d_model=8, n_heads=2, max_seq_len=6, n_encoder_layers=1, n_decoder_layers=1
    )
    model = Transformer(config, generator=torch.Generator().manual_seed(0))
    source, tokens = torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 5, dtype=torch.long)
    shapes = {name: shape for name, _, shape in stops_of(config, {"B": 2, "T": 5, "S": 3})}
    assert tuple(model(tokens, source=source).shape) == shapes["logits"]
    maps = model.attention_maps(tokens, source=source)
    assert tuple(maps.decoder[0].shape) == shapes["scores"]
    assert tuple(maps.cross[0].shape) == shapes["cross-attention scores"]
    assert tuple(maps.encoder[0].shape) == shapes["encoder scores"]


def test_memory(kit):
    for case in GOLDEN["memory"]:
        found = kit("kit/math/memory.js", "memoryOf", case["choice"])
        assert close(found["parts"], case["parts"])
    paper = [memory_parts(MemoryCalculator(stage=stage).payload["choice"]) for stage in range(4)]
    assert [round(sum(one.values()) / 1e9, 1) for one in paper] == [120.0, 31.4, 16.6, 1.9]
    alone = MemoryCalculator(gpus=1).payload["choice"]
    assert len({sum(memory_parts(alone | {"stage": s}).values()) for s in range(4)}) == 1


CHANGES = {
    "parameters": {"parameters", "gradients", "optimizer"},
    "gpus": {"gradients", "optimizer"},
    "optimizer": {"optimizer"},
    "layers": {"activations"},
    "sequences": {"activations"},
    "recompute": {"activations"},
    "memory": set(),
}


def test_each_input_of_the_memory_calculator_changes_its_part(kit):
    base = MemoryCalculator(stage=2, layers=2).payload["choice"]
    before = kit("kit/math/memory.js", "memoryOf", base)["parts"]
    new = {"parameters": 1e9, "gpus": 8, "optimizer": "sgd", "layers": 9, "sequences": 4}
    new |= {"recompute": True, "memory": 24}
    for name, value in new.items():
        after = kit("kit/math/memory.js", "memoryOf", base | {name: value})["parts"]
        assert {part for part in after if after[part] != before[part]} == CHANGES[name], name


def test_masks(kit):
    for case in GOLDEN["masks"]:
        rows, columns = len(case["mask"]), len(case["mask"][0])
        found = kit("kit/math/mask.js", "maskOf", case["kind"], rows, columns, case["padding"])
        assert found == case["mask"] == mask_of(case["kind"], rows, columns, case["padding"])


def test_waves(kit):
    for at, width, row in GOLDEN["waves"]:
        found = kit("kit/math/waves.js", "positionRow", at, width)
        assert found == pytest.approx(row, abs=1e-5)  # the model's table is float32


def test_logit_changes(kit):
    names = {"add_to_all": "all", "times": "times", "add_to_one": "one", "one": "at"}
    for change, wanted in GOLDEN["changes"]:
        given = {names[name]: value for name, value in change.items()}
        found = kit("kit/math/logits.js", "compareLogits", golden.logits().tolist(), given)
        assert close(found["after"], wanted)
        assert found["same"] is ("add_to_one" not in change)


def test_ring(kit):
    for states in GOLDEN["rings"]:
        rows = states[0]["rows"]
        n = len(rows)
        assert kit("kit/math/ring.js", "ringStates", rows) == states
        sums = [sum(column) for column in zip(*rows, strict=True)]
        assert states[-1]["rows"] == [sums] * n
        assert all(states[n - 1]["rows"][r][r] == sums[r] for r in range(n))
        sent = sum(rank == 0 for state in states for rank, _, _ in state["sent"])
        assert sent == communication_elements(n, 0, n)


def test_habits(kit):
    payload = HeadGallery(golden.weights(), golden.SENTENCE, [[0.5] * 3] * 2, 0.6).payload
    for layer, head in ((0, 0), (1, 2)):
        found = kit("head_gallery.js", "habitsOf", payload, layer, head)
        assert close(found, habits_of(payload, layer, head))


def test_numbers_and_tokens_as_text(kit):
    for x, two, none, small, share, level in GOLDEN["numbers"]:
        assert kit("kit/ui/text.js", "fixed", x) == two
        assert kit("kit/ui/text.js", "fixed", x, 0) == none
        assert kit("kit/ui/text.js", "short", x) == small
        assert kit("kit/ui/text.js", "percent", abs(x)) == share
        assert kit("kit/ui/text.js", "shade", x, -1, 2) == level
    for token, shown in GOLDEN["tokens"]:
        assert kit("kit/ui/text.js", "seen", token) == shown


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
    found = kit(
        "kit/math/attention.js", "attentionStages", [[0, 0]] * 2, [[1, 2]] * 2, [[2, 0], [0, 4]], {}
    )
    assert found["weight"] == [[1, 0], [0.5, 0.5]]
    assert found["output"] == [[2, 0], [1, 2]]


def test_one_top_p_by_hand(kit):
    """0.5, 0.3, 0.2: 0.8 keeps two, 0.81 keeps three, 0.1 keeps one."""
    logits = [math.log(x) for x in (0.5, 0.3, 0.2)]
    for p, kept in ((0.8, 2), (0.81, 3), (0.1, 1)):
        settings = {"temperature": 1, "topK": 3, "topP": p}
        assert kit("kit/math/sampling.js", "samplerStages", logits, settings)[-1]["kept"] == kept


def test_values_of_both_signs_have_one_hue_each(kit):
    for low, high in [(-1.0, 1.0), (-0.5, 2.0), (0.0, 1.0), (-3.0, -1.0)]:
        for value in (-3.0, -1.0, -0.5, -0.04, 0.0, 0.04, 0.5, 1.0, 2.0):
            found = kit("kit/ui/text.js", "shadeClass", value, low, high)
            assert found == shade_class(value, low, high)
    classes = [shade_class(x, -1.0, 1.0) for x in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    assert classes == ["ng10", "ng5", "sh0", "sh5", "sh10"]
    assert shade_class(-0.01, -1.0, 1.0) == "sh0"


def test_tokens_apart_by_a_space_put_the_sign_on_every_such_space():
    assert seen_all([" the", " cat"]) == ["the", "cat"]
    assert seen_all([" the", "the", " cat"]) == ["␣the", "the", "␣cat"]
