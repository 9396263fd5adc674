"""BloombergGPT as it was published: its data, its budget, and the arithmetic that must close.

Every number of the paper stands here once, and what follows from others is computed.

Chapter: 19_domain_adaptation
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from course_lib.adaptation.published_laws import PETAFLOP_DAY
from course_lib.config import TransformerConfig
from course_lib.presets import presets


class DataSource(NamedTuple):
    """A row of the data table, as printed.

    Attributes:
        name: Of the source.
        part: The part that it belongs to; None for a part, which is the sum of its sources.
        documents: In ten thousands.
        characters_a_document: Mean.
        characters: In hundred millions.
        characters_a_token: Mean, which tells how well the tokenizer fits.
        tokens: In hundred millions.
        percent: Of all tokens.
    """

    name: str
    part: str | None
    documents: int
    characters_a_document: int
    characters: int
    characters_a_token: float
    tokens: int
    percent: float

    def faults(self, total_tokens: int) -> list[str]:
        """Name the columns that do not follow from the others, to the digits that are printed.

        Each printed number is taken as anything that rounds to it.

        Args:
            total_tokens: Tokens of the whole table, in hundred millions.
        """
        documents = _rounded(self.documents)
        characters = _rounded(self.characters)
        tokens = _rounded(self.tokens)
        per_document = _rounded(self.characters_a_document)
        checks = {
            "characters": _product(documents, per_document, 1e-4),
            "characters_a_token": _quotient(characters, tokens),
            "percent": _quotient(tokens, _rounded(total_tokens), 100),
        }
        printed = {
            "characters": characters,
            "characters_a_token": _rounded(self.characters_a_token, 2),
            "percent": _rounded(self.percent, 2),
        }
        return [
            name
            for name, (low, high) in checks.items()
            if high < printed[name][0] or low > printed[name][1]
        ]


def _rounded(value: float | int, digits: int = 0) -> tuple[float, float]:
    half = 0.5 * 10**-digits
    return value - half, value + half


def _product(
    first: tuple[float, float], second: tuple[float, float], factor: float
) -> tuple[float, float]:
    return first[0] * second[0] * factor, first[1] * second[1] * factor


def _quotient(
    first: tuple[float, float], second: tuple[float, float], factor: float | int = 1
) -> tuple[float, float]:
    return first[0] / second[1] * factor, first[1] / second[0] * factor


FINPILE, PUBLIC, TOTAL = "FinPile", "Public", "Total"
DATA = (
    DataSource(FINPILE, None, 175_886, 1_017, 17_883, 4.92, 3_635, 51.27),
    DataSource("Web", FINPILE, 158_250, 933, 14_768, 4.96, 2_978, 42.01),
    DataSource("News", FINPILE, 10_040, 1_665, 1_672, 4.44, 376, 5.31),
    DataSource("Filings", FINPILE, 3_335, 2_340, 780, 5.39, 145, 2.04),
    DataSource("Press", FINPILE, 1_265, 3_443, 435, 5.06, 86, 1.21),
    DataSource("Bloomberg", FINPILE, 2_996, 758, 227, 4.60, 49, 0.70),
    DataSource(PUBLIC, None, 50_744, 3_314, 16_818, 4.87, 3_454, 48.73),
    DataSource("C4", PUBLIC, 34_832, 2_206, 7_683, 5.56, 1_381, 19.48),
    DataSource("Pile-CC", PUBLIC, 5_255, 4_401, 2_312, 5.42, 427, 6.02),
    DataSource("GitHub", PUBLIC, 1_428, 5_364, 766, 3.38, 227, 3.20),
    DataSource("Books3", PUBLIC, 19, 552_398, 1_064, 4.97, 214, 3.02),
    DataSource("PubMed Central", PUBLIC, 294, 32_181, 947, 4.51, 210, 2.96),
    DataSource("ArXiv", PUBLIC, 124, 47_819, 591, 3.56, 166, 2.35),
    DataSource("OpenWebText2", PUBLIC, 1_684, 3_850, 648, 5.07, 128, 1.80),
    DataSource("FreeLaw", PUBLIC, 349, 15_381, 537, 4.99, 108, 1.52),
    DataSource("StackExchange", PUBLIC, 1_538, 2_201, 339, 4.17, 81, 1.15),
    DataSource("DM Mathematics", PUBLIC, 100, 8_193, 82, 1.92, 43, 0.60),
    DataSource("Wikipedia (en)", PUBLIC, 590, 2_988, 176, 4.65, 38, 0.53),
    DataSource("Wikipedia (7/1/22)", PUBLIC, 2_218, 3_271, 726, 3.06, 237, 3.35),
    DataSource(TOTAL, None, 226_631, 1_531, 34_701, 4.89, 7_089, 100.0),
)
"""Table 1 of Wu et al. 2023. Of the public sources, twelve small parts of the Pile are left out:
they have 194 hundred million tokens together."""


@dataclass(frozen=True)
class TrainingRun:
    """What a run took, from what was reported of it.

    Attributes:
        config: The model.
        n_gpus: Devices.
        step_seconds: Wall time of an update at the full batch.
        batches: Pairs of updates and sequences an update, in order.
        recompute: Factor on the work, for activations that are computed again.
    """

    config: TransformerConfig
    n_gpus: int
    step_seconds: float
    batches: tuple[tuple[int, int], ...]
    recompute: float

    @property
    def steps(self) -> int:
        """Updates of the run."""
        return sum(steps for steps, _ in self.batches)

    @property
    def n_parameters(self) -> int:
        """N, the embeddings included."""
        return self.config.n_parameters()

    @property
    def n_tokens(self) -> int:
        """D: tokens that were read."""
        return sum(steps * rows for steps, rows in self.batches) * self.config.max_seq_len

    @property
    def model_flops(self) -> float:
        """6 N D: what the result needs, however it is computed."""
        return 6.0 * self.n_parameters * self.n_tokens

    @property
    def hardware_flops(self) -> float:
        """What the devices did, recomputation included."""
        return self.model_flops * self.recompute

    @property
    def flops_a_second(self) -> float:
        """Of one device, in an update at the full batch."""
        tokens = self.batches[-1][1] * self.config.max_seq_len
        work = 6.0 * self.n_parameters * tokens * self.recompute
        return work / self.step_seconds / self.n_gpus

    @property
    def days(self) -> float:
        """Wall time of all updates, had each taken `step_seconds`."""
        return self.steps * self.step_seconds / (24 * 3600)

    @property
    def gpu_hours(self) -> float:
        """Device hours of all updates."""
        return self.days * 24 * self.n_gpus

    @property
    def petaflop_days(self) -> float:
        """`model_flops` in the unit of Kaplan et al."""
        return self.model_flops / PETAFLOP_DAY


BLOOMBERG_RUN = TrainingRun(
    config=presets["bloomberggpt"],
    n_gpus=512,
    step_seconds=32.5,
    batches=((7_200, 1_024), (132_000, 2_048)),
    recompute=4 / 3,
)
"""The run of the published checkpoint, step 139,200. Activation checkpointing runs the forward pass
a second time, a third more work.

Source: Wu et al. 2023, "BloombergGPT", sections 3.2 to 3.4 and table 4."""

A100_BFLOAT16 = 312e12
"""Operations a second that the device could do, by its maker."""


def planned_size(gpu_hours: float | int, flops_a_second: float | int) -> tuple[float, float]:
    """Find parameters and tokens for a budget, by the regression that the authors used.

    Both grow with about the root of the budget; their product times 6 need not give the budget
    back, since the two lines were fitted apart.

    Args:
        gpu_hours: Device hours.
        flops_a_second: Of one device, recomputed work not counted.

    Returns:
        N and D.

    Raises:
        ValueError: If one is not positive.

    Source: Wu et al. 2023, section 3.2 (approach 1).
    """
    for name, value in {"gpu_hours": gpu_hours, "flops_a_second": flops_a_second}.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    budget = math.log10(gpu_hours * 3600 * flops_a_second)
    return 10 ** (budget * 0.498 - 1.004), 10 ** (budget * 0.502 + 0.229)


def width_for_depth(n_layers: int) -> float:
    """Return the width at which depth stops paying, as the authors took it.

    Args:
        n_layers: L.

    Raises:
        ValueError: If there is no layer.

    Source: Levine et al. 2020, "The Depth-to-Width Interplay in Self-Attention", as quoted by Wu et
    al. 2023, section 3.2.
    """
    if n_layers < 1:
        raise ValueError(f"n_layers must be at least 1, got {n_layers}")
    return math.exp(5.039) * math.exp(0.0555 * n_layers)
