"""A LLaMA of ours into a GGUF file, for llama.cpp and what is built on it."""

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from course_lib.extras import needs
from course_lib.files import replacing
from course_lib.model.transformer import Transformer
from course_lib.weights.families import write_config
from course_lib.weights.gguf import gguf_rules
from course_lib.weights.gguf_tokenizer import CUTS, HOW_BYTES_ARE_SPELLED, TokenKind
from course_lib.weights.rules import check_complete


def write_gguf(
    model: Transformer,
    file: str | PathLike[str],
    *,
    tokenizer: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write a model and its vocabulary as one file, all numbers in float32.

    The table of names that reads such a file writes it here, so what is written is read back
    equal. The file appears whole or not at all.

    Args:
        model: Of the LLaMA family.
        file: Where to write.
        tokenizer: Content of its `tokenizer.json`, byte-level BPE; None writes no vocabulary, and
            the file then takes and gives ids alone.
        about: Content of its `tokenizer_config.json`, for the chat template.

    Raises:
        ImportError: If the `gguf` package is not installed.
        ValueError: If the model is of another family, slows its rotations, or the tokenizer is of
            another kind.

    Source: the names and the order of rows are those that `convert_hf_to_gguf.py` of llama.cpp
    writes for the architecture "llama".
    """
    config = model.config
    family, _ = write_config(config)
    if family.model_type != "llama":
        raise ValueError(
            f"the model is a {family.model_type}: a GGUF file is written here of the LLaMA family "
            "alone (rotary positions, RMS norm, gated SiLU, no biases)"
        )
    if config.rope_factor != 1:
        raise ValueError(
            f"rope_factor={config.rope_factor}: slowed rotations are not written to GGUF here"
        )
    vocabulary = None if tokenizer is None else _vocabulary(tokenizer, config.vocab_size)
    with needs("hub", "writing GGUF"):
        from gguf import GGUFWriter, LlamaFileType
    rules, state = gguf_rules(config), model.state_dict()
    check_complete(rules, state)
    with replacing(file) as partial:
        writer = GGUFWriter(partial, "llama")
        writer.add_name(Path(file).stem)
        writer.add_file_type(LlamaFileType.ALL_F32)
        writer.add_context_length(config.max_seq_len)
        writer.add_embedding_length(config.d_model)
        writer.add_block_count(config.n_decoder_layers)
        writer.add_feed_forward_length(config.ff_dim)
        writer.add_head_count(config.n_heads)
        writer.add_head_count_kv(config.kv_heads)
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
        writer.add_layer_norm_rms_eps(config.norm_eps)
        writer.add_rope_dimension_count(config.head_dim)
        writer.add_rope_freq_base(config.rope_theta)
        writer.add_vocab_size(config.vocab_size)
        if vocabulary is None:
            writer.add_tokenizer_model("none")
        else:
            vocabulary.write(writer)
        for part, ours in (("bos", "bos"), ("eos", "eos"), ("pad", "pad")):
            number = model.published_fields.get(f"{ours}_token_id")
            number = number[0] if isinstance(number, Sequence) and number else number
            if isinstance(number, int) and vocabulary is not None:
                getattr(writer, f"add_{part}_token_id")(number)
        template = (about or {}).get("chat_template")
        if isinstance(template, str):
            writer.add_chat_template(template)
        for rule in rules:
            writer.add_tensor(rule.theirs, rule.save(state[rule.ours]).float().cpu().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


class _Vocabulary:
    """What a GGUF file says of a byte-level BPE."""

    def __init__(
        self, pre: str, tokens: list[str], kinds: list[int], merges: list[str], first: bool
    ) -> None:
        self.pre, self.tokens, self.kinds, self.merges, self.first = (
            pre,
            tokens,
            kinds,
            merges,
            first,
        )

    def write(self, writer: Any) -> None:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.kinds)
        writer.add_token_merges(self.merges)
        writer.add_add_bos_token(self.first)


def _vocabulary(tokenizer: Mapping[str, Any], n_tokens: int) -> _Vocabulary:
    model = tokenizer.get("model") or {}
    steps = tokenizer.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", [steps])
    steps = [{k: v for k, v in step.items() if k != "trim_offsets"} for step in steps]
    spelled = {k: v for k, v in HOW_BYTES_ARE_SPELLED.items() if k != "trim_offsets"}
    names = [name for name, before in CUTS.items() if [*before, spelled] == steps]
    if model.get("type") != "BPE" or not names or tokenizer.get("normalizer"):
        told = json.dumps(tokenizer.get("pre_tokenizer"))
        raise ValueError(
            f"tokenizer is a {model.get('type')} that cuts text by {told:.200}: a GGUF file is "
            f"written here of byte-level BPE that cuts as {', '.join(CUTS)} do"
        )
    spelling = {number: token for token, number in model["vocab"].items()}
    added = {entry["id"]: entry for entry in tokenizer.get("added_tokens") or []}
    spelling |= {number: entry["content"] for number, entry in added.items()}
    if max(spelling) >= n_tokens:
        raise ValueError(f"tokenizer has the id {max(spelling)}, the model only {n_tokens} tokens")
    kinds = []
    for number in range(n_tokens):
        if number in added:
            kinds.append(TokenKind.CONTROL if added[number]["special"] else TokenKind.OWN)
        else:
            kinds.append(TokenKind.NORMAL if number in spelling else TokenKind.UNUSED)
    tokens = [spelling.get(number, f"[PAD{number}]") for number in range(n_tokens)]
    merges = [one if isinstance(one, str) else " ".join(one) for one in model["merges"]]
    frame = (tokenizer.get("post_processor") or {}).get("single") or []
    first = bool(frame) and "SpecialToken" in frame[0]
    return _Vocabulary(names[0], tokens, [int(kind) for kind in kinds], merges, first)
