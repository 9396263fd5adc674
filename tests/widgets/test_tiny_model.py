"""The model in the page is the model in Python: logits, tokens and what a reader can do."""

from typing import Any

import pytest
import torch
from playwright.sync_api import Page

from course_lib import Transformer, TransformerConfig
from course_lib.data import pydoc_topics
from course_lib.tokenizers import ByteLevelBPE
from course_lib.widgets.markup import percent
from course_lib.widgets.sampler import openness
from course_lib.widgets.tiny_model import TinyModel, describe_next
from course_lib.widgets.tiny_pack import restore, shrink

WORDS = ["dog", "cat", "river", "hill", "dax", "wug"]
VARIANTS: dict[str, dict[str, Any]] = {
    "rotary": {},
    "learned positions": {"position": "learned"},
    "no positions": {"position": "none"},
    "no bias, rms, gated, fewer key heads": {
        "position": "learned",
        "bias": False,
        "norm": "rms",
        "gated": True,
        "activation": "silu",
        "n_kv_heads": 2,
        "d_ff": 40,
    },
    "own head, relu, wide heads": {
        "position": "none",
        "tie_embeddings": False,
        "activation": "relu",
        "d_head": 6,
    },
    "no final norm, unscaled": {"final_norm": False, "scale_scores": False, "position": "none"},
    "rotary, fewer key heads": {"n_kv_heads": 2},
}


def make(**changes: Any) -> Transformer:
    options: dict[str, Any] = {
        "vocab_size": len(WORDS),
        "d_model": 16,
        "n_heads": 4,
        "n_decoder_layers": 2,
        "max_seq_len": 16,
        "position": "rotary",
    }
    generator = torch.Generator().manual_seed(0)
    model = Transformer(TransformerConfig(**(options | changes)), generator=generator)
    with torch.no_grad():  # default initialisation hides mistakes
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


# Angles of rotary positions are float32 in the library and double in the page; the rest is double
# on both sides.
ROTARY, EXACT = 5e-6, 1e-9


def logits_of(model: Transformer, ids: list[int]) -> list[float]:
    with torch.no_grad():
        return model(torch.tensor([ids]))[0, -1].tolist()


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("bits", [8, 16])
def test_the_page_computes_the_logits_of_the_packed_model(kit: Any, name: str, bits: int) -> None:
    model = make(**VARIANTS[name])
    packed = shrink(model, bits)
    same = restore(packed, model.config)
    for ids in ([3], [0, 4, 2, 5, 1], [1, 1, 2, 3, 5, 0, 4, 4, 3, 2, 1, 0, 5, 5, 2, 3]):
        found = kit("kit/math/tiny.js", "logitsAfter", packed, ids)
        near = ROTARY if model.config.position == "rotary" else EXACT
        assert found == pytest.approx(logits_of(same, ids), abs=near)


def test_reading_on_going_back_and_reading_again_are_the_same(kit: Any) -> None:
    model = make()
    packed = shrink(model)
    same = restore(packed, model.config)
    texts = [[0, 4, 1], [0, 4, 1, 5], [0, 4, 1, 5], [0, 4], [2], [2, 3, 4, 5, 0, 1]]
    found = kit("kit/math/tiny.js", "logitsInTurn", packed, texts)
    for logits, ids in zip(found, texts, strict=True):
        assert logits == pytest.approx(logits_of(same, ids), abs=ROTARY)


@pytest.mark.parametrize("fault", ["frequencies", "scale", "eps", "n_kv_heads"])
def test_a_planted_fault_moves_the_logits(kit: Any, fault: str) -> None:
    model = make(n_kv_heads=2)
    packed = shrink(model)
    wanted = logits_of(restore(packed, model.config), [0, 4, 2, 5, 1])
    broken = {"frequencies": None, "scale": 1.0, "eps": 0.1, "n_kv_heads": 1}[fault]
    packed["config"][fault] = broken
    found = kit("kit/math/tiny.js", "logitsAfter", packed, [0, 4, 2, 5, 1])
    assert found != pytest.approx(wanted, abs=1e-3)


def test_packing_rounds_to_half_a_step() -> None:
    model = make()
    for bits, limit in ((8, 127), (16, 32767)):
        state = restore(shrink(model, bits), model.config).state_dict()
        for name, weight in model.state_dict().items():
            step = weight.abs().amax(-1, keepdim=True) / limit if weight.ndim == 2 else 1e-6
            assert bool(((state[name] - weight).abs() <= 0.5001 * step + 1e-6).all()), name
    fine, coarse = (
        logits_of(restore(shrink(model, bits), model.config), [0, 4, 2]) for bits in (16, 8)
    )
    exact = torch.tensor(logits_of(model, [0, 4, 2]))
    assert (torch.tensor(fine) - exact).abs().max() < (torch.tensor(coarse) - exact).abs().max()


@pytest.mark.parametrize(
    "text",
    ["", "The value of the object", "  two  blanks\n\n\tand  ", "naïve 你好 🙂 don't 1234", "\0x"],
)
def test_the_page_cuts_text_as_the_tokenizer_does(kit: Any, text: str) -> None:
    tokenizer = ByteLevelBPE.train(pydoc_topics()[:20], 600)
    model = make(vocab_size=600)
    given = TinyModel(model, tokenizer, ["The"]).payload["tokenizer"]
    assert kit("kit/math/pieces.js", "idsOf", given, text)["ids"] == tokenizer.encode(text)
    assert kit("kit/math/pieces.js", "textOf", given["bytes"], tokenizer.encode(text)) == text


def test_unknown_words_are_named(kit: Any) -> None:
    given = {"kind": "words", "tokens": WORDS}
    found = kit("kit/math/pieces.js", "idsOf", given, " dog  horse\ndax ")
    assert found == {"ids": [0, 4], "unknown": ["horse"]}


def example(**options: Any) -> TinyModel:
    return TinyModel(make(), WORDS, ["dog dax cat", "hill"], **options)


def rows(page: Page) -> list[list[str]]:
    lines = page.get_by_role("group", name="What comes next").locator("tbody tr").all()
    return [line.locator("th, td:not(.bar)").all_inner_texts() for line in lines]


def said(page: Page) -> str:
    return page.locator(".cw-live [aria-live]").inner_text()


def expected(widget: TinyModel, text: str) -> tuple[list[float], str]:
    ids = [WORDS.index(word) for word in text.split()]
    logits = logits_of(restore(widget.payload["packed"], make().config), ids)
    chances = torch.tensor(logits, dtype=torch.float64).softmax(-1).tolist()
    return chances, describe_next(WORDS, chances, len(ids))


def test_predict_then_see_then_type(show: Any) -> None:
    widget = example()
    page = show(widget)
    page.get_by_role("textbox").first.fill("30 %")
    page.get_by_role("textbox").first.press("Enter")
    chances, sentence = expected(widget, "dog dax cat")
    assert page.locator(".cw-live .cw-panel:visible").first.inner_text() == (
        f"{sentence} You predicted 30 %."
    )
    best = max(range(6), key=lambda i: chances[i])
    assert rows(page)[0] == [WORDS[best], percent(chances[best]), percent(chances[best])]
    box = page.get_by_label("Prompt, and what the model writes")
    box.fill("hill river horse")
    page.wait_for_function("document.querySelector('.cw-live .cw-panel[hidden]') !== null")
    chances, sentence = expected(widget, "hill river")
    page.wait_for_function(
        "document.querySelector('.cw-live [aria-live]').textContent.includes('horse')"
    )
    assert said(page) == f"Not in the vocabulary, and left out: horse. {sentence}"


def test_writing_goes_to_the_end_of_the_context_and_no_further(show: Any) -> None:
    page = show(example())
    page.get_by_role("button", name="Just show me").press("Enter")
    page.get_by_label("Temperature, as a number").fill("0")
    box = page.get_by_label("Prompt, and what the model writes")
    model, widget = make(), example()
    same = restore(widget.payload["packed"], model.config)
    text = [0, 4, 1]
    for n in (1, 10, 2):
        label = "Write 1 token" if n == 1 else "Write 10 tokens"
        page.get_by_role("button", name=label).press("Enter")
        for _ in range(n):
            logits = logits_of(same, text)
            text.append(logits.index(max(logits)))
        assert box.input_value() == " ".join(WORDS[i] for i in text)
    page.get_by_role("button", name="Write 1 token").press("Enter")
    assert said(page) == "The context of 16 tokens is full."


def test_nothing_typed_is_said_not_guessed(show: Any) -> None:
    page = show(example())
    page.get_by_role("button", name="Just show me").press("Enter")
    page.get_by_label("Prompt, and what the model writes").fill("  ")
    page.get_by_role("button", name="Write 1 token").press("Enter")
    assert said(page) == "Type a prompt first."
    assert page.get_by_role("group", name="What comes next").inner_text() == (
        "Nothing has been read yet."
    )


def test_draws_follow_the_chances(show: Any) -> None:
    widget = example()
    page = show(widget)
    page.get_by_role("button", name="Just show me").press("Enter")
    box = page.get_by_label("Prompt, and what the model writes")
    counts = dict.fromkeys(WORDS, 0)
    for _ in range(200):
        box.fill("dog dax cat")
        page.get_by_role("button", name="Write 1 token").click()
        counts[box.input_value().split()[-1]] += 1
    chances, _ = expected(widget, "dog dax cat")
    for word, chance in zip(WORDS, chances, strict=True):
        assert abs(counts[word] - 200 * chance) <= 5 * (200 * chance * (1 - chance)) ** 0.5 + 1


def test_static_form_and_text() -> None:
    widget = example(describe="Look.")
    chances, sentence = expected(widget, "dog dax cat")
    assert repr(widget) == f"TinyModel: A model in this page. {sentence}"
    assert percent(max(chances)) in widget.static_html and "Look." in widget.static_html
    assert f"{openness(chances):.1f}"[:1] in sentence


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="position='alibi', wants one of"):
        shrink(make(position="alibi"))
    with pytest.raises(ValueError, match="activation='gelu', wants one of"):
        shrink(make(activation="gelu"))
    with pytest.raises(ValueError, match="norm_placement='post'"):
        shrink(make(norm_placement="post"))
    with pytest.raises(ValueError, match="bits must be 8 or 16, got 4"):
        shrink(make(), 4)
    with pytest.raises(ValueError, match="a page should hold at most 2,000,000"):
        shrink(make(d_model=512))
    with pytest.raises(ValueError, match="vocab_size=6, got 5"):
        TinyModel(make(), WORDS[:5], ["dog"])
    with pytest.raises(ValueError, match="different words without blanks"):
        TinyModel(make(), [*WORDS[:5], "two words"], ["dog"])
    with pytest.raises(ValueError, match="the word 'horse', which is no token"):
        TinyModel(make(), WORDS, ["horse"])
    other = ByteLevelBPE.train(["one two"], 262, pattern="cl100k")
    with pytest.raises(ValueError, match="by the pattern 'gpt2'"):
        TinyModel(make(vocab_size=other.vocab_size), other, ["one"])
    with pytest.raises(ValueError, match="at least one text"):
        TinyModel(make(), WORDS, [])
    with pytest.raises(ValueError, match="'dog.*' of 16 tokens, wants 1 to 15"):
        TinyModel(make(), WORDS, ["dog " * 16])
