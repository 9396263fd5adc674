"""Text as it is written: stop strings, and chunks that never hold half a character.

Chapter: 11_generative_configuration
"""

from collections.abc import Iterator, Sequence
from os.path import commonprefix
from typing import Any, Protocol, runtime_checkable

import torch

from course_lib.generation.checks import check_ends
from course_lib.generation.loop import Drawn, each_token
from course_lib.model.transformer import Transformer

_SEAM = 16  # ids before a text that can change how it begins
_UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # what decoding makes of half a character


@runtime_checkable
class Codec(Protocol):
    """What streaming needs of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text."""

    def decode(self, ids: list[int]) -> str:
        """Return the text of some ids; half a character at the end becomes U+FFFD."""


def added_text(tokenizer: Codec, before: Sequence[int], ids: Sequence[int]) -> str:
    """Return what some ids add to the text of the ids before them.

    Decoding them alone would lose what belongs to the seam: the blank that many tokenizers take
    off the front of a text, the second half of a character, the blank before a full stop.

    Args:
        tokenizer: Turns ids into text.
        before: The ids before them; the last few are enough.
        ids: The ids that were added.
    """
    start = list(before)[-_SEAM:]
    whole = tokenizer.decode([*start, *ids])
    return whole[len(commonprefix([tokenizer.decode(start), whole])) :] if start else whole


class StopStrings:
    """End a row once its text holds one of some strings; give it to `generate` as `stop`.

    A stop string may begin in the middle of one token and end inside the next. Its tokens stay in
    the result; `cut` removes it, and what follows, from the text. If it never comes, the row ends
    at `max_new_tokens`.

    Args:
        tokenizer: Turns ids into text.
        strings: The strings, none of them empty.
        before: Ids that the text continues, those of the prompt; their last few are enough. Without
            them a blank at its very beginning may be missing, and with it a stop string.

    Raises:
        TypeError: If `strings` is one string.
        ValueError: If there is no string, or an empty one.
    """

    def __init__(
        self, tokenizer: Codec, strings: Sequence[str], before: Sequence[int] = ()
    ) -> None:
        if isinstance(strings, str):
            raise TypeError(f"strings got one string, wants a list: [{strings!r}]")
        if not strings or "" in strings:
            raise ValueError(
                f"strings got {list(strings)!r}, wants at least one, none of them empty"
            )
        self.tokenizer, self.strings, self.before = tokenizer, list(strings), list(before)

    def __call__(self, ids: list[int]) -> bool:
        """Say whether the text of the ids holds a stop string."""
        text = added_text(self.tokenizer, self.before, ids)
        return any(string in text for string in self.strings)

    def cut(self, text: str) -> str:
        """Return the text before the first stop string."""
        return text[: min(self._found(text), default=len(text))]

    def safe(self, text: str) -> str:
        """Return the text without an ending that could be the beginning of a stop string."""
        for n_held in range(min(max(map(len, self.strings)) - 1, len(text)), 0, -1):
            if any(string.startswith(text[-n_held:]) for string in self.strings):
                return text[:-n_held]
        return text

    def _found(self, text: str) -> list[int]:
        return [text.find(string) for string in self.strings if string in text]


class Detokenizer:
    """Turn ids that come one by one into chunks of text that can be printed at once.

    A token can end inside a character: its bytes are held back until the character is complete. So
    the text of the ids before and all chunks, joined, are exactly the text of all ids.

    Args:
        tokenizer: Turns ids into text.
        stop: If given, nothing is returned that could become a stop string, and nothing from a stop
            string on.
        before: Ids that the text continues, those of the prompt.
    """

    def __init__(
        self, tokenizer: Codec, stop: StopStrings | None = None, before: Sequence[int] = ()
    ) -> None:
        self.tokenizer, self.stop, self.before = tokenizer, stop, list(before)
        self.ids: list[int] = []
        self.n_given = 0

    def push(self, token: int) -> str:
        """Add a token and return the text that has become certain, often the empty string."""
        self.ids.append(token)
        text = self._text().rstrip(_UNFINISHED)
        if self.stop is not None:
            met = self.stop.cut(text)
            text = met if met != text else self.stop.safe(text)
        return self._rest(text)

    def finish(self) -> str:
        """Return what was held back: no token will come to complete it."""
        text = self._text()
        return self._rest(text if self.stop is None else self.stop.cut(text))

    def _text(self) -> str:
        return added_text(self.tokenizer, self.before, self.ids)

    def _rest(self, text: str) -> str:
        new = text[self.n_given :]
        self.n_given += len(new)
        return new


def stream(
    model: Transformer,
    tokenizer: Codec,
    prompt: str,
    *,
    max_new_tokens: int,
    stop: Sequence[str] = (),
    **options: Any,
) -> Iterator[str]:
    """Write a completion and yield it in chunks, as soon as each is certain.

    Args:
        model: As in `generate`.
        tokenizer: Turns the prompt into ids and ids into text.
        prompt: The text to continue, not empty.
        max_new_tokens: As in `generate`.
        stop: Strings that end the completion; they are not part of it.
        **options: As in `generate`: `processors`, `sample`, `generator`, `eos_id` and so on. An
            end token is not part of the text.

    Returns:
        An iterator over chunks of text, none empty; joined, they are what the completion adds to
        the text of the prompt.

    Raises:
        TypeError: As in `generate`, at once.
        ValueError: As in `generate`, at once; or if the prompt has no token.
    """
    ids = tokenizer.encode(prompt)
    if not ids:
        raise ValueError(f"prompt got {prompt!r}, wants a text of at least one token")
    strings = StopStrings(tokenizer, stop, ids) if stop else None
    tokens = torch.tensor([ids], device=model.embedding.weight.device)
    steps = each_token(model, tokens, max_new_tokens=max_new_tokens, stop=strings, **options)
    ends, _ = check_ends(model, options.get("eos_id"), None)
    return _chunks(steps, set(ends), Detokenizer(tokenizer, strings, ids))


def _chunks(steps: Iterator[Drawn], ends: set[int], typed: Detokenizer) -> Iterator[str]:
    for step in steps:
        token = int(step.tokens[0])
        chunk = "" if token in ends else typed.push(token)
        if chunk:
            yield chunk
    chunk = typed.finish()
    if chunk:
        yield chunk
