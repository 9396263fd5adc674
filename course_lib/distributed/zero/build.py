"""Before sharding: which units, which parameters, and do all ranks agree?"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.distributed.comm.collectives import Comm
from course_lib.distributed.comm.errors import RankMismatch
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
            if isinstance(child, kind) and not any(name.startswith(f + ".") for f in found):
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
    if not any(parameter.requires_grad for parameter in parameters.values()):
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
    compiled = [n for n, m in module.named_modules() if m._compiled_call_impl is not None]
    if compiled or hasattr(module, "_orig_mod"):
        raise ValueError(
            f"the model is compiled ({compiled or type(module).__name__}); parameters that come "
            "and go cannot be traced. Shard the model without torch.compile"
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
