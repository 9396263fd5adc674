"""``python -m course_lib.capstone FOLDER --out RUN``."""

from course_lib.capstone.command import main
from course_lib.command_line import run_command

if __name__ == "__main__":
    run_command(main)
