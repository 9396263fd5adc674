"""The short way for one token. Delete this folder: generation is slower, and nothing else changes.

Whatever a model computes, `generate` computes without this folder, by calling the model. With it, a
model that nobody changed is read by fewer and larger operations.
"""

from course_lib.generation.fast.token_layers import fits
from course_lib.generation.fast.token_step import FastReader

__all__ = ["FastReader", "fits"]
