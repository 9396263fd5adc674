"""The command line of training: read what is wanted, check all of it, then start the ranks.

Presets and the tokenizer come in as arguments (``__main__`` passes them), so that the training
package itself depends on neither.

Chapter: 18_multi_gpu_zero
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from course_lib.config import TransformerConfig
from course_lib.data import pack, pydoc_topics, read_text_files, split
from course_lib.distributed import CheckpointError, RankFailure, launch
from course_lib.training.arguments import parser
from course_lib.training.engines import Settings, check_strategy
from course_lib.training.job import Job, Outcome, announcement, summary
from course_lib.training.parallel import check_division, run

SEPARATOR = "<|endoftext|>"
_MOST_TOKENS = 4096


def main(
    arguments: Sequence[str] | None = None,
    *,
    presets: Mapping[str, TransformerConfig],
    tokenizer: Any,
) -> int:
    """Run the command.

    Args:
        arguments: Words of the command line; None takes the program's own.
        presets: Published models by name.
        tokenizer: The class that learns and loads tokenizers.

    Returns:
        0; 1 where a rank failed; 130 after an interrupt. Bad arguments end the program with 2.

    Chapter: 18_multi_gpu_zero
    """
    reader = parser(list(presets))
    chosen = reader.parse_args(arguments)
    try:
        job, n_ranks = prepare(chosen, presets, tokenizer)
    except (ValueError, TypeError, KeyError, OSError) as error:
        reader.exit(2, f"{reader.prog}: {error}\n")
    first = os.environ.get("RANK", "0") == "0"
    try:
        if not first:
            run(job)
            return 0
        if not chosen.quiet:
            print(announcement(job, n_ranks), flush=True)
        outcome = start(job, chosen)
    except (RankFailure, CheckpointError, FloatingPointError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the last checkpoint is whole", file=sys.stderr)
        return 130
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    if not chosen.quiet:
        print(summary(outcome, job))
    return 130 if outcome.interrupted else 0


def start(job: Job, chosen: argparse.Namespace) -> Outcome:
    """Run in this process, under torchrun, or on ranks of our own."""
    needs_ranks = job.settings.strategy in ("fsdp2", "deepspeed")
    if "RANK" in os.environ or (chosen.nprocs is None and not needs_ranks):
        return run(job)
    results: list[Outcome] = launch(
        run,
        job,
        nprocs=chosen.nprocs or 1,
        timeout=3600 * chosen.time_limit,
        backend=chosen.backend,
        collective_timeout=600,
        echo=not chosen.quiet,
    )
    return results[0]


def prepare(
    chosen: argparse.Namespace, presets: Mapping[str, TransformerConfig], tokenizer: Any
) -> tuple[Job, int]:
    """Check everything that can be checked before work starts; then read and tokenize.

    Returns:
        The run, and the number of ranks.

    Raises:
        ValueError: If arguments contradict each other, or a value is out of range.
        OSError: If a file cannot be read.
    """
    check_strategy(chosen.strategy)
    config = choose_config(chosen, presets)
    n_ranks = _count_ranks(chosen)
    for name in ("steps", "batch_size", "accumulate", "checkpoint_every", "evaluate_every",
                 "seq_len", "vocab_size"):  # fmt: skip
        value = getattr(chosen, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {value}")
    for name in ("lr", "time_limit"):
        if not getattr(chosen, name) > 0:
            raise ValueError(
                f"--{name.replace('_', '-')} must be positive, got {getattr(chosen, name)}"
            )
    for name in ("weight_decay", "clip"):
        if not getattr(chosen, name) >= 0:
            raise ValueError(
                f"--{name.replace('_', '-')} must be 0 or more, got {getattr(chosen, name)}"
            )
    warmup = chosen.steps // 20 if chosen.warmup is None else chosen.warmup
    if not 0 <= warmup <= chosen.steps:
        raise ValueError(f"--warmup must be 0 to --steps {chosen.steps}, got {warmup}")
    seq_len = chosen.seq_len or config.max_seq_len
    if seq_len > config.max_seq_len:
        raise ValueError(
            f"--seq-len must be at most max_seq_len {config.max_seq_len}, got {seq_len}"
        )
    if chosen.tokenizer and chosen.vocab_size:
        raise ValueError("--vocab-size is for learning a tokenizer; --tokenizer brings its own")
    check_division(chosen.batch_size, n_ranks, chosen.accumulate)
    _check_output(chosen)

    documents = pydoc_topics() if chosen.text is None else read_text_files(chosen.text)
    share = chosen.held_out
    if share is None:
        share = 0.1 if chosen.text is None else 0.0
    learned, measured = split(documents, share) if share else (documents, [])
    words = choose_tokenizer(chosen, config, tokenizer, learned)
    config = replace(config, vocab_size=chosen.vocab_size or config.vocab_size)
    separator = words.special_tokens[SEPARATOR]
    rows, held_out = (
        pack([words.encode(text) for text in texts], seq_len, separator) if texts else None
        for texts in (learned, measured)
    )
    assert rows is not None
    if chosen.batch_size > len(rows):
        raise ValueError(
            f"--batch-size must be at most the {len(rows)} rows, got {chosen.batch_size}"
        )
    if chosen.output is not None and os.environ.get("RANK", "0") == "0":
        chosen.output.mkdir(parents=True, exist_ok=True)
        words.save(chosen.output / "tokenizer.json")
    settings = Settings(
        strategy=chosen.strategy,
        lr=chosen.lr,
        weight_decay=chosen.weight_decay,
        clip=chosen.clip or None,
        bf16=chosen.precision == "bfloat16",
        micro_batch=chosen.batch_size // (n_ranks * chosen.accumulate),
        accumulate=chosen.accumulate,
        deepspeed_stage=chosen.deepspeed_stage,
    )
    names = (
        "steps",
        "batch_size",
        "seed",
        "output",
        "checkpoint_every",
        "evaluate_every",
        "resume",
    )
    rest = {name: getattr(chosen, name) for name in names}
    return Job(
        config, rows, held_out, settings, warmup=warmup, progress=not chosen.quiet, **rest
    ), n_ranks


def choose_config(
    chosen: argparse.Namespace, presets: Mapping[str, TransformerConfig]
) -> TransformerConfig:
    """Take the preset or the file, with the fields that ``--set`` changes."""
    if (chosen.preset is None) == (chosen.config is None):
        raise ValueError("give either --preset or --config, one of them")
    if chosen.preset is not None:
        config = presets[chosen.preset]
    else:
        try:
            fields = json.loads(chosen.config.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{chosen.config} is no JSON: {error}") from error
        if not isinstance(fields, dict):
            raise ValueError(f"{chosen.config} must hold an object of fields")
        config = TransformerConfig.from_dict(fields)
    changes = {}
    for text in chosen.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set wants FIELD=VALUE, got {text!r}")
        try:
            changes[name] = json.loads(value)
        except json.JSONDecodeError:
            changes[name] = value
    config = TransformerConfig.from_dict({**config.to_dict(), **changes})
    if config.family != "decoder-only":
        raise ValueError(
            f"{chosen.preset or chosen.config} is {config.family}; this command trains "
            "decoder-only models, which predict the next token"
        )
    return config


def choose_tokenizer(
    chosen: argparse.Namespace, config: TransformerConfig, tokenizer: Any, texts: list[str]
) -> Any:
    """Load the tokenizer, or learn one from the texts to train on."""
    if chosen.tokenizer is not None:
        words = tokenizer.load(chosen.tokenizer)
        if SEPARATOR not in words.special_tokens:
            raise ValueError(
                f"{chosen.tokenizer} has no token {SEPARATOR} to put between documents"
            )
        if words.vocab_size > config.vocab_size:
            raise ValueError(
                f"{chosen.tokenizer} has {words.vocab_size} tokens, the model {config.vocab_size}"
            )
        return words
    size = chosen.vocab_size or min(config.vocab_size, _MOST_TOKENS)
    first = os.environ.get("RANK", "0") == "0"
    progress = not chosen.quiet and first and sys.stderr.isatty()
    return tokenizer.train(texts, size, special_tokens=(SEPARATOR,), progress=progress)


def _count_ranks(chosen: argparse.Namespace) -> int:
    from course_lib.distributed.processes.ranks import choose_backend

    if "RANK" in os.environ:
        if chosen.nprocs is not None:
            raise ValueError("--nprocs starts ranks, but torchrun has started them: leave it out")
        return int(os.environ.get("WORLD_SIZE", "1"))
    if chosen.nprocs is not None or chosen.strategy in ("fsdp2", "deepspeed"):
        choose_backend(1 if chosen.nprocs is None else chosen.nprocs, chosen.backend)
    return chosen.nprocs or 1


def _check_output(chosen: argparse.Namespace) -> None:
    if chosen.output is None:
        if chosen.resume or chosen.checkpoint_every:
            name = "--resume" if chosen.resume else "--checkpoint-every"
            raise ValueError(f"{name} needs --output, the folder of the checkpoints")
        return
    if chosen.output.exists() and not chosen.output.is_dir():
        raise ValueError(f"--output {chosen.output} is a file; a folder is wanted")
    first = os.environ.get("RANK", "0") == "0"
    if not first or chosen.resume or not chosen.output.exists():
        return
    if {path.name for path in chosen.output.iterdir()} - {"tokenizer.json"}:  # left by a bad start
        raise ValueError(
            f"--output {chosen.output} is not empty: pass --resume to go on, or another"
        )
