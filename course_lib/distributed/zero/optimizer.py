"""An optimizer over the elements this rank owns, whatever parameter they belong to.

Chapter: 18_multi_gpu_zero
"""

import copy
import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.distributed.zero.flat import Flat
from course_lib.distributed.zero.module import ZeroModule, check_set_to_none


class Piece:
    """The part of one parameter that this rank's optimizer updates.

    Attributes:
        name: the parameter's name.
        shape: the whole parameter's shape.
        start: first element, counted in the flattened parameter.
        stop: one past the last.
        value: what the optimizer sees: a 1-D parameter sharing memory with the flat's master.
    """

    def __init__(self, flat: Flat, index: int, start: int, stop: int, position: int) -> None:
        self.flat, self.index, self.start, self.stop = flat, index, start, stop
        self.name, self.shape = flat.plan.slots[index].name, flat.plan.slots[index].shape
        self.at = slice(position, position + stop - start)
        self.value = nn.Parameter(flat.master[self.at].detach())

    def set_gradient(self) -> None:
        """Hand the optimizer its gradient, or None if no rank has one."""
        flat = self.flat
        has = flat.grad is not None and flat.used >> self.index & 1
        if not has or flat.grad is None:
            self.value.grad = None
        else:
            self.value.grad = flat.grad[self.at].to(self.value.dtype)


class ShardedOptimizer:
    """Steps a sharded model with any elementwise optimizer of torch.

    The optimizer sees pieces of parameters, cut where the shards are cut. That is exact for SGD,
    Adam and the like, which treat every element by itself; others are refused.

    Args:
        model: from :func:`~course_lib.distributed.zero.module.zero_shard`.
        make_optimizer: gets parameter groups, returns the optimizer.
        groups: parameter groups by name: dictionaries with ``"names"`` and any options, together
            covering every trainable parameter once. None: one group of all.
        skip_nonfinite: when a gradient anywhere is infinite or not a number, all ranks skip the
            step together.

    Raises:
        TypeError: ``make_optimizer`` cannot be called, or returns no optimizer.
        ValueError: names that are unknown, missing or listed twice; an optimizer that needs whole
            parameters; or the model has an optimizer already.
    """

    def __init__(
        self,
        model: ZeroModule,
        make_optimizer: Callable[[list[dict[str, Any]]], torch.optim.Optimizer],
        *,
        groups: Sequence[dict[str, Any]] | None = None,
        skip_nonfinite: bool = False,
    ) -> None:
        if not isinstance(model, ZeroModule):
            raise TypeError(f"model must come from zero_shard, got {type(model).__name__}")
        if not callable(make_optimizer):
            raise TypeError(
                "make_optimizer must be a function of parameter groups, such as "
                f"lambda groups: torch.optim.AdamW(groups), got {make_optimizer!r}"
            )
        if model.claimed() is not None:
            raise ValueError(
                "the model has a ShardedOptimizer already, and two would step it twice: use that "
                "one, with groups for different options, or delete it first"
            )
        model.check_unchanged()
        self.model, self.skip_nonfinite, self.skipped_steps = model, skip_nonfinite, 0
        flats = [flat for flat in model.flats if flat.plan.trainable]
        self.pieces = [Piece(flat, *piece) for flat in flats for piece in flat.pieces()]
        plans = [flat for flat in model.plan.flats if flat.trainable]
        names = [slot.name for flat in plans for slot in flat.slots]
        self.group_names = _group_names(groups, names, model.aliases)
        handed = []
        for group, chosen in zip(groups or [{}], self.group_names, strict=True):
            options = {key: value for key, value in group.items() if key != "names"}
            members = set(chosen)
            own = [piece.value for piece in self.pieces if piece.name in members]
            handed.append({**options, "params": own})
        self.optimizer = make_optimizer(handed)
        if not isinstance(self.optimizer, torch.optim.Optimizer):
            raise TypeError(f"make_optimizer must return a torch optimizer, got {self.optimizer!r}")
        self._check_pieces_are_stepped()
        self.elementwise = _check_elementwise(self.optimizer)
        self._stepping = False
        self._speak_for(self.optimizer)
        model.claimed = weakref.ref(self)

    def _check_pieces_are_stepped(self) -> None:
        """The optimizer must have taken what it was handed, and nothing else."""
        handed = {id(piece.value) for piece in self.pieces}
        taken = {id(p) for group in self.optimizer.param_groups for p in group["params"]}
        if handed != taken:
            raise ValueError(
                "make_optimizer must return an optimizer over exactly the parameter groups it is "
                f"called with: of {len(handed)} parts it took {len(handed & taken)}, and "
                f"{len(taken - handed)} others"
            )

    def _speak_for(self, inner: torch.optim.Optimizer) -> None:
        """Have the inner optimizer's own ``step`` refused and its ``zero_grad`` be this one's."""
        ours = weakref.ref(self)  # held strongly, it would keep this object alive

        def refuse_alone(*_args: Any) -> None:
            owner = ours()
            if owner is None or not owner._stepping:
                raise RuntimeError(
                    "the inner optimizer has no gradients of its own: call ShardedOptimizer.step()"
                )

        def zero_grad(set_to_none: bool = True) -> None:
            owner = ours()
            if owner is not None:
                owner.zero_grad(set_to_none)

        inner.register_step_pre_hook(refuse_alone)
        inner.zero_grad = zero_grad  # type: ignore[method-assign]

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The optimizer's own groups, for learning rates and the like."""
        return self.optimizer.param_groups

    def _average(self) -> None:
        for flat in self.model.flats:
            flat.average(self.model.factor)

    @torch.no_grad()
    def grad_norm(self) -> Tensor:
        """Return the 2-norm of the whole gradient. Collective.

        Squares are summed in float64, so that the float32 result is the same however the
        parameters are sharded.
        """
        self._average()
        squares = torch.zeros(1, dtype=torch.float64, device=self._device())
        for flat in self.model.flats:
            if flat.grad is not None and flat.used:
                squares += torch.linalg.vector_norm(flat.grad, dtype=torch.float64) ** 2
        if self.model.stage > 0:  # in stage 0 every rank has all gradients
            squares = self.model.comm.sum_over_ranks(squares)
        return squares.sqrt().float().squeeze(0)

    def _device(self) -> torch.device:
        return self.model.flats[0].shard.device

    @torch.no_grad()
    def clip_grad_norm_(self, max_norm: float | int, *, error_if_nonfinite: bool = False) -> Tensor:
        """Scale the gradient so that its norm is at most ``max_norm``; return the norm before.

        Args:
            max_norm: the largest norm allowed.
            error_if_nonfinite: raise on all ranks if the norm is infinite or not a number.

        Raises:
            ValueError: ``max_norm`` is not positive.
            RuntimeError: the norm is not finite and ``error_if_nonfinite`` is set.
        """
        if not max_norm > 0:
            raise ValueError(f"max_norm must be positive, got {max_norm}")
        norm = self.grad_norm()
        if error_if_nonfinite and not torch.isfinite(norm):
            raise RuntimeError(f"the gradient norm is {norm.item()}")
        scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        for flat in self.model.flats:
            if flat.grad is not None:
                flat.grad.mul_(scale.to(flat.grad.dtype))
        return norm

    @torch.no_grad()
    def step(self) -> bool:
        """Update the parameters from the gradients of all ranks. Collective.

        Returns:
            False if the step was skipped because a gradient is not finite.
        """
        self.model.check_unchanged()
        if self.skip_nonfinite and not torch.isfinite(self.grad_norm()):
            self.skipped_steps += 1
            return False
        self._average()
        self.model.schedule.release_all()
        narrow = [p for p in self.pieces if p.flat.grad_dtype != p.value.dtype]
        for piece in self.pieces:
            if piece.flat.grad_dtype == piece.value.dtype:
                piece.set_gradient()
        if len(narrow) < len(self.pieces):
            self._step_pieces()
        for flat in dict.fromkeys(piece.flat for piece in narrow):
            # gradients of another type need a copy: one unit at a time, to hold little
            self._drop_piece_gradients()
            for piece in narrow:
                if piece.flat is flat:
                    piece.set_gradient()
            self._step_pieces()
        self._drop_piece_gradients()
        self.model.publish(frozen=False)
        return True

    def _step_pieces(self) -> None:
        self._stepping = True
        try:
            self.optimizer.step()
        finally:
            self._stepping = False

    def _drop_piece_gradients(self) -> None:
        for piece in self.pieces:
            piece.value.grad = None

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients and free their memory.

        Args:
            set_to_none: as in torch; zeros in the place of gradients are not offered.

        Raises:
            ValueError: ``set_to_none`` is False.
        """
        check_set_to_none(set_to_none)
        self._drop_piece_gradients()
        for flat in self.model.flats:
            flat.drop_gradients()


def _group_names(
    groups: Sequence[dict[str, Any]] | None, names: list[str], aliases: dict[str, str]
) -> list[list[str]]:
    if groups is None:
        return [names]
    chosen = [[aliases.get(name, name) for name in group.get("names", [])] for group in groups]
    listed = [name for group in chosen for name in dict.fromkeys(group)]
    unknown = sorted(set(listed) - set(names))
    missing = sorted(set(names) - set(listed))
    twice = sorted({name for name in listed if listed.count(name) > 1})
    if unknown or missing or twice:
        raise ValueError(
            "groups must list every trainable parameter once: "
            f"not trainable or unknown {unknown}, missing {missing}, in two groups {twice}"
        )
    return chosen


@torch.no_grad()
def _check_elementwise(optimizer: torch.optim.Optimizer) -> frozenset[str]:
    """Step a copy on one small tensor, whole and cut in two: the results must be the same.

    Returns:
        The names of state that has an element for each element of a parameter.

    Raises:
        ValueError: they are not, or the optimizer cannot step on 1-D tensors at all.
    """
    kind = type(optimizer).__name__
    message = f"{kind} cannot work on shards: it needs whole parameters"
    start, gradient = torch.linspace(-2, 3, 8), torch.linspace(1, -4, 8) ** 3
    results = []
    for sizes in ([8], [3, 5]):
        probe = copy.copy(optimizer)
        probe.state = defaultdict(dict)
        parts = [nn.Parameter(part.clone()) for part in start.split(sizes)]
        options = {k: v for k, v in optimizer.param_groups[0].items() if k != "params"}
        if isinstance(options.get("lr"), (int, float)):
            options["lr"] = 0.1  # a warm-up may begin at zero, which would hide everything
        probe.param_groups = [{**options, "params": parts}]
        for scale in (1.0, -0.5):
            for part, grad in zip(parts, gradient.split(sizes), strict=True):
                part.grad = grad * scale
            try:
                probe.step()
            except Exception as error:
                raise ValueError(f"{message} ({type(error).__name__}: {error})") from error
        results.append(torch.cat([part.detach() for part in parts]))
        states = [state for state in probe.state.values() if isinstance(state, dict)]
    if not torch.equal(results[0], results[1]):
        raise ValueError(message)
    return frozenset(
        key
        for state in states
        for key, value in state.items()
        if isinstance(value, Tensor) and value.dim() > 0
    )
