"""Chapter 14: a masking that is right, two others, the cases and the laws that hold for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_lib.exercises.code.draw import Array, Draw
from course_lib.exercises.code.laws import Case

IGNORE = -100
COUNTED = 60  # ordinary tokens of a text in which shares are counted
CALLS, FEW_CALLS = 300, 20  # where shares are counted, and where they are not
RATE, HIDDEN, SWAPPED = 0.15, 0.8, 0.1
VOCAB_SIZE, N_SPECIAL = 60, 4


def mlm_mask(
    ids: Array, special_ids: Array, mask_id: int, vocab_size: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Choose 15 % of the ordinary tokens; of those hide 80 %, exchange 10 %, keep 10 %."""
    ordinary = np.setdiff1d(np.arange(vocab_size), special_ids)
    chosen = ~np.isin(ids, special_ids) & (rng.random(len(ids)) < 0.15)
    labels = np.where(chosen, ids, -100)
    kind = rng.random(len(ids))
    inputs = ids.copy()
    inputs[chosen & (kind < 0.8)] = mask_id
    swapped = chosen & (kind >= 0.8) & (kind < 0.9)
    inputs[swapped] = rng.choice(ordinary, swapped.sum())
    return inputs, labels


def with_loop(
    ids: Array, special_ids: Array, mask_id: int, vocab_size: int, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Do it token by token."""
    special = {int(one) for one in special_ids}
    inputs, labels = [], []
    for one in ids.tolist():
        shown, label = one, -100
        if one not in special and rng.random() < 0.15:
            label, kind = one, rng.random()
            if kind < 0.8:
                shown = mask_id
            elif kind < 0.9:
                shown = int(rng.integers(vocab_size))
                while shown in special:
                    shown = int(rng.integers(vocab_size))
        inputs.append(shown)
        labels.append(label)
    return inputs, labels


def with_a_count(
    ids: Array, special_ids: Array, mask_id: int, vocab_size: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Choose a fixed number of places, as BERT's own program does."""
    inputs, labels = np.array(ids), np.full(len(ids), -100)
    places = np.flatnonzero(~np.isin(ids, special_ids))
    for place in rng.permutation(places)[: round(0.15 * len(places))]:
        labels[place] = ids[place]
        kind = rng.integers(10)
        if kind < 8:
            inputs[place] = mask_id
        elif kind == 8:
            inputs[place] = rng.choice(np.setdiff1d(np.arange(vocab_size), special_ids))
    return inputs, labels


def masking_case(draw: Draw) -> dict[str, Any]:
    """Draw a text between its marks; every second one is long enough to count shares in."""
    scattered = draw.pick([False, True])
    special = np.array([7, 2, 31, 50] if scattered else [0, 1, 2, 3])
    mask = int(special[draw.integer(0, 3)])
    ordinary = np.setdiff1d(np.arange(VOCAB_SIZE), special)
    counted = draw.pick([False, True])
    n = COUNTED if counted else draw.size(0, 9)
    text = ordinary[draw.integers(n, low=0, high=len(ordinary) - 1)]
    first, last = [one for one in special.tolist() if one != mask][:2]
    ids = np.concatenate([[first], text, [last] * draw.integer(0, 3)]).astype(int)
    return {
        "ids": ids,
        "special_ids": special,
        "mask_id": mask,
        "vocab_size": VOCAB_SIZE,
        "rng": draw.rng(),
    }


def sizes(result: Any) -> tuple[int, int]:
    """Give what does not depend on the draw: how long both results are."""
    inputs, labels = result
    return len(inputs), len(labels)


class Many:
    """What many calls gave, each with a generator of its own: one row a call."""

    def __init__(self, case: Case) -> None:
        n = CALLS if long(case) else FEW_CALLS
        calls = case.repeat(rng=[np.random.default_rng(seed) for seed in range(n)])
        self.ids = np.asarray(case["ids"])
        shape = (n, len(self.ids))
        self.inputs = np.array([inputs for inputs, _ in calls]).reshape(shape)
        self.labels = np.array([labels for _, labels in calls]).reshape(shape)
        self.special = np.isin(self.ids, case["special_ids"])
        self.chosen = self.labels != IGNORE
        self.changed = self.inputs != self.ids
        self.hidden = self.inputs == case["mask_id"]
        self.stray = np.isin(self.inputs, case["special_ids"]) & ~self.special & ~self.hidden


def long(case: Case) -> bool:
    """Tell whether a case has enough ordinary tokens to count shares."""
    return int((~np.isin(case["ids"], case["special_ids"])).sum()) >= COUNTED


def right(case: Case) -> str | None:
    """Hold the form of the result, the shares, and the places, over many calls."""
    many = case.once(Many)
    if not long(case):
        return _fits(many)
    held = (_fits, _never_alike, _shares, _places, _one_by_one, _words, _anew)
    return next((told for check in held if (told := check(many))), None)


def _fits(many: Many) -> str | None:
    """Hold what holds whatever is drawn: labels, places that were not chosen, special tokens."""
    if (many.chosen & (many.labels != many.ids)).any():
        return f"labels must hold the id that stood there, or {IGNORE}"
    if (many.chosen & many.special).any():
        return "a special token was chosen"
    if (many.changed & ~many.chosen).any():
        return f"a token changed although its label is {IGNORE}"
    if many.stray.any():
        return "a token was exchanged for a special one"
    return None


def _far(found: int, n: int, share: float) -> bool:
    return bool(abs(found - n * share) > 5 * np.sqrt(n * share * (1 - share)) + 1)


def _shares(many: Many) -> str | None:
    """Count 15 % chosen, and of those 80 % hidden, 10 % exchanged, 10 % kept."""
    text = ~many.special
    n, n_chosen = CALLS * int(text.sum()), int(many.chosen[:, text].sum())
    if _far(n_chosen, n, RATE):
        return f"Over {CALLS} calls {n_chosen / n:.1%} of the tokens were chosen, not 15 %"
    hit = many.chosen & text
    n_hidden, n_kept = int((hit & many.hidden).sum()), int((hit & ~many.changed).sum())
    if _far(n_hidden, n_chosen, HIDDEN):
        return f"Of the chosen ones {n_hidden / n_chosen:.0%} were hidden, not 80 %"
    if _far(n_kept, n_chosen, 1 - HIDDEN - SWAPPED):
        return f"Of the chosen ones {n_kept / n_chosen:.0%} were shown as they are, not 10 %"
    return None


def _places(many: Many) -> str | None:
    """Count how often each place was chosen; six spreads, since there are many places."""
    found = many.chosen.sum(0)[~many.special]
    far = np.abs(found - CALLS * RATE) - 6 * np.sqrt(CALLS * RATE * (1 - RATE))
    worst = int(far.argmax())
    if far[worst] <= 1:
        return None
    return (
        f"Over {CALLS} calls the ordinary token number {worst} was chosen {found[worst]} times, "
        f"others {int(np.median(found))} times"
    )


def _never_alike(many: Many) -> str | None:
    """Hold that two generators give two maskings: sixty tokens are not chosen alike."""
    if len(many.ids) and (many.inputs == many.inputs[0]).all() and many.chosen.any():
        return f"{CALLS} generators gave one and the same masking"
    return None


def _one_by_one(many: Many) -> str | None:
    """Hold that each chosen token is hidden, or not, by a draw of its own."""
    n_chosen = many.chosen.sum(1)
    alike = (many.chosen & many.hidden).sum(1) == n_chosen
    several = n_chosen > 1
    chance = HIDDEN ** n_chosen[several]
    found, spread = int(alike[several].sum()), np.sqrt((chance * (1 - chance)).sum())
    if abs(found - chance.sum()) <= 6 * spread + 1:
        return None
    return f"In {found} of {several.sum()} calls every chosen token was hidden, in the others none"


def _words(many: Many) -> str | None:
    """Hold that the tokens to exchange for are drawn from all ordinary ones."""
    exchanged = many.chosen & many.changed & ~many.hidden
    n, n_words = int(exchanged.sum()), VOCAB_SIZE - N_SPECIAL
    found = len(np.unique(many.inputs[exchanged]))
    if found < 0.75 * n_words * (1 - (1 - 1 / n_words) ** n):
        return f"{n} tokens were exchanged for only {found} of the {n_words} ordinary ones"
    return None


def _anew(many: Many) -> str | None:
    """Hold that two tokens of one text are not exchanged for the same one."""
    exchanged = many.chosen & many.changed & ~many.hidden
    rows = [row[mark] for row, mark in zip(many.inputs, exchanged, strict=True) if mark.sum() > 1]
    alike = sum(len(set(row.tolist())) == 1 for row in rows)
    if alike > 6 + len(rows) / (VOCAB_SIZE - N_SPECIAL):
        return f"In {alike} of {len(rows)} calls all exchanged tokens became one and the same"
    return None


def same_masking(case: Case) -> str | None:
    """Look for an answer that draws from a generator of its own, begun anew in each call."""
    return _never_alike(case.once(Many)) if long(case) else None


def one_fate(case: Case) -> str | None:
    """Look for one draw that decides for all chosen tokens of a text."""
    return _one_by_one(case.once(Many)) if long(case) else None


def few_words(case: Case) -> str | None:
    """Look for tokens that are exchanged for some of the ordinary ones only."""
    return _words(case.once(Many)) if long(case) else None


def one_word(case: Case) -> str | None:
    """Look for one token that all exchanged ones of a text become."""
    return _anew(case.once(Many)) if long(case) else None


def places(case: Case) -> str | None:
    """Look for places that are chosen more often than others."""
    if not long(case):
        return None
    many = case.once(Many)
    return None if _shares(many) else _places(many)


def everywhere(case: Case) -> str | None:
    """Look for labels at every place."""
    many = case.once(Many)
    whole = bool((many.labels == many.ids).all()) and len(many.ids) > 0
    return "No label is -100" if whole else None


def zeros(case: Case) -> str | None:
    """Look for zeros in the place of -100."""
    many = case.once(Many)
    none = not (many.labels == IGNORE).any() and bool((many.labels == 0).any())
    return "There are zeros where -100 should be" if none else None


def shown_as_labels(case: Case) -> str | None:
    """Look for labels that hold what is shown instead of what stood there."""
    many = case.once(Many)
    same = (many.labels == many.inputs) | ~many.chosen
    wrong = (many.labels != many.ids) & many.chosen
    return "The labels hold what is shown" if same.all() and wrong.any() else None


def hidden_only(case: Case) -> str | None:
    """Look for labels at hidden places only, while others are exchanged too."""
    many = case.once(Many)
    lost = (many.changed & ~many.hidden & ~many.chosen).any()
    only = not (many.chosen & ~many.hidden).any()
    return "Only hidden tokens have a label" if lost and only else None


def changed_only(case: Case) -> str | None:
    """Look for labels at places that changed, none at those shown as they are."""
    many = case.once(Many)
    text = ~many.special
    exchanged = (many.chosen & many.changed & ~many.hidden)[:, text].any()
    kept = (many.chosen & ~many.changed)[:, text].sum()
    few = long(case) and exchanged and kept < 0.03 * max(1, many.chosen.sum())
    return "Tokens shown as they are have no label" if few else None


def special_chosen(case: Case) -> str | None:
    """Look for special tokens among the chosen."""
    many = case.once(Many)
    return "A special token has a label" if (many.chosen & many.special).any() else None


def special_drawn(case: Case) -> str | None:
    """Look for special tokens in the place of ordinary ones."""
    return "A token was exchanged for a special one" if case.once(Many).stray.any() else None


def _of_chosen(case: Case) -> tuple[float, float, float]:
    many = case.once(Many)
    n = max(1, int(many.chosen.sum()))
    hidden, kept = (many.chosen & many.hidden).sum() / n, (many.chosen & ~many.changed).sum() / n
    return float(many.chosen[:, ~many.special].mean()), float(hidden), float(kept)


def always_hidden(case: Case) -> str | None:
    """Look for an answer that hides every chosen token."""
    hidden = _of_chosen(case)[1] if long(case) else 0.0
    return "Every chosen token is hidden" if hidden == 1.0 else None


def overlapping(case: Case) -> str | None:
    """Look for two draws where one is needed: 72 % hidden, 10 % exchanged, 18 % kept."""
    if not long(case):
        return None
    _, hidden, kept = _of_chosen(case)
    return f"{kept:.0%} are kept" if 0.68 < hidden < 0.76 and 0.13 < kept < 0.23 else None


def exchanged_most(case: Case) -> str | None:
    """Look for the shares of hidden and exchanged tokens the wrong way round."""
    if not long(case):
        return None
    _, hidden, kept = _of_chosen(case)
    return f"{hidden:.0%} are hidden" if 0.0 < hidden < 0.2 and kept < 0.2 else None


def shares_of_all(case: Case) -> str | None:
    """Look for an answer that hides 80 % of all tokens."""
    rate = _of_chosen(case)[0] if long(case) else 0.0
    return f"{rate:.0%} of the tokens are chosen" if rate > 0.5 else None
