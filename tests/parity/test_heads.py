"""Task heads on hidden states, against the reference library's models of those tasks."""

import pytest
import torch
import transformers as hf

from course_lib.model.heads import (
    NextSentenceHead,
    Pooler,
    SequenceClassifier,
    SpanHead,
    TokenClassifier,
)

BERT = {
    "vocab_size": 61,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 24,
    "pad_token_id": 1,
}


@pytest.fixture
def task(pair, monkeypatch):
    """Pair our encoder with a reference model of another task on the same backbone."""

    def make(reference, family="bert"):
        made = pair(family)
        with torch.no_grad():
            for parameter in reference.parameters():
                spread = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(7))
                parameter.copy_(spread * 0.25)
        backbone = made.reference.base_model.state_dict()
        missing = reference.base_model.load_state_dict(backbone, strict=False)
        assert not missing.unexpected_keys and all("pooler" in n for n in missing.missing_keys)
        reference.eval()
        inputs = dict(made.ours_inputs)
        tokens = inputs.pop("tokens")
        with torch.no_grad():
            run = made.ours.encode if family != "gpt2" else made.ours.decode
            hidden = run(tokens, **inputs)
            theirs = reference(**made.reference_inputs)
        return reference, hidden, made.keep, theirs

    return make


def load(module, *pairs):
    for ours, theirs in pairs:
        ours.load_state_dict(theirs.state_dict())
    return module.eval()


def check(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-5 * max(1, theirs.abs().max().item()), rtol=0)


def test_pooler_and_next_sentence(task):
    reference, hidden, _, theirs = task(hf.BertForPreTraining(hf.BertConfig(**BERT)))
    pooler, head = Pooler(32), NextSentenceHead(32)
    load(pooler, (pooler.dense, reference.bert.pooler.dense))
    load(head, (head.output, reference.cls.seq_relationship))
    check(head(pooler(hidden)), theirs.seq_relationship_logits)


def test_sequence_classification_of_bert(task):
    config = hf.BertConfig(**BERT, num_labels=3)
    reference, hidden, keep, theirs = task(hf.BertForSequenceClassification(config))
    head = SequenceClassifier(32, 3)
    load(head, (head.dense, reference.bert.pooler.dense), (head.output, reference.classifier))
    check(head(hidden, keep), theirs.logits)


def test_sequence_classification_of_gpt2_reads_the_last_real_token(task):
    config = hf.GPT2Config(
        vocab_size=61, n_embd=32, n_layer=2, n_head=4, n_positions=24, num_labels=3, pad_token_id=1
    )
    reference, hidden, keep, theirs = task(hf.GPT2ForSequenceClassification(config), "gpt2")
    head = SequenceClassifier(32, 3, last=True, dense=False, bias=False)
    load(head, (head.output, reference.score))
    check(head(hidden, keep), theirs.logits)
    whole = head(hidden)  # without keep, the last slot is the last token
    check(whole[0], theirs.logits[0])
    assert not torch.allclose(whole[1], theirs.logits[1])


def test_token_classification(task):
    config = hf.BertConfig(**BERT, num_labels=5)
    reference, hidden, keep, theirs = task(hf.BertForTokenClassification(config))
    head = TokenClassifier(32, 5)
    load(head, (head.output, reference.classifier))
    check(head(hidden)[keep], theirs.logits[keep])


def test_span_for_question_answering(task):
    reference, hidden, keep, theirs = task(hf.BertForQuestionAnswering(hf.BertConfig(**BERT)))
    head = SpanHead(32)
    load(head, (head.output, reference.qa_outputs))
    start, end = head(hidden, keep)
    check(start[keep], theirs.start_logits[keep])
    check(end[keep], theirs.end_logits[keep])
    assert (start[~keep] == -torch.inf).all() and (head(hidden)[0] > -torch.inf).all()
