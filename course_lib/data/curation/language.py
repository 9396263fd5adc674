"""Which language a page is in."""

from course_lib.checks import check_numbers, check_text
from course_lib.data.curation.page import Page, Reason, check_page
from course_lib.extras import needs

_READ_CHARACTERS = 4000


class Language:
    """Drops a page that is not in the wanted language.

    The model knows spelling, not speakers: a dialect written in its own spelling can be taken for
    another language, and a page of three words for any.

    Args:
        language: Two- or three-letter code.
        min_probability: How sure the model must be, 0 to 1.

    Raises:
        ImportError: If py3langid is not installed; the message says how to get it.
        TypeError: If the code is no text, or the probability no number.
        ValueError: If the model does not know the language, or the probability is not 0 to 1.

    Source: Lui and Baldwin 2012, "langid.py: An Off-the-shelf Language Identification Tool". The
    limit 0.65 is that of RefinedWeb and FineWeb, for another model (fastText).
    """

    def __init__(self, language: str = "en", min_probability: float = 0.65) -> None:
        check_text(language=language)
        [min_probability] = check_numbers(min_probability=min_probability)
        if not 0 <= min_probability <= 1:
            raise ValueError(f"min_probability must be 0 to 1, got {min_probability}")
        with needs("text", "language identification"):
            from py3langid.langid import MODEL_FILE, LanguageIdentifier
        # the model ships inside that package; reading it takes half a second
        self._model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        known = {str(code) for code in self._model.labels}
        if language not in known:
            codes = ", ".join(sorted(known))
            raise ValueError(f"language must be one of {codes}; got {language!r:.60}")
        self.wanted, self.min_probability = language, min_probability

    def identify(self, text: str) -> tuple[str, float]:
        """Name the language of a text, from its first 4,000 characters, and how sure that is."""
        check_text(text=text)
        # a lone surrogate is no text, and the model wants UTF-8
        readable = text[:_READ_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
        code, probability = self._model.classify(readable)
        return str(code), float(probability)

    def __call__(self, page: Page) -> list[Reason]:
        """Say why the page is not taken for the wanted language."""
        check_page(page)
        if not page.text.strip():
            return [Reason("language: text", "empty", f"{self.wanted} text")]
        code, probability = self.identify(page.text)
        if code != self.wanted:
            return [Reason("language: language", code, self.wanted)]
        if probability < self.min_probability:
            limit = f"at least {self.min_probability:g}"
            return [Reason("language: probability", probability, limit)]
        return []
