"""Bytes by rank and traffic of a sharded model: by the paper, by the plan, and as measured.

Chapter: 18_multi_gpu_zero
"""

from dataclasses import dataclass

from course_lib.distributed.memory import accounting, budget, measure
from course_lib.distributed.zero.module import ZeroModule
from course_lib.distributed.zero.optimizer import ShardedOptimizer
from course_lib.distributed.zero.parameters import gradient_of


@dataclass(frozen=True)
class Report:
    """What :func:`report` returns; printing it gives a table.

    Attributes:
        stage: 0 to 3.
        world_size: number of ranks.
        n_parameters: all parameters of the model.
        formula: bytes per rank by the paper's formula.
        plan: bytes on each rank by the plan, padding included, with everything in place.
        measured: bytes on each rank that tensors hold now.
        traffic_paper: bytes one rank sends per step by the paper's formula.
        traffic_schedule: bytes one rank sends per step by this schedule.
        sent: bytes each rank has sent so far, counted.
    """

    stage: int
    world_size: int
    n_parameters: int
    formula: accounting.ModelStateBytes
    plan: list[accounting.ModelStateBytes]
    measured: list[accounting.ModelStateBytes]
    traffic_paper: float
    traffic_schedule: int
    sent: list[int]

    def __str__(self) -> str:
        """Return a table in bytes."""
        head = (
            f"stage {self.stage}, {self.world_size} ranks, {self.n_parameters:,} parameters\n"
            f"{'bytes per rank':<16}{'parameters':>14}{'gradients':>14}{'optimizer':>14}"
            f"{'total':>14}\n"
        )
        lines = [_row("formula", self.formula)]
        for rank, (plan, measured) in enumerate(zip(self.plan, self.measured, strict=True)):
            lines += [_row(f"rank {rank} plan", plan), _row(f"rank {rank} now", measured)]
        traffic = (
            f"bytes sent per step and rank: {self.traffic_paper:,.0f} by the paper's formula, "
            f"{self.traffic_schedule:,} by this schedule\n"
            f"bytes sent so far: {', '.join(f'{sent:,}' for sent in self.sent)}"
        )
        return head + "\n".join(lines) + "\n" + traffic


def _row(label: str, row: accounting.ModelStateBytes) -> str:
    values = (row.parameters, row.gradients, row.optimizer, row.total)
    return f"{label:<16}" + "".join(f"{value:>14,.0f}" for value in values)


def report(model: ZeroModule, optimizer: ShardedOptimizer | None = None) -> Report:
    """Return bytes by rank and traffic: by formula, by plan, and measured. Collective.

    Args:
        model: from :func:`~course_lib.distributed.zero.module.zero_shard`.
        optimizer: its optimizer. Without one its state is measured as nothing, and the formula
            takes Adam's two moments in float32.

    Raises:
        ValueError: ``optimizer`` belongs to another model.
    """
    if optimizer is not None and optimizer.model is not model:
        raise ValueError("optimizer belongs to another model, wanted the one made for this model")
    plan, stage, comm = model.plan, model.stage, model.comm
    trainable = [flat for flat in model.flats if flat.plan.trainable]
    first = trainable[0]
    parameter = first.dtype.itemsize
    gradient = first.grad_dtype.itemsize
    has_master = first.master.dtype != first.dtype
    master = first.master.element_size() if has_master else 0
    moments = 8
    if optimizer is not None:
        state = optimizer.optimizer.state
        held = sum(t.nbytes for t in measure.optimizer_tensors(optimizer.optimizer))
        owned = sum(p.value.numel() for p in optimizer.pieces if p.value in state)
        moments = round(held / owned) if owned else moments
    mine = measured_state(model, optimizer)
    everyone = comm.gather_objects((mine, comm.bytes_sent, moments))
    moments = max(item[2] for item in everyone)
    n_parameters = sum(flat.plan.numel for flat in model.flats)
    sizes = {"parameter_bytes": parameter, "gradient_bytes": gradient}
    kept = model.reshard_after_forward
    wire = parameter if stage >= 2 else gradient
    return Report(
        stage=stage,
        world_size=comm.world_size,
        n_parameters=n_parameters,
        formula=accounting.model_state_bytes(
            n_parameters, comm.world_size, stage, optimizer_bytes=master + moments, **sizes
        ),
        plan=[
            budget.plan_bytes(
                plan, stage, master_bytes=master, moment_bytes=moments, rank=rank, **sizes
            )
            for rank in range(comm.world_size)
        ],
        measured=[item[0] for item in everyone],
        traffic_paper=parameter
        * accounting.communication_elements(n_parameters, stage, comm.world_size),
        traffic_schedule=budget.schedule_bytes(
            plan,
            stage,
            parameter_bytes=parameter,
            gradient_bytes=wire,
            reshard_after_forward=kept,
        ),
        sent=[item[1] for item in everyone],
    )


def measured_state(
    model: ZeroModule, optimizer: ShardedOptimizer | None = None
) -> accounting.ModelStateBytes:
    """Return the bytes of this rank's model states, counted by storage."""
    flats = model.flats
    parameters = [t for flat in flats for t in (flat.full, flat.shard)]
    gradients = [flat.grad for flat in flats if flat.grad is not None]
    made = [gradient_of(p) for flat in flats for p in flat.parameters]
    gradients += [gradient for gradient in made if gradient is not None]
    gradients += [flat._local for flat in flats if flat._local is not None]
    moments = []
    if optimizer is not None:
        moments = measure.optimizer_tensors(optimizer.optimizer)
    masters = [f.master for f in flats if f.master.dtype != f.dtype]
    return accounting.ModelStateBytes(
        float(measure.storage_bytes(parameters)),
        float(measure.storage_bytes(gradients)),
        float(measure.storage_bytes(moments) + measure.storage_bytes(masters)),
    )
