"""The command line: ``python -m course_lib.capstone FOLDER --out RUN``."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from course_lib.capstone.run import Capstone, MissingError
from course_lib.capstone.settings import SIZES, STEPS, Settings
from course_lib.command_line import check_output, file_path, filled, in_options


def parser() -> argparse.ArgumentParser:
    """Describe the arguments; the choices are the fields of `Settings`."""
    made = argparse.ArgumentParser(
        prog="python -m course_lib.capstone",
        description="From a folder of raw text to a model that can be served: "
        + ", ".join(STEPS)
        + ". The same command goes on where it was cut.",
    )
    made.add_argument("folder", type=filled, metavar="FOLDER", help="text, JSON lines, HTML, WARC")
    made.add_argument(
        "--out", type=file_path, required=True, metavar="RUN", help="folder for the results"
    )
    helps = {
        "language": "two-letter code of the one to keep (all)",
        "filters": "of python -m course_lib.data, in order (%(default)s)",
        "held_out": "share of the text to measure on (%(default)s)",
        "vocab_size": "tokens to learn (%(default)s)",
        "size": f"of the model: {', '.join(SIZES)} (%(default)s)",
        "passes": "how often the text is read (%(default)s)",
        "batch_size": "rows of an update (%(default)s)",
        "lr": "peak learning rate of pre-training (%(default)s)",
        "tune_steps": "updates on the small use (%(default)s)",
        "tune_lr": "peak learning rate on it (%(default)s)",
        "seed": "draws weights and orders (%(default)s)",
    }
    for field in fields(Settings):
        kind = str if field.default is None else type(field.default)
        option = "--" + field.name.replace("_", "-")
        made.add_argument(option, type=kind, default=field.default, help=helps[field.name])
    made.add_argument("--again", action="store_true", help="where the text or an option has "
                      "changed, make the steps from there on again")  # fmt: skip
    made.add_argument("--quiet", action="store_true", help="no bars")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Words of the command line; None takes the program's own.

    Returns:
        0; 1 where a check stopped the run or a file could not be written; 130 after an interrupt.
        Bad arguments and bad input end the program with 2, before work starts.

    Raises:
        BrokenPipeError: Whoever read the output is gone.
    """
    reader = parser()
    chosen = reader.parse_args(arguments)
    try:
        check_output("--out", chosen.out)
        settings = Settings(**{f.name: getattr(chosen, f.name) for f in fields(Settings)})
        run = Capstone(
            chosen.folder, chosen.out, settings, again=chosen.again, progress=not chosen.quiet
        )
    except (ValueError, OSError, ImportError) as error:
        reader.exit(2, f"{reader.prog}: {in_options(error, chosen)}\n")
    try:
        run.all(lambda line: print(line, flush=True))
    except MissingError as error:
        print(f"{reader.prog}: stopped. {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        raise  # whoever reads the output has gone: `run_command` ends this quietly
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"{reader.prog}: {in_options(error, chosen)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    print(next_commands(run.plan.out))
    return 0


def next_commands(out: Path) -> str:
    """Say what can be done with a finished run.

    Args:
        out: Its folder.
    """
    model = shlex.quote(str(out / "model"))
    return (
        f"serve it:         python -m course_lib.serve {model}\n"
        f"hand it over:     python -m course_lib.weights handover {model}\n"
        f"other engines:    {out / 'handover' / 'commands.txt'}"
    )
