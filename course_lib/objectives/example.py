"""The one form in which every objective hands its work to a model.

Chapter: 02_simplified_architecture
"""

from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor

IGNORE = -100
"""The target that counts for nothing: no loss, no gradient.

The value is the default ``ignore_index`` of ``torch.nn.functional.cross_entropy``.
"""


@dataclass(frozen=True)
class Example:
    """What a model reads, and what it should have said at each place.

    The same type serves one example and a batch of them: ``*B`` stands for no dimension or one.
    ``targets`` is as long as ``inputs``, for every objective: causal, masked or span corruption.

    Attributes:
        inputs: Token ids the model reads; the decoder's side where there is an encoder too.
        targets: Token id wanted at each place of ``inputs``, or ``IGNORE``.
        source: Token ids the encoder of an encoder-decoder reads, else None.
    """

    inputs: Int[Tensor, "*B T"]
    targets: Int[Tensor, "*B T"]
    source: Int[Tensor, "*B S"] | None = None

    def __post_init__(self) -> None:
        if self.inputs.shape != self.targets.shape:
            raise ValueError(
                "inputs and targets must have one shape: "
                f"inputs is {tuple(self.inputs.shape)}, targets is {tuple(self.targets.shape)}"
            )
