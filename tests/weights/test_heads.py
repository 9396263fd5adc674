"""Task heads of published checkpoints give the reference library's answers."""

import pytest
import torch
import transformers as hf

from course_lib import Transformer
from course_lib.weights import load_head


def randomise(reference):
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            middle = float(parameter.ndim == 1 and name.endswith("weight"))
            parameter.copy_(middle + torch.randn(parameter.shape, generator=generator) * 0.25)


@pytest.fixture
def task(tiny, tmp_path):
    """Save a reference model of a task on a pair's backbone; returns both sides' outputs."""

    def make(family, kind, **options):
        pair, folder = tiny(family)
        config = type(pair.reference.config).from_pretrained(folder.path, pad_token_id=1, **options)
        reference = getattr(hf, kind)(config).eval()
        randomise(reference)
        place = tmp_path / "task"
        reference.save_pretrained(place)
        ours = Transformer.from_pretrained(place)
        inputs = dict(pair.ours_inputs)
        read = ours.decode if ours.has_decoder else ours.encode
        with torch.no_grad():
            hidden = read(inputs.pop("tokens"), **inputs)
            theirs = reference(**pair.reference_inputs)
        return place, hidden, pair.keep, theirs

    return make


EOS = 2


@pytest.fixture
def reread(tiny, tmp_path):
    """As `task` for an encoder-decoder: one text on both sides, the decoder's shifted right."""

    def make(family, kind, **options):
        pair, folder = tiny(family)
        options |= {"eos_token_id": EOS, "decoder_start_token_id": 1}
        config = type(pair.reference.config).from_pretrained(folder.path, **options)
        reference = getattr(hf, kind)(config).eval()
        randomise(reference)
        place = tmp_path / "task"
        reference.save_pretrained(place)
        ours = Transformer.from_pretrained(place)
        source, keep = pair.ours_inputs["source"].clone(), pair.ours_inputs["source_keep"]
        assert not (source == EOS).any()
        source[torch.arange(len(source)), keep.sum(-1) - 1] = EOS
        target = torch.cat((torch.full((len(source), 1), 1), source[:, :-1]), dim=1)
        with torch.no_grad():
            memory = ours.encode(source, keep)
            hidden = ours.decode(target, memory, keep=keep, memory_keep=keep)
            theirs = reference(input_ids=source, attention_mask=keep.long())
        return place, hidden, keep, theirs

    return make


READ_TWICE = [("bart", "Bart"), ("t5", "T5"), ("t5-v1.1", "T5")]


@pytest.mark.parametrize(("family", "name"), READ_TWICE)
def test_sequence_of_an_encoder_decoder(reread, family, name):
    place, hidden, keep, theirs = reread(family, f"{name}ForSequenceClassification", num_labels=3)
    head = load_head(place, "sequence")
    check(head(hidden, keep), theirs.logits)
    assert not torch.allclose(head(hidden)[1:], theirs.logits[1:], atol=1e-3)  # planted: padding


@pytest.mark.parametrize(("family", "name"), READ_TWICE)
def test_span_of_an_encoder_decoder(reread, family, name):
    place, hidden, keep, theirs = reread(family, f"{name}ForQuestionAnswering")
    start, end = load_head(place, "span")(hidden, keep)
    check(start[keep], theirs.start_logits[keep])
    check(end[keep], theirs.end_logits[keep])


def test_an_untied_backbone_needs_no_head_of_its_own(tiny):
    """Files of tasks leave out the matrix of a head that their config says is untied."""
    for family, head in (
        ("llama", "score.weight"),
        ("t5-v1.1", "classification_head.dense.weight"),
    ):
        _, folder = tiny(family)
        folder.set(tie_word_embeddings=False, scale_decoder_outputs=...)
        tensors = folder.tensors
        del tensors["lm_head.weight"]
        folder.write({**tensors, head: torch.zeros(3, 32)})
        assert Transformer.from_pretrained(folder.path).config.tie_embeddings
        folder.write(tensors)
        with pytest.raises(ValueError, match=r"tie_word_embeddings=False, but there is no lm_head"):
            Transformer.from_pretrained(folder.path)


def check(ours, theirs):
    largest = theirs.abs().max().item()
    torch.testing.assert_close(ours, theirs, atol=1e-5 * max(1, largest), rtol=0)


def test_pooler_and_next_sentence(task):
    place, hidden, _, theirs = task("bert", "BertForPreTraining")
    pooled = load_head(place, "pooler")(hidden)
    check(load_head(place, "next_sentence")(pooled), theirs.seq_relationship_logits)


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("bert", "BertForSequenceClassification"),
        ("roberta", "RobertaForSequenceClassification"),
        ("gpt2", "GPT2ForSequenceClassification"),
        ("gpt1", "OpenAIGPTForSequenceClassification"),
        ("bloom", "BloomForSequenceClassification"),
        ("llama", "LlamaForSequenceClassification"),
        ("llama-3.1", "LlamaForSequenceClassification"),
        ("llama-3.2", "LlamaForSequenceClassification"),
    ],
)
def test_sequence(task, family, kind):
    place, hidden, keep, theirs = task(family, kind, num_labels=3)
    head = load_head(place, "sequence")
    assert not head.training
    check(head(hidden, keep), theirs.logits)


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("bert", "BertForTokenClassification"),
        ("roberta", "RobertaForTokenClassification"),
        ("gpt2", "GPT2ForTokenClassification"),
        ("bloom", "BloomForTokenClassification"),
        ("llama-3", "LlamaForTokenClassification"),
    ],
)
def test_tokens(task, family, kind):
    place, hidden, keep, theirs = task(family, kind, num_labels=5)
    check(load_head(place, "tokens")(hidden)[keep], theirs.logits[keep])


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("bert", "BertForQuestionAnswering"),
        ("roberta", "RobertaForQuestionAnswering"),
        ("gpt2", "GPT2ForQuestionAnswering"),
        ("bloom", "BloomForQuestionAnswering"),
        ("llama", "LlamaForQuestionAnswering"),
        ("llama-3", "LlamaForQuestionAnswering"),
    ],
)
def test_span(task, family, kind):
    place, hidden, keep, theirs = task(family, kind)
    start, end = load_head(place, "span")(hidden, keep)
    check(start[keep], theirs.start_logits[keep])
    check(end[keep], theirs.end_logits[keep])


def test_bad_input(tiny):
    _, folder = tiny("bert")
    with pytest.raises(ValueError, match="kind='summary': heads of bert files are: next_sentence"):
        load_head(folder.path, "summary")
    with pytest.raises(ValueError, match=r"no qa_outputs\.weight, so no head kind='span'"):
        load_head(folder.path, "span")
    tensors = folder.tensors
    wrong = {"qa_outputs.weight": torch.zeros(3, 32), "qa_outputs.bias": torch.zeros(3)}
    folder.write({**tensors, **wrong})
    with pytest.raises(ValueError, match=r"qa_outputs\.weight has shape \(3, 32\).*\(2, 32\)"):
        load_head(folder.path, "span")
    folder.write({**tensors, "qa_outputs.weight": torch.zeros(2, 32)})
    with pytest.raises(ValueError, match=r"qa_outputs\.bias is missing"):
        load_head(folder.path, "span")
