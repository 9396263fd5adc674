"""Small models with the tokenizer of the made tasks, in folders as a training run leaves them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from course_lib import Transformer, presets
from course_lib.tasks import made_tokenizer
from course_lib.training import save_checkpoint

SIZES = {"vocab_size": 800, "d_model": 16, "n_heads": 2, "max_seq_len": 48, "dropout": 0.0}
FAMILIES = {
    "encoder-only": ("bert-base", {"n_encoder_layers": 1}),
    "unpublished": ("bert-base", {"n_encoder_layers": 1, "norm_placement": "pre"}),
    "decoder-only": ("gpt2", {"n_decoder_layers": 1}),
    "encoder-decoder": ("bart-base", {"n_encoder_layers": 1, "n_decoder_layers": 1}),
}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of an untrained model of a family."""
    made: dict[str, Path] = {}

    def make(family: str) -> Path:
        if family not in made:
            preset, layers = FAMILIES[family]
            folder = tmp_path_factory.mktemp(family)
            config = replace(presets[preset], **SIZES, **layers)
            model = Transformer(config, generator=torch.Generator().manual_seed(0))
            end = made_tokenizer().special_id("[SEP]")
            names = ("eos_token_id", "decoder_start_token_id")
            model.published_fields = {**dict.fromkeys(names, end), "pad_token_id": 0}
            if family == "unpublished":
                save_checkpoint(folder / "model.safetensors", model)
            else:
                model.save_pretrained(folder)
            made_tokenizer().save(folder / "tokenizer.json")
            made[family] = folder
        return made[family]

    return make
