"""Record what pre-training is worth for translation of real text, on the Debian handbook.

    apt-get download debian-handbook && dpkg -x debian-handbook_*.deb handbook
    python -m book._tools.real_translation handbook/usr/share/doc/debian-handbook/html

Chapter 16 shows what this wrote; no page needs the book, which is free (GPL 2 or later, or
CC BY-SA 3.0) and lies in many languages with the same paragraphs on the same pages.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from resiliparse.parse.html import HTMLTree

from book._tools.paths import ROOT, CommandError, command
from book._tools.records import write_record
from course_lib import Transformer, TransformerConfig
from course_lib.data import batches
from course_lib.objectives import IGNORE, denoising_example
from course_lib.objectives.denoising import infill
from course_lib.tasks import METRICS, Encoder, TextPair, answer, encode_items, fine_tune
from course_lib.tokenizers import WordPiece
from course_lib.training import adamw, train, warmup_cosine

TARGET = ROOT / "course_lib" / "figures" / "recorded" / "16_handbook.json"
LANGUAGES = ("en-US", "de-DE")
VOCABULARY = 2000
LONGEST = 32  # tokens of a sentence
SENTENCE_END = re.compile(r"(?<=[.!?:]) (?=[A-Z„“])")
N_PAIRS = (400, 1600)
UPDATES = (1500, 300)  # of pre-training, of tuning
RUNS = ((0, 1), (1, 1), (2, 1), (0, 2))  # seed, budget of pre-training


def paragraphs(page: Path) -> list[str]:
    """Read the paragraphs of a page, each on one line."""
    body = HTMLTree.parse_from_bytes(page.read_bytes(), "utf-8").body
    return [" ".join(part.text.split()) for part in body.query_selector_all("div.para")]


def aligned(folder: Path) -> Iterator[tuple[bool, TextPair]]:
    """Give the sentences at the same place of both languages, and if their page is held out.

    A paragraph counts where it has as many sentences in one language as in the other.
    """
    pages = [
        sorted(path.name for path in (folder / language).glob("*.html")) for language in LANGUAGES
    ]
    if not pages[0] or pages[0] != pages[1]:
        raise CommandError(f"{folder} must hold {LANGUAGES} with the same pages")
    for i, page in enumerate(pages[0]):
        english, german = (paragraphs(folder / language / page) for language in LANGUAGES)
        if len(english) != len(german):
            continue
        for both in zip(english, german, strict=True):
            sources, targets = (SENTENCE_END.split(text) for text in both)
            if both[0] != both[1] and len(sources) == len(targets):
                for pair in map(TextPair, sources, targets):
                    yield i % 8 == 0, pair


def model_of(vocab_size: int) -> TransformerConfig:
    """Say the shape of the models that are compared."""
    return TransformerConfig(
        vocab_size=vocab_size,
        d_model=128,
        n_heads=4,
        n_encoder_layers=2,
        n_decoder_layers=2,
        max_seq_len=2 * LONGEST,
        position="relative",
        norm="rms",
    )


def measure(
    learned: list[TextPair], new: list[TextPair], seed: int, budget: int
) -> dict[str, float]:
    """Tune on some of the pairs, from scratch and after denoising; score on new pages."""
    texts = [text for pair in learned for text in (pair.source, pair.target)]
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    tokenizer = WordPiece.train(texts, VOCABULARY, special_tokens=special)
    pad, end, mask = (tokenizer.special_id(name) for name in ("[PAD]", "[SEP]", "[MASK]"))
    config = model_of(tokenizer.vocab_size)
    encoder = replace(Encoder.of(tokenizer, config), before=())

    def fits(pair: TextPair) -> bool:
        return max(len(tokenizer.encode(text)) for text in (pair.source, pair.target)) <= LONGEST

    pairs, asked = list(filter(fits, learned)), list(filter(fits, new))[:: len(new) // 200][:200]
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed)).tolist()
    pairs = [pairs[i] for i in order]

    def untrained() -> Transformer:
        return Transformer(config, generator=torch.Generator().manual_seed(seed))

    ids = [[*tokenizer.encode(text)[:LONGEST], end] for text in texts]
    rows = torch.full((len(ids), LONGEST + 1), IGNORE)
    for row, one in zip(rows, ids, strict=True):
        row[: len(one)] = torch.tensor(one)
    noise = partial(infill, mask_id=mask, rate=0.3, mean_span=3.0)
    steps = UPDATES[0] * budget
    denoised = untrained()
    train(
        denoised,
        batches(rows, 16, generator=torch.Generator().manual_seed(seed)),
        optimizer=adamw(denoised, lr=2e-3),
        schedule=warmup_cosine(steps=steps, warmup=100),
        steps=steps,
        seed=seed,
        objective=partial(denoising_example, noises=[noise], start_id=end, pad_id=pad),
    )
    outcome: dict[str, float] = {}
    for n in N_PAIRS:
        for name, first in (("from scratch", untrained()), ("denoising first", denoised)):
            model = Transformer(config, generator=torch.Generator())
            model.load_state_dict(first.state_dict())
            examples = encode_items(pairs[:n], encoder)
            fine_tune(model, examples, steps=UPDATES[1], lr=1e-3, seed=seed)
            said = [str(text) for text in answer(model, asked, encoder, max_new_tokens=LONGEST)]
            right = [pair.target for pair in asked]
            for score in ("chrf", "bleu"):
                value = round(METRICS[score](right, said), 4)
                outcome[f"{n} pairs, {name}: {score}"] = value
            print(outcome, asked[0].source, right[0], said[0], sep="\n", flush=True)
    return outcome


def main() -> int:
    """Measure on the unpacked handbook and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="html folder of the unpacked package")
    found = list(aligned(parser.parse_args().folder))
    learned, new = ([pair for out, pair in found if out == held] for held in (False, True))
    print(f"{len(learned)} pairs to learn from, {len(new)} on other pages")
    rows = []
    for seed, budget in RUNS:
        rows.append({"seed": seed, "budget": budget, **measure(learned, new, seed, budget)})
    facts = {
        "text": "The Debian Administrator's Handbook 11, English to German",
        "pairs": len(learned),
        "words": len({word for pair in learned for word in f"{pair.source} {pair.target}".split()}),
        "held out": len(new),
        "parameters": model_of(VOCABULARY).n_parameters(),
        "rows": rows,
    }
    write_record(TARGET, "python -m book._tools.real_translation FOLDER", facts)
    return 0


if __name__ == "__main__":
    command(main)
