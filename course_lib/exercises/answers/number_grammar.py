"""Read a number that a person typed: one grammar for the kernel and for the static page.

The grammar, in order of application:

1. Superscripts become `^digits`; every kind of minus becomes `-`; every kind of space becomes one
   space; `½` becomes `1/2`; signs without width are dropped; the ends are stripped. More than 80
   characters is no number.
2. A leading `=`, `~`, `≈`, `about`, `approximately`, `around`, `roughly` or `ca.` is ignored, and
   so is a name before `=` or `:`. `minus` and `negative` are signs.
3. One number, or arithmetic with numbers: `+ - * /`, also `x × · ÷`, powers with `^` or `**`, and
   parentheses. `+` and `-` between numbers stand between spaces, or `-` between a larger and a
   smaller number: `1-0.25` is arithmetic and `10-20` a range, which is no number.
   A decimal may have an exponent (`1e9`), and may group thousands by comma, space, `_` or `'`, or
   by dots. A fraction behind a whole number is added to it: `2½`, `2 1/2`. A comma is a decimal
   sign too, so `1,152` has two readings, 1152 and 1.152, and so has `1.152`; an answer counts when
   either is right. Small numbers may be words: `twelve`, `twenty one`, `two thirds`, `half`.
   `dozen` and `hundred` behind a number multiply it: `two dozen`, `3 hundred`, `half a dozen`; `a`
   before a scale is one, and nothing after a fraction: `a million`, `half a million`.
4. The rest is the unit: spaces trimmed, one full stop at its end dropped. `31 %` is
   31 with unit `%`. A rest that begins with an operator is no unit, and the text no number.

Nothing is ever evaluated as code. The cases of `tests/exercises/answers/number_cases.json` hold
this module and the page's JavaScript to the same answers.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

MAX_LENGTH = 80

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_MINUS = re.compile("[\u2010-\u2015\u2212]")
_SPACES = re.compile("[ \t\r\n\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_FRACTION_SIGN = re.compile("[¼-¾⅐-⅞]")
_PREFIX = re.compile(
    r"(?:[a-z]{1,12} ?[=:] ?)?"
    r"(?:(?:[=~≈]+|(?:about|approximately|approx\.?|around|roughly|circa|ca\.?) ) *)?",
    re.IGNORECASE,
)
_SIGN_WORD = re.compile("(?:minus|negative) ", re.IGNORECASE)
_MIXED = re.compile(r"([0-9]{1,15}) ([0-9]{1,2}) ?/ ?([0-9]{1,2})(?![0-9/^*]|[.,][0-9])")
_DECIMAL = re.compile(
    r"(?:"
    r"[0-9]{1,3}(?:[ _'’][0-9]{3})+(?:[.,][0-9]+)?"  # 38 597 376 and 38 597 376,5
    r"|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?"  # 38,597,376 and 1,234.5
    r"|[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,[0-9]+)?"  # 38.597.376
    r"|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+"  # 1.234,5
    r"|[0-9]+(?:[.,][0-9]*)?"  # 1152, 3.5, 3,5
    r"|[.,][0-9]+"  # .5
    r")(?:[eE][+-]?[0-9]+)?(?![0-9]|[.,][0-9])"
)
_TIMES = re.compile(r" ?(?:(\*)(?!\*)|([×·])|([/÷])|(x)(?= ?[0-9(])) ?")
_POWER = re.compile(
    r" ?(?:\^|\*\*) ?"
    r"(?:\(([+-]?[0-9]{1,4})\)|\{([+-]?[0-9]{1,4})\}|([+-]?[0-9]{1,4})(?![0-9]|[.,][0-9]))"
)
_PLUS = re.compile(r" ([+-]) ")
_PLUS_INSIDE = re.compile(r" ?([+-]) ?")
_MINUS_TIGHT = re.compile(r"-(?=[0-9.,])")
_NO_UNIT = re.compile(r"[-+*/^×·÷()=0-9]")

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_BELOW_100 = {
    **{word: float(value) for value, word in enumerate(_ONES)},
    **{word: 10.0 * value for value, word in enumerate(_TENS, start=2)},
    **{
        f"{tens}{between}{one}": 10.0 * value + number
        for between in "- "
        for value, tens in enumerate(_TENS, start=2)
        for number, one in enumerate(_ONES[1:10], start=1)
    },
}
_WORDS = {
    **_BELOW_100,
    **{phrase: 1 / 2 for phrase in ("half", "a half", "one half")},
    **{phrase: 1 / 3 for phrase in ("a third", "one third")},
    **{phrase: 1 / 4 for phrase in ("a quarter", "one quarter", "a fourth", "one fourth")},
    **{phrase: 2 / 3 for phrase in ("two thirds", "two-thirds")},
    **{phrase: 3 / 4 for phrase in ("three quarters", "three-quarters")},
}


def _one_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_WORD = re.compile(f"(?:{_one_of(_WORDS)})(?![a-z-])", re.IGNORECASE)
_HUNDREDS = re.compile(
    f"(a|{_one_of(_ONES[1:10])}) hundred(?:(?: and)? ({_one_of(_BELOW_100)}))?(?![a-z-])",
    re.IGNORECASE,
)


_ONE_OF_A_SCALE = re.compile(
    "an? (?=(?:dozen|thousand|million|billion|trillion)(?![a-z-]))", re.IGNORECASE
)
_OF_A = re.compile(
    " (?:of )?an? (?=(?:dozen|hundred|thousand|million|billion|trillion)(?![a-z-]))", re.IGNORECASE
)
_MANY = re.compile(" ?(dozens?|hundreds?)(?![a-z-])", re.IGNORECASE)
# A scale behind a sum would count for its last term alone: it is left to be an unknown unit.
_SUM = re.compile("[0-9)] ?[-+*x^] ?[0-9(]|[0-9]{3} ?/")


class _NoNumber(Exception):
    """The text does not go on as the grammar says."""


@dataclass(frozen=True)
class Parsed:
    """A typed number: every value it may stand for, the likeliest first, and its unit text."""

    readings: tuple[float, ...]
    unit: str


def normalise(text: str) -> str:
    """Bring every kind of space, minus, fraction and superscript to one plain form."""
    text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    text = _FRACTION_SIGN.sub(r" \g<0>", text)
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: "^" + m.group().translate(_SUPERSCRIPTS), text)
    text = unicodedata.normalize("NFKC", text).replace("\u2044", "/").replace("\u2215", "/")
    return _SPACES.sub(" ", _MINUS.sub("-", text)).strip(" ")


def _readings(decimal: str) -> list[float]:
    """Give every value of one decimal, the likelier first."""
    plain = re.sub("[ _'’]", "", decimal)
    if re.fullmatch(r"[1-9][0-9]{0,2},[0-9]{3}", plain):
        return [float(plain.replace(",", "")), float(plain.replace(",", "."))]
    if re.fullmatch(r"[1-9][0-9]{0,2}\.[0-9]{3}", plain):
        return [float(plain), float(plain.replace(".", ""))]
    comma_first = "," in plain and plain.find(",") < plain.find(".")
    if plain.count(",") > 1 or comma_first:
        return [float(plain.replace(",", ""))]
    if plain.count(".") > 1 or ("," in plain and "." in plain):
        return [float(plain.replace(".", "").replace(",", "."))]
    return [float(plain.replace(",", "."))]


class _Reader:
    """Reads one expression from the left; of a decimal with two readings, the one asked for."""

    def __init__(self, text: str, second: bool) -> None:
        self.text, self.second = text, second
        self.place = self.depth = 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.place)
        if match:
            self.place = match.end()
        return match

    def sum(self) -> float:
        value = self.product()
        while True:
            before = self.place
            sign = (
                self.take(_PLUS_INSIDE)
                if self.depth
                else self.take(_PLUS) or self.take(_MINUS_TIGHT)
            )
            if not sign:
                return value
            other = self.product()
            if not self.depth and "-" in sign[0] and other >= value:
                self.place = before  # a range
                return value
            value = value + other if "+" in sign[0] else value - other

    def product(self) -> float:
        value = self.power()
        while sign := self.take(_TIMES):
            other = self.power()
            if sign[3] and other == 0:
                raise _NoNumber
            value = value / other if sign[3] else value * other
        return value

    def power(self) -> float:
        sign = self.take(re.compile(r"([+-]) ?"))
        value = self.atom()
        if exponent := self.take(_POWER):
            try:
                value = value ** int(exponent[1] or exponent[2] or exponent[3])
            except (OverflowError, ZeroDivisionError):
                raise _NoNumber from None
        return -value if sign and sign[1] == "-" else value

    def atom(self) -> float:
        if self.take(re.compile(r"\( ?")):
            self.depth += 1
            value = self.sum()
            self.depth -= 1
            if not self.take(re.compile(r" ?\)")):
                raise _NoNumber
            return value
        if match := self.take(_MIXED):
            whole, above, below = (int(one) for one in match.groups())
            if not 0 < above < below:
                raise _NoNumber
            return whole + above / below
        if match := self.take(_DECIMAL):
            return _readings(match[0])[-1 if self.second else 0]
        raise _NoNumber


def _read(text: str, second: bool) -> tuple[float, int]:
    """Read one value from the beginning of a text: it and where it ends."""
    if text[:2].lower() == "0x":
        raise _NoNumber  # a number of base sixteen
    if match := _HUNDREDS.match(text):
        hundreds, rest = (match[group] and match[group].lower() for group in (1, 2))
        return 100 * _BELOW_100.get(hundreds, 1.0) + _BELOW_100.get(rest, 0.0), match.end()
    if match := _WORD.match(text):
        value, end = _WORDS[match[0].lower()], match.end()
    elif match := _ONE_OF_A_SCALE.match(text):
        value, end = 1.0, match.end()
    else:
        reader = _Reader(text, second)
        value, end = reader.sum(), reader.place
    if _SUM.search(text[:end]):
        return value, end
    if 0 < value < 1 and (match := _OF_A.match(text, end)):
        end = match.end()
    if match := _MANY.match(text, end):
        return value * (12 if match[1].lower().startswith("dozen") else 100), match.end()
    return value, end


def parse_number(text: str) -> Parsed | None:
    """Read a typed number and its unit, or return None where there is no finite number.

    `1,152` has two readings because half of the world writes it for one and a bit.

    Args:
        text: What the learner typed.

    Returns:
        The readings and the unit text ("" where there is none), or None.
    """
    if len(text) > MAX_LENGTH:
        return None
    text = normalise(text)
    if prefix := _PREFIX.match(text):
        text = text[prefix.end() :]
    sign = _SIGN_WORD.match(text)
    text = text[sign.end() :] if sign else text
    try:
        values, end = [], 0
        for second in (False, True):
            value, end = _read(text, second)
            value = -value if sign else value
            values += [value] if value not in values else []
    except (_NoNumber, RecursionError):
        return None
    if sign and any(value > 0 for value in values):
        return None  # a sign by word and one by sign
    if not all(math.isfinite(value) for value in values):
        return None
    unit = text[end:].strip(" ")
    if _NO_UNIT.match(unit):
        return None
    return Parsed(tuple(values), unit.removesuffix(".").rstrip(" "))
