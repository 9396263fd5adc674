"""The thread that writes: it takes rows from a queue, and does one step of all at a time."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.generation.chain import LogitsProcessor, PastTokens
from course_lib.generation.sampler import TokenSampler
from course_lib.generation.stream import Codec, Detokenizer, StopStrings
from course_lib.model.transformer import Transformer
from course_lib.serve.batch import ContinuousBatch
from course_lib.shapes import Float


class Busy(Exception):
    """There is no room for a request, neither in the batch nor in the queue."""


class Draining(Exception):
    """The service stops: it finishes what runs and takes nothing new."""


class Written(NamedTuple):
    """One token of a row, and the text that became certain with it.

    Attributes:
        text: Often empty: half a character is held back, and what may become a stop string.
        token: Its id.
        log_prob: What the model itself gave it, in nats.
        best: The likeliest tokens at its place, each with its log-probability.
        reason: Why the row ends here: "stop" or "length"; None if it goes on.
    """

    text: str
    token: int
    log_prob: float
    best: tuple[tuple[int, float], ...] = ()
    reason: str | None = None


class Failed(NamedTuple):
    """A row that cannot go on.

    Attributes:
        message: Why.
    """

    message: str


Sink = Callable[[Written | Failed], None]


@dataclass(eq=False)
class ServedRow:
    """One continuation that is asked for, and how far it is.

    Attributes:
        prompt: Ids that it continues.
        max_new_tokens: The most it writes.
        send: Called with each token, in the thread of the engine.
        processors: Steps applied to its logits.
        generator: Its own source of randomness; None takes the likeliest token.
        ends: Ids that end it.
        stop: Strings that end it.
        n_best: How many of the likeliest tokens are told.
        left: Set once nobody wants it any more; its room is free at the next step.
    """

    prompt: Sequence[int]
    max_new_tokens: int
    send: Sink
    processors: Sequence[LogitsProcessor] = ()
    generator: torch.Generator | None = None
    ends: frozenset[int] = frozenset()
    stop: Sequence[str] = ()
    n_best: int = 0
    left: threading.Event = field(default_factory=threading.Event)
    written: list[int] = field(default_factory=list)

    def prepare(self, codec: Codec) -> None:
        """Make what writes it, before it gets a place in the batch."""
        sample = self.generator is not None
        self.choose = TokenSampler(self.processors, sample, self.generator, 1)
        strings = StopStrings(codec, self.stop, self.prompt) if self.stop else None
        self.typed = Detokenizer(codec, strings, self.prompt)

    def write(self, logits: Float[Tensor, "1 V"]) -> Written:
        """Choose the next token, and say what it adds to the text."""
        with torch.inference_mode():
            chosen, log_probs = self.choose(logits, self._past)
            best: tuple[tuple[int, float], ...] = ()
            if self.n_best:
                top = logits[0].log_softmax(-1).topk(min(self.n_best, logits.shape[1]))
                best = tuple(zip(top.indices.tolist(), top.values.tolist(), strict=True))
        token = int(chosen)
        self.written.append(token)
        text, reason = "", None
        if token in self.ends:
            text, reason = self.typed.finish(), "stop"
        else:
            text = self.typed.push(token)
            if self.typed.stop is not None and self.typed.stop(self.typed.ids):
                reason = "stop"
            elif len(self.written) >= self.max_new_tokens:
                reason = "length"
            if reason is not None:
                text += self.typed.finish()
        return Written(text, token, float(log_probs), best, reason)

    def _past(self) -> PastTokens:
        text = torch.tensor([[*self.prompt, *self.written]])
        return PastTokens(text, torch.ones_like(text, dtype=torch.bool), len(self.prompt))


@dataclass
class EngineCounts:
    """What the engine has done, for whoever measures it.

    Attributes:
        steps: Forward passes over the whole batch.
        rows_in_steps: Rows of these, added up; divided by `steps`, the mean size of the batch.
        tokens: Tokens written.
        prompt_tokens: Tokens read.
        seconds: Spent in forward passes, prompts included.
    """

    steps: int = 0
    rows_in_steps: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    seconds: float = 0.0


class ServingEngine:
    """Write for many at once: rows wait in order, join the batch when there is room, and leave.

    Args:
        model: A decoder-only model, in evaluation mode.
        codec: Turns its ids into text.
        max_rows: Rows of the batch at most.
        max_waiting: Rows that may wait for room; more are refused.

    Raises:
        ValueError: If a limit is too small, or the model no decoder.
    """

    def __init__(
        self, model: Transformer, codec: Codec, *, max_rows: int = 8, max_waiting: int = 64
    ) -> None:
        if max_rows < 1 or max_waiting < 0:
            raise ValueError(f"max_rows={max_rows}, max_waiting={max_waiting}: wants 1, 0 or more")
        self.batch, self.codec = ContinuousBatch(model), codec
        self.max_rows, self.max_waiting = max_rows, max_waiting
        self.counts = EngineCounts()
        self.rows: list[ServedRow] = []
        self.waiting: deque[ServedRow] = deque()
        self.draining = False
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="serving-engine", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether nothing is written and nothing waits."""
        with self._changed:
            return not self.rows and not self.waiting

    def submit(self, rows: Sequence[ServedRow]) -> None:
        """Take rows that belong together, all or none.

        Args:
            rows: Not yet started.

        Raises:
            Busy: If there is no room for all of them.
            Draining: If the service stops.
        """
        with self._changed:
            if self.draining:
                raise Draining
            taken = len(self.rows) + len(self.waiting)
            if taken + len(rows) > self.max_rows + self.max_waiting:
                raise Busy
            self.waiting.extend(rows)
            self._changed.notify()

    def drain(self) -> None:
        """Take nothing new; what runs and what waits is finished."""
        with self._changed:
            self.draining = True

    def close(self) -> None:
        """Stop after the present step; whatever is not finished fails and says so."""
        with self._changed:
            self.draining = self._ended = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        for row in [*self.rows, *self.waiting]:
            row.send(Failed("the service was stopped before this was finished"))
        self.rows.clear()
        self.waiting.clear()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self.rows or self.waiting or self._ended):
                    self._changed.wait()
                if self._ended:
                    return
            self._remove([row for row in self.rows if row.left.is_set()])
            self._admit()
            if self.rows:
                self._step()

    def _admit(self) -> None:
        """Let rows join as long as there is room, in the order of their coming."""
        while True:
            with self._changed:
                if not self.waiting or len(self.rows) >= self.max_rows:
                    return
                row = self.waiting.popleft()
                if row.left.is_set():
                    continue
                self.rows.append(row)  # counted from here on, so that `idle` never lies
            start = time.perf_counter()
            try:
                row.prepare(self.codec)
                logits = self.batch.join(row.prompt, row.max_new_tokens)
            except Exception as error:
                with self._changed:
                    self.rows.remove(row)
                row.send(Failed(_said(error)))
                continue
            self.counts.seconds += time.perf_counter() - start
            self.counts.prompt_tokens += len(row.prompt)
            self._give([row], logits)

    def _step(self) -> None:
        rows = list(self.rows)
        start = time.perf_counter()
        try:
            logits = self.batch.step([row.written[-1] for row in rows])
        except Exception as error:  # whatever it was, the service goes on with the next rows
            self._remove(rows)
            for row in rows:
                row.send(Failed(_said(error)))
            return
        self.counts.seconds += time.perf_counter() - start
        self.counts.steps += 1
        self.counts.rows_in_steps += len(rows)
        self._give(rows, logits)

    def _give(self, rows: list[ServedRow], logits: Float[Tensor, "B V"]) -> None:
        """Let each row choose its token, and take out those that end with it."""
        told: list[tuple[ServedRow, Written | Failed]] = []
        for row, own in zip(rows, logits.split(1), strict=True):
            try:
                told.append((row, row.write(own)))
                self.counts.tokens += 1
            except Exception as error:  # of this row alone
                told.append((row, Failed(_said(error))))
        # Room is free before anyone hears of it: who reads the end may ask again at once.
        self._remove([row for row, one in told if isinstance(one, Failed) or one.reason])
        for row, one in told:
            row.send(one)

    def _remove(self, gone: list[ServedRow]) -> None:
        if gone:
            numbers = [number for number, row in enumerate(self.rows) if row in gone]
            self.batch.leave(numbers)
            with self._changed:
                self.rows = [row for row in self.rows if row not in gone]


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
