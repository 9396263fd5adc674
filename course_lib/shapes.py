"""Types with shapes for signatures: those of jaxtyping where it is installed, else the plain types.

``Float[Tensor, "B T"]`` says what a function takes. The tests, which have jaxtyping, check it in
each call. Without it, and nothing but tests asks for it, the same words mean ``Tensor``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import AbstractDtype as AbstractDtype
    from jaxtyping import BFloat16 as BFloat16
    from jaxtyping import Bool as Bool
    from jaxtyping import Float as Float
    from jaxtyping import Int as Int
    from jaxtyping import Int8 as Int8
    from jaxtyping import Shaped as Shaped
else:
    try:
        from jaxtyping import AbstractDtype, BFloat16, Bool, Float, Int, Int8, Shaped
    except ImportError:

        class AbstractDtype:
            """A kind of number, whose shapes nobody checks."""

            def __class_getitem__(cls, array_and_shape: tuple[Any, str]) -> Any:
                return array_and_shape[0]

        BFloat16 = Bool = Float = Int = Int8 = Shaped = AbstractDtype


def same_shape(**tensors: Any) -> None:
    """Refuse tensors of different shapes, which arithmetic would stretch to fit each other.

    Args:
        **tensors: Arguments by name; None stands for one that was not given.

    Raises:
        TypeError: If one has no shape.
        ValueError: If the shapes differ.
    """
    for name, each in tensors.items():
        if each is not None and not hasattr(each, "shape"):
            raise TypeError(f"{name} must be a tensor, got {each!r:.60}")
    (first, one), *others = ((name, each) for name, each in tensors.items() if each is not None)
    for name, other in others:
        if other.shape != one.shape:
            raise ValueError(
                f"{name} must have the shape of {first}, {list(one.shape)}, got {list(other.shape)}"
            )
