"""``python -m course_lib.serve CHECKPOINT``."""

from course_lib.command_line import run_command
from course_lib.serve.cli import main

if __name__ == "__main__":
    run_command(main)
