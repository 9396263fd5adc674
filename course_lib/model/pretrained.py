"""How a model comes from a published checkpoint and becomes one."""

import importlib
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from typing import Self


class Pretrained:
    """The two methods of `Transformer` that read and write published checkpoints.

    The package that knows those files stands above the model, which must be readable without it.
    So it is named here, not imported, and found when one of the methods is called.

    Chapter: 09_transformer_models
    """

    #: What the `config.json` it came from says beyond our config: ids of special tokens, labels.
    published_fields: Mapping[str, Any] = MappingProxyType({})

    @classmethod
    def from_pretrained(
        cls,
        path_or_name: str | os.PathLike[str],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        revision: str | None = None,
    ) -> "Self":
        """Build a model from a published checkpoint; see `course_lib.weights.load_pretrained`.

        Args:
            path_or_name: A folder with `config.json` and weights, one with Meta's `params.json`
                and `consolidated.00.pth`, or a name on the hub.
            device: Where to put the model; None means the CPU.
            dtype: Type of the parameters; None means the file's own.
            revision: Branch, tag or commit, for a name on the hub.

        Returns:
            The model, in evaluation mode.

        Raises:
            FileNotFoundError: If there is no such folder or name, or the hub is out of reach.
            ValueError: If a file is damaged or does not fit, naming what differs.
        """
        weights = importlib.import_module("course_lib.weights")
        return weights.load_pretrained(path_or_name, device=device, dtype=dtype, revision=revision)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model as a published checkpoint; see `course_lib.weights.save_pretrained`.

        An older checkpoint in the folder is exchanged for the new one at one moment.

        Args:
            folder: Where to write `config.json` and the weights.

        Raises:
            ValueError: If no published family is built like this model.
        """
        importlib.import_module("course_lib.weights").save_pretrained(self, folder)
