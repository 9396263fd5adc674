"""Handing a checkpoint over: written for other engines, and checked in those that are here.

Each engine gets the same prompt and writes its most likely tokens. Equal tokens say more than close
logits: one wrong rotation or norm shows within a few of them.
"""

import contextlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch

from course_lib.files import read_json, write_bytes, write_json, write_text
from course_lib.model.transformer import Transformer
from course_lib.weights.checkpoint import BESIDE
from course_lib.weights.engines import NODE, TRANSFORMERS, VLLM, run_engine
from course_lib.weights.gguf_file import GgufFile
from course_lib.weights.gguf_tokenizer import tokenizer_files
from course_lib.weights.gguf_write import write_gguf
from course_lib.weights.load import find_folder, load_pretrained, read_pretrained, steadily
from course_lib.weights.save import save_pretrained

N_TOKENS = 40
LLAMA_CPP = "COURSE_LIB_NODE_LLAMA_CPP"
VLLM_PYTHON = "COURSE_LIB_VLLM_PYTHON"
_N_PROMPT = 8
_TEXT = "Hello, world! It's 12345 times né 日本 🙂\n\n  two  blanks\t"  # to be cut into tokens


class HandedOver(NamedTuple):
    """What became of one engine.

    Attributes:
        engine: Its name.
        state: "equal" where it ran and agreed, "differs", "written" where files are there and
            nothing ran, "not here" where the engine is not installed, "does not fit" where the
            model is of a kind that it cannot take.
        told: What was found, or what to do.
        command: How it is run.
    """

    engine: str
    state: str
    told: str
    command: str = ""


def handover(
    checkpoint: str | PathLike[str],
    output: str | PathLike[str] | None = None,
    *,
    prompt: Sequence[int] | None = None,
) -> list[HandedOver]:
    """Write a checkpoint for other engines, and check each that is here on 40 greedy tokens.

    Written are a folder as `transformers` and vLLM read it, a GGUF file for llama.cpp, settings
    of Accelerate and DeepSpeed, and `commands.txt` with the command of each. No end token ends
    the 40: an engine that agrees by stopping early would show nothing.

    Args:
        checkpoint: A folder of a published checkpoint, a `.gguf` file, or a name on the hub.
        output: Where to write; None means `handover` inside the checkpoint's folder.
        prompt: Ids of the prompt; None means 8 that are drawn.

    Returns:
        One entry for each engine.

    Raises:
        FileNotFoundError: If there is no checkpoint.
        ValueError: If it is damaged, writes no text, or the prompt does not fit it.
    """
    folder = find_folder(checkpoint)
    model, words, files = steadily(folder, lambda: _read(folder), BESIDE)
    config = model.config
    if config.family != "decoder-only":
        raise ValueError(
            f"{folder} is an {config.family} model: what is handed over here is a decoder-only one"
        )
    if prompt is None:
        draw = torch.Generator().manual_seed(0)
        n_prompt = min(_N_PROMPT, max(1, config.max_seq_len // 2))
        prompt = torch.randint(config.vocab_size, (n_prompt,), generator=draw).tolist()
    ids = _checked(list(prompt), config.vocab_size, config.max_seq_len)
    n_tokens = min(N_TOKENS, config.max_seq_len - len(ids))
    base = folder if folder.is_dir() else folder.parent
    target = base / "handover" if output is None else Path(output).expanduser()
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file: expected a folder")
    target.mkdir(parents=True, exist_ok=True)
    ours = greedy(model, ids, n_tokens)
    reference, text_ids = _transformers(model, {**words, **files}, target, ids, ours)
    made = [
        reference,
        *_gguf(model, words, target, ids, ours, text_ids),
        _vllm(model, target, ids, ours),
        *_configurations(target),
    ]
    lines = [f"# {one.engine}: {one.state}. {one.told}\n{one.command}\n" for one in made]
    write_text(target / "commands.txt", "\n".join(lines))
    return made


def greedy(model: Transformer, prompt: Sequence[int], n_tokens: int) -> list[int]:
    """Write the most likely tokens, one after another; the whole loop, to compare others with.

    Args:
        model: With a decoder.
        prompt: Ids.
        n_tokens: How many to write.
    """
    cache, new, written = model.new_cache(1, len(prompt) + n_tokens), [*prompt], []
    with torch.inference_mode():
        for _ in range(n_tokens):
            new = [int(model(torch.tensor([new]), cache=cache)[0, -1].argmax())]
            written += new
    return written


def _checked(ids: list[int], n_vocab: int, most: int) -> list[int]:
    bad = [i for i in ids if isinstance(i, bool) or not isinstance(i, int) or not 0 <= i < n_vocab]
    if bad or not ids:
        raise ValueError(f"prompt must be ids from 0 to {n_vocab - 1}, got {ids!r:.80}")
    if len(ids) >= most:
        raise ValueError(f"prompt has {len(ids)} tokens, the model reads {most}, reply included")
    return ids


def _transformers(
    model: Transformer, beside: dict[str, Any], target: Path, ids: list[int], ours: list[int]
) -> tuple[HandedOver, list[int] | None]:
    """Write the folder, run it, and return also how the reference cuts a text, if it has words."""
    written = target / "transformers"

    def write(staged: Path) -> None:
        for name, content in beside.items():
            if isinstance(content, bytes):
                write_bytes(staged / name, content)
            else:
                write_json(staged / name, content)

    save_pretrained(model, written, beside=write)
    pipeline = f"transformers.pipeline('text-generation', {str(written)!r})('...')"
    command = f"python -c {shlex.quote(f'import transformers; print({pipeline})')}"
    text = _TEXT if (written / "tokenizer.json").is_file() else ""
    arguments = [sys.executable, "-c", TRANSFORMERS, str(written), json.dumps(ids)]
    found = run_engine([*arguments, str(len(ours)), text], "No module named", HF_HUB_OFFLINE="1")
    judged = _judged("transformers", found, ours, written, command, "pip install transformers")
    return judged, found.get("text") if isinstance(found, dict) else None


def _gguf(
    model: Transformer,
    words: dict[str, Any],
    target: Path,
    ids: list[int],
    ours: list[int],
    text_ids: list[int] | None,
) -> list[HandedOver]:
    file = target / "model.gguf"
    command = f"llama-cli -m {shlex.quote(str(file))} -p '...' --temp 0 -n {N_TOKENS}"
    tokenizer, about = words.get("tokenizer.json"), words.get("tokenizer_config.json")
    note = ""
    try:
        try:
            write_gguf(model, file, tokenizer=tokenizer, about=about)
        except ValueError as error:
            if "tokenizer" not in str(error):
                raise
            note, tokenizer = f"; without a vocabulary: {error}", None
            write_gguf(model, file)
    except ImportError as error:
        return [HandedOver("GGUF", "not here", str(error))]
    except ValueError as error:
        fits = [HandedOver(name, "does not fit", str(error)) for name in ("GGUF", "llama.cpp")]
        return fits
    differs = difference(model, file, tokenizer)
    size = f"{file}, {file.stat().st_size:,} bytes"
    read = HandedOver(
        "GGUF", "differs" if differs else "equal", (differs or f"{size}, read back") + note
    )
    return [read, _llama_cpp(file, ids, ours, command, text_ids if tokenizer else None)]


def difference(model: Transformer, file: Path, tokenizer: Any) -> str:
    """Say in what a GGUF file differs from what was written into it; empty if in nothing.

    Args:
        model: In float32.
        file: Written from it.
        tokenizer: Content of the `tokenizer.json`, or None.
    """
    back = load_pretrained(file)
    lost = [n for n, t in model.state_dict().items() if not torch.equal(t, back.state_dict()[n])]
    if lost:
        return f"{lost[0]} and {len(lost) - 1} more tensors are not what was written"
    if tokenizer is not None:
        found = tokenizer_files(GgufFile(file))["tokenizer.json"]
        vocab, merges = found["model"]["vocab"], found["model"]["merges"]
        wanted = {**tokenizer["model"]["vocab"]}
        wanted |= {one["content"]: one["id"] for one in tokenizer.get("added_tokens") or []}
        asked = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
        if any(vocab.get(token) != number for token, number in wanted.items()) or merges != asked:
            return "the vocabulary is not what was written"
    return ""


def _llama_cpp(
    file: Path, ids: list[int], ours: list[int], command: str, text_ids: list[int] | None
) -> HandedOver:
    place = os.environ.get(LLAMA_CPP)
    if not place:
        return HandedOver(
            "llama.cpp",
            "not here",
            f"to check it, run `npm install node-llama-cpp` in a folder and set {LLAMA_CPP} to it",
            command,
        )
    script = file.parent / "llama_cpp.mjs"
    write_text(script, NODE)
    text = "" if text_ids is None else _TEXT
    arguments = ["node", str(script), place, str(file), json.dumps(ids), str(len(ours)), text]
    found = run_engine(arguments, "Cannot find module")
    judged = _judged("llama.cpp", found, ours, file, command, f"set {LLAMA_CPP} to its folder")
    if text_ids is None or not isinstance(found, dict):
        return judged
    if found["text"] != text_ids:
        told = f"{judged.told}; but it cuts a text into other tokens than transformers does"
        return judged._replace(state="differs", told=told)
    return judged._replace(told=f"{judged.told}; a text is cut as in transformers")


def _vllm(model: Transformer, target: Path, ids: list[int], ours: list[int]) -> HandedOver:
    folder = target / "transformers"
    command = f"vllm serve {shlex.quote(str(folder))} --dtype float32"
    width = model.config.head_dim
    if width < 32:
        told = f"its heads are {width} wide: the builds for processors want 32 and more"
        return HandedOver("vLLM", "does not fit", told, command)
    python = os.environ.get(VLLM_PYTHON)
    if not python:
        told = f"{folder} is what it reads; to check it, set {VLLM_PYTHON} to a Python that has it"
        return HandedOver("vLLM", "written", told, command)
    arguments = [python, "-c", VLLM, str(folder), json.dumps(ids), str(len(ours))]
    alone = {"HF_HUB_OFFLINE": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    alone["VLLM_CPU_KVCACHE_SPACE"] = "1"  # GiB; unasked it takes nearly all the memory there is
    found = run_engine(arguments, "No module named 'vllm'", **alone)
    return _judged("vLLM", found, ours, folder, command, f"set {VLLM_PYTHON} to a Python with it")


def _configurations(target: Path) -> list[HandedOver]:
    from course_lib.distributed.handoff import deepspeed_config

    settings = deepspeed_config(2, micro_batch=8, learning_rate=1e-4, clip=1.0)
    write_json(target / "deepspeed.json", settings, indent=1)
    accelerate = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "FSDP",
        "fsdp_config": {
            "fsdp_version": 2,
            "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "fsdp_reshard_after_forward": True,
            "fsdp_state_dict_type": "SHARDED_STATE_DICT",
        },
        "machine_rank": 0,
        "main_training_function": "main",
        "mixed_precision": "bf16",
        "num_machines": 1,
        "num_processes": 2,
        "use_cpu": False,
    }
    write_json(target / "accelerate.json", accelerate, indent=1)
    started = f"your_training.py --model {shlex.quote(str(target / 'transformers'))}"
    files = {
        name: shlex.quote(str(target / f"{name}.json")) for name in ("accelerate", "deepspeed")
    }
    return [
        HandedOver(
            "Accelerate",
            "written",
            "settings for two devices of one machine; your script loads the folder of transformers",
            f"accelerate launch --config_file {files['accelerate']} {started}",
        ),
        HandedOver(
            "DeepSpeed",
            "written",
            "ZeRO stage 2 with AdamW; your script passes them to deepspeed.initialize",
            f"deepspeed {started} --deepspeed {files['deepspeed']}",
        ),
        HandedOver(
            "torchrun",
            "written",
            "nothing has to be written: the course's own training starts under it",
            "torchrun --nproc-per-node 2 -m course_lib.training --help",
        ),
    ]


def _read(folder: Path) -> tuple[Transformer, dict[str, Any], dict[str, bytes]]:
    """Read the model, what the files of its words say, and all files beside it as they are."""
    names = [name for name in BESIDE if (folder / name).is_file()]
    files = {name: (folder / name).read_bytes() for name in names}
    return read_pretrained(folder, dtype=torch.float32), _tokenizer(folder), files


def _tokenizer(folder: Path) -> dict[str, Any]:
    """The contents of the tokenizer's files beside a checkpoint, or inside a `.gguf` file."""
    if folder.is_file():
        with contextlib.suppress(ValueError):
            return dict(tokenizer_files(GgufFile(folder)))
        return {}
    names = ("tokenizer.json", "tokenizer_config.json")
    found = {name: read_json(folder / name) for name in names if (folder / name).is_file()}
    template = folder / "chat_template.jinja"
    if template.is_file():
        about = found.setdefault("tokenizer_config.json", {})
        about.setdefault("chat_template", template.read_text(encoding="utf-8"))
    return found


def _judged(
    engine: str,
    found: dict[str, Any] | str | None,
    ours: list[int],
    written: Path,
    command: str,
    install: str,
) -> HandedOver:
    if found is None:
        return HandedOver(engine, "not here", f"{written} is written; {install}", command)
    if isinstance(found, str):
        return HandedOver(
            engine, "differs", f"{written} is written, but it failed: {found}", command
        )
    theirs = found["tokens"]
    pairs = list(zip(theirs, ours, strict=False))
    same = next((k for k, (a, b) in enumerate(pairs) if a != b), len(pairs))
    state = "equal" if theirs == ours else "differs"
    return HandedOver(
        engine, state, f"{same} of {len(ours)} greedy tokens equal; {written}", command
    )


def report(made: Sequence[HandedOver], write: Callable[[str], Any] = print) -> bool:
    """Print a line for each engine, and its command; say whether all that ran agreed."""
    for one in made:
        write(f"{one.engine:13} {one.state:13} {one.told}")
        if one.command:
            write(f"{'':13} {one.command}")
    return all(one.state != "differs" for one in made)
