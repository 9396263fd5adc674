"""The words of the training command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from course_lib.command_line import file_path
from course_lib.training.engines import STRATEGIES
from course_lib.training.objective_settings import FAMILY_OF, NOISES


def parser(presets: Sequence[str]) -> argparse.ArgumentParser:
    """Describe the arguments.

    Args:
        presets: Names to show in the help.
    """
    made = argparse.ArgumentParser(
        prog="python -m course_lib.training",
        description="Train a transformer of any family on text, on one process or on many. Under "
        "torchrun, leave out --nprocs.",
    )
    what = made.add_argument_group("model")
    what.add_argument("--preset", help=f"a published model: {', '.join(presets)}")
    what.add_argument("--config", type=file_path, help="a JSON file of TransformerConfig fields")
    what.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change one config field"
    )
    data = made.add_argument_group("data")
    data.add_argument("--text", "--data", nargs="+", action="extend", type=file_path, help="UTF-8 "
                      "files, a document each; without it, the language reference that comes with "
                      "Python")  # fmt: skip
    data.add_argument(
        "--tokenizer", type=file_path, help="a tokenizer.json; without it one is learned"
    )
    data.add_argument("--vocab-size", type=int, help="tokens to learn, and rows of the embedding")
    data.add_argument("--seq-len", type=int, help="tokens of a row (the model's maximum)")
    data.add_argument("--held-out", type=float, help="share of the text to measure on")
    what = made.add_argument_group("objective")
    what.add_argument("--objective", choices=tuple(FAMILY_OF), help="by default that of the "
                      "model's family: masked, causal, span-corruption")  # fmt: skip
    what.add_argument("--mask-rate", type=float, help="share of the tokens (the paper's)")
    what.add_argument("--mean-span", type=float, help="mean tokens of a span (3)")
    what.add_argument("--whole-words", action="store_true", help="choose words, not tokens")
    what.add_argument("--noise", nargs="+", action="extend", choices=NOISES, help="of denoising, "
                      "one after the other (permute infill)")  # fmt: skip
    how = made.add_argument_group("training")
    how.add_argument("--steps", type=int, default=200, help="updates (%(default)s)")
    how.add_argument("--batch-size", type=int, default=8, help="rows of an update, over all ranks")
    how.add_argument("--accumulate", type=int, default=1, help="backward passes of an update")
    how.add_argument("--lr", type=float, default=1e-3, help="peak learning rate (%(default)s)")
    how.add_argument("--weight-decay", type=float, default=0.1, help="of matrices (%(default)s)")
    how.add_argument("--warmup", type=int, help="updates before the full rate (a twentieth)")
    how.add_argument("--decay", type=int, help="updates of the fall at the end, after a flat part; "
                     "without it the rate falls along a cosine")  # fmt: skip
    how.add_argument("--clip", type=float, default=1.0, help="largest gradient norm; 0: none")
    how.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    how.add_argument("--seed", type=int, default=0)
    where = made.add_argument_group("processes")
    where.add_argument("--strategy", metavar="|".join(STRATEGIES), help="who holds the model: one "
                       "process (plain), all of it on every rank (ddp), or shared out; plain, or "
                       "ddp where there are ranks")  # fmt: skip
    where.add_argument("--nprocs", type=int, help="ranks to start on this machine")
    where.add_argument("--backend", choices=("gloo", "nccl"), help="nccl where there are GPUs")
    where.add_argument("--time-limit", type=float, default=24.0, help="hours, with --nprocs")
    kept = made.add_argument_group("results")
    kept.add_argument("--output", type=file_path, help="folder for checkpoints and the final model")
    kept.add_argument("--checkpoint-every", type=int, help="updates between checkpoints")
    kept.add_argument("--keep-last", type=int, help="checkpoints of a sharded run that stay (all)")
    kept.add_argument("--evaluate-every", type=int, help="updates between measurements")
    kept.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    told = kept.add_mutually_exclusive_group()
    told.add_argument("--curve", action="store_true", help="draw the losses as a growing curve; "
                      "python -m course_lib.training.follow RUN from elsewhere")  # fmt: skip
    told.add_argument("--quiet", action="store_true", help="say nothing on the way")
    return made
