"""Byte-level BPE: by hand, by law, and against the Rust library."""

import json
import pickle

import pytest
import tiktoken
import tokenizers as rust
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course_lib.tokenizers import ByteLevelBPE
from course_lib.tokenizers.merges import LONG_WORD, _apply_with_heap, apply_merges
from course_lib.tokenizers.pretokenize import PATTERNS
from course_lib.tokenizers.word_cache import WordCache

# Any text but lone surrogates, with the characters that make trouble drawn often.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \t\r\n\0'sSabe\u0301\u200d語😀12"),
    max_size=60,
)


def rust_bpe(texts, vocab_size, special_tokens=()):
    tokenizer = rust.Tokenizer(rust.models.BPE())
    tokenizer.pre_tokenizer = rust.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = rust.decoders.ByteLevel()
    trainer = rust.trainers.BpeTrainer(
        vocab_size=vocab_size,
        show_progress=False,
        special_tokens=list(special_tokens),
        initial_alphabet=rust.pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


@pytest.fixture(scope="module")
def pair(topics):
    """Ours and the Rust library's, trained on the same texts."""
    specials = ["<|endoftext|>", "<|pad|>"]
    ours = ByteLevelBPE.train(topics, 4096, special_tokens=specials)
    return ours, rust_bpe(topics, 4096, specials)


@pytest.fixture(scope="module")
def ours(pair):
    return pair[0]


def saved(tokenizer, folder):
    tokenizer.save(folder)
    return rust.Tokenizer.from_file(str(folder / "tokenizer.json"))


class TestByHand:
    def test_aaabdaaabac(self):
        # 1. aa occurs 4 times, because overlaps count: aa a b d aa a b a c.
        # 2. aa+a and a+b occur twice each; a+b has the smaller ids: aa ab d aa ab a c.
        # 3. aa+ab occurs twice: aaab d aaab a c.
        tokenizer = ByteLevelBPE.train(["aaabdaaabac"], 256 + 3)
        spelled = [tokenizer.tokens[i] for i in tokenizer.encode("aaabdaaabac")]
        assert tokenizer.tokens[256:] == [b"aa", b"ab", b"aaab"]
        assert spelled == [b"aaab", b"d", b"aaab", b"a", b"c"]

    def test_ids_are_in_the_order_of_gpt2(self):
        tokenizer = ByteLevelBPE.train(["x"], 256)
        assert tokenizer.encode("!") == [0]
        assert tokenizer.encode(" ") == [220]
        assert tokenizer.encode("A") == [32]

    def test_overlap_is_merged_left_to_right(self):
        tokenizer = ByteLevelBPE.train(["aaa"], 257)
        assert [tokenizer.tokens[i] for i in tokenizer.encode("aaaaa")] == [b"aa", b"aa", b"a"]

    def test_merges_do_not_cross_words(self):
        tokenizer = ByteLevelBPE.train(["a b a b a b"], 300)
        assert b"a b" not in tokenizer.tokens

    def test_smallest_pair_wins_a_tie(self):
        # cd comes first in the text, ab has the smaller ids; both occur twice.
        tokenizer = ByteLevelBPE.train(["cd ab", "cd ab"], 257, pattern=r"\w+|\s")
        assert tokenizer.tokens[256] == b"ab"


class TestAgainstRust:
    @pytest.mark.parametrize("vocab_size", [256, 300, 1024])
    def test_same_merges(self, topics, vocab_size, tmp_path):
        ours, theirs = ByteLevelBPE.train(topics, vocab_size), rust_bpe(topics, vocab_size)
        ours.save(tmp_path / "ours.json")
        theirs.save(str(tmp_path / "theirs.json"))
        mine = json.loads((tmp_path / "ours.json").read_text())["model"]
        reference = json.loads((tmp_path / "theirs.json").read_text())["model"]
        assert len(mine["merges"]) == vocab_size - 256
        assert mine["merges"] == reference["merges"]
        assert mine["vocab"] == reference["vocab"]

    def test_same_merges_of_hard_texts(self, hard_texts):
        texts = [text for name, text in hard_texts.items() if name not in ("letters", "spaces")]
        ours, theirs = ByteLevelBPE.train(texts, 1500), rust_bpe(texts, 1500)
        assert ours.vocab_size == theirs.get_vocab_size()
        assert all(ours.encode(text) == theirs.encode(text).ids for text in hard_texts.values())

    @pytest.mark.slow
    def test_same_ids_and_offsets_on_the_corpus(self, pair, topics):
        ours, theirs = pair
        for text in topics:
            reference = theirs.encode(text)
            assert ours.encode(text) == reference.ids
            assert ours.offsets(text) == reference.offsets

    def test_same_ids_and_offsets_on_hard_texts(self, pair, hard):
        ours, theirs = pair
        reference = theirs.encode(hard)
        assert ours.encode(hard) == reference.ids
        assert ours.offsets(hard) == reference.offsets
        assert ours.decode(ours.encode(hard)) == hard

    @example(text="a<|pad|> b")
    @given(text=TEXTS)
    def test_same_ids_on_any_text(self, pair, text):
        ours, theirs = pair
        reference = theirs.encode(text)  # there a text may spell a special token, always
        assert ours.encode(text, allow_special=True) == reference.ids
        assert ours.offsets(text, allow_special=True) == reference.offsets

    @pytest.mark.parametrize("pattern", PATTERNS)
    def test_other_patterns(self, topics, pattern, tmp_path, hard_texts):
        ours = ByteLevelBPE.train(topics[:20] + list(hard_texts.values()), 600, pattern=pattern)
        theirs = saved(ours, tmp_path)
        for name, text in hard_texts.items():
            assert ours.encode(text) == theirs.encode(text).ids, name
        assert ByteLevelBPE.load(tmp_path).pattern == pattern

    def test_a_pattern_with_gaps_loses_nothing(self, topics, tmp_path):
        ours = ByteLevelBPE.train(topics[:20], 400, pattern=r" ?[^(\s|[.,!?])]+")
        theirs = saved(ours, tmp_path)
        text = "first (one | two), then. three!?  \n\n four"
        assert ours.encode(text) == theirs.encode(text).ids
        assert ours.decode(ours.encode(text)) == text

    def test_long_words_take_the_heap(self, pair):
        ours, theirs = pair
        word = "internationalization" * 200
        assert len(word) > LONG_WORD
        assert ours.encode(word) == theirs.encode(word).ids


class TestTiktoken:
    @pytest.mark.parametrize("pattern", PATTERNS)
    def test_same_ids(self, topics, pattern, hard_texts):
        ours = ByteLevelBPE.train(topics[:30], 1000, pattern=pattern)
        theirs = tiktoken.Encoding(
            "test",
            pat_str=PATTERNS[pattern],
            mergeable_ranks={token: i for i, token in enumerate(ours.tokens)},
            special_tokens={},
        )
        for name, text in hard_texts.items():
            assert ours.encode(text) == theirs.encode(text), name


class TestLaws:
    @given(text=TEXTS)
    def test_decode_gives_the_text_back(self, ours, text):
        assert ours.decode(ours.encode(text), errors="strict") == text

    @given(data=st.binary(max_size=60))
    def test_decode_bytes_gives_the_bytes_back(self, ours, data):
        assert ours.decode_bytes(ours.encode_bytes(data)) == data

    @given(text=TEXTS)
    def test_bytes_of_a_text_are_encoded_as_the_text(self, ours, text):
        assert ours.encode_bytes(text.encode()) == ours.encode(text)

    @given(text=TEXTS)
    def test_offsets_cover_the_text(self, ours, text):
        spans = ours.offsets(text)
        assert len(spans) == len(ours.encode(text))
        covered = {at for start, end in spans for at in range(start, end)}
        assert covered == set(range(len(text)))
        assert spans == sorted(spans)
        for i, (start, end) in zip(ours.encode(text), spans, strict=True):
            assert ours.tokens[i] in text[start:end].encode()

    @settings(max_examples=200)
    @given(
        ids=st.lists(st.integers(0, 9), max_size=40),
        merges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12, unique=True),
        data=st.data(),
    )
    def test_heap_and_loop_agree(self, ids, merges, data):
        # On any table, also such as no training makes.
        results = [data.draw(st.integers(0, 9)) for _ in merges]
        ranks = {pair: rank for rank, pair in enumerate(merges)}
        assert _apply_with_heap(list(ids), ranks, results) == apply_merges(
            list(ids), ranks, results
        )

    def test_training_twice_gives_the_same(self, topics):
        first, second = (ByteLevelBPE.train(iter(topics[:30]), 700) for _ in range(2))
        assert first.merges == second.merges

    def test_the_memory_of_words_stays_bounded(self, ours):
        memory = WordCache(ours.encode, limit=10)
        for n in range(35):
            assert memory[f"word{n}"] == tuple(ours.encode(f"word{n}"))
            assert len(memory) <= 10
        assert len(memory["x" * 1000]) > 1
        assert "x" * 1000 not in memory
        ours.forget()
        assert ours.encode("word1") == list(memory["word1"])

    def test_two_ways_to_the_same_bytes(self):
        # abc as ab+c and as a+bc: one token, two merges, the vocabulary does not grow.
        texts = ["abc " * 50, "bcd " * 90, "abx " * 60, "ab " * 10, "xabc " * 8]
        ours, theirs = ByteLevelBPE.train(texts, 290), rust_bpe(texts, 290)
        assert all(ours.encode(text) == theirs.encode(text).ids for text in texts)
        assert len(set(ours.tokens)) == ours.vocab_size


class TestSpecial:
    TEXT = "one<|endoftext|>two <|pad|>"

    def test_is_text_unless_asked_for(self, ours):
        ids = ours.encode(self.TEXT)
        assert not set(ids) & set(ours.special_tokens.values())
        assert ours.decode(ids) == self.TEXT

    def test_all(self, pair):
        ours, theirs = pair
        assert ours.encode(self.TEXT, allow_special=True) == theirs.encode(self.TEXT).ids
        assert ours.offsets(self.TEXT, allow_special=True) == theirs.encode(self.TEXT).offsets

    def test_some(self, ours):
        ids = ours.encode(self.TEXT, allow_special=["<|pad|>"])
        assert ids[-1] == ours.special_tokens["<|pad|>"] == 1
        assert ours.special_tokens["<|endoftext|>"] not in ids
        assert ours.decode(ids) == self.TEXT
        assert ours.decode(ids, skip_special=True) == "one<|endoftext|>two "

    def test_unknown_name(self, ours):
        with pytest.raises(ValueError, match=r"'<\|endoftxt\|>'.*nearest is '<\|endoftext\|>'"):
            ours.encode(self.TEXT, allow_special=["<|endoftxt|>"])

    def test_unknown_spelling_is_text(self, ours):
        text = "<|nothing|>"
        assert ours.decode(ours.encode(text, allow_special=True)) == text

    def test_longest_name_wins(self, topics):
        ours = ByteLevelBPE.train(topics[:5], 300, special_tokens=["<a", "<a>"])
        assert ours.encode("<a>", allow_special=True) == [1]

    def test_one_that_swallows_space(self, ours, tmp_path):
        ours.save(tmp_path)
        file = tmp_path / "tokenizer.json"
        content = json.loads(file.read_text())
        content["added_tokens"][1]["lstrip"] = True
        file.write_text(json.dumps(content))
        loaded, theirs = ByteLevelBPE.load(file), rust.Tokenizer.from_file(str(file))
        text = "a  <|pad|> b<|pad|>"
        assert loaded.encode(text, allow_special=True) == theirs.encode(text).ids
        loaded.save(file)
        assert json.loads(file.read_text())["added_tokens"] == content["added_tokens"]


class TestFiles:
    def test_rust_reads_ours(self, ours, tmp_path, hard):
        theirs = saved(ours, tmp_path)
        assert theirs.encode(hard).ids == ours.encode(hard)
        assert theirs.decode(ours.encode(hard)) == hard

    def test_ours_reads_rust(self, pair, tmp_path):
        ours, theirs = pair
        theirs.save(str(tmp_path / "tokenizer.json"))
        loaded = ByteLevelBPE.load(tmp_path)
        assert loaded.merges == ours.merges
        assert loaded.tokens == ours.tokens
        assert loaded.special_tokens == ours.special_tokens

    def test_load_save_load(self, ours, tmp_path):
        ours.save(tmp_path / "a.json")
        ByteLevelBPE.load(tmp_path / "a.json").save(tmp_path / "b.json")
        assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()

    def test_vocab_and_merges(self, pair, tmp_path, hard):
        ours, theirs = pair
        theirs.model.save(str(tmp_path))
        assert sorted(p.name for p in tmp_path.iterdir()) == ["merges.txt", "vocab.json"]
        loaded = ByteLevelBPE.load(tmp_path)
        assert loaded.encode(hard) == ours.encode(hard)
        assert loaded.special_tokens == ours.special_tokens

    def test_merges_without_their_file(self, pair, tmp_path):
        pair[1].model.save(str(tmp_path))
        (tmp_path / "merges.txt").unlink()
        with pytest.raises(FileNotFoundError, match="merges.txt"):
            ByteLevelBPE.load(tmp_path)

    def test_old_files_write_merges_as_one_string(self, ours, tmp_path):
        ours.save(tmp_path)
        file = tmp_path / "tokenizer.json"
        content = json.loads(file.read_text())
        content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]
        del content["model"]["type"]
        file.write_text(json.dumps(content))
        assert ByteLevelBPE.load(file).merges == ours.merges

    def test_prefix_space_and_ignore_merges(self, ours, tmp_path, hard):
        special = ours.special_tokens
        options = {"ignore_merges": True, "add_prefix_space": True}
        tokens = ours.ordinary_tokens
        tokens[ours.vocab_size] = b" zebraword"  # reached by no merge
        changed = ByteLevelBPE(tokens, ours.merges, special, **options)
        theirs = saved(changed, tmp_path)
        for text in (hard, "zebraword", " zebraword", "\tzebraword"):
            assert changed.encode(text) == theirs.encode(text).ids
        loaded = ByteLevelBPE.load(tmp_path)
        assert (loaded.ignore_merges, loaded.add_prefix_space) == (True, True)
        assert len(changed.offsets(hard)) == len(changed.encode(hard))

    def test_pickle(self, ours, hard):
        assert pickle.loads(pickle.dumps(ours)).encode(hard) == ours.encode(hard)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"normalizer": {"type": "Unheard"}}, "normalizer of type Unheard"),
            ({"pre_tokenizer": {"type": "Whitespace"}}, r"pre_tokenizer \['Whitespace'\]"),
            ({"decoder": None}, "decoder of type None"),
            ({"model": {"type": "WordPiece", "vocab": {}}}, "is a WordPiece tokenizer, not BPE"),
            ({"model": {"type": "BPE"}}, "no model with a vocabulary"),
        ],
    )
    def test_foreign_files_are_refused(self, ours, tmp_path, change, message):
        ours.save(tmp_path)
        file = tmp_path / "tokenizer.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
        with pytest.raises(ValueError, match=message):
            ByteLevelBPE.load(file)

    def test_broken_files(self, ours, tmp_path):
        file = tmp_path / "tokenizer.json"
        with pytest.raises(FileNotFoundError):
            ByteLevelBPE.load(file)
        with pytest.raises(FileNotFoundError, match="none of"):
            ByteLevelBPE.load(tmp_path)
        file.write_text("{")
        with pytest.raises(ValueError, match="not JSON"):
            ByteLevelBPE.load(file)
        file.write_bytes(b"\xff")
        with pytest.raises(ValueError, match="not UTF-8"):
            ByteLevelBPE.load(file)
        ours.save(file)
        content = json.loads(file.read_text())
        content["model"]["merges"][7] = ["Ġ", "nothing"]
        file.write_text(json.dumps(content))
        with pytest.raises(ValueError, match="merge 7"):
            ByteLevelBPE.load(file)

    def test_nothing_half_written(self, ours, tmp_path, monkeypatch):
        file = tmp_path / "tokenizer.json"
        file.write_text("before")

        def fail(*_):
            raise OSError("disk full")

        monkeypatch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="disk full"):
            ours.save(file)
        assert file.read_text() == "before"
        assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]


class TestBadInput:
    def test_lone_surrogate(self, ours):
        with pytest.raises(ValueError, match="lone surrogate.*character 2"):
            ours.encode("ab\ud83d")
        with pytest.raises(ValueError, match="lone surrogate"):
            ours.offsets("\udc80")
        with pytest.raises(ValueError, match=r"texts\[1\].*lone surrogate"):
            ByteLevelBPE.train(["good", "\udc80"], 300)

    @pytest.mark.parametrize("texts", [[], [""], iter(())])
    def test_empty_corpus(self, texts):
        with pytest.raises(ValueError, match="texts"):
            ByteLevelBPE.train(texts, 300)

    def test_vocabulary_smaller_than_the_alphabet(self):
        with pytest.raises(ValueError, match="at least 257.*got 256"):
            ByteLevelBPE.train(["text"], 256, special_tokens=["<x>"])

    def test_corpus_that_runs_out(self):
        assert ByteLevelBPE.train(["ab"], 1000).vocab_size == 257

    def test_one_string_is_no_list(self):
        with pytest.raises(TypeError, match="texts"):
            ByteLevelBPE.train("a text", 300)

    def test_not_a_string(self, ours):
        with pytest.raises(TypeError, match="text"):
            ours.encode(b"bytes")
        with pytest.raises(TypeError, match=r"texts"):
            ByteLevelBPE.train(["a", 3], 300)

    @pytest.mark.parametrize("bad", [-1, 4096, 10**9])
    def test_unknown_id(self, ours, bad):
        with pytest.raises(ValueError, match=f"id {bad}"):
            ours.decode([1, bad])

    def test_half_a_character(self, ours):
        ids = ours.encode("\u0e2a")  # a letter the corpus does not have: one token per byte
        assert len(ids) == 3
        assert ours.decode(ids[:2]) == "\ufffd"
        with pytest.raises(UnicodeDecodeError):
            ours.decode(ids[:2], errors="strict")

    def test_tensor_of_ids(self, ours):
        import torch

        assert ours.decode(torch.tensor(ours.encode("a text"))) == "a text"
        with pytest.raises(TypeError, match="row by row"):
            ours.decode(torch.tensor([[1, 2], [3, 4]]))

    def test_bad_pattern(self):
        with pytest.raises(ValueError, match="pattern.*gpt2"):
            ByteLevelBPE.train(["text"], 300, pattern="(")

    def test_inconsistent_parts(self, ours):
        tokens = ours.ordinary_tokens
        with pytest.raises(ValueError, match=r"merges\[0\]"):
            ByteLevelBPE(tokens, [(2, 2)])
        with pytest.raises(ValueError, match="has the id of"):
            ByteLevelBPE(tokens, [], {"<x>": 5})
        with pytest.raises(ValueError, match="occur twice"):
            ByteLevelBPE(tokens | {9999: b"a"}, [])
        with pytest.raises(ValueError, match="empty string"):
            ByteLevelBPE(tokens, [], {"": 9999})


def test_progress_is_shown_when_asked(topics, capsys):
    ByteLevelBPE.train(topics[:3], 300)
    assert capsys.readouterr().err == ""
    ByteLevelBPE.train(topics[:3], 300, progress=True)
    shown = capsys.readouterr().err
    assert "read" in shown and "merge" in shown
