"""Making a model fit for a purpose: other text, other sizes, other wishes, fewer bytes."""

from course_lib.adaptation.continued import LossMatrix, continue_pretraining, domain_losses
from course_lib.adaptation.lora import LoRALinear, add_lora, lora_modules, merge_lora
from course_lib.adaptation.lora_files import load_lora, save_lora
from course_lib.adaptation.mixing import Mixture, check_apart, mix, token_counts

__all__ = [
    "LoRALinear",
    "LossMatrix",
    "Mixture",
    "add_lora",
    "check_apart",
    "continue_pretraining",
    "domain_losses",
    "load_lora",
    "lora_modules",
    "merge_lora",
    "mix",
    "save_lora",
    "token_counts",
]
