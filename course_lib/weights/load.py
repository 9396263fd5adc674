"""A published checkpoint into a model."""

import contextlib
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor
from tqdm.auto import tqdm

from course_lib.config import TransformerConfig
from course_lib.files import read_json
from course_lib.locks import locked
from course_lib.model.transformer import Transformer
from course_lib.weights.checkpoint import Checkpoint, checkpoint_files
from course_lib.weights.families import Published, find_family, read_config
from course_lib.weights.gguf import read_gguf
from course_lib.weights.llama_meta import PARAMS, PART, read_meta
from course_lib.weights.rules import Family, Rule, check_complete

_ATTEMPTS = 4
_Loaded = TypeVar("_Loaded")
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def load_pretrained(
    path_or_name: str | os.PathLike[str],
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    revision: str | None = None,
) -> Transformer:
    """Build a model from a published checkpoint: BERT, RoBERTa, GPT, BLOOM, LLaMA, T5, BART.

    The model is built without memory and filled piece by piece, so that loading takes hardly
    more memory than the weights. Everything is checked before the first number is read.

    Args:
        path_or_name: A folder with `config.json` and weights, one with Meta's `params.json` and
            `consolidated.00.pth` (and more of them), a `.gguf` file of llama.cpp, whose packed
            numbers come out in float32, or a name on the hub.
        device: Where to put the model; None means the CPU; "meta" only checks the files.
        dtype: Type of the parameters; None means the file's own.
        revision: Branch, tag or commit, for a name on the hub.

    Returns:
        The model, ready for use: in evaluation mode, without dropout.

    Raises:
        FileNotFoundError: If there is no such folder or name, or a file is missing in it.
        ValueError: If a file is damaged, if the config is of a kind this model cannot be, or if
            a tensor is missing, unknown, of another shape or no real numbers. The message names
            the file, the tensor or field, and both values.
    """
    check_placement(device, dtype)
    folder = find_folder(path_or_name, revision)
    return steadily(folder, lambda: read_pretrained(folder, device, dtype))


def read_pretrained(
    folder: Path, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> Transformer:
    """Load as `load_pretrained` does, once: for a block of `steadily` that reads more than this.

    Args:
        folder: From `find_folder`.
        device: Where to put the model.
        dtype: Type of the parameters.

    Raises:
        ValueError: If a file is damaged, or a config or tensor is not one of this model.
    """
    published, checkpoint = read_checkpoint(folder)
    family, config = published.family, published.config
    checkpoint.check_layers(config)

    rules = family.rules(config)
    own = checkpoint.dtype(rule.theirs for rule in rules)
    try:
        model = Transformer(config, device="meta", dtype=dtype or own)
    except (RuntimeError, OverflowError, MemoryError) as error:
        raise ValueError(f"{folder}: no model of this config can be built: {error}") from error
    state = dict(model.state_dict())
    check_complete(rules, state)
    check_tensors(checkpoint, family, config, rules, state)
    if device is None or torch.device(device).type != "meta":
        model.to_empty(device=device or "cpu")
        _fill(model, checkpoint, rules)
    model.published_fields = {"model_type": family.model_type, **published.other_fields}
    return model.eval()


def check_placement(device: object, dtype: object) -> None:
    """Refuse what is no device, or no type of real numbers, before work starts.

    Raises:
        TypeError: If one is of another type altogether.
        ValueError: If no such device is known, or the type holds no real numbers.
    """
    if dtype is not None and not isinstance(dtype, torch.dtype):
        raise TypeError(f"dtype={dtype!r}: expected a torch.dtype, such as torch.float16")
    if dtype is not None and not dtype.is_floating_point:
        raise ValueError(f"dtype={dtype}: expected a type of real numbers, such as torch.float32")
    if device is None or isinstance(device, torch.device):
        return
    if not isinstance(device, str):
        raise TypeError(f"device={device!r}: expected a torch.device or its name, such as 'cpu'")
    try:
        torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device={device!r} is none: {str(error).partition(chr(10))[0]}") from None


def steadily(folder: Path, load: Callable[[], _Loaded], beside: Collection[str] = ()) -> _Loaded:
    """Load from a folder in such a way that all read files belong together.

    A file is opened anew for every piece, so another process that saves to the folder meanwhile
    would leave a mix of old and new. If any file was exchanged, all is read again; the last times
    with the folder's lock, for which a writer waits. So `load` may hold no such block for the same
    folder itself.

    Args:
        folder: The folder, or the one file that is read.
        load: Reads from it.
        beside: Names of files that it reads beside those of the checkpoint.

    Raises:
        ValueError: If a file changed even so.
    """
    place = folder if folder.is_dir() else folder.parent
    for attempt in range(_ATTEMPTS):
        with locked(place) if attempt >= _ATTEMPTS // 2 else contextlib.nullcontext():
            before = _stamps(folder, beside)
            try:
                loaded = load()
            except Exception:
                if _stamps(folder, beside) == before:
                    raise
                continue
            if _stamps(folder, beside) == before:
                return loaded
    raise ValueError(f"{folder} was written while it was read, {_ATTEMPTS} times in a row")


def _stamps(folder: Path, beside: Collection[str]) -> dict[str, tuple[int, ...]]:
    """What tells a file from the one that takes its place, and from a link to it.

    While a save exchanges files, each is a link for a moment. Who follows one just as it becomes
    a file again finds nothing there, though no file was exchanged; and where the save fails, it is
    the same file. Its time of change tells that it has had other names.
    """
    files = [folder]
    if folder.is_dir():
        names = {PARAMS, *beside}
        with contextlib.suppress(OSError):  # an index that is exchanged just now: one more change
            names |= checkpoint_files(folder)
        parts = folder.glob(PART.replace("{:02}", "*"))
        files = [*(folder / name for name in sorted(names)), *parts]
    stamps: dict[str, tuple[int, ...]] = {}
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            found, own = os.stat(file), os.lstat(file)
            of_file = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
            stamps[file.name] = (*of_file, found.st_size, own.st_ino, own.st_mtime_ns)
    return stamps


def find_folder(path_or_name: str | os.PathLike[str], revision: str | None = None) -> Path:
    """Return the folder of a checkpoint, after downloading it if it is only on the hub.

    A folder that exists comes before a name on the hub.

    Args:
        path_or_name: A folder, or a name such as `openai-community/gpt2`.
        revision: Branch, tag or commit on the hub; None means its main branch.

    Returns:
        A folder of this machine, or a `.gguf` file.

    Raises:
        FileNotFoundError: If there is no such folder and no such name, or the hub is out of
            reach and the checkpoint was not downloaded before.
        NotADirectoryError: If it is a file.
        ImportError: If it could be on the hub and `huggingface_hub` is not installed.
        ValueError: If a revision is given for a folder.
    """
    folder = Path(path_or_name).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ValueError(f"revision={revision!r} given, but {folder} is a folder, not a name")
        return folder
    if folder.exists() and folder.suffix == ".gguf":
        if revision is not None:
            raise ValueError(f"revision={revision!r} given, but {folder} is a file, not a name")
        return folder
    if folder.exists():
        raise NotADirectoryError(f"{folder} is a file: expected the folder it is in")
    name = str(path_or_name)
    if isinstance(path_or_name, os.PathLike) or not _NAME.fullmatch(name) or name.startswith("."):
        raise FileNotFoundError(f"no folder {name}, and it cannot be a name on the hub")
    from course_lib.weights.hub import download

    return download(name, revision)


def read_checkpoint(folder: Path) -> tuple[Published, Checkpoint]:
    """Read the config and the names, shapes and types of the tensors in a folder.

    Args:
        folder: With `config.json` and weights, or with `params.json` and Meta's files; or a
            `.gguf` file.

    Returns:
        What the config says, and the tensors.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is damaged or says what our model cannot be.
    """
    if folder.suffix == ".gguf" and folder.is_file():
        return read_gguf(folder)
    file = folder / "config.json"
    if not file.is_file() and (folder / PARAMS).is_file():
        return read_meta(folder)
    fields = read_json(file)
    family = find_family(str(file), fields)
    read_config(str(file), fields)  # before the weights are opened: most errors are here
    checkpoint = Checkpoint(folder, family.modern)
    published = read_config(str(file), fields, checkpoint.entries, checkpoint.same)
    for copy, original in family.copies(published.config).items():
        if original not in checkpoint.entries and copy in checkpoint.entries:
            checkpoint.entries[original] = checkpoint.entries.pop(
                copy
            )  # the only one that was kept
    return published, checkpoint


def check_tensors(
    checkpoint: Checkpoint,
    family: Family,
    config: TransformerConfig,
    rules: list[Rule],
    state: dict[str, Tensor],
) -> None:
    """Check that a checkpoint holds what the rules ask for and nothing else.

    Args:
        checkpoint: The tensors.
        family: The family they are of.
        config: Our config.
        rules: The rules that will be applied.
        state: Our parameters and buffers; meta tensors will do.

    Raises:
        ValueError: Naming the file, the tensor, what it is and what it should be.
    """
    wanted, entries = {rule.theirs: rule for rule in rules}, checkpoint.entries
    missing = [name for name in wanted if name not in entries]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(
            f"{checkpoint.folder}: tensors missing: {', '.join(missing[:3])}{more}; a "
            f"{family.model_type} of this config has {len(wanted)}"
        )
    copies = family.copies(config)
    for name, entry in entries.items():
        if name in wanted:
            _check_entry(name, entry.shape, wanted[name], state, f"{entry.file}: {entry.name}")
            if entry.dtype is None:
                raise ValueError(f"{entry.file}: {entry.name} holds no real numbers")
        elif name in copies:
            if not checkpoint.same(name, copies[name]):
                raise ValueError(
                    f"{entry.file}: {entry.name} differs from {copies[name]}, but by the "
                    "config they are one"
                )
        elif not family.may_ignore(name):
            raise ValueError(
                f"{entry.file}: {entry.name} {entry.shape} has no place in a "
                f"{family.model_type} of this config"
            )


def _check_entry(
    name: str, shape: tuple[int, ...], rule: Rule, state: dict[str, Tensor], where: str
) -> None:
    right = rule.shape(state[rule.ours])
    if shape != right:
        raise ValueError(f"{where} has shape {shape}, but the config asks for {right}")


def _fill(model: Transformer, checkpoint: Checkpoint, rules: list[Rule]) -> None:
    """Copy every tensor to its place, file by file."""
    state = model.state_dict()
    entries = checkpoint.entries
    by_file = sorted(rules, key=lambda rule: entries[rule.theirs].file)
    total = sum(entries[rule.theirs].n_bytes() for rule in rules)
    with (
        torch.no_grad(),
        tqdm(total=total, unit="B", unit_scale=True, desc="loading", delay=1) as progress,
    ):
        for rule in by_file:
            entry, ours = entries[rule.theirs], state[rule.ours]
            for start, piece in checkpoint.pieces(entry, rule.step(ours)):
                rule.load(piece.to(ours.device), ours, start)
                progress.update(piece.numel() * piece.itemsize)
