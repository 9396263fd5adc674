"""What one plan costs, to the byte: states, the peak within a step, traffic.

The formulas of the papers are in ``accounting.py``; these know padding and this schedule.
"""

from course_lib.distributed.memory.accounting import ModelStateBytes
from course_lib.distributed.zero.plan import ROOT, ShardPlan
from course_lib.distributed.zero.stages import check_stage


def plan_bytes(
    plan: ShardPlan,
    stage: int,
    *,
    parameter_bytes: int = 4,
    gradient_bytes: int = 4,
    master_bytes: int = 0,
    moment_bytes: int = 8,
    rank: int = 0,
) -> ModelStateBytes:
    """Return the exact bytes of model states a plan puts on one rank, padding included.

    Frozen parameters have neither gradients nor optimizer state. Optimizer state has no padding:
    it exists for the real elements a rank owns.

    Args:
        plan: the plan.
        stage: 0, 1, 2 or 3.
        parameter_bytes: bytes of one element the model computes with.
        gradient_bytes: bytes of one stored gradient element.
        master_bytes: bytes of one element of the optimizer's own copy, 0 where it has none.
        moment_bytes: bytes of optimizer state per element, 8 for Adam in float32.
        rank: which rank.
    """
    check_stage(stage)
    parameters = gradients = optimizer = 0
    for flat in plan.flats:
        parameters += parameter_bytes * (flat.shard if stage >= 3 else flat.padded)
        if flat.trainable:
            gradients += gradient_bytes * (flat.shard if stage >= 2 else flat.padded)
            optimizer += moment_bytes * (flat.numel if stage == 0 else flat.owned(rank))
            optimizer += master_bytes * (flat.padded if stage == 0 else flat.shard)
    return ModelStateBytes(float(parameters), float(gradients), float(optimizer))


def peak_transient_bytes(
    plan: ShardPlan,
    stage: int,
    *,
    parameter_bytes: int = 4,
    gradient_bytes: int = 4,
    activation_bytes: int = 0,
) -> int:
    """Return how far memory rises above the state between steps during forward and backward.

    Between steps there are parameters and optimizer state, no gradients. The formula takes the
    larger of two moments, with root ``r`` and largest block ``u`` in bytes, their shards ``s_r``
    and ``s_u``, all gradient shards ``g`` and the largest parameter's gradient ``p``:

    - a block's gradients fill while those of the block after it are on the way. In stage 3 the
      second block is worst, ``2r + 4u + 2s_u + g - s_r - 2s_u + p``: root and two blocks gathered,
      gradients of root and two blocks, two receive buffers. In stage 2 it is the first block,
      ``r + 2u + 2s_u + g - s_r - s_u + p``. Stages 0 and 1 have all gradients, two receive
      buffers, and ``p``.
    - the root's gradients leave. Stage 3: ``2r + 2s_r + g``; stage 2: ``r + 2s_r + g``.

    It holds for three or more blocks and two or more ranks whose types are all alike.

    Args:
        plan: the plan.
        stage: 0, 1, 2 or 3.
        parameter_bytes: bytes of one gathered element.
        gradient_bytes: bytes of one gradient element.
        activation_bytes: what the forward of one block leaves for its backward.
    """
    check_stage(stage)
    blocks = [flat for flat in plan.flats if flat.unit != ROOT]
    roots = [flat for flat in plan.flats if flat.unit == ROOT]
    r, u = sum(flat.padded for flat in roots), max(flat.padded for flat in blocks)
    s_r, s_u, n = r // plan.world_size, u // plan.world_size, min(2, plan.world_size - 1)
    p = max(slot.numel for flat in plan.flats for slot in flat.slots) * gradient_bytes
    if stage < 2:
        everything = sum(flat.padded for flat in plan.flats)
        filling = (everything + n * s_u) * gradient_bytes + p + activation_bytes
        return max(filling, (everything + n * s_r) * gradient_bytes)
    g = sum(flat.shard for flat in plan.flats)
    later = 2 if stage == 3 else 1  # blocks whose reduction has not begun
    gathered = (r + 2 * u) * parameter_bytes if stage == 3 else 0
    filling = (r + 2 * u + n * s_u + g - s_r - later * s_u) * gradient_bytes + p + gathered
    leaving = (r + n * s_r + g) * gradient_bytes + (r * parameter_bytes if stage == 3 else 0)
    return max(filling + later * activation_bytes, leaving)


def schedule_bytes(
    plan: ShardPlan,
    stage: int,
    *,
    parameter_bytes: int = 4,
    gradient_bytes: int = 4,
    reshard_after_forward: bool = True,
) -> int:
    """Return the bytes one rank sends in one step of *this* schedule, padding included.

    It is below the paper's formula in stage 3: the root and the last block stay whole between
    forward and backward, since they would be gathered again at once.

    Args:
        plan: the plan.
        stage: 0, 1, 2 or 3.
        parameter_bytes: bytes of one gathered element.
        gradient_bytes: bytes of one gradient element on the wire.
        reshard_after_forward: stage 3 frees units between forward and backward.
    """
    check_stage(stage)
    others = plan.world_size - 1
    blocks = [unit for unit in plan.units if unit != ROOT]
    kept = {ROOT, *blocks[-1:]}
    total = 0
    for flat in plan.flats:
        if flat.trainable:
            total += flat.shard * gradient_bytes
        if stage == 0 and flat.trainable:
            total += flat.shard * gradient_bytes
        elif stage in (1, 2) and flat.trainable:
            total += flat.shard * parameter_bytes
        elif stage == 3:
            again = reshard_after_forward and flat.unit not in kept
            total += flat.shard * parameter_bytes * (2 if again else 1)
    return total * others
