"""Span corruption: the paper's examples and lengths, and every text can be put together again."""

from typing import Any

import pytest
import torch

from course_lib.objectives import (
    IGNORE,
    Denoiser,
    join_spans,
    span_corruption_example,
    split_spans,
    ul2,
)
from course_lib.objectives.span_corruption import span_counts

EOS, PAD = 1, 0
SENTINELS = tuple(range(999, 899, -1))  # going down, as T5's do
WORDS = "Thank you for inviting me to your party last week .".split()
NAMES = {word: 10 + n for n, word in enumerate(WORDS)} | {"<X>": 999, "<Y>": 998, "<Z>": 997}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ids_of(text: str) -> list[int]:
    return [NAMES[word] for word in text.split()]


def plain(row: torch.Tensor) -> list[int]:
    return [one for one in row.tolist() if one != IGNORE]


@pytest.mark.parametrize(
    ("cut", "source", "targets"),
    [
        (("for", "inviting", "last"), "Thank you <X> me to your party <Y> week .",
         "<X> for inviting <Y> last <Z>"),
        (("for", "inviting", "me", "your", "party", "last"), "Thank you <X> to <Y> week .",
         "<X> for inviting me <Y> your party last <Z>"),
        (("Thank", "."), "<X> you for inviting me to your party last week <Y>",
         "<X> Thank <Y> ."),
    ],
)  # fmt: skip
def test_the_papers_examples(cut: tuple[str, ...], source: str, targets: str) -> None:
    rows = torch.tensor([ids_of(" ".join(WORDS))])
    chosen = torch.tensor([[word in cut for word in WORDS]])
    got = split_spans(rows, chosen, sentinels=SENTINELS, eos_id=EOS)
    assert plain(got[0][0]) == [*ids_of(source), EOS]
    assert plain(got[1][0]) == [*ids_of(targets), EOS]


@pytest.mark.parametrize(
    ("length", "source", "target"), [(568, 512, 114), (512, 462, 104), (256, 232, 52), (64, 58, 14)]
)
def test_the_papers_lengths(length: int, source: int, target: int) -> None:
    ids = torch.randint(10, 800, (3, length), generator=generator())
    example = corrupt(ids)
    assert example.source.shape == (3, source) and example.targets.shape == (3, target)
    assert example.source_keep is None and not bool((example.targets == IGNORE).any())
    noise, spans = counts(length, Denoiser())
    assert noise == round(0.15 * length) and noise + spans + 1 == target


def counts(length: int, one: Denoiser) -> tuple[int, int]:
    settings = (torch.tensor([value], dtype=torch.float64) for value in (one.rate, one.mean_span))
    noise, spans = span_counts(torch.tensor([length]), *settings)
    return int(noise), int(spans)


def corrupt(ids: torch.Tensor, seed: int = 0, **changes: Any):
    options = {"sentinels": SENTINELS, "start_id": PAD, "eos_id": EOS} | changes
    return span_corruption_example(ids, generator(seed), **options)


def texts(n: int, longest: int, seed: int = 0) -> torch.Tensor:
    """Rows of random lengths, some empty, some of one token."""
    made = torch.randint(10, 800, (n, longest), generator=generator(seed))
    ends = torch.randint(0, longest + 1, (n,), generator=generator(seed + 1))
    made[torch.arange(longest) >= ends[:, None]] = IGNORE
    return made


@pytest.mark.parametrize(
    "denoisers",
    [(Denoiser(),), ul2(), ul2(5, 6, 7), (Denoiser(0.5, 1.0),), (Denoiser(at_end=True),),
     (Denoiser(1.0, 2),), (Denoiser(0.0),), (Denoiser(anywhere=True),),
     (Denoiser(0.5, 2.0, anywhere=True), Denoiser(), Denoiser(at_end=True)),
     (Denoiser(1.0, 1.0, anywhere=True),)],
)  # fmt: skip
def test_any_text_is_rebuilt_from_source_and_targets(denoisers: tuple[Denoiser, ...]) -> None:
    ids = texts(2000, 60)
    example = corrupt(ids, denoisers=denoisers)
    modes = {one.mode_id for one in denoisers} - {None}
    keep = example.source_keep
    for n, row in enumerate(ids):
        text, targets = plain(row), plain(example.targets[n])
        source = (example.source[n] if keep is None else example.source[n][keep[n]]).tolist()
        if modes:
            assert source.pop(0) in modes
        assert source.pop() == EOS
        if len(text) < 2:
            assert source == text and targets == []
            continue
        assert targets.pop() == EOS
        assert join_spans(source, targets, SENTINELS) == text
        used = [one for one in source if one in SENTINELS]
        assert used == list(SENTINELS[: len(used)])  # in order, each once
        said = [one for one in targets if one in SENTINELS]
        assert said in (used, list(SENTINELS[: len(used) + 1]))
        assert targets[0] == SENTINELS[0]


def test_the_decoder_reads_its_targets_one_place_late() -> None:
    ids = texts(50, 30)
    example = corrupt(ids, start_id=4)
    assert bool((example.inputs[:, 0] == 4).all())
    asked = example.targets[:, 1:] != IGNORE
    assert torch.equal(example.inputs[:, 1:][asked], example.targets[:, :-1][asked])


def test_rates_and_spans_are_those_of_the_settings() -> None:
    ids = torch.randint(10, 800, (400, 100), generator=generator())
    for one in ul2():
        example = corrupt(ids, denoisers=(one,))
        n_spans = torch.isin(example.source, torch.tensor(SENTINELS)).sum(1)
        noise, spans = counts(100, one)
        assert bool((n_spans == (1 if one.at_end else spans)).all())
        cut = 100 - (example.source.shape[1] - 1 - n_spans)
        assert bool((cut == noise).all())
    places = torch.zeros(100)
    for seed in range(40):
        example = corrupt(torch.arange(10, 110).expand(50, 100), seed)
        for row in example.targets:
            places[[one - 10 for one in plain(row) if one < 200 and one != EOS]] += 1
    share = places / 2000
    # T5 keeps the first token and cuts the last; between them no place is left out
    assert share[0] == 0 and share[-1] == 1
    assert float(share[2:-8].min()) > 0.07 and float(share[2:-8].max()) < 0.2


@pytest.mark.parametrize("length", [2, 3, 8, 12, 40])
def test_spans_may_be_anywhere(length: int) -> None:
    """Also one span in a short text, and at either end; as much is cut as without."""
    ids = torch.arange(10, 10 + length).expand(3000, length)
    one = Denoiser(anywhere=True)
    example = corrupt(ids, denoisers=(one,))
    cut = torch.stack([(example.targets == 10 + n).any(1) for n in range(length)], 1)
    noise, spans = counts(length, one)
    assert bool((cut.sum(1) == noise).all())
    before = torch.nn.functional.pad(cut, (1, 0))[:, :-1]
    assert bool(((cut & ~before).sum(1) == spans).all())
    share = cut.float().mean(0)
    assert float(share.min()) > 0.02 and float(share.max()) < 0.8
    assert torch.allclose(share, share.flip(0), atol=0.05)
    if spans == 1:
        starts = (cut & ~before).long().argmax(1).bincount(minlength=length)
        assert int((starts > 0).sum()) == length - noise + 1


def test_the_beginning_of_a_text_is_read_and_its_rest_is_said() -> None:
    ids = torch.arange(10, 30)
    example = corrupt(ids, denoisers=(Denoiser(0.25, at_end=True),))
    assert example.source.tolist() == [*range(10, 25), 999, EOS]
    assert example.targets.tolist() == [999, *range(25, 30), EOS]
    assert example.inputs.tolist() == [PAD, 999, *range(25, 30)]


def test_each_row_gets_one_of_the_denoisers() -> None:
    ids = torch.randint(10, 800, (4000, 40), generator=generator())
    example = corrupt(ids, denoisers=ul2(5, 6, 7))
    first = example.source[:, 0]
    for mode, wanted in ((5, 2 / 7), (6, 1 / 7), (7, 4 / 7)):
        assert float((first == mode).float().mean()) == pytest.approx(wanted, abs=0.04)


def test_planted_mistakes_are_caught() -> None:
    ids = texts(200, 40)
    example = corrupt(ids)
    wrong = 0
    for n, row in enumerate(ids):
        targets = plain(example.targets[n])[:-1]
        source = [one for one in example.source[n].tolist() if one not in (PAD, EOS)]
        swapped = [{999: 998, 998: 999}.get(one, one) for one in targets]
        wrong += join_spans(source, swapped, SENTINELS) != plain(row)
    assert wrong > 100


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sentinels": (999,)}, "a row needs .* sentinels, there are 1"),
        ({"denoisers": ()}, "denoisers must hold at least 1"),
        ({"denoisers": (Denoiser(mode_id=5), Denoiser())}, "a mode_id each or none at all"),
    ],
)
def test_bad_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        corrupt(texts(200, 60), **changes)
    for settings in ({"rate": 2.0}, {"rate": float("nan")}, {"mean_span": 0.5}):
        with pytest.raises(ValueError, match=f"{next(iter(settings))} must be"):
            Denoiser(**settings)
