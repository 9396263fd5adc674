"""Curation: which pages of a crawl are worth a model's time, and why each of the others is not.

Every filter is a pure function from a page to the reasons for dropping it; no reason, and the page
is kept. A filter names *all* the rules that a page breaks, not the first one, so that a report can
say what each rule does alone.
"""

from course_lib.data.curation.contamination import Contamination
from course_lib.data.curation.duplicates import ExactDuplicates, NearDuplicates
from course_lib.data.curation.harmful import harmful_terms
from course_lib.data.curation.language import Language
from course_lib.data.curation.page import Page, Reason
from course_lib.data.curation.paragraphs import RepeatedParagraphs
from course_lib.data.curation.personal_data import find_personal_data, mask_personal_data
from course_lib.data.curation.quality import QualityClassifier
from course_lib.data.curation.repetition import gopher_repetition
from course_lib.data.curation.rules import c4_lines, c4_page, fineweb, gopher_quality, url_blocked

__all__ = [
    "Contamination",
    "ExactDuplicates",
    "NearDuplicates",
    "Page",
    "QualityClassifier",
    "Reason",
    "RepeatedParagraphs",
    "c4_lines",
    "c4_page",
    "find_personal_data",
    "fineweb",
    "gopher_quality",
    "gopher_repetition",
    "harmful_terms",
    "Language",
    "mask_personal_data",
    "url_blocked",
]
