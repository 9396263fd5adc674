"""Chapter 14, code: masking a text, and giving the labels of words to their pieces."""

from __future__ import annotations

from course_lib.exercises.author.spec import Code, Limits, Spec, Wrong
from course_lib.exercises.chapters.ch14_masked import CHAPTER, SECTION
from course_lib.exercises.chapters.ch14_masked import masking as laws
from course_lib.exercises.chapters.ch14_masked.masking import (
    masking_case,
    mlm_mask,
    sizes,
    with_a_count,
    with_loop,
)
from course_lib.exercises.code.edit import edit
from course_lib.exercises.code.judge import REPEATS
from course_lib.exercises.code.laws import Property

_LABELS = "labels = np.where(chosen, ids, -100)"
_END = "    return inputs, labels"
_DRAWN = "chosen = ~np.isin(ids, special_ids) & (rng.random(len(ids)) < 0.15)"

DIAGNOSES = {
    "own-seed": Property("two generators give two maskings", laws.same_masking),
    "labels-everywhere": Property("only chosen tokens have a label", laws.everywhere),
    "zero-for-ignore": Property("what is not asked has the label -100", laws.zeros),
    "labels-are-shown": Property("labels hold what stood there", laws.shown_as_labels),
    "only-hidden-count": Property("exchanged tokens have a label too", laws.hidden_only),
    "changed-only-count": Property("kept tokens have a label too", laws.changed_only),
    "special-chosen": Property("special tokens are never chosen", laws.special_chosen),
    "special-as-random": Property("exchanged tokens are ordinary", laws.special_drawn),
    "shares-of-all": Property("15 % are chosen", laws.shares_of_all),
    "always-hidden": Property("not every chosen token is hidden", laws.always_hidden),
    "two-draws": Property("one draw decides how a token is shown", laws.overlapping),
    "one-fate": Property("each chosen token has a draw of its own", laws.one_fate),
    "one-word": Property("each exchanged token is drawn anew", laws.one_word),
    "few-words": Property("exchanged tokens come from all ordinary ones", laws.few_words),
    "exchanged-most": Property("most chosen tokens are hidden", laws.exchanged_most),
}
PLACES = Property("every place is chosen as often as any other", laws.places)

WRONG = {
    "own-seed": Wrong(
        edit(
            mlm_mask,
            ("    ordinary = np", "    rng = np.random.default_rng(0)\n    ordinary = np"),
        ),
        "Every text is masked alike, whatever `rng` is: you begin a generator of your own in each "
        "call. Draw from the `rng` that you were given.",
        seen_by=DIAGNOSES["own-seed"].name,
    ),
    "labels-everywhere": Wrong(
        edit(mlm_mask, (_LABELS, "labels = ids.copy()")),
        "You ask for every token, so most of the loss goes to copying what is plainly shown. "
        "Labels are -100 wherever a token was not chosen.",
        seen_by=DIAGNOSES["labels-everywhere"].name,
    ),
    "zero-for-ignore": Wrong(
        edit(mlm_mask, (_LABELS, "labels = np.where(chosen, ids, 0)")),
        "You mark what is not asked with 0, which is the id of a token: the model would learn to "
        "say it nearly everywhere. Use -100, which the loss leaves out.",
        seen_by=DIAGNOSES["zero-for-ignore"].name,
    ),
    "labels-are-shown": Wrong(
        edit(mlm_mask, (_END, "    return inputs, np.where(chosen, inputs, -100)")),
        "Your labels hold what is shown, so the model learns to say the mask. Take labels from "
        "`ids`, before anything is hidden.",
        seen_by=DIAGNOSES["labels-are-shown"].name,
    ),
    "only-hidden-count": Wrong(
        edit(mlm_mask, (_END, "    return inputs, np.where(inputs == mask_id, labels, -100)")),
        "Only hidden tokens have a label. All chosen ones are asked for, the exchanged and the "
        "kept ones too: that is what they were chosen for.",
        seen_by=DIAGNOSES["only-hidden-count"].name,
    ),
    "changed-only-count": Wrong(
        edit(mlm_mask, (_END, "    return inputs, np.where(inputs != ids, labels, -100)")),
        "Tokens that are shown as they are have no label. Then a visible token is right only when "
        "it is not asked about, and the model learns to distrust each one it is asked about.",
        seen_by=DIAGNOSES["changed-only-count"].name,
    ),
    "special-chosen": Wrong(
        edit(mlm_mask, ("~np.isin(ids, special_ids) & ", "")),
        "Special tokens are chosen as well. They mark the form of the text and are never asked "
        "for: leave out every id in `special_ids`.",
        seen_by=DIAGNOSES["special-chosen"].name,
    ),
    "special-as-random": Wrong(
        edit(mlm_mask, ("rng.choice(ordinary,", "rng.choice(vocab_size,")),
        "Some tokens are exchanged for special ones. Draw from the ordinary ids only: all those "
        "below `vocab_size` that are not special.",
        seen_by=DIAGNOSES["special-as-random"].name,
    ),
    "shares-of-all": Wrong(
        edit(mlm_mask, ("< 0.15)", "< 0.8)")),
        "You choose 80 % of all tokens. First choose 15 %; the 80 % are a share of those, so 12 % "
        "of all tokens are hidden.",
        seen_by=DIAGNOSES["shares-of-all"].name,
    ),
    "always-hidden": Wrong(
        edit(mlm_mask, ("(kind < 0.8)", "(kind < 1.0)"), ("(kind >= 0.8) & (kind < 0.9)", "False")),
        "Every chosen token is hidden. Hide 80 % of them; exchange 10 % for another ordinary token "
        "and show 10 % as they are.",
        seen_by=DIAGNOSES["always-hidden"].name,
    ),
    "two-draws": Wrong(
        edit(mlm_mask, ("(kind >= 0.8) & (kind < 0.9)", "(rng.random(len(ids)) < 0.1)")),
        "You draw twice, once to hide and once to exchange. A token can be hit by both or by "
        "neither, so about 18 % stay instead of 10 %. Let one draw decide among the three.",
        seen_by=DIAGNOSES["two-draws"].name,
    ),
    "exchanged-most": Wrong(
        edit(
            mlm_mask,
            ("(kind < 0.8)", "(kind < 0.1)"),
            ("(kind >= 0.8) & (kind < 0.9)", "(kind >= 0.2)"),
        ),
        "You exchange most chosen tokens and hide few. It is the other way round: 80 % hidden, "
        "10 % exchanged.",
        seen_by=DIAGNOSES["exchanged-most"].name,
    ),
    "first-tokens": Wrong(
        edit(
            mlm_mask,
            (
                _DRAWN,
                "chosen = ~np.isin(ids, special_ids)\n"
                "    chosen &= np.cumsum(chosen) <= round(0.15 * chosen.sum())",
            ),
        ),
        "You choose the first tokens of each text, so the others are never asked for. Every place "
        "has the same chance.",
        seen_by=PLACES.name,
    ),
    "one-fate": Wrong(
        edit(mlm_mask, ("kind = rng.random(len(ids))", "kind = np.full(len(ids), rng.random())")),
        "One draw decides for the whole text, so its chosen tokens are all hidden or all shown. "
        "Draw for each token.",
        seen_by=DIAGNOSES["one-fate"].name,
    ),
    "one-word": Wrong(
        edit(mlm_mask, ("rng.choice(ordinary, swapped.sum())", "rng.choice(ordinary)")),
        "All tokens that are exchanged become one and the same. Draw as many ids as there are "
        "places.",
        seen_by=DIAGNOSES["one-word"].name,
    ),
    "few-words": Wrong(
        edit(
            mlm_mask,
            (
                "rng.choice(ordinary, swapped.sum())",
                "rng.choice(ordinary[: len(ordinary) // 2], swapped.sum())",
            ),
        ),
        "Tokens are exchanged for some of the ordinary ones only. All ids below `vocab_size` that "
        "are not special have the same chance.",
        seen_by=DIAGNOSES["few-words"].name,
    ),
    "own-chance": Wrong(
        edit(mlm_mask, ("rng.random(len(ids)) < 0.15", "np.random.random(len(ids)) < 0.15")),
        "You draw with a generator of your own, so a run cannot be repeated. Use the `rng` that "
        "you were given.",
        seen_by=REPEATS,
    ),
}

_DEF = '''
import numpy as np

def mlm_mask(ids, special_ids, mask_id, vocab_size, rng):
    """Return (inputs, labels): what the model reads, what it is to say."""
'''
_BEGIN = """    ordinary = np.setdiff1d(np.arange(vocab_size), special_ids)
    # which tokens are asked for: 15 % of those that are not special
    chosen = ~np.isin(ids, special_ids) & (rng.random(len(ids)) < 0.15)
"""
_SHOW = """    kind = rng.random(len(ids))  # one draw a token decides how it is shown
    inputs = ids.copy()
    inputs[chosen & (kind < 0.8)] = mask_id
"""

EXERCISES = [
    Spec(
        id="14.c",
        version=1,
        chapter=CHAPTER,
        section=SECTION,
        kind="code",
        title="Masking by hand",
        prompt="""
        Write `mlm_mask(ids, special_ids, mask_id, vocab_size, rng)` for one row of ids.

        - **Choose** each token that is not special with a chance of 15 %.
        - **Show** a chosen token as `mask_id` with a chance of 80 %, as a random ordinary token
          with 10 %, as it is with 10 %. Ordinary are the ids below `vocab_size` that are not in
          `special_ids`; `mask_id` is one of the special ones.
        - **Ask** for every chosen token: its label is the id that stood there. All others have the
          label -100.

        Return `inputs` and `labels`, both as long as `ids`. Draw with the NumPy generator `rng`.
        """,
        code=Code(
            reference=mlm_mask,
            starters=[
                (
                    "two parts blank",
                    _DEF
                    + _BEGIN
                    + "    labels = ...  # the id where it is asked for, -100 elsewhere\n"
                    + _SHOW
                    + "    swapped = ...  # chosen, and the draw says: another token\n"
                    + "    inputs[swapped] = rng.choice(ordinary, swapped.sum())\n"
                    + _END
                    + "\n",
                ),
                ("only the docstring", _DEF + "    ...\n"),
            ],
            also_correct=[with_loop, with_a_count],
            wrong=WRONG,
            generate=masking_case,
            properties=[
                Property("inputs, labels and shares are right", laws.right),
            ],
            diagnose=[*DIAGNOSES.values(), PLACES],
            observe=sizes,
            limits=Limits(seconds=8.0),
            cases=12,
        ),
        hints=[
            "`rng.random(len(ids)) < 0.15` is True at about 15 % of the places.",
            "One number from 0 to 1 for each token decides between three ways to show it.",
            "Make the labels from `ids` before you change anything, and change a copy.",
        ],
        explain="""
        Most wrong versions of this function train without any error, and where what is shown is
        asked for, copying it is easy. Only counting shows the fault.
        """,
    ),
]
