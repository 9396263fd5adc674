"""The small use that any text allows: go on with a sentence that somebody began, and stop.

A pre-trained model goes on and on. Pairs of the beginning and the rest of a sentence, written as a
question and a reply, teach it the form of a conversation and where a reply ends.

Chapter: 20_capstone
"""

import copy
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from course_lib.adaptation import answer_example
from course_lib.capstone.settings import ASSISTANT, TURN
from course_lib.data import batches
from course_lib.data.corpora import paragraphs
from course_lib.data.curation import Page
from course_lib.generation import generate
from course_lib.model.transformer import Transformer
from course_lib.objectives import Example
from course_lib.prompting.chat import ChatTemplate
from course_lib.tokenizers import Tokenizer
from course_lib.training import History, adamw, evaluate, linear, train

TEMPLATE = (
    "{% for m in messages %}{% if m['role'] not in ['user', 'assistant'] %}"
    "{{ raise_exception('this model knows the roles user and assistant') }}{% endif %}"
    "<|{{ m['role'] }}|>{{ m['content'] }}" + TURN + "{% endfor %}"
    "{% if add_generation_prompt %}" + ASSISTANT + "{% endif %}"
)
SHORTEST_WORDS, LONGEST_WORDS = 8, 40
_OPENING = 4  # words, or fewer where a sentence has fewer, by which it is looked up
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")


class Begun(NamedTuple):
    """A sentence in two halves, as ids.

    Attributes:
        prompt: A user's message with the first half, and what the reply begins with.
        reply: The second half, and the token that ends a turn.
    """

    prompt: list[int]
    reply: list[int]


def sentences(texts: Iterable[str]) -> list[str]:
    """Cut texts into sentences of usual length, each once.

    Args:
        texts: Documents. A sentence ends at a full stop, an exclamation or a question mark; texts
            that use none of them have no sentences here.
    """
    found: dict[str, None] = {}
    for text in texts:
        for paragraph in paragraphs(text):
            for sentence in _END_OF_SENTENCE.split(paragraph):
                n_words = len(sentence.split())
                if SHORTEST_WORDS <= n_words <= LONGEST_WORDS and sentence[-1] in ".!?":
                    found[sentence] = None
    return list(found)


def unseen(some: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Leave out the sentences that stand word for word in other texts, whatever their case.

    What shares a run of 13 words is already taken out of held-out text; a shorter sentence is not.

    Args:
        some: Sentences to measure on.
        texts: That are learned from.
    """
    left = {sentence: tuple(Page(sentence).lower_words) for sentence in some}
    by_opening: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for words in left.values():
        by_opening.setdefault(words[:_OPENING], set()).add(words)
    lengths = {len(opening) for opening in by_opening if opening}
    seen: set[tuple[str, ...]] = set()
    for text in texts:
        words = tuple(Page(text).lower_words)
        for i in range(len(words)):
            for length in lengths:
                for one in by_opening.get(words[i : i + length], ()):
                    if words[i : i + len(one)] == one:
                        seen.add(one)
    return [sentence for sentence, words in left.items() if words not in seen]


def begun(
    some: Iterable[str], tokenizer: Tokenizer, *, longest_tokens: int, at_most: int | None = None
) -> list[Begun]:
    """Turn sentences into questions and replies, halved between two words.

    Args:
        some: Sentences.
        tokenizer: With the tokens of the template.
        longest_tokens: Longer pairs are left out.
        at_most: Pairs after which to stop; None takes all.
    """
    template, turn, made = ChatTemplate(TEMPLATE), tokenizer.special_id(TURN), []
    for sentence in some:
        words = sentence.split()
        first, rest = " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])
        prompt = template.encode(tokenizer, [{"role": "user", "content": first}])
        pair = Begun(prompt, [*tokenizer.encode(" " + rest), turn])
        if len(pair.prompt) + len(pair.reply) <= longest_tokens:
            made.append(pair)
        if at_most is not None and len(made) >= at_most:
            break
    return made


def reply_loss(model: Transformer, pairs: Sequence[Begun], batch_size: int = 32) -> float:
    """Nats a token of the replies.

    Args:
        model: The model.
        pairs: At least one.
        batch_size: Pairs read at a time.
    """
    parts = [pairs[i : i + batch_size] for i in range(0, len(pairs), batch_size)]
    return evaluate(model, [_example(part) for part in parts])


def share_that_ends(model: Transformer, pairs: Sequence[Begun], turn: int, n_new: int) -> float:
    """Share of the replies that the model ends by itself, greedily written.

    Args:
        model: In evaluation mode.
        pairs: Whose prompts are asked.
        turn: Id that ends a reply.
        n_new: Tokens after which a reply is cut.
    """
    longest = max(len(pair.prompt) for pair in pairs)
    tokens = torch.tensor([[turn] * (longest - len(p.prompt)) + p.prompt for p in pairs])
    keep = torch.tensor([[i >= longest - len(p.prompt) for i in range(longest)] for p in pairs])
    told = generate(model, tokens, max_new_tokens=n_new, keep=keep, eos_id=turn)
    return float((told.tokens == turn).any(1).float().mean())


def tune(
    model: Transformer,
    pairs: Sequence[Begun],
    *,
    steps: int,
    lr: float,
    seed: int,
    batch_size: int = 16,
    progress: bool = False,
) -> tuple[Transformer, History]:
    """Train a copy of a model on pairs; only the replies count.

    Args:
        model: Pre-trained; stays as it is.
        pairs: At least one.
        steps: Updates.
        lr: Peak learning rate.
        seed: Draws the order.
        batch_size: Pairs of an update; all of them, where there are less.
        progress: Whether to show a bar.

    Returns:
        The tuned copy, in evaluation mode, and its course.
    """
    tuned = copy.deepcopy(model)

    def picked(numbers: torch.Tensor, generator: torch.Generator) -> Example:
        return _example([pairs[i] for i in numbers[:, 0].tolist()])

    order = batches(
        torch.arange(len(pairs))[:, None],
        min(batch_size, len(pairs)),
        generator=torch.Generator().manual_seed(seed + 2),
    )
    history = train(
        tuned,
        order,
        optimizer=adamw(tuned, lr, 0.0),
        steps=steps,
        schedule=linear(steps=steps, warmup=min(10, steps)),
        objective=picked,
        seed=seed,
        progress=progress,
    )
    return tuned.eval(), history


def _example(pairs: Sequence[Begun]) -> Example:
    return answer_example([pair.prompt for pair in pairs], [pair.reply for pair in pairs])
