"""ZeRO: data parallelism that does not keep everything everywhere.

Stage 0 is plain data parallelism. Stage 1 shards the optimizer state over the ranks, stage 2 also
the gradients, stage 3 also the parameters. The results are the same at every stage, to the bit.

Chapter: 18_multi_gpu_zero
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.distributed.comm.collectives import Comm
from course_lib.distributed.torch_private import backward_pass, is_being_compiled, not_traced
from course_lib.distributed.zero import build
from course_lib.distributed.zero.flat import Flat
from course_lib.distributed.zero.plan import ROOT, ShardPlan
from course_lib.distributed.zero.schedule import Unit, UnitSchedule
from course_lib.distributed.zero.stages import check_stage


def check_set_to_none(set_to_none: bool) -> None:
    """Raise ``ValueError`` if gradients are to become zeros: here they are always freed."""
    if not set_to_none:
        raise ValueError("set_to_none must be True: gradients of a sharded model are freed")


_NO_COMPILE = (
    "a sharded model cannot be compiled: its parameters come and go while it runs, "
    "which a traced graph cannot follow"
)


class ZeroModule(nn.Module):
    """A model whose states are sharded; call it like the model itself.

    Make one with :func:`zero_shard`.

    Attributes:
        module: the model.
        plan: who owns what.
        comm: the collectives, with their counters.
        stage: 0 to 3.
    """

    def __init__(
        self,
        module: nn.Module,
        plan: ShardPlan,
        comm: Comm,
        stage: int,
        units: list[Unit],
        *,
        reshard_after_forward: bool,
        average: bool,
        aliases: dict[str, str],
        empty: dict[str, nn.Parameter],
    ) -> None:
        super().__init__()
        self.module = module
        self.plan, self.comm, self.stage, self.aliases = plan, comm, stage, aliases
        self.claimed: Callable[[], object | None] = lambda: None  # a weak look at its optimizer
        self.empty = empty  # parameters of no elements that no flat holds
        self.flats = [flat for unit in units for flat in unit.flats]
        self.factor = 1.0 / comm.world_size if average else 1.0
        self.reshard_after_forward = reshard_after_forward
        self.schedule = UnitSchedule(units, stage, reshard_after_forward)
        self._structure = build.structure_of(module)

    @not_traced
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model; parameters come and go as they are needed."""
        if is_being_compiled():
            raise RuntimeError(_NO_COMPILE)
        self.check_unchanged()
        self.schedule.begin_forward()
        try:
            if self.stage < 3:
                return self.module(*args, **kwargs)
            with self.schedule.saved.watched():
                return self.module(*args, **kwargs)
        except BaseException:
            if backward_pass() == -1:
                self.schedule.release_all()
            raise

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: see the message."""
        raise RuntimeError(_NO_COMPILE)

    def check_unchanged(self) -> None:
        """Raise if parameters were frozen, replaced, added or removed since :func:`zero_shard`.

        Raises:
            RuntimeError: naming the first such parameter.
        """
        build.check_structure(self.module, self._structure)
        for flat in self.flats:
            for slot, parameter in zip(flat.plan.slots, flat.parameters, strict=True):
                if parameter.requires_grad != flat.plan.trainable:
                    raise RuntimeError(
                        f"requires_grad of {slot.name!r} was changed after zero_shard; "
                        "freeze parameters before"
                    )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "ZeroModule":
        raise RuntimeError(
            "a sharded model cannot be moved or converted; do it before zero_shard, "
            "or use its param_dtype and device arguments"
        )

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Backward passes inside add to gradients on this rank only, without communication.

        The first backward outside sends the sum. It saves traffic and costs memory: stages 2 and
        3 hold whole gradients meanwhile.
        """
        before, self.schedule.synchronize = self.schedule.synchronize, False
        try:
            yield
        finally:
            self.schedule.synchronize = before

    @contextmanager
    def gathered(self) -> Iterator[nn.Module]:
        """Make all parameters whole, to look at them. What is read here lives on.

        Raises:
            RuntimeError: at the end, if parameters were changed whose values this rank does not
                keep: stage 3, or ``param_dtype``. They are set by :meth:`load_full_state_dict`.
        """
        for flat in self.flats:
            flat.gather()
        for flat in self.flats:
            flat.ready()
        versions = [[p._version for p in flat.parameters] for flat in self.flats]
        for flat in self.flats:
            flat.held += 1
        try:
            yield self.module
            for flat, before in zip(self.flats, versions, strict=True):
                self._check_not_written(flat, before)
        finally:
            for flat in self.flats:
                flat.held -= 1
            self.schedule.release_all()

    def _check_not_written(self, flat: Flat, versions: list[int]) -> None:
        if not flat.sharded.parameters and flat.master.dtype == flat.dtype:
            return
        for slot, parameter, before in zip(flat.plan.slots, flat.parameters, versions, strict=True):
            if parameter._version != before:
                raise RuntimeError(
                    f"parameter {slot.name!r} was changed inside gathered(), which is to look at "
                    "parameters: the change is lost. Set values with load_full_state_dict()"
                )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all ranks' backward passes so far, on this rank.

        Args:
            set_to_none: as in torch; zeros in the place of gradients are not offered.

        Raises:
            ValueError: ``set_to_none`` is False.
        """
        check_set_to_none(set_to_none)
        for flat in self.flats:
            flat.drop_gradients()

    def master_tensors(self) -> Iterator[tuple[Flat, Tensor]]:
        """Yield every flat with all its elements, gathered one flat at a time."""
        for flat in self.flats:
            if flat.master.dtype == flat.dtype and not flat.sharded.parameters:
                yield flat, flat.full
            elif flat.master.numel() == flat.plan.padded:
                yield flat, flat.master
            else:
                whole = torch.empty(
                    flat.plan.padded, dtype=flat.master.dtype, device=flat.master.device
                )
                self.comm.all_gather(whole, flat.master, label=flat.plan.name).wait()
                yield flat, whole

    def full_state_dict(self) -> dict[str, Tensor]:
        """Return the whole model on every rank, under the parameters' own names.

        Every rank has to call it. Values are the optimizer's own, in full precision.
        """
        parameters: dict[str, Tensor] = {}
        for flat, whole in self.master_tensors():
            for slot in flat.plan.slots:
                part = whole[slot.offset : slot.offset + slot.numel]
                parameters[slot.name] = part.view(slot.shape).clone()
        for name, parameter in self.empty.items():
            parameters[name] = parameter.detach().clone()
        result: dict[str, Tensor] = {}
        for name, value in build.state_entries(self.module):
            owner = self.aliases.get(name)
            result[name] = value.clone() if owner is None else parameters[owner]
        return result

    def load_full_state_dict(self, state: dict[str, Tensor]) -> None:
        """Set parameters and buffers from a whole model's state; every rank keeps its part.

        Raises:
            ValueError: names are missing or too many, or a shape differs.
        """
        own = dict(build.state_entries(self.module))
        missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or extra:
            raise ValueError(f"the state does not fit: missing {missing}, not known {extra}")
        for name, value in own.items():
            wanted, got = list(value.shape), list(state[name].shape)
            if got != wanted:
                raise ValueError(f"{name!r} has shape {got}, wanted {wanted}")
        for name, buffer in own.items():
            if name not in self.aliases:
                buffer.copy_(state[name])
        for flat in self.flats:
            for index, start, stop, at in flat.pieces():
                values = state[flat.plan.slots[index].name].reshape(-1)[start:stop]
                flat.master[at : at + stop - start].copy_(values)
        self.publish()

    def publish(self, *, frozen: bool = True) -> None:
        """Bring the optimizer's values to the model on every rank.

        Args:
            frozen: also those of frozen parameters, which no step changes.
        """
        chosen = [flat for flat in self.flats if frozen or flat.plan.trainable]
        stale = [flat for flat in chosen if flat.publish()]
        self.comm.all_gather_many([(f.full, f.shard, f.plan.name) for f in stale]).wait()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse copies and pickles: a rank holds only a part, and hooks lead back here."""
        raise RuntimeError(
            "a sharded model cannot be copied or pickled: save full_state_dict(), or use "
            "course_lib.distributed.save"
        )

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Refuse: a rank holds only a part. See :meth:`full_state_dict`."""
        raise RuntimeError("use full_state_dict(), or course_lib.distributed.save for checkpoints")

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a rank holds only a part. See :meth:`load_full_state_dict`."""
        raise RuntimeError("use load_full_state_dict(), or course_lib.distributed.load")

    def report(self) -> Any:
        """Refuse: what is measured needs the optimizer, which the model does not know."""
        raise AttributeError(
            "ZeroModule.report() is now a function: "
            "from course_lib.distributed import report; report(model, optimizer)"
        )


def zero_shard(
    module: nn.Module,
    *,
    stage: int = 3,
    units: str | Sequence[str] = "blocks",
    comm: Comm | None = None,
    param_dtype: torch.dtype | None = None,
    grad_dtype: torch.dtype | None = None,
    reshard_after_forward: bool = True,
    average: bool = True,
    broadcast: bool = True,
    init: Callable[[nn.Module], None] | None = None,
    device: torch.device | str | None = None,
) -> ZeroModule:
    """Shard a model's training states over the ranks, in place.

    Without a process group it runs on one rank. A model built on the meta device gets its values
    unit by unit, so that it may be larger than one rank's memory.

    Buffers start as rank 0's and are each rank's own from then on: running statistics drift apart,
    as the data does. Checkpoints hold rank 0's.

    Args:
        module: any model. It must not be used on its own afterwards.
        stage: 0 plain data parallelism; 1 shards optimizer state; 2 and gradients; 3 and
            parameters.
        units: what stage 3 gathers at a time: "blocks", or a list of submodule names.
        comm: collectives, by default over all ranks.
        param_dtype: type to compute in, such as bfloat16; the optimizer keeps a full-precision
            copy. None: the parameters' own type.
        grad_dtype: type to store gradients in; None: the parameters' own. The ZeRO paper's 2
            bytes per gradient are ``param_dtype=grad_dtype=torch.bfloat16``. Sums over ranks are
            made in float32 at the least: closer than adding bfloat16 in one process, so not equal.
        reshard_after_forward: stage 3 frees a unit after its forward; False keeps it until its
            backward, which saves a third of the traffic.
        average: divide the gradient sum by the number of ranks. With unequal numbers of tokens
            per rank a mean of means is wrong: pass False and divide the loss by the global count.
        broadcast: start from rank 0's weights; False checks that all ranks have the same.
        init: fills one module of a meta-device model; default ``reset_parameters()``.
        device: where a meta-device model goes.

    Raises:
        ValueError: bad stage, type or units, nothing to train, a meta module that cannot be filled,
            or a model that cannot be sharded exactly (already sharded, sparse gradients, parameters
            that share or skip memory): the message names the module and what to do.
        RankMismatch: the ranks have different models or settings.

    Source: Rajbhandari et al. 2020. We reduce in rank order and keep the root and the last block
        whole between forward and backward.
    """
    check_stage(stage)
    build.check_dtype("param_dtype", param_dtype)
    build.check_dtype("grad_dtype", grad_dtype)
    build.check_not_sharded(module)
    build.check_not_compiled(module)
    comm = comm or Comm()
    names = build.find_units(module, units)
    infos, parameters = build.describe(module)
    build.check_supported(module, parameters)
    is_meta = build.check_meta(module, init)
    plan = ShardPlan.build(infos, names, comm.world_size)
    settings = {"stage": stage, "units": names, "param_dtype": param_dtype, "meta": is_meta}
    settings |= {"grad_dtype": grad_dtype, "reshard_after_forward": reshard_after_forward}
    build.verify(comm, settings | {"average": average}, infos)
    labels = [flat.name for flat in plan.flats]
    comm.agree(labels, max(len(flat.slots) for flat in plan.flats))
    if not broadcast and not is_meta:
        build.verify_weights(comm, parameters)
    target = torch.device(device) if device is not None else torch.get_default_device()
    made: list[Unit] = []
    for unit in dict.fromkeys([*plan.units, ROOT]):
        flat_plans = [flat for flat in plan.flats if flat.unit == unit]
        members = [slot.name for flat in flat_plans for slot in flat.slots]
        if is_meta:
            fill = init or build.default_init
            runs = fill if comm.rank == 0 or not broadcast else None
            build.materialize(module, unit, names, parameters, members, infos, target, runs)
        flats = [
            Flat(
                flat_plan,
                [parameters[slot.name] for slot in flat_plan.slots],
                comm,
                stage,
                param_dtype,
                grad_dtype,
                broadcast=broadcast,
            )
            for flat_plan in flat_plans
            if flat_plan.numel
        ]
        if flats:
            made.append(Unit(unit, module.get_submodule(unit), flats))
    if broadcast:
        for buffer in module.buffers():
            comm.broadcast(buffer)
    aliases = {alias: name for name, info in infos.items() for alias in info.names}
    return ZeroModule(
        module,
        plan,
        comm,
        stage,
        made,
        reshard_after_forward=reshard_after_forward,
        average=average,
        aliases=aliases,
        empty={
            slot.name: parameters[slot.name]
            for flat in plan.flats
            if not flat.numel
            for slot in flat.slots
        },
    )
