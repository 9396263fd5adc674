"""Train a model from the command line: ``python -m course_lib.training --help``.

Here the parts meet that the package keeps apart: presets and tokenizers are handed to training.
"""

import sys

import course_lib
from course_lib.training.cli import main

if __name__ == "__main__":
    sys.exit(main(presets=course_lib.presets, tokenizer=course_lib.ByteLevelBPE))
