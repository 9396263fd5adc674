"""BERT and RoBERTa files."""

from collections.abc import Callable
from typing import Any

from course_lib.config import TransformerConfig
from course_lib.weights.fields import ACTIVATION_NAMES, Fields
from course_lib.weights.rules import Family, Rule, linear, query_key_value

# base: what names start with; dense, norm, matrix, bias: where the head's parts are.
_BERT = {
    "base": "bert",
    "dense": "cls.predictions.transform.dense",
    "norm": "cls.predictions.transform.LayerNorm",
    "matrix": "cls.predictions.decoder",
    "bias": "cls.predictions.bias",
}
_ROBERTA = {
    "base": "roberta",
    "dense": "lm_head.dense",
    "norm": "lm_head.layer_norm",
    "matrix": "lm_head.decoder",
    "bias": "lm_head.bias",
}


def _rules(names: dict[str, str]) -> Callable[[TransformerConfig], list[Rule]]:
    def rules(config: TransformerConfig) -> list[Rule]:
        base = names["base"]
        made = [
            Rule(f"{base}.embeddings.word_embeddings.weight", "embedding.weight"),
            Rule(f"{base}.embeddings.position_embeddings.weight", "encoder.positions.table.weight"),
            Rule(f"{base}.embeddings.token_type_embeddings.weight", "encoder.segments.weight"),
            *linear(f"{base}.embeddings.LayerNorm", "encoder.embedding_norm"),
        ]
        for layer in range(config.n_encoder_layers):
            theirs, ours = f"{base}.encoder.layer.{layer}", f"encoder.blocks.{layer}"
            attention = [f"{theirs}.attention.self.{name}" for name in ("query", "key", "value")]
            made += query_key_value(config, f"{ours}.attention", attention, bias=True)
            made += linear(f"{theirs}.attention.output.dense", f"{ours}.attention.output")
            made += linear(f"{theirs}.attention.output.LayerNorm", f"{ours}.attention_norm")
            made += linear(f"{theirs}.intermediate.dense", f"{ours}.feed_forward.up")
            made += linear(f"{theirs}.output.dense", f"{ours}.feed_forward.down")
            made += linear(f"{theirs}.output.LayerNorm", f"{ours}.feed_forward_norm")
        if not config.head_transform:
            return made
        made += linear(names["dense"], "head.transform.dense")
        made += linear(names["norm"], "head.transform.norm")
        if config.tie_embeddings:
            return [*made, Rule(names["bias"], "head.bias")]
        return made + linear(names["matrix"], "head")  # the bias beside the matrix is the live one

    return rules


def _copies(names: dict[str, str]) -> Callable[[TransformerConfig], dict[str, str]]:
    def copies(config: TransformerConfig) -> dict[str, str]:
        if not config.tie_embeddings:
            return {}
        return {
            f"{names['matrix']}.weight": f"{names['base']}.embeddings.word_embeddings.weight",
            f"{names['matrix']}.bias": names["bias"],
        }

    return copies


def _read(reader: Fields, names: dict[str, str], **different: Any) -> TransformerConfig:
    reader.must_be("is_decoder", False)
    reader.must_be("add_cross_attention", False)
    reader.must_be("position_embedding_type", "absolute")
    # A file without the head gives a model whose logits are plain products with the embeddings.
    head = reader.has(f"{names['dense']}.weight", assume=True)
    tied = reader.tied(f"{names['matrix']}.weight") if head else True
    d_model = reader.size("hidden_size")
    fields: dict[str, Any] = {
        "vocab_size": reader.size("vocab_size"),
        "d_model": d_model,
        "n_heads": reader.size("num_attention_heads"),
        "max_seq_len": reader.size("max_position_embeddings"),
        "n_encoder_layers": reader.size("num_hidden_layers"),
        "n_segments": reader.size("type_vocab_size", 2, least=1),
        "d_ff": reader.implied("intermediate_size", 3072, 4 * d_model),
        "norm_placement": "post",
        "norm_eps": reader.number("layer_norm_eps", 1e-12),
        "activation": reader.activation("hidden_act", "gelu"),
        "embedding_norm": True,
        "final_norm": False,
        "tie_embeddings": tied,
        "head_transform": head,
        "head_bias": "learned" if head else "none",
        "dropout": reader.number("hidden_dropout_prob", 0.1),
    }
    return TransformerConfig(**{**fields, **different})


def _read_bert(reader: Fields) -> TransformerConfig:
    return _read(reader, _BERT)


def _read_roberta(reader: Fields) -> TransformerConfig:
    pad = reader.size("pad_token_id", 1)
    rows = reader.size("max_position_embeddings")
    config = _read(
        reader,
        _ROBERTA,
        max_seq_len=rows - pad - 1,
        position_offset=pad + 1,  # rows before the first real position, the last for padding
        position_pad_id=pad,
    )
    if config.head_transform and config.activation != "gelu":
        raise ValueError(
            f"{reader.file}: hidden_act={reader.get('hidden_act')!r}: the head of RoBERTa is gelu "
            "whatever the blocks are, and this model has one activation"
        )
    return config


def _write(config: TransformerConfig) -> dict[str, Any]:
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_attention_heads": config.n_heads,
        "num_hidden_layers": config.n_encoder_layers,
        "intermediate_size": config.ff_dim,
        "max_position_embeddings": config.max_seq_len + config.position_offset,
        "type_vocab_size": config.n_segments,
        "hidden_act": ACTIVATION_NAMES[config.activation],
        "layer_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": config.dropout,
    }


def _write_roberta(config: TransformerConfig) -> dict[str, Any]:
    pad = 1 if config.position_pad_id is None else config.position_pad_id
    return {**_write(config), "pad_token_id": pad}


def _ignorable(names: dict[str, str]) -> tuple[str, ...]:
    return (
        rf"{names['base']}\.embeddings\.position_ids",
        rf"{names['base']}\.pooler\..*",
        names["bias"].replace(".", r"\."),  # dead where the matrix is untied
        r"cls\.seq_relationship\..*",
        r"(classifier|qa_outputs)\..*",
    )


_SPELLINGS = ((r"LayerNorm\.gamma$", "LayerNorm.weight"), (r"LayerNorm\.beta$", "LayerNorm.bias"))

_HEADS = {"tokens": {"output": "classifier"}, "span": {"output": "qa_outputs"}}

BERT = Family(
    model_type="bert",
    read=_read_bert,
    write=_write,
    rules=_rules(_BERT),
    architecture=lambda config: "BertForMaskedLM" if config.head_transform else "BertModel",
    copies=_copies(_BERT),
    ignorable=_ignorable(_BERT),
    spellings=(*_SPELLINGS, (r"^(?=(embeddings|encoder|pooler)\.)", "bert.")),
    heads={
        **_HEADS,
        "pooler": {"dense": "bert.pooler.dense"},
        "next_sentence": {"output": "cls.seq_relationship"},
        "sequence": {"dense": "bert.pooler.dense", "output": "classifier"},
    },
)
ROBERTA = Family(
    model_type="roberta",
    read=_read_roberta,
    write=_write_roberta,
    rules=_rules(_ROBERTA),
    architecture=lambda config: "RobertaForMaskedLM" if config.head_transform else "RobertaModel",
    copies=_copies(_ROBERTA),
    ignorable=_ignorable(_ROBERTA),
    spellings=(*_SPELLINGS, (r"^(?=(embeddings|encoder|pooler)\.)", "roberta.")),
    heads={
        **_HEADS,
        "pooler": {"dense": "roberta.pooler.dense"},
        "sequence": {"dense": "classifier.dense", "output": "classifier.out_proj"},
    },
)
