"""config.json of published checkpoints into our config and back."""

import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.config import FieldTable, TransformerConfig
from course_lib.weights import bart, bert, bloom, gpt2, llama, t5
from course_lib.weights.names import ACTIVATIONS
from course_lib.weights.rules import Family

FAMILIES: dict[str, Family] = {
    family.model_type: family
    for family in (
        bert.BERT,
        bert.ROBERTA,
        gpt2.GPT2,
        gpt2.GPT1,
        bloom.BLOOM,
        llama.LLAMA,
        t5.T5,
        bart.BART,
        bart.MARIAN,
    )
}
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

    Chapter: 09_transformer_models
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
        return value

    def implied(self, key: str, default: Any, value: int) -> int | None:
        """Return a whole number, or None where it is what our config takes for None."""
        given = self.size(key, default)
        return None if given == value else given

    def number(self, key: str, default: Any = _REQUIRED) -> float:
        """Return a number; JSON may also hold NaN and infinities, which are none."""
        value = float(self.get(key, default, float))
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


class Published(NamedTuple):
    """What a `config.json` says.

    Attributes:
        config: Our config.
        family: The family's table.
        other_fields: Fields our config does not hold: ids of special tokens, labels and so on.
    """

    config: TransformerConfig
    family: Family
    other_fields: dict[str, Any]


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        file: The file.

    Returns:
        The object.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a JSON object, with the file's name.
    """
    if not file.is_file():
        raise FileNotFoundError(f"no {file.name} in {file.parent}")
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no JSON, or cut short: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{file}: expected an object, got {type(fields).__name__}")
    return fields


def find_family(file: str, fields: Mapping[str, Any]) -> Family:
    """Return the table for a `config.json`.

    Args:
        file: Where the fields are from.
        fields: The fields.

    Returns:
        The family's table.

    Raises:
        ValueError: If `model_type` is missing or none of ours.
    """
    model_type = fields.get("model_type")
    if str(model_type) not in FAMILIES:
        raise ValueError(
            f"{file}: model_type={model_type!r}: expected one of {', '.join(FAMILIES)}"
        )
    return FAMILIES[str(model_type)]


def read_config(
    file: str,
    fields: Mapping[str, Any],
    names: Collection[str] | None = None,
    same: Callable[[str, str], bool] = lambda first, second: False,
) -> Published:
    """Turn the fields of a `config.json` into our config.

    Args:
        file: Where the fields are from, for messages.
        fields: The fields.
        names: Names of the tensors beside it, in today's spelling. A file may hold a model with
            or without its language modelling head, and T5 a matrix of its own or none. None if
            only the config is known.
        same: Whether two of those tensors hold the same numbers.

    Returns:
        The config, the family and the fields that were not read.

    Raises:
        ValueError: Naming file, field and value, for what our model cannot be.

    Chapter: 09_transformer_models
    """
    family = find_family(file, fields)
    reader = Fields(file, fields, names, same)
    if fields.get("quantization_config"):
        raise ValueError(
            f"{file}: quantization_config={fields['quantization_config']!r}: expected none"
        )
    try:
        config = family.read(reader)
    except (ValueError, TypeError) as error:
        if str(error).startswith(file):
            raise
        raise ValueError(f"{file}: {error}") from error
    return Published(config, family, reader.rest())


def write_config(config: TransformerConfig) -> tuple[Family, dict[str, Any]]:
    """Find the family a config belongs to, and the `config.json` it has there.

    A config belongs to the family that reads back from its own `config.json` exactly this config.

    Args:
        config: Our config.

    Returns:
        The family's table and the fields.

    Raises:
        ValueError: If no published family is built like this, naming what the nearest one has.

    Chapter: 09_transformer_models
    """
    nearest: tuple[str, FieldTable] | None = None
    for family in FAMILIES.values():
        written = family.write(config)
        names = {rule.theirs for rule in family.rules(config)}
        try:
            back = read_config("config", {"model_type": family.model_type, **written}, names).config
        except ValueError:
            continue
        difference = _plain(config).diff(_plain(back))
        if not difference:
            return family, {"model_type": family.model_type, **written}
        if nearest is None or len(difference) < len(nearest[1]):
            nearest = family.model_type, difference
    if nearest is None:
        raise ValueError(f"no published family can hold this config: {config}")
    told = "; ".join(f"{name}={a!r}, but {b!r} there" for name, (a, b) in nearest[1].items())
    raise ValueError(f"no published family is built like this config; nearest {nearest[0]}: {told}")


def _plain(config: TransformerConfig) -> TransformerConfig:
    """Fill in sizes that are implied and reset what the position scheme does not read."""
    reset: dict[str, Any] = {
        "d_head": config.head_dim,
        "n_kv_heads": config.kv_heads,
        "d_ff": config.ff_dim,
    }
    defaults = TransformerConfig.__dataclass_fields__
    for name, scheme in (("rope_", "rotary"), ("relative_", "relative"), ("position_o", "learned")):
        if config.position != scheme:
            reset |= {key: f.default for key, f in defaults.items() if key.startswith(name)}
    if config.rope_factor == 1:
        skip = ("rope_low_frequency", "rope_high_frequency", "rope_original_length")
        reset |= {key: defaults[key].default for key in skip}
    return replace(config, **reset)
