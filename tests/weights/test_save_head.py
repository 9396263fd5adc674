"""A tuned model with its head, saved: the reference library computes the same logits from it."""

import json
from dataclasses import replace

import pytest
import torch
import transformers

from course_lib import Transformer, TransformerConfig, presets
from course_lib.tasks import TaskModel, make_head
from course_lib.weights import load_head, save_pretrained

SMALL = {"vocab_size": 40, "d_model": 16, "n_heads": 2, "max_seq_len": 16}
ENCODER = {**SMALL, "n_encoder_layers": 2}
DECODER = {**SMALL, "n_decoder_layers": 2}
BOTH = {**ENCODER, **DECODER}
LABELS = ["no", "maybe", "yes"]
KINDS = {
    "sequence": "SequenceClassification",
    "tokens": "TokenClassification",
    "span": "QuestionAnswering",
}
CASES = [
    *(("bert-base", "Bert", ENCODER, kind) for kind in KINDS),
    *(("roberta-base", "Roberta", ENCODER, kind) for kind in KINDS),
    *(("gpt2", "GPT2", DECODER, kind) for kind in KINDS),
    ("gpt1", "OpenAIGPT", DECODER, "sequence"),
    *(("bloom", "Bloom", DECODER, kind) for kind in KINDS),
    *(("llama-7b", "Llama", {**DECODER, "d_ff": 32}, kind) for kind in KINDS),
    *(("bart-base", "Bart", BOTH, kind) for kind in ("sequence", "span")),
    *(("t5-small", "T5", {**BOTH, "d_head": 8, "d_ff": 32}, kind) for kind in ("sequence", "span")),
]


def tuned(preset: str, sizes: dict, kind: str) -> TaskModel:
    config = replace(presets[preset], **sizes, dropout=0.0)
    generator = torch.Generator().manual_seed(0)
    model = Transformer(config, generator=generator)
    head = make_head(config, kind, len(LABELS), generator=generator)
    with torch.no_grad():
        for parameter in [*model.parameters(), *head.parameters()]:
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    model.published_fields = {"pad_token_id": 1, "eos_token_id": 3, "decoder_start_token_id": 1}
    return TaskModel(model, head).eval()


@pytest.mark.parametrize(("preset", "name", "sizes", "kind"), CASES)
def test_the_reference_library_computes_the_same(tmp_path, preset, name, sizes, kind) -> None:
    ours = tuned(preset, sizes, kind)
    labels = [] if kind == "span" else LABELS
    save_pretrained(ours.model, tmp_path, head=ours.head, head_kind=kind, labels=labels)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["architectures"] == [f"{name}For{KINDS[kind]}"]
    theirs = getattr(transformers, f"{name}For{KINDS[kind]}").from_pretrained(tmp_path).eval()
    ids = torch.randint(4, 40, (2, 6), generator=torch.Generator().manual_seed(1))
    ids[:, -1] = 3  # the end: BART and T5 read a text's label there
    more = {"source": ids} if sizes.keys() >= BOTH.keys() else {}
    inputs = torch.cat((torch.full((2, 1), 1), ids[:, :-1]), 1) if more else ids
    with torch.no_grad():
        found = theirs(input_ids=ids)
        logits = ours(inputs, **more)
    if kind == "span":
        wanted = torch.stack((found.start_logits, found.end_logits), 1)
    else:
        wanted = found.logits if kind == "tokens" else found.logits[:, None]
    largest = max(1.0, wanted.abs().max().item())
    torch.testing.assert_close(logits, wanted, atol=1e-5 * largest, rtol=0)
    if labels:
        assert [theirs.config.id2label[n] for n in range(3)] == LABELS


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_back_whole(tmp_path, kind: str) -> None:
    ours = tuned("bert-base", ENCODER, kind)
    labels = [] if kind == "span" else LABELS
    save_pretrained(ours.model, tmp_path, head=ours.head, head_kind=kind, labels=labels)
    back = TaskModel(Transformer.from_pretrained(tmp_path), load_head(tmp_path, kind))
    for name, tensor in ours.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("preset", "sizes", "made", "kind", "labels", "message"),
    [
        ("bert-base", ENCODER, "tokens", "word", LABELS, "head_kind='word': heads of bert files"),
        ("bart-base", BOTH, "tokens", "tokens", LABELS, "heads of bart files are sequence, span"),
        ("gpt1", DECODER, "span", "span", [], "heads of openai-gpt files are sequence"),
        ("bert-base", ENCODER, "tokens", "tokens", LABELS[:2], "labels must be 3, .* got 2"),
        ("bert-base", ENCODER, "span", "span", LABELS, "labels must be none for a span"),
        (
            "bert-base",
            ENCODER,
            "tokens",
            "sequence",
            LABELS,
            r"has .*dense.*, this one",
        ),
    ],
)
def test_what_a_file_cannot_hold_is_refused(
    tmp_path, preset, sizes, made, kind, labels, message
) -> None:
    ours = tuned(preset, sizes, made)
    with pytest.raises(ValueError, match=message):
        save_pretrained(ours.model, tmp_path / "a", head=ours.head, head_kind=kind, labels=labels)
    assert not (tmp_path / "a").exists()


def test_labels_without_a_head_are_refused(tmp_path) -> None:
    model = Transformer(TransformerConfig(**ENCODER))
    with pytest.raises(ValueError, match="head=None"):
        save_pretrained(model, tmp_path / "a", labels=LABELS)
