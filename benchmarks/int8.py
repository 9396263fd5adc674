"""Decoding from whole numbers of 8 bits against decoding from floats: the same model, rounded.

One thread, process CPU time, the two interleaved, best of several rounds. Run

    python benchmarks/int8.py

which prints a table and writes `benchmarks/results/int8.json`.
"""

import argparse
import copy
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import _measure
import torch

from course_lib import Transformer, TransformerConfig, generate
from course_lib.adaptation import quantize_int8

CONFIG = TransformerConfig(
    vocab_size=4096, d_model=384, n_heads=6, max_seq_len=256, n_decoder_layers=6
)
GOAL_AT_ONE = 1.5
MOST_BYTES = 0.30
N_NEW = 48


def seconds_a_token(model: Transformer, n_rows: int) -> float:
    """Time one generation after a prompt of one token."""
    prompt = torch.ones(n_rows, 1, dtype=torch.long)
    start = time.process_time()
    generate(model, prompt, max_new_tokens=N_NEW)
    return (time.process_time() - start) / N_NEW


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    floats = Transformer(CONFIG, generator=torch.Generator().manual_seed(0)).eval()
    rounded = copy.deepcopy(floats)
    report = quantize_int8(rounded)
    result = {"bytes_share": report.share, "torch": torch.__version__, "rows": {}}
    print(f"6 x 384, V 4096: {report.share:.1%} of the bytes (at most {MOST_BYTES:.0%})")
    for n_rows in (1, 2, 4, 8):
        best = {"float32": float("inf"), "int8": float("inf")}
        for _ in range(rounds):
            for name, model in (("float32", floats), ("int8", rounded)):
                best[name] = min(best[name], seconds_a_token(model, n_rows))
        ratio = best["float32"] / best["int8"]
        goal = f" (at least {GOAL_AT_ONE})" if n_rows == 1 else ""
        print(
            f"{n_rows} rows: float32 {best['float32'] * 1e3:.2f} ms a step, int8 "
            f"{best['int8'] * 1e3:.2f}, {ratio:.2f} times as fast{goal}"
        )
        result["rows"][n_rows] = {**best, "ratio": ratio}
    _measure.store(result, _measure.RESULTS / "int8.json")


if __name__ == "__main__":
    main()
