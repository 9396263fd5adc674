"""What the files of all kinds of tokenizers have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import regex

from course_lib.files import write_json
from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.files.section import ID_LIMIT, Section, Unsupported, check_unicode

JSON_NAME = "tokenizer.json"


def write(path: str | PathLike[str], content: Mapping[str, Any]) -> None:
    """Write `content` to a file, or as `tokenizer.json` into an existing folder."""
    target = Path(path)
    write_json(target / JSON_NAME if target.is_dir() else target, content)


def find(path: str | PathLike[str], *names: str) -> Path:
    """The file itself, or the first of `names` in a folder.

    Raises:
        FileNotFoundError: there is none.
    """
    base = Path(path)
    if base.is_file():
        return base
    if not base.is_dir():
        raise FileNotFoundError(f"no file or folder {base}")
    for name in names:
        if (base / name).is_file():
            return base / name
    raise FileNotFoundError(f"folder {base} has none of {', '.join(names)}")


@contextmanager
def reading(path: str | PathLike[str]) -> Iterator[None]:
    """Let every error of a file that is not built as expected say which file it is.

    Raises:
        Unsupported: as inside, with the path.
        ValueError: with the path, for whatever else went wrong inside.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(
            f"{path}: a part is missing or of the wrong kind: {type(error).__name__}: {error}"
        ) from error
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply to be read") from None
    except (ValueError, regex.error) as error:
        folder = str(Path(path).parent)  # a file beside it may be at fault, and named
        if str(path) in str(error) or (folder != "." and folder in str(error)):
            raise
        kind = Unsupported if isinstance(error, Unsupported) else ValueError
        raise kind(f"{path}: {error}") from error


class Parts(NamedTuple):
    """The sections of a `tokenizer.json`, of which every key was read.

    Attributes:
        model: what is particular to the kind.
        added: the tokens outside the model.
        normalizer: or None.
        pre_tokenizer: or None.
        decoder: or None.
        post_processor: as it stands in the file, to be written again.
    """

    model: Section
    added: list[AddedToken]
    normalizer: Section | None
    pre_tokenizer: Section | None
    decoder: Section | None
    post_processor: Mapping[str, Any] | None


def parts(content: Mapping[str, Any], model: str, where: str) -> Parts:
    """Take a `tokenizer.json` apart.

    Args:
        content: the file.
        model: the type of model wanted.
        where: the file's name, for messages.

    Raises:
        Unsupported: it cuts or fills up texts, or holds an unknown section.
        ValueError: it is of another type, or a part is missing or of the wrong kind.
    """
    whole = Section(content, where)
    section = whole.content.get("model")
    if not isinstance(section, dict) or "vocab" not in section:
        raise ValueError(f"{where} has no model with a vocabulary: not a tokenizer.json")
    if (found := model_type(section)) != model:
        raise ValueError(f"{where} is a {found} tokenizer, not {model}")
    inner = whole.inside("model")
    inner.get("type", None)
    whole.must_be("version", "1.0", None)
    whole.must_be("truncation", None)
    whole.must_be("padding", None)
    made = Parts(
        inner,
        read_added(whole),
        whole.maybe_inside("normalizer"),
        whole.maybe_inside("pre_tokenizer"),
        whole.maybe_inside("decoder"),
        whole.get("post_processor", None),
    )
    whole.done()
    return made


def read_added(whole: Section) -> list[AddedToken]:
    """The tokens that lie outside the model.

    Raises:
        ValueError: one is broken, or is there twice.
    """
    whole.array("added_tokens", [])
    tokens = []
    for entry in whole.sections("added_tokens") if whole.content.get("added_tokens") else []:
        name = entry.text("content")
        if not name:
            raise ValueError(f"{entry.where}: content is empty; a token needs a name")
        special = entry.flag("special", False)
        tokens.append(
            AddedToken(
                content=name,
                id=entry.number("id"),
                special=special,
                normalized=entry.flag("normalized", not special),
                single_word=entry.flag("single_word", False),
                lstrip=entry.flag("lstrip", False),
                rstrip=entry.flag("rstrip", False),
            )
        )
        entry.done()
    counts = Counter(token.content for token in tokens)
    if twice := [name for name, n in counts.items() if n > 1]:
        raise ValueError(f"{whole.where}: added_tokens {twice[:3]} are there twice")
    return tokens


def check_added(added: Sequence[AddedToken], vocab: Mapping[str, int], where: str) -> None:
    """Refuse added tokens at odds with the model about which spelling has which id.

    Raises:
        ValueError: naming the token and both ids.
    """
    name_of = {i: name for name, i in vocab.items()}
    name_of |= {token.id: token.content for token in added if token.id not in name_of}
    for token in added:
        known = vocab.get(token.content, token.id)
        if known != token.id or name_of[token.id] != token.content:
            raise ValueError(
                f"{where}: added_tokens gives {token.content!r:.60} the id {token.id}, but it has "
                f"{known}, and that id is {name_of[token.id]!r:.60}"
            )


def check_vocab(vocab: object, where: str) -> dict[str, int]:
    """Refuse a vocabulary that does not map spellings to ids.

    Raises:
        ValueError: it is no object, or has an id that is no whole number from 0 to 2^24.
    """
    if not isinstance(vocab, dict):
        raise ValueError(f"{where}: the vocabulary must map spellings to ids, got {vocab!r:.60}")
    for name, i in vocab.items():
        if type(i) is not int or not 0 <= i < ID_LIMIT:
            raise ValueError(
                f"{where}: token {name!r} has the id {i!r}, wants a whole number below {ID_LIMIT:,}"
            )
    check_unicode("".join(vocab), f"{where}: the vocabulary")
    return vocab


def model_type(section: Mapping[str, Any]) -> str:
    """Type of the model's section of a `tokenizer.json`; older files do not say it."""
    if declared := section.get("type"):
        return str(declared)
    if "merges" in section:
        return "BPE"
    return "Unigram" if isinstance(section.get("vocab"), list) else "WordPiece"


def skeleton(
    *,
    added: Sequence[AddedToken],
    post_processor: Mapping[str, Any] | None,
    model: Mapping[str, Any],
    normalizer: Mapping[str, Any] | None = None,
    pre_tokenizer: Mapping[str, Any] | None = None,
    decoder: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A whole `tokenizer.json`, its sections in the order in which the Rust library writes them."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token.id,
                "content": token.content,
                "single_word": token.single_word,
                "lstrip": token.lstrip,
                "rstrip": token.rstrip,
                "normalized": token.normalized,
                "special": token.special,
            }
            for token in sorted(added, key=lambda token: token.id)
        ],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor,
        "decoder": decoder,
        "model": model,
    }


def is_tokenizer_json(content: Mapping[str, Any]) -> bool:
    """Whether this is a `tokenizer.json`, and no `vocab.json` with a token called `model`."""
    return isinstance(content.get("model"), dict)
