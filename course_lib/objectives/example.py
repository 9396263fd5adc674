"""The one form in which every objective hands its work to a model.

Chapter: 02_simplified_architecture
"""

from dataclasses import dataclass

from torch import Tensor

from course_lib.checks import check_ids, check_mask
from course_lib.shapes import Bool, Int

IGNORE = -100
"""The target that counts for nothing: no loss, no gradient.

The value is the default ``ignore_index`` of ``torch.nn.functional.cross_entropy``. In rows of ids
it is padding, at their end.
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
        keep: Places of ``inputs`` that may be attended; None: all, as where padding at the end
            lies behind everything that counts under a causal mask.
        source_keep: Places of ``source`` that may be attended; None: all.
    """

    inputs: Int[Tensor, "*B T"]
    targets: Int[Tensor, "*B T"]
    source: Int[Tensor, "*B S"] | None = None
    keep: Bool[Tensor, "*B T"] | None = None
    source_keep: Bool[Tensor, "*B S"] | None = None

    def __post_init__(self) -> None:
        for name in ("inputs", "targets", *(["source"] if self.source is not None else [])):
            check_ids(name, getattr(self, name), "T", "B T")
        if self.inputs.shape != self.targets.shape:
            raise ValueError(
                "inputs and targets must have one shape: "
                f"inputs is {tuple(self.inputs.shape)}, targets is {tuple(self.targets.shape)}"
            )
        if self.source_keep is not None and self.source is None:
            raise ValueError("source_keep must be None where source is None")
        pairs = (("keep", self.keep, self.inputs), ("source_keep", self.source_keep, self.source))
        for name, mask, ids in pairs:
            if mask is not None and ids is not None:
                check_mask(name, mask, ids.shape)
