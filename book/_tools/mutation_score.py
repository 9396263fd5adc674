"""The stored score of the package's tests: the planted faults that they notice, and the others."""

from __future__ import annotations

import html
from typing import Any


def told(stored: Any) -> str:
    """The score in a sentence, and every mutant that is left, folded.

    Args:
        stored: What `benchmarks/mutation.py` has stored.
    """
    about = stored["about"]
    left = about["survivors"]
    reasons = [reason for part in left.values() for reason in part.values()]
    items = "".join(
        f"<li>{html.escape(part)}: <code>{html.escape(mutant)}</code>"
        f"{html.escape(reason and f': {reason}')}</li>"
        for part, mutants in left.items()
        for mutant, reason in mutants.items()
    )
    seeds = " and ".join(map(str, sorted({row["seed"] for row in stored["rows"]})))
    worst = min(stored["rows"], key=lambda row: row["share"])
    return (
        f"{sum(row['mutants'] for row in stored['rows']):,} small faults can be planted in "
        f"{len(stored['rows'])} parts of the package ({', '.join(left)}), one operator, number or "
        f"statement each. Of {about['drawn']} drawn with seed {seeds} on {about['date']}, "
        f"the quick tests of their part notice {about['noticed']} "
        f"({about['noticed'] / about['drawn']:.1%}), at worst {worst['share']:.1%} "
        f"({html.escape(worst['part'])}). {len(about['time limit'])} of these run into a limit of "
        f"time. {len(reasons)} are left, {sum(map(bool, reasons))} of them read and found to "
        "change nothing that anyone could see: "
        f"<details><summary>the mutants that are left</summary><ul>{items}</ul></details>"
    )
