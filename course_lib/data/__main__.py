"""``python -m course_lib.data``: curate raw text; see ``course_lib.data.curation.command``."""

import sys

from course_lib.data.curation.command import command
from course_lib.processes import run_command

if __name__ == "__main__":
    run_command(lambda: command(sys.argv[1:]))
