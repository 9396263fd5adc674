"""Run by `test_handoff.py` in a Python that has DeepSpeed, once on each rank; prints one line."""

import json
import os

import torch
import torch.distributed

from course_lib import Transformer, TransformerConfig
from course_lib.distributed import deepspeed_config

os.environ["DS_ACCELERATOR"] = "cpu"
import deepspeed  # it reads the variable above

STEPS, WIDTH = 4, 24


def main() -> None:
    """Train one model under the exported settings, and the same one alone; print the distance."""
    deepspeed.init_distributed(dist_backend="gloo")
    rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
    stage = int(os.environ["STAGE"])
    settings = deepspeed_config(stage, micro_batch=8, learning_rate=1e-4, clip=1.0)
    model, alone = made(), made()
    engine, *_ = deepspeed.initialize(
        model=model, model_parameters=model.parameters(), config=settings
    )
    optimizer = torch.optim.AdamW(alone.parameters(), lr=1e-4, weight_decay=0.01)
    draw, losses = torch.Generator().manual_seed(1), []
    for _ in range(STEPS):
        ids = torch.randint(300, (8 * ranks, WIDTH), generator=draw)
        engine.backward(loss := loss_of(engine, ids[8 * rank : 8 * rank + 8]))
        engine.step()
        torch.distributed.all_reduce(mean := loss.detach() / ranks)
        optimizer.zero_grad()
        (whole := loss_of(alone, ids)).backward()
        torch.nn.utils.clip_grad_norm_(alone.parameters(), 1.0)
        optimizer.step()
        losses.append((float(mean), float(whole.detach())))
    with deepspeed.zero.GatheredParameters(list(model.parameters()), enabled=stage == 3):
        pairs = zip(model.parameters(), alone.parameters(), strict=True)
        weights = max(float((one - other).abs().max()) for one, other in pairs)
    if rank == 0:
        apart = max(abs(one - other) for one, other in losses)
        fell = losses[0][0] - losses[-1][0]
        print(json.dumps({"losses": apart, "weights": weights, "fell": fell}))


def made() -> Transformer:
    """Return the same small model each time."""
    config = TransformerConfig(
        vocab_size=300, d_model=64, n_heads=2, n_decoder_layers=2, max_seq_len=WIDTH
    )
    return Transformer(config, generator=torch.Generator().manual_seed(0))


def loss_of(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Return the mean loss of the next token."""
    logits = model(ids[:, :-1])
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


main()
