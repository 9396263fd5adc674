"""The published models as a family tree: who is nearest to whom is counted on their configs.

Chapter: 09_transformer_models
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from matplotlib.axes import Axes

from course_lib.config import TransformerConfig
from course_lib.figures.base import FigureWithText, new_figure, palette
from course_lib.figures.phone import PHONE_INCHES
from course_lib.presets import presets

# What a designer chooses. Sizes, constants and training are left out: they change from one size of
# a model to the next.
CHOICES = (
    *("family", "position", "norm", "norm_placement", "bias", "activation", "gated"),
    *("scale_scores", "scale_embedding", "embedding_norm", "final_norm", "tie_embeddings"),
    *("head_transform", "head_bias", "scale_head", "shared_keys"),
)
_LANES = ("encoder-only", "encoder-decoder", "decoder-only")


@dataclass(frozen=True)
class Release:
    """What a config cannot say of a published model.

    Attributes:
        name: As people say it.
        preset: Name of the largest published size among the presets.
        date: Year and month of the paper's first version, or of the model's where it came earlier.
        text: What that size was trained on. Words, tokens and bytes are as the source counts them;
            a token is about four bytes or three quarters of a word of English.
        weights: The licence of the weights, or that there are none to be had.
        source: Where text and licence are stated.
    """

    name: str
    preset: str
    date: tuple[int, int]
    text: str
    weights: str
    source: str

    @property
    def config(self) -> TransformerConfig:
        """The preset."""
        return presets[self.preset]


RELEASES = (
    Release("Transformer", "transformer-big", (2017, 6), "4.5 million sentence pairs (to German)",
            "none published", "Vaswani et al. 2017, section 5.1"),
    Release("GPT", "gpt1", (2018, 6), "about 7,000 unpublished books", "MIT",
            "Radford et al. 2018, section 4.1; github.com/openai/finetune-transformer-lm"),
    Release("BERT", "bert-large", (2018, 10), "3.3 billion words: books and Wikipedia",
            "Apache 2.0", "Devlin et al. 2019, section 3.1; github.com/google-research/bert"),
    Release("GPT-2", "gpt2-xl", (2019, 2), "40 GB: pages that people linked to", "modified MIT",
            "Radford et al. 2019, section 2.1; github.com/openai/gpt-2"),
    Release("RoBERTa", "roberta-large", (2019, 7), "160 GB: BERT's, news, web pages", "MIT",
            "Liu et al. 2019, section 3.2; github.com/facebookresearch/fairseq"),
    Release("T5", "t5-11b", (2019, 10), "1 trillion tokens of web pages (C4) and tasks",
            "Apache 2.0", "Raffel et al. 2020, section 3.7; github.com/google-research/"
            "text-to-text-transfer-transformer"),
    Release("BART", "bart-large", (2019, 10), "160 GB: RoBERTa's", "MIT",
            "Lewis et al. 2020, section 5.1; github.com/facebookresearch/fairseq"),
    Release("GPT-3", "gpt3-175b", (2020, 5), "300 billion tokens", "not published",
            "Brown et al. 2020, table 2.1"),
    Release("Jurassic-1", "jurassic-1-jumbo", (2021, 8), "300 billion tokens", "not published",
            "Lieber et al. 2021"),
    Release("BLOOM", "bloom", (2022, 7), "366 billion tokens in 46 languages and code",
            "BigScience RAIL 1.0, which forbids some uses",
            "BigScience Workshop 2022; huggingface.co/bigscience/bloom"),
    Release("LLaMA", "llama-65b", (2023, 2), "1.4 trillion tokens, all public",
            "research only, on request", "Touvron et al. 2023, section 2.1; its model card"),
    Release("BloombergGPT", "bloomberggpt", (2023, 3), "569 billion tokens, half of them finance",
            "not published", "Wu et al. 2023"),
    Release("Llama 2", "llama-2-70b", (2023, 7), "2 trillion tokens", "Llama 2 Community License",
            "Touvron et al. 2023 (Llama 2), section 2.1; its model card"),
    Release("Llama 3.1", "llama-3.1-405b", (2024, 7), "15.6 trillion tokens",
            "Llama 3.1 Community License", "Grattafiori et al. 2024, section 1; its model card"),
)  # fmt: skip


def differing(one: TransformerConfig, other: TransformerConfig) -> list[str]:
    """Name the choices in which two configs differ, sizes aside.

    Whether query heads share keys counts as a choice; how many share one does not.
    """
    return [name for name in CHOICES if _choice(one, name) != _choice(other, name)]


def _choice(config: TransformerConfig, name: str) -> Any:
    if name == "shared_keys":
        return config.kv_heads < config.n_heads
    return getattr(config, name)


def nearest(release: Release, earlier: Sequence[Release]) -> Release:
    """Find the earlier model that differs in the fewest choices; of equals, the latest.

    Raises:
        ValueError: If there is no earlier model.
    """
    if not earlier:
        raise ValueError(f"earlier is empty: nothing came before {release.name}")
    return min(reversed(earlier), key=lambda one: len(differing(one.config, release.config)))


def family_tree(releases: Sequence[Release] = RELEASES) -> FigureWithText:
    """Draw models from the oldest to the newest, each joined to the nearest one before it.

    Nothing of the tree is drawn by hand: the lane is the config's family, the dot grows with the
    logarithm of its number of parameters, and the line leads to the model before it that differs
    in the fewest choices, whether or not its makers took that one as their model.

    Args:
        releases: At least two, in order of date.

    Returns:
        The figure; its table adds text, licence and source of each model.

    Raises:
        ValueError: If there are fewer than two or they are not in order.
    """
    dates = [one.date for one in releases]
    if len(releases) < 2 or dates != sorted(dates):
        raise ValueError(f"releases must be two or more in order of date, got dates {dates}")
    head = ["model", "date", "parameters", "nearest before", "choices", "text", "weights", "source"]
    table: list[list[Any]] = [head]
    same = []
    joined: list[tuple[str, int]] = []
    for i, one in enumerate(releases):
        row = ["none", ""]
        if i:
            parent = nearest(one, releases[:i])
            changed = len(differing(parent.config, one.config))
            row = [parent.name, str(changed)]
            joined.append((parent.name, changed))
            if not changed:
                same.append(f"{one.name} from {parent.name}")
        date = f"{one.date[0]}-{one.date[1]:02}"
        n = _short(one.config.n_parameters())
        table.append([one.name, date, n, *row, one.text, one.weights, one.source])
    alt = (
        f"{len(releases)} models from {table[1][1]} to {table[-1][1]} in three lanes, each joined "
        f"to the nearest before it. No choice differs: {', '.join(same) or 'nowhere'}."
    )
    figure, axes = new_figure(width=6.8, height=0.9 + 0.34 * len(releases))
    _draw_tree(axes, releases, joined, apart=1.0)
    axes.set_xticks(range(len(_LANES)), _LANES)
    axes.xaxis.tick_top()
    axes.set_xlim(-0.45, 2.9)
    phone, axes = new_figure(width=PHONE_INCHES, height=0.9 + 0.3 * len(releases))
    _draw_tree(axes, releases, joined, apart=0.28, names_at=0.75)
    axes.set_xticks([])
    axes.set_xlim(-0.15, 2.35)
    # The names of the lanes stand in one line above: too long to stand over them.
    for lane, (name, x) in enumerate(zip(_LANES, (-0.62, 0.18, 1.2), strict=True)):
        axes.annotate(name, (x, 1.0), (6, 0), textcoords="offset points", **_HEAD)
        axes.plot(x, 1.0, palette.markers[lane], color=palette.series[lane], clip_on=False)
    axes.set_ylim(0.6 - len(releases), 1.4)
    return FigureWithText(figure, alt, table, phone=phone)


_HEAD: dict[str, Any] = {"fontsize": 8.5, "va": "center", "annotation_clip": False}


def _draw_tree(
    axes: Axes,
    releases: Sequence[Release],
    joined: Sequence[tuple[str, int]],
    *,
    apart: float,
    names_at: float | None = None,
) -> None:
    """Draw dots, dates, names and lines; the names beside the dots, or all at one place."""
    place = {
        one.name: (apart * _LANES.index(one.config.family), -i) for i, one in enumerate(releases)
    }
    bows: list[list[tuple[float, int, int]]] = []  # those of a list pass by no other of it
    for one, (parent, changed) in zip(releases[1:], joined, strict=True):
        (x, y), start = place[one.name], place[parent]
        # Names stand at the right of the dots: a line keeps to the left, or comes from above.
        bend = "angle3,angleA=90,angleB=0"
        if start[0] == x:
            bend = f"arc3,rad={0.2 + 0.2 * _bow(bows, x, y, start[1])}"
        bend = "angle3,angleA=0,angleB=90" if start[0] > x else bend
        axes.annotate("", (x, y), start, arrowprops={
            "arrowstyle": "-", "color": palette.faint, "connectionstyle": bend,
            "linestyle": "-" if changed < 4 else ":", "shrinkA": 4, "shrinkB": 4})  # fmt: skip
    for one in releases:
        (x, y), n = place[one.name], one.config.n_parameters()
        lane = _LANES.index(one.config.family)
        size = 2 * log10(n) - 12
        axes.plot(x, y, palette.markers[lane], color=palette.series[lane], markersize=size)
        beside = (x, y) if names_at is None else (names_at, y)
        axes.annotate(f"{one.name}, {_short(n)}", beside, (10, 0), textcoords="offset points",
                      va="center", fontsize=9, color=palette.ink)  # fmt: skip
    dates = [f"{one.date[0]}-{one.date[1]:02}" for one in releases]
    axes.set_yticks([-i for i in range(len(releases))], dates)
    axes.set_ylim(0.6 - len(releases), 0.6)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def _bow(bows: list[list[tuple[float, int, int]]], lane: float, low: int, high: int) -> int:
    """How far out a line within a lane bows: 0, or 1 more than one that it would run along."""
    for level, drawn in enumerate(bows):
        if not any(x == lane and low < top and bottom < high for x, bottom, top in drawn):
            drawn.append((lane, low, high))
            return level
    bows.append([(lane, low, high)])
    return len(bows) - 1


def _short(n: int) -> str:
    return f"{n / 1e9:.1f} billion" if n >= 1e9 else f"{n / 1e6:.0f} million"
