"""Formulas in MathML, made from TeX as the book writes it.

This reads the part of TeX that formulas need and refuses the rest by name, so nothing comes out
half read. `tex_symbols` has the commands, `mathml` the elements and the spaces between them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import escape

from book._ext import tex_symbols as known
from book._ext.mathml import Atom, fence, one, sign, spaced

_WORDS = r"\\(?:text|mathrm|operatorname|mathbf|mathbb|mathcal|begin|end)\s*\{[^{}]*\}"
_OTHER_LETTERS = re.compile(rf"{_WORDS}|\\[a-zA-Z]+")
_TOKEN = re.compile(
    rf"{_WORDS}"
    r"|\\[a-zA-Z]+|\\.|[0-9]+(?:\.[0-9]+)?|'+|\S",
    re.DOTALL,
)
_WITH_WORDS = re.compile(r"\\([a-z]+)\s*\{([^{}]*)\}", re.DOTALL)
# In a text a backslash makes letters of these signs; what TeX reads as something else is refused.
_ESCAPED = re.compile(r"\\([%#$&_ ])")
_NOT_IN_TEXT = re.compile(r"\\[a-zA-Z]*|[$%#&^]|--|``|''")
DEEPEST = 40  # groups, scripts and commands inside each other
# Brackets around a table by its name; "cases" has one.
_TABLES = {
    "aligned": ("", ""),
    "cases": ("{", ""),
    "matrix": ("", ""),
    "pmatrix": ("(", ")"),
    "bmatrix": ("[", "]"),
    "vmatrix": ("|", "|"),
}
_DISPLAY, _TEXT, _SCRIPT = range(3)


class TexError(ValueError):
    """A formula that cannot be read; the message says what of it."""


def parts(tex: str) -> list[str]:
    """A formula cut at each "qquad" that stands outside all braces, where a line may break."""
    found, depth = [""], 0
    for token in re.findall(r"\\[a-zA-Z]+|\\.|.", tex, re.DOTALL):
        depth += token in ("{", r"\left", r"\begin")
        depth -= token in ("}", r"\right", r"\end")
        if token == r"\qquad" and depth == 0:
            found.append("")
        else:
            found[-1] += token
    return [_stripped(part) for part in found]


def formula(tex: str, display: bool = False) -> str:
    """One formula as a `math` element, with its TeX as an annotation.

    Args:
        tex: What stands between the dollar signs.
        display: Whether it stands on lines of its own.

    Raises:
        TexError: It has a command that is not known, a word that is not marked as one, or braces,
            brackets or scripts that do not fit together.
    """
    row = _Reader(tex).row((), _DISPLAY if display else _TEXT)
    if not row:
        raise TexError("an empty formula")
    if word := re.search("[a-zA-Z]{3,}", _OTHER_LETTERS.sub(" ", tex)):
        raise TexError(rf"{word[0]} is no product of letters; a word stands in \mathrm or \text")
    kind = ' display="block"' if display else ""
    source = f'<annotation encoding="application/x-tex">{escape(_stripped(tex))}</annotation>'
    return f"<math{kind}><semantics>{one(row)}{source}</semantics></math>"


class _Reader:
    """Reads tokens one after another; `at` is the place of the next."""

    def __init__(self, tex: str) -> None:
        self.tokens = _TOKEN.findall(tex)
        self.at = self.depth = 0

    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next()
        if not token:
            raise TexError("it ends where more is needed")
        self.at += 1
        return token

    def row(self, until: Collection[str], style: int, after: Sequence[Atom] = ()) -> list[str]:
        """The elements before one of these tokens, or before the end where none is named."""
        atoms = list(after)
        while self.next() and self.next() not in until:
            atoms.append(self.scripted(style))
        if until and not self.next():
            raise TexError(f"there is no {' or '.join(until)}")
        return spaced(atoms, style == _SCRIPT)

    def group(self, style: int) -> str:
        """What a command works on: a group in braces, or one piece."""
        if self.next() == "{":
            return self.braces(style)
        if re.match("[0-9][0-9.]", self.next()):
            raise TexError(f"{self.next()} needs braces around it")
        return one(spaced([self.piece(style)], style == _SCRIPT))

    def braces(self, style: int) -> str:
        self.take()
        row = self.row("}", style)
        self.take()
        return one(row)

    def scripted(self, style: int) -> Atom:
        """One piece with what stands below and above it."""
        atom = self.piece(style)
        low = high = ""
        self.depth += 1
        while self.next().startswith(("_", "^", "'")):
            mark = self.take()
            if (low if mark == "_" else high) or atom.kind == "space":
                raise TexError(f"a second {mark}, or one with nothing before it")
            if mark[0] == "'":
                high = sign("′" * len(mark))
            elif mark == "^":
                high = self.group(_SCRIPT)
            else:
                low = self.group(_SCRIPT)
        self.depth -= 1
        if low or high:
            below, above = ("under", "over") if atom.limits else ("sub", "sup")
            name = f"m{below if low else ''}{above if high else ''}"
            atom.markup = f"<{name}>{atom.markup}{low}{high}</{name}>"
        return atom

    def piece(self, style: int) -> Atom:
        """One token, or a command with what it works on."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise TexError(f"more than {DEEPEST} pieces stand inside each other")
        token = self.next()
        if token == "{":
            atom = Atom("ord", self.braces(style))
        else:
            self.take()
            atom = self.words(token) if _WITH_WORDS.fullmatch(token) else _alone(token)
            atom = atom or self.command(token, style)
        self.depth -= 1
        return atom

    def command(self, token: str, style: int) -> Atom:
        """A command that shapes what follows it."""
        if token == r"\frac":
            inside = _TEXT if style == _DISPLAY else _SCRIPT
            return Atom("inner", f"<mfrac>{self.group(inside)}{self.group(inside)}</mfrac>")
        if token == r"\sqrt":
            if self.next() != "[":
                return Atom("ord", f"<msqrt>{self.group(style)}</msqrt>")
            self.take()
            root = one(self.row("]", _SCRIPT))
            self.take()
            return Atom("ord", f"<mroot>{self.group(style)}{root}</mroot>")
        if token == r"\left":
            before = fence(self.bracket(), "prefix")
            row = self.row((r"\right",), style)
            self.take()
            return Atom("inner", _fenced(before, row, fence(self.bracket(), "postfix")))
        for table, stretchy in ((known.ACCENTS, "false"), (known.WIDE, "true")):
            if token in table:
                over = sign(table[token], stretchy=stretchy)
                return Atom("ord", f'<mover accent="true">{self.group(style)}{over}</mover>')
        if _WITH_WORDS.fullmatch(f"{token}{{}}") and _TOKEN.fullmatch(f"{token}{{}}"):
            raise TexError(f"{token} wants words in braces, with no braces in them")
        raise TexError(f"{token} is not known; what is stands in book/_ext/tex_symbols.py")

    def bracket(self) -> str:
        token = self.take()
        if token not in known.FENCES:
            raise TexError(f"{token} is no bracket")
        return known.FENCES[token]

    def words(self, token: str) -> Atom:
        """A command whose braces hold no formula: a name, a text, letters of a style, a table."""
        found = _WITH_WORDS.fullmatch(token)
        assert found is not None
        command, text = found.groups()
        if command == "begin":
            return self.table(text)
        if command == "text":
            return Atom("ord", f"<mtext>{escape(_text(text))}</mtext>")
        if command in known.STYLES:
            letters = [known.styled(command, letter) for letter in text]
            if not letters or not all(letters):
                raise TexError(f"{token} takes letters only")
            return Atom("ord", f"<mi>{''.join(letters)}</mi>")
        if command == "end" or not re.fullmatch("[a-zA-Z]+", text):
            raise TexError(f"{token} ends nothing" if command == "end" else f"{token} is no name")
        return _name(text, "op" if command == "operatorname" else "ord")

    def table(self, name: str) -> Atom:
        """What stands between `begin` and `end`: rows of cells."""
        if name not in _TABLES:
            raise TexError(f"the environment {name} is not known")
        end, row_end = f"\\end{{{name}}}", r"\\"
        aligned = name == "aligned"
        rows: list[list[str]] = [[]]
        mark = ""
        while mark != end:
            # In TeX the second of two aligned cells goes on after the first, with its spaces.
            after = [Atom("ord")] if aligned and len(rows[-1]) % 2 else []
            row = self.row(("&", row_end, end), _DISPLAY if aligned else _TEXT, after)
            rows[-1].append(f"<mtd>{''.join(row)}</mtd>")
            mark = self.take()
            if mark == row_end:
                if self.next() in ("[", "*"):
                    raise TexError(
                        rf"\\{self.next()} is not known; {{}} between the two parts them"
                    )
                rows.append([])
        if len(rows) > 1 and rows[-1] == ["<mtd></mtd>"]:  # what ended the row before it
            del rows[-1]
        lines = "".join(f"<mtr>{''.join(cells)}</mtr>" for cells in rows)
        shown = ' displaystyle="true"' if aligned else ""
        table = f'<mtable class="tex-{name}"{shown}>{lines}</mtable>'
        before, after_it = _TABLES[name]
        markup = _fenced(fence(before, "prefix"), [table], fence(after_it, "postfix"))
        return Atom("inner" if before else "ord", markup)


def _stripped(tex: str) -> str:
    """A formula without the spaces around it; one after a backslash is part of a command."""
    kept = tex.strip()
    return f"{kept} " if re.search(r"(?<!\\)(?:\\\\)*\\$", kept) and kept != tex.lstrip() else kept


def _text(text: str) -> str:
    """The words of a text as they are read, with spaces that stay."""
    wrong = _NOT_IN_TEXT.search(_ESCAPED.sub("", text))
    words = re.sub(r"[\s~]+", "\xa0", _ESCAPED.sub(r"\1", text))
    if wrong or not words or not words.replace("\xa0", "").isprintable():
        raise TexError(f"a text cannot have {wrong[0] if wrong else ascii(text)} in it")
    return words


def _fenced(before: str, row: Sequence[str], after: str) -> str:
    return one([part for part in (before, *row, after) if part])


def _alone(token: str) -> Atom | None:
    """A token that needs nothing after it; None for any other."""
    if re.fullmatch("[a-zA-Z]", token):
        return Atom("ord", f"<mi>{token}</mi>")
    if re.match("[0-9]", token):
        return Atom("ord", f"<mn>{token}</mn>")
    if token in known.SPACES:
        return Atom("space", width=known.SPACES[token])
    if token in known.LETTERS:
        return Atom("ord", f"<mi>{escape(known.LETTERS[token])}</mi>")
    if token in known.UPRIGHT:
        return Atom("ord", f'<mi mathvariant="normal">{known.UPRIGHT[token]}</mi>')
    if token in known.LARGE:
        return Atom("op", sign(known.LARGE[token]), limits=True)
    if token in known.INTEGRALS:
        return Atom("op", sign(known.INTEGRALS[token]))
    if token in known.FUNCTIONS:
        return _name(token[1:], "op")
    if token in known.LIMITS:
        return Atom("op", sign(token[1:], movablelimits="true"), limits=True, name=True)
    for kind, table in known.SIGNS.items():
        if token in table:
            still = {"stretchy": "false"} if table[token] in known.FENCES.values() else {}
            return Atom(kind, sign(table[token], **still))
    return None


def _name(text: str, kind: str) -> Atom:
    """A name in upright letters; a letter alone would lean."""
    upright = ' mathvariant="normal"' if len(text) == 1 else ""
    return Atom(kind, f"<mi{upright}>{text}</mi>", name=True)
