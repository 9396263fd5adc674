"""What axe finds in a page of a browser: all rules, and those about colours once for each look."""

from collections.abc import Sequence
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# The rules about colours, which take most of the time.
COLOURS = ("color-contrast", "link-in-text-block")
ALL_BUT_COLOURS = {
    "rules": {
        "label-content-name-mismatch": {"enabled": True},
        **{rule: {"enabled": False} for rule in COLOURS},
    }
}
RUN_AXE = """([where, options]) => axe.run(where || document, {
    preload: false,
    resultTypes: ["violations"],  // what passes is not listed: a third of the time
    selectors: false,
    ...options,
}).then((result) => result.violations)"""
# Thousands of words have a few dozen looks. Of those with one look in places that look alike, all
# the way up, the first in sight is looked at, and not again on another page where it is known.
# While axe looks, what is out of sight is away, and lines without such a word stand there as plain
# text: it would measure each of their words.
ONE_OF_EACH = (
    """async ([options, known]) => {
    const word = (text) => {  // one number for a text: 32 bits of one sum and 21 of another
        let one = 5381, other = 52711;
        for (let i = 0; i < text.length; i++) {
            one = Math.imul(one, 33) ^ text.charCodeAt(i);
            other = Math.imul(other, 65599) ^ text.charCodeAt(i);
        }
        return (one >>> 0) * 2 ** 21 + (other & 0x1fffff);
    };
    const kinds = new Map([[document.body, 0]]), seen = new Set(known), fresh = [], first = [];
    const around = new Set(), unseen = [];
    for (const node of document.body.querySelectorAll("*")) {
        const look = getComputedStyle(node);
        const kind = word([kinds.get(node.parentNode), node.tagName, node.className.baseVal ??
            node.className, look.color, look.fill, look.backgroundColor, look.backgroundImage,
            look.opacity, look.fontSize, look.fontWeight, look.display, look.visibility,
            look.position, look.textShadow].join("|"));
        kinds.set(node, kind);
        if (["SCRIPT", "STYLE", "OPTION", "title", "desc"].includes(node.tagName)) continue;
        if (look.display !== "contents" && !node.checkVisibility()) {
            if (node instanceof HTMLElement && node.parentNode.checkVisibility()) unseen.push(node);
            continue;
        }
        const says = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
        const asks = ["INPUT", "SELECT", "TEXTAREA"].includes(node.tagName);
        const spoken = asks ? -kind : kind;
        if ((says || asks) && !seen.has(spoken)) {
            seen.add(spoken);
            fresh.push(spoken);
            first.push(node);
            for (let one = node; one; one = one.parentElement) around.add(one);
        }
    }
    const run = """
    + RUN_AXE
    + """;
    if (!first.length) return [[], fresh];
    const lines = [...document.querySelectorAll("pre, dt, p")].filter((node) => !around.has(node)
        && node.childElementCount && node.checkVisibility()
        && !node.querySelector(":not(a, b, cite, code, em, i, span, strong)"));
    const away = [
        ...unseen.map((node) => [node, document.createComment("unseen")]),
        ...lines.map((node) => [node, node.cloneNode(false)]),
    ];
    for (const [node, instead] of away) {
        instead.textContent ||= node.textContent;
        node.replaceWith(instead);
    }
    try {
        return [await run([{include: first}, options]), fresh];
    } finally {
        for (const [node, instead] of away.reverse()) instead.replaceWith(node);
    }
}"""
)


def violations(page: Page, only: Sequence[str] = (), known: set[int] | None = None) -> list[str]:
    """What axe finds, best practices and the rule about visible labels included.

    Args:
        page: The page, as it is.
        only: Rules about colours to run; none named runs all rules.
        known: Looks whose colours were found good at this width and in this theme; those of
            this page join them. None looks at all.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = [] if only else page.evaluate(RUN_AXE, [None, ALL_BUT_COLOURS])
    rules = {"runOnly": {"type": "rule", "values": list(only or COLOURS)}}
    of_colours, looks = page.evaluate(ONE_OF_EACH, [rules, sorted(known or ())])
    if known is not None and not of_colours:
        known.update(looks)
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]}"
        for violation in found + of_colours
        for node in violation["nodes"]
    ]
