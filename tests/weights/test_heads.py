"""Task heads of published checkpoints give the reference library's answers."""

import pytest
import torch
import transformers as hf

from course_lib import Transformer
from course_lib.weights import load_head


@pytest.fixture
def task(tiny, tmp_path):
    """Save a reference model of a task on a pair's backbone; returns both sides' outputs."""

    def make(family, kind, **options):
        pair, folder = tiny(family)
        config = type(pair.reference.config).from_pretrained(folder.path, pad_token_id=1, **options)
        reference = getattr(hf, kind)(config).eval()
        generator = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for parameter in reference.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.25)
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
        ("bloom", "BloomForSequenceClassification"),
    ],
)
def test_sequence(task, family, kind):
    place, hidden, keep, theirs = task(family, kind, num_labels=3)
    head = load_head(place, "sequence")
    assert not head.training
    check(head(hidden, keep), theirs.logits)


@pytest.mark.parametrize(
    ("family", "kind"),
    [("bert", "BertForTokenClassification"), ("roberta", "RobertaForTokenClassification")],
)
def test_tokens(task, family, kind):
    place, hidden, keep, theirs = task(family, kind, num_labels=5)
    check(load_head(place, "tokens")(hidden)[keep], theirs.logits[keep])


@pytest.mark.parametrize(
    ("family", "kind"),
    [("bert", "BertForQuestionAnswering"), ("roberta", "RobertaForQuestionAnswering")],
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
