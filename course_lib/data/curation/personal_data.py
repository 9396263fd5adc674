"""Personal data in a text: found by pattern, and replaced by what it is."""

import ipaddress
import re
from dataclasses import dataclass

from course_lib.checks import check_text

_PATTERNS = {
    "EMAIL": re.compile(r"(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@(?:[\w-]+\.)+[A-Za-z]{2,24}(?![\w-])"),
    "IP": re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)"),
    "CARD": re.compile(r"(?<![\d-])(?:\d{4}[ -]){3}\d{1,7}(?![\d-])|(?<![\d-])\d{13,19}(?![\d-])"),
    "SSN": re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])"),
    "PHONE": re.compile(
        # Groups of digits with blanks alone are as often a quantity: 12 500 000.
        r"(?<![\w+.-])\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}(?![\w-])"
        r"|(?<![\w+.-])(?:\(\d{2,5}\)[ .-]?\d{3,4}|\d{3}[.-]\d{3})[ .-]\d{3,4}(?![\w-])"
    ),
}


@dataclass(frozen=True)
class Found:
    """A piece of personal data: what it is, and where it stands (characters, end excluded)."""

    kind: str
    start: int
    end: int


def _is_card(number: str) -> bool:
    """Luhn's check: every second digit doubled, the digits' sum a multiple of ten."""
    digits = [int(c) for c in number if c.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [sum(divmod(2 * d, 10)) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_public_address(text: str) -> bool:
    """Whether four numbers are an address of the public internet: 10.0.0.1 names nobody."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def find_personal_data(text: str) -> list[Found]:
    """Find e-mail addresses, public IP addresses, telephone, social security and card numbers.

    Patterns find what has a form. A name, a street, a story that only one person can have lived:
    none of these has one, and none is found.

    Args:
        text: Any text.

    Returns:
        What was found, in order, without overlaps.

    Source: The kinds are those that Dolma and FineWeb replace (Soldaini et al. 2024, section 5.3;
    Penedo et al. 2024, section 3.6), with card numbers added; the patterns are our own.
    """
    check_text(text=text)
    found: list[Found] = []
    taken = bytearray(len(text))
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            if any(taken[match.start() : match.end()]):
                continue
            if kind == "IP" and not _is_public_address(match.group()):
                continue
            if kind == "CARD" and not _is_card(match.group()):
                continue
            found.append(Found(kind, match.start(), match.end()))
            taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    return sorted(found, key=lambda one: one.start)


def mask_personal_data(text: str) -> str:
    """Put ``<EMAIL>``, ``<PHONE>``, ... where personal data stood.

    Twice is the same as once, but where two pieces touch: what follows the other without a border
    has no form of its own until that one is replaced.

    Args:
        text: Any text.

    Returns:
        The text with every find replaced.
    """
    pieces, last = [], 0
    for one in find_personal_data(text):
        pieces += [text[last : one.start], f"<{one.kind}>"]
        last = one.end
    return "".join([*pieces, text[last:]])
