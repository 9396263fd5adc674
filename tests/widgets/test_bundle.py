"""The joined module text: complete, small, with no name used twice."""

import gzip
import re

import pytest

from course_lib.widgets import bundle as module
from course_lib.widgets.bundle import FOLDER, bundle, entry_of, shared_bundle

ENTRIES = sorted(path.name for path in FOLDER.glob("*.js"))
KB = 1024


@pytest.mark.parametrize("entry", ENTRIES)
def test_bundle_is_one_small_module(entry):
    text = bundle(entry)
    assert not re.search(r"^\s*import\b", text, re.M)
    assert text.count("export default") == 1
    assert "http" not in re.sub(r"https?://www\.w3\.org/\S+", "", text)
    assert len(gzip.compress(text.encode())) < 10 * KB  # a page holds each text once


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    bundle.cache_clear()
    shared_bundle.cache_clear()
    yield tmp_path
    bundle.cache_clear()
    shared_bundle.cache_clear()


def test_shared_imports_come_once_and_first(folder):
    (folder / "base.js").write_text("export const one = 1;\n")
    (folder / "mid.js").write_text(
        'import { one } from "./base.js";\nexport const two = one + 1;\n'
    )
    (folder / "top.js").write_text(
        'import { one } from "./base.js";\nimport { two } from "./mid.js";\n'
        "// said once\nexport default { sum: one + two };\n"
    )
    text = bundle("top.js")
    assert text == "const one = 1;\nconst two = one + 1;\nexport default { sum: one + two };\n"


def test_a_name_used_twice_is_refused(folder):
    (folder / "a.js").write_text("export const same = 1;\n")
    (folder / "b.js").write_text(
        'import { same } from "./a.js";\nfunction same() {}\nexport default {};\n'
    )
    with pytest.raises(ValueError, match="'same' is a top-level name in a.js and b.js"):
        bundle("b.js")


def test_another_form_of_import_is_refused(folder):
    (folder / "a.js").write_text('import x from "./b.js";\nexport default {};\n')
    with pytest.raises(ValueError, match="a.js has an import that is not"):
        bundle("a.js")


def test_what_nothing_names_is_left_out_and_what_the_entry_exports_stays(folder):
    (folder / "base.js").write_text("export const one = 1;\nexport const other = 2;\n")
    (folder / "top.js").write_text(
        'import { one } from "./base.js";\nconst unused = 3;\n'
        "export function sum() {\n  return one;\n}\nexport default {};\n"
    )
    text = bundle("top.js")
    assert text == "const one = 1;\nfunction sum() {return one;\n}\nexport default {};\n"


def test_several_entries_share_the_kit_and_keep_their_names_to_themselves(folder):
    (folder / "kit.js").write_text("export const one = 1;\nexport const unused = 2;\n")
    for name, value in (("a", "one"), ("b", "one + one")):
        (folder / f"{name}.js").write_text(
            'import { one } from "./kit.js";\nexport function never() {}\n'
            f"const sum = {value};\nexport default {{ sum }};\n"
        )
    assert shared_bundle(frozenset({"a.js", "b.js"})) == (
        'window.courseWidgets = (() => {\n"use strict";\nconst one = 1;\n'
        "const entry_0 = () => {\nconst sum = one;\nreturn { sum };\n};\n"
        "const entry_1 = () => {\nconst sum = one + one;\nreturn { sum };\n};\n"
        'return {"a.js":entry_0,"b.js":entry_1};\n})();\n'
    )


def test_all_widgets_fit_in_one_script_much_smaller_than_their_texts():
    text = shared_bundle(frozenset(ENTRIES))
    assert len(text) < 0.6 * sum(len(bundle(entry)) for entry in ENTRIES)


@pytest.mark.parametrize(
    ("entry", "kit", "message"),
    [
        ("const a = 1;", "", "entry.js must have 1 default exports, got 0"),
        ("export default {};", "export default {};", "kit.js must have 0 default exports, got 1"),
        ('export default { a: "</SCRIPT>" };', "", "a text that ends a script"),
        ('export default { a: "<!--" };', "", "a text that ends a script"),
        ("const a = 1;\nfunction a() {}\nexport default {};", "", "'a' is a top-level name"),
    ],
)
def test_what_cannot_stand_in_one_script_is_refused(folder, entry, kit, message):
    (folder / "kit.js").write_text(f"export const one = 1;\n{kit}\n")
    (folder / "entry.js").write_text(f'import {{ one }} from "./kit.js";\n{entry}\n')
    with pytest.raises(ValueError, match=message):
        shared_bundle(frozenset({"entry.js"}))


def test_a_text_is_known_by_its_entry_and_a_changed_one_is_not():
    text = bundle("matrix.js")
    assert entry_of([text, f"{text} "]) == {text: "matrix.js"}
