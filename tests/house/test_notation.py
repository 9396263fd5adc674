"""The letters of the notation page mean the same in every shape, every cell and every sentence."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from book._tools import terms

ROOT = Path(__file__).resolve().parents[2]
NOTATION = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
LETTERS = {
    letter
    for row in re.findall(r"^\| ((?:`\w`(?:, )?)+) \|", NOTATION, re.MULTILINE)
    for letter in re.findall(r"`(\w)`", row)
}
NAMED = set(re.findall(r"^`(\w+)` is ", NOTATION, re.MULTILINE)) | {"K2"}
PACKAGE = {path: path.read_text(encoding="utf-8") for path in (ROOT / "course_lib").rglob("*.py")}
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("[0-9]*.md")}
SHAPE = re.compile(r"\b(?:Float|Int|Bool|Mask|Integer|Shaped)\[\s*[\w.]+,\s*\"([^\"]*)\"")
COUNT = r"(?:[A-Z]\w*(?: ?[*/+-] ?\w+)*|\d+)"
REMARK = re.compile(rf"#[^\n]*?\(({COUNT}(?:, {COUNT})+)\)")
# What an argument or a field counts, and the letter for it.
COUNTS = {
    "vocab_size": "V",
    "d_model": "D",
    "n_heads": "H",
    "n_kv_heads": "G",
    "kv_heads": "G",
    "d_head": "K",
    "head_dim": "K",
    "d_ff": "F",
    "batch_size": "B",
    "world_size": "W",
    "n_ranks": "W",
    "n_parameters": "P",
    "n_layers": "L",
    "n_decoder_layers": "L",
    "n_encoder_layers": "L",
}
# The last dimension of an argument of this name.
LAST = {"logits": "V", "q": "K", "k": "K", "v": "K", "hidden": "D"}
MAY_HAVE = re.compile(r"\b[A-Z](?:, [A-Z])* = |=[A-Z]\b|\b(?:logits|hidden|[qkv]): ")
NOUNS = {"ranks": "W", "GPUs": "W", "parameters": "P", "heads": "HG", "layers": "L"}
SCALING = "19_domain_adaptation"  # its laws are written as the papers write them


def dimensions(shape: str) -> list[str]:
    """The letters of a shape; numbers, dots and stars are none."""
    return [one for word in shape.split() for one in re.findall(r"[A-Za-z]\w*", word)]


def unknown(shape: str) -> set[str]:
    return {one for one in dimensions(shape) if one not in LETTERS | NAMED}


def _pairs(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What counts, and the expression that is given to it or takes its value."""
    if isinstance(node, ast.keyword) and node.arg in COUNTS:
        yield node.arg, node.value
    for target in node.targets if isinstance(node, ast.Assign) else ():
        lefts, rights = [target], [node.value]  # type: ignore[attr-defined]
        if isinstance(target, ast.Tuple) and isinstance(rights[0], ast.Tuple):
            lefts, rights = target.elts, rights[0].elts
        for left, right in zip(lefts, rights, strict=False):
            value = right.func if isinstance(right, ast.Call) else right
            if isinstance(value, ast.Attribute):
                yield value.attr, left


def misnamed(source: str) -> list[str]:
    """Letters with another meaning: of a count, or at the end of an argument's shape."""
    if not MAY_HAVE.search(source):
        return []
    faults = []
    for node in ast.walk(ast.parse(source)):
        for name, letter in _pairs(node):
            if isinstance(letter, ast.Name) and re.fullmatch("[A-Z]", letter.id):
                if COUNTS.get(name, letter.id) != letter.id:
                    faults.append(f"{letter.id} for {name}")
        if isinstance(node, ast.arg) and node.arg in LAST and node.annotation is not None:
            for shape in SHAPE.findall(ast.unparse(node.annotation).replace("'", '"')):
                if (dimensions(shape)[-1:] or ["N"])[0] not in (LAST[node.arg], *"NMRCE"):
                    faults.append(f"{node.arg}: {shape}")
    return faults


def cells(page: str) -> str:
    """The code of a page, as one program."""
    found = re.findall(r"```\{code-cell\}[^\n]*\n(.*?)```", page, flags=re.DOTALL)
    head = r"\A(---\n.*?---\n|(:[^\n]*\n)+)"
    code = "\n".join(re.sub(head, "", cell, flags=re.DOTALL) for cell in found)
    return re.sub(r"^([ \t]*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)


def said(page: str, name: str) -> set[str]:
    """Sentences in which a letter counts what another letter is for."""
    nouns = "|".join(NOUNS)
    found = set()
    for letter, noun in re.findall(rf"(?<![\w*$\\-])([A-Z])\b[`$*]? ({nouns})\b", page):
        law = name == SCALING and (letter, noun) == ("N", "parameters")
        if letter not in NOUNS[noun] and not law:
            found.add(f"{letter} {noun}")
    return found


def test_every_letter_of_a_shape_is_on_the_page() -> None:
    assert len(LETTERS) >= 17 and "T_plus_1" in NAMED
    shapes = {shape for text in PACKAGE.values() for shape in SHAPE.findall(text)}
    assert len(shapes) > 80
    assert {shape for shape in shapes if unknown(shape)} == set()
    remarks = {r for text in [*PACKAGE.values(), *PAGES.values()] for r in REMARK.findall(text)}
    assert len(remarks) > 30
    names = {one for remark in remarks for one in dimensions(remark)} - LETTERS - NAMED
    assert {name for name in names if name.isupper()} == set()


def test_a_letter_stands_for_one_count() -> None:
    sources = {str(path): text for path, text in PACKAGE.items()}
    sources |= {name: cells(page) for name, page in PAGES.items()}
    faults = {name: misnamed(text) for name, text in sources.items()}
    assert {name: found for name, found in faults.items() if found} == {}


def test_sentences_count_with_the_same_letters() -> None:
    texts = terms.texts()
    found = {name: said(page, name) for name, page in texts.items()}
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert "N parameters" in texts[SCALING] and "in a scaling law" in NOTATION


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("TransformerConfig(vocab_size=V, d_model=D)", []),
        ("TransformerConfig(vocab_size=T)", ["T for vocab_size"]),
        ("N = config.n_heads", ["N for n_heads"]),
        ("V, T = model.vocab_size, 3\nP = model.n_parameters()", []),
        ("B, D = 2, model.config.d_ff", ["D for d_ff"]),
        ("n = config.n_heads", []),
        ('def f(logits: Float[Tensor, "B D"]): ...', ["logits: B D"]),
        ('def f(q: Float[Tensor, "B H T K"], logits: Float[Tensor, "*B V"]): ...', []),
    ],
)
def test_faults_are_seen(source: str, faults: list[str]) -> None:
    assert misnamed(source) == faults


def test_faults_of_shapes_and_sentences_are_seen() -> None:
    assert unknown("B T_plus_1 Q") == {"Q"} and unknown("*B ... 2 K2 V") == set()
    assert said("on N ranks, of P parameters", "18") == {"N ranks"}
    assert said("N parameters", SCALING) == set() and said("N parameters", "18") != set()
