"""Templates: the fixed words of a prompt, and the places where an example goes.

Chapter: 10_prompt_engineering
"""

from collections.abc import Mapping, Sequence
from string import Formatter

from course_lib.checks import check_mappings


class Template:
    """A pattern such as ``"{text} Mood: {mood}"``, one of whose fields is the answer.

    `full` writes an example with its answer, `ask` the same up to the place of the answer. Blanks
    right before that place are cut off in `ask`: most tokenizers glue a blank to the word that
    *follows*, so a prompt that ends in one asks for a token the model has hardly ever seen there.

    Args:
        pattern: Text with fields in braces; a brace of the text itself is doubled.
        answer: Name of the field that holds the answer.

    Raises:
        TypeError: If `pattern` is no string.
        ValueError: If the braces do not pair, a field is more than a plain name, or the answer is
            not there exactly once.
    """

    def __init__(self, pattern: str, *, answer: str) -> None:
        if not isinstance(pattern, str):
            raise TypeError(f"pattern must be a string, got {type(pattern).__name__}")
        try:
            pieces = list(Formatter().parse(pattern))
        except ValueError as error:
            raise ValueError(f"pattern {pattern!r} cannot be read: {error}") from None
        for _, name, form, conversion in pieces:
            if name is not None and (form or conversion or not name.isidentifier()):
                raise ValueError(
                    f"pattern has the field {name!r}, wants plain names such as 'text'"
                )
        self.pattern = pattern
        self.answer = answer
        self._pieces = [(text, name) for text, name, _, _ in pieces]
        names = [name for _, name in self._pieces if name is not None]
        if names.count(answer) != 1:
            raise ValueError(
                f"answer {answer!r} must be a field of the pattern exactly once, "
                f"it has the fields {names}"
            )
        self.fields = tuple(dict.fromkeys(names))

    def full(self, example: Mapping[str, str]) -> str:
        """Write an example, its answer included.

        Args:
            example: A text for each field.

        Returns:
            The filled pattern.

        Raises:
            TypeError: If it is no mapping, or a value no string.
            ValueError: If fields are missing or unknown.
        """
        self._check(example, self.fields, "example")
        return "".join(text + (example[name] if name else "") for text, name in self._pieces)

    def ask(self, query: Mapping[str, str]) -> str:
        """Write a query: everything before the answer, and nothing after.

        Args:
            query: A text for each field but the answer.

        Returns:
            The filled pattern up to the answer, without blanks at its end.

        Raises:
            TypeError: If it is no mapping, or a value no string.
            ValueError: If fields are missing or unknown; the answer itself is unknown here.
        """
        check_mappings(query=query)
        wanted = [name for name in self.fields if name != self.answer]
        if self.answer in query:
            raise ValueError(f"query holds {self.answer!r}, its own answer: leave it to the model")
        self._check(query, wanted, "query")
        written = ""
        for text, name in self._pieces:
            written += text
            if name == self.answer:
                break
            written += query[name] if name else ""
        return written.rstrip()

    def _check(self, given: Mapping[str, str], wanted: Sequence[str], where: str) -> None:
        check_mappings(**{where: given})
        if sorted(given) != sorted(wanted):
            raise ValueError(f"{where} has the fields {sorted(given)}, wants {sorted(wanted)}")
        for name, value in given.items():
            if not isinstance(value, str):
                raise TypeError(f"{where}[{name!r}] must be a string, got {type(value).__name__}")

    def __repr__(self) -> str:
        """Show the pattern and the answer's field."""
        return f"Template({self.pattern!r}, answer={self.answer!r})"
