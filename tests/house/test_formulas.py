"""Formulas made at build time: all of the book's, TeX's spaces, and what cannot be read."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from docutils import nodes
from fontTools.ttLib import TTFont
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from book._ext import formulas
from book._ext.tex import DEEPEST, TexError, formula, parts
from book._ext.tex_symbols import characters
from book._tools.paths import BOOK

FONT = BOOK / "assets" / "vendor" / "fonts" / "course-math.woff2"
# What a browser must know, with the number of children that it wants.
CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2}
CHILDREN |= {"munderover": 3, "semantics": 2}
OTHERS = set("math mrow mi mn mo mtext mspace msqrt mtable mtr mtd annotation".split())


def of_the_book() -> list[tuple[str, str, bool]]:
    """Page, TeX and whether it stands by itself, as the pages are read."""
    reader = MarkdownIt("commonmark").enable("table")
    reader.use(front_matter_plugin).use(dollarmath_plugin).use(amsmath_plugin)

    def all_of(tokens: list[Token]) -> Iterator[Token]:
        for token in tokens:
            yield token
            yield from all_of(token.children or [])

    return [
        (path.stem, token.content, "block" in token.type or token.type == "amsmath")
        for path in sorted(BOOK.glob("*.md"))
        for token in all_of(reader.parse(path.read_text(encoding="utf-8")))
        if "math" in token.type
    ]


def drawn(made: str) -> str:
    """A formula as it is read aloud, with the eighteenths of an em of each space in it."""

    def wide(found: re.Match[str]) -> str:
        return f"<mtext>_{round(18 * float(found[1]))} </mtext>"

    root = ElementTree.fromstring(re.sub(r'<mspace width="(\S+)em"/>', wide, made))
    for holder in root.iter("semantics"):
        holder.remove(holder.findall("annotation")[0])
    return "".join(root.itertext()).replace("\u2061", "·")


def check(made: str) -> None:
    """It is made of elements that browsers draw, in the right number, without any TeX."""
    for element in ElementTree.fromstring(made).iter():
        assert element.tag in OTHERS or len(element) == CHILDREN[element.tag], element.tag
        assert element.tag == "annotation" or "\\" not in (element.text or "")
        assert not (element.tag in ("mi", "mn", "mo", "mtext") and not element.text)


def test_every_formula_of_the_book_is_read() -> None:
    found = of_the_book()
    assert len(found) >= 30 and {page for page, *_ in found} >= {"06_attention", "notation"}
    for _, tex, block in found:
        for part in parts(tex) if block else [tex]:
            check(formula(part, block))


@pytest.mark.parametrize(
    ("tex", "wanted"),
    [
        ("a+b", "a_4 +_4 b"),
        ("-a", "−a"),
        ("a = -b", "a_5 =_5 −b"),
        ("(a, b)", "(a,_3 b)"),
        ("a/b", "a/b"),
        ("x^{a+b}", "xa+b"),
        (r"\sin a \log b", "sin·_3 a_3 log·_3 b"),
        (r"\sin(a)", "sin·(a)"),
        (r"\sin\!\left(a\right)", "sin·(a)"),
        (r"\mathrm{softmax}(z)", "softmax·(z)"),
        (r"\mathrm{softmax} z", "softmaxz"),
        (r"\log \sum_j e^{z_j}", "log·_3 ∑j_3 ezj"),
        (r"\log \frac{a}{b}, c", "log·_3 ab,_3 c"),
        (r"a\,b\;c\!\,d", "a_3 b_5 cd"),
        (r"\max_x f", "maxx·_3 f"),
        (r"x_{<t} \in \mathbb{R} \mathcal{L} \mathbf{x}", "x<t_5 ∈_5 ℝℒ𝐱"),
        (r"f''(x)", "f′′(x)"),
        (r"a \qquad b", "a_36 b"),
        (r"\text{if } x", "if\u00a0x"),
        (r"\begin{aligned} a &= b \\ &= c \end{aligned}", "a_5 =_5 b_5 =_5 c"),
    ],
)
def test_the_spaces_are_those_of_tex(tex: str, wanted: str) -> None:
    made = formula(tex)
    check(made)
    assert drawn(made) == wanted


@pytest.mark.parametrize(
    "tex",
    [
        r"\hat{\mathbf{x}} + \sqrt[3]{\frac{1}{2}} + \left.x\right|_0^1 + \int_0^1 f",
        r"f = \begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{else} \end{cases}",
        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix} \|x\| \{a\} \langle b \rangle \% 1.5",
    ],
)
def test_what_the_book_may_need_is_read_too(tex: str) -> None:
    check(formula(tex, display=True))


def test_a_limit_stands_below_its_sign_and_a_letter_alone_leans() -> None:
    assert "<munder>" in formula(r"\sum_i x") and "<msub>" in formula(r"\log_2 x")
    assert '<mi mathvariant="normal">d</mi>' in formula(r"\mathrm{d}x")
    assert '<mo form="prefix"' in formula("-x") and "form" not in formula("a - x")


@pytest.mark.parametrize(
    ("tex", "said"),
    [
        (r"\notacommand{a}", r"\notacommand is not known"),
        (r"a \$$ b", "$ is not known"),
        (r"\(a\)", r"\( is not known"),
        ("a}", "} is not known"),
        ("{a", "there is no }"),
        (r"\left(a", r"there is no \right"),
        (r"\left a b\right)", "a is no bracket"),
        (r"\frac{a}", "ends where more is needed"),
        ("x^", "ends where more is needed"),
        ("a_b_c", "a second _"),
        (r"\quad_b", "nothing before it"),
        ("x^12", "12 needs braces"),
        (r"\mathbf{x_1}", "takes letters only"),
        (r"\operatorname{a b}", "is no name"),
        (r"\begin{align} a \end{align}", "the environment align is not known"),
        (r"\begin{cases} a", r"there is no & or \\ or \end{cases}"),
        (r"a \end{cases}", "ends nothing"),
        ("a & b", "& is not known"),
        (r"\text{50\% of $x$}", "a text cannot have $ in it"),
        (r"\text{as \alpha}", r"a text cannot have \alpha in it"),
        (r"\text{50% of a}", "a text cannot have % in it"),
        (r"\text{a & b}", "a text cannot have & in it"),
        (r"\text{a -- b}", "a text cannot have -- in it"),
        (r"\text{}", "a text cannot have '' in it"),
        ("\\text{a\x07}", r"a text cannot have 'a\x07' in it"),
        (r"\text{a {b} c}", r"\text wants words in braces, with no braces in them"),
        (r"\mathbf x", r"\mathbf wants words in braces"),
        (r"\begin{matrix} a \\[2pt] b \end{matrix}", r"\\[ is not known"),
        (r"\begin{matrix} a \\* b \end{matrix}", r"\\* is not known"),
        ("x²", "² is not known"),
        ("٣", "٣ is not known"),
        ("log(x)", "log is no product"),
        ("5 and ", "and is no product"),
        ("a\\", "\\ is not known"),
        (" ", "an empty formula"),
    ],
)
def test_what_cannot_be_read_is_named(tex: str, said: str) -> None:
    with pytest.raises(TexError, match=re.escape(said)):
        formula(tex)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{", "}"),
        ("x^{", "}"),
        (r"\frac{", "}{b}"),
        (r"\left(", r"\right)"),
        (r"\hat ", ""),
        (r"\sqrt[", "]{x}"),
        (r"\begin{matrix}", r"\end{matrix}"),
    ],
)
def test_what_stands_too_deep_for_a_browser_is_refused(before: str, after: str) -> None:
    check(formula(before * 9 + "a" + after * 9))
    for often in (DEEPEST + 1, 5000):
        with pytest.raises(TexError, match="inside each other"):
            formula(before * often + "a" + after * often)


def test_signs_in_a_text_are_read_as_tex_reads_them() -> None:
    made = formula(r"\text{ 50\% \& \$5  of~all}")
    assert "<mtext>\xa050%\xa0&amp;\xa0$5\xa0of\xa0all</mtext>" in made
    assert "<mtext>d_model</mtext>" in formula(r"\text{d_model}") + formula(r"\text{d\_model}")


def test_the_end_of_the_last_row_begins_no_other() -> None:
    rows = r"\begin{matrix} a & b \\ c & d %s\end{matrix}"
    cells = [formula(rows % end).split("<annotation")[0] for end in ("", r"\\ ", r"\\ {}")]
    assert cells[0] == cells[1] and cells[2].count("<mtr>") == 3


def test_nothing_is_lost_where_a_formula_is_cut() -> None:
    assert parts("a\\") == ["a\\"] and parts(r"a\ \qquad b") == [r"a\ ", "b"]
    assert ">a\\ </annotation>" in formula("a\\ ")


def test_a_price_is_no_formula() -> None:
    for tex in ("5 and ", "5, ", " 5"):
        with pytest.raises(TexError, match="a price is written"):
            formulas.inline(tex)


def test_a_formula_is_cut_where_a_line_may_break() -> None:
    assert parts(r"a, \qquad b \qquad \frac{c \qquad d}{e}") == ["a,", "b", r"\frac{c \qquad d}{e}"]
    assert parts(r"\frac{a}{b}, \qquad \left(c\right) \qquad d")[1:] == [r"\left(c\right)", "d"]
    assert len(parts(r"\left( a \qquad b \right)")) == 1
    made = formulas.block(r"a, \qquad b")
    assert made.count('<math display="block">') == 2 and "qquad" not in made


class Page:
    """What the writer of a page has, as far as formulas use it."""

    def __init__(self) -> None:
        self.body: list[str] = []


def test_a_wrong_formula_is_a_warning_of_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site is built with warnings as failures."""
    said: list[str] = []
    monkeypatch.setattr(
        formulas.LOGGER, "warning", lambda text, *values, location: said.append(text % values)
    )
    page = Page()
    for node in (nodes.math("", "x"), nodes.math_block("", r"\foo"), nodes.math("", "1<")):
        with pytest.raises(nodes.SkipNode):
            formulas._visit(page, node)
    numbered = nodes.math_block("", "x", number=1)
    with pytest.raises(nodes.SkipNode):
        formulas._visit(page, numbered)
    assert said == [
        r"formula '\\foo': \foo is not known; what is stands in book/_ext/tex_symbols.py",
        "formula 'x': formulas have no numbers here",
    ]
    assert page.body[0].startswith('<span class="math') and page.body[1] == r"<code>\foo</code>"


def test_the_typeface_of_formulas_has_all_they_are_made_of() -> None:
    font = TTFont(FONT)
    has = font.getBestCmap()
    assert {char for char in characters() if ord(char) not in has} == set()
    assert {"MATH", "cmap"} <= set(font.keys()) and FONT.stat().st_size < 40_000
    larger = font["MATH"].table.MathVariants.VertGlyphCoverage.glyphs
    assert {has[ord(char)] for char in "(){}[]|√∑"} <= set(larger)
