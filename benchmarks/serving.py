"""The service on loopback: one client against eight, and how long the first token takes.

Every client sends one request after another, each a prompt of its own. The ratio of the two
throughputs is the result: it says what a batch that requests join and leave is worth. Seconds
depend on the machine. Run

    python benchmarks/serving.py

which prints a table and writes `benchmarks/results/serving.json`. On a machine that others use
at the same time the ratios of the rounds scatter; the JSON tells its load. Fails if a reply is
lost, if one is not that of its own request, or if the ratio is below the goal.
"""

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from _measure import report

from course_lib import Transformer, TransformerConfig, generate
from course_lib.serve.served import ServedModel
from course_lib.tokenizers import ByteLevelBPE

GOAL = 3.0
N_CLIENTS = 8
N_TOKENS = 32
SIZE = dict(d_model=384, n_heads=6, max_seq_len=256, n_decoder_layers=6)


def make_checkpoint(folder: Path) -> None:
    """Write a model of 6 x 384 with drawn weights, and a tokenizer of bytes."""
    tokenizer = ByteLevelBPE.train(["a"], 257, special_tokens=["<|endoftext|>"])
    config = TransformerConfig(vocab_size=4096, **SIZE)  # type: ignore[arg-type]
    Transformer(config, generator=torch.Generator().manual_seed(0)).save_pretrained(folder)
    tokenizer.save(folder / "tokenizer.json")


def ask(url: str, number: int, stream: bool = False) -> tuple[str, float]:
    """Send one request; return the text, and of a stream the seconds to its first token."""
    asked = {
        "model": "tiny",
        "prompt": prompt(number),
        "max_tokens": N_TOKENS,
        "seed": number,
        "temperature": 0.8,
        "logit_bias": {"0": -100},  # no reply ends early
        "stream": stream,
    }
    body = json.dumps(asked).encode()
    request = urllib.request.Request(f"{url}/v1/completions", body)
    start = time.perf_counter()
    with urllib.request.urlopen(request) as response:
        if not stream:
            return json.load(response)["choices"][0]["text"], 0.0
        first, texts = 0.0, []
        for line in response:
            if line.startswith(b"data: {"):
                first = first or time.perf_counter() - start
                texts.append(json.loads(line[6:])["choices"][0]["text"])
    return "".join(texts), first


def prompt(number: int) -> str:
    return f"request {number} asks"


def load(url: str, n_clients: int, n_requests: int, stream: bool = False) -> dict[str, Any]:
    """Let some clients share the requests, and say how fast they were answered."""
    numbers = iter(range(n_requests))
    lock = threading.Lock()
    got: dict[int, tuple[str, float]] = {}

    def client() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            got[number] = ask(url, number, stream)

    start = time.perf_counter()
    with ThreadPoolExecutor(n_clients) as pool:
        for done in [pool.submit(client) for _ in range(n_clients)]:
            done.result()
    seconds = time.perf_counter() - start
    assert sorted(got) == list(range(n_requests)), "a request was lost"
    return {
        "texts": {number: text for number, (text, _) in got.items()},
        "tokens/s": n_requests * N_TOKENS / seconds,
        "first": sorted(1000 * first for _, first in got.values()),
    }


def numbers_of(url: str) -> dict[str, float]:
    """Return the service's own counts."""
    with urllib.request.urlopen(f"{url}/metrics") as response:
        lines = response.read().decode().splitlines()
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if x[0] != "#")}


@contextlib.contextmanager
def service(folder: Path) -> Iterator[str]:
    """Run the service as its users do, in a process of its own."""
    command = [sys.executable, "-m", "course_lib.serve", str(folder), "--port", "0"]
    command += ["--max-requests", str(N_CLIENTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert found is not None, "the service did not start"
        try:
            yield found[0]
        finally:
            process.terminate()


def check(served: ServedModel, texts: dict[int, str]) -> int:
    """Compare replies with what `generate` writes alone; return how many were compared."""
    from course_lib.generation import bias_words, temperature

    chain = [*served.always, bias_words({0: -100.0}), temperature(0.8)]
    for number in range(0, len(texts), 10):
        ids = served.tokenizer.encode(prompt(number))
        made = generate(
            served.model,
            torch.tensor([ids]),
            max_new_tokens=N_TOKENS,
            processors=chain,
            sample=True,
            generator=torch.Generator().manual_seed(number),
        )
        words = served.tokenizer.decode([*ids, *made.tokens[0].tolist()])
        assert words[len(prompt(number)) :] == texts[number], f"request {number} got another reply"
    return len(range(0, len(texts), 10))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--requests", type=int, default=200, help="of the eight clients")
    parser.add_argument("--alone", type=int, default=25, help="requests of the one client")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "tiny"
        make_checkpoint(folder)
        served = ServedModel.load(folder)
        rows, ratios = [], []
        with service(folder) as url:
            ask(url, 0)
            for number in range(options.rounds):
                alone = load(url, 1, options.alone)
                before = numbers_of(url)
                many = load(url, N_CLIENTS, options.requests)
                after = numbers_of(url)
                names = "course_rows_in_steps_total", "course_steps_total"
                in_rows, steps = (after[name] - before[name] for name in names)
                first, first_of_many = load(url, 1, 10, True), load(url, N_CLIENTS, 40, True)
                n_checked = check(served, many["texts"])
                ratios.append(many["tokens/s"] / alone["tokens/s"])
                rows.append(
                    {
                        "round": number,
                        "1 client (tokens/s)": alone["tokens/s"],
                        "8 clients (tokens/s)": many["tokens/s"],
                        "ratio": ratios[-1],
                        "rows in a step": in_rows / steps,
                        "first token, 1 client (ms)": statistics.median(first["first"]),
                        "first token, 8 clients (ms)": statistics.median(first_of_many["first"]),
                    }
                )
    best, median = max(ratios), statistics.median(ratios)
    report(
        "serving",
        rows,
        {
            "model": "6 x 384, V 4096, float32, drawn weights",
            "requests of a round": options.requests,
            "tokens of a reply": N_TOKENS,
            "threads of torch": os.environ["OMP_NUM_THREADS"],
            "replies compared with generate, a round": n_checked,
            "processes that wanted the machine": os.getloadavg()[0],
            "goal": GOAL,
            "ratio (best)": best,
            "ratio (median)": median,
        },
    )
    print(f"{options.requests} requests, none lost and none mixed; eight clients against one: "
          f"{best:.2f} times at best, {median:.2f} in the median")  # fmt: skip
    return 0 if best >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
