"""The page loader and the build's part: shared texts, static forms, failures that stay readable."""

import json
from types import SimpleNamespace

import ipywidgets
import ipywidgets.embed
import pytest
from docutils import nodes
from docutils.utils import new_document
from playwright.sync_api import Browser

from book._ext import static_widgets
from course_lib.widgets import Matrix
from course_lib.widgets.base import CSS
from course_lib.widgets.bundle import shared_bundle
from course_lib.widgets.page import page as page_of
from course_lib.widgets.page import safe_script, state_of
from tests.widgets.conftest import LOADER
from tests.widgets.examples import EXAMPLES

CSS_TEXT = static_widgets.css_text()
modules_of = static_widgets.modules_of


def views(*widgets):
    """What myst-nb writes for displayed widgets."""
    document = new_document("page")
    for widget in widgets:
        view = json.dumps({"version_major": 2, "version_minor": 1, "model_id": widget.model_id})
        script = f'<script type="application/vnd.jupyter.widget-view+json">{view}</script>'
        document += nodes.raw(script, script, format="html")
    return document


def read(document, state):
    """Run the extension's handler, and give the page state it leaves."""
    body = json.dumps(state).replace("</script>", r"<\/script>")
    files = {"ipywidgets_state": (None, {"type": "x", "body": body}), "ipywidgets_0": ("a.js", {})}
    env = SimpleNamespace(docname="page", nb_metadata={"page": {"js_files": files}})
    static_widgets.on_doctree_read(SimpleNamespace(env=env), document)
    return files["ipywidgets_state"][1]["body"]


def whole_state(*widgets):
    return ipywidgets.embed.dependency_state(widgets, drop_defaults=False)


def test_static_forms_stand_before_their_views():
    first, second = EXAMPLES["matrix"](), EXAMPLES["quiz 06.a"]()
    document = views(first, second)
    read(document, {"state": whole_state(first, second)})
    texts = [raw.astext() for raw in document.findall(nodes.raw)]
    for text, widget in zip(texts, (first, second), strict=True):
        assert text.startswith(f'<div class="cw-static">{widget.static_html}</div>')
        assert widget.model_id in text


def test_state_keeps_each_text_once_and_only_what_is_shown():
    shown = [EXAMPLES["quiz 06.a"](), EXAMPLES["quiz 06.d"](), EXAMPLES["matrix"]()]
    hidden = EXAMPLES["sampler"]()
    state = {"state": whole_state(*shown, hidden), "version_major": 2}
    body = read(views(*shown), state)
    slim = json.loads(body)
    assert set(slim["state"]) == {widget.model_id for widget in shown}
    assert slim["texts"] == {}
    quiz = slim["state"][shown[0].model_id]["state"]
    assert quiz["_esm"] == {"part": "quiz.js"}
    assert modules_of(slim) == shared_bundle(frozenset({"quiz.js", "matrix.js"}))
    assert quiz["payload"] == shown[0].payload
    assert {"static_html", "layout", "_css"}.isdisjoint(quiz)
    assert len(body) < len(json.dumps(state)) / 2


def test_a_foreign_module_stays_a_text_of_its_own():
    first, second = EXAMPLES["bars"](), EXAMPLES["bars"]()
    state = whole_state(first, second, EXAMPLES["matrix"]())
    for widget in (first, second):
        state[widget.model_id]["state"]["_esm"] = "export default {};"
    slim = json.loads(read(views(first, second), {"state": state}))
    assert list(slim["texts"].values()) == ["export default {};"]
    assert modules_of(slim) is None


def test_the_page_gets_one_script_with_the_modules_of_its_widgets():
    body = json.dumps({"state": whole_state(EXAMPLES["matrix"](), EXAMPLES["bars"]())})
    files = {"ipywidgets_state": (None, {"body": body})}
    env = SimpleNamespace(docname="page", nb_metadata={"page": {"js_files": files}})
    document = views(*(SimpleNamespace(model_id=key) for key in json.loads(body)["state"]))
    static_widgets.on_doctree_read(SimpleNamespace(env=env), document)
    wanted = shared_bundle(frozenset({"matrix.js", "bars.js"}))
    assert files["course_widgets"] == (None, {"data-course": "widgets", "body": wanted})


def test_nothing_in_a_payload_can_end_the_script():
    widget = EXAMPLES["matrix"]()
    widget.payload = {**widget.payload, "title": "</script><!-- <b>"}
    body = read(views(widget), {"state": whole_state(widget)})
    assert "</" not in body and "<!--" not in body
    title = json.loads(body)["state"][widget.model_id]["state"]["payload"]["title"]
    assert title == "</script><!-- <b>"
    assert "</" not in safe_script(state_of([widget]))


def test_a_page_without_widgets_is_left_alone():
    env = SimpleNamespace(docname="page", nb_metadata={})
    static_widgets.on_doctree_read(SimpleNamespace(env=env), new_document("page"))


def test_stylesheet_is_the_one_the_widgets_carry():
    assert CSS_TEXT == CSS


def open_built(browser: Browser, tmp_path, document, body, extra=""):
    """Open what the build would write, and give the page and its console errors."""
    path = tmp_path / "built.html"
    content = "".join(raw.astext() for raw in document.findall(nodes.raw))
    state = f'<script type="application/vnd.jupyter.widget-state+json">{body}</script>'
    modules = f"<script>{modules_of(json.loads(body)) or ''}</script>"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>t</title><style>{CSS_TEXT}</style><main>"
        f"{content}{extra}</main>{state}{modules}<script>{LOADER.read_text()}</script>"
    )
    page = browser.new_page()
    errors = []
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_function("document.documentElement.dataset.widgets === 'ready'")
    return page, errors


def test_a_built_page_runs(browser, tmp_path):
    widgets = [EXAMPLES[name]() for name in ("quiz 06.a", "quiz 06.d", "attention map")]
    document = views(*widgets)
    body = read(document, {"state": whole_state(*widgets)})
    page, errors = open_built(browser, tmp_path, document, body)
    assert errors == []
    assert page.locator(".cw-live").count() == 3
    assert not page.locator(".cw-static").first.is_visible()
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Check").first.click()
    assert page.locator(".cw-verdict").inner_text().startswith("✓ Correct.")
    page.close()


def test_a_module_of_the_course_that_fails_leaves_the_others_alone(browser, tmp_path):
    widgets = [EXAMPLES["matrix"](), EXAMPLES["bars"](), EXAMPLES["quiz 06.a"]()]
    document = views(*widgets)
    body = read(document, {"state": whole_state(*widgets)})
    spoil = "<script>Object.defineProperty(window, 'courseWidgets', {set(all) {"
    spoil += "delete this.courseWidgets; this.courseWidgets = all;"
    spoil += "all['bars.js'] = () => { throw new Error('spoilt'); }; }, configurable: true});"
    page, errors = open_built(browser, tmp_path, document, body, f"{spoil}</script>")
    assert len(errors) == 1 and page.locator(".cw-live").count() == 2
    assert "spoilt" in page.locator(".cw-failed").inner_text()
    assert [one.is_visible() for one in page.locator(".cw-static").all()] == [False, True, False]
    page.close()


def test_widgets_are_in_the_page_before_the_scripts_that_wait_for_its_end(browser, tmp_path):
    """All at one moment, and each can be used at it."""
    widgets = [EXAMPLES[name]() for name in ("matrix", "quiz 06.a", "quiz 06.d")]
    document = views(*widgets)
    body = read(document, {"state": whole_state(*widgets)})
    note = """<script>
        window.seen = [];
        const live = () => document.querySelectorAll(".cw-live[data-ready=true]").length;
        new MutationObserver(() => {
            document.querySelector(".cw-live form").requestSubmit();
            seen.push(["ready", live(), document.querySelectorAll(".cw-verdict").length]);
        }).observe(document.documentElement, {attributeFilter: ["data-widgets"]});
        new MutationObserver(() => live() && seen.push(["page", live()])).observe(
            document, {subtree: true, childList: true, attributeFilter: ["data-ready"]});
        document.addEventListener("DOMContentLoaded", () => seen.push(["loaded", live()]));
    </script>"""
    page, errors = open_built(browser, tmp_path, document, body, note)
    seen = page.evaluate("seen")
    assert errors == [] and seen[0] == ["ready", 3, 1]
    assert next(count for what, count, *_ in seen if what == "page") == 3
    assert [what for what, *_ in seen].index("loaded") > 0
    page.close()


def test_two_views_of_one_widget_share_its_state(browser, tmp_path):
    widget = EXAMPLES["attention calculator"]()
    document = views(widget, widget)
    body = read(document, {"state": whole_state(widget)})
    page, errors = open_built(browser, tmp_path, document, body)
    assert errors == [] and page.locator(".cw-live").count() == 2
    page.close()


def test_a_core_widget_and_a_broken_module_keep_their_static_form(browser, tmp_path):
    good, broken = EXAMPLES["matrix"](), EXAMPLES["bars"]()
    slider = ipywidgets.IntSlider()
    state = whole_state(good, broken, slider)
    state[broken.model_id]["state"]["_esm"] = "throw new Error('no such thing');"
    document = views(good, broken, slider)
    body = read(document, {"state": state})
    page, errors = open_built(browser, tmp_path, document, body)
    assert len(errors) == 2
    notes = page.locator(".cw-failed").all_inner_texts()
    assert "no such thing" in notes[0]
    assert "IntSliderModel of @jupyter-widgets/controls is a core ipywidget" in notes[1]
    assert [one.is_visible() for one in page.locator(".cw-static").all()] == [False, True]
    assert page.locator(".cw-live").count() == 1
    page.close()


def test_a_view_without_state_says_so(browser, tmp_path):
    document = views(EXAMPLES["matrix"]())
    page, errors = open_built(browser, tmp_path, document, '{"state": {}}')
    assert "the page holds no state for widget" in page.locator(".cw-failed").inner_text()
    assert len(errors) == 1
    page.close()


@pytest.mark.parametrize("name", ["matrix", "sampler"])
def test_harness_page_is_plain_html(name):
    text = page_of([EXAMPLES[name]()], LOADER, title="A <b> page")
    assert text.startswith("<!doctype html>") and "A &lt;b&gt; page" in text


@pytest.mark.parametrize(
    "text", ["<!--", "</script>", "<script>", "<!--<script>", "]]>", "&lt;!--"]
)
def test_no_text_in_a_state_ends_or_breaks_the_script(show, text):
    page = show(Matrix([[1.0]], rows=[text], columns=["x"]), EXAMPLES["bars"]())
    assert page.locator(".cw-live th").all_inner_texts().count(text) == 1
    assert page.locator(".cw-live").count() == 2
    assert json.loads(safe_script({"a": text})) == {"a": text}


@pytest.mark.parametrize("text", ["<!--", "</script>", "<script>", "<!--<script>"])
def test_the_built_page_escapes_every_text_in_a_state(text):
    body = static_widgets.script_text({"a": text})
    assert "<" not in body
    assert json.loads(body) == {"a": text}


def test_the_weights_of_a_model_come_when_it_is_opened(browser, tmp_path):
    """The page holds a name for them; the file is asked for once, and again after a failure."""
    widget = EXAMPLES["tiny model"]()
    later: dict[str, str] = {}
    page_state = static_widgets.slim(state_of([widget]), {widget.model_id}, CSS_TEXT, later)
    (key,) = later
    body = static_widgets.script_text(page_state)
    assert later[key] not in body
    html = page_of([widget], LOADER)
    state = 'type="application/vnd.jupyter.widget-state+json">'
    start = html.index(state) + len(state)
    modules = f"</script><script>{modules_of(page_state)}"
    html = html[:start] + body + modules + html[html.index("</script>", start) :]
    script = LOADER.read_text(encoding="utf-8")
    html = html.replace(f"<script>{script}</script>", '<script src="page_loader.js"></script>')
    (tmp_path / "page_loader.js").write_text(script, encoding="utf-8")
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_function("document.documentElement.dataset.widgets === 'ready'")
    assert not any("later" in url for url in asked)
    page.get_by_role("button", name="Just show me").click()
    page.get_by_text("could not be loaded").wait_for()
    (tmp_path / "later").mkdir()
    text = f'(window.courseLater ??= {{}})["{key}"] = {later[key]};'
    (tmp_path / "later" / f"{key}.js").write_text(text, encoding="utf-8")
    page.get_by_role("button", name="Just show me").click()
    page.get_by_role("button", name="Write 1 token").wait_for()
    assert "most likely next token" in page.locator(".cw-live .cw-panel:visible").first.inner_text()
    page.close()
