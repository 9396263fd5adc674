"""Elements of MathML, and TeX's spaces between them.

The spaces are written into the formula, for MathML's own would differ in exponents and around
functions. A name is one word, with the sign for "of" after it, as a screen reader says it.

Source: D. E. Knuth, The TeXbook, 1986, chapter 18 (page 170) and appendix G, for kinds of atoms and
the spaces between them; W3C, MathML Core, 2025, for the elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# Eighteenths of an em between two kinds: a row for the left, a column for the right one. "Bin" next
# to what cannot be added is no longer one, so its stars need no number.
KINDS = ("ord", "op", "bin", "rel", "open", "close", "punct", "inner")
_BETWEEN = {
    "ord": (0, 3, 4, 5, 0, 0, 0, 3),
    "op": (3, 3, 0, 5, 0, 0, 0, 3),
    "bin": (4, 4, 0, 0, 4, 0, 0, 4),
    "rel": (5, 5, 0, 0, 5, 0, 0, 5),
    "open": (0, 0, 0, 0, 0, 0, 0, 0),
    "close": (0, 3, 4, 5, 0, 0, 0, 3),
    "punct": (3, 3, 0, 3, 3, 3, 3, 3),
    "inner": (3, 3, 4, 5, 3, 0, 0, 3),  # no space before a comma, where TeX has 3
}
# The spaces that an exponent keeps: those around functions.
_IN_SCRIPTS = {("ord", "op"), ("op", "ord"), ("op", "op"), ("close", "op"), ("inner", "op")}
_NOTHING_TO_ADD = ("bin", "op", "rel", "open", "punct")
_APPLY = "<mo>&#x2061;</mo>"


@dataclass
class Atom:
    """A piece of a formula.

    Attributes:
        kind: One of `KINDS`, or "space".
        markup: Its element.
        width: Of a space, in eighteenths of an em.
        limits: Whether its scripts stand below and above it, and not at its side.
        name: Whether it is a name, which may be applied to what follows.
    """

    kind: str
    markup: str = ""
    width: int = 0
    limits: bool = False
    name: bool = False


def sign(char: str, **attributes: str) -> str:
    """An operator, a relation or a bracket, without the spaces that MathML would give it."""
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<mo lspace="0" rspace="0"{given}>{escape(char)}</mo>'


def fence(char: str, form: str) -> str:
    """A bracket as high as what stands inside; `form` is "prefix" or "postfix"."""
    return sign(char, fence="true", form=form, stretchy="true") if char else ""


def one(row: Sequence[str]) -> str:
    """A row as one element, where an element wants a number of children."""
    return row[0] if len(row) == 1 else f"<mrow>{''.join(row)}</mrow>"


def spaced(atoms: Sequence[Atom], script: bool) -> list[str]:
    """The elements of a row of atoms, with the spaces that TeX puts between them."""
    kinds = _settled([atom for atom in atoms if atom.kind != "space"])
    out: list[str] = []
    width, left = 0, None
    settled = iter(kinds)
    for atom in atoms:
        if atom.kind == "space":
            width += atom.width
            continue
        kind = next(settled)
        if left is not None:
            bracketed = kind == "open" or atom.markup.startswith("<mrow><mo")
            if left[1] and (bracketed or (left[0] == "op" and kind in ("ord", "op", "inner"))):
                out.append(_APPLY)
            if not script or (left[0], kind) in _IN_SCRIPTS:
                width += _BETWEEN[left[0]][KINDS.index(kind)]
        out += [_space(width), atom.markup]
        width, left = 0, (kind, atom.name)
    return [element for element in (*out, _space(width)) if element]


def _settled(atoms: Sequence[Atom]) -> list[str]:
    """The kind of each atom: a sign such as "-" is "bin" only between what it can join."""
    kinds: list[str] = []
    for place, atom in enumerate(atoms):
        kind = atom.kind
        if kind == "bin" and (not kinds or kinds[-1] in _NOTHING_TO_ADD):
            kind = "ord"
            atom.markup = atom.markup.replace("<mo ", '<mo form="prefix" ', 1)
        after = atoms[place + 1].kind if place + 1 < len(atoms) else "close"
        if kind == "bin" and after in ("rel", "close", "punct"):
            kind = "ord"
        kinds.append(kind)
    return kinds


def _space(width: int) -> str:
    if not width:
        return ""
    em = f"{abs(width) / 18:.3g}em"
    # An element of MathML has no negative width, but it may have a margin.
    return f'<mspace width="{em}"/>' if width > 0 else f'<mspace style="margin-left:-{em}"/>'
