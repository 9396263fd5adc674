"""Programs judged in a real page: by the checker of a notebook, within limits, and only here."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from book._tools.paths import HTML
from course_lib.exercises.catalog import all_specs, find
from course_lib.exercises.code.judge import Judge
from course_lib.exercises.process.page import page_payload
from course_lib.exercises.process.stopped import ENDED

pytestmark = [pytest.mark.usefixtures("site"), pytest.mark.slow]

CODE = [spec for spec in all_specs() if spec.code is not None]
SPEC = find("06.c")
ADDRESS = "notebooks/06_attention.html"
RIGHT = page_payload(SPEC)["starters"][0]["code"].replace("...", "weights @ v")
START_MS = 120_000  # on a machine that does other things too
JUDGE = """([exercise, sources]) => (async () => {
    const found = [];
    for (const source of sources) found.push(await window.course.check(exercise, source));
    return found;
})()"""


@pytest.fixture(scope="module")
def opened(opener: Callable) -> Iterator:
    """One page with one Python for all tests; it must stay silent and ask nobody else."""
    one = opener(ADDRESS, width=390)
    one.page.set_default_timeout(START_MS)
    one.page.wait_for_function("document.documentElement.dataset.widgets === 'ready'")
    yield one
    assert one.outside == []
    assert one.problems == []
    one.page.context.close()


@pytest.fixture(scope="module")
def page(opened) -> Page:
    """The page, with its grader as `course`: the one that the buttons use."""
    opened.page.evaluate(
        """async (folder) => {
            const state = document.querySelector('script[type$="widget-state+json"]').textContent;
            const files = /"files": ?"(\\w+)"/.exec(state)[1];
            const address = new URL(`../_static/code/grader.js?v=${files}`, location.href);
            window.course = (await import(address)).grader();
        }"""
    )
    return opened.page


def judged(page: Page, *sources: str, name: str = "06.c", **limits: float) -> list[dict]:
    """What the page's Python says of programs."""
    payload = page_payload(find(name))
    exercise = {"id": name, "limits": {**payload["limits"], **limits}}
    return page.evaluate(JUDGE, [exercise, list(sources)])


def said(verdict: dict) -> tuple:
    return tuple(verdict["result"][name] for name in ("status", "message", "misconception"))


def test_every_code_exercise_has_its_editor_in_its_page() -> None:
    for spec in CODE:
        text = (HTML / "notebooks" / f"{spec.chapter}.html").read_text(encoding="utf-8")
        assert f'"model_id": "code-{spec.id}"' in text, spec.id
        assert f"Exercise {spec.id}: " not in re.sub(r"<script.*?</script>", "", text, flags=re.S)


def test_nothing_of_python_is_loaded_before_it_is_asked_for(opened) -> None:
    assert not any("pyodide" in url or "_static/code/" in url for url in opened.asked)


def test_a_program_is_written_judged_corrected_and_counted(opened, page: Page) -> None:
    card = page.locator(".cw-live", has=page.locator(".cw-program")).first
    box = card.get_by_role("textbox")
    box.fill(RIGHT.replace(" / math.sqrt(d)", ""))
    assert box.input_value() != RIGHT
    card.get_by_role("button", name="Run the check here (loads 9 MB)").click()
    box_of_verdict = card.locator(".cw-verdict.incorrect")
    expect(box_of_verdict).to_be_visible(timeout=START_MS)
    wrong = Judge(SPEC, _unscaled()).run()
    expect(box_of_verdict).to_contain_text(wrong.message.split("`")[0])
    assert wrong.misconception is not None
    box.fill(RIGHT)
    expect(card.locator(".cw-verdict")).to_contain_text("Your earlier program: Not yet")
    box.press("Control+Enter")
    expect(card.locator(".cw-verdict.correct")).to_be_visible(timeout=START_MS)
    kept = json.loads(page.evaluate("localStorage['transformers-course:progress:1']"))
    record = kept["records"]["06.c"]
    assert (record["status"], record["attempts"], record["first_ok"]) == ("correct", 2, False)
    counted = page.locator(".cw-bars td").filter(has_text=re.compile(r"^1 of \d+ solved"))
    expect(counted).to_have_count(1)  # other widgets of the page have tables of the same look
    assert opened.overflow() <= 0
    assert opened.axe() == []


def _unscaled():
    space: dict = {}
    exec(RIGHT.replace(" / math.sqrt(d)", ""), space)
    return space["attention"]


LOOP = (
    "def attention(q, k, v):\n    while True:\n"
    "        try:\n            pass\n        except: pass\n"
)
GROW = (
    "import numpy as np\nheld = []\ndef attention(q, k, v):\n"
    "    while True:\n"
    "        try:\n            held.append(np.ones(4_000_000))\n        except: pass\n"
)
EXIT = "import os\ndef attention(q, k, v):\n    os._exit(3)\n"


@pytest.mark.parametrize("snapshot", [True, False], ids=["from a snapshot", "plainly"])
def test_what_runs_away_is_ended_and_the_next_program_is_judged(page: Page, snapshot: bool) -> None:
    judged(page, RIGHT)
    assert page.evaluate("window.course.snapshot.byteLength") > 2**24
    if not snapshot:  # one that cannot be read: the next worker starts as the first one did
        page.evaluate("() => { window.course.snapshot = new Uint8Array(9999).buffer; }")
    began = page.evaluate("performance.now()")
    (stopped,) = judged(page, LOOP, seconds=1.0)
    assert page.evaluate("performance.now()") - began > 1000
    assert stopped["word"] == "Stopped: out of time"
    assert re.match(
        r"Stopped after 6 s on q of shape .*; the reference needs \d+ ms for a case",
        stopped["result"]["message"],
    )
    assert judged(page, RIGHT)[0]["word"] == "Correct"
    assert page.evaluate("window.course.prepare") is snapshot


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (EXIT, ENDED),
        (GROW, "Stopped: it took more than 1024 MB of memory on q of shape"),
        ("while True: pass\n", "Stopped after 6 s on the lines outside your function"),
    ],
)
def test_what_ends_python_or_fills_its_memory_says_so(
    page: Page, source: str, message: str
) -> None:
    # The exercise's own limits take a second and more to reach.
    limits = {"memory_mb": 64, "seconds": 20.0} if source == GROW else {"seconds": 1.0}
    (stopped,) = judged(page, source, **limits)
    assert stopped["result"]["message"].startswith(message)
    assert judged(page, RIGHT)[0]["word"] == "Correct"


def test_what_an_answer_changed_does_not_meet_the_next_one(page: Page) -> None:
    first, right = judged(page, "import json\njson.dumps = print\n" + RIGHT, RIGHT)
    assert (first["word"], first["left"]) == ("Correct", "json.dumps")
    assert (right["word"], right["left"]) == ("Correct", "")


UP = """
import sys
def attention(q, k, v):
    frame = sys._getframe()
    while "tell" not in frame.f_locals:
        frame = frame.f_back
    tell = frame.f_locals["tell"]  # a function of the worker
    tell('{"done": {"word": "Correct"}, "snapshot": "", "case": "a shape"}')
    return tell.constructor("return fetch('/')")()
"""


def test_a_program_does_not_reach_javascript(page: Page) -> None:
    """Nor the net, nor what this site has stored: the worker removes what leads there, or ends."""
    for module in ("js", "pyodide_js", "pyodide.code"):
        (verdict,) = judged(page, f"import {module}\n{RIGHT}")
        name = module.split(".")[0]
        wanted = f"ModuleNotFoundError: No module named '{name}'\n  line 1: import {module}"
        assert verdict["result"]["message"] == wanted
    (verdict,) = judged(page, UP)
    assert verdict["result"]["status"] == "error"
    assert "JavaScript is not run from a text here" in verdict["result"]["message"]
    assert judged(page, RIGHT)[0]["word"] == "Correct"


def test_the_reader_can_stop_it(page: Page) -> None:
    found = page.evaluate(
        """([exercise, source]) => {
            const stopping = new AbortController();
            const tell = (news) => news.case && stopping.abort();
            return window.course.check(exercise, source, tell, stopping.signal);
        }""",
        [{"id": "06.c", "limits": {"seconds": 60, "memory_mb": 1024}}, LOOP],
    )
    assert found is None
    assert judged(page, RIGHT)[0]["word"] == "Correct"


def test_a_stop_while_python_loads_leaves_none_loading(page: Page) -> None:
    left = page.evaluate(
        """async ([exercise, source]) => {
            window.course.replace();
            const stopping = new AbortController();
            const tell = () => stopping.abort();
            const found = await window.course.check(exercise, source, tell, stopping.signal);
            await new Promise((resolve) => setTimeout(resolve));
            return [found, window.course.python];
        }""",
        [{"id": "06.c", "limits": {"seconds": 60, "memory_mb": 1024}}, RIGHT],
    )
    assert left == [None, None]


def test_a_stop_of_one_that_waits_leaves_the_other_alone(page: Page) -> None:
    found = page.evaluate(
        """async ([exercise, right, loop]) => {
            const stopping = new AbortController();
            const first = window.course.check(exercise, right);
            const second = window.course.check(exercise, loop, () => {}, stopping.signal);
            stopping.abort();
            return [await second, (await first).word];
        }""",
        [{"id": "06.c", "limits": {"seconds": 60, "memory_mb": 1024}}, RIGHT, LOOP],
    )
    assert found == [None, "Correct"]


@pytest.mark.parametrize("spec", CODE, ids=lambda spec: spec.id)
def test_every_planted_answer_gets_the_verdict_of_cpython(page: Page, spec) -> None:
    """What CPython says of the wrong ones, tests/exercises/chapters hold to their own messages."""
    code = spec.code
    right = [code.reference, *code.also_correct]
    names = ["reference", *(f"also_correct[{i}]" for i in range(len(code.also_correct)))]
    names += [f"wrong[{name!r}].function" for name in code.wrong]
    sources = [
        "from course_lib.exercises.catalog import find\n"
        f"{code.name} = find({spec.id!r}).code.{name}\n"
        for name in names
    ]
    wanted = [(one.status, one.message, None) for one in (Judge(spec, f).run() for f in right)]
    wanted += [("incorrect", wrong.message, name) for name, wrong in code.wrong.items()]
    found = judged(page, *sources, name=spec.id)
    different = {
        name: (said(verdict), want)
        for name, verdict, want in zip(names, found, wanted, strict=True)
        if said(verdict) != want
    }
    assert different == {}
    assert [verdict["left"] for verdict in found] == [""] * len(found)
