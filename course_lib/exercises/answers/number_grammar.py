"""Read a number that a person typed: one grammar for the kernel and for the static page.

The grammar, in order of application:

1. Superscripts become `^digits`; every kind of minus becomes `-`; every kind of space becomes one
   space; the ends are stripped. More than 80 characters is no number.
2. A leading `=`, `~`, `≈` or `about` is ignored.
3. One number: a power (`10^9`, `2^30`, `2**30`), a mantissa times a power (`1.5 x 10^9`, with `x`,
   `*`, `×` or `·`), a fraction (`3/4`), or a decimal with an optional exponent (`1e9`).
   A decimal may group thousands by comma, space, `_` or `'`, or by dots when there are two dots or
   a comma follows. A comma is a decimal sign too, so `1,152` has two readings, 1152 and 1.152,
   and an answer counts when either is right.
4. The rest is the unit: spaces trimmed, one full stop at its end dropped. `31 %` is
   31 with unit `%`.

Nothing is ever evaluated as code. The cases of `tests/exercises/answers/number_cases.json` hold
this module and the page's JavaScript to the same answers.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MAX_LENGTH = 80

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_MINUS = re.compile("[\u2010-\u2015\u2212]")
_SPACES = re.compile("[ \t\r\n\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_PREFIX = re.compile(r"(?:[=~≈]|about ) *", re.IGNORECASE)

_DECIMAL = (
    r"[+-]? ?(?:"
    r"[0-9]{1,3}(?:[ _'’][0-9]{3})+(?:[.,][0-9]+)?"  # 38 597 376 and 38 597 376,5
    r"|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?"  # 38,597,376 and 1,234.5
    r"|[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,[0-9]+)?"  # 38.597.376
    r"|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+"  # 1.234,5
    r"|[0-9]+(?:[.,][0-9]*)?"  # 1152, 3.5, 3,5
    r"|[.,][0-9]+"  # .5
    r")(?:[eE][+-]?[0-9]+)?(?![0-9]|[.,][0-9])"
)
_POWER = r"([+-]?)(2|10) ?(?:\^|\*\*) ?([+-]?[0-9]{1,4})(?![0-9]|[.,][0-9])"
_NUMBER_POWER = re.compile(_POWER)
_NUMBER_PRODUCT = re.compile(rf"({_DECIMAL}) ?[x*×·] ?{_POWER}")
_NUMBER_FRACTION = re.compile(rf"({_DECIMAL}) ?/ ?({_DECIMAL})")
_NUMBER_DECIMAL = re.compile(_DECIMAL)


@dataclass(frozen=True)
class Parsed:
    """A typed number: every value it may stand for, the likeliest first, and its unit text."""

    readings: tuple[float, ...]
    unit: str


def normalise(text: str) -> str:
    """Bring every kind of space, minus and superscript to one plain form."""
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: "^" + m.group().translate(_SUPERSCRIPTS), text)
    return _SPACES.sub(" ", _MINUS.sub("-", text)).strip(" ")


def _readings(decimal: str) -> list[float]:
    """Give every value of one decimal, the one with grouped thousands before the comma decimal."""
    plain = re.sub("[ _'’]", "", decimal)
    grouped = re.fullmatch(r"([+-]?)([0-9]{1,3}),([0-9]{3})", plain)
    if grouped and not grouped[2].startswith("0"):
        return [float(plain.replace(",", "")), float(plain.replace(",", "."))]
    comma_first = "," in plain and plain.find(",") < plain.find(".")
    if plain.count(",") > 1 or comma_first:
        return [float(plain.replace(",", ""))]
    if plain.count(".") > 1 or ("," in plain and "." in plain):
        return [float(plain.replace(".", "").replace(",", "."))]
    return [float(plain.replace(",", "."))]


def _power(match: re.Match[str], group: int) -> float:
    sign, base, exponent = match[group], match[group + 1], match[group + 2]
    try:
        return (-1.0 if sign == "-" else 1.0) * float(base) ** int(exponent)
    except OverflowError:
        return math.inf


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
    prefix = _PREFIX.match(text)
    if prefix:
        text = text[prefix.end() :]
    if match := _NUMBER_PRODUCT.match(text):
        readings = [value * _power(match, 2) for value in _readings(match[1])]
    elif match := _NUMBER_POWER.match(text):
        readings = [_power(match, 1)]
    elif match := _NUMBER_FRACTION.match(text):
        below = _readings(match[2])[0]
        if below == 0:
            return None
        readings = [_readings(match[1])[0] / below]
    elif match := _NUMBER_DECIMAL.match(text):
        readings = _readings(match[0])
    else:
        return None
    if not all(math.isfinite(value) for value in readings):
        return None
    unit = text[match.end() :].strip(" ")
    return Parsed(tuple(readings), unit.removesuffix(".").rstrip(" "))
