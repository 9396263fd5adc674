"""Unigram: by hand, by law, and against the Rust library on loaded models."""

import itertools
import json
import math
import random
import unicodedata

import pytest
import tokenizers as rust
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from course_lib.tokenizers import Unigram, WordPiece
from course_lib.tokenizers.metaspace import Metaspace
from course_lib.tokenizers.normalizers import build_normalizer
from course_lib.tokenizers.segment import Segmenter
from course_lib.tokenizers.unigram_trainer import _Lattice, learn_pieces

torch.set_num_threads(1)  # small operations: a second thread only waits
SPECIAL = {"<pad>": 0, "</s>": 1, "<unk>": 2}
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from(" \t\n\u2581theand the.,'e\u0301語ﬁ①"),
    max_size=50,
)
PRE_TOKENIZERS = {
    "plain": rust.pre_tokenizers.Metaspace(),
    "white space": rust.pre_tokenizers.Sequence(
        [rust.pre_tokenizers.WhitespaceSplit(), rust.pre_tokenizers.Metaspace()]
    ),
    "across words": rust.pre_tokenizers.Metaspace(prepend_scheme="never", split=False),
}
NORMALIZERS = {
    "plain": None,
    "white space": rust.normalizers.NFKC(),
    "across words": rust.normalizers.Sequence(
        [
            rust.normalizers.NFKC(),
            rust.normalizers.Replace(rust.Regex(" {2,}"), " "),
            rust.normalizers.Lowercase(),
        ]
    ),
}


def rust_unigram(texts, vocab_size, kind="plain"):
    tokenizer = rust.Tokenizer(rust.models.Unigram())
    tokenizer.pre_tokenizer = PRE_TOKENIZERS[kind]
    if NORMALIZERS[kind]:
        tokenizer.normalizer = NORMALIZERS[kind]
    scheme = "never" if kind == "across words" else "always"
    tokenizer.decoder = rust.decoders.Metaspace(prepend_scheme=scheme)
    trainer = rust.trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=list(SPECIAL), unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


@pytest.fixture(scope="module", params=list(PRE_TOKENIZERS))
def pair(request, topics, hard_texts, tmp_path_factory):
    """A model that the Rust library trained, in its hands and in ours."""
    texts = topics[:12] + [hard_texts["cjk"], hard_texts["combining"]]
    theirs = rust_unigram(texts, 700, request.param)
    file = tmp_path_factory.mktemp("unigram") / "tokenizer.json"
    theirs.save(str(file))
    return Unigram.load(file), theirs


@pytest.fixture(scope="module")
def trained(topics):
    """Ours, trained by us, with everything T5 has and the bytes."""
    return Unigram.train(topics[:6], 256 + 3 + 5 + 500, n_sentinels=5, byte_fallback=True)


def hand_made(pieces, **options):
    listed = [(name, 0.0) for name in SPECIAL] + list(pieces.items())
    return Unigram(listed, SPECIAL, **options)


def every_cut(word):
    for n in range(len(word)):
        for places in itertools.combinations(range(1, len(word)), n):
            yield list(itertools.pairwise([0, *places, len(word)]))


class TestByHand:
    PIECES = {"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0, "cd": 1.0, "ab": 2.0, "abc": 5.0}

    def test_unknown_characters_are_one_token(self):
        # The reference's own test: the best cut of abcdacdxx is abcd, a, cd, xx.
        spaces = Metaspace(prefix=False)
        tokenizer = hand_made(self.PIECES | {"abcd": 10.0}, spaces=spaces)
        ids = tokenizer.encode("abcdacdxx")
        assert [tokenizer.tokens[i] for i in ids] == ["abcd", "a", "cd", "<unk>"]
        assert tokenizer.offsets("abcdacdxx") == [(0, 4), (4, 5), (5, 7), (7, 9)]

    def test_first_of_equals_wins(self):
        # ab|c and a|bc have the same product; the one that begins its last piece earlier is kept.
        tokenizer = Segmenter({"a": -1.0, "c": -1.0, "ab": -2.0, "bc": -2.0}, -2.0)
        assert tokenizer.best("abc") == [(0, 1), (1, 3)]

    def test_best_of_three(self):
        tokenizer = hand_made({"▁": -1.0, "▁un": -2.0, "un": -4.0, "do": -3.0, "und": -2.5})
        ways = tokenizer.n_best("undo", 3)
        assert ways[0] == (-5.0, ["▁un", "do"])
        assert ways[1] == (-8.0, ["▁", "un", "do"])

    def test_space_belongs_to_the_next_word(self):
        assert Metaspace().cut("a  bc d") == ["▁a", "▁", "▁bc", "▁d"]
        assert Metaspace(prefix=False).cut("a b") == ["a", "▁b"]
        assert Metaspace(split_at_space=True).cut(" a \n b") == ["▁a", "▁b"]
        assert Metaspace(split_words=False).cut("a b") == ["▁a▁b"]
        assert Metaspace().cut("") == []


class TestSegmenter:
    PIECES = {
        piece: -random.Random(piece).uniform(0.5, 6)
        for n in (1, 2, 3)
        for piece in map("".join, itertools.product("abc", repeat=n))
        if n == 1 or random.Random(piece).random() < 0.6
    }

    def score(self, word, spans):
        return sum(self.PIECES.get(word[a:b], -math.inf) for a, b in spans)

    @given(word=st.text("abc", min_size=1, max_size=8))
    def test_best_is_the_best_of_all(self, word):
        segmenter = Segmenter(self.PIECES, -6.0)
        best = max(self.score(word, cut) for cut in every_cut(word))
        assert self.score(word, segmenter.best(word)) == pytest.approx(best)

    @given(word=st.text("abc", min_size=1, max_size=8), n=st.integers(1, 6))
    def test_n_best_are_the_best_of_all(self, word, n):
        segmenter = Segmenter(self.PIECES, -6.0)
        scores = sorted((self.score(word, cut) for cut in every_cut(word)), reverse=True)
        finite = [score for score in scores if score > -math.inf]
        found = segmenter.n_best(word, n)
        assert [score for score, _ in found] == pytest.approx(finite[:n])
        assert all(self.score(word, spans) == pytest.approx(score) for score, spans in found)

    @pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
    def test_sample_draws_in_proportion(self, alpha):
        from scipy.stats import chisquare

        segmenter, generator = Segmenter(self.PIECES, -6.0), random.Random(0)
        word, n = "abcab", 4_000
        cuts = [cut for cut in every_cut(word) if self.score(word, cut) > -math.inf]
        weights = [math.exp(alpha * self.score(word, cut)) for cut in cuts]
        drawn = [segmenter.sample(word, alpha, generator.random) for _ in range(n)]
        assert all(cut in cuts for cut in drawn)
        expected = [n * weight / sum(weights) for weight in weights]
        assert chisquare([drawn.count(cut) for cut in cuts], expected).pvalue > 0.001

    def test_sharp_sampling_takes_the_best(self):
        segmenter = Segmenter(self.PIECES, -6.0)
        drawn = segmenter.sample("abcabc", 500.0, random.Random(0).random)
        assert drawn == segmenter.best("abcabc")


class TestAgainstRust:
    def test_corpus(self, pair, topics):
        ours, theirs = pair
        for text in topics[:20]:
            assert ours.encode(text) == theirs.encode(text).ids

    def test_hard_texts(self, pair, hard):
        ours, theirs = pair
        reference = theirs.encode(hard)
        assert ours.encode(hard) == reference.ids
        assert len(ours.offsets(hard)) == len(reference.ids)
        # The Rust library drops every space in front of the first word, we the one put there.
        decoded = theirs.decode(reference.ids, skip_special_tokens=False)
        assert ours.decode(reference.ids).lstrip(" ") == decoded.lstrip(" ")

    @example(text="</s>")
    @example(text=" a</s> b")
    @given(text=TEXTS)
    def test_any_text(self, pair, text):
        # Unicode that Python's tables do not have yet may be normalized by the Rust library.
        known = "".join(c for c in text if unicodedata.category(c) != "Cn")
        ours, theirs = pair
        # What a text spells like a special token is one there, always.
        assert ours.encode(known, allow_special=True) == theirs.encode(known).ids

    def test_offsets(self, pair, topics):
        ours, theirs = pair
        for text in topics[:3]:
            for (start, end), (first, last) in zip(
                ours.offsets(text), theirs.encode(text).offsets, strict=True
            ):
                # A space put in front has no width with us and that of the next character there.
                # Spaces made one are all covered with us.
                assert start <= first
                assert end == last or start == end

    def test_own_files(self, pair, tmp_path, hard):
        ours, _ = pair
        ours.save(tmp_path)
        theirs = rust.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        # Rust reads a score from a file to the last bit but one, which decides between two ways of
        # cutting that are equally good. So the ways are held to one text and one score.
        reference, cut = theirs.encode(hard).ids, ours.encode(hard)
        assert ours.decode(reference) == ours.decode(cut)
        scores = [math.fsum(ours.pieces[i][1] for i in ids) for ids in (reference, cut)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-12)
        Unigram.load(tmp_path).save(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


class TestByteFallback:
    def test_same_ids(self, trained, tmp_path, hard):
        trained.save(tmp_path)
        theirs = rust.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        reference = theirs.encode(hard).ids
        assert trained.encode(hard) == reference
        assert trained.special_id("<unk>") not in reference

    @given(text=TEXTS)
    def test_decode_gives_the_text_back(self, trained, text):
        plain = text.replace("\u2581", " ").lstrip(" ")  # the two spellings of one space
        assert trained.decode(trained.encode(plain)) == plain

    def test_text_that_looks_like_a_byte(self, trained):
        assert trained.decode(trained.encode("<0x41><extra_id_1></s>")) == "<0x41><extra_id_1></s>"
        assert not set(trained.encode("</s>")) & set(trained.special_tokens.values())

    def test_half_a_character(self, trained):
        ids = trained.encode("語")
        assert trained.decode(ids[:-1]) == "\ufffd"

    def test_missing_bytes(self):
        with pytest.raises(ValueError, match="piece for every byte"):
            hand_made({"a": -1.0}, byte_fallback=True)


class TestSentinels:
    def test_highest_id_first(self, trained):
        assert trained.sentinel(0) == trained.vocab_size - 1
        assert trained.sentinel(4) == trained.vocab_size - 5
        assert trained.tokens[trained.sentinel(3)] == "<extra_id_3>"

    def test_only_when_asked_for(self, trained, tmp_path):
        trained.save(tmp_path)
        theirs = rust.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        text = "Thank you <extra_id_0> me to your party <extra_id_1> week"
        assert trained.encode(text, allow_special=True) == theirs.encode(text).ids
        assert trained.sentinel(0) not in trained.encode(text)

    def test_none_left(self, trained):
        with pytest.raises(ValueError, match="'<extra_id_5>' is not a special token"):
            trained.sentinel(5)


class TestTraining:
    def test_size_and_order(self, trained):
        assert trained.vocab_size == 764
        learned = trained.pieces[259:-5]
        assert [score for _, score in learned] == sorted((s for _, s in learned), reverse=True)
        assert sum(math.exp(score) for _, score in learned) == pytest.approx(1, abs=0.1)

    @pytest.mark.parametrize("vocab_size", [800])
    def test_as_good_as_the_rust_library(self, topics, vocab_size):
        texts = topics[:15]
        ours, theirs = Unigram.train(texts, vocab_size), rust_unigram(texts, vocab_size)
        n_ours = sum(len(ours.encode(text)) for text in texts)
        n_theirs = sum(len(theirs.encode(text).ids) for text in texts)
        assert n_ours <= 1.03 * n_theirs

    def test_required_characters_stay(self):
        words = {"abcabc": 100, "abcd": 90, "z": 1}
        learned = dict(learn_pieces(words, 6, required="abcdz"))
        assert {"a", "b", "c", "d", "z"} < set(learned)  # z once, and it stays
        assert len(learned) == 6

    def test_expected_counts_are_those_of_all_cuts(self):
        pieces = ["a", "b", "ab", "ba", "aba"]
        log_p = torch.tensor([-1.0, -2.0, -1.5, -2.5, -2.0]).double()
        weight = torch.tensor([2.0, 3.0]).double()
        words = ["abab", "baab"]
        lattice = _Lattice(words, {piece: i for i, piece in enumerate(pieces)})
        expected = torch.zeros(5).double()
        best = []
        for word, n in zip(words, weight.tolist(), strict=True):
            cuts = [
                [pieces.index(word[a:b]) for a, b in cut]
                for cut in every_cut(word)
                if all(word[a:b] in pieces for a, b in cut)
            ]
            scores = [sum(log_p[i].item() for i in cut) for cut in cuts]
            whole = sum(map(math.exp, scores))
            best.append(max(scores))
            for cut, score in zip(cuts, scores, strict=True):
                for i in cut:
                    expected[i] += n * math.exp(score) / whole
        torch.testing.assert_close(lattice.expected_counts(log_p, weight), expected)
        assert lattice.best(log_p).tolist() == pytest.approx(best)

    def test_twice_the_same(self, topics):
        first, second = (Unigram.train(topics[:2], 200) for _ in range(2))
        assert first.pieces == second.pieces


class TestNormalizers:
    @pytest.mark.parametrize(
        "normalizer",
        [
            rust.normalizers.NFC(),
            rust.normalizers.NFKD(),
            rust.normalizers.Lowercase(),
            rust.normalizers.Replace("a", "$1"),
            rust.normalizers.Replace(rust.Regex(r"\s+"), r"\1"),
            rust.normalizers.Strip(),
            rust.normalizers.Strip(left=False),
            rust.normalizers.Prepend("x"),
        ],
    )
    def test_each(self, normalizer, hard):
        tokenizer = rust.Tokenizer(rust.models.BPE())
        tokenizer.normalizer = normalizer
        section = json.loads(tokenizer.to_str())["normalizer"]
        for text in (hard, f" {hard} "):
            assert build_normalizer(section)(text) == normalizer.normalize_str(text)

    def test_unknown(self):
        with pytest.raises(ValueError, match="Nmt is not supported"):
            build_normalizer({"type": "Nmt"})


class TestBadInput:
    def test_training(self):
        with pytest.raises(ValueError, match="texts"):
            Unigram.train([], 100)
        with pytest.raises(ValueError, match=r"at least 7 \(3 special.*4 characters\), got 6"):
            Unigram.train(["abc"], 6)
        with pytest.raises(ValueError, match="<unk>"):
            Unigram.train(["abc"], 100, special_tokens=["<pad>"])

    def test_encoding(self, trained):
        with pytest.raises(ValueError, match="lone surrogate"):
            trained.encode("\ud800")
        with pytest.raises(ValueError, match="id 9999"):
            trained.decode([9999])
        with pytest.raises(ValueError, match="alpha"):
            trained.sample("text", -1.0, random.random)
        with pytest.raises(ValueError, match="n must be"):
            trained.n_best("text", 0)

    def test_parts(self):
        with pytest.raises(ValueError, match="unknown token"):
            Unigram([("a", -1.0)], {})
        with pytest.raises(ValueError, match="occur twice"):
            Unigram([("<unk>", 0.0), ("a", -1.0), ("a", -2.0)], {"<unk>": 0})

    def test_files(self, trained, tmp_path):
        file = tmp_path / "tokenizer.json"
        WordPiece.train(["text"], 20).save(file)
        with pytest.raises(ValueError, match="is a WordPiece tokenizer, not Unigram"):
            Unigram.load(file)
        trained.save(file)
        content = json.loads(file.read_text())
        content["pre_tokenizer"]["prepend_scheme"] = "second"
        file.write_text(json.dumps(content))
        with pytest.raises(ValueError, match="second"):
            Unigram.load(file)

    def test_sample_decodes_to_the_text(self, trained):
        generator = random.Random(0)
        text = "the assert statement 語"
        drawn = {tuple(trained.sample(text, 0.1, generator.random)) for _ in range(50)}
        assert len(drawn) > 5
        assert all(trained.decode(ids) == text for ids in drawn)
