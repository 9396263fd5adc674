"""``python -m course_lib.data``: curate raw text; see ``course_lib.data.curation.command``."""

import sys

from course_lib.command_line import run_command
from course_lib.data.curation.command import command

if __name__ == "__main__":
    run_command(lambda: command(sys.argv[1:]))
