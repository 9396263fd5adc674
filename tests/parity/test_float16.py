"""T5 stored in float16: finite where its numbers pass 65,504, and as `transformers` has them."""

from pathlib import Path

import pytest
import torch
import transformers as hf
from torch import nn

from course_lib import Transformer, generate

SOURCE = torch.randint(1, 50, (2, 7), generator=torch.Generator().manual_seed(0))
TOKENS = torch.randint(1, 50, (2, 5), generator=torch.Generator().manual_seed(1))


def stored(folder: Path, kind: str, size: float, part: str, wide: bool) -> None:
    """Write a T5 whose part of this name makes numbers of some size."""
    config = hf.T5Config(
        vocab_size=50, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, n_positions=16,
        feed_forward_proj=kind, decoder_start_token_id=0, tie_word_embeddings=False,
    )  # fmt: skip
    model, generator = hf.T5ForConditionalGeneration(config), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
            if part in name:
                parameter.mul_(size)
    model.half().save_pretrained(folder)
    if wide:  # as the library stores it once it has loaded it: one matrix of each block in float32
        again = hf.T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float16)
        again.save_pretrained(folder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["relu", "gated-gelu"])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("part", "size"), [("wo", 1), ("wo", 3e4), ("block.0.layer.0.SelfAttention.o", 4e4)]
)
def test_finite_and_equal(kind: str, wide: bool, part: str, size: float, tmp_path: Path) -> None:
    stored(tmp_path, kind, size, part, wide)
    reference = hf.T5ForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float16).eval()
    ours = Transformer.from_pretrained(tmp_path, dtype=torch.float16)
    with torch.no_grad():
        expected = reference(input_ids=SOURCE, decoder_input_ids=TOKENS).logits
        logits = ours(TOKENS, source=SOURCE)
    assert expected.isfinite().all()
    assert logits.isfinite().all() and logits.dtype == torch.float16
    error = 0.01 * float(expected.abs().max())
    torch.testing.assert_close(logits, expected, rtol=0, atol=error)
    ways = [
        generate(ours, TOKENS, max_new_tokens=5, source=SOURCE, use_cache=use_cache).tokens
        for use_cache in (True, False)
    ]
    assert torch.equal(*ways)


def test_the_narrowing_passes_the_largest_number_of_float16(tmp_path: Path) -> None:
    stored(tmp_path, "relu", 3e4, "wo", False)
    model = Transformer.from_pretrained(tmp_path, dtype=torch.float16)
    block = model.encoder.blocks[0]
    with torch.no_grad():
        hidden = block.feed_forward.widen(block.feed_forward_norm(model.embedding(SOURCE)))
        assert block.feed_forward.down(hidden).abs().max() > 65_504
        plain = nn.Linear(64, 32, bias=False).half()
        plain.load_state_dict(block.feed_forward.down.state_dict())
        assert plain(hidden).isinf().any()  # what the planted fault does
        block.feed_forward.down = plain
        assert model.encode(SOURCE).isfinite().all()  # the stream is brought back all the same
