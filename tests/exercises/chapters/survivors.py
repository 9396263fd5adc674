"""Mutants of references that behave like the original, each with the reason.

`python -m course_lib.exercises check` makes all mutants and lists those that are not noticed. Of
ALL_MUTANTS the ones below are left.
"""

ALL_MUTANTS = 685

SURVIVORS: dict[str, dict[str, str]] = {
    "04.c": {
        "lengths = np.sqrt((table * table).mean(axis=1, keepdims=True))": (
            "all lengths shrink by one factor, the root of the width, and the order stays"
        ),
    },
    "05.c": {
        "rows = np.ones((n, d))": "every entry of the array is written over",
    },
    "07.c2": {
        "log_total = top[:, -1] + np.log(np.exp(logits - top).sum(axis=1))": (
            "top has one column, so its first and its last are the same"
        ),
    },
    "11.e": {
        "result[seen] = np.where(result[seen] >= 0, result[seen] / penalty, "
        "result[seen] * penalty)": "a logit of 0 stays 0 whether divided or multiplied",
    },
    "11.f": {
        "held = max((n for n in range(len(stop) + 1) if text.endswith(stop[:n])))": (
            "a whole stop string is not in the text any more where this is reached"
        ),
    },
    "13.c": {
        "similarity = len(doc & docs[k]) / union if union else 2.0": (
            "a threshold is at most 1, so any similarity of 1 or more is a copy"
        ),
    },
    "14.c": {
        "chosen = ~np.isin(ids, special_ids) & (rng.random(len(ids)) <= 0.15)": (
            "a draw that is exactly 0.15 is as good as never"
        ),
        "inputs[chosen & (kind <= 0.8)] = mask_id": (
            "a draw that is exactly 0.8 is as good as never"
        ),
        "swapped = chosen & (kind > 0.8) & (kind < 0.9)": (
            "a draw that is exactly 0.8 is as good as never"
        ),
        "swapped = chosen & (kind >= 0.8) & (kind <= 0.9)": (
            "a draw that is exactly 0.9 is as good as never"
        ),
        "swapped = chosen & (kind >= 0.8) & (kind > 0.9)": (
            "the last tenth of the draws is exchanged instead of the last but one"
        ),
    },
    "18.c3": {
        "for stage in range(5):": "a fifth stage cuts what stage 1 cuts, which has not fitted",
    },
    "19.c": {
        "for sizes, weight in zip(lengths, weights, strict=False):": (
            "there are as many weights as sources"
        ),
    },
}
