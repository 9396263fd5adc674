"""Byte pair encoding, one merge at a time.

Chapter: 03_tokenizer
"""

from collections import Counter
from typing import Any

import traitlets

from course_lib.tokenizers import ByteLevelBPE
from course_lib.tokenizers.merges import apply_merges
from course_lib.tokenizers.pretokenize import splitter
from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, scroll
from course_lib.widgets.markup import table as html_table

LONGEST_TEXT = 600


class MergeStepper(CourseWidget):
    """A short text that becomes fewer and longer tokens, merge by merge.

    The reader first says which pair is merged and how many tokens are left, then steps, and can
    learn merges from a text of their own.

    Args:
        text: What the merges are learned from, up to 600 characters.
        n_merges: How many merges, 1 to 200; fewer if the text runs out of pairs.
        title: The heading.
        describe: One sentence to read first.

    Raises:
        TypeError: If `text` is not a string.
        ValueError: If the text is too long or has no pair, or `n_merges` is out of range.

    Source: Sennrich, Haddow and Birch 2016, section 3.2.
    """

    _esm = bundle("merge_stepper.js")
    step = traitlets.Int(0, help="merges made so far").tag(sync=True)
    n_tokens = traitlets.Int(0, help="tokens of the text now").tag(sync=True)
    vocabulary = traitlets.Int(256, help="size of the vocabulary now").tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        text: str,
        *,
        n_merges: int = 40,
        title: str = "Merge by merge",
        describe: str = "",
    ) -> None:
        """Checks the text and writes the static form: start, end and the list of merges."""
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {type(text).__name__}")
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"text must have at most {LONGEST_TEXT} characters, got {len(text)}")
        if not 1 <= n_merges <= 200:
            raise ValueError(f"n_merges must be from 1 to 200, got {n_merges}")
        tokens, states = merge_states(text, n_merges)
        if len(states) < 2:
            raise ValueError(f"text must have a word of two letters or more, got {text!r}")
        payload = {
            "text": text,
            "n_merges": n_merges,
            "title": title,
            "describe": describe,
            "badge": "computed here",
        }
        rows = (
            (
                str(at),
                [
                    f"<td>{escape(' + '.join(shown_token(tokens[i]) for i in state['pair']))}</td>",
                    f"<td>{state['count']}</td>",
                    f"<td>{state['tokens']}</td>",
                    f"<td>{state['vocabulary']}</td>",
                ],
            )
            for at, state in enumerate(states)
            if state["pair"]
        )
        columns = ["pair", "count", "tokens after it", "vocabulary"]
        listed = html_table("merge", columns, rows, kind="cw-heat")
        sentence = f"{describe_state(tokens, states, 0)} {describe_state(tokens, states, -1)}"
        static = card(
            title,
            "computed here",
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p><strong>Before</strong></p>{_strip(tokens, states[0])}",
            f"<p><strong>After {len(states) - 1} merges</strong></p>{_strip(tokens, states[-1])}",
            scroll("The merges", listed),
        )
        super().__init__(
            payload, static, f"{title}. {sentence}", n_tokens=states[0]["tokens"], vocabulary=256
        )


def merge_states(text: str, n_merges: int) -> tuple[list[bytes], list[dict[str, Any]]]:
    """Returns the tokens, and every state of the text from single bytes on.

    The merges are those that ``ByteLevelBPE.train`` learns from the text.
    """
    if not text:
        return [], [{"words": [], "pair": None, "count": 0, "tokens": 0, "vocabulary": 256}]
    tokenizer = ByteLevelBPE.train([text], 256 + n_merges)
    first = [tokenizer.tokens.index(bytes([b])) for b in range(256)]
    words = [[first[b] for b in word.encode()] for word in splitter("gpt2")(text)]
    states: list[dict[str, Any]] = []
    for at in range(len(tokenizer.merges) + 1):
        pair, count, new = None, 0, -1
        if at:
            pair, new = tokenizer.merges[at - 1], 255 + at
            count = Counter(p for w in words for p in zip(w, w[1:], strict=False))[pair]
            words = [apply_merges(list(word), {pair: 0}, [new]) for word in words]
        states.append(
            {
                "words": [list(word) for word in words],
                "pair": pair and list(pair),
                "count": count,
                "id": new,
                "tokens": sum(map(len, words)),
                "vocabulary": 256 + at,
            }
        )
    return tokenizer.tokens, states


def shown_token(token: bytes) -> str:
    """Writes a token as a reader can see it; half a character in hexadecimal."""
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return "·".join(f"{byte:02X}" for byte in token)
    return text.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")


def describe_state(tokens: list[bytes], states: list[dict[str, Any]], at: int) -> str:
    """Says what a step did to the text and to the vocabulary."""
    at %= len(states)
    state = states[at]
    if state["pair"] is None:
        return (
            f"Start: {state['tokens']} tokens, one for each byte, out of a vocabulary of "
            f"{state['vocabulary']}."
        )
    left, right = (shown_token(tokens[i]) for i in state["pair"])
    often = "once" if state["count"] == 1 else f"{state['count']} times"
    return (
        f"Merge {at}: “{left}” + “{right}”, {often}. {states[at - 1]['tokens']} → "
        f"{state['tokens']} tokens, vocabulary {state['vocabulary']}."
    )


def _strip(tokens: list[bytes], state: dict[str, Any]) -> str:
    pieces = "\u200b".join(
        f"<code>{escape(shown_token(tokens[i]))}</code>" for word in state["words"] for i in word
    )
    return scroll("The text, cut into tokens", f'<p style="line-height:2.1">{pieces}</p>')
