"""Predict, reveal, change: what each of the later widgets shows is what the library says."""

import pytest
import torch
from playwright.sync_api import Page, expect

from course_lib import presets
from course_lib.widgets import (
    AttentionCalculator,
    Curve,
    MaskSwitch,
    MemoryCalculator,
    Neighbours,
    PositionRows,
)
from course_lib.widgets.all_reduce_stepper import AllReduceStepper, describe_state, ring_states
from course_lib.widgets.attention_map import weights_of
from course_lib.widgets.head_gallery import HeadGallery, habits_of, job_of
from course_lib.widgets.logits_to_words import changed_logits, describe_change, softmax
from course_lib.widgets.markup import fixed, percent, short
from course_lib.widgets.mask_switch import describe_mask, mask_of
from course_lib.widgets.memory_calculator import describe_memory, memory_parts
from course_lib.widgets.neighbours import cosines, describe_neighbours, flat_picture
from course_lib.widgets.position_rows import describe_rows, dot_product, position_rows
from course_lib.widgets.shape_tracer import ShapeTracer, describe_shapes, parts_of, stops_of
from course_lib.widgets.turned_arrows import describe_arrows
from tests.widgets.examples import EXAMPLES, VOCABULARY, embedding


def said(page: Page) -> str:
    return page.locator(".cw-live [aria-live]").inner_text()


def described(page: Page) -> str:
    page.get_by_role("button", name="Describe this").click()
    return page.locator(".cw-live p.cw-panel:focus").inner_text()


def rows(page: Page, region: str) -> list[list[str]]:
    """The cells of the table in a named part, without the drawn bars."""
    lines = page.get_by_role("group", name=region).locator("tbody tr").all()
    return [line.locator("td:not(.bar)").all_inner_texts() for line in lines]


def show_me(page: Page) -> None:
    page.get_by_role("button", name="Just show me").press("Enter")


def test_curve(show):
    widget = EXAMPLES["curve"]()
    page = show(widget)
    boxes = page.get_by_role("textbox")
    boxes.nth(0).fill("20 %")
    boxes.nth(0).press("Enter")
    assert said(page) == "Type a number first: Shots: 1".replace("Shots", "shots")
    boxes.nth(1).fill("0,5")
    boxes.nth(2).fill("70")
    boxes.nth(2).press("Enter")
    gap = (abs(0.2 - 0.225) + abs(0.5 - 0.45) + abs(0.7 - 0.61)) / 3
    assert f"off by {short(100 * gap, 0)} percentage points" in said(page)
    assert rows(page, "Shots")[2] == ["61 % (60 % to 62 %)", "25 %", "70 %"]
    assert described(page) == repr(widget).removeprefix("Curve: Shots. ")
    assert "highest at 1." in repr(widget)


def test_head_gallery(show):
    widget: HeadGallery = EXAMPLES["head gallery"]()
    page = show(widget)
    page.get_by_role("button", name="“keys” looks").press("Enter")
    table = rows(page, "Where each head looks")
    for at, line in enumerate(table):
        layer, head = divmod(at, 3)
        row = weights_of(widget.payload, layer, head, 1)
        assert percent(max(row)) in line[0]
    for at, line in enumerate(rows(page, "What each head does on average")):
        habits = habits_of(widget.payload, *divmod(at, 3)).values()
        assert line[:3] == [percent(x) for x in habits]
        assert line[4] == "–"
    for at in range(6):
        layer, head = divmod(at, 3)
        page.get_by_label(f"Job of layer {layer + 1}, head {head + 1}").select_option(
            "no clear job"
        )
        line = rows(page, "What each head does on average")[at]
        assert line[4] == job_of(widget.payload, layer, head)
    page.get_by_label("The head to switch off").select_option("1")
    page.get_by_label("Right without it").fill("60 %")
    page.get_by_role("button", name="Commit").press("Enter")
    expect(page.locator("p.cw-panel:visible")).to_have_text(
        "Without layer 1, head 2, 85 % are right; with all heads, 94 %. "
        "You predicted 60 %: off by 25 percentage points."
    )
    assert rows(page, "Accuracy without each head")[1:] == [["85 %", "9 points"]]
    page.get_by_label("The head to switch off").select_option("2")
    page.get_by_label("Right without it").fill("-20")
    page.get_by_role("button", name="Commit").press("Enter")
    expect(page.locator(".cw-verdict")).to_contain_text("between 0 and 100 %")
    page.get_by_label("Right without it").fill("50")
    page.get_by_role("button", name="Commit").press("Enter")
    assert rows(page, "Accuracy without each head")[1:] == [
        ["85 %", "9 points"],
        ["40 %", "54 points"],
    ]
    page.get_by_role("button", name="Just show me").click()
    assert len(rows(page, "Accuracy without each head")) == 7
    assert described(page) == repr(widget).split("? ")[1]


def test_logits_to_words(show):
    widget = EXAMPLES["logits to words"]()
    page = show(widget)
    for name, answer in (("Add 3 to every", "stays"), ("Multiply", "falls"), ("alone", "falls")):
        page.locator("form").get_by_label(name).select_option(label=f"it {answer}")
    page.get_by_role("button", name="Commit").press("Enter")
    lines = page.locator(".cw-live li").all_inner_texts()
    assert "it stays" in lines[0] and "You predicted: it stays." in lines[0]
    assert "it rises" in lines[1] and "You predicted: it falls." in lines[1]
    logits, order = widget.payload["logits"], widget.payload["order"]
    tokens = widget.payload["tokens"]
    for box, change in [("Add to every logit", {"add_to_all": 2.5}), ("Multiply", {"times": 0.5})]:
        page.get_by_role("button", name="Back to the model").click()
        page.get_by_role("spinbutton", name=box).fill(str(next(iter(change.values()))))
        after = softmax(changed_logits(logits, **change))
        assert [line[1] for line in rows(page, "Chances before and after")] == [
            percent(after[i]) for i in order[:12]
        ]
        expect(page.locator(".cw-live [aria-live]")).to_have_text(
            describe_change(tokens, order, logits, **change)
        )
    page.get_by_role("button", name="Back to the model").click()
    page.get_by_label("that one word").select_option(str(order[4]))
    page.get_by_role("slider", name="Add to one logit").press("End")
    assert described(page) == describe_change(tokens, order, logits, add_to_one=5, one=order[4])


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_mask_switch_accepts_the_right_table(show, kind):
    widget = MaskSwitch()
    page = show(widget)
    page.get_by_role("radio").nth(["encoder", "decoder", "cross"].index(kind)).check()
    columns = widget.payload["target" if kind == "decoder" else "source"]
    names = widget.payload["source" if kind == "encoder" else "target"]
    mask = mask_of(kind, len(names), len(columns))
    for i, row in enumerate(mask):
        for j, seen in enumerate(row):
            if seen:
                page.locator(f"[data-at='{i}-{j}']").press("Space")
    page.get_by_role("button", name="Check").press("Enter")
    expect(page.locator(".cw-verdict")).to_contain_text("Correct")
    expect(page.locator("dl")).to_contain_text(str(sum(map(sum, mask))))
    expect(page.locator("dl")).to_contain_text(widget.payload["facts"][kind]["objective"])
    assert described(page) == describe_mask(names, columns, mask)


def test_mask_switch_names_each_fault(show):
    page = show(MaskSwitch())
    check = page.get_by_role("button", name="Check")
    row = [page.get_by_role("button", name=f"{word}: turn") for word in ("the", "cat")]
    row[0].press("Enter")
    check.click()
    assert "a later word is seen" in said(page)
    row[0].press("Enter")
    check.click()
    assert "the word itself is missing" in said(page)
    page.locator("[data-at='0-0']").click()
    page.locator("[data-at='1-1']").click()
    check.click()
    assert "row “cat”, a word that may be seen is missing" in said(page)
    page.get_by_label("the last column is padding").check()
    page.get_by_role("radio").nth(0).check()
    page.get_by_role("button", name="Katze: turn").press("Enter")
    page.get_by_role("button", name="die: turn").press("Enter")
    check.click()
    assert "padding holds no word" in said(page)


def test_memory_calculator(show):
    widget = MemoryCalculator()
    page = show(widget)
    page.get_by_label("GB of states on each GPU").fill("20")
    page.locator("form").get_by_label("Does it fit").select_option("no")
    page.get_by_role("button", name="Commit").press("Enter")
    choice = widget.payload["choice"]
    assert page.locator(".cw-panel:visible").first.inner_text() == (
        "You predicted 20 GB for the states, and that it does not fit. "
        f"The states need 16.64 GB on each GPU. {describe_memory(choice)}"
    )
    steps = [
        ("GPUs", {"gpus": 8}),
        ("Precision", {"precision": "float32"}),
        ("Optimizer", {"optimizer": "sgd"}),
        ("Memory of a GPU", {"memory": 24}),
        ("ZeRO-3", {"stage": 3}),
    ]
    for label, change in steps:
        choice = choice | change
        value = str(next(iter(change.values())))
        if label == "GPUs":
            page.get_by_role("spinbutton", name=label).fill(value)
        elif label == "ZeRO-3":
            page.get_by_role("radio", name=label).check()
        else:
            page.get_by_label(label).select_option(value)
        parts = memory_parts(choice)
        shown = [line[0] for line in rows(page, "Memory of one GPU, by part")]
        assert shown == [f"{fixed(x / 1e9, 2)} GB" for x in (*parts.values(), sum(parts.values()))]
        expect(page.locator(".cw-live [aria-live]")).to_have_text(describe_memory(choice))
    assert described(page) == describe_memory(choice)
    page.get_by_role("spinbutton", name="GPUs").fill("0")
    assert page.get_by_role("spinbutton", name="GPUs").get_attribute("aria-invalid") is not None
    assert [line[0] for line in rows(page, "Memory of one GPU, by part")] == shown


def test_memory_calculator_answers_what_it_asks(show):
    """The states are what is asked for, so a right answer is called by its own number."""
    widget = MemoryCalculator(
        parameters=8e9, gpus=8, stage=2, layers=32, sequences=4, recompute=True
    )
    page = show(widget)
    form = page.locator("form")
    expect(form).to_contain_text("2.15 GB of activations")
    page.get_by_label("GB of states on each GPU").fill("30")
    form.get_by_label("Does it fit").select_option("yes")
    page.get_by_role("button", name="Commit").click()
    expect(page.locator(".cw-panel:visible").first).to_contain_text(
        "You predicted 30 GB for the states, and that it fits. "
        "The states need 30.00 GB on each GPU, and activations 2.15 GB. ZeRO-2 on 8 GPUs: 32.15 GB"
    )


def test_all_reduce_stepper(show):
    widget = AllReduceStepper()
    page = show(widget)
    states = ring_states(widget.payload["rows"])
    for rank, answer in enumerate(["6", "2.5", "1", "9"], 1):
        page.get_by_label(f"Rank {rank}, slot {rank}").fill(answer)
    page.get_by_label("Numbers that each rank").fill("6")
    page.get_by_role("button", name="Commit").press("Enter")
    lines = page.locator(".cw-live li").all_inner_texts()
    assert lines[0].endswith("slot 1: 6. You had it.")
    assert "10. You wrote 2.5, the mean" in lines[1]
    assert "10. You wrote 1, its own number alone." in lines[2]
    assert "each rank sends 6" in lines[4] and lines[4].endswith("You wrote 6.")
    for at, state in enumerate(states[1:], 1):
        page.get_by_role("button", name="Next step").press("Enter")
        shown = [[text.split()[0] for text in row] for row in rows(page, "What each rank holds")]
        assert shown == [[short(x) for x in row] for row in state["rows"]]
        assert said(page) == describe_state(state, last=at == len(states) - 1)
    assert page.get_by_role("button", name="Next step").is_disabled()
    page.get_by_role("button", name="Step back").press("Enter")
    assert said(page) == describe_state(states[-2], last=False)


def test_position_rows(show):
    widget = PositionRows()
    page = show(widget)
    page.get_by_label("The dot product").select_option("up")
    page.get_by_role("button", name="Commit").press("Enter")
    assert "You predicted: it grows." in page.locator(".cw-panel:visible").first.inner_text()
    page.get_by_role("spinbutton", name="First position").fill("10")
    page.get_by_role("spinbutton", name="Shift").fill("2")
    table = rows(page, "The rows")
    assert table == [[fixed(x) for x in row] for row in position_rows([10, 7, 12, 9], 8)]
    products = rows(page, "Dot product by distance")
    assert [line[0] for line in products] == [line[1] for line in products]
    assert products[3][0] == fixed(dot_product(10, 13, 8))
    sentences = f"{describe_rows(10, 7, 2, 8)} {describe_arrows(10, 7, 2)}"
    expect(page.locator(".cw-live [aria-live]")).to_have_text(sentences)
    assert described(page) == sentences
    assert "different vectors" in page.locator(".cw-live").inner_text()
    page.get_by_label("no positions").check()
    assert "the same set of vectors" in page.locator(".cw-live").inner_text()


def test_neighbours(show):
    widget: Neighbours = EXAMPLES["neighbours"]()
    page = show(widget)
    near = cosines(embedding())[0]
    order = [i for i in near.argsort(descending=True).tolist() if i != 0]
    page.locator("form").get_by_label("Nearest word").select_option(VOCABULARY[order[0]].strip())
    page.get_by_role("button", name="Commit").press("Enter")
    assert said(page).startswith(describe_neighbours(widget.payload, 0))
    assert said(page).endswith("place 1.")
    table = rows(page, "Nearest words")
    assert [line[0] for line in table] == [fixed(float(near[i])) for i in order[:8]]
    page.get_by_label("Word", exact=True).select_option("3")
    show_me(page)
    assert said(page) == describe_neighbours(widget.payload, 3)


def test_flat_picture_keeps_what_two_directions_hold():
    flat = torch.zeros(5, 4, dtype=torch.float64)
    flat[:, :2] = torch.tensor([[0, 0], [2, 0], [0, 1], [2, 1], [1, 3]], dtype=torch.float64)
    points, kept = flat_picture(flat)
    assert kept == pytest.approx(1.0)
    assert torch.allclose(torch.cdist(points, points), torch.cdist(flat, flat))
    zero = torch.zeros(4, 3)
    zero[1:] = torch.eye(3)
    assert cosines(zero)[0].tolist() == [0.0] * 4


def test_shape_tracer(show):
    widget: ShapeTracer = EXAMPLES["shape tracer"]()
    page = show(widget)
    config, size = presets["gpt2"], {"B": 2, "T": 16, "S": 12}
    faults = {
        "": "Type the sizes",
        "16 768": "The batch is missing",
        "2 x 768 x 16": "another order",
        "2, 16": "has 3 sizes, you wrote 2",
        "2 16 64": "Size 3 is another one",
    }
    for text, fault in faults.items():
        page.get_by_role("textbox").fill(text)
        page.keyboard.press("Enter")
        assert fault in said(page)
    for _, letters, shape in stops_of(config, size):
        if not page.get_by_role("textbox").count():
            break
        asked = page.locator("form label").inner_text()
        stop = next(one for one in stops_of(config, size) if f"the {one[0]}?" in asked)
        if stop[0] == "queries":
            page.get_by_role("textbox").fill("2 12 16 768")
            page.keyboard.press("Enter")
            assert "One head is not as wide as the model" in said(page)
        page.get_by_role("textbox").fill(" × ".join(map(str, stop[2])))
        page.keyboard.press("Enter")
        assert letters and shape
    table = rows(page, "Stops")
    assert [line[0].replace(",", "") for line in table] == [
        " × ".join(map(str, shape)) for _, _, shape in stops_of(config, size)
    ]
    assert described(page) == describe_shapes(config, size)


def test_shape_tracer_counts_what_the_config_counts(show):
    import dataclasses

    page = show(EXAMPLES["shape tracer"]())
    config = presets["gpt2"]
    for label, field, value in [
        ("Width D", "d_model", 960),
        ("Heads H", "n_heads", 15),
        ("Decoder layers", "n_decoder_layers", 3),
        ("Vocabulary V", "vocab_size", 1000),
        ("Feed-forward F", "d_ff", 77),
    ]:
        page.get_by_role("spinbutton", name=label).fill(str(value))
        config = dataclasses.replace(config, **{field: value})
        total = rows(page, "Parameters by part")[-1][0]
        assert total == f"{config.n_parameters():,}"
    page.get_by_role("spinbutton", name="Heads H").fill("7")
    assert "Width 960 is not a multiple of 7 heads." in said(page)
    assert rows(page, "Parameters by part")[-1][0] == total
    for name in ("transformer-base", "llama-2-70b"):
        page.get_by_label("Model").select_option(name)
        counts = [line[0] for line in rows(page, "Parameters by part")]
        wanted = [count for count in parts_of(presets[name]).values() if count]
        assert counts == [f"{count:,}" for count in (*wanted, sum(wanted))]


def test_curve_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match="x must have from 2 to 8 settings, got 1"):
        Curve([1], {"a": [1.0]}, title="t", question="q", x_name="x")
    with pytest.raises(ValueError, match="must have 2 values, one per setting, got 3"):
        Curve([1, 2], {"a": [1.0, 2.0, 3.0]}, title="t", question="q", x_name="x")


def test_a_head_with_one_job_is_named_for_it():
    eye = [[float(i == j) for j in range(5)] for i in range(5)]
    before = [[float(j == max(0, i - 1)) for j in range(5)] for i in range(5)]
    first = [[float(j == 0) for j in range(5)] for _ in range(5)]
    second = [[float(j == min(i, 1)) for j in range(5)] for i in range(5)]
    even = [[1 / (i + 1) if j <= i else 0.0 for j in range(5)] for i in range(5)]
    words = ["the", "old", "cabinet", "is", "lost"]
    weights = torch.tensor([[eye, before, first, second, even]])
    widget = HeadGallery(weights, words, [[0.5] * 5], 0.9)
    jobs = [job_of(widget.payload, 0, head) for head in range(5)]
    assert jobs[:3] == ["the word itself: 100 %", "the word before: 100 %", "the first word: 100 %"]
    assert jobs[3:] == ["one certain word, “old”: 100 %", "no clear job"]


BAD_NUMBERS = [
    ("memory calculator", "spinbutton", "GPUs", ["0", "2.5", "-3", "", "1e9"], "stays"),
    ("memory calculator", "spinbutton", "Parameters, billions", ["-1", "1e99"], "stays"),
    ("step time", "spinbutton", "GPUs", ["0", "2.5", "-3", "", "1e9"], "stays"),
    ("step time", "spinbutton", "TFLOPS of a GPU", ["0", "-1", "1e99"], "stays"),
    (
        "attention calculator",
        "spinbutton",
        "query of the, number 1",
        ["", "1001", "-5000"],
        "stays",
    ),
    ("position rows", "spinbutton", "First position, as a number", ["2.5", "-1", "999"], "stays"),
    ("sampler", "spinbutton", "Seed", ["-1", "1e20", "", "1.5"], "stays"),
    ("tiny model", "spinbutton", "Seed", ["-1", "1e20", ""], "stays"),
    ("sampler", "spinbutton", "Temperature, as a number", ["-1", "99"], "stays"),
]


@pytest.mark.parametrize(("widget", "role", "name", "texts", "said"), BAD_NUMBERS)
def test_a_number_that_cannot_be_used_is_said_and_the_last_good_one_stays(
    show, widget, role, name, texts, said
):
    page = show(EXAMPLES[widget]())
    just = page.get_by_role("button", name="Just show me").first
    just.click()
    box = page.get_by_role(role, name=name, exact=True)
    good = box.input_value()
    for text in texts:
        box.fill(text)
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(page.locator(".cw-fault:visible")).to_contain_text(said)
        style = "(node) => getComputedStyle(node).borderStyle"
        assert box.evaluate(style) == "dashed"
    box.fill(good)
    expect(box).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator(".cw-fault:visible")).to_have_count(0)


AGAIN = [
    "attention calculator",
    "memory calculator",
    "shape tracer",
    "curve",
    "head gallery",
    "position rows",
    "neighbours",
    "data funnel",
    "audit",
    "planner",
    "budget game",
    "mixture",
    "step time",
]


@pytest.mark.parametrize("name", AGAIN)
def test_a_widget_can_be_started_again(show, name):
    page = show(EXAMPLES[name]())
    card = page.locator(".cw-live .cw-body").first
    first = card.inner_text()
    page.get_by_role("button", name="Just show me").first.click()
    for box in page.get_by_role("spinbutton").all()[:2]:
        if box.is_visible():
            box.fill("2")
    assert card.inner_text() != first
    page.get_by_role("button", name="Start again").click()
    assert page.locator(".cw-live .cw-body").first.inner_text() == first
    title = page.locator(".cw-live .cw-title").first
    assert title.evaluate("(node) => node === document.activeElement")


def test_derived_sizes_follow_the_ones_they_come_from(show):
    page = show(EXAMPLES["shape tracer"]())
    box = page.get_by_role("spinbutton", name="Feed-forward F")
    assert box.input_value() == "3072"
    page.get_by_role("spinbutton", name="Width D").fill("1536")
    assert box.input_value() == "6144"
    box.fill("100")
    page.get_by_role("spinbutton", name="Width D").fill("768")
    assert box.input_value() == "100"


@pytest.mark.parametrize("width", [390, 640, 820, 1280])
def test_no_column_of_the_calculator_is_cut(show, width):
    widget = AttentionCalculator(labels=["the", "keys", "cabinet", "are"])
    page = show(widget, width=width)
    page.get_by_role("button", name="Show all stages").click()
    cut = page.evaluate(
        """() => [...document.querySelectorAll(".cw-live .cw-stages .cw-scroll")]
            .map((box) => box.scrollWidth - box.clientWidth)"""
    )
    assert len(cut) == 5 and (width == 390 or max(cut) <= 0), cut
    page.locator("[data-cell='weight-3-1']").click()
    below = page.locator(".cw-arith").evaluate(
        "(node) => node.getBoundingClientRect().top"
        " >= node.previousElementSibling.getBoundingClientRect().bottom"
    )
    assert below


def test_a_padded_row_is_named_as_padding_is(show):
    page = show(MaskSwitch())
    page.get_by_label("the last column is padding").check()
    region = page.get_by_role("group", name="Who may see whom", exact=True)
    assert region.get_by_role("rowheader").last.inner_text() == "(padding)"
    page.get_by_role("button", name="Check").click()
    assert "○" not in region.inner_text()  # what is missing is for the reader to find
    page.get_by_role("button", name="Just show me").click()
    expect(page.locator("dl")).to_contain_text("9 of 16")
