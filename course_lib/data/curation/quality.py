"""A quality filter that is learned: logistic regression on hashed words and pairs of words.

Rules see lengths, marks and repeats. A page of real words in a shuffled order passes all of them,
and so does a good article with a tail of advertising; pairs of words tell both.

"""

import math
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from course_lib.checks import check_lists, check_numbers, check_rng, check_sizes
from course_lib.data.curation.page import Page, Reason, check_page


def features(page: Page, n_buckets: int = 2**16) -> NDArray[np.int64]:
    """Hash every word and every pair of neighbours of a page into one of some buckets.

    Args:
        page: The page.
        n_buckets: How many buckets; different words may share one.

    Returns:
        The buckets that occur, each once, sorted.

    Raises:
        TypeError: If the page is none, or the number no whole one.
        ValueError: If the number is not positive.
    """
    check_page(page)
    [n_buckets] = check_sizes(n_buckets=n_buckets)
    words = page.lower_words
    grams = words + [f"{a} {b}" for a, b in zip(words, words[1:], strict=False)]
    hashed = {zlib.crc32(gram.encode("utf-8", "surrogatepass")) % n_buckets for gram in grams}
    return np.array(sorted(hashed), dtype=np.int64)


class QualityClassifier:
    """Tells pages like the good ones from pages like the bad ones.

    It learns what *its* good pages look like: whoever writes differently is scored lower, which no
    accuracy on its own data shows. Measure it on every group of authors.

    Args:
        weights: One weight a bucket.
        bias: Added to every score.

    Raises:
        TypeError: If the weights are no array of one dimension, or the bias no number.
        ValueError: If one of them is not finite.

    Source: Brown et al. 2020 (GPT-3), appendix A: logistic regression on hashed features, WebText
    against unfiltered pages.
    """

    def __init__(self, weights: NDArray[np.float64], bias: float) -> None:
        [bias] = check_numbers(bias=bias)
        if not isinstance(weights, np.ndarray) or weights.ndim != 1 or not len(weights):
            shown = getattr(weights, "shape", type(weights).__name__)
            raise TypeError(f"weights must be an array, one a bucket, got {shown}")
        if not (np.isfinite(weights).all() and math.isfinite(bias)):
            raise ValueError("weights and bias must be finite: no score is below a limit otherwise")
        self.weights, self.bias = weights, float(bias)

    @classmethod
    def fit(
        cls,
        good: Sequence[Page],
        bad: Sequence[Page],
        *,
        rng: np.random.Generator,
        n_buckets: int = 2**16,
        epochs: int = 10,
        learning_rate: float = 0.5,
        l2: float = 1e-5,
    ) -> "QualityClassifier":
        """Learn from examples by stochastic gradient descent, both kinds weighing the same.

        Args:
            good: Pages to be like.
            bad: Pages to be unlike; a random sample of the raw crawl serves.
            rng: Draws the order.
            n_buckets: Buckets of ``features``.
            epochs: Times every page is read.
            learning_rate: Of the first epoch; it falls to zero.
            l2: Pull of every weight towards zero, relative to the step.

        Returns:
            The classifier.

        Raises:
            TypeError: If an argument is of a wrong type.
            ValueError: If either kind is empty, no page holds a word, or a number is out of range.
        """
        check_lists(good=good, bad=bad)
        check_rng(rng)
        [n_buckets, epochs] = check_sizes(n_buckets=n_buckets, epochs=epochs)
        [learning_rate, l2] = check_numbers(learning_rate=learning_rate, l2=l2)
        if not 0 < learning_rate < math.inf:
            raise ValueError(f"learning_rate must be positive and finite, got {learning_rate}")
        if not 0 <= l2 < math.inf:
            raise ValueError(f"l2 must be 0 or more and finite, got {l2}")
        if not len(good) or not len(bad):
            raise ValueError(
                f"fit needs good and bad pages, got {len(good)} good and {len(bad)} bad"
            )
        rows = [(features(page, n_buckets), 1.0) for page in good]
        rows += [(features(page, n_buckets), 0.0) for page in bad]
        if not any(len(row) for row, _ in rows):
            raise ValueError("fit needs pages with words, got only pages without")
        share = {1.0: 0.5 / len(good), 0.0: 0.5 / len(bad)}
        weights, bias, steps = np.zeros(n_buckets), 0.0, epochs * len(rows)
        step = 0
        for _ in range(epochs):
            for index in rng.permutation(len(rows)):
                row, label = rows[index]
                size = learning_rate * (1 - step / steps)
                step += 1
                # a long page has more features: dividing keeps one page from deciding everything
                scale = 1 / max(1.0, np.sqrt(len(row)))
                logit = bias + scale * weights[row].sum()
                error = label - 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
                gradient = error * share[label] * len(rows)
                weights[row] += size * (gradient * scale - l2 * weights[row])
                bias += size * gradient * 0.1
        return cls(weights, bias)

    def score(self, page: Page) -> float:
        """Probability that the page is a good one, both kinds taken as equally common."""
        row = features(page, len(self.weights))
        logit = self.bias + self.weights[row].sum() / max(1.0, np.sqrt(len(row)))
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))

    def __call__(self, page: Page, min_score: float = 0.5) -> list[Reason]:
        """Drop a page whose score is below the limit, 0 to 1."""
        [min_score] = check_numbers(min_score=min_score)
        if not 0 <= min_score <= 1:
            raise ValueError(f"min_score must be 0 to 1, got {min_score}")
        score = self.score(page)
        if score < min_score:
            return [Reason("quality: score", score, f"at least {min_score:g}")]
        return []
