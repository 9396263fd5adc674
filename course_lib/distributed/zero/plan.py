"""Who owns which element: the pure arithmetic of sharding, without processes or tensors.

A model is cut into *units* (usually its blocks). The parameters of a unit that share a type and
are all trained, or all frozen, lie one behind the other in a *flat* of ``P`` elements. Each of
the ``W`` ranks owns one contiguous *shard*, an equal part of the flat; the end is padded.

Parameters and shards begin at multiples of 16 elements. Vector instructions take up to 16 numbers
at a time, and some kernels (fused Adam on a CPU) round the few left over at the end of a tensor
differently. With every cut at such a multiple, an element is computed as it would be in the whole
parameter, and sharding changes no bit. The widths of real models are multiples of 16 anyway.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

ALIGNMENT = 16
ROOT = ""
"""Name of the unit that holds every parameter no other unit holds."""


@dataclass(frozen=True)
class Slot:
    """The place of one parameter in its flat.

    Attributes:
        name: the parameter's own name in the model.
        shape: its shape.
        offset: index of its first element in the flat.
        numel: number of elements.
    """

    name: str
    shape: tuple[int, ...]
    offset: int
    numel: int


@dataclass(frozen=True)
class FlatPlan:
    """One flat and how it is shared out.

    Attributes:
        unit: name of the unit (a submodule name, or ``""`` for the root).
        dtype: element type of the parameters, such as ``"float32"``.
        trainable: whether these parameters get gradients.
        slots: the parameters in order.
        world_size: W, number of ranks.
        alignment: shards are a multiple of this many elements.
    """

    unit: str
    dtype: str
    trainable: bool
    slots: tuple[Slot, ...]
    world_size: int
    alignment: int = ALIGNMENT

    @property
    def name(self) -> str:
        """A label for messages: unit, and ``frozen`` where that is so."""
        return (self.unit or "root") + ("" if self.trainable else " (frozen)")

    @cached_property
    def numel(self) -> int:
        """P, elements of the parameters, without any padding."""
        return sum(slot.numel for slot in self.slots)

    @cached_property
    def span(self) -> int:
        """Elements up to the end of the last parameter, gaps between parameters included."""
        return max((slot.offset + slot.numel for slot in self.slots), default=0)

    @cached_property
    def shard(self) -> int:
        """Elements of one rank's shard: ``span / W``, rounded up to the alignment."""
        step = self.world_size * self.alignment
        return -(-self.span // step) * self.alignment

    @cached_property
    def padded(self) -> int:
        """Elements with all padding, ``W * shard``."""
        return self.shard * self.world_size

    @cached_property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """Ranges ``[start, stop)`` of the padded flat that belong to no parameter."""
        ends = [slot.offset + slot.numel for slot in self.slots]
        starts = [slot.offset for slot in self.slots[1:]] + [self.padded]
        return tuple((a, b) for a, b in zip(ends, starts, strict=True) if a < b)

    def bounds(self, rank: int) -> tuple[int, int]:
        """Return the range ``[start, stop)`` of the flat that ``rank`` owns."""
        return rank * self.shard, (rank + 1) * self.shard

    def owned(self, rank: int) -> int:
        """Return how many elements of parameters ``rank`` owns."""
        return sum(stop - start for _, start, stop in self.rank_slices(rank))

    def rank_slices(self, rank: int) -> list[tuple[Slot, int, int]]:
        """Return ``(slot, start, stop)`` for every slot that ``rank`` owns a part of.

        ``start`` and ``stop`` count elements inside the slot. A parameter may lie across two
        ranks, and a rank may own nothing at all.
        """
        low, high = self.bounds(rank)
        pieces = []
        for slot in self.slots:
            start, stop = max(low, slot.offset), min(high, slot.offset + slot.numel)
            if start < stop:
                pieces.append((slot, start - slot.offset, stop - slot.offset))
        return pieces


@dataclass(frozen=True)
class ParameterInfo:
    """What a plan needs to know about one parameter.

    Attributes:
        shape: its shape.
        dtype: such as ``"float32"``.
        trainable: whether it gets a gradient.
        names: every name it goes by; tied parameters have more than one.
    """

    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    names: tuple[str, ...]


@dataclass(frozen=True)
class ShardPlan:
    """The whole plan: the same on every rank, checked by :meth:`digest`.

    Attributes:
        flats: all flats, units in the order given, the root last.
        world_size: W, number of ranks.
    """

    flats: tuple[FlatPlan, ...]
    world_size: int

    @classmethod
    def build(
        cls,
        parameters: Mapping[str, ParameterInfo],
        units: Sequence[str],
        world_size: int,
        alignment: int = ALIGNMENT,
    ) -> "ShardPlan":
        """Assign every parameter to a unit and every element to a rank.

        A parameter used by two units, such as a tied embedding, belongs to the root: it has to
        be there while either of them runs.

        Args:
            parameters: by name, each parameter once.
            units: submodule names; none may lie inside another.
            world_size: W, number of ranks.
            alignment: parameters and shards begin at multiples of this many elements.

        Raises:
            ValueError: a unit lies in another, is listed twice or holds no parameter; or
                ``world_size`` is below 1.
        """
        if world_size < 1:
            raise ValueError(f"world_size must be at least 1, got {world_size}")
        check_units(units)
        members: dict[str, list[str]] = {unit: [] for unit in [*units, ROOT]}
        for name, info in parameters.items():
            owners = {unit_of(alias, units) for alias in info.names}
            members[owners.pop() if len(owners) == 1 else ROOT].append(name)
        flats = []
        for unit, names in members.items():
            if not names and unit != ROOT:
                raise ValueError(
                    f"unit {unit!r} holds no parameter of its own; "
                    "leave it out of units (tied parameters belong to the root)"
                )
            kinds = dict.fromkeys((parameters[n].dtype, parameters[n].trainable) for n in names)
            for dtype, trainable in kinds:
                chosen = [n for n in names if _kind(parameters[n]) == (dtype, trainable)]
                slots = _lay_out(chosen, parameters, alignment)
                flats.append(FlatPlan(unit, dtype, trainable, slots, world_size, alignment))
        return cls(tuple(flats), world_size)

    @property
    def units(self) -> tuple[str, ...]:
        """Unit names in order, the root last."""
        return tuple(dict.fromkeys(flat.unit for flat in self.flats))

    def rank_slices(self, name: str, rank: int) -> tuple[int, int]:
        """Return the range ``[start, stop)`` of parameter ``name`` that ``rank`` owns.

        Raises:
            ValueError: no parameter of that name.
        """
        for flat in self.flats:
            if any(slot.name == name for slot in flat.slots):
                for slot, start, stop in flat.rank_slices(rank):
                    if slot.name == name:
                        return start, stop
                return 0, 0
        raise ValueError(f"the plan has no parameter {name!r}")

    def digest(self) -> str:
        """Return a fingerprint; two ranks with the same digest share the same plan."""
        text = json.dumps([asdict(flat) for flat in self.flats], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _kind(info: ParameterInfo) -> tuple[str, bool]:
    return info.dtype, info.trainable


def _lay_out(
    names: list[str], parameters: Mapping[str, ParameterInfo], alignment: int
) -> tuple[Slot, ...]:
    slots, offset = [], 0
    for name in names:
        numel = math.prod(parameters[name].shape)
        slots.append(Slot(name, parameters[name].shape, offset, numel))
        offset += -(-numel // alignment) * alignment
    return tuple(slots)


def check_units(units: Iterable[str]) -> None:
    """Refuse units that would put a parameter into two of them.

    Raises:
        ValueError: one unit is listed twice or lies inside another.
    """
    names = list(units)
    for unit in names:
        if names.count(unit) > 1:
            raise ValueError(f"unit {unit!r} is listed {names.count(unit)} times, wanted once")
        for other in names:
            if other != unit and (unit == ROOT or other.startswith(unit + ".")):
                raise ValueError(
                    f"unit {other!r} lies inside unit {unit or 'root'!r}: "
                    "its parameters would be in two units"
                )


def unit_of(name: str, units: Sequence[str]) -> str:
    """Return the unit that the parameter ``name`` lies in, the root if none does."""
    for unit in units:
        if name.startswith(unit + "."):
            return unit
    return ROOT
