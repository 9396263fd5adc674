"""What is answered: tokens of the engine as OpenAI's objects, whole or in chunks."""

import time
import uuid
from collections.abc import Sequence
from typing import Any

from course_lib.serve.engine import Written
from course_lib.tokenizers import Tokenizer


class ReplyForm:
    """One kind of reply, for one request: text completion or chat.

    Args:
        chat: Which of the two.
        model: Name of the model, as it was asked for.
        tokenizer: Spells single tokens, for log-probabilities.
        log_probs: Whether they are wanted.
    """

    def __init__(self, chat: bool, model: str, tokenizer: Tokenizer, log_probs: bool) -> None:
        self.chat, self.model, self.tokenizer, self.log_probs = chat, model, tokenizer, log_probs
        self.spellings = tokenizer.tokens if log_probs and chat else []
        self.id = f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex}"
        self.created = int(time.time())

    def whole(
        self, choices: Sequence[Sequence[Written]], texts: Sequence[str], n_prompt: int
    ) -> dict[str, Any]:
        """Return a reply in one piece.

        Args:
            choices: The tokens of each continuation.
            texts: What stands before each of them in the reply: the prompt, if it is echoed.
            n_prompt: Tokens of all prompts.
        """
        made = []
        for index, (written, before) in enumerate(zip(choices, texts, strict=True)):
            text = before + "".join(one.text for one in written)
            choice: dict[str, Any] = {"index": index, "logprobs": None}
            if self.log_probs:
                choice["logprobs"] = self._log_probs(written, len(before))
            if self.chat:
                choice["message"] = {"role": "assistant", "content": text, "refusal": None}
            else:
                choice["text"] = text
            made.append({**choice, "finish_reason": written[-1].reason})
        n_written = sum(len(written) for written in choices)
        kind = "chat.completion" if self.chat else "text_completion"
        return {**self._head(kind), "choices": made, "usage": usage(n_prompt, n_written)}

    def opening(self, index: int, before: str) -> dict[str, Any] | None:
        """Return the first chunk of a continuation: who speaks, or the prompt if it is echoed."""
        if self.chat:
            return self._chunk(index, {"role": "assistant", "content": "", "refusal": None})
        return self._chunk(index, before) if before else None

    def chunk(self, index: int, one: Written, offset: int) -> dict[str, Any] | None:
        """Return what one token adds; None if that is nothing.

        Args:
            index: Of the continuation.
            one: The token.
            offset: Where its text begins in the continuation, in characters.
        """
        if not (one.text or one.reason or self.log_probs):
            return None
        if self.chat:
            made = self._chunk(index, {"content": one.text} if one.text else {}, one.reason)
        else:
            made = self._chunk(index, one.text, one.reason)
        if self.log_probs:
            made["choices"][0]["logprobs"] = self._log_probs([one], offset)
        return made

    def last(self, n_prompt: int, n_written: int) -> dict[str, Any]:
        """Return the chunk without choices that tells how many tokens there were."""
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return {**self._head(kind), "choices": [], "usage": usage(n_prompt, n_written)}

    def _head(self, kind: str) -> dict[str, Any]:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return {**head, "system_fingerprint": None} if self.chat else head

    def _chunk(self, index: int, what: Any, reason: str | None = None) -> dict[str, Any]:
        name = "delta" if self.chat else "text"
        choice = {"index": index, name: what, "logprobs": None, "finish_reason": reason}
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return {**self._head(kind), "choices": [choice]}

    def _log_probs(self, written: Sequence[Written], offset: int) -> dict[str, Any]:
        if self.chat:
            content = [
                {
                    **self._spelled(one.token, one.log_prob),
                    "top_logprobs": [self._spelled(token, value) for token, value in one.best],
                }
                for one in written
            ]
            return {"content": content, "refusal": None}
        offsets = []
        for one in written:
            offsets.append(offset)
            offset += len(one.text)
        return {
            "tokens": [self._text(one.token) for one in written],
            "token_logprobs": [one.log_prob for one in written],
            "top_logprobs": [
                {self._text(token): value for token, value in one.best} for one in written
            ],
            "text_offset": offsets,
        }

    def _spelled(self, token: int, value: float) -> dict[str, Any]:
        spelling = self.spellings[token] if token < len(self.spellings) else ""
        raw = spelling if isinstance(spelling, bytes) else self._text(token).encode()
        return {"token": self._text(token), "logprob": value, "bytes": list(raw)}

    def _text(self, token: int) -> str:
        return self.tokenizer.decode([token])


def usage(n_prompt: int, n_written: int) -> dict[str, int]:
    """Return the numbers of tokens as OpenAI counts them."""
    return {
        "prompt_tokens": n_prompt,
        "completion_tokens": n_written,
        "total_tokens": n_prompt + n_written,
    }
