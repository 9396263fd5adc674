"""Making a model fit for a purpose: other text, other sizes, other wishes, fewer bytes."""

from course_lib.adaptation.continued import LossMatrix, continue_pretraining, domain_losses
from course_lib.adaptation.mixing import Mixture, check_apart, mix, token_counts

__all__ = [
    "LossMatrix",
    "Mixture",
    "check_apart",
    "continue_pretraining",
    "domain_losses",
    "mix",
    "token_counts",
]
