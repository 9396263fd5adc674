"""Mutants of references that behave like the original, each with the reason."""

SURVIVORS: dict[str, dict[str, str]] = {
    "07.c2": {
        "log_total = top[:, -1] + np.log(np.exp(logits - top).sum(axis=1))": (
            "top has one column, so its first and its last are the same"
        ),
    },
}
