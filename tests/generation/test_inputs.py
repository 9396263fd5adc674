"""Whatever integers, masks and lengths a user has: taken, or refused by name, by every entry."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib import Transformer, TransformerConfig, generate
from course_lib.config import POSITIONS
from course_lib.generation import (
    LookupDraft,
    ModelDraft,
    Processor,
    beam_search,
    min_new_tokens,
    process,
    speculate,
    stream,
    temperature,
    top_k,
)
from course_lib.generation.speculative import Draft
from course_lib.prompting import score

CONFIG = TransformerConfig(
    vocab_size=19, d_model=16, n_heads=2, max_seq_len=16, n_decoder_layers=1, tie_embeddings=False
)
PROMPT = torch.tensor([[1, 2, 3], [4, 5, 6]])


def build(**fields) -> Transformer:
    model = Transformer(replace(CONFIG, **fields), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.head.weight.mul_(30)
    return model.eval()


MODEL, BOTH = build(), build(n_encoder_layers=1)


class Letters:
    """A tokenizer of single letters, a to s."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) - ord("a") for letter in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(ord("a") + i) for i in ids)


# -- end tokens and numbers


FREE = generate(MODEL, PROMPT, max_new_tokens=9)
END, OTHER = int(FREE.tokens[0, 4]), int(FREE.tokens[1, 2])
ONE = [np.int64(END), np.int16(END), np.uint8(END), torch.tensor(END), torch.tensor([END]), [END],
       (END,), np.array([END]), {END}, [np.int32(END)], [torch.tensor(END)]]  # fmt: skip


@pytest.mark.parametrize("ends", ONE, ids=repr)
def test_an_end_token_may_be_of_any_integer_type(ends) -> None:
    expected = generate(MODEL, PROMPT, max_new_tokens=9, eos_id=END)
    assert int(expected.lengths[0]) < 9
    out = generate(MODEL, PROMPT, max_new_tokens=9, eos_id=ends, pad_id=torch.tensor(END))
    assert torch.equal(out.tokens, expected.tokens)
    beams = beam_search(MODEL, PROMPT, n_beams=2, max_new_tokens=9, eos_id=ends)
    plain = beam_search(MODEL, PROMPT, n_beams=2, max_new_tokens=9, eos_id=END)
    assert torch.equal(beams.tokens, plain.tokens)
    for draft in (ModelDraft(MODEL), LookupDraft(19)):
        fast = speculate(MODEL, draft, PROMPT[:1], max_new_tokens=9, eos_id=ends)
        assert fast.tokens.tolist() == expected.tokens[0, : expected.lengths[0]].tolist()
    text = "".join(stream(MODEL, Letters(), "bcd", max_new_tokens=9, eos_id=ends))
    assert text == Letters().decode(expected.tokens[0, : expected.lengths[0] - 1].tolist())
    later = generate(
        MODEL, PROMPT, max_new_tokens=9, eos_id=END, processors=[min_new_tokens(7, ends)]
    )
    assert bool((later.lengths >= 7).all())


def test_several_end_tokens_everywhere() -> None:
    ends = [END, OTHER]
    out = generate(MODEL, PROMPT, max_new_tokens=9, eos_id=ends)
    assert out.lengths.tolist() == [
        next(i for i, t in enumerate(row) if t in ends) + 1 for row in FREE.tokens.tolist()
    ]
    fast = speculate(MODEL, ModelDraft(MODEL), PROMPT[:1], max_new_tokens=9, eos_id=ends)
    assert fast.tokens.tolist() == out.tokens[0, : out.lengths[0]].tolist()
    later = generate(
        MODEL, PROMPT, max_new_tokens=9, eos_id=ends, processors=[min_new_tokens(6, ends)]
    )
    assert bool((later.lengths > 6).all())


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("eos_id", [3.5], TypeError),
        ("eos_id", 3.0, TypeError),
        ("eos_id", True, TypeError),
        ("eos_id", "3", TypeError),
        ("eos_id", torch.tensor([3.0]), TypeError),
        ("eos_id", -1, ValueError),
        ("eos_id", [1, 19], ValueError),
        ("pad_id", 2.0, TypeError),
        ("pad_id", 19, ValueError),
        ("max_new_tokens", 3.0, TypeError),
        ("max_new_tokens", True, TypeError),
        ("max_new_tokens", -1, ValueError),
    ],
)
@pytest.mark.parametrize("write", [generate, beam_search], ids=lambda f: f.__name__)
def test_numbers_that_are_no_ids_are_refused(write, name, value, error) -> None:
    options = {"max_new_tokens": 3, name: value}
    if write is beam_search:
        options["n_beams"] = 2
    with pytest.raises(error, match=name):
        write(MODEL, PROMPT, **options)


def test_end_tokens_of_a_processor_are_checked() -> None:
    with pytest.raises(ValueError, match="min_new_tokens: eos_id got -1"):
        min_new_tokens(2, -1)
    with pytest.raises(TypeError, match=r"min_new_tokens[\s\S]*2\.5"):
        min_new_tokens(2.5, 1)
    for late in (0, 5):  # even when it would have no effect
        with pytest.raises(ValueError, match="min_new_tokens: eos_id got token 99, wants 0 to 18"):
            generate(MODEL, PROMPT, max_new_tokens=2, processors=[min_new_tokens(late, [1, 99])])


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.uint8])
def test_ids_may_be_of_any_integer_type(dtype) -> None:
    given = PROMPT.to(dtype)
    if dtype != torch.uint8:  # which no annotation of ids takes
        assert torch.equal(generate(MODEL, given, max_new_tokens=9).tokens, FREE.tokens)
        found = beam_search(MODEL, given, n_beams=2, max_new_tokens=4)
        assert torch.equal(
            found.tokens, beam_search(MODEL, PROMPT, n_beams=2, max_new_tokens=4).tokens
        )
        out = speculate(MODEL, ModelDraft(MODEL), given[:1], max_new_tokens=4)
        assert out.tokens.dtype == torch.int64
    sources = generate(BOTH, PROMPT, max_new_tokens=3, source=PROMPT).tokens
    if dtype != torch.uint8:
        assert torch.equal(generate(BOTH, PROMPT, max_new_tokens=3, source=given).tokens, sources)


# -- masks


KEEP = torch.tensor([[False, True, True], [True, True, True]])
ENTRIES = {
    "forward": lambda keep: MODEL(PROMPT, keep=keep),
    "forward source_keep": lambda keep: BOTH(PROMPT, source=PROMPT, source_keep=keep),
    "encode": lambda keep: BOTH.encode(PROMPT, keep),
    "decode": lambda keep: MODEL.decode(PROMPT, keep=keep),
    "decode memory_keep": lambda keep: BOTH.decode(PROMPT, BOTH.encode(PROMPT), memory_keep=keep),
    "attention_maps": lambda keep: MODEL.attention_maps(PROMPT, keep=keep).decoder,
    "generate": lambda keep: generate(MODEL, PROMPT, max_new_tokens=4, keep=keep).log_probs,
    "generate source_keep": lambda keep: (
        generate(BOTH, PROMPT, max_new_tokens=4, source=PROMPT, source_keep=keep).log_probs
    ),
    "beam_search": lambda keep: (
        beam_search(MODEL, PROMPT, n_beams=2, max_new_tokens=4, keep=keep).scores
    ),
    "beam_search source_keep": lambda keep: (
        beam_search(
            BOTH, PROMPT, n_beams=2, max_new_tokens=4, source=PROMPT, source_keep=keep
        ).scores
    ),
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.int8])
def test_a_mask_of_zeros_and_ones_is_a_mask(entry: str, dtype) -> None:
    call = ENTRIES[entry]
    assert torch.equal(call(KEEP.to(dtype)), call(KEEP))
    assert not torch.equal(call(KEEP), call(torch.ones_like(KEEP)))
    with pytest.raises(ValueError, match="keep got integers from 0 to 2"):
        call(KEEP.to(dtype) * 2)


# -- lengths


@pytest.mark.parametrize("n_encoder_layers", [0, 1])
@pytest.mark.parametrize("position", POSITIONS)
def test_only_learned_positions_end(position: str, n_encoder_layers: int) -> None:
    model = build(position=position, n_encoder_layers=n_encoder_layers)
    side = {"source": PROMPT} if n_encoder_layers else {}
    ways = [
        lambda: generate(model, PROMPT, max_new_tokens=20, **side),
        lambda: beam_search(model, PROMPT, n_beams=2, max_new_tokens=20, **side),
    ]
    if not n_encoder_layers:
        ways += [
            lambda: speculate(model, ModelDraft(model), PROMPT[:1], max_new_tokens=20),
            lambda: list(stream(model, Letters(), "bcd", max_new_tokens=20)),
            lambda: score(model, [[1, 2]], [[3] * 20]),
        ]
    for way in ways:
        if position == "learned":
            with pytest.raises(ValueError, match="longer than the model's context, max_seq_len=16"):
                way()
        else:
            with pytest.warns(UserWarning, match="longer than max_seq_len=16"):
                way()
    if position != "learned":
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            cached, plain = (
                generate(model, PROMPT, max_new_tokens=20, use_cache=use_cache, **side)
                for use_cache in (True, False)
            )
        assert torch.equal(cached.tokens, plain.tokens)


def test_a_draft_with_a_table_of_positions_guesses_to_its_end() -> None:
    target = build(position="rotary", max_seq_len=40)
    out = speculate(target, ModelDraft(MODEL), PROMPT[:1], max_new_tokens=30)
    assert out.tokens.tolist() == generate(target, PROMPT[:1], max_new_tokens=30).tokens[0].tolist()
    assert out.n_proposed > 0


# -- steps of somebody's own


def test_a_step_that_works_in_place_leaves_the_log_probabilities_alone() -> None:
    def shift(logits):
        logits[:, 3] = 99.0
        return logits

    for step in (shift, Processor("shift", shift)):
        out = generate(MODEL, PROMPT, max_new_tokens=1, processors=[step])
        raw = MODEL(PROMPT)[:, -1].log_softmax(-1)
        torch.testing.assert_close(out.log_probs[:, 0], raw[:, 3])
        logits = raw.clone()
        process(logits, [step])
        assert torch.equal(logits, raw)


@pytest.mark.parametrize("write", ["generate", "sample", "beams", "process"])
@pytest.mark.parametrize(
    "step", [lambda x: x[:, :5], lambda x: x[:1], lambda x: x[0], lambda x: None, lambda x: 3]
)
def test_a_step_that_changes_the_shape_is_refused(step, write: str) -> None:
    def narrow(logits):
        return step(logits)

    ways = {
        "generate": lambda: generate(MODEL, PROMPT, max_new_tokens=2, processors=[narrow]),
        "sample": lambda: generate(
            MODEL, PROMPT, max_new_tokens=2, processors=[narrow], sample=True,
            generator=torch.Generator(),
        ),
        "beams": lambda: beam_search(
            MODEL, PROMPT, n_beams=2, max_new_tokens=2, processors=[narrow]
        ),
        "process": lambda: process(MODEL(PROMPT)[:, -1], [narrow]),
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"narrow returned .*, wants logits of"):
        ways[write]()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("t", [5e-324, 1e-300, 1e-46, 1e-30, 1e30, 1e300])
def test_extreme_temperatures_are_the_limit(t: float, dtype) -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0, -math.inf], [0.0, 0.0, -1.0, -2.0]], dtype=dtype)
    chances = temperature(t)(logits).float().softmax(-1)
    if t < 1:
        wanted = [[0.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]
    else:
        wanted = [[1 / 3, 1 / 3, 1 / 3, 0.0], [0.25] * 4]
    torch.testing.assert_close(chances, torch.tensor(wanted))


# -- beams that processors leave too few texts


def test_missing_beams_are_filled() -> None:
    only = [top_k(1)]
    out = beam_search(MODEL, PROMPT, n_beams=4, n_return=3, max_new_tokens=5, processors=only)
    greedy = generate(MODEL, PROMPT, max_new_tokens=5).tokens
    assert out.tokens.shape == (2, 3, 5) and torch.equal(out.tokens[:, 0], greedy)
    assert out.lengths.tolist() == [[5, 0, 0]] * 2
    assert (out.scores[:, 1:] == -math.inf).all() and out.scores[:, 0].isfinite().all()


def test_rows_may_have_unequally_many_texts() -> None:
    def first_row_is_certain(logits):
        certain = torch.full_like(logits, -math.inf)
        certain[:, 2] = 0.0
        half = torch.arange(len(logits))[:, None] < len(logits) // 2
        return torch.where(half, certain, logits)

    out = beam_search(
        MODEL, PROMPT, n_beams=3, n_return=3, max_new_tokens=3, processors=[first_row_is_certain]
    )
    assert out.lengths[0].tolist() == [3, 0, 0] and out.lengths[1].tolist() == [3, 3, 3]


def test_a_beam_that_cannot_go_on_dies_alone() -> None:
    best = int(MODEL(PROMPT[:1])[0, -1].argmax())

    def no_way_after_the_best(logits, past):
        stuck = past.tokens[:, -1:] == best
        return logits.masked_fill(stuck, -math.inf)

    step = Processor("no_way", no_way_after_the_best, looks_back=True)
    out = beam_search(MODEL, PROMPT[:1], n_beams=3, n_return=3, max_new_tokens=3, processors=[step])
    assert best not in out.tokens[0, 0, :-1].tolist() and out.scores.isfinite().any()
    with pytest.raises(ValueError, match="nothing returned only -inf"):
        nothing = Processor("nothing", lambda logits: torch.full_like(logits, -math.inf))
        beam_search(MODEL, PROMPT, n_beams=3, max_new_tokens=3, processors=[nothing])


# -- drafts of another vocabulary


@pytest.mark.parametrize("n_vocab", [11, 18, 20, 50])
@pytest.mark.parametrize("sample", [False, True])
def test_a_draft_of_another_vocabulary_is_refused(n_vocab: int, sample: bool) -> None:
    class Unsaid(LookupDraft):
        """A draft that does not say its vocabulary beforehand."""

        @property
        def n_vocab(self):
            raise AttributeError

        @n_vocab.setter
        def n_vocab(self, value):
            self.size = value

        def propose(self, text, n_prompt, n):
            return text[:0], torch.zeros(0, self.size)

    drafts: list[Draft] = [
        ModelDraft(build(vocab_size=n_vocab)),
        LookupDraft(n_vocab),
        Unsaid(n_vocab),
    ]
    generator = torch.Generator() if sample else None
    for draft in drafts:
        with pytest.raises(
            ValueError, match=f"vocabulary of {n_vocab} tokens, the model one of 19"
        ):
            speculate(
                MODEL, draft, PROMPT[:1], max_new_tokens=3, sample=sample, generator=generator
            )
