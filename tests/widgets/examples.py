"""One example of every widget."""

import math
from typing import Any

import numpy as np
import torch

from course_lib import Transformer, TransformerConfig, presets
from course_lib.adaptation.scaling import ScalingLaw, ScalingRun
from course_lib.data.crawl import make_crawl
from course_lib.data.curation import ExactDuplicates, NearDuplicates, fineweb, gopher_quality
from course_lib.data.curation.pipeline import Step
from course_lib.widgets import (
    AllReduceStepper,
    AttentionCalculator,
    AttentionMap,
    Audit,
    Bars,
    BeamStepper,
    BudgetGame,
    CodeExercise,
    Curve,
    DataFunnel,
    DraftStepper,
    HeadGallery,
    LogitsToWords,
    MaskSwitch,
    Matrix,
    MemoryCalculator,
    MergeStepper,
    MixtureTradeOff,
    Neighbours,
    ObjectiveWorkbench,
    Planner,
    PositionRows,
    ProgressPanel,
    Quiz,
    Sampler,
    ShapeTracer,
    StepMemory,
    StepTime,
    TinyModel,
)
from tests.widgets.payloads import ALL, CODE

SENTENCE = ["The", " keys", " to", " the", " old", " cabinet", " are", " the"]
VOCABULARY = [" cat", " dog", " house", ".", "\n", " the"] + [f" word{i}" for i in range(30)]


def weights(causal: bool = True) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    scores = 2 * torch.randn(2, 3, 8, 8, generator=generator, dtype=torch.float64)
    if causal:
        scores = scores.masked_fill(torch.ones(8, 8).triu(1).bool(), -torch.inf)
    return scores.softmax(-1)


def logits(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(len(VOCABULARY), generator=generator, dtype=torch.float64)


def matrix() -> Matrix:
    values = [[1, 0.25, -0.5], [float("-inf"), 0.5, 0.125], [0.1, 0.2, 0.7]]
    words = ["the", "keys", "are"]
    return Matrix(values, rows=words, columns=words, title="Weights", describe="A toy.")


def bars() -> Bars:
    labels = [f"word {i}" for i in range(20)]
    values = [1 / 2**i for i in range(1, 21)]
    return Bars(
        values, labels, title="Next word", other=values[::-1], names=("model", "other"), shown=5
    )


def attention_map() -> AttentionMap:
    return AttentionMap(weights(), SENTENCE, query=6, truth={6: [1]}, describe="Look.")


def sampler() -> Sampler:
    return Sampler(
        {
            "The old lady fed the": {"tokens": VOCABULARY, "logits": logits(0)},
            "She looked at the": {"tokens": VOCABULARY, "logits": logits(1)},
        }
    )


def progress_panel() -> ProgressPanel:
    return ProgressPanel({"Attention": [("06.a", 1), ("06.d", 1)], "Sampling": [("11.a", 2)]})


def curve() -> Curve:
    runs = [[0.2, 0.25], [0.4, 0.5], [0.6, 0.62]]
    series = {"true labels": runs, "shuffled labels": [0.2, 0.3, 0.25]}
    return Curve([0, 1, 4], series, title="Shots", question="Predict.", x_name="shots")


def budget_game() -> BudgetGame:
    """Losses of a law, with a ripple that no law has; 21 runs for sale and 5 to choose from."""
    law = ScalingLaw(0.5, 6.5, 9.8, 0.5, 0.4)
    sizes = [(1000 * 2**i, 30_000 * 2**k) for i in range(6) for k in range(7 - max(i, 1))]
    runs = [
        ScalingRun(n, d, law.loss(n, d) * (1 + 0.002 * math.sin(n + d / 1000))) for n, d in sizes
    ]
    return BudgetGame(runs, last=11.52e9, purse=18e9, describe="Play.")


def mixture() -> MixtureTradeOff:
    losses = {
        "home": [[0.5, 0.6], [0.55, 0.56], [0.7, 0.8], [7.0, 9.0]],
        "away": [[8.0, 8.5], [0.7, 0.9], [0.61, 0.63], [0.5, 0.52]],
    }
    own = {"public": 345.4, "finance": 363.5}
    return MixtureTradeOff([0, 0.3, 0.6, 1], losses, own=own, owner="A model", describe="Mix.")


def step_memory() -> StepMemory:
    """Two stages of a model of 100 parameters: one whose peak is in backward, one with teeth."""
    whole = {
        "forward": [1300 + 3 * i for i in range(50)],
        "backward": [1450 + 10 * i for i in range(40)],
        "optimizer": [1700, 1650, 1600],
    }
    cut = {
        "forward": [800 + 100 * (i % 2) for i in range(64)],
        "backward": [820, 990, 850],
        "optimizer": [700, 640],
    }
    return StepMemory({0: whole, 3: cut}, {0: 1200, 3: 600}, 100, describe="Walk.")


def head_gallery() -> HeadGallery:
    return HeadGallery(weights(), SENTENCE, [[0.9, 0.85, 0.4], [0.92, 0.7, 0.1]], 0.94)


def embedding() -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(len(VOCABULARY), 12, generator=generator, dtype=torch.float64)


def shape_tracer() -> ShapeTracer:
    names = ("gpt2", "transformer-base", "llama-2-70b")
    return ShapeTracer({name: presets[name] for name in names})


def tiny_model() -> TinyModel:
    sizes = {"d_model": 8, "n_heads": 2, "n_decoder_layers": 1, "max_seq_len": 8}
    words = ["dog", "cat", "dax", "wug"]
    config = TransformerConfig(vocab_size=len(words), position="rotary", **sizes)
    model = Transformer(config, generator=torch.Generator().manual_seed(0)).eval()
    return TinyModel(model, words, ["dog dax cat", "cat"])


def data_funnel() -> DataFunnel:
    pages = list(make_crawl(120, np.random.default_rng(1)))
    return DataFunnel(pages, funnel_steps())


def audit() -> Audit:
    pages = list(make_crawl(6, np.random.default_rng(2)))
    reasons = ["; ".join(map(str, gopher_quality(page))) for page in pages]
    return Audit(pages, reasons, describe="Judge.")


def funnel_steps() -> list[Step]:
    return [
        Step("prose rules", gopher_quality),
        Step("FineWeb rules", fineweb),
        Step("same text", ExactDuplicates()),
        Step("near copies", NearDuplicates()),
    ]


EXAMPLES: dict[str, Any] = {
    "matrix": matrix,
    "bars": bars,
    "attention map": attention_map,
    "attention calculator": lambda: AttentionCalculator(labels=["the", "keys", "are", "lost"]),
    "sampler": sampler,
    "progress panel": progress_panel,
    "curve": curve,
    "head gallery": head_gallery,
    "logits to words": lambda: LogitsToWords(VOCABULARY, logits()),
    "mask switch": MaskSwitch,
    "memory calculator": MemoryCalculator,
    "all-reduce stepper": AllReduceStepper,
    "position rows": PositionRows,
    "merge stepper": lambda: MergeStepper("low lower lowest, new newer newest"),
    "neighbours": lambda: Neighbours(embedding(), VOCABULARY),
    "shape tracer": shape_tracer,
    "objective workbench": ObjectiveWorkbench,
    "tiny model": tiny_model,
    "data funnel": data_funnel,
    "audit": audit,
    "budget game": budget_game,
    "mixture": mixture,
    "step memory": step_memory,
    "step time": lambda: StepTime(describe="Turn."),
    "beam stepper": BeamStepper,
    "draft stepper": DraftStepper,
    "planner": lambda: Planner(describe="Plan."),
    "code exercise": lambda: CodeExercise(CODE, "1"),
} | {f"quiz {one['id']}": (lambda one=one: Quiz(one)) for one in ALL}
