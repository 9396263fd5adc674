import sys
from pathlib import Path

import pytest

from course_lib.data import digest, pydoc_topics, read_text_files, split, stdlib_docstrings
from course_lib.data.corpora import paragraphs

LONG = "a paragraph that is long enough to be told from a chance agreement of two documents, "


def test_topics_are_english_in_a_fixed_order() -> None:
    topics = pydoc_topics()
    assert topics == pydoc_topics()
    assert len(topics) > 50
    assert sum(map(len, topics)) > 300_000
    assert sum("the" in topic for topic in topics) > 0.9 * len(topics)


def test_topics_are_the_same_on_every_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of exercises, figures and trained tokenizers depend on this text."""
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    assert digest(pydoc_topics()) == "cb776be62378"


@pytest.mark.slow
def test_docstrings_are_found_once_each() -> None:
    texts = stdlib_docstrings()
    assert len(texts) == len(set(texts)) > 5_000
    assert any("Return the absolute value" in text or "JSON" in text for text in texts)


def test_split_keeps_every_document_on_one_side_and_in_order() -> None:
    topics = pydoc_topics()
    train, held_out = split(topics)
    assert sorted(train + held_out) == sorted(topics)
    assert train == [t for t in topics if t in set(train)]
    share = sum(map(len, held_out)) / sum(map(len, topics))
    assert 0.08 < share <= 0.1


def test_no_long_paragraph_of_the_topics_is_on_both_sides() -> None:
    train, held_out = split(pydoc_topics())
    learned = {p for document in train for p in paragraphs(document) if len(p) >= 80}
    measured = {p for document in held_out for p in paragraphs(document) if len(p) >= 80}
    assert measured
    assert not learned & measured
    # The corpus really is of the kind this guards against.
    naive = pydoc_topics()[: len(train)], pydoc_topics()[len(train) :]
    first, second = ({p for d in side for p in paragraphs(d) if len(p) >= 80} for side in naive)
    assert first & second


def test_documents_that_share_text_through_a_third_stay_together() -> None:
    one, two = LONG + "first.", LONG + "second."
    chain = [one, one + "\n\n" + two, two + "\n\nmore"]
    others = [f"document {n} " * 40 for n in range(40)]
    train, held_out = split(chain + others, held_out=0.3)
    assert set(chain) <= set(train) or set(chain) <= set(held_out)


def test_equal_short_documents_stay_together() -> None:
    documents = ["short"] * 3 + [f"other {n}" for n in range(30)]
    for share in (0.1, 0.2, 0.5):
        _, held_out = split(documents, held_out=share)
        assert held_out.count("short") in (0, 3)


def test_split_does_not_depend_on_the_order() -> None:
    documents = [f"document {n} says {n * n}" for n in range(50)]
    _, held_out = split(documents)
    _, reversed_held_out = split(documents[::-1])
    assert sorted(held_out) == sorted(reversed_held_out)


@pytest.mark.parametrize(
    ("documents", "share", "message"),
    [
        (["one"], 0.1, "at least 2 texts to split, got 1"),
        (["one", "two"], 0.0, "between 0 and 1, got 0.0"),
        (["one", "two"], 1.5, "between 0 and 1, got 1.5"),
        (["one " * 50, "two " * 50], 0.1, "held_out 0.1 of 400 characters"),
    ],
)
def test_a_split_that_cannot_be_is_refused(
    documents: list[str], share: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        split(documents, share)


def test_one_text_is_not_a_list_of_texts(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="list of texts"):
        split("a text")
    with pytest.raises(TypeError, match="list of files"):
        read_text_files(str(tmp_path / "a.txt"))


def test_files_are_read_as_they_are(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_bytes("naïve\r\ncafé\n".encode())
    second.write_bytes(b"\xef\xbb\xbfwith a mark")
    assert read_text_files([first, second]) == ["naïve\r\ncafé\n", "with a mark"]


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"good \xff bad", 5),
        (b"cut short \xe2\x82", 10),
        (b"\xef\xbb\xbfab\xff", 5),
        (b"zero\x00byte", 4),
    ],
)
def test_bytes_that_are_no_text_are_named_with_their_offset(
    tmp_path: Path, data: bytes, offset: int
) -> None:
    path = tmp_path / "notes.bin"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"notes\.bin is not .*text.* offset {offset}\b"):
        read_text_files([path])


@pytest.mark.parametrize("data", [b"", b" \n\t\n"])
def test_blank_files_and_no_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "blank.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"blank\.txt holds no text: its {len(data)} bytes"):
        read_text_files([path])
    with pytest.raises(ValueError, match="at least 1 file, got 0"):
        read_text_files([])


def test_digest_tells_corpora_apart() -> None:
    assert digest(["a", "b"]) != digest(["ab"])
    assert digest(["a", "b"]) != digest(["b", "a"])
    assert digest(["a", "b"]) == digest(iter(["a", "b"]))
    assert len(digest([])) == 12
