"""WordPiece: by hand, by law, and against the Rust library on loaded vocabularies."""

import json
import unicodedata

import pytest
import tokenizers as rust
from hypothesis import given
from hypothesis import strategies as st

from course_lib.tokenizers import ByteLevelBPE, WordPiece
from course_lib.tokenizers.align import align
from course_lib.tokenizers.bert_text import BertNormalizer, words_and_signs

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# The Rust library knows the characters of Unicode 8. Python carries the tables of Unicode 3.2, so
# these are characters both know; four of them have changed their class since.
KNOWN = [
    chr(code)
    for code in (*range(0x30000), *range(0xE0000, 0xE0100))  # beyond these it knows none
    if unicodedata.ucd_3_2_0.category(chr(code)) not in ("Cn", "Cs", "Co")
    and code not in (0x166D, 0x1734, 0x1885, 0x1886)
]
TEXTS = st.text(st.sampled_from(KNOWN) | st.sampled_from(" \t\n\0.,'aAeE\u0301語Σß"), max_size=50)


def rust_wordpiece(texts, vocab_size, lower_case=True):
    tokenizer = rust.Tokenizer(rust.models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = rust.normalizers.BertNormalizer(lowercase=lower_case)
    tokenizer.pre_tokenizer = rust.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = rust.decoders.WordPiece()
    trainer = rust.trainers.WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


@pytest.fixture(scope="module", params=[True, False], ids=["lower", "cased"])
def pair(request, topics, hard_texts, tmp_path_factory):
    """A vocabulary that the Rust library trained, in its hands and in ours."""
    # Some hard texts only: characters of the others must be unknown.
    texts = topics[:40] + [hard_texts[name] for name in ("cjk", "combining", "signs", "digits")]
    theirs = rust_wordpiece(texts, 3000, request.param)
    file = tmp_path_factory.mktemp("wordpiece") / "tokenizer.json"
    theirs.save(str(file))
    return WordPiece.load(file), theirs


def small(**options):
    pieces = ["un", "##aff", "##able", "##ffable", "want", "##want", "runn", "##ing", ",", "##ed"]
    return WordPiece({name: i for i, name in enumerate(SPECIAL + pieces)}, **options)


class TestByHand:
    def test_longest_match_first(self):
        # BERT's own example: un, then ##aff rather than anything shorter, then ##able.
        tokenizer = small()
        tokens = [tokenizer.tokens[i] for i in tokenizer.encode("Unaffable, wanted  running")]
        assert tokens == ["un", "##aff", "##able", ",", "want", "##ed", "runn", "##ing"]

    def test_greedy_can_fail_where_another_cut_exists(self):
        vocab = {name: i for i, name in enumerate([*SPECIAL, "ab", "a", "##bc"])}
        assert WordPiece(vocab).encode("abc") == [1]  # ab first; c is then left over

    def test_one_unknown_character_loses_the_word(self):
        assert small().encode("unaffable7 want") == [1, small().encode("want")[0]]

    @pytest.mark.parametrize(("length", "known"), [(4, True), (3, False)])
    def test_max_input_chars(self, length, known):
        assert (small(max_input_chars=length).encode("want") != [1]) == known

    def test_frame(self):
        tokenizer = small()
        assert tokenizer.frame([9], [10, 11]) == {
            "tokens": [2, 9, 3, 10, 11, 3],
            "segments": [0, 0, 0, 1, 1, 1],
        }
        assert tokenizer.frame([9]) == {"tokens": [2, 9, 3], "segments": [0, 0, 0]}


class TestText:
    @pytest.mark.parametrize("lower_case", [True, False])
    def test_every_character_is_normalized_as_by_the_rust_library(self, lower_case):
        ours, theirs = (
            BertNormalizer(lower_case),
            rust.normalizers.BertNormalizer(lowercase=lower_case),
        )
        # x between them keeps marks from changing places.
        for start in range(0, len(KNOWN), 1000):
            text = "x".join(KNOWN[start : start + 1000])
            assert ours(text) == theirs.normalize_str(text)

    def test_every_character_is_split_as_by_the_rust_library(self):
        theirs = rust.pre_tokenizers.BertPreTokenizer()
        text = "x".join(KNOWN)
        assert words_and_signs(text) == [word for word, _ in theirs.pre_tokenize_str(text)]

    @given(text=TEXTS)
    def test_alignment_gives_the_same_text(self, text):
        normalize = BertNormalizer()
        normalized, spans = align(normalize, text)
        assert normalized == normalize(text)
        assert len(spans) == len(normalized)
        assert spans == sorted(spans)


class TestAgainstRust:
    def test_corpus(self, pair, topics):
        ours, theirs = pair
        for text in topics:
            reference = theirs.encode(text)
            assert ours.encode(text) == reference.ids
            assert ours.decode(reference.ids) == theirs.decode(
                reference.ids, skip_special_tokens=False
            )

    def test_hard_texts(self, pair, hard):
        ours, theirs = pair
        reference = theirs.encode(hard)
        assert ours.encode(hard) == reference.ids
        assert ours.offsets(hard) == reference.offsets
        assert ours.decode(reference.ids, skip_special=True) == theirs.decode(reference.ids)

    @given(text=TEXTS)
    def test_any_text(self, pair, text):
        ours, theirs = pair
        assert ours.encode(text) == theirs.encode(text).ids

    def test_offsets_of_the_corpus(self, pair, topics):
        ours, theirs = pair
        for text in topics[:8]:
            assert ours.offsets(text) == theirs.encode(text).offsets

    def test_special_tokens(self, pair):
        ours, theirs = pair
        text = "[CLS] the [MASK] of[MASK]it [SEP]"
        assert ours.encode(text, allow_special=True) == theirs.encode(text).ids
        assert not set(ours.encode(text)) & {2, 3, 4}

    def test_own_files(self, pair, tmp_path, hard):
        ours, _ = pair
        ours.save(tmp_path)
        theirs = rust.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        assert theirs.encode(hard).ids == ours.encode(hard)
        assert WordPiece.load(tmp_path).lower_case == ours.lower_case

    def test_load_save_load_keeps_the_file(self, pair, tmp_path):
        theirs = pair[1]
        theirs.post_processor = rust.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        theirs.save(str(tmp_path / "a.json"))
        WordPiece.load(tmp_path / "a.json").save(tmp_path / "b.json")
        theirs.post_processor = rust.processors.Sequence([])
        assert json.loads((tmp_path / "b.json").read_text()) == json.loads(
            (tmp_path / "a.json").read_text()
        )


class TestVocabFile:
    def test_round_trip(self, pair, tmp_path, hard):
        ours, theirs = pair
        ours.save(tmp_path / "vocab.txt")
        assert rust.models.WordPiece.read_file(str(tmp_path / "vocab.txt")) == theirs.get_vocab()
        loaded = WordPiece.load(tmp_path, lower_case=ours.lower_case)
        assert loaded.encode(hard) == ours.encode(hard)
        assert loaded.special_tokens == ours.special_tokens

    def test_case_from_the_config(self, pair, tmp_path):
        pair[0].save(tmp_path / "vocab.txt")
        assert WordPiece.load(tmp_path).lower_case
        (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
        assert not WordPiece.load(tmp_path).lower_case

    def test_windows_line_ends_and_odd_pieces(self, tmp_path):
        (tmp_path / "vocab.txt").write_bytes("\r\n".join([*SPECIAL, "\u2028", "a", ""]).encode())
        assert WordPiece.load(tmp_path).tokens == [*SPECIAL, "\u2028", "a"]

    def test_a_piece_twice(self, tmp_path):
        (tmp_path / "vocab.txt").write_text("\n".join([*SPECIAL, "a", "a"]))
        with pytest.raises(ValueError, match="'a' stands on more than one line"):
            WordPiece.load(tmp_path)


class TestTraining:
    def test_likelihood_prefers_what_is_never_apart(self):
        # th occurs 6 times and qu 3 times, but t and h are also seen apart: 6/(8*8) < 3/(3*3).
        texts = ["qu qu qu", "th th th th th th", "ti ti ah ah"]
        by_likelihood = WordPiece.train(texts, 5 + 6 + 1, score="likelihood")
        by_count = WordPiece.train(texts, 5 + 6 + 1, score="count")
        assert by_likelihood.tokens[-1] == "qu"
        assert by_count.tokens[-1] == "th"

    def test_scores_follow_every_merge(self, topics):
        """The heap finds the same pairs as counting everything again after each merge."""
        normalizer = BertNormalizer()
        words = [w for text in topics[:2] for w in words_and_signs(normalizer(text))]
        spelled = [[w[0], *("##" + c for c in w[1:])] for w in words]
        learned = WordPiece.train(topics[:2], 160, score="likelihood").tokens[5:]
        alphabet = sorted({piece for word in spelled for piece in word})
        rank = {piece: i for i, piece in enumerate(alphabet)}
        for _ in range(155 - len(alphabet)):
            of_piece, of_pair = {}, {}
            for word in spelled:
                for piece in word:
                    of_piece[piece] = of_piece.get(piece, 0) + 1
                for pair in zip(word, word[1:], strict=False):
                    of_pair[pair] = of_pair.get(pair, 0) + 1
            left, right = min(
                (pair for pair, n in of_pair.items() if n >= 2),
                key=lambda p: (
                    -of_pair[p] / (of_piece[p[0]] * of_piece[p[1]]),
                    -of_pair[p],
                    rank[p[0]],
                    rank[p[1]],
                ),
            )
            new = left + right[2:]
            rank.setdefault(new, len(rank))
            for word in spelled:
                i = 0
                while i + 1 < len(word):
                    if word[i : i + 2] == [left, right]:
                        word[i : i + 2] = [new]
                    i += 1
        assert learned == list(rank)

    def test_by_count_is_as_good_as_the_rust_library(self, topics):
        ours, theirs = WordPiece.train(topics, 2000), rust_wordpiece(topics, 2000)
        n_ours = sum(len(ours.encode(text)) for text in topics)
        n_theirs = sum(len(theirs.encode(text).ids) for text in topics)
        assert n_ours <= 1.01 * n_theirs

    def test_vocabulary_size_is_kept(self, topics):
        for score in ("count", "likelihood"):
            tokenizer = WordPiece.train(topics[:10], 400, score=score)
            assert tokenizer.vocab_size == 400
            assert tokenizer.special_tokens == {name: i for i, name in enumerate(SPECIAL)}


class TestBadInput:
    def test_training(self):
        with pytest.raises(ValueError, match="texts"):
            WordPiece.train(["", " \n"], 100)
        with pytest.raises(ValueError, match="vocab_size must be at least 8.*got 7"):
            WordPiece.train(["abc"], 7)
        with pytest.raises(ValueError, match=r"\[UNK\]"):
            WordPiece.train(["abc"], 100, special_tokens=["[PAD]"])
        with pytest.raises((TypeError, ValueError), match="score"):
            WordPiece.train(["abc"], 100, score="length")

    def test_lone_surrogate(self):
        with pytest.raises(ValueError, match="lone surrogate"):
            small().encode("\ud800")

    def test_unknown_id_and_name(self):
        with pytest.raises(ValueError, match="id 99"):
            small().decode([99])
        with pytest.raises(ValueError, match=r"nearest is '\[MASK\]'"):
            small().special_id("[MASKED]")

    def test_vocabulary_without_its_special_tokens(self):
        with pytest.raises(ValueError, match="lacks"):
            WordPiece({"a": 0})
        with pytest.raises(ValueError, match="only 1 ids"):
            WordPiece({"[UNK]": 0, "a": 0}, special_tokens=["[UNK]"])

    def test_file_of_another_kind(self, tmp_path):
        ByteLevelBPE.train(["text"], 257).save(tmp_path)
        with pytest.raises(ValueError, match="is a BPE tokenizer, not WordPiece"):
            WordPiece.load(tmp_path)
