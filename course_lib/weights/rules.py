"""Rules: which tensor of a published file is which part of which parameter of ours.

Chapter: 09_transformer_models
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from course_lib.config import TransformerConfig
from course_lib.weights.fields import Fields

TensorView = Callable[[Tensor], Tensor]


def whole(ours: Tensor) -> Tensor:
    """Return the tensor itself: the published one has the same layout."""
    return ours


def transposed(ours: Tensor) -> Tensor:
    """Return it with inputs first, (in, out), as GPT files store linear maps."""
    return ours.T


@dataclass(frozen=True)
class Rule:
    """One tensor of a published file, and where it lives in our model.

    One view serves both directions, so that loading and saving cannot disagree: loading copies
    the published tensor into the view, saving copies the view out. It also means that a tensor
    goes to its place piece by piece, and is never held twice.

    Args:
        theirs: Name in the file.
        ours: Name of the parameter or buffer in our model.
        view: Our tensor seen in their order, sharing its memory.
        merged: How many more dimensions the view has than their tensor, which merges them all
            into the first.
    """

    theirs: str
    ours: str
    view: TensorView = whole
    merged: int = 0

    def shape(self, ours: Tensor) -> tuple[int, ...]:
        """Return the shape of the published tensor, given ours (a meta tensor will do)."""
        return tuple(self.view(ours).flatten(0, self.merged).shape)

    def load(self, published: Tensor, ours: Tensor, start: int = 0) -> None:
        """Copy rows of the published tensor, the first of them `start`, into ours."""
        view = self.view(ours)
        step = self.step(ours)
        first = start // step
        into = view[first : first + len(published) // step]
        into.copy_(published.reshape(into.shape))

    def step(self, ours: Tensor) -> int:
        """Return how many published rows belong together, so as to load in pieces of them."""
        rows = 1
        for size in self.view(ours).shape[1 : self.merged + 1]:
            rows *= size
        return rows

    def save(self, ours: Tensor) -> Tensor:
        """Return a copy of ours in the published layout."""
        made = self.view(ours.detach()).flatten(0, self.merged)
        return made.clone(memory_format=torch.contiguous_format)


def linear(theirs: str, ours: str, *, bias: bool = True, turn: bool = False) -> list[Rule]:
    """Return the rules of a linear map or a norm: its weight and, where it has one, its bias."""
    rules = [Rule(f"{theirs}.weight", f"{ours}.weight", transposed if turn else whole)]
    return [*rules, Rule(f"{theirs}.bias", f"{ours}.bias")] if bias else rules


def stacked(theirs: Iterable[tuple[str, int]], ours: str, *, bias: bool) -> list[Rule]:
    """Return the rules of several linear maps that are one map of ours, rows below each other.

    Args:
        theirs: Name of each, and how many of our rows it has.
        ours: Name of our map.
        bias: Whether they have biases.
    """
    rules, start = [], 0
    for name, n_rows in theirs:
        view = rows(start, n_rows)
        rules += [
            Rule(f"{name}.{kind}", f"{ours}.{kind}", view)
            for kind in (("weight", "bias") if bias else ("weight",))
        ]
        start += n_rows
    return rules


def rows(start: int, n_rows: int) -> TensorView:
    """Return the view of `n_rows` rows from `start` on."""
    return lambda ours: ours[start : start + n_rows]


def attention_sizes(config: TransformerConfig) -> tuple[int, int]:
    """Return how many rows the queries have, and how many the keys, and as many the values."""
    return config.n_heads * config.head_dim, config.kv_heads * config.head_dim


def query_key_value(
    config: TransformerConfig, ours: str, theirs: Iterable[str], *, bias: bool
) -> list[Rule]:
    """Return the rules of self-attention's three maps, which are one matrix of ours.

    Args:
        config: Reads the sizes of the heads.
        ours: Name of our `Attention`.
        theirs: Names of the maps of queries, keys and values.
        bias: Whether they have biases.
    """
    q, kv = attention_sizes(config)
    return stacked(zip(theirs, (q, kv, kv), strict=True), f"{ours}.qkv", bias=bias)


@dataclass(frozen=True)
class Family:
    """All that is known about the files of one family.

    Attributes:
        model_type: What `config.json` calls it.
        read: Builds our config from the fields of `config.json`.
        write: The fields of `config.json` for a config of ours.
        rules: Every tensor a file must hold, given the config.
        architecture: Name of the reference library's class for a config.
        copies: Tensors that repeat another, in files that store a tied matrix more than once.
        ignorable: Patterns of names that hold nothing the model needs.
        spellings: Pattern and replacement for each older way to write a name, in order.
        heads: For each kind of task head, its maps and what the file calls them.
        defaults: Fields without which the reference library guesses wrongly; others come first.
    """

    model_type: str
    read: Callable[[Fields], TransformerConfig]
    write: Callable[[TransformerConfig], dict[str, Any]]
    rules: Callable[[TransformerConfig], list[Rule]]
    architecture: Callable[[TransformerConfig], str]
    copies: Callable[[TransformerConfig], dict[str, str]] = field(default=lambda config: {})
    ignorable: tuple[str, ...] = ()
    spellings: tuple[tuple[str, str], ...] = ()
    heads: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    defaults: Callable[[TransformerConfig], dict[str, Any]] = field(default=lambda config: {})

    def modern(self, name: str) -> str:
        """Return a name of a file as files of today write it."""
        for pattern, replacement in self.spellings:
            name = re.sub(pattern, replacement, name)
        return name

    def may_ignore(self, name: str) -> bool:
        """Say whether a tensor holds nothing the model needs."""
        return any(re.fullmatch(pattern, name) for pattern in self.ignorable)


def check_complete(rules: list[Rule], ours: Mapping[str, Tensor]) -> None:
    """Check that the rules fill every element of our model, once.

    Args:
        rules: The rules of a family for a config.
        ours: Our parameters and buffers by name; meta tensors will do.

    Raises:
        ValueError: Naming a tensor that no rule fills, or that rules fill in part or twice.
    """
    filled = dict.fromkeys(ours, 0)
    for rule in rules:
        if rule.ours not in ours:
            raise ValueError(f"rule for {rule.theirs}: the model has no {rule.ours}")
        filled[rule.ours] += rule.view(ours[rule.ours]).numel()
    for name, n_filled in filled.items():
        if n_filled != ours[name].numel():
            raise ValueError(f"{name}: rules fill {n_filled} of {ours[name].numel()} elements")
