"""The families that are read and written, and their `config.json` in both directions."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from course_lib.config import FieldTable, TransformerConfig
from course_lib.weights import bart, bert, bloom, gpt2, llama, t5
from course_lib.weights.fields import Fields
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


_MOST_PARAMETERS = 10**14


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
    """
    family = find_family(file, fields)
    reader = Fields(file, fields, names, same)
    if fields.get("quantization_config"):
        raise ValueError(
            f"{file}: quantization_config={fields['quantization_config']!r}: expected none"
        )
    try:
        config = family.read(reader)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        if str(error).startswith(file):
            raise
        raise ValueError(f"{file}: {error}") from error
    if (n_parameters := config.n_parameters()) > _MOST_PARAMETERS:
        raise ValueError(
            f"{file}: these sizes make {n_parameters:.1e} parameters: expected at most "
            f"{_MOST_PARAMETERS:.0e}"
        )
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
