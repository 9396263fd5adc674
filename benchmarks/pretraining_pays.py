"""What pre-training is worth on the made tasks: one small model, tuned from it and from scratch.

An encoder is pre-trained once by masking for sentiment, entities and word classes, and an
encoder-decoder once by infilling for translation and summarization, and a decoder by next tokens
for answering. Every pair of runs shares its seed, its items and its updates; the verdict asks for
more than two standard errors, and for the same sign with twice the pre-training. The last line is
the case in which it does not pay: there are labels enough. A gain is no skill yet: answers to
questions stand beside a guess among the things that the text names, and beside the same pre-trained
model tuned without the text. The decoder reads who has what, again and again, and lists of words
that begin again, in the task's words: what follows a word is what followed it before, at nearly
every place, and that is the lookup that an answer takes. CPU time on one thread: some minutes a
seed.
Run: python benchmarks/pretraining_pays.py [--seeds 0 1 2] [--tasks sentiment ...]
"""

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import _measure
import torch
from torch import Tensor

from course_lib.ablate import Ablation, ablate, judge
from course_lib.command_line import file_path
from course_lib.config import TransformerConfig
from course_lib.data import batches
from course_lib.model.transformer import Transformer
from course_lib.objectives import (
    IGNORE,
    Example,
    causal_example,
    denoising_example,
    infill,
    masked_example,
)
from course_lib.tasks import (
    MADE,
    METRICS,
    Encoder,
    Question,
    TextPair,
    answer,
    encode_items,
    fine_tune,
    made_tokenizer,
    right_answers,
    task_model,
)
from course_lib.tasks.made import facts
from course_lib.tasks.made.tokenizer import SPECIAL
from course_lib.tokenizers import WordPiece
from course_lib.training import adamw, train, warmup_cosine, warmup_stable_decay

TOKENIZER = made_tokenizer()
# The words of the questions alone: a small head makes an update of the decoder cheap.
FEW_WORDS = WordPiece(
    {piece: n for n, piece in enumerate([*SPECIAL, ".", *facts.WORDS])}, clean_up=False
)
SIZES: dict[str, Any] = {"vocab_size": TOKENIZER.vocab_size, "d_model": 64, "n_heads": 4}
ENCODER = TransformerConfig(**SIZES, n_encoder_layers=2, max_seq_len=48)
BOTH = TransformerConfig(
    **SIZES, n_encoder_layers=1, n_decoder_layers=1, max_seq_len=48, position="relative", norm="rms"
)
# Unscaled scores start T5's way, each matrix by its number of inputs: 0.02, the other way, is that
# of a model twelve times as wide.
DECODER = TransformerConfig(
    **SIZES | {"vocab_size": FEW_WORDS.vocab_size},
    n_decoder_layers=2,
    max_seq_len=48,
    position="alibi",
    norm="rms",
    scale_scores=False,
    tie_embeddings=False,
)
TOKENIZERS = {ENCODER: TOKENIZER, BOTH: TOKENIZER, DECODER: FEW_WORDS}
# Task: model, items, updates of tuning.
TASKS = {
    "sentiment": (ENCODER, 16, 100),
    "entities": (ENCODER, 32, 100),
    "word-classes": (ENCODER, 32, 100),
    "translation": (BOTH, 400, 200),
    "summarization": (BOTH, 400, 200),
    "answering": (DECODER, 400, 200),
}
TEXTS, N_TEST, MANY = 6000, 200, 256
N_LISTS, N_NOTES, LENGTH = 14_000, 6_000, 36
PERSONS, THINGS = facts.WORDS[6:14], facts.WORDS[14:]
PRETRAINING_STEPS = {ENCODER: 1200, BOTH: 2000, DECODER: 600}
RATE = {ENCODER: 3e-3, BOTH: 3e-3, DECODER: 2e-3}
ADAM: dict[TransformerConfig, dict[str, Any]] = {
    DECODER: {"weight_decay": 0.0, "betas": (0.9, 0.98)}
}
# With 16 texts an update the encoder does not learn in time which words praise and which blame.
BATCH = {ENCODER: 64, BOTH: 16, DECODER: 32}
RESULT = _measure.RESULTS / "pretraining_pays.json"


def lists(n: int, rng: Random) -> list[str]:
    """Lists of words that begin again when they are through, the first time at any of them."""
    written = []
    for _ in range(n):
        words = rng.sample(PERSONS + THINGS, rng.randint(8, 16))
        start = rng.randrange(len(words))
        again = [*words[start:], *words[:start]] * LENGTH
        written.append(" ".join([*words, *again][:LENGTH]))
    return written


def notes(n: int, rng: Random) -> list[str]:
    """Who has what, for up to four persons, and again for any of them: `ben tea . eva rice .`."""
    written = []
    for _ in range(n):
        k = rng.randint(1, facts.N_FACTS)
        who, what = rng.sample(PERSONS, k), rng.sample(THINGS, k)
        if rng.random() < 0.5:
            what = rng.choices(what, k=k)
        has = dict(zip(who, what, strict=True))
        told = [*who, *rng.choices(who, k=LENGTH // 3 - k)]
        written.append(" ".join(f"{one} {has[one]} ." for one in told))
    return written


def rows(config: TransformerConfig, seed: int) -> torch.Tensor:
    """The texts of all tasks of a model, a row each."""
    generator = torch.Generator().manual_seed(seed)
    names = [name for name, (of, _, _) in TASKS.items() if of is config]
    if config is DECODER:
        rng = Random(seed)
        texts = lists(N_LISTS, rng) + notes(N_NOTES, rng)
    else:
        texts = [text for name in names for text in MADE[name].texts(TEXTS, generator)]
    encoder = Encoder.of(TOKENIZERS[config], config)
    ids = [encoder.frame(text) for text in texts]
    made = torch.full((len(ids), max(map(len, ids))), IGNORE)
    for row, one in zip(made, ids, strict=True):
        row[: len(one)] = torch.tensor(one)
    return made


def untrained(config: TransformerConfig, seed: int) -> Transformer:
    """A model from random weights."""
    return Transformer(config, generator=torch.Generator().manual_seed(seed))


def known_next_tokens(batch: Tensor, generator: torch.Generator) -> Example:
    """Ask for the next token where it stood in the text before: a first one can only be guessed."""
    example = causal_example(batch)
    before = (example.targets[:, :, None] == example.inputs[:, None, :]).tril().any(-1)
    return replace(example, targets=example.targets.masked_fill(~before, IGNORE))


@cache
def pretrained(config: TransformerConfig, seed: int, budget: int) -> Transformer:
    """A model pre-trained on the texts of its tasks; it has seen no label."""
    mask, end = TOKENIZER.special_id("[MASK]"), TOKENIZER.special_id("[SEP]")
    objective: Callable[..., Example]
    if config is ENCODER:
        special = tuple(TOKENIZER.special_tokens.values())
        objective = partial(
            masked_example,
            mask_id=mask,
            vocab_size=config.vocab_size,
            special_ids=special,
            rate=0.3,
        )
    elif config is DECODER:
        objective = known_next_tokens
    else:
        noises = [partial(infill, mask_id=mask, rate=0.3)]
        objective = partial(denoising_example, noises=noises, start_id=end)
    model, steps = untrained(config, seed), budget * PRETRAINING_STEPS[config]
    schedule = warmup_cosine(steps=steps, warmup=steps // 10)
    if config is DECODER:
        schedule = warmup_stable_decay(steps=steps, warmup=50, decay=steps // 2)
    draws = torch.Generator().manual_seed(seed)
    order = batches(rows(config, seed), BATCH[config], generator=draws)
    short = (batch[:, : int((batch != IGNORE).sum(1).max())] for batch in order)
    history = train(
        model,
        short,
        optimizer=adamw(model, RATE[config], **ADAM.get(config, {})),
        steps=steps,
        schedule=schedule,
        objective=objective,
        seed=seed,
        progress=False,
    )
    last = statistics.mean(history.losses[-50:])
    print(f"{config.family}, seed {seed}: {steps} updates, loss {last:.2f}", flush=True)
    return model


def draw(task: str, n_items: int, generator: torch.Generator) -> tuple[list[Any], list[Any]]:
    """Items to tune on, and others to score on."""
    return MADE[task].items(n_items, generator), MADE[task].items(N_TEST, generator)


def guess(task: str, n_items: int, seed: int) -> float:
    """Score a guess: one of those words of the text that are the answer to some question."""
    generator = torch.Generator().manual_seed(1000 + seed)
    items, test = draw(task, n_items, generator)
    answers = set(right_answers([*items, *test]))
    said = []
    for item in test:
        named = [word for word in item.context.split() if word in answers]
        said.append(named[int(torch.randint(len(named), (), generator=generator))])
    return METRICS[MADE[task].metric](right_answers(test), said)


def without_text(items: list[Question]) -> list[TextPair]:
    """The questions alone."""
    return [TextPair(item.question, item.answer) for item in items]


def score(
    *,
    seed: int,
    task: str,
    pretrain: bool,
    n_items: int,
    budget: int = 1,
    text: bool = True,
) -> float:
    """Tune on some items of a task, and score on others; the budget is that of pre-training."""
    config, _, steps = TASKS[task]
    generator = torch.Generator().manual_seed(1000 + seed)
    items, test = draw(task, n_items, generator)
    if not text:
        items, test = without_text(items), without_text(test)
    base = copy.deepcopy(pretrained(config, seed, budget)) if pretrain else untrained(config, seed)
    encoder = Encoder.of(TOKENIZERS[config], config)
    model = task_model(base, items, MADE[task].labels, generator)
    examples = encode_items(items, encoder, MADE[task].labels)
    fine_tune(model, examples, steps=steps, lr=2e-3, seed=seed, progress=False)
    said = answer(model, test, encoder, MADE[task].labels, max_new_tokens=24)
    return METRICS[MADE[task].metric](right_answers(test), said)


def compare(task: str, n_items: int, seeds: list[int]) -> dict[str, Any]:
    """One task with and without pre-training, over seeds, and once with twice as much of it."""
    found = ablate(
        score,
        {"task": task, "pretrain": False, "n_items": n_items},
        {"pretrain": True},
        seeds=seeds,
        standard_errors=2.0,
        lower_is_better=False,
    )
    clear = found.verdict != "no effect"
    twice = score(seed=seeds[0], task=task, pretrain=True, n_items=n_items, budget=2)
    found = replace(found, longer=((found.without[0], twice),))
    print(
        f"{task:14} {n_items:4} items  scratch {statistics.mean(found.without):.3f}  "
        f"pre-trained {statistics.mean(found.with_change):.3f}  "
        f"difference {found.difference:+.3f}, standard error {found.standard_error:.3f}; "
        f"with twice the pre-training {twice:.3f}: {found.verdict}",
        flush=True,
    )
    more = {}
    if isinstance(MADE[task].items(1, torch.Generator())[0], Question):
        more = beside_a_guess(task, n_items, found)
    return {
        "task": task,
        "items": n_items,
        "metric": MADE[task].metric,
        "best": MADE[task].best,
        "scratch": list(found.without),
        "pretrained": list(found.with_change),
        "standard_error": found.standard_error,
        "beyond_two_standard_errors": clear,
        "twice_the_pretraining": twice,
        "verdict": found.verdict,
        **more,
    }


def beside_a_guess(task: str, n_items: int, found: Ablation) -> dict[str, Any]:
    """What whoever does not look up the fact gets, and whether the pre-trained model is above it.

    Args:
        task: One of questions.
        n_items: Tuned on.
        found: The comparison with the model from scratch.
    """
    seeds, twice = found.seeds, found.longer[0][1]
    guessed = [guess(task, n_items, seed) for seed in seeds]
    blind = [
        score(seed=seed, task=task, pretrain=True, n_items=n_items, text=False) for seed in seeds
    ]
    against = judge(
        guessed,
        found.with_change,
        seeds=seeds,
        change=("answer", "guessed", "looked up"),
        standard_errors=2.0,
        lower_is_better=False,
        longer=((guessed[0], twice),),
    )
    print(
        f"{task:14} {n_items:4} items  a guess among the things of the text "
        f"{statistics.mean(guessed):.3f}  tuned without the text {statistics.mean(blind):.3f}  "
        f"pre-trained against the guess {against.difference:+.3f}, standard error "
        f"{against.standard_error:.3f}: {against.verdict}",
        flush=True,
    )
    return {
        "guess": guessed,
        "without_the_text": blind,
        "guess_standard_error": against.standard_error,
        "verdict_against_the_guess": against.verdict,
    }


def others(file: Path, tasks: list[str]) -> list[dict[str, Any]]:
    """Stored results of tasks that are not measured now, each with the day of its own run."""
    if not file.is_file():
        return []
    stored = json.loads(file.read_text(encoding="utf-8"))
    run = {name: stored[name] for name in ("date", "processor")}
    return [{"run": run, **row} for row in stored["results"] if row["task"] not in tasks]


def main() -> None:
    """Compare all tasks, and write the results; those of other tasks stay as they are."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    reader.add_argument("--tasks", nargs="+", choices=tuple(TASKS), default=list(TASKS))
    reader.add_argument("--output", type=file_path, default=RESULT, help="file to write")
    chosen = reader.parse_args()
    if chosen.output.is_dir():
        reader.error(f"--output {chosen.output} is a folder; a file is wanted")
    kept = others(chosen.output, chosen.tasks)
    torch.set_num_threads(1)
    began = time.process_time()
    results = [compare(task, TASKS[task][1], chosen.seeds) for task in chosen.tasks]
    if "sentiment" in chosen.tasks:
        results.append(compare("sentiment", MANY, chosen.seeds))
    order = list(TASKS)
    results += kept
    results.sort(key=lambda row: (row["items"] == MANY, order.index(row["task"])))
    content = {
        "command": f"python benchmarks/pretraining_pays.py --tasks {' '.join(chosen.tasks)}",
        "seeds": chosen.seeds,
        "torch": torch.__version__.split("+")[0],
        "cpu_seconds": round(time.process_time() - began),
        "results": results,
    }
    _measure.store(content, chosen.output)


if __name__ == "__main__":
    main()
