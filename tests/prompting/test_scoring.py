from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf

from course_lib import Transformer, TransformerConfig
from course_lib.prompting import Scores, choose, encode_pair, score
from course_lib.prompting import scoring as module
from course_lib.tokenizers import ByteLevelBPE

POSITIONS = ["rotary", "learned", "alibi"]


def make(position: str = "rotary", **changes: Any) -> Transformer:
    options: dict[str, Any] = {
        "vocab_size": 23,
        "d_model": 16,
        "n_heads": 2,
        "n_decoder_layers": 2,
        "max_seq_len": 24,
        "position": position,
    }
    config = TransformerConfig(**(options | changes))
    generator = torch.Generator().manual_seed(0)
    model = Transformer(config, generator=generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def pairs(n: int = 9) -> tuple[list[list[int]], list[list[int]]]:
    generator = torch.Generator().manual_seed(1)

    def row(most: int) -> list[int]:
        length = int(torch.randint(1, most + 1, (1,), generator=generator))
        return torch.randint(23, (length,), generator=generator).tolist()

    return [row(12) for _ in range(n)], [row(5) for _ in range(n)]


def one_by_one(model: Transformer, prompt: list[int], answer: list[int]) -> float:
    """One token after another, each in its own forward pass without padding."""
    total, text = 0.0, list(prompt)
    for token in answer:
        with torch.no_grad():
            total += float(model(torch.tensor([text]))[0, -1].log_softmax(-1)[token])
        text.append(token)
    return total


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("pad_on_left", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_scores_equal_one_pass_for_each_token(
    position: str, pad_on_left: bool, batch_size: int
) -> None:
    model, (prompts, answers) = make(position), pairs()
    scores = score(model, prompts, answers, batch_size=batch_size, pad_on_left=pad_on_left)
    wanted = [one_by_one(model, p, a) for p, a in zip(prompts, answers, strict=True)]
    torch.testing.assert_close(scores.total, torch.tensor(wanted), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(scores.mean, scores.total / scores.lengths)
    assert scores.lengths.tolist() == [len(answer) for answer in answers]


def published(family: str, folder: Path) -> tuple[Any, Transformer, int]:
    """Give the reference library's tiny encoder-decoder, ours of the same file, and its start."""
    if family == "t5":
        sizes: dict[str, Any] = {"d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2}
        config = hf.T5Config(vocab_size=23, d_model=16, **sizes, decoder_start_token_id=0)
        reference: Any = hf.T5ForConditionalGeneration(config)
    else:
        sizes = {f"{stack}_layers": 2 for stack in ("encoder", "decoder")}
        sizes |= {f"{stack}_attention_heads": 2 for stack in ("encoder", "decoder")}
        sizes |= {f"{stack}_ffn_dim": 24 for stack in ("encoder", "decoder")}
        config = hf.BartConfig(vocab_size=23, d_model=16, max_position_embeddings=24, **sizes)
        reference = hf.BartForConditionalGeneration(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            spread = 2.0 if name == "shared.weight" else 0.3
            middle = float(parameter.ndim == 1 and name.endswith("weight"))
            parameter.copy_(middle + spread * torch.randn(parameter.shape, generator=generator))
    reference.eval().save_pretrained(folder)
    ours = Transformer.from_pretrained(folder)
    return reference, ours, ours.published_fields["decoder_start_token_id"]


@pytest.mark.parametrize("family", ["t5", "bart"])
@pytest.mark.parametrize("pad_on_left", [False, True])
def test_an_encoder_decoder_reads_the_prompt_and_scores_the_answer(
    family: str, pad_on_left: bool, tmp_path: Path
) -> None:
    """Each log-likelihood is the reference library's loss, a pair at a time, without padding."""
    reference, model, start_id = published(family, tmp_path)
    prompts, answers = pairs()
    wanted = []
    for prompt, answer in zip(prompts, answers, strict=True):
        labels = torch.tensor([answer])
        with torch.no_grad():
            loss = reference(input_ids=torch.tensor([prompt]), labels=labels).loss
        wanted.append(-float(loss) * len(answer))
    assert max(wanted) - min(wanted) > 1
    for batch_size in (1, 4, 50):
        scores = score(
            model,
            prompts,
            answers,
            start_id=start_id,
            batch_size=batch_size,
            pad_on_left=pad_on_left,
        )
        torch.testing.assert_close(scores.total, torch.tensor(wanted), atol=2e-5, rtol=1e-5)
    faulty = score(model, prompts, answers, start_id=start_id + 3).total
    assert not torch.allclose(faulty, torch.tensor(wanted), atol=1e-3)


def test_the_source_is_masked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Planted: an encoder that reads the padding of shorter prompts moves the scores."""
    _, model, start_id = published("t5", tmp_path)
    prompts, answers = pairs()
    right = score(model, prompts, answers, start_id=start_id).total
    plain = type(model).forward
    monkeypatch.setattr(
        type(model),
        "forward",
        lambda self, x, keep, source, source_keep: plain(self, x, keep=keep, source=source),
    )
    moved = (score(model, prompts, answers, start_id=start_id).total - right).abs()
    longest = max(len(prompt) for prompt in prompts)
    full = torch.tensor([len(prompt) == longest for prompt in prompts])
    assert moved[full].max() < 1e-5 and moved[~full].min() > 1e-4


def test_an_encoder_decoder_chooses(tmp_path: Path) -> None:
    reference, model, start_id = published("t5", tmp_path)
    prompts, candidates = [[1, 2, 3], [4, 5]], [[7], [8, 9, 10], [11, 12]]
    best, table = choose(model, prompts, candidates, start_id=start_id)
    for row, prompt in enumerate(prompts):
        for column, candidate in enumerate(candidates):
            labels = torch.tensor([candidate])
            with torch.no_grad():
                loss = reference(input_ids=torch.tensor([prompt]), labels=labels).loss
            wanted = -float(loss) * len(candidate)
            assert float(table[row, column]) == pytest.approx(wanted, rel=1e-5)
    assert torch.equal(best, table.argmax(-1))


@pytest.mark.parametrize("pad_on_left", [False, True])
def test_planted_faults_are_caught(monkeypatch: pytest.MonkeyPatch, pad_on_left: bool) -> None:
    """Padding that is read, and a prompt that is scored too, both move the scores."""
    model, (prompts, answers) = make(), pairs()
    right = score(model, prompts, answers)

    def differs() -> bool:
        found = score(model, prompts, answers, batch_size=50, pad_on_left=pad_on_left).total
        return not torch.allclose(found, right.total, atol=1e-3)

    assert not differs()
    with monkeypatch.context() as patch:
        plain = type(model).forward
        patch.setattr(type(model), "forward", lambda self, x, keep: plain(self, x))
        assert differs() == pad_on_left  # on the right, no real token sees the padding
    with monkeypatch.context() as patch:
        patch.setattr(module, "IGNORE", 0)  # prompt and padding count as targets
        assert differs()


def test_probabilities_of_all_answers_of_one_token_sum_to_one() -> None:
    model = make()
    scores = score(model, [[3, 4]] * 23, [[i] for i in range(23)])
    assert float(scores.total.exp().sum()) == pytest.approx(1, abs=1e-5)


def test_choose_compares_sums_means_or_differences() -> None:
    model = make()
    prompts, candidates = [[1, 2, 3], [4, 5]], [[7], [8, 9, 10], [11, 12]]
    totals = torch.tensor([[one_by_one(model, p, c) for c in candidates] for p in prompts])
    neutral = torch.tensor([one_by_one(model, [6], c) for c in candidates])
    lengths = torch.tensor([1, 3, 2])
    for options, wanted in (
        ({}, totals),
        ({"normalise": True}, totals / lengths),
        ({"neutral": [6]}, totals - neutral),
        ({"neutral": [6], "normalise": True}, (totals - neutral) / lengths),
    ):
        best, table = choose(model, prompts, candidates, **options)  # type: ignore[arg-type]
        torch.testing.assert_close(table, wanted, atol=1e-5, rtol=1e-5)
        assert torch.equal(best, wanted.argmax(-1))


def test_the_sum_prefers_short_answers() -> None:
    model = make()
    scores: Scores = score(model, [[1]] * 2, [[5], [5, 6, 7, 8]])
    assert scores.total[0] > scores.total[1]


@pytest.mark.parametrize(
    ("prompts", "answers", "message"),
    [
        ([], [], "at least one prompt"),
        ([[1]], [[1], [2]], "answers must be as many as the 1 prompts, got 2"),
        ([[1], []], [[1], [2]], r"prompts\[1\] must hold at least one token"),
        ([[1]], [[]], r"answers\[0\] must hold at least one token"),
        ([[1]], [[23]], "ids from 1 to 23, wants 0 to 22"),
        ([[-1]], [[2]], "ids from -1 to 2, wants 0 to 22"),
        ([[1] * 20], [[2] * 6], "read as 25 tokens, is longer than .* max_seq_len=24"),
    ],
)
def test_bad_input_is_named(
    prompts: list[list[int]], answers: list[list[int]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(make("learned"), prompts, answers)


def test_a_full_context_can_be_scored() -> None:
    assert score(make("learned"), [[1] * 20], [[2] * 5]).lengths.tolist() == [5]


def test_only_learned_positions_end() -> None:
    with pytest.warns(UserWarning, match="rotary positions go on"):
        scores = score(make("rotary"), [[1] * 20, [1]], [[2] * 6, [2]])
    assert bool(scores.total.isfinite().all())


def test_models_that_cannot_be_asked_are_refused() -> None:
    with pytest.raises(ValueError, match="got an encoder-only model"):
        score(make(n_decoder_layers=0, n_encoder_layers=1), [[1]], [[2]])
    both = make(n_encoder_layers=1)
    with pytest.raises(ValueError, match="start_id=None: wants the token"):
        score(both, [[1]], [[2]])
    with pytest.raises(ValueError, match="start_id=23, wants 0 to 22"):
        score(both, [[1]], [[2]], start_id=23)
    with pytest.raises(ValueError, match="read as 25 tokens, is longer than"):
        score(make("learned", n_encoder_layers=1), [[1] * 25], [[2] * 2], start_id=0)
    with pytest.raises(ValueError, match="start_id=0: a decoder-only model begins with"):
        score(make(), [[1]], [[2]], start_id=0)
    with pytest.raises(ValueError, match=r"call model.eval\(\) first"):
        score(make(dropout=0.1).train(), [[1]], [[2]])
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        score(make(), [[1]], [[2]], batch_size=0)
    with pytest.raises(ValueError, match="must not be empty, got 1 and 0"):
        choose(make(), [[1]], [])


def test_the_seam_is_that_of_the_joined_text() -> None:
    tokenizer = ByteLevelBPE.train(["the mood is good, the mood is bad " * 9], 290)
    for prompt, answer in [("the mood is", " good"), ("the mood is ", "good"), ("the mo", "od is")]:
        left, right = encode_pair(tokenizer, prompt, answer)
        assert left + right == tokenizer.encode(prompt + answer)
    apart = tokenizer.encode("the mood is ") + tokenizer.encode("good")
    assert apart != tokenizer.encode("the mood is good")
    with pytest.raises(ValueError, match="answer has no token of its own"):
        encode_pair(tokenizer, "the", "")
    with pytest.raises(ValueError, match="prompt has no token of its own"):
        encode_pair(tokenizer, "", "the")
