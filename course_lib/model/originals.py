"""What the model was written as, so that a part somebody replaced can be noticed.

A learner replaces a `forward`, wraps a matrix or patches a function, and the model obeys. Code that
takes a short cut around the model must therefore ask first whether anything on its way is another.
The package takes this snapshot as it is imported, before anybody can change it.
"""

from types import ModuleType
from typing import Any

import torch.nn.functional as F
from torch import nn
from torch.nn.modules import module as hooks

from course_lib.model import (
    attention,
    bfloat16,
    block,
    cache,
    embedding,
    heads,
    layers,
    masks,
    positions,
    transformer,
)
from course_lib.model.int8 import Int8Weight

_MODULES: tuple[ModuleType, ...] = (
    attention,
    bfloat16,
    block,
    cache,
    embedding,
    heads,
    layers,
    masks,
    positions,
    transformer,
)
_CLASSES = {
    base
    for module in _MODULES
    for value in vars(module).values()
    if isinstance(value, type)
    for base in value.__mro__
    if base.__module__.startswith(("course_lib.model.", "torch.nn."))
} | {nn.Linear, nn.LayerNorm, nn.Embedding, nn.ModuleList}
# The first `torch.compile` wraps these two of every module, to count it; no call goes through them.
_COUNTED = ("__init__", "__setstate__")
_OF_TORCH = ("dropout", "embedding", "layer_norm", "linear", "scaled_dot_product_attention")


def _callables(thing: ModuleType | type) -> dict[str, Any]:
    """Return the functions, classes and descriptors that a module or class holds under a name."""
    if thing is F:
        return {name: getattr(F, name) for name in _OF_TORCH}
    kinds = (staticmethod, classmethod, property)
    found = {n: v for n, v in vars(thing).items() if callable(v) or type(v) in kinds}
    return {n: v for n, v in found.items() if thing is not nn.Module or n not in _COUNTED}


_THINGS: list[ModuleType | type] = [*_MODULES, F, *_CLASSES]
_ORIGINALS = {thing: _callables(thing) for thing in _THINGS}
_METHODS = {
    kind: frozenset(name for base in kind.__mro__ for name in _ORIGINALS.get(base, ()))
    for kind in _CLASSES
}
_GLOBAL_HOOKS = (hooks._global_forward_hooks, hooks._global_forward_pre_hooks)


def replaced_definitions() -> list[str]:
    """Name the functions and methods of the model that are not those of this package.

    Functions and classes of `course_lib.model`, methods of its classes, and the methods and
    functions of torch that they are made of.
    """
    names = []
    for thing, originals in _ORIGINALS.items():
        now = _callables(thing)
        if now != originals:
            where = thing.__name__ if isinstance(thing, ModuleType) else thing.__qualname__
            # A new name matters where it hides an old one: others add helpers to torch's class.
            known = _METHODS.get(thing, originals) if isinstance(thing, type) else originals
            differ = {n for n in now.keys() | originals if now.get(n) is not originals.get(n)}
            names += [f"{where}.{name}" for name in sorted(differ) if name in known]
    return names


def is_original(module: nn.Module) -> bool:
    """Say whether calling a module does what its class says, and the class is one of ours.

    It does not if a hook listens, a method was replaced on this object, its class is another than
    the model's own, or a tensor of it is of a kind that is not known here (sharded).

    Args:
        module: A part of a model, looked at without its own parts.
    """
    return (
        type(module) in _METHODS
        and not module._forward_hooks
        and not module._forward_pre_hooks
        and module._compiled_call_impl is None
        and _METHODS[type(module)].isdisjoint(vars(module))
        and all(
            type(p) in (nn.Parameter, Int8Weight)
            for p in module._parameters.values()
            if p is not None
        )
    )


def is_called_otherwise(model: transformer.Transformer) -> bool:
    """Say whether calling the model does more, or else, than its parts one after another.

    Args:
        model: The model, whose parts are not looked at.
    """
    hooked = bool(model._forward_hooks or model._forward_pre_hooks or hooked_everywhere())
    own = _ORIGINALS[transformer.Transformer]["forward"]
    return hooked or "forward" in vars(model) or type(model).forward is not own


def hooked_everywhere() -> bool:
    """Say whether torch calls somebody's hook at every module."""
    return any(_GLOBAL_HOOKS)
