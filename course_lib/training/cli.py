"""The command line of training: read what is wanted, check all of it, then start the ranks.

Presets and the tokenizer come in as arguments (``__main__`` passes them), so that the training
package itself depends on neither.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from course_lib.command_line import in_options, what_is_kept
from course_lib.config import TransformerConfig
from course_lib.data import pack, pydoc_topics, read_text_files, split
from course_lib.distributed import CheckpointError, RankFailure, launch
from course_lib.files import read_json
from course_lib.locks import READ_ONLY, only_run
from course_lib.training.arguments import parser
from course_lib.training.engines import check_strategy
from course_lib.training.history import History
from course_lib.training.job import Job, announcement, check_division, run, summary
from course_lib.training.objective_settings import (
    FAMILY_OF,
    SEPARATORS,
    check_options,
    row_length,
    settings_for,
    special_tokens,
)
from course_lib.training.optimizer import LARGEST_RATE
from course_lib.training.run_folder import check_run_folder, has_tokenizer_of_run

SEPARATOR = SEPARATORS[0]
_MOST_TOKENS = 4096
_MOST = 2**53  # the last up to which a float knows every whole number


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

    Raises:
        BrokenPipeError: Whoever read the output is gone.
    """
    reader = parser(list(presets))
    chosen = reader.parse_args(arguments)
    with contextlib.ExitStack() as held:
        try:
            job, n_ranks = prepare(chosen, presets, tokenizer, held)
        except (ValueError, TypeError, KeyError, OSError) as error:
            reader.exit(2, f"{reader.prog}: {in_options(error, chosen)}\n")
        return _carry_out(job, n_ranks, chosen)


def _carry_out(job: Job, n_ranks: int, chosen: argparse.Namespace) -> int:
    first = os.environ.get("RANK", "0") == "0"
    try:
        if not first:
            run(job)
            return 0
        if not chosen.quiet:
            print(announcement(job, n_ranks), flush=True)
        history = start(job, chosen)
    except BrokenPipeError:
        raise  # whoever reads the output has gone: `run_command` ends this quietly
    except (RankFailure, CheckpointError, FloatingPointError, ValueError, OSError) as error:
        print(f"{type(error).__name__}: {in_options(error, chosen)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        kept = what_is_kept(chosen.output, "a checkpoint, if there is one, is whole")
        print(f"interrupted; {kept}", file=sys.stderr)
        return 130
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    if not chosen.quiet:
        print(summary(history, job))
    if history.interrupted:
        kept = what_is_kept(chosen.output, "--resume goes on")
        print(f"interrupted after {history.steps} steps; {kept}", file=sys.stderr)
    return 130 if history.interrupted else 0


def start(job: Job, chosen: argparse.Namespace) -> History:
    """Run in this process, under torchrun, or on ranks of our own."""
    needs_ranks = job.strategy == "fsdp2"
    if "RANK" in os.environ or (chosen.nprocs is None and not needs_ranks):
        return run(job)
    results: list[History] = launch(
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
    chosen: argparse.Namespace,
    presets: Mapping[str, TransformerConfig],
    tokenizer: Any,
    held: contextlib.ExitStack,
) -> tuple[Job, int]:
    """Check everything that can be checked before work starts; then read and tokenize.

    Args:
        chosen: The arguments.
        presets: Published models by name.
        tokenizer: The class that learns and loads tokenizers.
        held: Gets the lock of the folder that is written.

    Returns:
        The run, and the number of ranks.

    Raises:
        ValueError: If arguments contradict each other, or a value is out of range.
        OSError: If a file cannot be read.
    """
    n_ranks = _count_ranks(chosen)
    strategy = _choose_strategy(chosen, n_ranks)
    config = choose_config(chosen, presets)
    _check_numbers(chosen)
    if chosen.vocab_size:
        _check_memory(replace(config, vocab_size=chosen.vocab_size))
    seq_len = chosen.seq_len or config.max_seq_len
    if seq_len > config.max_seq_len:
        raise ValueError(
            f"--seq-len must be at most max_seq_len {config.max_seq_len}, got {seq_len}"
        )
    if chosen.tokenizer and chosen.vocab_size:
        raise ValueError("--vocab-size is for learning a tokenizer; --tokenizer brings its own")
    name = choose_objective(chosen, config)
    options = (chosen.mask_rate, chosen.mean_span, chosen.noise, chosen.whole_words)
    check_options(name, *options)
    length = row_length(name, seq_len)
    check_division(chosen.batch_size, n_ranks, chosen.accumulate)
    check_run_folder(chosen, strategy)

    documents = pydoc_topics() if chosen.text is None else read_text_files(chosen.text)
    share = _share_held_out(chosen)
    if share and len(documents) < 2:
        raise ValueError(f"--held-out {share} needs 2 texts or more, got {len(documents)}")
    learned, measured = split(documents, share) if share else (documents, [])
    needed = special_tokens(name, length, chosen.mask_rate, chosen.mean_span)
    words = choose_tokenizer(chosen, config, tokenizer, learned, needed)
    config = replace(config, vocab_size=chosen.vocab_size or config.vocab_size)
    objective = settings_for(
        name,
        words,
        config.vocab_size,
        length,
        rate=chosen.mask_rate,
        mean_span=chosen.mean_span,
        noises=chosen.noise,
        whole_words=chosen.whole_words,
    )
    shared = 1 if name == "causal" else 0
    rows, held_out = (
        pack([words.encode(t) for t in texts], length, objective.separator_id, shared=shared)
        if texts
        else None
        for texts in (learned, measured)
    )
    assert rows is not None
    if chosen.batch_size > len(rows):
        raise ValueError(
            f"--batch-size must be at most the {len(rows)} rows, got {chosen.batch_size}"
        )
    if chosen.output is not None and os.environ.get("RANK", "0") == "0":
        try:
            held.enter_context(only_run(chosen.output / "run"))
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise
            raise ValueError(
                f"--output {chosen.output} cannot be written: {error.strerror}"
            ) from error
        check_run_folder(chosen, strategy)  # once more: another run may have been here meanwhile
        if not (chosen.resume and has_tokenizer_of_run(chosen.output)):
            words.save(chosen.output / "tokenizer.json")
    names = ("steps", "batch_size", "warmup", "decay", "lr", "weight_decay", "precision",
             "accumulate", "seed", "output", "checkpoint_every", "keep_last", "evaluate_every",
             "resume")  # fmt: skip
    rest = {name: getattr(chosen, name) for name in names}
    job = Job(
        config,
        rows,
        held_out,
        strategy,
        clip=chosen.clip or None,
        progress=not chosen.quiet,
        curve=chosen.curve,
        objective=objective,
        **rest,
    )
    return job, n_ranks


def _share_held_out(chosen: argparse.Namespace) -> float:
    if chosen.held_out is not None:
        return float(chosen.held_out)
    return 0.1 if chosen.text is None else 0.0


def _check_numbers(chosen: argparse.Namespace) -> None:
    counts = ("steps", "batch_size", "accumulate", "checkpoint_every", "keep_last",
              "evaluate_every", "seq_len", "vocab_size")  # fmt: skip
    for name in counts:
        value = getattr(chosen, name)
        if value is not None and not 1 <= value < _MOST:
            wanted = "at least 1" if value < 1 else "less than 2**53"
            raise ValueError(f"{_word(name)} must be {wanted}, got {str(value):.24}")
    if chosen.evaluate_every is not None and not _share_held_out(chosen):
        raise ValueError("--evaluate-every needs text to measure on: give --held-out above 0")
    for name in ("lr", "time_limit", "weight_decay", "clip"):
        value = getattr(chosen, name)
        positive = name in ("lr", "time_limit")
        if not (value > 0 if positive else value >= 0):
            wanted = "positive" if positive else "0 or more"
            raise ValueError(f"{_word(name)} must be {wanted}, got {value}")
        if math.isinf(value):
            raise ValueError(f"{_word(name)} must be finite, got {value}")
    if chosen.lr > LARGEST_RATE:
        raise ValueError(f"--lr must be at most {LARGEST_RATE:g}, got {chosen.lr}")
    if chosen.warmup is not None and not 0 <= chosen.warmup <= chosen.steps:
        raise ValueError(f"--warmup must be 0 to --steps {chosen.steps}, got {chosen.warmup}")
    warmup = chosen.steps // 20 if chosen.warmup is None else chosen.warmup
    if chosen.decay is not None and not 0 <= chosen.decay <= chosen.steps - warmup:
        raise ValueError(
            f"--decay must be 0 to {chosen.steps - warmup}, which the warm-up leaves of --steps, "
            f"got {chosen.decay}"
        )
    if not 0 <= chosen.seed < 2**63 - 1:
        raise ValueError(f"--seed must be 0 to 2**63 - 2, got {chosen.seed}")


def _word(name: str) -> str:
    return "--" + name.replace("_", "-")


def _choose_strategy(chosen: argparse.Namespace, n_ranks: int) -> str:
    strategy: str = chosen.strategy
    if strategy is None:
        strategy = "plain" if n_ranks == 1 else "ddp"
    check_strategy(strategy)
    if strategy == "plain" and n_ranks > 1:
        raise ValueError(f"--strategy plain is for one process, got {n_ranks} ranks")
    if strategy == "plain" and chosen.keep_last is not None:
        raise ValueError("--keep-last is for the folders of sharded runs: plain has one file")
    return strategy


def choose_config(
    chosen: argparse.Namespace, presets: Mapping[str, TransformerConfig]
) -> TransformerConfig:
    """Take the preset or the file, with the fields that ``--set`` changes."""
    if (chosen.preset is None) == (chosen.config is None):
        raise ValueError("give either --preset or --config, one of them")
    if chosen.preset is not None:
        config = presets[chosen.preset]
    else:
        config = TransformerConfig.from_dict(read_json(chosen.config))
    changes = {}
    for text in chosen.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set wants FIELD=VALUE, got {text!r}")
        if name in changes:
            raise ValueError(f"--set names {name} twice: {' '.join(chosen.set)}")
        try:
            changes[name] = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            changes[name] = value
    config = TransformerConfig.from_dict({**config.to_dict(), **changes})
    _check_memory(config)
    return config


def choose_objective(chosen: argparse.Namespace, config: TransformerConfig) -> str:
    """Take the objective that was named, or that of the model's family."""
    if chosen.objective is None:
        return next(name for name, family in FAMILY_OF.items() if family == config.family)
    wanted: str = FAMILY_OF[chosen.objective]
    if wanted != config.family:
        own = ", ".join(name for name, family in FAMILY_OF.items() if family == config.family)
        raise ValueError(
            f"--objective {chosen.objective} is for {wanted} models; "
            f"{chosen.preset or chosen.config} is {config.family}, which takes {own}"
        )
    return str(chosen.objective)


def _check_memory(config: TransformerConfig) -> None:
    """Refuse a model of which this machine cannot even hold the weights."""
    needed = 4 * config.n_parameters()
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return  # not known on this system
    if needed > there:
        raise ValueError(
            f"the model has {config.n_parameters():,} parameters, {needed / 1e9:,.1f} GB in "
            f"float32; this machine has {there / 1e9:,.1f} GB of memory"
        )


def choose_tokenizer(
    chosen: argparse.Namespace,
    config: TransformerConfig,
    tokenizer: Any,
    texts: list[str],
    needed: Sequence[str],
) -> Any:
    """Load the tokenizer, or learn one from the texts to train on, with the tokens needed."""
    if chosen.tokenizer is not None:
        words = tokenizer.load(chosen.tokenizer)
        if words.vocab_size > config.vocab_size:
            raise ValueError(
                f"{chosen.tokenizer} has {words.vocab_size} tokens, the model {config.vocab_size}"
            )
        return words
    size = chosen.vocab_size or min(config.vocab_size, _MOST_TOKENS)
    first = os.environ.get("RANK", "0") == "0"
    progress = not chosen.quiet and first and sys.stderr.isatty()
    own = (SEPARATOR, *needed)
    return tokenizer.train(texts, size, special_tokens=own, progress=progress)


def _count_ranks(chosen: argparse.Namespace) -> int:
    from course_lib.distributed.processes.ranks import choose_backend

    if "RANK" in os.environ:
        if chosen.nprocs is not None:
            raise ValueError("--nprocs starts ranks, but torchrun has started them: leave it out")
        return int(os.environ.get("WORLD_SIZE", "1"))
    if chosen.nprocs is not None or chosen.strategy == "fsdp2":
        choose_backend(1 if chosen.nprocs is None else chosen.nprocs, chosen.backend)
    elif chosen.backend is not None:
        raise ValueError(
            f"--backend {chosen.backend} is for ranks that talk to each other: add --nprocs"
        )
    return chosen.nprocs or 1
