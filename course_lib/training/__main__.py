"""Train a model from the command line: ``python -m course_lib.training --help``.

Here the parts meet that the package keeps apart: presets and tokenizers are handed to training.
"""

import course_lib
from course_lib.command_line import run_command
from course_lib.training.cli import main


class Tokenizers:
    """Learns byte-level BPE, and reads a tokenizer of any kind."""

    train = course_lib.ByteLevelBPE.train
    load = staticmethod(course_lib.load_tokenizer)


if __name__ == "__main__":
    run_command(lambda: main(presets=course_lib.presets, tokenizer=Tokenizers))
