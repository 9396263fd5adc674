from collections.abc import Callable

import pytest
import torch

from course_lib.config import TransformerConfig
from course_lib.data import Batches, batches, one_per_row
from course_lib.data.grammar import Story, stories, vocabulary
from course_lib.model.transformer import Transformer

SEQ_LEN = 34


def story_rows(n: int, seed: int) -> tuple[list[Story], torch.Tensor]:
    """Stories of at most two events, one a row."""
    ids = {word: index for index, word in enumerate(vocabulary())}
    made = stories(n, torch.Generator().manual_seed(seed), most_events=2)
    return made, one_per_row([[ids[w] for w in one.words] for one in made], SEQ_LEN, ids[""])


@pytest.fixture(scope="session")
def rows() -> torch.Tensor:
    return story_rows(400, 0)[1]


@pytest.fixture
def make_model() -> Callable[..., Transformer]:
    def make(seed: int = 0, **changes: object) -> Transformer:
        sizes = {"d_model": 32, "n_heads": 2, "n_decoder_layers": 1, "position": "rotary"}
        config = TransformerConfig(
            vocab_size=len(vocabulary()), max_seq_len=SEQ_LEN, **(sizes | changes)
        )
        return Transformer(config, generator=torch.Generator().manual_seed(seed))

    return make


@pytest.fixture
def serve(rows: torch.Tensor) -> Callable[..., Batches]:
    def make(batch_size: int = 8, seed: int = 0) -> Batches:
        return batches(rows, batch_size, generator=torch.Generator().manual_seed(seed))

    return make
