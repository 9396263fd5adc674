"""When parameters are gathered and gradients reduced: the hooks around forward and backward.

A unit is one module whose parameters come and go together. Stage 3 gathers it before its forward,
frees it after, gathers it again before its backward, and frees it once its gradients have left.
Stages 0 to 2 only need to know when gradients are complete.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.distributed.comm.collectives import Pending
from course_lib.distributed.torch_private import at_end_of_backward, backward_pass
from course_lib.distributed.zero.flat import Flat, Residence
from course_lib.distributed.zero.plan import ROOT
from course_lib.distributed.zero.saved import SavedTensors
from course_lib.distributed.zero.stages import STAGES


class Unit:
    """One unit: its module and its flats.

    Attributes:
        remaining: gradients still to come in this backward pass.
        calls: forward calls whose backward has begun and not yet reached their inputs.
    """

    def __init__(self, name: str, module: nn.Module, flats: list[Flat]) -> None:
        self.name, self.module, self.flats = name, module, flats
        self.trainable = [flat for flat in flats if flat.plan.trainable]
        self.frozen = [flat for flat in flats if not flat.plan.trainable]
        self.n_gradients = sum(len(flat.parameters) for flat in self.trainable)
        self.remaining, self.calls = self.n_gradients, 0
        self.launched = False

    def release(self) -> None:
        """Free the whole parameters of all flats."""
        for flat in self.flats:
            flat.release()


class UnitSchedule:
    """Says when what happens to one sharded model on one rank.

    Args:
        units: all units, the root last.
        stage: 0 to 3.
        reshard_after_forward: stage 3 frees a unit after its forward.
    """

    def __init__(self, units: list[Unit], stage: int, reshard_after_forward: bool) -> None:
        self.units, self.reshard = units, reshard_after_forward
        self.sharded = STAGES[stage]
        flats = [flat for unit in units for flat in unit.flats]
        self.saved = SavedTensors(flats, self._needed_in_backward)
        self.synchronize = True  # False: gradients stay on this rank (no_sync)
        blocks = [unit for unit in units if unit.name != ROOT]
        # what is needed first in the backward pass is not worth freeing after the forward
        self.kept = {ROOT, *(unit.name for unit in blocks[-1:])}
        self.order: list[Unit] = []  # units in the order of this forward
        self.previous: list[Unit] = []  # and of the last one, to gather ahead
        self.task: int | None = None  # the autograd pass under way
        self.queue: list[tuple[Flat, Pending]] = []
        self.gathering: list[tuple[Flat, Pending]] = []  # stage 0: the second half of all-reduce
        self.next_reduction = 0
        self.fixed_order = list(reversed([unit for unit in units if unit.trainable]))
        if units[-1].name == ROOT and units[-1].trainable:  # the root's gradients come last
            self.fixed_order = [*self.fixed_order[1:], units[-1]]
        self.handles: list[Any] = []
        for unit in units:
            self._watch(unit)

    def _watch(self, unit: Unit) -> None:
        for flat in unit.trainable:
            for index, parameter in enumerate(flat.parameters):
                hook = self._gradient_hook(unit, flat, index)
                self.handles.append(parameter.register_post_accumulate_grad_hook(hook))
        if self.sharded.parameters:
            module = unit.module
            self.handles += [
                module.register_forward_pre_hook(
                    lambda _module, args, kwargs: self.before_forward(unit, (args, kwargs)),
                    with_kwargs=True,
                    prepend=True,
                ),
                module.register_forward_hook(
                    lambda _module, _args, output: self.after_forward(unit, output)
                ),
            ]

    # ---- forward

    def begin_forward(self) -> None:
        """Start a forward of the whole model; clean up after a backward that was broken off."""
        if backward_pass() != -1:
            return
        if self.task is not None:
            self.reset()
        self.previous, self.order = self.order or self.previous, []

    def before_forward(self, unit: Unit, inputs: Any) -> None:
        """Make a unit whole, and start gathering the one that came next last time."""
        for flat in unit.flats:
            flat.ready()
        if self.task is not None:  # recomputing a checkpointed forward inside the backward
            self._refuse_reentrant()
            return
        step = len(self.order)
        self.order.append(unit)
        if unit.frozen and torch.is_grad_enabled():
            self._watch_inputs(unit, inputs)
        if step + 1 < len(self.previous) and self.previous[step] is unit:
            for flat in self.previous[step + 1].flats:
                flat.gather()

    def after_forward(self, unit: Unit, output: Any) -> None:
        """Free a unit after its forward, and watch for its backward."""
        if self.task is not None:
            return
        needs_backward = torch.is_grad_enabled()
        if needs_backward:
            tensors = [t for t in tensors_in(output) if t.requires_grad]
            if tensors:
                position = len(self.order)
                torch.autograd.graph.register_multi_grad_hook(
                    tensors, lambda _grad: self.before_backward(unit, position), mode="any"
                )
        if not needs_backward or (self.reshard and unit.name not in self.kept):
            unit.release()

    def _watch_inputs(self, unit: Unit, inputs: Any) -> None:
        """Frozen weights are done with when the gradients of the unit's inputs are there."""
        tensors = [t for t in tensors_in(inputs) if t.requires_grad]
        if not tensors:
            return

        def inputs_done(_grads: Sequence[Tensor | None]) -> None:
            unit.calls = max(0, unit.calls - 1)
            if unit.calls == 0 and unit.remaining == 0:
                for flat in unit.frozen:
                    flat.release()

        torch.autograd.graph.register_multi_grad_hook(tensors, inputs_done, mode="all")

    # ---- backward

    def _begin_backward(self) -> None:
        if self.task is None:
            self.task = backward_pass()
            at_end_of_backward(self.finish_backward)
        else:
            self._refuse_reentrant()

    def _refuse_reentrant(self) -> None:
        if backward_pass() not in (self.task, -1):
            raise RuntimeError(
                "a backward pass runs inside another one: reentrant checkpointing is not "
                "supported, use checkpoint(..., use_reentrant=False)"
            )

    def before_backward(self, unit: Unit, position: int) -> None:
        """Make a unit whole for its backward, and start gathering the one before it."""
        self._begin_backward()
        unit.calls += 1
        for flat in unit.flats:
            flat.ready()
        # the unit's forward was the one at `position`; what ran before it comes next
        index = min(position, len(self.order)) - 1
        while index > 0 and self.order[index] is not unit:
            index -= 1
        if index > 0 and self.order[index - 1].name != ROOT:
            for flat in self.order[index - 1].flats:
                flat.gather()

    def _needed_in_backward(self, flat: Flat) -> None:
        """Make a flat whole whose values autograd asks for, however it has come to need them."""
        if backward_pass() != -1:
            self._begin_backward()
        flat.ready()

    def _gradient_hook(self, unit: Unit, flat: Flat, index: int) -> Callable[[Tensor], None]:
        def hook(_parameter: Tensor) -> None:
            self._begin_backward()
            flat.take(index, keep=not self.synchronize)
            unit.remaining -= 1
            if unit.remaining == 0:
                self._complete(unit)

        return hook

    def _complete(self, unit: Unit) -> None:
        """All gradients of a unit are there: send them off, free its parameters."""
        if self.synchronize and self.sharded.parameters:
            self._launch(unit)
        elif self.synchronize:
            # the same order on every rank, also where one of them skips a unit
            while self.next_reduction < len(self.fixed_order):
                candidate = self.fixed_order[self.next_reduction]
                if candidate.remaining:
                    break
                self.next_reduction += 1
                self._launch(candidate)
        for flat in unit.trainable:
            flat.release()
        if unit.calls == 0 and unit.name != ROOT:
            for flat in unit.frozen:
                flat.release()

    def _launch(self, unit: Unit) -> None:
        unit.launched = True
        for flat in unit.trainable:
            while self.queue:  # one reduction on the way at a time: memory for two units, no more
                self._settle()
            self.queue.append((flat, flat.reduce()))

    def _settle(self) -> None:
        flat, pending = self.queue.pop(0)
        if not self.sharded.optimizer:  # the sum is there; now it goes to everybody
            self.gathering.append((flat, pending.wait()))
        else:
            flat.reduced_by(pending)

    def finish_backward(self) -> None:
        """Reduce what has not been reduced, wait for everything, return to the sharded state."""
        if self.synchronize:
            for unit in self.fixed_order:
                if not unit.launched:
                    self._launch(unit)
            while self.queue:
                self._settle()
            for flat, pending in self.gathering:
                flat.reduced_by(pending)
        self._end()

    def _end(self) -> None:
        for unit in self.units:
            unit.release()
            unit.remaining, unit.calls, unit.launched = unit.n_gradients, 0, False
        self.task, self.next_reduction, self.gathering = None, 0, []

    def reset(self) -> None:
        """Return to the sharded state after an error, and forget half-made gradients."""
        while self.queue:
            self._settle()
        for flat, pending in self.gathering:
            flat.reduced_by(pending)
        self._end()
        for unit in self.units:
            for flat in unit.flats:
                flat.drop_gradients()

    def release_all(self) -> None:
        """Free every whole parameter (stage 3): what it holds is about to change."""
        for unit in self.units:
            unit.release()

    @property
    def all_released(self) -> bool:
        """Whether no parameter is whole (stage 3)."""
        return all(f.state is Residence.SHARDED for unit in self.units for f in unit.flats)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested tuples, lists, mappings and dataclasses."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from tensors_in(getattr(value, field.name))
