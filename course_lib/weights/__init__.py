"""Published checkpoints into our model and back: one table a family, read in both directions."""

from course_lib.weights.families import read_config, write_config
from course_lib.weights.heads import load_head
from course_lib.weights.load import load_pretrained
from course_lib.weights.save import save_pretrained

__all__ = ["load_head", "load_pretrained", "read_config", "save_pretrained", "write_config"]
