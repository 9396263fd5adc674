"""SmolLM2 as it was fetched, for the records that are made with it."""

from __future__ import annotations

from book._tools.paths import CommandError
from course_lib import Transformer
from course_lib.tokenizers import Tokenizer, load_tokenizer
from course_lib.weights.fetch import fetched

NAME = "SmolLM2-135M-Instruct, Q4_1"


def smollm2() -> tuple[Transformer, Tokenizer]:
    """The model and its tokenizer.

    Raises:
        CommandError: It is not here.
    """
    folder = fetched("smollm2")
    if folder is None:
        raise CommandError("smollm2 is not here: python -m course_lib.weights fetch smollm2")
    return Transformer.from_pretrained(folder).eval(), load_tokenizer(folder)
