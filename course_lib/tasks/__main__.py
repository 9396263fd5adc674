"""Tune a model on a task from the command line: ``python -m course_lib.tasks --help``."""

import sys

from course_lib.tasks.cli import main

if __name__ == "__main__":
    sys.exit(main())
