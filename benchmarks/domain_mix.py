"""BloombergGPT's idea in small: general text, domain text, and the 51/49 mix, on equal tokens.

Two made domains with a known floor, three seeds; with `--replay` also the everyday model going on
with finance text and some of the old text again. Run

    python benchmarks/domain_mix.py

which prints what each model knows and writes `benchmarks/results/domain_mix.json`; it takes about
ten minutes of a core, twice that with `--replay`.
"""

import argparse
import copy
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from course_lib import Transformer, TransformerConfig
from course_lib.adaptation import continue_pretraining, domain_losses
from course_lib.adaptation.mixing import mix
from course_lib.adaptation.two_domains import (
    DOMAINS,
    DomainQuestion,
    domain_documents,
    domain_floor,
    domain_vocabulary,
    fact_questions,
    verdict_questions,
)
from course_lib.data import batches
from course_lib.training import adamw, train, warmup_cosine

IDS = {word: number for number, word in enumerate(domain_vocabulary())}
CONTEXT, BATCH, RATE = 64, 16, 4e-3
SHARES = {"everyday only": 0.0, "finance only": 1.0, "mix": 0.5127}
REPLAY = (0.0, 0.01, 0.05, 0.25)


def encode(documents: list) -> list[list[int]]:
    """Give the ids of each document's words."""
    return [[IDS[word] for word in one.words] for one in documents]


def right(model: Transformer, questions: list[DomainQuestion]) -> float:
    """Give the share of questions whose answer is the likeliest of its options."""
    hits = 0
    with torch.inference_mode():
        for question in questions:
            ids = torch.tensor([[IDS[""], *(IDS[word] for word in question.words)]])
            logits = model(ids)[0, -1]
            scores = {word: float(logits[IDS[word]]) for word in question.options}
            hits += max(scores, key=scores.__getitem__) == question.answer
    return hits / len(questions)


def measure(model: Transformer, held_rows: dict) -> dict[str, float]:
    """Give the loss and what is known of each domain."""
    model.eval()
    said = {f"loss {name}": loss for name, loss in domain_losses(model, held_rows).items()}
    for name in DOMAINS:
        verdicts = verdict_questions(name)
        said[f"facts {name}"] = right(model, fact_questions(name))
        said[f"flipped verdicts {name}"] = right(model, [q for q in verdicts if q.flipped])
    return said


def trained(sources: dict, share: float, n_tokens: int, seed: int) -> Transformer:
    """Train a model on a mixture, once through."""
    config = TransformerConfig(
        vocab_size=len(IDS), d_model=64, n_heads=4, n_decoder_layers=2, max_seq_len=CONTEXT
    )
    model = Transformer(config, generator=torch.Generator().manual_seed(seed))
    draws = torch.Generator().manual_seed(seed)
    weights = {"everyday": 1 - share, "finance": share}
    rows = mix(sources, weights, n_tokens, generator=draws).rows(CONTEXT, 0)
    steps = len(rows) // BATCH
    train(
        model,
        batches(rows, BATCH, generator=draws),
        optimizer=adamw(model, RATE),
        steps=steps,
        schedule=warmup_cosine(steps=steps, warmup=steps // 20),
        seed=seed,
        progress=False,
    )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=2_400_000, help="of each run (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--replay", action="store_true", help="go on with domain text, too")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    result: dict = {"tokens": chosen.tokens, "torch": torch.__version__, "runs": []}
    for seed in range(chosen.seeds):
        n = chosen.tokens // 18
        text = {
            name: encode(domain_documents(name, n, torch.Generator().manual_seed(seed)))
            for name in DOMAINS
        }
        held = {
            name: domain_documents(name, 1200, torch.Generator().manual_seed(10_000 + seed))
            for name in DOMAINS
        }
        rows = {
            name: mix(
                {name: ids}, {name: 1.0}, sum(map(len, ids)), generator=torch.Generator()
            ).rows(CONTEXT, 0)
            for name, ids in ((name, encode(made)) for name, made in held.items())
        }
        floors = {name: domain_floor(made) for name, made in held.items()}
        models = {}
        for name, share in SHARES.items():
            began = time.process_time()
            models[name] = trained(text, share, chosen.tokens, seed)
            said = {"seed": seed, "run": name, **measure(models[name], rows)}
            said["seconds"] = round(time.process_time() - began, 1)
            result["runs"].append(said)
            print(said, flush=True)
        for replay in REPLAY if chosen.replay else ():
            model = copy.deepcopy(models["everyday only"])
            continue_pretraining(
                model, text["finance"], text["everyday"] if replay else (), replay=replay,
                n_tokens=chosen.tokens // 2, seq_len=CONTEXT, separator_id=0, lr=RATE, seed=seed,
                progress=False,
            )  # fmt: skip
            said = {"seed": seed, "run": f"replay {replay:.0%}", **measure(model, rows)}
            result["runs"].append(said)
            print(said, flush=True)
        result.setdefault("floors", []).append(floors)
    by = {(run["seed"], run["run"]): run for run in result["runs"]}
    for name in DOMAINS:
        other = "finance" if name == "everyday" else "everyday"
        over = [
            by[seed, "mix"][f"loss {name}"] / by[seed, f"{name} only"][f"loss {name}"] - 1
            for seed in range(chosen.seeds)
        ]
        worse = [
            by[seed, f"{other} only"][f"loss {name}"] / by[seed, "mix"][f"loss {name}"]
            for seed in range(chosen.seeds)
        ]
        print(f"{name}: the mix is {max(over):+.1%} at most from its specialist on equal tokens; ")
        print(f"   the other specialist loses at least {min(worse):.1f} times as much")
    path = Path(__file__).parent / "results" / "domain_mix.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
