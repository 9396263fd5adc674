"""Golden vectors for the JavaScript of the widgets, computed by course_lib.

Write them anew with `python -m tests.widgets.golden`.
"""

import json
from pathlib import Path
from typing import Any

import torch

from course_lib import presets
from course_lib.generation.chain import probabilities
from course_lib.generation.processors import temperature, top_k, top_p
from course_lib.model.attention import attention, attention_weights
from course_lib.model.masks import causal_mask, padding_mask
from course_lib.widgets import MemoryCalculator
from course_lib.widgets.all_reduce_stepper import ring_states
from course_lib.widgets.attention_map import AttentionMap, weights_of
from course_lib.widgets.draws import draw_counts, random_numbers
from course_lib.widgets.logits_to_words import changed_logits, softmax
from course_lib.widgets.markup import fixed, percent, seen, shade, short
from course_lib.widgets.memory_calculator import memory_parts
from course_lib.widgets.position_rows import position_rows
from course_lib.widgets.shape_tracer import parts_of
from tests.widgets.examples import SENTENCE, logits, weights

PATH = Path(__file__).parent / "golden.json"
NUMBERS = [0.0, -0.0, 0.5, 2.5, -2.5, 0.125, 1.005, -0.004, 12.345, 0.0999, 0.0995, 1 / 3, 1e-9]
RING = [[1.0, 4.0, 0.0, 2.0], [3.0, 1.0, 5.0, 0.0], [0.0, 2.0, 1.0, 6.0], [2.0, 3.0, 4.0, 1.0]]
TOKENS = [" cat", "cat ", "\n", "  ", "", "a\tb", " the\n"]


def attention_cases() -> list[dict[str, Any]]:
    """Every stage of attention, from the model's own functions."""
    generator = torch.Generator().manual_seed(1)
    cases = []
    for n, width, causal, scaled in [(4, 2, True, True), (4, 2, False, True), (3, 5, True, False)]:
        q, k, v = torch.randn(3, 1, 1, n, width, generator=generator, dtype=torch.float64)
        scale = None if scaled else 1.0
        cases.append(
            {
                "q": q[0, 0].tolist(),
                "k": k[0, 0].tolist(),
                "v": v[0, 0].tolist(),
                "causal": causal,
                "scaled": scaled,
                "score": (q @ k.mT)[0, 0].tolist(),
                "weight": attention_weights(q, k, causal=causal, scale=scale)[0, 0].tolist(),
                "output": attention(q, k, v, causal=causal, scale=scale)[0, 0].tolist(),
            }
        )
    return cases


def sampling_cases() -> list[dict[str, Any]]:
    """Distributions after temperature, top-k and top-p, in both orders."""
    settings = [(1, 0, 1), (0.5, 0, 0.9), (2, 5, 1), (0.7, 10, 0.8), (0, 3, 0.5), (1.3, 1, 1)]
    tied = torch.tensor([1.0, 2, 2, 2, 0, -1], dtype=torch.float64)
    cases = []
    for values in (logits(0), logits(1), tied):
        for t, k, p in settings:
            for last in (False, True):
                n = len(values)
                filters = [top_k(k or n), top_p(p)]
                steps = [*filters, temperature(t)] if last else [temperature(t), *filters]
                chances = probabilities(values[None], steps)[0]
                cases.append(
                    {
                        "logits": values.tolist(),
                        "settings": {
                            "temperature": t,
                            "topK": k or n,
                            "topP": p,
                            "temperatureLast": last,
                        },
                        "chances": chances.tolist(),
                        "kept": int((chances > 0).sum()),
                    }
                )
    return cases


def draw_cases() -> list[dict[str, Any]]:
    """Counts of draws by the small generator."""
    chances = logits(0).softmax(-1).tolist()
    return [
        {"chances": chances, "n": n, "seed": seed, "counts": draw_counts(chances, n, seed)}
        for n, seed in [(1, 0), (100, 7), (1000, 4294967295)]
    ]


def map_cases() -> dict[str, Any]:
    """Rows of an attention map, by head and averaged."""
    found: dict[str, Any] = {}
    for kind in ("causal", "full"):
        payload = AttentionMap(weights(kind == "causal"), SENTENCE).payload
        rows = [
            [layer, head, i, weights_of(payload, layer, head, i)]
            for layer in range(2)
            for head in (-1, 0, 2)
            for i in (0, 3, 7)
        ]
        found[kind] = {"payload": payload, "rows": rows}
    return found


def shape_cases() -> list[dict[str, Any]]:
    """Parameters by part of every published model."""
    return [
        {"name": name, "config": config.to_dict(), "parts": parts_of(config)}
        for name, config in presets.items()
    ]


def memory_cases() -> list[dict[str, Any]]:
    """Bytes of each part for choices that differ in one setting each."""
    base = MemoryCalculator().payload["choice"]
    changes: list[dict[str, Any]] = [{"stage": stage} for stage in range(4)]
    changes += [{"gpus": 1}, {"gpus": 8}, {"precision": "float32"}, {"optimizer": "momentum"}]
    changes += [{"optimizer": "sgd"}, {"layers": 32}, {"layers": 32, "recompute": True}]
    changes += [{"precision": "float32", "layers": 4, "sequences": 3}]
    choices = [base | change for change in changes]
    return [{"choice": choice, "parts": memory_parts(choice)} for choice in choices]


def mask_cases() -> list[dict[str, Any]]:
    """Masks from the model's own functions."""
    keep = torch.tensor([[True, True, True, False]])
    padding = padding_mask(keep)[0, 0]
    return [
        {"kind": "encoder", "padding": 1, "mask": padding.expand(4, 4).tolist()},
        {"kind": "decoder", "padding": 0, "mask": causal_mask(4).tolist()},
        {"kind": "decoder", "padding": 1, "mask": (causal_mask(4) & padding).tolist()},
        {"kind": "cross", "padding": 1, "mask": padding.expand(3, 4).tolist()},
    ]


def vectors() -> dict[str, Any]:
    """All golden vectors."""
    return {
        "attention": attention_cases(),
        "sampling": sampling_cases(),
        "random": {str(seed): random_numbers(seed, 20) for seed in (0, 1, 12345, 2**32 - 1)},
        "draws": draw_cases(),
        "maps": map_cases(),
        "shapes": shape_cases(),
        "memory": memory_cases(),
        "masks": mask_cases(),
        "waves": [[at, d, position_rows([at], d)[0]] for at in (0, 1, 7, 40) for d in (2, 8, 16)],
        "changes": [
            [change, softmax(changed_logits(logits().tolist(), **change))]
            for change in ({"add_to_all": 3}, {"times": 2}, {"add_to_one": -2, "one": 4})
        ],
        "rings": [ring_states(rows) for rows in ([[1.0, 2.0], [3.0, 5.0]], RING)],
        "numbers": [
            [x, fixed(x), fixed(x, 0), short(x), percent(abs(x)), shade(x, -1.0, 2.0)]
            for x in NUMBERS
        ],
        "tokens": [[token, seen(token)] for token in TOKENS],
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
