"""``python -m course_lib.serve CHECKPOINT``."""

import sys

from course_lib.serve.cli import main

if __name__ == "__main__":
    sys.exit(main())
