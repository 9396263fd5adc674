"""The steps after the texts: each reads from the run's folder and writes one folder, whole.

They are calls of the course's own parts; what is new here is only the order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from course_lib.capstone import checks, sentences, texts
from course_lib.capstone.settings import (
    CONTEXT_TOKENS,
    END,
    SPECIAL_TOKENS,
    STEPS,
    TURN,
    Plan,
    config_of,
)
from course_lib.data import pack
from course_lib.data.baselines import NGram, bits_per_byte
from course_lib.files import replacing_folder, write_json, write_text
from course_lib.model.transformer import Transformer
from course_lib.tokenizers import ByteLevelBPE, Tokenizer, load_tokenizer
from course_lib.training import evaluate
from course_lib.training.job import Job
from course_lib.training.job import run as run_job
from course_lib.training.objective_settings import settings_for
from course_lib.weights.handover import handover

MOST_PAIRS, MOST_HELD_OUT_PAIRS = 2_000, 200
N_EVALUATIONS = 8
ORDERS = {1: "unigram", 2: "bigram", 3: "trigram"}


def learn_tokenizer(plan: Plan) -> dict[str, Any]:
    """Learn byte-level BPE from the texts to learn from alone.

    Args:
        plan: Of the run; its texts are split.
    """
    train, held = texts.read_split(plan.out)
    asked = plan.settings.vocab_size
    words = ByteLevelBPE.train(train, asked, special_tokens=SPECIAL_TOKENS, progress=plan.progress)
    counts = [sum(len(words.encode(text)) for text in some) for some in (train, held)]
    sizes = [_n_bytes(some) for some in (train, held)]
    with replacing_folder(plan.out / "tokenizer") as folder:
        words.save(folder / "tokenizer.json")
    return {
        "asked": asked,
        "vocab_size": words.vocab_size,
        "tokens": counts[0],
        "held-out tokens": counts[1],
        "bytes a token": sizes[0] / counts[0],
        "held-out bytes a token": sizes[1] / counts[1],
    }


def pretrain_model(plan: Plan) -> dict[str, Any]:
    """Train the model on the texts; a run that was cut goes on from its last checkpoint.

    Args:
        plan: Of the run; its tokenizer is there.

    Raises:
        KeyboardInterrupt: After an interrupt, when the checkpoint is written.
        ValueError: If the text has fewer rows than a batch.
    """
    words, settings = _words(plan.out), plan.settings
    train, held = _rows(plan.out, words)
    if settings.batch_size > len(train):
        raise ValueError(
            f"batch_size must be at most the {len(train)} rows of the text, got "
            f"{settings.batch_size}"
        )
    config = config_of(settings.size, words.vocab_size)
    steps = max(N_EVALUATIONS, round(settings.passes * len(train) / settings.batch_size))
    job = Job(
        config,
        train,
        held,
        "plain",
        steps=steps,
        batch_size=settings.batch_size,
        objective=settings_for("causal", words, config.vocab_size, CONTEXT_TOKENS),
        lr=settings.lr,
        seed=settings.seed,
        output=plan.out / "pretrained",
        checkpoint_every=max(1, steps // 20),
        evaluate_every=max(1, steps // N_EVALUATIONS),
        resume=True,
        progress=plan.progress,
    )
    words.save(_made(plan.out / "pretrained") / "tokenizer.json")
    history = run_job(job)
    if history.interrupted:
        raise KeyboardInterrupt
    return {
        "parameters": config.n_parameters(),
        "tokens": int((train[:, 1:] >= 0).sum()),
        "passes": settings.passes,
        "steps": steps,
        "losses": [history.losses[0], history.losses[-1]],
        "evaluations": [list(pair) for pair in history.evaluations],
        "seconds": history.total_seconds,
    }


def tune(plan: Plan) -> dict[str, Any]:
    """Teach the model its small use, and write it as it will be served.

    Args:
        plan: Of the run; its model is pre-trained.

    Raises:
        KeyboardInterrupt: After an interrupt: the step is made again.
    """
    words, settings = _words(plan.out), plan.settings
    turn, longest = words.special_id(TURN), CONTEXT_TOKENS
    learned, measured = texts.read_split(plan.out)
    train = sentences.sentences(learned)
    held = sentences.unseen(sentences.sentences(measured), learned)
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(settings.seed))
    make = partial(sentences.begun, tokenizer=words, longest_tokens=longest)
    pairs = make([train[i] for i in order.tolist()], at_most=MOST_PAIRS)
    asked = make(held, at_most=MOST_HELD_OUT_PAIRS)
    model = Transformer.from_pretrained(plan.out / "pretrained")
    result: dict[str, Any] = {"pairs": len(pairs), "held-out pairs": len(asked)}
    if not pairs or not asked:
        _write_model(model, words, plan.out / "model", None)
        return result
    tuned, history = sentences.tune(
        model,
        pairs,
        steps=settings.tune_steps,
        lr=settings.tune_lr,
        seed=settings.seed,
        progress=plan.progress,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    rows = _rows(plan.out, words)[1]
    both = (model, tuned)
    room = longest - max(len(pair.prompt) for pair in asked)
    result |= {
        "steps": settings.tune_steps,
        "reply loss": [sentences.reply_loss(one, asked) for one in both],
        "text loss": [evaluate(one, rows) for one in both],
        "ends": sentences.share_that_ends(tuned, asked, turn, room),
    }
    _write_model(tuned, words, plan.out / "model", turn)
    return result


def measure_all(plan: Plan) -> dict[str, Any]:
    """Measure on held-out text: tables of counts, the model untrained, pre-trained and tuned.

    Args:
        plan: Of the run; its model is tuned.

    Returns:
        Bits a byte of each: a number that does not depend on the tokenizer.
    """
    words = _words(plan.out)
    train, held = _rows(plan.out, words)
    config, seed = config_of(plan.settings.size, words.vocab_size), plan.settings.seed
    untrained = Transformer(config, generator=torch.Generator().manual_seed(seed))
    nats = {"untrained": evaluate(untrained, held)}
    for order, name in ORDERS.items():
        nats[name] = NGram(train, config.vocab_size, order).evaluate(held)
    for name, folder in (("pre-trained", "pretrained"), ("tuned", "model")):
        nats[name] = evaluate(Transformer.from_pretrained(plan.out / folder), held)
    n_tokens = int((held[:, 1:] >= 0).sum())
    n_bytes = _n_bytes(texts.read_split(plan.out)[1])
    bits = {name: bits_per_byte(value, n_tokens, n_bytes) for name, value in nats.items()}
    return {"nats a token": nats, "bits a byte": bits}


def hand_over(plan: Plan) -> dict[str, Any]:
    """Write the model for other engines, and check each that is installed.

    Args:
        plan: Of the run; its model is tuned.
    """
    with replacing_folder(plan.out / "handover") as folder:
        made = handover(plan.out / "model", folder)
        where = str(folder), str(plan.out / "handover")
        commands = (folder / "commands.txt").read_text(encoding="utf-8").replace(*where)
        write_text(folder / "commands.txt", commands)
    return {"engines": {one.engine: [one.state, one.told.replace(*where)] for one in made}}


@dataclass(frozen=True)
class CapstoneStep:
    """A step of the run.

    Attributes:
        work: Does it, and returns numbers as JSON has them.
        check: Reads these and says what is missing.
        folders: What it writes, below the run's folder.
        says: What is told while it works.
    """

    work: Callable[[Plan], dict[str, Any]]
    check: Callable[[Mapping[str, Any]], list[checks.Finding]]
    folders: tuple[str, ...]
    says: str


WORK = {
    "curate": CapstoneStep(texts.curate, checks.check_curated, ("curated",), "filter the raw text"),
    "split": CapstoneStep(
        texts.split_texts, checks.check_split, ("texts",), "keep a part to measure on"
    ),
    "tokenizer": CapstoneStep(
        learn_tokenizer, checks.check_tokenizer, ("tokenizer",), "learn the tokenizer"
    ),
    "pretrain": CapstoneStep(
        pretrain_model, checks.check_pretrained, ("pretrained",), "pre-train the model"
    ),
    "tune": CapstoneStep(tune, checks.check_tuned, ("model",), "tune it to end a sentence"),
    "evaluate": CapstoneStep(
        measure_all, checks.check_evaluated, (), "measure it against counting"
    ),
    "handover": CapstoneStep(
        hand_over, checks.check_handed_over, ("handover",), "write it for other engines"
    ),
}
assert tuple(WORK) == STEPS


def _words(out: Path) -> Tokenizer:
    return load_tokenizer(out / "tokenizer")


def _rows(out: Path, words: Tokenizer) -> tuple[torch.Tensor, torch.Tensor]:
    end = words.special_id(END)
    train, held = (
        pack([words.encode(text) for text in some], CONTEXT_TOKENS, end)
        for some in texts.read_split(out)
    )
    return train, held


def _n_bytes(some: list[str]) -> int:
    return sum(len(text.encode()) for text in some)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_model(model: Transformer, words: Tokenizer, target: Path, turn: int | None) -> None:
    """Write weights, tokenizer and, where the model knows conversations, its chat template."""
    end = words.special_id(END)
    ends = [end] if turn is None else [end, turn]
    model.published_fields = dict(model.published_fields) | {"eos_token_id": ends}
    about: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END}
    if turn is not None:
        about |= {"eos_token": TURN, "chat_template": sentences.TEMPLATE}
    with replacing_folder(target) as folder:
        model.save_pretrained(folder)
        words.save(folder / "tokenizer.json")
        write_json(folder / "tokenizer_config.json", about)
