"""The widgets on the built pages: each control moved, each number held to the package's own."""

import json
from collections.abc import Callable
from typing import Any

import torch
from playwright.sync_api import Locator, Page

from course_lib.generation.chain import probabilities
from course_lib.generation.processors import temperature, top_k, top_p
from course_lib.widgets.attention_calculator import attention_stages
from course_lib.widgets.attention_map import describe_look, weights_of
from course_lib.widgets.audit import describe_audit
from course_lib.widgets.data_funnel import describe_funnel, funnel_of
from course_lib.widgets.markup import fixed, percent
from course_lib.widgets.objective_workbench import OBJECTIVES, describe_draw
from course_lib.widgets.planner import describe_brief

VIEWS = 'script[type="application/vnd.jupyter.widget-view+json"]'
STATE = 'script[type="application/vnd.jupyter.widget-state+json"]'


def widgets(page: Page, name: str) -> list[tuple[Locator, dict[str, Any]]]:
    """Live widgets of one class on a page, each with its payload."""
    state = json.loads(page.locator(STATE).first.text_content() or "")["state"]
    found = []
    for index, view in enumerate(page.locator(VIEWS).all()):
        entry = state[json.loads(view.text_content() or "")["model_id"]]
        if entry["widget"] == name:
            found.append((page.locator(".cw-live").nth(index), entry["state"]))
    return found


def test_the_attention_map_shows_the_trained_models_weights(open_page: Callable) -> None:
    """Chapter 1: every layer, head and word; the sentence equals the one Python writes."""
    page = open_page("notebooks/01_relevance.html").page
    ((widget, model),) = widgets(page, "AttentionMap")[:1]
    payload = model["payload"]
    widget.get_by_role("button", name="Just show me").first.click()
    n_layers, n_heads = len(payload["packed"]), payload["heads"]
    assert n_layers >= 2 and n_heads >= 2
    query = int(model["query"])
    seen = set()
    for layer in range(n_layers):
        widget.get_by_label("Layer").select_option(index=layer)
        for head in range(-1, n_heads):
            widget.get_by_label("Head", exact=True).select_option(index=head + 1)
            shares = [percent(weight) for weight in weights_of(payload, layer, head, query)]
            text = widget.inner_text()
            assert describe_look(payload, layer, head, query) in text
            seen.add(tuple(shares))
    assert len(seen) == n_layers * (n_heads + 1), "two heads show the same numbers"


def test_the_calculator_equals_the_package(open_page: Callable) -> None:
    """Chapter 6: a changed query moves its row, and every cell equals Python's."""
    page = open_page("notebooks/06_attention.html").page
    ((widget, model),) = widgets(page, "AttentionCalculator")[:1]
    payload = model["payload"]
    q, k, v = (model.get(name, payload.get(name)) for name in "qkv")
    widget.get_by_role("button", name="Show all stages").click()

    def shown(stage: str) -> list[str]:
        return widget.locator(f"[data-cell^={stage}-]").all_inner_texts()

    def wanted(q: list, causal: bool) -> dict[str, list[str]]:
        stages = attention_stages(q=q, k=k, v=v, causal=causal, scaled=True)
        return {
            name: [fixed(x) if x > -1e300 else "−∞" for row in rows for x in row]
            for name, rows in stages.items()
        }

    causal = bool(model["causal"])
    for stage, cells in wanted(q, causal).items():
        assert shown(stage) == cells
    box = widget.get_by_role("spinbutton").or_(widget.get_by_role("textbox"))
    first = box.filter(visible=True).first
    first.fill("3")
    changed = [[3.0, *q[0][1:]], *q[1:]]
    for stage, cells in wanted(changed, causal).items():
        assert shown(stage) == cells
    widget.get_by_label("hide later words").set_checked(not causal)
    for stage, cells in wanted(changed, not causal).items():
        assert shown(stage) == cells


def test_the_sampler_equals_the_package(open_page: Callable) -> None:
    """Chapter 11: temperature, top-k and top-p over the logits of the page's own model."""
    page = open_page("notebooks/11_generative_configuration.html").page
    ((widget, model),) = widgets(page, "Sampler")[:1]
    prompt = model["payload"]["prompts"][0]
    logits = torch.tensor([prompt["logits"]], dtype=torch.float64)
    widget.get_by_role("button", name="Just show me").click()

    def final() -> list[str]:
        rows = widget.locator(".cw-bars tbody tr").all()
        return [row.locator("td").nth(3).inner_text() for row in rows]

    def wanted(steps: list) -> list[str]:
        values = probabilities(logits, steps)[0]
        order = prompt["order"][: len(final())]
        return [percent(float(values[i])) if values[i] > 0 else "dropped" for i in order]

    widget.get_by_role("spinbutton", name="Temperature").fill("1.3")
    widget.get_by_role("spinbutton", name="Top-p").fill("0.8")
    assert final() == wanted([temperature(1.3), top_p(0.8)])
    widget.get_by_role("spinbutton", name="Top-k").fill("5")
    assert final() == wanted([temperature(1.3), top_k(5), top_p(0.8)])
    widget.get_by_label("temperature last").check()
    assert final() == wanted([top_k(5), top_p(0.8), temperature(1.3)])


def test_the_funnel_of_the_crawl_equals_the_package(open_page: Callable) -> None:
    """Chapter 13: one filter off, another earlier; the table is the one that Python counts."""
    page = open_page("notebooks/13_self_supervision_curation.html").page
    ((widget, model),) = widgets(page, "DataFunnel")
    payload = model["payload"]
    total = sum(payload["words"])
    for one in payload["filters"].values():  # JSON has written their numbers as words
        one["copies"] = {int(place): others for place, others in one["copies"].items()}
    names = list(payload["order"])
    assert len(names) >= 8
    widget.get_by_role("button", name="Just show me").press("Enter")

    def held(order: list[str]) -> None:
        lines = widget.get_by_role("group", name="The funnel").locator("tbody tr").all()
        shown = {
            line.locator("th").inner_text(): line.locator("td:not(.bar)").all_inner_texts()[2:]
            for line in lines
        }
        wanted = dict.fromkeys(names, ["–"] * 4)
        for one in funnel_of(payload, order):
            left = [str(one["pages"]), percent(one["words"] / total)]
            wanted[one["name"]] = [*left, str(one["dropped"]), str(len(one["wrong"]))]
        assert shown == wanted

    held(names)
    widget.get_by_label(f"{names[0]} is on").focus()
    page.keyboard.press("Space")
    held(names[1:])
    widget.get_by_role("button", name=f"{names[-1]}: earlier").press("Enter")
    order = [*names[1:-2], names[-1], names[-2]]
    held(order)
    widget.get_by_role("button", name="Describe this").click()
    assert describe_funnel(payload, order) in widget.inner_text()


def test_the_audit_of_the_page_counts_as_the_package(open_page: Callable) -> None:
    """Chapter 13: ten pages judged by keyboard, then compared with the filters."""
    page = open_page("notebooks/13_self_supervision_curation.html").page
    ((widget, model),) = widgets(page, "Audit")
    payload = model["payload"]
    assert sorted(payload["kept"]) == [False] * 5 + [True] * 5
    mine = [number % 3 > 0 for number in range(10)]
    for number, keep in enumerate(mine):
        group = widget.get_by_role("group", name=f"Page {number + 1}", exact=True)
        group.get_by_label("keep" if keep else "drop").focus()
        page.keyboard.press("Space")
    widget.get_by_role("button", name="Compare").press("Enter")
    assert widget.locator(".cw-panel").first.inner_text() == describe_audit(payload, mine)


def test_the_planner_of_the_page_names_the_cheapest_steps(open_page: Callable) -> None:
    """Chapter 12: what comes of each step is what Python says, for every use case."""
    page = open_page("notebooks/12_generative_ai_lifecycle.html").page
    ((widget, model),) = widgets(page, "Planner")
    widget.get_by_role("button", name="Just show me").press("Enter")
    said = widget.inner_text()
    assert len(model["payload"]["briefs"]) == 4
    for brief in model["payload"]["briefs"]:
        assert describe_brief(brief) in said


def test_the_workbench_asks_what_the_objectives_ask(open_page: Callable) -> None:
    """Chapters 14 to 16: every objective and draw, filled in rightly, is correct."""
    for chapter in ("14_masked_language_modeling", "15_causal_language_modeling"):
        page = open_page(f"notebooks/{chapter}.html").page
        ((widget, model),) = widgets(page, "ObjectiveWorkbench")
        payload = model["payload"]
        for place, kind in enumerate(OBJECTIVES):
            widget.get_by_role("radio").nth(place).check()
            draw = payload["draws"][kind][0]
            for strip, words in enumerate((draw["input"], draw["target"])):
                selects = widget.locator("ol").nth(strip).locator("select")
                for number, word in enumerate(words):
                    selects.nth(number).select_option(word or "-")
            widget.get_by_role("button", name="Check").press("Enter")
            assert "Correct" in widget.locator(".cw-verdict").inner_text()
            said = widget.locator("[aria-live]").first.inner_text()
            assert describe_draw(draw).rsplit("; ", 1)[-1].split(". ")[-1] in said


def test_the_first_question_is_answered_by_keyboard_alone(open_page: Callable) -> None:
    """Tab to an option, choose it, submit; the verdict is a word and is spoken."""
    page = open_page("notebooks/06_attention.html").page
    (widget, model), *_ = [
        (widget, model)
        for widget, model in widgets(page, "Quiz")
        if widget.get_by_role("radio").count()
    ]
    widget.scroll_into_view_if_needed()
    radio = widget.get_by_role("radio").first
    radio.focus()
    page.keyboard.press("Space")
    assert radio.is_checked()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
    page.keyboard.press("Enter")
    verdict = widget.locator(".cw-verdict").first.inner_text()
    assert (
        verdict.startswith(("Correct", "Not yet")) or "Correct" in verdict or "Not yet" in verdict
    )
    assert widget.locator("[aria-live]").first.inner_text() != ""


def test_progress_is_kept_in_this_browser_only(open_page: Callable) -> None:
    """A solved question is stored under one key, with no answer text, and read back."""
    opened = open_page("notebooks/06_attention.html")
    page = opened.page
    widget, model = widgets(page, "Quiz")[0]
    if widget.get_by_role("radio").count():
        widget.get_by_role("radio").first.check()
    widget.get_by_role("button").first.click()
    stored = page.evaluate("localStorage.getItem('transformers-course:progress:1')")
    assert stored is not None and opened.outside == []
