"""A crawl that is made, not fetched: every page says what is wrong with it and who wrote it."""

from course_lib.data.crawl.articles import article
from course_lib.data.crawl.kinds import BLOCKED_HOSTS, KINDS, LISTED_TERMS, Kind
from course_lib.data.crawl.make import SHARES, as_html, make_crawl, write_warc

__all__ = [
    "BLOCKED_HOSTS",
    "KINDS",
    "LISTED_TERMS",
    "SHARES",
    "Kind",
    "article",
    "as_html",
    "make_crawl",
    "write_warc",
]
