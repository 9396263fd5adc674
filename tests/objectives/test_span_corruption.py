"""Span corruption: the paper's examples and lengths, and every text can be put together again."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import torch

from course_lib.objectives import (
    IGNORE,
    Denoiser,
    Example,
    join_spans,
    span_corruption_example,
    split_spans,
    ul2,
)
from course_lib.objectives.span_corruption import T5, span_counts
from course_lib.tokenizers import Unigram

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


@pytest.mark.slow
@pytest.mark.parametrize(
    "denoisers",
    [(Denoiser(),), ul2(), ul2(5, 6, 7), (Denoiser(0.5, 1.0),), (Denoiser(at_end=True),),
     (Denoiser(1.0, 2),), (Denoiser(0.0),), (Denoiser(anywhere=True),),
     (Denoiser(0.5, 2.0, anywhere=True), Denoiser(), Denoiser(at_end=True)),
     (Denoiser(1.0, 1.0, anywhere=True),)],
)  # fmt: skip
def test_any_text_is_rebuilt_from_source_and_targets(denoisers: tuple[Denoiser, ...]) -> None:
    ids = texts(10_000 if denoisers in (T5, ul2(5, 6, 7)) else 2000, 60)
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


MODES = {5: (0.15, 3.0), 6: (0.5, 8.0)}  # a rate and a mean length that cannot be confused
TWO = tuple(Denoiser(*settings, mode_id=mode) for mode, settings in MODES.items())


class Row(NamedTuple):
    """A text, and what the objective makes of it, without padding."""

    text: list[int]
    source: list[int]
    inputs: list[int]
    targets: list[int]


def rows_of(ids: torch.Tensor, example: Example) -> list[Row]:
    """Take an example apart into rows of plain ids."""
    made = []
    for n, row in enumerate(ids):
        keep = slice(None) if example.source_keep is None else example.source_keep[n]
        asked = example.targets[n] != IGNORE
        made.append(
            Row(
                plain(row),
                example.source[n][keep].tolist(),
                example.inputs[n][asked].tolist(),
                example.targets[n][asked].tolist(),
            )
        )
    return made


def broken_laws(row: Row) -> set[str]:
    """Name what is wrong with a row that was made with TWO."""
    text, source, inputs, targets = row
    broken = set()
    if source[0] not in MODES or any(one in MODES for one in [*source[1:], *inputs, *targets]):
        broken.add("prefix")
    elif source[-1:] == [EOS] and len(text) == 60:
        n_cut = 60 - len([one for one in source if one in text])
        if (n_cut == 9) != (source[0] == 5):
            broken.add("prefix")
    if source[-1] != EOS or targets[-1] != EOS:
        broken.add("end")
    if inputs != [PAD, *targets[:-1]]:
        broken.add("shift")
    used = [one for one in source if one in SENTINELS]
    said = [one for one in targets if one in SENTINELS]
    if used != list(SENTINELS[: len(used)]) or said[: len(used)] != used:
        broken.add("order")
    body = [one for one in source if one not in MODES and one != EOS]
    if any(a in SENTINELS and b in SENTINELS for a, b in pairwise(body)):
        broken.add("neighbours")
    if (body[-1] not in SENTINELS) != (len(said) == len(used) + 1):
        broken.add("closing sentinel")
    if join_spans(body, [one for one in targets if one != EOS], SENTINELS) != text:
        broken.add("rebuild")
    return broken


def ascending(row: Row) -> Row:
    """Count sentinels upwards, as one does who takes `<extra_id_0>` for the lowest id."""
    up = dict(zip(SENTINELS, reversed(SENTINELS), strict=True))
    return row._replace(
        source=[up.get(one, one) for one in row.source],
        inputs=[up.get(one, one) for one in row.inputs],
        targets=[up.get(one, one) for one in row.targets],
    )


def reversed_in_the_targets(row: Row) -> Row:
    """Say the spans in order, behind the sentinels in the opposite order."""
    said = [one for one in row.targets if one in SENTINELS]
    back = dict(zip(said, reversed(said), strict=True))
    targets = [back.get(one, one) for one in row.targets]
    return row._replace(targets=targets, inputs=[PAD, *targets[:-1]])


def one_for_all(row: Row) -> Row:
    """Put the same sentinel in every place."""

    def first(part: list[int]) -> list[int]:
        return [SENTINELS[0] if one in SENTINELS else one for one in part]

    return row._replace(
        source=first(row.source), inputs=first(row.inputs), targets=first(row.targets)
    )


def one_a_token(row: Row) -> Row:
    """Put a sentinel for each cut token, not for each span."""
    ids = torch.tensor([row.text])
    cut = torch.tensor([[one not in row.source for one in row.text]])
    source, targets, number = [row.source[0]], [], 0
    for one, gone in zip(ids[0].tolist(), cut[0].tolist(), strict=True):
        if gone:
            source.append(SENTINELS[number])
            targets += [SENTINELS[number], one]
            number += 1
        else:
            source.append(one)
    targets += [SENTINELS[number]] if not cut[0, -1] else []
    targets.append(EOS)
    return Row(row.text, [*source, EOS], [PAD, *targets[:-1]], targets)


def left_in(row: Row) -> Row:
    """Put the sentinels in, and leave the spans where they are."""
    said = {one: n for n, one in enumerate(row.targets) if one in SENTINELS}
    source: list[int] = []
    for one in row.source:
        source.append(one)
        if one in said:
            for cut in row.targets[said[one] + 1 : -1]:
                if cut in SENTINELS:
                    break
                source.append(cut)
    return row._replace(source=source)


def says(row: Row, targets: list[int]) -> Row:
    return row._replace(targets=targets, inputs=[PAD, *targets[:-1]])


PLANTED = {
    "sentinels count upwards": ("order", ascending),
    "sentinels backwards in the targets": ("order", reversed_in_the_targets),
    "one sentinel for all": ("order", one_for_all),
    "one sentinel a token": ("neighbours", one_a_token),
    "the span left in": ("rebuild", left_in),
    "no closing sentinel": (
        "closing sentinel",
        lambda row: says(row, [*row.targets[:-2], EOS]),
    ),
    "no end": ("end", lambda row: says(row, row.targets[:-1])),
    "not shifted": ("shift", lambda row: row._replace(inputs=row.targets)),
    "shifted twice": ("shift", lambda row: row._replace(inputs=[PAD, PAD, *row.targets[:-2]])),
    "shifted the other way": (
        "shift",
        lambda row: row._replace(inputs=[*row.targets[1:], PAD]),
    ),
    "no prefix": ("prefix", lambda row: row._replace(source=row.source[1:])),
    "prefix at the end": (
        "prefix",
        lambda row: row._replace(source=[*row.source[1:], row.source[0]]),
    ),
    "prefix in the targets": ("prefix", lambda row: says(row, [row.source[0], *row.targets])),
    "prefix of the other denoiser": (
        "prefix",
        lambda row: row._replace(source=[11 - row.source[0], *row.source[1:]]),
    ),
}


def free_ends(n: int = 300) -> list[Row]:
    """Rows of 60 different tokens, cut by one of TWO, some of them ending in a token that stays."""
    ids = torch.stack([torch.randperm(700, generator=generator(n))[:60] + 10 for n in range(n)])
    return rows_of(ids, corrupt(ids, denoisers=[replace(one, anywhere=True) for one in TWO]))


def test_what_is_made_breaks_no_law() -> None:
    ids = torch.stack([torch.randperm(700, generator=generator(n))[:60] + 10 for n in range(300)])
    assert [broken_laws(row) for row in rows_of(ids, corrupt(ids, denoisers=TWO))] == [set()] * 300
    assert all(not broken_laws(row) for row in free_ends())


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_planted_mistakes_are_caught(name: str) -> None:
    """Each mistake breaks its own law in every row that can show it."""
    law, mistake = PLANTED[name]
    rows = free_ends()
    if law == "closing sentinel":
        rows = [row for row in rows if row.source[-2] not in SENTINELS]
    rows = [row for row in rows if sum(one in SENTINELS for one in row.source) > 1]
    assert len(rows) > 100
    assert all(law in broken_laws(mistake(row)) for row in rows)


def test_the_prefix_is_never_cut() -> None:
    """It is put in after the cutting: even where nearly all is cut it stands in front."""
    ids = texts(500, 40)
    example = corrupt(ids, denoisers=(Denoiser(1.0, 1.0, mode_id=5),))
    assert bool((example.source[:, 0] == 5).all())
    assert not bool((example.targets == 5).any()) and not bool((example.inputs == 5).any())


def test_the_sentinels_are_those_of_a_tokenizer() -> None:
    """`<extra_id_0>`, which is used first, has the highest id of its vocabulary."""
    text = " ".join(WORDS)
    tokenizer = Unigram.train([text] * 4, 160, special_tokens=["</s>", "<unk>"], n_sentinels=100)
    sentinels = [tokenizer.sentinel(n) for n in range(100)]
    assert sentinels == list(range(tokenizer.vocab_size - 1, tokenizer.vocab_size - 101, -1))
    words = [tokenizer.encode(word) for word in WORDS]
    rows = torch.tensor([[one for word in words for one in word]])
    gone = [word in ("for", "inviting", "last") for word in WORDS]
    cut = torch.tensor([[g for g, word in zip(gone, words, strict=True) for _ in word]])
    parts = split_spans(rows, cut, sentinels=sentinels, eos_id=tokenizer.special_id("</s>"))
    source, targets = ("".join(tokenizer.decode(part[0].tolist()).split()) for part in parts)
    assert source == "Thankyou<extra_id_0>metoyourparty<extra_id_1>week.</s>"
    assert targets == "<extra_id_0>forinviting<extra_id_1>last<extra_id_2></s>"


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
