"""Items from files of the three formats, and every way in which such a file can be wrong."""

from pathlib import Path

import pytest

from course_lib.tasks import LabelledText, Question, TaggedWords, TextPair
from course_lib.tasks.files import labels_of, read_items

TAGGED = TaggedWords(("Ada", "came", "."), ("B-PER", "O", "O"))
ASKED = Question("Ada likes tea.", "What does Ada like?", "tea", 10)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "items"),
    [
        ("a.csv", "text,label\n\"good, very\",1\nbad,0\n",
         [LabelledText("good, very", "1"), LabelledText("bad", "0")]),
        ("a.tsv", "label\ttext\tmore\nyes\tgood\tx\n", [LabelledText("good", "yes")]),
        ("a.csv", "\ufefftext,label\r\n\"two\nlines\",a\r\n\r\n",
         [LabelledText("two\nlines", "a")]),
        ("a.jsonl", '{"text": "a", "label": 1.0}\n{"text": "b", "label": 1.5}\n',
         [LabelledText("a", "1"), LabelledText("b", "1.5")]),
        ("a.jsonl", '{"text": "a", "label": -0.0}\n{"text": "b", "label": 1e300}\n',
         [LabelledText("a", "0"), LabelledText("b", "1e+300")]),
        ("a.jsonl", '{"words": ["a", "b"], "labels": [1.0, 2]}\n',
         [TaggedWords(("a", "b"), ("1", "2"))]),
        ("a.jsonl", '{"text": "good", "label": 1}\n\n{"text": "b", "label": "x"}',
         [LabelledText("good", "1"), LabelledText("b", "x")]),
        ("a.jsonl", '{"words": ["Ada", "came", "."], "labels": ["B-PER", "O", "O"]}\n', [TAGGED]),
        ("a.csv", "words,labels\nAda came .,B-PER O O\n", [TAGGED]),
        ("a.conll", "Ada B-PER\ncame O\n. O\n", [TAGGED]),
        ("a.conll", "-DOCSTART- -X- O O\n\nAda NNP x B-PER\ncame VB x O\n. . x O\n\n\nAda\tO\n",
         [TAGGED, TaggedWords(("Ada",), ("O",))]),
        ("a.bio", "# sent_id = 1\nAda B-PER\r\ncame O\r\n. O\r\n\r\n", [TAGGED]),
        ("a.conll", "# O\nS\u00e3o\u00a0Paulo B-LOC\n", [TaggedWords(("#", "S\u00e3o\u00a0Paulo"),
         ("O", "B-LOC"))]),
        ("a.json", '[{"text": "a",\n "label": "x"}, {"text": "b", "label": "y"}]',
         [LabelledText("a", "x"), LabelledText("b", "y")]),
        ("a.csv", "source,target\nthe dog,le chien\n", [TextPair("the dog", "le chien")]),
        ("a.jsonl", '{"context": "Ada likes tea.", "question": "What does Ada like?", '
         '"answer": "tea"}', [ASKED]),
        ("a.jsonl", '{"context": "Ada likes tea.", "question": "What does Ada like?", '
         '"answer": "tea", "start": 10}', [ASKED]),
        ("a.csv", "context,question,answer,start\nAda likes tea.,What does Ada like?,tea,10\n",
         [ASKED]),
    ],
)  # fmt: skip
def test_each_format_gives_the_items(tmp_path: Path, name: str, content: str, items: list) -> None:
    assert read_items(write(tmp_path, name, content), type(items[0])) == items


GOOD_BAD = [LabelledText("good, very", "1"), LabelledText("bad", "0")]
HERE = TaggedWords(("I", "am"), ("PRON", "AUX"))
CONLLU = (
    "# text = I am\n1-2\tI'm\t_\t_\t_\t_\t_\t_\t_\t_\n1\tI\tI\tPRON\tPRP\t_\t2\tnsubj\t_\t_\n"
    "2\tam\tbe\tAUX\tVBP\t_\t0\troot\t_\t_\n2.1\tx\t_\tX\t_\t_\t_\t_\t_\t_\n\n"
)


@pytest.mark.parametrize(
    ("name", "content", "items"),
    [
        ("a.csv", "text;label\ngood, very;1\nbad;0\n", GOOD_BAD),
        ("a.csv", "id;label;text\r\n7;1;good, very\r\n8;0;bad\r\n", GOOD_BAD),
        ("a.csv", "sep=;\ntext;label\ngood, very;1\nbad;0\n", GOOD_BAD),
        ("a.csv", "text\tlabel\ngood, very\t1\nbad\t0\n", GOOD_BAD),
        ("a.tsv", 'text,label\n"good, very",1\nbad,0\n', GOOD_BAD),
        ("a.csv", 'text, label\n"good, very", "1"\nbad, 0\n', GOOD_BAD),
        ("a.csv", ',,text,label,,\n0,,"good, very",1,,\n1,,bad,0,,\n', GOOD_BAD),
        ("a.csv", 'text,label\r"good, very",1\rbad,0\r', GOOD_BAD),
        ("a.jsonl", '{"text":"good, very","label":1}\r{"text":"bad","label":0}\r', GOOD_BAD),
        ("a.jsonl", '\ufeff{"text":"good, very","label":1}\r\n\ufeff{"text":"bad","label":0}',
         GOOD_BAD),
        ("a.conll", "\n\nAda B-PER\rcame O\r. O\r\r\n", [TAGGED]),
        ("a.conll", "New York\tx\tB-LOC\n", [TaggedWords(("New York",), ("B-LOC",))]),
        ("a.csv", "words,labels\n\"['Ada', 'came', '.']\",\"['B-PER', 'O', 'O']\"\n", [TAGGED]),
        ("a.tsv", 'words\tlabels\n["Ada", "came", "."]\t["B-PER", "O", "O"]\n', [TAGGED]),
        ("a.csv", 'words,labels\nAda came,"[3, 0]"\n', [TaggedWords(("Ada", "came"), ("3", "0"))]),
        ("a.csv", "words,labels\n[ Ada ],O B-PER O\n",
         [TaggedWords(("[", "Ada", "]"), ("O", "B-PER", "O"))]),
        ("a.jsonl", '{"words": ["Ada", "came"], "labels": [3, 0]}',
         [TaggedWords(("Ada", "came"), ("3", "0"))]),
        ("a.conllu", CONLLU, [HERE]),
        ("a.conllu", CONLLU.replace("\n", "\r\n") + CONLLU.rstrip(), [HERE, HERE]),
        ("a.csv", "context,question,answer,start\nAda likes tea.,What does Ada like?,tea,10.0\n",
         [ASKED]),
    ],
)  # fmt: skip
def test_files_are_read_as_programs_write_them(tmp_path, name: str, content: str, items) -> None:
    assert read_items(write(tmp_path, name, content), type(items[0])) == items


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "review,stars\ngood,5\n")
    columns = {"text": "review", "label": "stars"}
    assert read_items(path, LabelledText, columns) == [LabelledText("good", "5")]


@pytest.mark.parametrize(
    ("name", "content", "kind", "message"),
    [
        ("a.csv", "", LabelledText, "a.csv holds no text: its 0 bytes are all blank"),
        ("a.csv", " \n\n", LabelledText, "a.csv holds no text"),
        ("a.csv", "text,label\n", LabelledText, "a.csv holds no item"),
        ("a.conll", "-DOCSTART- O\n\n", TaggedWords, "a.conll holds no item"),
        ("a.csv", b"text,label\ncaf\xe9,a\n", LabelledText, "is not UTF-8 text: byte 0xe9 at"),
        ("a.csv", "text,label\na,b\n".encode("utf-16"), LabelledText, "a.csv is not UTF-8 text"),
        ("a.csv", b"text,label\na\0,b\n", LabelledText, "is not text: byte 0x00 at offset 12"),
        ("a.csv", "review,label\ngood,1\n", LabelledText,
         "line 2: no column 'text' for text; it has review, label"),
        ("a.jsonl", '{"text": "a"}', LabelledText, "line 1: no column 'label' for label"),
        ("a.jsonl", '{"words": ["a"], "tags": ["O"]}', TaggedWords, "no column 'labels'"),
        ("a.csv", "text,label\ngood\n", LabelledText, "line 2: 1 fields, but .* names 2 columns"),
        ("a.csv", "text,label\na,b,c\n", LabelledText, "line 2: 3 fields, but .* names 2 columns"),
        ("a.csv", 'text,label\n"open,b\n', LabelledText, "line 2: unexpected end of data"),
        ("a.csv", "text,text\na,b\n", LabelledText, "line 1: a column comes twice"),
        ("a.csv", "text,label\n ,b\n", LabelledText, "line 2: text is blank"),
        ("a.csv", "text,label\na,\n", LabelledText, "line 2: label is blank"),
        ("a.jsonl", "{", LabelledText, "line 1: no JSON: "),
        ("a.jsonl", "[1]", LabelledText, r"line 1: wanted a JSON object, got \[1\]"),
        ("a.jsonl", '{"text": 3, "label": "a"}', LabelledText, "text must be text, got int"),
        ("a.jsonl", '{"text": "a", "label": []}', LabelledText, "label must be text, got list"),
        ("a.jsonl", '{"words": ["a"], "labels": ["O", "O"]}', TaggedWords,
         "line 1: labels must be one a word: got 2 for 1 words"),
        ("a.jsonl", '{"words": ["a", "b"], "labels": ["O"]}', TaggedWords, "got 1 for 2 words"),
        ("a.jsonl", '{"words": ["a "], "labels": ["O"]}', TaggedWords,
         r"words\[0\] is 'a ': must not be blank at its ends"),
        ("a.jsonl", '{"words": [""], "labels": ["O"]}', TaggedWords, r"words\[0\] is '': must not"),
        ("a.jsonl", '{"text": null, "label": "a"}', LabelledText, "text must be text, got None"),
        ("a.json", '[{"text": "a", "label": "b"}, 3]', LabelledText, "line 2: wanted a JSON"),
        ("a.json", '[{"text": "a"', LabelledText, "line 1: no JSON: "),
        ("a.jsonl", '{"words": [], "labels": []}', TaggedWords, "line 1: words is empty"),
        ("a.jsonl", '{"words": [1], "labels": ["O"]}', TaggedWords, "words must be texts"),
        ("a.csv", 'words,labels\nAda came,"[O, O]"\n', TaggedWords,
         r"line 2: labels '\[O, O\]' is no list that can be read"),
        ("a.conll", "Ada B-PER\ncame\n", TaggedWords, "line 2: wanted a word and its label"),
        ("a.conll", "Ada O\n", LabelledText, "a CoNLL file holds labels of words, wanted is"),
        ("a.jsonl", '{"context": "a", "question": "b", "answer": "c"}', Question,
         "line 1: answer 'c' is not in the context"),
        ("a.jsonl", '{"context": "a", "question": "b", "answer": "a", "start": 4}', Question,
         "must stand at character 4"),
        ("a.jsonl", '{"context": "a", "question": "b", "answer": "a", "start": "x"}', Question,
         "start must be a number, got 'x'"),
        ("a.xlsx", "x", LabelledText, "must end in .csv, .tsv"),
        *(("a.jsonl", f'{{"context": "a", "question": "b", "answer": "a", "start": {start}}}',
           Question, "start must be a number, got") for start in ("0.5", "true", '"0_0"', "-1")),
        *(("a.jsonl", f'{{"text": "a", "label": {label}}}', LabelledText, "line 1: no JSON: ")
          for label in ("NaN", "Infinity", "-1e999", "9" * 5000)),
        ("a.jsonl", '{"text": "a", "label": 1}\n{"text": "a", "label": 1, "label": 2}',
         LabelledText, "line 2: no JSON: the key 'label' comes twice"),
        ("a.jsonl", '{"text": "a\\ud800", "label": 1}', LabelledText, "text has '.ud800': half of"),
        ("a.jsonl", '{"text": "a", "label": "\\udfff"}', LabelledText, "label has '.udfff': half"),
        ("a.jsonl", '{"words": ["\\ud800"], "labels": ["O"]}', TaggedWords, "words has '.ud800'"),
        ("a.csv", "words,labels\n['Ada' 'came'],O O\n", TaggedWords, "begins as a list of Python"),
        ("a.conll", "Ada NNP B-PER\ncame O\n", TaggedWords,
         "line 2: 2 columns, but line 1 of the same text has 3"),
        ("a.conll", "# a comment\nAda B-PER\n", TaggedWords, "line 2: 2 columns, but line 1"),
        ("a.conll", CONLLU, TaggedWords, "line 2: this is CoNLL-U"),
        ("a.conllu", "Ada B-PER\n", TaggedWords, "line 1: wanted the ten columns of CoNLL-U"),
        ("a.conllu", CONLLU, LabelledText, "a CoNLL file holds labels of words"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content, kind, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        read_items(write(tmp_path, name, content), kind)


def test_a_column_that_no_item_has_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\na,b\n")
    with pytest.raises(ValueError, match="columns names 'txt': LabelledText has text, label"):
        read_items(path, LabelledText, {"txt": "text"})
    with pytest.raises(ValueError, match="columns reads 'label' twice: as text and as label"):
        read_items(path, LabelledText, {"text": "label"})
    with pytest.raises(ValueError, match="kind must be one of"):
        read_items(path, str)
    with pytest.raises(FileNotFoundError):
        read_items(tmp_path / "none.csv", LabelledText)
    with pytest.raises(ValueError, match="is no ordinary file"):
        (tmp_path / "b.csv").mkdir()
        read_items(tmp_path / "b.csv", LabelledText)


def test_labels_are_sorted_with_no_entity_first() -> None:
    assert labels_of([TAGGED, TaggedWords(("x",), ("B-LOC",))]) == ["O", "B-LOC", "B-PER"]
    with pytest.raises(ValueError, match=r"at least 2 different ones, got \['a'\]"):
        labels_of([LabelledText("x", "a")])
