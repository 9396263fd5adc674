"""The units that a typed number may have, in every spelling that people use.

Each function gives a table from unit text to its factor into the unit of the key. The names that
stand first are the ones a message lists. What is not found as it stands is looked up without
regard to capitals, and the first that fits counts: `gb` is gigabytes, `Gb` gigabits.
"""

from __future__ import annotations

from dataclasses import dataclass

_POWERS = {"k": (1, "kilo", "kibi"), "M": (2, "mega", "mebi"), "G": (3, "giga", "gibi")}
_POWERS |= {"T": (4, "tera", "tebi"), "P": (5, "peta", "pebi")}
_SCALES = {
    1e3: ("k", "thousand"),
    1e6: ("million", "M", "mio", "millions"),
    1e9: ("billion", "B", "bn", "G", "billions"),
    1e12: ("trillion", "T"),
}


def byte_units(unit: str = "bytes") -> dict[str, float]:
    """List sizes in memory: bytes and bits, decimal and binary prefixes, short and in words.

    Args:
        unit: The unit of the key, such as "GB".
    """
    found = {"GB": 1e9, "GiB": 2.0**30, "MB": 1e6, "MiB": 2.0**20, "kB": 1e3, "KiB": 2.0**10}
    found |= {"bytes": 1.0, "TB": 1e12, "byte": 1.0, "B": 1.0, "KB": 1e3}
    for sign, (power, decimal, binary) in _POWERS.items():
        for factor, prefix, word in (
            (1000.0**power, sign, decimal),
            (1024.0**power, f"{sign.upper()}i", binary),
        ):
            names = [f"{prefix}B", f"{prefix}byte", f"{prefix}bytes", f"{word}byte", f"{word}bytes"]
            found |= dict.fromkeys(names, factor)
            names = [f"{prefix}b", f"{prefix}bit", f"{prefix}bits", f"{word}bit", f"{word}bits"]
            found |= dict.fromkeys(names, factor / 8)
    found |= {"bit": 1 / 8, "bits": 1 / 8, "b": 1 / 8}
    base = found[unit]
    return {name: factor / base for name, factor in found.items()}


def counts(*nouns: str, noun_needed: bool = False) -> dict[str, float]:
    """List counts of something: alone, with its name, with thousand, million and billion.

    Args:
        nouns: What is counted, as one may call it.
        noun_needed: Whether a bare number is not enough.
    """
    found = {} if noun_needed else {"": 1.0}
    found |= dict.fromkeys(nouns, 1.0)
    for factor, scales in _SCALES.items():
        for scale in scales:
            found |= {scale: factor} if not noun_needed else {}
            found |= {f"{scale} {noun}": factor for noun in nouns}
    return found


def nats() -> dict[str, float]:
    """List measures of information: nats, and bits turned into them."""
    return {"": 1.0, "nats": 1.0, "nat": 1.0, "bits": 0.6931471805599453, "bit": 0.6931471805599453}


def factors() -> dict[str, float]:
    """List what may follow a factor."""
    return dict.fromkeys(["", "times", "x", "×", "fold", "-fold", "times as much"], 1.0)


@dataclass(frozen=True)
class Bare:
    """How else a bare number may be meant, when it lies above `low` and not above `high`."""

    factor: float
    low: float
    high: float


@dataclass(frozen=True)
class Form:
    """A kind of number that has spellings and bounds of its own."""

    units: dict[str, float]
    low: float
    high: float
    bare: Bare
    outside: str


_PERCENT = ("%", "percent", "per cent", "pct", "percents", "percentage points")
# A share may be typed as 0.31, 31 % or 31; a percentage as 31, 31 % or 0.31.
FORMS = {
    "share": Form(
        {"": 1.0, **dict.fromkeys(_PERCENT, 0.01), "‰": 0.001},
        0.0,
        1.0,
        Bare(0.01, 1.0, 100.0),
        "A share lies between 0 and 1, that is between 0 % and 100 %.",
    ),
    "percent": Form(
        {"": 1.0, **dict.fromkeys(_PERCENT, 1.0), "‰": 0.1},
        0.0,
        100.0,
        Bare(100.0, 0.0, 0.9999),
        "A percentage lies between 0 % and 100 %.",
    ),
}
