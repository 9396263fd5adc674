"""The fields of a `config.json`, read with errors that name file, field and value."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

#: What published configs call the activations.
ACTIVATIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "silu": "silu",
    "swish": "silu",
}
#: Our name to the one that is written.
ACTIVATION_NAMES = {"relu": "relu", "gelu": "gelu", "gelu_tanh": "gelu_new", "silu": "silu"}
TASK_HEADS = ("score.", "classifier.", "classification_head.", "qa_outputs.")
_REQUIRED = object()


class Fields:
    """The fields of a `config.json`, with errors that name the file, the field and its value.

    It remembers which fields were read: the others are kept aside, to be written back on saving.

    Args:
        file: Where the fields are from, for messages.
        fields: The fields.
        names: Names of the tensors beside it, spelled as today, which decide what is optional;
            None if there are none yet.
        same: Whether two of those tensors hold the same numbers.
    """

    def __init__(
        self,
        file: str,
        fields: Mapping[str, Any],
        names: Collection[str] | None,
        same: Callable[[str, str], bool],
    ) -> None:
        self.file, self.fields, self.names, self.same = file, fields, names, same
        # What is written anew on saving counts as read.
        self.read = {"model_type", "architectures", "dtype", "torch_dtype", "transformers_version"}

    def get(self, key: str, default: Any = _REQUIRED, kind: type | None = None) -> Any:
        """Return a field, or the default where it is absent or null.

        Raises:
            ValueError: If it is absent without a default, or not of the kind.
        """
        self.read.add(key)
        value = self.fields.get(key)
        if value is None:
            if default is _REQUIRED:
                raise ValueError(f"{self.file}: {key} is missing")
            return default
        accepted = (int, float) if kind is float else kind
        if accepted is not None and (
            not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool)
        ):
            raise ValueError(f"{self.file}: {key}={value!r}: expected {kind.__name__}")  # type: ignore[union-attr]
        return value

    def size(self, key: str, default: Any = _REQUIRED, *, least: int = 0) -> Any:
        """Return a whole number, or the default, which may be None."""
        value = self.get(key, default, int)
        if value is not None and value < least:
            raise ValueError(f"{self.file}: {key}={value}: expected at least {least}")
        if value is not None and value >= 2**31:
            raise ValueError(f"{self.file}: {key}={value!r:.40}: expected less than 2^31")
        return value

    def implied(self, key: str, default: Any, value: int) -> int | None:
        """Return a whole number, or None where it is what our config takes for None."""
        given = self.size(key, default)
        return None if given == value else given

    def number(self, key: str, default: Any = _REQUIRED) -> float:
        """Return a number; JSON may also hold NaN and infinities, which are none."""
        given = self.get(key, default, float)
        try:
            value = float(given)
        except OverflowError:
            raise ValueError(f"{self.file}: {key} is too large for a number") from None
        if not math.isfinite(value):
            raise ValueError(f"{self.file}: {key}={value}: expected a finite number")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        return self.get(key, default, bool)

    def activation(self, key: str, default: str, table: Mapping[str, str] = ACTIVATIONS) -> str:
        """Return our name of an activation."""
        value = self.get(key, default, str)
        if value not in table:
            raise ValueError(f"{self.file}: {key}={value!r}: expected one of {', '.join(table)}")
        return table[value]

    def inside(self, key: str) -> "Fields":
        """Return a reader of the fields inside a field; of none if it is absent or null."""
        return Fields(f"{self.file}: {key}", self.get(key, {}, dict), self.names, self.same)

    def must_be(self, key: str, value: Any) -> None:
        """Refuse any other value of a field for which our model has no other form."""
        given = self.get(key, value)
        if given != value:
            raise ValueError(f"{self.file}: {key}={given!r}: this model can only do {value!r}")

    def agree(self, first: str, second: str) -> None:
        """Refuse a model whose two stacks differ in a size that one config field holds."""
        a, b = self.get(first), self.get(second)
        if a != b:
            raise ValueError(f"{self.file}: {first}={a!r} but {second}={b!r}: expected the same")

    def has(self, name: str, *, assume: bool) -> bool:
        """Say whether there is a tensor of this name; without tensors, what to assume."""
        return assume if self.names is None else name in self.names

    def tied(self, head: str, default: bool = True) -> bool:
        """Say whether the head's matrix is the embedding table.

        It is not if `tie_word_embeddings` is false, whatever the file holds. A file that says
        they are tied and holds two different matrices is refused later, as a copy that differs.
        A file with the head of a task need have no such matrix; its logits, which nobody
        trained, are then products with the embeddings.
        """
        tied = self.flag("tie_word_embeddings", default)
        if not tied and not self.has(head, assume=True):
            if any(name.startswith(TASK_HEADS) for name in self.names or ()):
                return True
            raise ValueError(f"{self.file}: tie_word_embeddings=False, but there is no {head}")
        return tied

    def rest(self) -> dict[str, Any]:
        """Return the fields nothing has read."""
        return {key: value for key, value in self.fields.items() if key not in self.read}

    def first_of(self, *keys: str) -> str:
        """Return the first of several names of a field that the file uses, or the first name."""
        return next((key for key in keys if self.fields.get(key) is not None), keys[0])
