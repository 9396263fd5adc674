"""Tune a model on a task from the command line: ``python -m course_lib.tasks --help``."""

from course_lib.command_line import run_command
from course_lib.tasks.cli import main

if __name__ == "__main__":
    run_command(main)
