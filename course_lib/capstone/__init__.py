"""The whole way: a folder of raw text, and at its end a model that is measured and served."""

from course_lib.capstone.checks import Finding
from course_lib.capstone.run import Capstone, MissingError
from course_lib.capstone.settings import STEPS, Settings

__all__ = ["STEPS", "Capstone", "Finding", "MissingError", "Settings"]
