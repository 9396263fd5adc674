"""From made files to pre-training, tuning and the reference library, each by its one command."""

import json
from pathlib import Path

import pytest
import torch
import transformers

import course_lib
from course_lib.tasks import LabelledText, TaggedWords
from course_lib.tasks.cli import main as tune
from course_lib.tasks.files import read_items
from course_lib.tasks.made.__main__ import main as make
from course_lib.tasks.saved import load_tuned
from course_lib.training.__main__ import Tokenizers
from course_lib.training.cli import main as pretrain

TINY = ("vocab_size=800", "d_model=16", "n_heads=2", "max_seq_len=24", "dropout=0.0")
ENCODER = (*TINY, "n_encoder_layers=1")
WAYS = [
    ("sentiment", "bert-base", ENCODER, "BertForSequenceClassification"),
    ("entities", "roberta-base", (*ENCODER, "position_pad_id=0", "position_offset=1"),
     "RobertaForTokenClassification"),
    ("word-classes", "bert-base", ENCODER, "BertForTokenClassification"),
    ("word-classes", "gpt2", (*TINY, "n_decoder_layers=1"), "GPT2ForTokenClassification"),
    ("sentiment", "gpt2", (*TINY, "n_decoder_layers=1"), "GPT2ForSequenceClassification"),
    ("learned", "gpt2", (*TINY, "n_decoder_layers=1"), "GPT2ForSequenceClassification"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "preset", "settings", "reference"), WAYS)
def test_what_was_tuned_is_read_by_the_reference_library(
    tmp_path: Path, name: str, preset: str, settings: tuple[str, ...], reference: str
) -> None:
    made, run, out = (tmp_path / part for part in ("made", "run", "out"))
    learned, name = name == "learned", name.replace("learned", "sentiment")
    make([name, "--output", str(made), "--texts", "60", "--train", "8", "--test", "6"])
    words = ["--preset", preset, *(w for s in settings for w in ("--set", s)), "--quiet"]
    words += ["--data", str(made / "texts.txt"), "--steps", "2"]
    words += ["--vocab-size", "300"] if learned else ["--tokenizer", str(made)]
    given = {"presets": course_lib.presets, "tokenizer": Tokenizers}
    assert pretrain([*words, "--output", str(run)], **given) == 0
    words = [name, "--checkpoint", str(run), "--steps", "2", "--quiet", "--output", str(out)]
    words += ["--data", str(made / "train.jsonl"), "--test", str(made / "test.jsonl")]
    assert tune(words) == 0

    tuned = load_tuned(out)
    theirs = getattr(transformers, reference).from_pretrained(out).eval()
    kind = LabelledText if name == "sentiment" else TaggedWords
    for item in read_items(made / "test.jsonl", kind):
        ids = torch.tensor([tuned.encoder.cut(item.text)[0]])
        with torch.no_grad():
            ours, wanted = tuned.model(ids), theirs(input_ids=ids).logits
        wanted = wanted if wanted.ndim == 3 else wanted[:, None]
        torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=0)
    labels = json.loads((out / "config.json").read_text())["id2label"]
    assert [labels[str(number)] for number in range(len(labels))] == list(tuned.labels)


def test_a_translation_is_written_by_the_reference_library_too(tmp_path: Path) -> None:
    made, run, out = (tmp_path / part for part in ("made", "run", "out"))
    make(["translation", "--output", str(made), "--texts", "60", "--train", "8", "--test", "4"])
    settings = (*ENCODER, "n_decoder_layers=1")
    words = ["--preset", "bart-base", *(w for s in settings for w in ("--set", s)), "--quiet"]
    words += ["--data", str(made / "texts.txt"), "--tokenizer", str(made), "--steps", "2"]
    words += ["--objective", "denoising", "--output", str(run)]
    assert pretrain(words, presets=course_lib.presets, tokenizer=Tokenizers) == 0
    words = ["translation", "--checkpoint", str(run), "--steps", "20", "--quiet", "--lr", "0.01"]
    words += ["--data", str(made / "train.jsonl"), "--test", str(made / "test.jsonl")]
    assert tune([*words, "--max-new-tokens", "6", "--output", str(out)]) == 0

    tuned = load_tuned(out)
    theirs = transformers.BartForConditionalGeneration.from_pretrained(out).eval()
    told = [json.loads(line)["answer"] for line in (out / "answers.jsonl").read_text().splitlines()]
    records = [json.loads(line) for line in (made / "test.jsonl").read_text().splitlines()]
    for answer, record in zip(told, records, strict=True):
        ids = torch.tensor([tuned.encoder.frame(record["source"])])
        written = theirs.generate(
            ids, max_new_tokens=6, num_beams=1, do_sample=False, forced_eos_token_id=None
        )
        assert tuned.encoder.tokenizer.decode(written[0], skip_special=True).strip() == answer
