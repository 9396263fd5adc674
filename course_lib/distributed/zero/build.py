"""Before sharding: which units, which parameters, and do all ranks agree?"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.distributed.comm.collectives import Comm
from course_lib.distributed.comm.errors import RankMismatch
from course_lib.distributed.comm.gloo import DTYPES
from course_lib.distributed.torch_private import is_compiled, storage_key
from course_lib.distributed.zero.flat import NO_SPARSE
from course_lib.distributed.zero.parameters import is_marked
from course_lib.distributed.zero.plan import ParameterInfo, unit_of


def find_units(module: nn.Module, units: str | Sequence[str]) -> list[str]:
    """Return the names of the submodules to shard by.

    ``"blocks"`` means the children of the outermost ``nn.ModuleList``, or of ``nn.Sequential``
    where there is no list.

    Raises:
        ValueError: an unknown name, or no blocks to be found.
    """
    known = dict(module.named_modules())
    if not isinstance(units, str):
        for name in units:
            if name not in known or name == "":
                near = [n for n in known if n.endswith("." + name) or name in n][:5]
                raise ValueError(f"the model has no submodule {name!r}; similar: {near}")
        return list(units)
    if units != "blocks":
        raise ValueError(f'units must be "blocks" or a list of submodule names, got {units!r}')
    for kind in (nn.ModuleList, nn.Sequential):
        found: list[str] = []
        for name, child in known.items():
            inside = any(name == f or name.startswith(f + ".") for f in found)
            if isinstance(child, kind) and not inside:
                prefix = name + "." if name else ""
                found += [
                    prefix + key
                    for key, block in child.named_children()
                    if any(True for _ in block.parameters())
                ]
        if found:
            return found
    children = [name for name, _ in module.named_children()]
    raise ValueError(
        f'units="blocks" finds no nn.ModuleList or nn.Sequential with parameters in '
        f"{type(module).__name__}; give a list of submodule names such as {children}"
    )


def describe(module: nn.Module) -> tuple[dict[str, ParameterInfo], dict[str, nn.Parameter]]:
    """Return what the plan needs to know of every parameter, and the parameters.

    Raises:
        ValueError: no trainable parameter, or one that has no shape yet.
    """
    aliases: dict[int, list[str]] = {}
    parameters: dict[str, nn.Parameter] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise ValueError(f"parameter {name!r} has no shape yet; run the model once before")
        if id(parameter) not in aliases:
            parameters[name] = parameter
        aliases.setdefault(id(parameter), []).append(name)
    if not any(p.requires_grad and p.numel() for p in parameters.values()):
        raise ValueError(f"{type(module).__name__} has no trainable parameter")
    infos = {
        name: ParameterInfo(
            shape=tuple(parameter.shape),
            dtype=str(parameter.dtype).removeprefix("torch."),
            trainable=parameter.requires_grad,
            names=tuple(aliases[id(parameter)]),
        )
        for name, parameter in parameters.items()
    }
    return infos, parameters


def verify(comm: Comm, settings: dict[str, Any], infos: dict[str, ParameterInfo]) -> None:
    """Compare model and settings over the ranks, before anything is changed.

    Raises:
        RankMismatch: on every rank, naming the first difference and the ranks.
    """
    settings = {"torch version": torch.__version__, **settings}
    everyone = comm.gather_objects((settings, list(infos.items())))
    for key, value in everyone[0][0].items():
        differing = [r for r, (theirs, _) in enumerate(everyone) if theirs.get(key) != value]
        if differing:
            other = everyone[differing[0]][0].get(key)
            raise RankMismatch(
                f"{key} differs: rank 0 has {value!r}, ranks {differing} have {other!r}"
            )
    first = everyone[0][1]
    for r, (_, theirs) in enumerate(everyone):
        if theirs != first:
            pairs = [*zip(first, theirs, strict=False)]
            pair = next(((a, b) for a, b in pairs if a != b), None)
            longest = max(first, theirs, key=len)
            mine, other = pair or (longest[len(pairs)], None)
            if other is None:
                counts = f"{len(first)} and {len(theirs)} parameters"
                text = f"the number differs ({counts}), first at {mine[0]!r}"
            else:
                text = f"first at {mine[0]!r}: {_show(*mine)} against {_show(*other)}"
            raise RankMismatch(f"the models of ranks 0 and {r} differ, {text}")


def _show(name: str, info: ParameterInfo) -> str:
    kind = "trainable" if info.trainable else "frozen"
    return f"{name} {list(info.shape)} {info.dtype} {kind}"


def verify_weights(comm: Comm, parameters: dict[str, nn.Parameter]) -> None:
    """Compare the values of the parameters over the ranks.

    Raises:
        RankMismatch: naming the first parameter that differs, and the ranks.
    """
    digests = {name: digest(parameter.detach()) for name, parameter in parameters.items()}
    everyone = comm.gather_objects(digests)
    for name in parameters:
        differing = [r for r, theirs in enumerate(everyone) if theirs[name] != everyone[0][name]]
        if differing:
            raise RankMismatch(
                f"initial weights differ, first at {name!r}: ranks {differing} against rank 0. "
                "Use the same seed on all ranks, or broadcast=True"
            )


def digest(tensor: torch.Tensor) -> str:
    """Return a fingerprint of a tensor's bytes."""
    raw = tensor.detach().contiguous().cpu().reshape(-1).view(torch.uint8)
    return hashlib.sha256(raw.numpy().tobytes()).hexdigest()


def check_not_compiled(module: nn.Module) -> None:
    """Raise ``ValueError`` if the model or a part of it went through ``torch.compile``."""
    compiled = [name for name, part in module.named_modules() if is_compiled(part)]
    if compiled:
        raise ValueError(
            f"the model is compiled ({compiled}); parameters that come "
            "and go cannot be traced. Shard the model without torch.compile"
        )


def check_not_sharded(module: nn.Module) -> None:
    """Raise ``ValueError`` if the model, or a part of it, is sharded or wrapped already."""
    for name, part in module.named_modules():
        where = f"module {name!r}" if name else "the model"
        if hasattr(part, "comm") and hasattr(part, "module"):
            raise ValueError(
                f"{where} is a {type(part).__name__}: it is sharded already, or wrapped. "
                "Wrap the model itself, once"
            )
    taken = [name for name, p in module.named_parameters() if is_marked(p)]
    if taken:
        raise ValueError(
            f"the model is sharded already, such as {taken[0]!r}: make a new model, or go on with "
            "the one that zero_shard returned"
        )


def check_dtype(name: str, dtype: torch.dtype | None) -> None:
    """Raise unless ``dtype`` is None or a type of floating point numbers that collectives take."""
    if dtype is not None and not isinstance(dtype, torch.dtype):
        raise TypeError(f"{name} must be a torch.dtype or None, got {dtype!r}")
    if dtype is not None and (not dtype.is_floating_point or dtype not in DTYPES):
        raise ValueError(f"{name} must be a type of floating point numbers, got {dtype}")


def check_supported(module: nn.Module, parameters: dict[str, nn.Parameter]) -> None:
    """Refuse what could not be computed as it is without sharding, before anything is changed.

    Raises:
        ValueError: naming the module or parameter, and what to do.
    """
    for name, part in module.named_modules():
        if getattr(part, "sparse", False) is True and "weight" in part._parameters:
            raise ValueError(f"module {name!r} ({type(part).__name__}) is sparse: {NO_SPARSE}")
    ranges: dict[int, list[tuple[int, int, str]]] = {}
    for name, parameter in parameters.items():
        if parameter.dtype not in DTYPES:
            raise ValueError(
                f"parameter {name!r} is of {parameter.dtype}, which the collectives do not carry; "
                f"wanted one of {[str(dtype).removeprefix('torch.') for dtype in DTYPES]}"
            )
        if not parameter.is_contiguous():
            raise ValueError(
                f"parameter {name!r} is not contiguous (strides {list(parameter.stride())}), and "
                "results in another order of memory differ in the last bit: make it so with "
                "parameter.data = parameter.data.contiguous()"
            )
        if parameter.is_meta or not parameter.numel():
            continue
        taken = ranges.setdefault(storage_key(parameter), [])
        start = int(parameter.storage_offset())
        stop = start + parameter.numel()
        for low, high, other in taken:
            if start < high and low < stop:
                raise ValueError(
                    f"parameters {other!r} and {name!r} are different objects in the same memory, "
                    "which sharding would part: use one parameter object in both places"
                )
        taken.append((start, stop, name))
    for name, tensor in _other_tensors(module):
        shared = ranges.get(storage_key(tensor)) if tensor.layout is torch.strided else None
        if shared and not tensor.is_meta:
            raise ValueError(
                f"{name!r} is in the memory of parameter {shared[0][2]!r}, and would keep old "
                "values: compute it in forward"
            )


def _other_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield buffers, and tensors kept as plain attributes."""
    for name, part in module.named_modules():
        kept = {**part._buffers, **vars(part)}
        for key, value in kept.items():
            if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
                yield f"{name}.{key}".lstrip("."), value


def state_entries(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Return the names and tensors of a model's ``state_dict()``, parameters as they are."""
    entries: list[tuple[str, Tensor]] = []
    for name, part in module.named_modules(remove_duplicate=False):
        prefix = name + "." if name else ""
        entries += [(prefix + key, p) for key, p in part._parameters.items() if p is not None]
        entries += [
            (prefix + key, buffer)
            for key, buffer in part._buffers.items()
            if buffer is not None and key not in part._non_persistent_buffers_set
        ]
    return entries


Structure = list[tuple[nn.Module, list[tuple[str, nn.Parameter | None]]]]


def structure_of(module: nn.Module) -> Structure:
    """Return all modules, each with its own parameters."""
    return [(part, list(part._parameters.items())) for part in module.modules()]


def check_structure(module: nn.Module, before: Structure) -> None:
    """Raise if modules or parameters are other objects than before.

    Raises:
        RuntimeError: naming the first difference.
    """
    same = True
    n_modules = 0
    for part, (then, own) in zip(module.modules(), before, strict=False):
        n_modules += 1
        same = part is then and len(part._parameters) == len(own)
        same = same and all(part._parameters.get(name) is p for name, p in own)
        if not same:
            break
    if same and n_modules == len(before) == sum(1 for _ in module.modules()):
        return
    known = {id(p) for _, own in before for _, p in own}
    new = [name for name, p in module.named_parameters() if id(p) not in known]
    what = f"such as {new[0]!r}, which no rank trains" if new else "or their modules"
    raise RuntimeError(
        f"parameters were replaced, added or removed after zero_shard, {what}: change the model "
        "before, or shard a new one"
    )


def default_init(module: nn.Module) -> None:
    """Initialise one module the way its class does."""
    module.reset_parameters()  # type: ignore[operator]


def check_meta(module: nn.Module, init: Callable[[nn.Module], None] | None) -> bool:
    """Tell whether the model is on the meta device, and whether it can be given values.

    Raises:
        ValueError: a module with parameters or buffers on the meta device that nothing fills.
    """
    found = False
    for name, child in module.named_modules():
        tensors = [*child.parameters(recurse=False), *child.buffers(recurse=False)]
        if any(t.is_meta for t in tensors):
            found = True
            if init is None and not hasattr(child, "reset_parameters"):
                raise ValueError(
                    f"module {name!r} ({type(child).__name__}) is on the meta device and has no "
                    "reset_parameters(); pass init, a function that fills one module"
                )
    return found


def materialize(
    module: nn.Module,
    unit: str,
    units: Sequence[str],
    parameters: dict[str, nn.Parameter],
    names: Sequence[str],
    infos: dict[str, ParameterInfo],
    device: torch.device,
    init: Callable[[nn.Module], None] | None,
) -> None:
    """Give one unit of a meta model real memory and values; ``parameters`` is updated.

    Args:
        module: the whole model.
        unit: the unit to fill.
        units: all units, the root left out.
        parameters: the model's parameters by name.
        names: those of this unit.
        infos: with every alias of each.
        device: where to.
        init: fills one module, or None on ranks that receive the values instead.
    """
    for name in names:
        meta = parameters[name]
        if not meta.is_meta:
            continue
        real = nn.Parameter(torch.empty_like(meta, device=device), meta.requires_grad)
        for alias in infos[name].names:
            owner, _, leaf = alias.rpartition(".")
            module.get_submodule(owner)._parameters[leaf] = real
        parameters[name] = real
    for name, child in module.named_modules():
        if unit_of(name + ".", [f"{u}" for u in units]) != unit:
            continue
        touched = any(f"{name}.{leaf}".lstrip(".") in names for leaf in child._parameters)
        for leaf, buffer in child._buffers.items():
            if buffer is not None and buffer.is_meta:
                child._buffers[leaf] = torch.empty_like(buffer, device=device)
                touched = True
        if touched and init is not None:
            with torch.no_grad():
                init(child)


def split_batch(batch: Tensor, comm: Comm) -> Tensor:
    """Return this rank's part of a batch: consecutive rows, as many on every rank.

    Raises:
        ValueError: on every rank, if the batch does not divide evenly.
    """
    n_rows, n_ranks = batch.shape[0], comm.world_size
    if n_rows == 0 or n_rows % n_ranks:
        raise ValueError(
            f"a batch of {n_rows} rows does not divide over {n_ranks} ranks; every rank needs as "
            "many rows as the others, or the mean of means is not the mean"
        )
    share = n_rows // n_ranks
    return batch[comm.rank * share : (comm.rank + 1) * share]
