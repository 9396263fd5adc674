"""A trained model inside the page: type a prompt, see its tokens and what comes next, write on.

Chapter: 10_prompt_engineering
"""

from collections.abc import Sequence
from typing import Any

import torch
import traitlets

from course_lib.model.transformer import Transformer
from course_lib.tokenizers import ByteLevelBPE
from course_lib.widgets.base import CourseWidget
from course_lib.widgets.bundle import bundle
from course_lib.widgets.markup import card, escape, percent, scroll, seen_all, short
from course_lib.widgets.markup import table as html_table
from course_lib.widgets.sampler import openness
from course_lib.widgets.tiny_pack import restore, shrink

_SHOWN = 10


class TinyModel(CourseWidget):
    """A language model that runs in the reader's browser, without a kernel and without a network.

    The weights travel in the page as whole numbers of 8 or 16 bits with one step for each row of a
    matrix. `restore` gives the very model that the page runs.

    Args:
        model: A decoder-only model of at most two million parameters; see `shrink`.
        tokens: A byte-level BPE tokenizer, or one word for each id of a model whose texts are
            words separated by blanks.
        prompts: Texts to start from, the first one shown.
        bits: Bits of a packed weight, 8 or 16.
        title: The heading.
        describe: One sentence to read first.
        badge: Where the weights come from.

    Raises:
        TypeError: If `tokens` is neither a tokenizer nor a list of words.
        ValueError: If the model is of a kind that the page cannot run or too large, ids and tokens
            do not match, or a prompt is empty, unknown or too long.
    """

    _esm = bundle("tiny_model.js")
    prompt = traitlets.Unicode(help="the text so far").tag(sync=True)
    temperature = traitlets.Float(1.0).tag(sync=True)
    top_p = traitlets.Float(1.0, help="1 is off").tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        model: Transformer,
        tokens: ByteLevelBPE | Sequence[str],
        prompts: Sequence[str],
        *,
        bits: int = 8,
        title: str = "A model in this page",
        describe: str = "",
        badge: str = "runs in your browser",
    ) -> None:
        """Packs the model and writes the static form: what comes after the first prompt."""
        tokenizer, names = _tokenizer(tokens, model.config.vocab_size)
        encode = tokens.encode if isinstance(tokens, ByteLevelBPE) else _word_encoder(names)
        if isinstance(prompts, str) or not prompts:
            raise ValueError(f"prompts must be a list with at least one text, got {prompts!r}")
        encoded = [encode(prompt) for prompt in prompts]
        for prompt, ids in zip(prompts, encoded, strict=True):
            if not 0 < len(ids) < model.config.max_seq_len:
                raise ValueError(
                    f"prompts has {prompt!r} of {len(ids)} tokens, wants 1 to "
                    f"{model.config.max_seq_len - 1}"
                )
        packed = shrink(model, bits)
        payload = {
            "packed": packed,
            "later": ["packed"],
            "tokenizer": tokenizer,
            "names": names,
            "prompts": list(prompts),
            "context": model.config.max_seq_len,
            "title": title,
            "describe": describe,
            "badge": badge,
        }
        with torch.no_grad():
            logits = restore(packed, model.config)(torch.tensor([encoded[0]]))[0, -1]
        chances = logits.softmax(-1).tolist()
        sentence = describe_next(names, chances, len(encoded[0]))
        order = sorted(range(len(chances)), key=lambda i: (-chances[i], i))[:_SHOWN]
        rows = ((names[i], [f"<td>{percent(chances[i])}</td>"]) for i in order)
        static = card(
            title,
            badge,
            f"<p>{escape(describe)}</p>" if describe else "",
            f"<p><strong>{escape(prompts[0])}</strong> …</p>",
            scroll("What comes next", html_table("token", ["chance"], rows)),
            f"<p>{escape(sentence)}</p>",
        )
        super().__init__(payload, static, f"{title}. {sentence}", prompt=prompts[0])


def describe_next(names: Sequence[str], chances: Sequence[float], n_tokens: int) -> str:
    """Says what comes next, as the page says it."""
    first, second = sorted(range(len(chances)), key=lambda i: (-chances[i], i))[:2]
    return (
        f"After {n_tokens} {'token' if n_tokens == 1 else 'tokens'}, “{names[first]}” is the most "
        f"likely next token with {percent(chances[first])}, then “{names[second]}” with "
        f"{percent(chances[second])}. The choice is as open as among {short(openness(chances), 1)} "
        "equally likely tokens."
    )


def _tokenizer(
    tokens: ByteLevelBPE | Sequence[str], vocab_size: int
) -> tuple[dict[str, Any], list[str]]:
    """Gives what the page needs to cut a text, and how each token is shown."""
    if isinstance(tokens, ByteLevelBPE):
        if tokens.pattern != "gpt2" or tokens.ignore_merges:
            raise ValueError(
                f"tokens must cut text by the pattern 'gpt2' and merge, got {tokens.pattern!r} "
                f"and ignore_merges={tokens.ignore_merges}"
            )
        spelled = [token.decode("utf-8", errors="replace") for token in tokens.tokens]
        ids = {token: i for i, token in enumerate(tokens.tokens)}
        merges = [
            [*pair, ids[tokens.tokens[pair[0]] + tokens.tokens[pair[1]]]] for pair in tokens.merges
        ]
        found: dict[str, Any] = {
            "kind": "bytes",
            "bytes": [list(token) for token in tokens.tokens],
            "merges": merges,
        }
    elif isinstance(tokens, str) or not all(isinstance(word, str) for word in tokens):
        raise TypeError(f"tokens must be a ByteLevelBPE or words, got {type(tokens).__name__}")
    else:
        spelled = list(tokens)
        split = [word for word in spelled if word.split() != [word]]
        if split or len(set(spelled)) < len(spelled):
            raise ValueError("tokens must be different words without blanks inside")
        found = {"kind": "words", "tokens": spelled}
    if len(spelled) != vocab_size:
        raise ValueError(f"tokens must be as many as vocab_size={vocab_size}, got {len(spelled)}")
    return found, seen_all(spelled)


def _word_encoder(words: Sequence[str]) -> Any:
    ids = {word: i for i, word in enumerate(words)}

    def encode(text: str) -> list[int]:
        unknown = [word for word in text.split() if word not in ids]
        if unknown:
            raise ValueError(f"prompts has the word {unknown[0]!r}, which is no token")
        return [ids[word] for word in text.split()]

    return encode
