"""Texts of an evaluation that stand in the training data, found so that a score means something."""

from collections.abc import Iterable

import numpy as np

from course_lib.checks import check_sizes, check_text
from course_lib.data.curation.duplicates import shingles
from course_lib.data.curation.page import Page, Reason, check_page


class Contamination:
    """Drops a page that shares a run of words with an evaluation text.

    An evaluation text shorter than the run is looked for as a whole, so a short question is not
    overlooked; below ``min_words`` it would match everywhere, and is left out and counted.

    Args:
        evaluation: The texts that must not be trained on.
        n: Words a run.
        min_words: Evaluation texts shorter than this are left out.

    Raises:
        TypeError: If the evaluation is one text or holds what is none, or a count is no whole one.
        ValueError: If no text can be looked for, or a count is not positive.

    Source: Brown et al. 2020 (GPT-3), appendix C: runs of 13 words.
    """

    def __init__(self, evaluation: Iterable[str], *, n: int = 13, min_words: int = 4) -> None:
        [n, min_words] = check_sizes(n=n, min_words=min_words)
        self._runs: dict[int, np.ndarray] = {}
        by_length: dict[int, list[np.ndarray]] = {}
        self.n_left_out = 0
        if isinstance(evaluation, str | bytes) or not isinstance(evaluation, Iterable):
            raise TypeError(f"evaluation must be a list of texts, got {evaluation!r:.60}")
        for place, text in enumerate(evaluation):
            check_text(**{f"evaluation[{place}]": text})
            words = Page(text).lower_words
            if len(words) < min_words:
                self.n_left_out += 1
                continue
            length = min(n, len(words))
            by_length.setdefault(length, []).append(shingles(words, length))
        if not by_length:
            raise ValueError(
                f"evaluation must hold a text of {min_words} words or more, "
                f"got {self.n_left_out} shorter ones"
            )
        self._runs = {n: np.unique(np.concatenate(runs)) for n, runs in by_length.items()}

    def __call__(self, page: Page) -> list[Reason]:
        """Say whether the page shares a run of words with the evaluation."""
        check_page(page)
        words = page.lower_words
        shared = 0
        for n, runs in self._runs.items():
            if len(words) >= n:
                shared += int(np.isin(shingles(words, n), runs, assume_unique=True).sum())
        if not shared:
            return []
        return [Reason("contamination: runs shared with the evaluation", shared, "at most 0")]
