"""The model behind the service, and how a checked request becomes rows for the engine."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.files import read_json
from course_lib.generation import bias_words, recipe
from course_lib.generation.chain import LogitsProcessor, Processor
from course_lib.generation.checks import token_ids
from course_lib.model.transformer import Transformer
from course_lib.prompting.chat import ChatTemplate
from course_lib.serve.engine import ServedRow, Sink
from course_lib.serve.protocol import ChatFields, CompletionFields, ProtocolError, SharedFields
from course_lib.shapes import Float
from course_lib.tasks.saved import find_tokenizer, read_model, together
from course_lib.tokenizers import Tokenizer

_ENDS = ("<|endoftext|>", "<|im_end|>", "<|eot_id|>", "</s>", "<eos>")
_LONGEST_CHARACTERS = 16  # of a token, at the very most, on average over a prompt


@dataclass
class ServedModel:
    """A checkpoint, ready to be asked.

    Attributes:
        name: What requests call it.
        model: In evaluation mode.
        tokenizer: Its own.
        template: How it reads a conversation.
        ends: Ids that end a text.
        max_new_tokens: The most that one reply may have.
        folder: Where it came from.
    """

    name: str
    model: Transformer
    tokenizer: Tokenizer
    template: ChatTemplate
    ends: frozenset[int]
    max_new_tokens: int
    folder: Path | None = None

    def __post_init__(self) -> None:
        unknown = _unknown(self.tokenizer, self.model.config.vocab_size)
        self.always: list[LogitsProcessor] = []
        if unknown:
            self.always = [_never(unknown, self.model.config.vocab_size)]

    @classmethod
    def load(
        cls,
        folder: str | PathLike[str],
        *,
        name: str | None = None,
        tokenizer: Path | None = None,
        max_new_tokens: int | None = None,
    ) -> "ServedModel":
        """Read a checkpoint, of `course_lib.training` or published.

        Args:
            folder: Of the checkpoint.
            name: What requests call it; None means the folder's name.
            tokenizer: A file or folder; None looks into the checkpoint.
            max_new_tokens: The most that one reply may have; None means the whole context.

        Raises:
            FileNotFoundError: If the model or the tokenizer is missing.
            ValueError: If a file is damaged, or tokenizer and model do not belong together.
        """
        folder = Path(folder).expanduser()
        model, words, template, said = together(folder, lambda place: _read(place, tokenizer))
        if words.vocab_size > model.config.vocab_size:
            raise ValueError(
                f"tokenizer has {words.vocab_size} tokens, the model only "
                f"{model.config.vocab_size}: they do not belong together"
            )
        return cls(
            name=name or folder.resolve().name,
            model=model,
            tokenizer=words,
            template=template or ChatTemplate.plain(),
            ends=_ends(said, model, words),
            max_new_tokens=max_new_tokens or model.config.max_seq_len,
            folder=folder,
        )

    def prompts(self, asked: CompletionFields) -> list[list[int]]:
        """Return the ids of the prompts of a completion.

        A text is read as a whole document would be: special tokens that are spelled out count, and
        the beginning that the tokenizer puts before a text stands before it.

        Args:
            asked: The request.

        Raises:
            ProtocolError: If there is none, one is empty, or an id is not known.
        """
        given: Any = asked.prompt
        if isinstance(given, str) or (given and isinstance(given[0], int)):
            given = [given]
        if not given:
            raise ProtocolError(400, "prompt is empty: wants at least one token", param="prompt")
        made = []
        for one in given:
            if isinstance(one, str):
                self._check_length(one, "prompt")
                ids = self._encode(one, "prompt")
            else:
                ids = list(one)
                bad = [i for i in ids if not 0 <= i < self.model.config.vocab_size]
                if bad:
                    raise ProtocolError(
                        400,
                        f"prompt has the id {bad[0]}: wants 0 to "
                        f"{self.model.config.vocab_size - 1}",
                        param="prompt",
                    )
            if not ids or one == "":
                raise ProtocolError(
                    400, "prompt is empty: wants at least one token", param="prompt"
                )
            made.append(ids)
        return made

    def conversation(self, asked: ChatFields) -> list[int]:
        """Return the ids of a conversation.

        Args:
            asked: The request.

        Raises:
            ProtocolError: If the checkpoint's chat template refuses it.
        """
        messages = asked.conversation()
        for message in messages:
            self._check_length(message["content"], "messages")
        try:
            return self.template.encode(self.tokenizer, messages)
        except (TypeError, ValueError) as error:
            raise ProtocolError(400, str(error), param="messages") from None

    def rows(
        self,
        asked: SharedFields,
        prompts: Sequence[Sequence[int]],
        sinks: Sequence[Sink],
        *,
        n_new: int | None,
        n_best: int = 0,
        stop: Sequence[str] = (),
    ) -> list[ServedRow]:
        """Make the rows of a request: each prompt `n` times.

        Each row draws with numbers of its own, the first with those of the seed, the next with
        those of the seed plus 1 and so on: what it draws depends on no other row.

        Args:
            asked: The request.
            prompts: Ids of each prompt.
            sinks: What each row tells its tokens, as many as there are rows.
            n_new: The most tokens of a reply; None means as many as there is room for.
            n_best: How many of the likeliest tokens are told at each place.
            stop: More strings that end a reply.

        Raises:
            ProtocolError: If a prompt, or a prompt and its reply, are longer than the model, or an
                option does not fit the model.
        """
        n, seed = asked.n or 1, asked.seed
        if seed is None:
            seed = random.SystemRandom().getrandbits(63)
        t = 1.0 if asked.temperature is None else asked.temperature
        chain = self._chain(asked, t)
        made = []
        for number, sink in enumerate(sinks):
            prompt = prompts[number // n]
            generator = None
            if t > 0:
                generator = torch.Generator().manual_seed((seed + number + 2**63) % 2**64 - 2**63)
            made.append(
                ServedRow(
                    prompt=prompt,
                    max_new_tokens=self._room(len(prompt), n_new),
                    send=sink,
                    processors=chain,
                    generator=generator,
                    ends=self.ends,
                    stop=[*asked.stops(), *stop],
                    n_best=n_best,
                )
            )
        return made

    def _chain(self, asked: SharedFields, t: float) -> list[LogitsProcessor]:
        """Biases, then penalties, then what shapes the distribution."""
        biases: dict[Any, float] = dict(asked.biases())
        n_vocab = self.model.config.vocab_size
        if biases and max(biases) >= n_vocab:
            raise ProtocolError(
                400,
                f"logit_bias has the id {max(biases)}: wants 0 to {n_vocab - 1}",
                param="logit_bias",
            )
        return [
            *self.always,
            *([bias_words(biases)] if biases else []),
            *recipe(
                presence=asked.presence_penalty or None,
                frequency=asked.frequency_penalty or None,
                t=t if t not in (0, 1) else None,
                p=asked.top_p if t > 0 and asked.top_p not in (None, 1) else None,
            ),
        ]

    def _room(self, n_prompt: int, n_new: int | None) -> int:
        """Return how many tokens a reply may have, or refuse what does not fit."""
        most = self.model.config.max_seq_len
        if n_prompt >= most:
            raise ProtocolError(
                400,
                f"the prompt has {n_prompt} tokens: the model reads {most}, reply included",
                param="prompt",
                code="context_length_exceeded",
            )
        if n_new is None:
            return min(self.max_new_tokens, most - n_prompt)
        if n_new > self.max_new_tokens:
            raise ProtocolError(
                400,
                f"max_tokens is {n_new}: this service writes at most {self.max_new_tokens}",
                param="max_tokens",
                code="invalid_value",
            )
        if n_prompt + n_new > most:
            raise ProtocolError(
                400,
                f"the prompt has {n_prompt} tokens and max_tokens is {n_new}: the model reads "
                f"{most} together",
                param="max_tokens",
                code="context_length_exceeded",
            )
        return n_new

    def _check_length(self, text: str, name: str) -> None:
        """Refuse what cannot fit before time is spent on its tokens."""
        most = self.model.config.max_seq_len * max(_LONGEST_CHARACTERS, self._longest())
        if len(text) > most:
            raise ProtocolError(
                400,
                f"the prompt has {len(text)} characters, more than {self.model.config.max_seq_len} "
                "tokens, which the model reads, can hold",
                param=name,
                code="context_length_exceeded",
            )

    def _longest(self) -> int:
        if not hasattr(self, "_longest_token"):
            self._longest_token = max(map(len, self.tokenizer.tokens), default=1)
        return self._longest_token

    def _encode(self, text: str, name: str) -> list[int]:
        try:
            ids = self.tokenizer.encode(text, allow_special=True)
        except (TypeError, ValueError) as error:
            raise ProtocolError(400, f"{name}: {error}", param=name) from None
        return [*self.tokenizer.special_frame[0], *ids]


def _read(
    folder: Path, tokenizer: Path | None
) -> tuple[Transformer, Tokenizer, ChatTemplate | None, dict[str, Any]]:
    """Read the model, its words, its chat template, and what it says of writing text."""
    model, words = read_model(folder), find_tokenizer(folder, tokenizer)
    template = ChatTemplate.load(folder) if folder.is_dir() else None
    file = folder / "generation_config.json"
    return model, words, template, read_json(file) if file.is_file() else {}


def _ends(
    generation: Mapping[str, Any], model: Transformer, tokenizer: Tokenizer
) -> frozenset[int]:
    """Find the ids that end a text, where the checkpoint says them, or by their usual names."""
    n_vocab, published = model.config.vocab_size, {**model.published_fields, **generation}
    said = published.get("eos_token_id")
    if said is not None:
        return frozenset(token_ids(said, "eos_token_id", n_vocab))
    known: Mapping[str, int] = tokenizer.special_tokens
    return frozenset(known[name] for name in _ENDS if name in known)


def _unknown(tokenizer: Tokenizer, n_vocab: int) -> list[int]:
    """Ids that the model has and the tokenizer has not: rows that fill a table up."""
    unknown = []
    for token in range(n_vocab):
        try:
            tokenizer.decode([token])
        except (ValueError, IndexError, KeyError):
            unknown.append(token)
    return unknown


def _never(ids: list[int], n_vocab: int) -> Processor:
    """Exclude tokens that cannot be written as text."""
    forbidden = torch.zeros(n_vocab)  # made once: it is added at every token
    forbidden[ids] = -math.inf

    def rule(logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        return logits + forbidden.to(logits.device)

    return Processor("tokens of the tokenizer", rule)
