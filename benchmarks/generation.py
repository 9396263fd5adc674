"""Cached generation against `transformers`: the same weights, the same prompt, the same tokens.

One thread, process CPU time, peers interleaved, best of several rounds. The ratios are the result:
seconds depend on the machine and on who shares it. Run

    python benchmarks/generation.py

which prints a table and writes `benchmarks/results/generation.json`.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import _measure
import torch
import transformers
from torch import Tensor

from course_lib import Transformer, TransformerConfig, generate
from course_lib.generation.processors import top_p

SIZES = {
    "4 x 128, V 1024": TransformerConfig(
        vocab_size=1024, d_model=128, n_heads=4, max_seq_len=256, n_decoder_layers=4
    ),
    "6 x 384, V 4096": TransformerConfig(
        vocab_size=4096, d_model=384, n_heads=6, max_seq_len=256, n_decoder_layers=6
    ),
}
GOALS = {("4 x 128, V 1024", 1): 3.0, ("4 x 128, V 1024", 8): 2.0}
GOAL_OF_THE_LARGER = 1.25
N_PROMPT = 32


def build_pair(config: TransformerConfig) -> tuple[Transformer, transformers.GPT2LMHeadModel]:
    """Build our model with random weights, and the peer's with the same ones."""
    ours = Transformer(config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        for parameter in ours.parameters():  # so that no bias is zero and no norm is one
            parameter += torch.randn(parameter.shape, generator=generator) * 0.05
    theirs = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.max_seq_len,
            n_embd=config.d_model,
            n_layer=config.n_decoder_layers,
            n_head=config.n_heads,
            attn_implementation="sdpa",
            bos_token_id=None,
            eos_token_id=None,
        )
    ).eval()
    state = ours.state_dict()
    names = {"embedding.weight": "transformer.wte.weight"}
    names["decoder.positions.table.weight"] = "transformer.wpe.weight"
    for kind in ("weight", "bias"):
        names[f"decoder.final_norm.{kind}"] = f"transformer.ln_f.{kind}"
    parts = {
        "attention_norm": "ln_1",
        "attention.qkv": "attn.c_attn",
        "attention.output": "attn.c_proj",
        "feed_forward_norm": "ln_2",
        "feed_forward.up": "mlp.c_fc",
        "feed_forward.down": "mlp.c_proj",
    }
    for layer in range(config.n_decoder_layers):
        for mine, peer in parts.items():
            for kind in ("weight", "bias"):
                names[f"decoder.blocks.{layer}.{mine}.{kind}"] = (
                    f"transformer.h.{layer}.{peer}.{kind}"
                )
    if set(names) != set(state):
        raise RuntimeError(f"unmapped weights: {set(names) ^ set(state)}")
    # Their linear layers store (in, out); ours, like torch's, (out, in).
    turned = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    copied = {
        peer: state[mine].T if peer.endswith(turned) else state[mine]
        for mine, peer in names.items()
    }
    copied["lm_head.weight"] = state["embedding.weight"]
    theirs.load_state_dict(copied)
    return ours, theirs


def linears_only(config: TransformerConfig, batch: int, n_tokens: int) -> Callable[[], None]:
    """Only the matrix products of a step, with torch's own linear: the floor of this loop."""
    d, f = config.d_model, config.ff_dim
    shapes = [(3 * d, d), (d, d), (f, d), (d, f)] * config.n_decoder_layers
    weights = [torch.randn(shape) for shape in [*shapes, (config.vocab_size, d)]]
    inputs = {width: torch.randn(batch, 1, width) for width in (d, f)}

    @torch.inference_mode()
    def run() -> None:
        for _ in range(n_tokens):
            for weight in weights:
                torch.nn.functional.linear(inputs[weight.shape[1]], weight)

    return run


def measure(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the least CPU time of each run, in seconds; the rounds interleave."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    return best


def compare(size: str, batch: int, method: str, rounds: int, n_new: int) -> dict[str, object]:
    """Measure one row of the table."""
    config = SIZES[size]
    ours, theirs = build_pair(config)
    generator = torch.Generator().manual_seed(2)
    prompt = torch.randint(0, config.vocab_size, (batch, N_PROMPT), generator=generator)
    mask = torch.ones_like(prompt)
    sampled = method != "greedy"

    def run_ours() -> Tensor:
        return generate(
            ours,
            prompt,
            max_new_tokens=n_new,
            processors=[top_p(0.9)] if sampled else [],
            sample=sampled,
            generator=torch.Generator().manual_seed(3) if sampled else None,
        ).tokens

    def run_theirs() -> Tensor:
        choice = {"do_sample": True, "top_p": 0.9, "top_k": 0} if sampled else {"do_sample": False}
        text = theirs.generate(
            prompt, attention_mask=mask, max_new_tokens=n_new, pad_token_id=0, **choice
        )
        return text[:, N_PROMPT:]

    mine, peer = run_ours(), run_theirs()  # also warms both up
    if not sampled and not torch.equal(mine, peer):
        raise RuntimeError(f"{size}, batch {batch}: the two do not write the same tokens")
    runs = {
        "ours": run_ours,
        "theirs": run_theirs,
        "linears": linears_only(config, batch, n_new),
    }
    seconds = measure(runs, rounds)
    rate = {name: batch * n_new / value for name, value in seconds.items()}
    goal = GOALS.get((size, batch), GOAL_OF_THE_LARGER)
    return {
        "model": size,
        "batch": batch,
        "method": method,
        "ours_tokens_per_s": round(rate["ours"], 1),
        "transformers_tokens_per_s": round(rate["theirs"], 1),
        "ratio": round(rate["ours"] / rate["theirs"], 2),
        "goal": goal,
        "share_of_linear_floor": round(rate["ours"] / rate["linears"], 2),
        "distinct_tokens": int(mine.unique().numel()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--new-tokens", type=int, default=200)
    parser.add_argument("--size", choices=list(SIZES), action="append")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    rows = []
    print(
        f"{'model':17}{'batch':>6} {'method':10}{'ours':>9}{'peer':>9}{'ratio':>7}{'goal':>6}"
        f"{'of floor':>9}"
    )
    for size in arguments.size or SIZES:
        for batch in (1, 8):
            for method in ("greedy", "top-p 0.9"):
                row = compare(size, batch, method, arguments.rounds, arguments.new_tokens)
                rows.append(row)
                print(
                    f"{size:17}{batch:6} {method:10}{row['ours_tokens_per_s']:9}"
                    f"{row['transformers_tokens_per_s']:9}{row['ratio']:7}{row['goal']:6}"
                    f"{row['share_of_linear_floor']:9}",
                    flush=True,
                )
    if arguments.size:
        return
    content = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "n_prompt": N_PROMPT,
        "n_new": arguments.new_tokens,
        "rounds": arguments.rounds,
        "measure": "process CPU time on one thread, best of the rounds, peers interleaved",
        "rows": rows,
    }
    _measure.store(content, _measure.RESULTS / "generation.json")


if __name__ == "__main__":
    main()
