"""Byte-level BPE against the Rust library and tiktoken: CPU time of one thread, in one run.

The file is not called `tokenizers.py`: a script's own folder comes first on the import path, and it
would hide the library of that name from itself and from its neighbours.
"""

import os

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import gc
import pydoc
import pydoc_data.topics
import time
from collections.abc import Callable

import _measure
import tiktoken
import tokenizers as rust

from course_lib.tokenizers import ByteLevelBPE
from course_lib.tokenizers.pretokenize import PATTERNS

TEXTS = list(pydoc_data.topics.topics.values())
ROUNDS = 7


def interleaved(peers: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Best CPU seconds of each peer, taking turns so that a busy machine slows all alike."""
    best = dict.fromkeys(peers, float("inf"))
    for _ in range(rounds):
        for name, work in peers.items():
            gc.collect()
            start = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - start)
    return best


def train_rust(vocab_size: int) -> rust.Tokenizer:
    tokenizer = rust.Tokenizer(rust.models.BPE())
    tokenizer.pre_tokenizer = rust.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = rust.pre_tokenizers.ByteLevel.alphabet()
    trainer = rust.trainers.BpeTrainer(
        vocab_size=vocab_size, show_progress=False, initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def training() -> list[dict[str, object]]:
    rows = []
    for vocab_size in (1024, 4096):
        best = interleaved(
            {
                "course_lib": lambda n=vocab_size: ByteLevelBPE.train(TEXTS, n),
                "rust": lambda n=vocab_size: train_rust(n),
            }
        )
        rows.append(
            {
                "what": f"training, vocabulary {vocab_size}",
                **{f"{name} (s)": seconds for name, seconds in best.items()},
                "ratio": best["course_lib"] / best["rust"],
                "goal": "time of rust x 1.5 or less",
                "met": best["course_lib"] <= 1.5 * best["rust"],
            }
        )
    return rows


def encoding() -> list[dict[str, object]]:
    ours, theirs = ByteLevelBPE.train(TEXTS, 4096), train_rust(4096)
    ranks = {token: i for i, token in enumerate(ours.tokens)}
    fast = tiktoken.Encoding(
        "bench", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens={}
    )
    unseen = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted(Path(pydoc.__file__).parent.glob("[a-p]*.py"))
    )[:2_000_000]
    rows = []
    for name, text in {
        "the training text": "".join(TEXTS),
        "unseen Python sources": unseen,
    }.items():
        ids = ours.encode(text)
        assert ids == theirs.encode(text).ids == fast.encode_ordinary(text), "ids differ"
        megabytes = len(text.encode()) / 1e6

        def cold(text: str = text) -> None:
            ours.forget()
            ours.encode(text)

        seconds = interleaved(
            {
                "course_lib, first time": cold,
                "course_lib": lambda text=text: ours.encode(text),
                "rust": lambda text=text: theirs.encode(text),
                "rust without offsets": lambda text=text: theirs.encode_batch_fast([text]),
                "tiktoken": lambda text=text: fast.encode_ordinary(text),
            }
        )
        speed = {peer: megabytes / s for peer, s in seconds.items()}
        rows.append(
            {
                "what": f"encoding {name}, {megabytes:.1f} MB, vocabulary 4096",
                **{f"{peer} (MB/s)": value for peer, value in speed.items()},
                "ratio to rust": speed["course_lib"] / speed["rust"],
                "ratio to tiktoken": speed["course_lib"] / speed["tiktoken"],
                "ratio to rust without offsets": speed["course_lib"]
                / speed["rust without offsets"],
                "goal": "1.5 x rust (with offsets or without) and 0.25 x tiktoken, or more",
                "met": speed["course_lib"]
                >= max(1.5 * speed["rust without offsets"], speed["tiktoken"] / 4),
            }
        )
        decode = interleaved(
            {
                "course_lib": lambda ids=ids: ours.decode(ids),
                "rust": lambda ids=ids: theirs.decode(ids),
                "tiktoken": lambda ids=ids: fast.decode(ids),
            }
        )
        rows.append(
            {
                "what": f"decoding {name}",
                **{f"{peer} (MB/s)": megabytes / s for peer, s in decode.items()},
            }
        )
    return rows


def main() -> None:
    rows = training() + encoding()
    for row in rows:
        print(f"\n{row['what']}")
        for key, value in row.items():
            if key != "what":
                print(f"  {key:32} {f'{value:.2f}' if isinstance(value, float) else value}")
    versions = {"tokenizers": rust.__version__, "tiktoken": tiktoken.__version__}
    content = {"about": versions, "rows": rows}
    _measure.store(content, _measure.RESULTS / "tokenization.json")


if __name__ == "__main__":
    main()
