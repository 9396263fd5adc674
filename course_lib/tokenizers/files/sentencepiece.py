"""What the files beside a SentencePiece model (`.model`) say, as `transformers` 5 obeys it.

Published folders of LLaMA 1 and 2 and of T5 hold `tokenizer_config.json` and, older ones,
`special_tokens_map.json` and `added_tokens.json`. An option that nothing here obeys is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.tokenizers.added import AddedToken
from course_lib.tokenizers.files import classes
from course_lib.tokenizers.files.legacy import ADDED, CONFIG, SPECIAL_MAP, Beside, template
from course_lib.tokenizers.files.section import Unsupported

_CLASSES = ("", "llama", "t5")
# Of programs other than SentencePiece's, or of no effect on one text's ids.
_HARMLESS = ("tokenizer_type", "transformers_version", "use_default_system_prompt", "vocab_size")


class Options(NamedTuple):
    """How the model is to be used.

    Attributes:
        n_sentinels: T5's sentinels.
        added: Tokens that the files name, all of the model's vocabulary or sentinels.
        frame: A `post_processor` section; None for nothing.
        blank_at_each: Whether a text goes on after a special token as if it began there.
    """

    n_sentinels: int
    added: list[AddedToken]
    frame: Any
    blank_at_each: bool


def read_options(file: Path, vocab: Mapping[str, int]) -> Options:
    """Read the files beside a `.model` file.

    Args:
        file: The model.
        vocab: Its pieces with their ids.

    Raises:
        Unsupported: An option that is not obeyed here.
        ValueError: A file is broken, or names a token that the model does not have.
    """
    if not any(file.with_name(name).is_file() for name in (CONFIG, SPECIAL_MAP, ADDED)):
        return Options(0, [], None, True)
    beside = Beside(file)
    config = beside.config
    name = config.content.get("tokenizer_class") or ""
    stem = classes.stem(name) if isinstance(name, str) else "?"
    if stem not in _CLASSES:
        raise Unsupported(
            f"{config.where}: tokenizer_class={name!r:.60} is not supported beside {file.name}, "
            "only LlamaTokenizer and T5Tokenizer"
        )
    for key in _HARMLESS:
        config.get(key, None)
    config.must_be("sp_model_kwargs", None, {})
    config.must_be("add_prefix_space", None, True)
    config.must_be("spaces_between_special_tokens", None, False, *([True] if stem == "t5" else []))
    # Cleaning would spoil byte pairs, so that `transformers` leaves LLaMA's alone.
    config.must_be(
        "clean_up_tokenization_spaces", None, False, *([True] if stem == "llama" else [])
    )
    legacy = config.must_be("legacy", None, True, False)
    size = len(vocab)
    n = config.number("extra_ids", 100 if stem == "t5" else 0)
    sentinels = {f"<extra_id_{k}>": size + n - 1 - k for k in range(n)}
    added = beside.tokens({**vocab, **sentinels})
    for token in added:
        if ({**vocab, **sentinels}).get(token.content) != token.id:
            raise Unsupported(
                f"{config.where}: {token.content!r:.60} with the id {token.id} is no token of "
                f"{file.name}"
            )
    wanted = [config.flag("add_bos_token", False), config.flag("add_eos_token", stem == "t5")]
    ids = {token.content: token.id for token in added}
    frames: list[list[tuple[str, int]]] = []
    for flag, role, usual in zip(wanted, ("bos", "eos"), ("<s>", "</s>"), strict=True):
        spelling = beside.role(f"{role}_token") or usual
        i = ids.get(spelling, vocab.get(spelling))
        if flag and i is None:
            raise ValueError(f"{config.where}: add_{role}_token=True, but there is no {spelling}")
        frames.append([(spelling, int(i))] if flag and i is not None else [])
    config.done()
    # They are looked for in the text as it came: the model's own program normalizes what is left.
    plain = [replace(token, normalized=False) for token in added]
    return Options(n, plain, template(*frames), stem != "llama" or legacy is True)
