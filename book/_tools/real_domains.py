"""Record what a mixture of two real domains is worth: Python's documentation and that of CMake.

    apt-get download libpython3.11-stdlib cmake-data
    for package in *.deb; do dpkg -x "$package" text; done
    python -m book._tools.real_domains text/usr/lib/python3.11 text/usr/share/cmake-3.25/Help

Chapter 19 shows what this wrote; no page needs the text. Of a folder are read: each .rst file; the
docstrings of each .py file; and the texts of pydoc_data/topics.py, which are chapters of the
language reference. What is installed beside the standard library is left out.
"""

from __future__ import annotations

import argparse
import ast
from pathlib import Path

import torch

from book._tools.paths import ROOT, CommandError, command
from book._tools.records import write_record
from course_lib import Transformer, TransformerConfig
from course_lib.adaptation import mix
from course_lib.data import batches
from course_lib.tokenizers import ByteLevelBPE
from course_lib.training import adamw, evaluate, train, warmup_cosine

TARGET = ROOT / "course_lib" / "figures" / "recorded" / "19_documentation.json"
VOCABULARY, CONTEXT, BATCH = 1024, 64, 16
N_TOKENS, RATE = 250_000, 4e-3
SHARES = (0.0, 0.5, 1.0)  # of the second folder
RUNS = ((0, 1), (1, 1), (2, 1), (0, 2))  # seed, budget
SHORTEST = 200  # characters of a document
TOPICS = "pydoc_data/topics.py"


def docstrings(path: Path) -> str:
    """Join the docstrings of a module, or give nothing where it does not parse."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # the standard library has files that must not parse
        return ""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds))
    return "\n\n".join(text for text in found if text)


def documents(folder: Path) -> list[str]:
    """Read the documents of a folder, in the order of their paths, each text once."""
    texts: list[str] = []
    for path in sorted(folder.rglob("*")):
        if {"site-packages", "dist-packages"} & set(path.parts) or not path.is_file():
            continue
        if str(path).endswith(TOPICS):
            (table,) = (n for n in ast.parse(path.read_bytes()).body if isinstance(n, ast.Assign))
            texts += ast.literal_eval(table.value).values()
        elif path.suffix == ".rst":
            texts.append(path.read_text(encoding="utf-8"))
        elif path.suffix == ".py":
            texts.append(docstrings(path))
    texts = [text for text in dict.fromkeys(texts) if len(text) >= SHORTEST]
    if len(texts) < 16:
        raise CommandError(f"{folder} must hold 16 documents or more, found {len(texts)}")
    return texts


def measure(
    learned: dict[str, list[list[int]]], held: dict[str, list[list[int]]], seed: int, budget: int
) -> dict[str, float]:
    """Train a model on each mixture, with equal tokens, and score it on both domains."""
    first, second = learned
    end = 0
    asked = {}
    for name, ids in held.items():
        flat = torch.tensor([token for one in ids for token in (*one, end)])
        asked[name] = flat[: len(flat) // (CONTEXT + 1) * (CONTEXT + 1)].view(-1, CONTEXT + 1)
    outcome = {}
    for share in SHARES:
        model = Transformer(CONFIG, generator=torch.Generator().manual_seed(seed))
        draws = torch.Generator().manual_seed(seed)
        weights = {first: 1 - share, second: share}
        rows = mix(learned, weights, N_TOKENS * budget, generator=draws).rows(CONTEXT, end)
        steps = len(rows) // BATCH
        train(
            model,
            batches(rows, BATCH, generator=draws),
            optimizer=adamw(model, RATE),
            steps=steps,
            seed=seed,
            schedule=warmup_cosine(steps=steps, warmup=steps // 20, final=0.0),
            progress=False,
        )
        for name, some in asked.items():
            outcome[f"{share:.0%} {second}: loss {name}"] = round(evaluate(model.eval(), some), 4)
        print(seed, budget, outcome, flush=True)
    return outcome


CONFIG = TransformerConfig(
    vocab_size=VOCABULARY, d_model=128, n_heads=4, n_decoder_layers=1, max_seq_len=CONTEXT
)


def main() -> int:
    """Measure on two folders and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs=2, help="the two domains")
    folders = parser.parse_args().folders
    torch.set_num_threads(1)
    texts = {name: documents(path) for name, path in zip(("Python", "CMake"), folders, strict=True)}
    shortest = min(sum(map(len, some)) for some in texts.values())
    # The tokenizer reads as much of one domain as of the other.
    sample = ["\n".join(some)[:shortest][: 10**6] for some in texts.values()]
    tokenizer = ByteLevelBPE.train(sample, VOCABULARY, special_tokens=["<|end|>"])
    ids = {name: [tokenizer.encode(text) for text in some] for name, some in texts.items()}
    held = {name: some[::8] for name, some in ids.items()}
    learned = {name: [one for i, one in enumerate(some) if i % 8] for name, some in ids.items()}
    facts = {
        "text": "libpython3.11-stdlib 3.11.2, docstrings and pydoc topics; cmake-data 3.25.1, Help",
        "documents": {name: len(some) for name, some in ids.items()},
        "tokens": {name: sum(map(len, some)) for name, some in learned.items()},
        "held out": {name: sum(map(len, some)) for name, some in held.items()},
        "tokens read": N_TOKENS,
        "parameters": CONFIG.n_parameters(),
    }
    print(facts, flush=True)
    rows = []
    for seed, budget in RUNS:
        rows.append({"seed": seed, "budget": budget, **measure(learned, held, seed, budget)})
    write_record(TARGET, "python -m book._tools.real_domains PYTHON CMAKE", {**facts, "rows": rows})
    return 0


if __name__ == "__main__":
    command(main)
