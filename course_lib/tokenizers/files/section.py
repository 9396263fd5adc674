"""Reading one object of a `tokenizer.json` to its last key: nothing in a file is passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_REQUIRED: Any = object()
# A token is found in a list by its id, so one absurd id would fill the memory. The largest
# published vocabularies have about a million entries.
ID_LIMIT = 2**24


class Unsupported(ValueError):
    """A file that is built as it should be says something that this reader does not do."""


class Section:
    """An object of a file; every key of it must be read, or `done` refuses the file.

    Args:
        content: the object.
        where: the file and the keys that lead to it, for messages.

    Raises:
        ValueError: `content` is no object.
    """

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, Mapping):
            raise ValueError(f"{where}: expected an object, got {content!r:.60}")
        self.content: Mapping[str, Any] = content
        self.where = where
        self._read: set[str] = set()

    def get(self, key: str, default: Any = _REQUIRED) -> Any:
        """The value of a key, or the default where it is absent or null.

        Raises:
            ValueError: it is absent and there is no default.
        """
        self._read.add(key)
        value = self.content.get(key)
        if value is None and default is _REQUIRED:
            raise ValueError(f"{self.where}: {key} is missing")
        return default if value is None else value

    def _of(self, kinds: type | tuple[type, ...], key: str, default: Any, wanted: str) -> Any:
        value = self.get(key, default)
        fits = isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool))
        if value is not default and not fits:
            raise ValueError(f"{self.where}: {key}={value!r:.60}: expected {wanted}")
        return value

    def text(self, key: str, default: Any = _REQUIRED) -> Any:
        """A string."""
        value = self._of(str, key, default, "a string")
        if isinstance(value, str):
            check_unicode(value, f"{self.where}: {key}")
        return value

    def flag(self, key: str, default: bool = _REQUIRED) -> bool:
        """True or false."""
        return bool(self._of(bool, key, default, "true or false"))

    def number(self, key: str, default: Any = _REQUIRED, *, least: int = 0) -> Any:
        """A whole number from `least` to 2^24."""
        value = self._of(int, key, default, "a whole number")
        if value is not default and not least <= value < ID_LIMIT:
            raise ValueError(
                f"{self.where}: {key}={value!r:.60}: expected from {least} to {ID_LIMIT:,}"
            )
        return value

    def array(self, key: str, default: Any = _REQUIRED) -> Any:
        """A list."""
        return self._of(list, key, default, "a list")

    def texts(self, key: str) -> list[str]:
        """A list of strings."""
        values = self.array(key)
        for value in values:
            if not isinstance(value, str):
                raise ValueError(f"{self.where}: {key} holds {value!r:.60}: expected strings")
        return values

    def numbers(self, key: str) -> list[int]:
        """A list of ids."""
        values = self.array(key)
        for value in values:
            if type(value) is not int or not 0 <= value < ID_LIMIT:
                raise ValueError(f"{self.where}: {key} holds {value!r:.60}: expected ids")
        return values

    def named_id(self, key: str) -> tuple[str, int]:
        """A token as a pair of its spelling and its id."""
        value = self.array(key)
        if len(value) != 2 or not isinstance(value[0], str) or type(value[1]) is not int:
            raise ValueError(f"{self.where}: {key}={value!r:.60}: expected a token and its id")
        return value[0], value[1]

    def inside(self, key: str) -> Section:
        """The object that is the value of a key."""
        return Section(self.get(key), f"{self.where}: {key}")

    def maybe_inside(self, key: str) -> Section | None:
        """The same, or None where it is absent or null."""
        return None if self.get(key, None) is None else self.inside(key)

    def sections(self, key: str) -> list[Section]:
        """The objects of a list."""
        return [
            Section(value, f"{self.where}: {key}[{n}]") for n, value in enumerate(self.array(key))
        ]

    def sections_by_name(self) -> Iterator[tuple[str, Section]]:
        """All values of this object, each an object of its own."""
        for key in self.content:
            yield key, self.inside(key)

    def must_be(self, key: str, *wanted: Any) -> Any:
        """Refuse any other value of a key; an absent one counts as None.

        Raises:
            Unsupported: another value.
        """
        value = self.get(key, None)
        if not any(type(value) is type(one) and value == one for one in wanted):
            told = " or ".join(repr(one) for one in wanted)
            raise Unsupported(f"{self.where}: {key}={value!r:.60} is not supported, only {told}")
        return value

    def done(self) -> None:
        """Refuse what has not been read.

        Raises:
            Unsupported: a key is left that says something.
        """
        for key, value in self.content.items():
            if key not in self._read:
                raise Unsupported(f"{self.where}: {key}={value!r:.60} is not known")


def check_unicode(text: str, where: str) -> None:
    """Refuse half of a surrogate pair, which JSON can spell and no text can hold.

    Raises:
        ValueError: there is one.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{where}={text!r:.60} has a lone surrogate") from None
