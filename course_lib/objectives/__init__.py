"""What a model is asked to predict: pure functions from token ids to inputs, targets and a loss."""

from course_lib.objectives.causal import causal_example, causal_loss, token_losses
from course_lib.objectives.example import IGNORE, Example

__all__ = ["IGNORE", "Example", "causal_example", "causal_loss", "token_losses"]
