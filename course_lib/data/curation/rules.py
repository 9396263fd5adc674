"""The published rules: a page's length, words, lines and marks, held against fixed limits."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from course_lib.checks import check_flags, check_numbers
from course_lib.data.curation.lists import host_set, part_set
from course_lib.data.curation.page import Page, Reason, check_page

STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
_BULLETS = ("•", "-", "*", "‣", "▪", "·")
_ELLIPSES = ("...", "…")
_SENTENCE_MARKS = (".", "?", "!", '"', ".”", "!”", "?”")
_POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)


@dataclass(frozen=True, kw_only=True)
class _Limits:
    """Limits that a page can be held against: none passes NaN, and a text compares with none.

    Raises:
        TypeError: If a limit is no number.
        ValueError: If one is negative or NaN, or the least is above the most.
    """

    def __post_init__(self) -> None:
        given = vars(self)
        plain = dict(zip(given, check_numbers(**given), strict=True))
        for name, value in plain.items():
            if not value >= 0:
                raise ValueError(f"{name} must be 0 or more, got {value}")
        for name, value in plain.items():
            most = "max" + name.removeprefix("min")
            if name.startswith("min") and plain.get(most, value) < value:
                raise ValueError(f"{name} must be at most {most} {plain[most]}, got {value}")
        given.update(plain)


def _check(page: Page, limits: Any, kind: type[_Limits]) -> None:
    check_page(page)
    if not isinstance(limits, kind):
        raise TypeError(f"limits must be {kind.__name__}, got {type(limits).__name__}")


@dataclass(frozen=True, kw_only=True)
class QualityLimits(_Limits):
    """The limits of ``gopher_quality``, as MassiveText sets them."""

    min_words: int = 50
    max_words: int = 100_000
    min_mean_word_length: float = 3.0
    max_mean_word_length: float = 10.0
    max_symbols_per_word: float = 0.1
    max_bullet_lines: float = 0.9
    max_ellipsis_lines: float = 0.3
    min_words_with_letter: float = 0.8
    min_stop_words: int = 2


GOPHER = QualityLimits()


def gopher_quality(page: Page, limits: QualityLimits = GOPHER) -> list[Reason]:
    """Ask whether a page looks like prose: enough words, of usual length, few symbols.

    The rule on stop words is what removes a dialect that spells its small words in another way,
    and the rule on bullets what removes a recipe: chapter 13 measures both.

    Args:
        page: The page.
        limits: The limits; the published ones by default.

    Returns:
        The rules it breaks; none means keep.

    Source: Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training
    Gopher", appendix A.1. Words are those of ``Page``; the paper does not say how it cuts them.
    """
    _check(page, limits, QualityLimits)
    words, lines, reasons = page.words, page.lines, []
    n_words = len(words)

    def hold(rule: str, value: float, low: float | None, high: float | None) -> None:
        if low is not None and value < low:
            reasons.append(Reason(f"gopher: {rule}", value, f"at least {low:g}"))
        elif high is not None and value > high:
            reasons.append(Reason(f"gopher: {rule}", value, f"at most {high:g}"))

    hold("words", float(n_words), float(limits.min_words), float(limits.max_words))
    if not n_words:
        return reasons
    mean_length = sum(map(len, words)) / n_words
    hold("mean word length", mean_length, limits.min_mean_word_length, limits.max_mean_word_length)
    text = page.text
    hashes = text.count("#") / n_words
    ellipses = (text.count("...") + text.count("…")) / n_words
    hold("hash marks per word", hashes, None, limits.max_symbols_per_word)
    hold("ellipses per word", ellipses, None, limits.max_symbols_per_word)
    bullets = sum(line.startswith(_BULLETS) for line in lines) / len(lines)
    trailing = sum(line.endswith(_ELLIPSES) for line in lines) / len(lines)
    hold("lines with a bullet", bullets, None, limits.max_bullet_lines)
    hold("lines ending in an ellipsis", trailing, None, limits.max_ellipsis_lines)
    lettered = sum(any(map(str.isalpha, word)) for word in words) / n_words
    hold("words with a letter", lettered, limits.min_words_with_letter, None)
    found = len(STOP_WORDS.intersection(page.lower_words))
    hold("different stop words", float(found), float(limits.min_stop_words), None)
    return reasons


@dataclass(frozen=True, kw_only=True)
class C4Limits(_Limits):
    """The limits of C4's code; the numbers in circulation are often swapped (3 and 5)."""

    min_words_per_line: int = 5
    min_sentences: int = 3
    max_word_length: int = 1000


C4 = C4Limits()


def c4_page(page: Page, limits: C4Limits = C4) -> list[Reason]:
    """Ask for C4's page rules: no placeholder text, no curly bracket, a few sentences.

    A curly bracket drops the whole page: that keeps out scripts, and every tutorial that shows one
    line of code.

    Args:
        page: The page.
        limits: The limits; those of the released code by default.

    Returns:
        The rules it breaks; none means keep.

    Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified
    Text-to-Text Transformer", section 2.2, and the released code: 5 words a line, 3 sentences.
    Widely copied code has 3 and 5.
    """
    _check(page, limits, C4Limits)
    reasons = []
    if "lorem ipsum" in page.text.lower():
        reasons.append(Reason("c4: placeholder text", "lorem ipsum", "none"))
    if "{" in page.text:
        reasons.append(Reason("c4: curly brackets", page.text.count("{"), "at most 0"))
    if page.n_sentences < limits.min_sentences:
        reasons.append(
            Reason("c4: sentences", page.n_sentences, f"at least {limits.min_sentences}")
        )
    longest = max(map(len, page.tokens), default=0)
    if longest > limits.max_word_length:
        reasons.append(Reason("c4: longest word", longest, f"at most {limits.max_word_length}"))
    return reasons


def c4_lines(page: Page, limits: C4Limits = C4, *, end_mark: bool = True) -> Page:
    """Take out the lines that C4 takes out, and give back the page without them.

    With ``end_mark`` a line must end like a sentence. FineWeb leaves that rule out: it costs about
    30 % of the tokens. It is also the rule that deletes a poem.

    Args:
        page: The page.
        limits: The limits of C4.
        end_mark: Whether a line must end in a full stop, question mark, exclamation mark or quote.

    Returns:
        A page of the lines that stay.

    Source: As ``c4_page``.
    """
    _check(page, limits, C4Limits)
    [end_mark] = check_flags(end_mark=end_mark)
    kept = []
    for line in page.text.splitlines():
        bare, low = line.strip(), line.lower()
        if not bare:
            kept.append("")  # the border between two paragraphs
            continue
        if end_mark and (not bare.endswith(_SENTENCE_MARKS) or bare.endswith(_ELLIPSES)):
            continue
        if len(bare.split()) < limits.min_words_per_line:
            continue
        if "javascript" in low or any(phrase in low for phrase in _POLICY):
            continue
        kept.append(line)
    return Page("\n".join(kept).strip(), page.url, page.about)


@dataclass(frozen=True, kw_only=True)
class FineWebLimits(_Limits):
    """FineWeb's own rules. Paper and code differ tenfold on duplicate characters: 0.1 and 0.01."""

    min_lines_with_end_mark: float = 0.12
    max_short_lines: float = 0.67
    short_line_characters: int = 30
    max_characters_in_duplicate_lines: float = 0.1


FINEWEB = FineWebLimits()


def fineweb(page: Page, limits: FineWebLimits = FINEWEB) -> list[Reason]:
    """Ask for the three rules that FineWeb added, each found by training small models.

    Args:
        page: The page.
        limits: The limits; those of the paper's text by default.

    Returns:
        The rules it breaks; none means keep.

    Source: Penedo et al. 2024, "The FineWeb Datasets", section 3.4. A share of exactly 0.12 is
    dropped there; here too.
    """
    _check(page, limits, FineWebLimits)
    lines = page.lines
    if not lines:
        return [Reason("fineweb: lines", 0, "at least 1")]
    reasons = []
    ended = sum(line.endswith((".", "?", "!", '"', "'", "”")) for line in lines) / len(lines)
    if ended <= limits.min_lines_with_end_mark:
        limit = f"above {limits.min_lines_with_end_mark:g}"
        reasons.append(Reason("fineweb: lines with an end mark", ended, limit))
    short = sum(len(line) <= limits.short_line_characters for line in lines) / len(lines)
    if short > limits.max_short_lines:
        limit = f"at most {limits.max_short_lines:g}"
        reasons.append(Reason("fineweb: short lines", short, limit))
    seen: set[str] = set()
    repeated = 0
    for line in lines:
        repeated += len(line) if line in seen else 0
        seen.add(line)
    share = repeated / sum(map(len, lines))
    if share > limits.max_characters_in_duplicate_lines:
        limit = f"at most {limits.max_characters_in_duplicate_lines:g}"
        reasons.append(Reason("fineweb: characters in duplicate lines", share, limit))
    return reasons


def url_blocked(page: Page, hosts: Collection[str], words: Collection[str] = ()) -> list[Reason]:
    """Drop a page for its address: a host on the list, or a word in its path.

    A host on the list blocks its subdomains too; ``badsite.example`` does not block
    ``notbadsite.example``.

    Args:
        page: The page; one without an address is kept.
        hosts: Host names, lower case.
        words: Words that must not stand in the address, lower case.

    Returns:
        The rule it breaks; none means keep.

    Raises:
        TypeError: If the page is none, or a list is one text.
        ValueError: If a host is no name of one (``*.badsite.example``, an address) or has a
            capital: it would block nothing.
    """
    check_page(page)
    hosts, words = host_set(hosts), part_set(words)
    if not page.url:
        return []
    address = page.url if "//" in page.url else f"//{page.url}"
    try:
        host = (urlsplit(address).hostname or "").lower().rstrip(".")
    except ValueError:
        return [Reason("url: address", page.url[:80], "a valid address")]
    parts = host.split(".")
    for start in range(len(parts)):
        if ".".join(parts[start:]) in hosts:
            return [Reason("url: host", host, "not on the list")]
    low = page.url.lower()
    return [
        Reason("url: word", word, "not in the address") for word in sorted(words) if word in low
    ]
