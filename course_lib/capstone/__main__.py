"""``python -m course_lib.capstone FOLDER --out RUN``."""

import sys

from course_lib.capstone.command import main

if __name__ == "__main__":
    sys.exit(main())
