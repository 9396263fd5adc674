"""Changes of low rank in the layout of the peft library, read and written.

The table of names that loads a checkpoint also tells where a change belongs: a change has the rows
of its matrix, so whatever the table does to rows it does to ``up``.
"""

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from course_lib.adaptation.lora import LoRALinear, lora_modules, replace
from course_lib.files import read_json, replacing, write_json
from course_lib.model import Transformer
from course_lib.weights.families import write_config
from course_lib.weights.rules import Rule, transposed

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PREFIX = "base_model.model."
_TASKS = {"decoder-only": "CAUSAL_LM", "encoder-decoder": "SEQ_2_SEQ_LM", "encoder-only": None}
_UNKNOWN = {"bias": "none", "use_dora": False, "lora_bias": False, "modules_to_save": None}


def save_lora(
    model: Transformer, folder: str | os.PathLike[str], *, base: str | None = None
) -> None:
    """Write the changes of a model as `peft.PeftModel.from_pretrained` reads them.

    Where a published model has several matrices and ours has one (queries, keys and values), each
    of them gets the shared ``down`` and its own rows of ``up``.

    Args:
        model: With changes from `add_lora`.
        folder: Gets `adapter_model.safetensors` and `adapter_config.json`.
        base: Path or name of the checkpoint that the changes belong to, for readers.

    Raises:
        ValueError: If the model has no changes, or no published family is built like it.
    """
    found = dict(lora_modules(model))
    if not found:
        raise ValueError("model has no change of low rank to save")
    family, _ = write_config(model.config)
    tensors: dict[str, Tensor] = {}
    ranks: dict[str, int] = {}
    alphas: dict[str, float] = {}
    turned = set()
    for rule in family.rules(model.config):
        name, _, kind = rule.ours.rpartition(".")
        if kind != "weight" or name not in found:
            continue
        module, theirs = found[name], rule.theirs.removesuffix(".weight")
        up = module.up.detach()
        turned.add(rule.view is transposed)
        tensors[f"{_PREFIX}{theirs}.lora_A.weight"] = module.down.detach().clone()
        tensors[f"{_PREFIX}{theirs}.lora_B.weight"] = (
            up.clone() if rule.view is transposed else rule.save(up)
        )
        ranks[theirs], alphas[theirs] = module.rank, module.alpha
    rank, alpha = next(iter(ranks.values())), next(iter(alphas.values()))
    fields = {
        "peft_type": "LORA",
        "task_type": _TASKS[model.config.family],
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": next(iter(found.values())).dropout,
        "rank_pattern": {name: r for name, r in ranks.items() if r != rank},
        "alpha_pattern": {name: a for name, a in alphas.items() if a != alpha},
        "target_modules": sorted(ranks),
        "fan_in_fan_out": turned == {True},
        "inference_mode": True,
        **_UNKNOWN,
    }
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    with replacing(into / WEIGHTS) as part:
        save_file({k: v.contiguous() for k, v in tensors.items()}, part, metadata={"format": "pt"})
    write_json(into / CONFIG, fields)


def load_lora(model: Transformer, folder: str | os.PathLike[str]) -> list[str]:
    """Put the changes that peft, or `save_lora`, has written onto a model, in place.

    Matrices of their own for queries, keys and values become one change of ours, whose rank is the
    sum of theirs.

    Args:
        model: The checkpoint that they were trained on, without changes.
        folder: With `adapter_config.json` and `adapter_model.safetensors`.

    Returns:
        The full names of the maps that got a change.

    Raises:
        FileNotFoundError: If one of the files is missing.
        ValueError: If it is no LoRA or of a kind that is not known here, a change fits no matrix
            of this model, or the model has changes already; the model is then as it was.
    """
    if any(True for _ in lora_modules(model)):
        raise ValueError("model has changes of low rank already: merge them first")
    fields = read_json(Path(folder) / CONFIG)
    _check_kind(fields)
    tensors = load_file(Path(folder) / WEIGHTS)
    family, _ = write_config(model.config)
    state = dict(model.named_parameters())
    parts: defaultdict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)
    for rule in family.rules(model.config):
        if not rule.theirs.endswith(".weight"):
            continue
        theirs = rule.theirs.removesuffix(".weight")
        names = [f"{_PREFIX}{theirs}.lora_{side}.weight" for side in "AB"]
        if any(name in tensors for name in names):
            down, up = (_take(tensors, name) for name in names)
            parts[rule.ours.removesuffix(".weight")].append(
                (down, _our_rows(rule, state[rule.ours], down, up, theirs) * _scale(fields, theirs))
            )
    if tensors:
        raise ValueError(
            f"{Path(folder) / WEIGHTS}: {len(tensors)} tensors fit no matrix of this model, such "
            f"as {min(tensors)}"
        )
    if not parts:
        raise ValueError(f"{Path(folder) / WEIGHTS} holds no change")
    made = {}
    for name, pieces in parts.items():
        base = model.get_submodule(name)
        if not isinstance(base, nn.Linear):
            raise ValueError(f"{name} is no linear map here, and cannot have a change")
        made[name] = _stack(base, pieces, float(fields.get("lora_dropout") or 0.0))
    model.requires_grad_(False)
    for name, module in made.items():
        replace(model, name, module.train(model.training))
    return list(made)


def _stack(base: nn.Linear, pieces: list[tuple[Tensor, Tensor]], dropout: float) -> LoRALinear:
    """Make one change of several, side by side; equal ``down`` matrices are kept once."""
    like = base.weight
    distinct: list[tuple[Tensor, Tensor]] = []
    for down, up in pieces:
        for place, (other, rows) in enumerate(distinct):
            if torch.equal(other, down):
                distinct[place] = (other, rows + up)
                break
        else:
            distinct.append((down, up))
    made = LoRALinear(base, 1, dropout=dropout)
    made.down = nn.Parameter(torch.cat([down for down, _ in distinct]).to(like))
    made.up = nn.Parameter(torch.cat([up for _, up in distinct], 1).to(like))
    made.alpha = float(made.rank)  # their scale is in `up`
    return made


def _our_rows(rule: Rule, ours: Tensor, down: Tensor, up: Tensor, theirs: str) -> Tensor:
    """Bring their ``up`` into our rows; rows of other matrices stay 0."""
    made = torch.zeros(ours.shape[0], down.shape[0], dtype=up.dtype)
    target = made if rule.view is transposed else rule.view(made).flatten(0, rule.merged)
    fits = up.shape == target.shape and down.shape[1] == ours.shape[1]
    if not fits:
        raise ValueError(
            f"the change of {theirs} is {tuple(up.shape)} by {tuple(down.shape)}, which does not "
            f"fit {tuple(target.shape[:1])} rows of {ours.shape[1]}"
        )
    if rule.view is transposed:
        made.copy_(up)
    else:
        rule.load(up, made)
    return made


def _take(tensors: dict[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise ValueError(f"{WEIGHTS} lacks {name}")
    return tensors.pop(name)


def _scale(fields: dict[str, Any], theirs: str) -> float:
    rank = _pattern(fields.get("rank_pattern"), theirs, fields["r"])
    alpha = _pattern(fields.get("alpha_pattern"), theirs, fields["lora_alpha"])
    return alpha / (rank**0.5 if fields.get("use_rslora") else rank)


def _pattern(patterns: dict[str, Any] | None, name: str, otherwise: Any) -> Any:
    for pattern, value in (patterns or {}).items():
        if name == pattern or name.endswith("." + pattern):
            return value
    return otherwise


def _check_kind(fields: dict[str, Any]) -> None:
    if fields.get("peft_type") != "LORA":
        raise ValueError(f"{CONFIG}: peft_type={fields.get('peft_type')!r}: expected 'LORA'")
    for name, plain in _UNKNOWN.items():
        if fields.get(name, plain) != plain:
            raise ValueError(f"{CONFIG}: {name}={fields[name]!r}: expected {plain!r}")
    for name in ("r", "lora_alpha"):
        value = fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(f"{CONFIG}: {name}={value!r}: expected a positive number")
