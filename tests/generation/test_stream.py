"""Streaming: joined chunks equal the whole, no half characters, stop strings across tokens."""

import io
from os.path import commonprefix

import pytest
import sentencepiece
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import Transformer, TransformerConfig, generate
from course_lib.generation.constraints import allow_only
from course_lib.generation.processors import temperature
from course_lib.generation.stream import Detokenizer, StopStrings, stream
from course_lib.tokenizers import ByteLevelBPE, SentencePieceModel, Unigram, WordPiece

TOKENIZER = ByteLevelBPE.train(["stop here, stop there, top of the last stop"] * 3, 273)
CONFIG = TransformerConfig(
    vocab_size=273, d_model=16, n_heads=2, max_seq_len=64, n_decoder_layers=1, tie_embeddings=False
)
MODEL = Transformer(CONFIG, generator=torch.Generator().manual_seed(0)).eval()


class Pieces:
    """A tokenizer whose tokens are the given strings."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces

    def encode(self, text: str) -> list[int]:
        raise NotImplementedError

    def decode(self, ids: list[int]) -> str:
        return "".join(self.pieces[i] for i in ids)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.text(max_size=20), st.lists(st.integers(0, 272), max_size=20))
def test_joined_chunks_are_the_whole_text(text: str, noise: list[int]) -> None:
    for ids in (TOKENIZER.encode(text), noise, TOKENIZER.encode(text) + noise):
        unrolled = Detokenizer(TOKENIZER)
        chunks = [unrolled.push(i) for i in ids]
        assert "".join(chunks) + unrolled.finish() == TOKENIZER.decode(ids)


def test_no_chunk_holds_half_a_character() -> None:
    text = "né 日本 🙂!"
    ids = TOKENIZER.encode(text)
    assert len(ids) > len(text)  # so that characters are cut
    unrolled = Detokenizer(TOKENIZER)
    chunks = [unrolled.push(i) for i in ids]
    assert "".join(chunks) == text
    assert not any("\ufffd" in chunk for chunk in chunks)
    assert "🙂" in chunks


def test_a_character_that_never_completes_comes_out_at_the_end() -> None:
    unrolled = Detokenizer(TOKENIZER)
    half = TOKENIZER.encode("🙂")[:2]
    assert [unrolled.push(i) for i in half] == ["", ""]
    assert unrolled.finish() == TOKENIZER.decode(half) != ""


@pytest.mark.parametrize(
    ("pieces", "met"),
    [
        (("stop",), True),
        (("la", "st", "op"), True),
        (("s", "topper"), True),
        (("don't s", "to", "p it"), True),
        (("<|im", "_e", "nd|>"), True),
        (("the", " ", "e", " nd"), True),
        (("se", "nd"), False),
        (("the", " e", "nd of"), False),
        (("st", "ep"), False),
        (("top", "s"), False),
        (("s", "t", "o"), False),
        (("<|im_", "end", "|"), False),
        ((), False),
    ],
)
def test_stop_strings_may_cross_tokens(pieces: tuple[str, ...], met: bool) -> None:
    stops = StopStrings(Pieces(*pieces), ["<|im_end|>", "stop", "e nd"])
    assert stops(list(range(len(pieces)))) is met


def test_streaming_holds_back_what_may_become_a_stop_string() -> None:
    tokenizer = Pieces("one s", "to", "re, two", " st", "op", " three")
    unrolled = Detokenizer(tokenizer, StopStrings(tokenizer, ["stop"]))
    chunks = [unrolled.push(i) for i in range(6)]
    assert chunks == ["one ", "", "store, two", " ", "", ""]
    assert unrolled.finish() == ""


def test_a_stop_string_that_never_comes_loses_nothing() -> None:
    tokenizer = Pieces("al", "mo", "st")
    unrolled = Detokenizer(tokenizer, StopStrings(tokenizer, ["stop", "most of all"]))
    chunks = [unrolled.push(i) for i in range(3)]
    assert "".join(chunks) + unrolled.finish() == "almost"


def test_generate_stops_at_a_string_and_keeps_its_tokens() -> None:
    prompt = torch.tensor([TOKENIZER.encode("stop")])
    options = {"max_new_tokens": 30, "processors": [temperature(0.5)], "sample": True}
    free = generate(MODEL, prompt, generator=torch.Generator().manual_seed(3), **options)
    whole = TOKENIZER.decode(free.tokens[0])
    word = whole[8:11]
    stops = StopStrings(TOKENIZER, [word])
    out = generate(MODEL, prompt, generator=torch.Generator().manual_seed(3), stop=stops, **options)
    text = TOKENIZER.decode(out.tokens[0, : int(out.lengths[0])])
    assert word in text and whole.startswith(text) and len(text) < len(whole)
    chunks = list(
        stream(
            MODEL, TOKENIZER, "stop", stop=[word], generator=torch.Generator().manual_seed(3),
            **options,
        )
    )  # fmt: skip
    assert "".join(chunks) == stops.cut(text)
    assert all(chunks)


def test_stream_equals_generate_and_leaves_out_the_end_token() -> None:
    prompt = torch.tensor([TOKENIZER.encode("the last")])
    free = generate(MODEL, prompt, max_new_tokens=25).tokens[0]
    assert "".join(stream(MODEL, TOKENIZER, "the last", max_new_tokens=25)) == TOKENIZER.decode(
        free
    )
    end = int(free[7])
    n = free.tolist().index(end)
    ended = "".join(stream(MODEL, TOKENIZER, "the last", max_new_tokens=25, eos_id=end))
    assert ended == TOKENIZER.decode(free[:n])


def test_bad_arguments_are_named_before_the_first_chunk() -> None:
    with pytest.raises(ValueError, match="max_seq_len=64"):
        stream(MODEL, TOKENIZER, "the", max_new_tokens=99)
    with pytest.raises(ValueError, match="prompt got ''"):
        stream(MODEL, TOKENIZER, "", max_new_tokens=9)
    with pytest.raises(ValueError, match="none of them empty"):
        StopStrings(TOKENIZER, ["a", ""])
    with pytest.raises(TypeError, match="wants a list"):
        StopStrings(TOKENIZER, "stop")


# -- the seam between prompt and completion

TEXTS = ["the boat and the oar, and the river's end! the boat don't float. and so on? it 's"] * 3


def sentencepiece_model(**options) -> SentencePieceModel:
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 5), model_writer=written, hard_vocab_limit=False,
        minloglevel=2, num_threads=1, **options,
    )  # fmt: skip
    return SentencePieceModel(written.getvalue())


KINDS = {
    "byte BPE": TOKENIZER,
    "Unigram": Unigram.train(TEXTS, 60),
    "Unigram with bytes": Unigram.train(TEXTS, 320, byte_fallback=True),
    "WordPiece": WordPiece.train(TEXTS, 60),
    "SentencePiece": sentencepiece_model(vocab_size=60),
    "SentencePiece BPE": sentencepiece_model(vocab_size=320, model_type="bpe", byte_fallback=True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", ["the boat", "the boat and", "and the river '", "a", "é"])
def test_prompt_and_chunks_are_the_text_of_all(kind: str, start: str) -> None:
    tokenizer = KINDS[kind]
    before = tokenizer.encode(start)
    generator = torch.Generator().manual_seed(0)
    completions = [tokenizer.encode(text) for text in ("and the oar!", "'s end", "é日", "s, and")]
    completions += torch.randint(0, tokenizer.vocab_size, (20, 8), generator=generator).tolist()
    for ids in completions:
        typed = Detokenizer(tokenizer, before=before)
        chunks = [typed.push(i) for i in ids] + [typed.finish()]
        whole, prompt = tokenizer.decode([*before, *ids]), tokenizer.decode(before)
        assert commonprefix([prompt, whole]) + "".join(chunks) == whole
        if not prompt.endswith("\ufffd"):
            assert whole.startswith(prompt)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_string_may_begin_with_the_blank_at_the_seam(kind: str) -> None:
    tokenizer = KINDS[kind]
    before, ids = tokenizer.encode("the boat"), tokenizer.encode("the boat and the oar")
    added = ids[len(before) :]
    stop = StopStrings(tokenizer, [" and"], before)
    met = [stop(added[: n + 1]) for n in range(len(added))]
    assert met[-1] and met == sorted(met)
    typed = Detokenizer(tokenizer, stop, before)
    assert "".join(typed.push(i) for i in added) + typed.finish() == ""
    config = TransformerConfig(
        vocab_size=tokenizer.vocab_size, d_model=8, n_heads=2, max_seq_len=32, n_decoder_layers=1
    )
    model = Transformer(config, generator=torch.Generator().manual_seed(0)).eval()
    steps = [allow_only(lambda row, text: [*ids, *ids][len(text)])]
    written = "".join(stream(model, tokenizer, "the boat", max_new_tokens=8, processors=steps))
    assert written.startswith(" and")
    assert not list(
        stream(model, tokenizer, "the boat", max_new_tokens=8, processors=steps, stop=[" and"])
    )


def test_an_ending_that_could_become_a_stop_string_is_held_back() -> None:
    stops = StopStrings(TOKENIZER, ["stop", "o!"])
    for text, safe in (
        ("one st", "one "),
        ("one sto", "one "),
        ("no", "n"),
        ("one", "one"),
        ("", ""),
    ):
        assert stops.safe(text) == safe
    assert stops.safe("stop") == "stop", "that is for `cut`"
    assert stops.cut("to stop: o!") == "to " and stops.cut("so! stop") == "s"
    assert stops.cut("so") == "so"
