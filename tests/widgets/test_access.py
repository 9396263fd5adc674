"""Rules every widget keeps: axe, names, targets, one live region, phone width, no JavaScript."""

import pytest

from tests.looks import COLOURS
from tests.widgets.examples import EXAMPLES

FOCUSABLE = ".cw-live :is(button, input, select, summary, textarea, [tabindex='0'])"


def unlock(page):
    """Show everything a widget can show."""
    for name in ("Just show me", "Show all stages", "Show the answer", "Describe this"):
        for button in page.get_by_role("button", name=name).element_handles():
            if button.is_visible():
                button.click()
    for fold in page.locator(".cw-live summary").element_handles():
        if fold.is_visible():
            fold.click()


@pytest.fixture
def everything(show):
    """A page with one of each widget."""

    def open_(**options):
        return show(*(make() for make in EXAMPLES.values()), **options)

    return open_


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_before_and_after_in_light_and_dark(everything, axe, width):
    page = everything(width=width)
    assert axe(page) == []
    unlock(page)
    assert axe(page) == []
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(
        "document.getAnimations().every((one) => one.timeline !== document.timeline)"
    )
    assert axe(page, only=COLOURS) == []  # the elements are the same


def test_axe_sees_a_planted_fault(everything, axe):
    page = everything()
    page.evaluate("document.querySelector('.cw-live input').removeAttribute('id')")
    page.evaluate("document.querySelector('.cw-live .cw-note').style.color = '#ccc'")
    assert any(one.startswith("color-contrast") for one in axe(page))


def test_phone_width_targets_and_regions(everything):
    page = everything(width=390)
    unlock(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    small, unnamed, regions = page.evaluate(
        """(selector) => {
            const all = [...document.querySelectorAll(selector)].filter((n) => n.offsetParent);
            const small = all.filter((n) => {
                const box = (n.closest("label") ?? n).getBoundingClientRect();
                return box.height < 24 || box.width < 24;
            });
            return [small.map((n) => n.outerHTML.slice(0, 90)),
                all.filter((n) => !n.dataset.lmSuppressShortcuts).map((n) => n.outerHTML),
                [...document.querySelectorAll(".cw-live")].map(
                    (n) => n.querySelectorAll("[aria-live]").length)];
        }""",
        FOCUSABLE,
    )
    assert small == []
    assert unnamed == []
    assert regions == [1] * len(EXAMPLES)


FADES = """async () => {
    const frame = () => new Promise(requestAnimationFrame);
    const fade = (node) => parseFloat(getComputedStyle(node).getPropertyValue("--cw-more"));
    const found = [];
    for (const node of document.querySelectorAll(".cw-live .cw-scroll")) {
        if (!node.checkVisibility()) continue;
        const before = fade(node), more = node.scrollWidth - node.clientWidth;
        node.scrollLeft = more;
        await frame();
        await frame();
        found.push([more > 0, before > 0, fade(node) > 0]);
    }
    return found;
}"""


def test_what_goes_on_to_the_right_fades_until_its_end(everything):
    """Part that scrolls, a fade before, a fade at the end."""
    page = everything(width=390)
    unlock(page)
    found = page.evaluate(FADES)
    assert {tuple(one) for one in found} == {(True, True, False), (False, False, False)}


def test_what_fades_shows_the_keyboards_focus(everything):
    """A mask would take the ring around it away."""
    page = everything(width=390)
    unlock(page)
    page.keyboard.press("Tab")  # what is focused from now on is focused by the keyboard
    masks = page.evaluate(
        """() => [...document.querySelectorAll(".cw-live *")]
            .filter((node) => node.checkVisibility() && node.tabIndex >= 0)
            .filter((node) => getComputedStyle(node).maskImage !== "none")
            .map((node) => {
                node.focus();
                return [node.matches(":focus-visible"), getComputedStyle(node).maskImage];
            })"""
    )
    assert masks and {tuple(one) for one in masks} == {(True, "none")}


def test_static_forms_stand_without_javascript(everything):
    page = everything(script=False, width=390)
    cards = page.locator(".cw-static .cw")
    assert cards.count() == len(EXAMPLES)
    for i in range(len(EXAMPLES)):
        assert cards.nth(i).is_visible()
        assert len(cards.nth(i).inner_text()) > 20
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def turned(value):
    """The same with the keys of each mapping in reverse: a page that keeps it may sort them."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


def test_the_order_of_keys_means_nothing(show):
    """What a reader sees first, in every widget, is the same however its data were kept."""
    seen = []
    for turn in (lambda value: value, turned):
        widgets = [make() for make in EXAMPLES.values()]
        for widget in widgets:
            widget.payload = turn(widget.payload)
        live = show(*widgets).locator(".cw-live")
        options = "node => [...node.querySelectorAll('option')].map((o) => o.textContent)"
        shown = [live.nth(i) for i in range(live.count())]
        seen.append([(one.inner_text(), one.evaluate(options)) for one in shown])
    for name, before, after in zip(EXAMPLES, *seen, strict=True):
        assert before == after, name


@pytest.mark.parametrize("name", EXAMPLES)
def test_text_forms_are_the_same_in_every_run(name):
    first, again = EXAMPLES[name](), EXAMPLES[name]()
    assert " id=" not in first.static_html
    assert repr(first) == repr(again)
    assert first.static_html == again.static_html
    assert first._repr_mimebundle_()[0]["text/plain"] == repr(first)


def test_static_form_hides_for_the_live_one_and_returns_in_print(show):
    page = show(EXAMPLES["matrix"](), own=True)
    assert page.locator(".cw-live").is_visible()
    assert not page.locator(".cw-static").is_visible()
    page.emulate_media(media="print")
    assert page.locator(".cw-static").is_visible()
    assert not page.locator(".cw-live").is_visible()


def test_static_form_of_each_widget_passes_axe(everything, axe):
    page = everything()
    page.evaluate(
        """document.querySelectorAll(".cw-live").forEach((n) => n.remove());
           document.querySelectorAll(".cw-static").forEach((n) => { n.hidden = false; });"""
    )
    assert axe(page) == []


def luminance(colour):
    channels = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("hue", ["sh", "ng"])
@pytest.mark.parametrize("dark", [False, True])
def test_every_shade_keeps_contrast_and_order(show, dark, hue):
    page = show(EXAMPLES["matrix"](), dark=dark)
    pairs = page.evaluate(
        """(hue) => Array.from({length: 11}, (_, level) => {
            const cell = document.querySelector(".cw-live td");
            cell.className = `${level ? hue : "sh"}${level}`;
            const style = getComputedStyle(cell);
            return [style.backgroundColor, style.color];
        })""",
        hue,
    )
    light = [luminance(background) for background, _ in pairs]
    assert light == sorted(light, reverse=not dark)
    for background, text in pairs:
        high, low = sorted([luminance(background), luminance(text)], reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (background, text)
