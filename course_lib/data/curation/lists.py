"""Lists of words and of hosts, refused where an entry could never be found on a page."""

import functools
import re
from collections.abc import Callable, Collection

from course_lib.checks import check_text
from course_lib.data.curation.page import Page

_HOST = re.compile(r"[^\s/@*.,:]+(\.[^\s/@*.,:]+)*|[0-9a-f:]*:[0-9a-f:.]*")


def word_set(words: Collection[str], name: str = "words") -> frozenset[str]:
    """Make a set of words, each as ``Page.lower_words`` would have it.

    Args:
        words: Single words in lower case.
        name: How messages call them.

    Returns:
        The words.

    Raises:
        TypeError: If they are no collection of texts: a text would count as its letters.
        ValueError: If one could never be found: it holds a blank, a capital, or a mark at an end.
    """
    wanted = "single words in lower case, without marks at their ends"
    return _checked(words, name, wanted, _is_word)


def host_set(hosts: Collection[str], name: str = "hosts") -> frozenset[str]:
    """Make a set of host names, each as it stands in an address.

    Args:
        hosts: Names such as ``badsite.example``, in lower case.
        name: How messages call them.

    Returns:
        The names.

    Raises:
        TypeError: If they are no collection of texts: one name would count as all its parts.
        ValueError: If one is no name of a host, and so would block nothing.
    """
    return _checked(hosts, name, "host names in lower case, such as badsite.example", _is_host)


def part_set(parts: Collection[str], name: str = "words") -> frozenset[str]:
    """Make a set of what is looked for inside of addresses.

    Args:
        parts: Texts in lower case.
        name: How messages call them.

    Returns:
        The texts.

    Raises:
        TypeError: If they are no collection of texts.
        ValueError: If one is empty or has a capital.
    """
    return _checked(parts, name, "texts in lower case", _is_part)


def _is_word(word: str) -> bool:
    return Page(word).lower_words == [word]


def _is_part(part: str) -> bool:
    return part != "" and part == part.lower()


def _is_host(host: str) -> bool:
    return host == host.lower() and _HOST.fullmatch(host) is not None


def _checked(
    words: Collection[str], name: str, wanted: str, holds: Callable[[str], bool]
) -> frozenset[str]:
    if isinstance(words, str | bytes) or not isinstance(words, Collection):
        shown = f"{words!r:.60}" if isinstance(words, str | bytes) else type(words).__name__
        raise TypeError(f"{name} must be a list or set of {wanted}, got {shown}")
    if not isinstance(words, frozenset) and not all(isinstance(one, str) for one in words):
        for place, word in enumerate(words):
            check_text(**{f"{name}[{place}]": word})
    return _every_one(frozenset(words), name, wanted, holds)


@functools.lru_cache(maxsize=4)  # a filter comes with the same list for each of a million pages
def _every_one(
    words: frozenset[str], name: str, wanted: str, holds: Callable[[str], bool]
) -> frozenset[str]:
    for word in words:
        check_text(**{f"a member of {name}": word})
        if not holds(word):
            raise ValueError(f"{name} must be {wanted}, got {word!r:.60}")
    return words
