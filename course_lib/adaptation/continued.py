"""Training a trained model on: new text, some of the old with it, and what is then forgotten.

Chapter: 19_domain_adaptation
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.adaptation.mixing import DocumentIds, mix
from course_lib.checks import (
    check_lists,
    check_mappings,
    check_module,
    check_numbers,
    check_whole,
)
from course_lib.data import batches
from course_lib.shapes import Int
from course_lib.training import History, adamw, evaluate, train, warmup_cosine

NEW, OLD = "new", "replayed"


def continue_pretraining(
    model: nn.Module,
    new: DocumentIds,
    replayed: DocumentIds = (),
    *,
    replay: float = 0.0,
    n_tokens: int,
    seq_len: int,
    separator_id: int,
    batch_size: int = 16,
    lr: float = 1e-3,
    weight_decay: float = 0.1,
    warmup: float = 0.05,
    final: float = 0.1,
    seed: int = 0,
    **settings: Any,
) -> History:
    """Go on with pre-training on text of another kind, and show some of the first kind again.

    It is one pass over a mixture through `course_lib.training.train`. The learning rate rises anew,
    since the old run has ended with a small one, with which little new is learned; the rise is
    also what makes a model forget, and replay is what holds against it.

    Args:
        model: Already trained; it is changed.
        new: DocumentIds of the new kind, as token ids.
        replayed: DocumentIds of the old kind; needed if `replay` is above 0.
        replay: Share of the tokens that come from `replayed`, 0 to less than 1.
        n_tokens: Tokens of the run, replayed ones included.
        seq_len: T, places of a row.
        separator_id: Stands between documents.
        batch_size: Rows of an update.
        lr: Peak learning rate of AdamW.
        weight_decay: Of matrices.
        warmup: Share of the updates before the full rate.
        final: What the rate ends at, as a share of its peak.
        seed: Draws the mixture, the order of the rows, and dropout.
        **settings: Passed on to `train`: `held_out`, `checkpoint`, `resume`, `progress` and so on.

    Returns:
        The course of the run.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If the share is none, replayed text is missing or given for nothing, a source is
            exhausted, or the rows do not fill one update.

    Source: Ibrahim et al. 2024, "Simple and Scalable Strategies to Continually Pre-train Large
    Language Models", sections 4 and 6: the rate rises and falls again, some data is replayed.
    """
    check_module(model)
    check_lists(new=new, replayed=replayed)
    [n_tokens, seq_len, batch_size, seed] = check_whole(
        n_tokens=n_tokens, seq_len=seq_len, batch_size=batch_size, seed=seed
    )
    [replay, warmup] = check_numbers(replay=replay, warmup=warmup)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if not 0 <= replay < 1:
        raise ValueError(f"replay must be a share, 0 to less than 1, got {replay}")
    if bool(replay) != bool(len(replayed)):
        raise ValueError(
            f"replay={replay} with {len(replayed)} documents in replayed: a share and documents "
            "belong together"
        )
    if not 0 <= warmup <= 1:
        raise ValueError(f"warmup must be a share of the updates, 0 to 1, got {warmup}")
    sources = {NEW: new, OLD: replayed} if replay else {NEW: new}
    weights = {NEW: 1 - replay, OLD: replay} if replay else {NEW: 1.0}
    draws = torch.Generator().manual_seed(seed)
    rows = mix(sources, weights, n_tokens, generator=draws).rows(seq_len, separator_id)
    steps = len(rows) // batch_size
    if not steps:
        raise ValueError(
            f"n_tokens={n_tokens} makes {len(rows)} rows of {seq_len}, fewer than "
            f"batch_size={batch_size}"
        )
    return train(
        model,
        batches(rows, batch_size, generator=draws),
        optimizer=adamw(model, lr, weight_decay),
        steps=steps,
        schedule=warmup_cosine(steps=steps, warmup=int(warmup * steps), final=final),
        seed=seed,
        **settings,
    )


def domain_losses(
    model: nn.Module, held_out: Mapping[str, Int[Tensor, "N T_plus_1"]]
) -> dict[str, float]:
    """Measure a model on held-out text of several domains.

    Args:
        model: Any causal model.
        held_out: Rows of each domain.

    Returns:
        Nats a token, by domain; `math.exp` of it is the perplexity.

    Raises:
        TypeError: If an argument is of a wrong type.
        ValueError: If there is no domain, or one has no target that counts.
    """
    check_module(model)
    check_mappings(held_out=held_out)
    if not held_out:
        raise ValueError("held_out must name at least 1 domain, got 0")
    return {name: evaluate(model, rows) for name, rows in held_out.items()}


@dataclass(frozen=True)
class LossMatrix:
    """What a model scores in each domain after each stage of its training.

    Attributes:
        stages: Names, in the order of training.
        domains: Names.
        losses: Nats a token, a row for each stage, a column for each domain.
    """

    stages: tuple[str, ...]
    domains: tuple[str, ...]
    losses: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, stages: Mapping[str, Mapping[str, float]]) -> "LossMatrix":
        """Make the matrix from the losses of each stage, as `domain_losses` gives them.

        Args:
            stages: Losses by domain, by stage, in the order of training.

        Raises:
            TypeError: If stages or losses are no mappings, or a loss is no number.
            ValueError: If there is no stage, a stage has other domains, or a loss is not finite.
        """
        check_mappings(stages=stages)
        check_mappings(**{f"stages[{stage!r}]": losses for stage, losses in stages.items()})
        if not stages:
            raise ValueError("stages must hold at least 1 stage, got 0")
        domains = tuple(next(iter(stages.values())))
        for stage, losses in stages.items():
            if set(losses) != set(domains):
                raise ValueError(
                    f"stages[{stage!r}] must have the domains {list(domains)}, got {list(losses)}"
                )
            for domain, loss in losses.items():
                check_numbers(**{f"stages[{stage!r}][{domain!r}]": loss})
                if not math.isfinite(loss):
                    raise ValueError(f"stages[{stage!r}][{domain!r}] must be finite, got {loss}")
        rows = tuple(tuple(losses[name] for name in domains) for losses in stages.values())
        return cls(tuple(stages), domains, rows)

    @property
    def perplexities(self) -> tuple[tuple[float, ...], ...]:
        """The same as perplexities."""
        return tuple(tuple(map(math.exp, row)) for row in self.losses)

    def forgotten(self) -> dict[str, float]:
        """Say how far each domain has fallen behind the best that an earlier stage had.

        Returns:
            Nats a token, by domain: the last stage's loss minus the least one before it. Negative
            where the last stage is the best; 0 where there is one stage only.

        Source: Chaudhry et al. 2018, "Riemannian Walk", section 3.1, which has it of accuracies.
        """
        *before, last = self.losses
        return {
            name: last[column] - min((row[column] for row in before), default=last[column])
            for column, name in enumerate(self.domains)
        }

    def __str__(self) -> str:
        """Return a table: stage, then nats a token in each domain, then what was forgotten."""
        forgotten = self.forgotten()
        rows: list[Sequence[str]] = [("", *self.domains)]
        rows += [
            (stage, *(f"{loss:.3f}" for loss in row))
            for stage, row in zip(self.stages, self.losses, strict=True)
        ]
        rows.append(("forgotten", *(f"{forgotten[name]:+.3f}" for name in self.domains)))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if not column else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        )
