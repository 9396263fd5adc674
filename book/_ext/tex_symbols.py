"""What the commands of TeX stand for: a character, and the kind that decides the space around it.

`tex` reads formulas with these tables; `book._tools.fonts` cuts the typeface of formulas to them. A
command that is in none is an error there, so a new one is one word here.
"""

from __future__ import annotations

import string


def _pairs(listed: str) -> dict[str, str]:
    """Token to character; a token of letters is a command."""
    words = listed.split()
    pairs = zip(words[::2], words[1::2], strict=True)
    return {f"\\{token}" if token.isalpha() else token: char for token, char in pairs}


LETTERS = _pairs(
    "alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ iota ι kappa κ "
    "lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω "
    "infty ∞ partial ∂ ell ℓ hbar ℏ forall ∀ exists ∃ emptyset ∅ top ⊤ bot ⊥ "
    r"dots … ldots … cdots ⋯ vdots ⋮ ddots ⋱ \% % \# # \$ $ \& & \_ _ . . ! ! ? ?"
)
UPRIGHT = _pairs("Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ Psi Ψ Omega Ω nabla ∇")
# Signs by kind. Bars and strokes open and close nothing by themselves.
SIGNS = {
    "ord": _pairs(r"| | \| ‖ vert | Vert ‖ / /"),
    "bin": _pairs(
        "cdot ⋅ times × div ÷ pm ± mp ∓ circ ∘ ast ∗ star ⋆ odot ⊙ otimes ⊗ oplus ⊕ cup ∪ cap ∩ "
        "setminus ∖ wedge ∧ vee ∨ + + - − * ∗"
    ),
    "rel": _pairs(
        "in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ ll ≪ gg ≫ "
        "approx ≈ sim ∼ simeq ≃ equiv ≡ propto ∝ mid ∣ parallel ∥ to → rightarrow → leftarrow ← "
        "gets ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ iff ⇔ implies ⇒ "
        "mapsto ↦ = = : : > > < <"
    ),
    "open": _pairs(r"( ( [ [ \{ { lbrace { langle ⟨ lfloor ⌊ lceil ⌈ lvert | lVert ‖"),
    "close": _pairs(r") ) ] ] \} } rbrace } rangle ⟩ rfloor ⌋ rceil ⌉ rvert | rVert ‖"),
    "punct": _pairs(", , ; ;"),
}
LARGE = _pairs("sum ∑ prod ∏ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂")
INTEGRALS = _pairs("int ∫")  # with their limits at their side
FUNCTIONS = {rf"\{name}" for name in "sin cos tan tanh exp log ln arg dim deg ker".split()}
LIMITS = {rf"\{name}" for name in "max min sup inf lim argmax argmin det Pr".split()}
ACCENTS = _pairs("hat ˆ bar ¯ tilde ˜ vec → dot ˙ ddot ¨ check ˇ")
WIDE = _pairs("overline ‾")
# In eighteenths of an em.
SPACES = {r"\!": -3, r"\,": 3, r"\:": 4, r"\>": 4, r"\;": 5, r"\ ": 6, "~": 6}
SPACES |= {r"\quad": 18, r"\qquad": 36}
FENCES = {**SIGNS["open"], **SIGNS["close"], **SIGNS["ord"], ".": ""}

# Where the letters of a style begin in Unicode; the last two have capitals only, as in TeX.
STYLES = {
    "mathbf": ((string.ascii_uppercase, 0x1D400), (string.ascii_lowercase, 0x1D41A)),
    "mathbb": ((string.ascii_uppercase, 0x1D538),),
    "mathcal": ((string.ascii_uppercase, 0x1D49C),),
}
_ELSEWHERE = {
    "mathbb": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
    "mathcal": dict(zip("BEFHILMR", "ℬℰℱℋℐℒℳℛ", strict=True)),
}


def styled(style: str, letter: str) -> str:
    """A letter as a style of `STYLES` writes it; "" where it has none."""
    if letter in _ELSEWHERE.get(style, {}):
        return _ELSEWHERE[style][letter]
    for letters, start in STYLES[style]:
        if letter in letters:
            return chr(start + letters.index(letter))
    return ""


def characters() -> set[str]:
    """Every character that a formula can be made of, in all its styles."""
    plain = string.ascii_letters + string.digits
    tables = (LETTERS, UPRIGHT, *SIGNS.values(), LARGE, INTEGRALS, ACCENTS, WIDE)
    found = {char for table in tables for char in table.values()}
    found |= set(plain) | set("√′'-\u2061\u00a0 ")
    found |= {styled(style, letter) for style in STYLES for letter in plain} - {""}
    # A variable leans: Latin letters, whose h is Planck's, and the small Greek ones with their
    # other forms; the browser asks for these, never for the upright small ones.
    found |= {chr(0x1D434 + place) for place in range(52) if place != 33} | {"ℎ"}
    leaning = {chr(0x1D6FC + place) for place in range(32)}
    return {char for char in found if not "α" <= char <= "ω"} | leaning
