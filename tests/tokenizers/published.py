"""Tokenizers built part by part like those of published families, trained on our own text."""

import base64
import io
import json
import pydoc_data.topics

import sentencepiece
import tokenizers as rust
from tokenizers import decoders, models, normalizers, processors, trainers
from tokenizers import pre_tokenizers as pre

TOPICS = list(pydoc_data.topics.topics.values())[:30]
OTHER = [
    "Grüße aus Köln, naïve café; Ελληνικά ΣΟΦΟΣ, по-русски 2024.",
    "日本語のテキスト。汉字测试，한국어 문장",
    "12345 678 9 don't I'm you'll (a+b)*c == d != e\n\n\tif x:\r\n    return y  # three   spaces",
    "family 👨‍👩‍👧 flag 🇨🇭",
]
CORPUS = TOPICS + OTHER * 20
GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = GPT4.replace(r"\p{N}{1,3}", r"\p{N}")
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
SPACE = "▁"


def regex_split(pattern, behavior="isolated", invert=False):
    return pre.Split(rust.Regex(pattern), behavior, invert)


def byte_bpe(pre_tokenizer, special, *, normalizer=None, post=None, size=600, **options):
    made = rust.Tokenizer(models.BPE(**options))
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizer
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    if post is not None:
        made.post_processor = post(made)
    return made


def template(before, after=()):
    def post(made):
        names = [*before, *after]
        around = " ".join([*before, "$A", *after])
        pair = " ".join([*before, "$A", *after, *before, "$B:1", *after])
        return processors.TemplateProcessing(
            single=around, pair=pair, special_tokens=[(n, made.token_to_id(n)) for n in names]
        )

    return post


def raw(*, add_prefix_space=False, use_regex=True):
    return pre.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex)


def gpt2():
    post = processors.ByteLevel(trim_offsets=False)
    return byte_bpe(raw(), ["<|endoftext|>"], post=lambda made: post)


def gpt4():
    split = regex_split(GPT4, "removed", invert=True)
    steps = pre.Sequence([split, raw(use_regex=False)])
    return byte_bpe(steps, ["<|endoftext|>", "<|fim_prefix|>"], normalizer=normalizers.Sequence([]))


def roberta():
    def post(made):
        sep, cls = ("</s>", made.token_to_id("</s>")), ("<s>", made.token_to_id("<s>"))
        return processors.RobertaProcessing(sep, cls, trim_offsets=True, add_prefix_space=False)

    made = byte_bpe(raw(), ["<s>", "<pad>", "</s>", "<unk>"], post=post)
    made.add_special_tokens([rust.AddedToken("<mask>", lstrip=True, normalized=False)])
    return made


def llama3():
    def post(made):
        frame = template(["<|begin_of_text|>"])(made)
        return processors.Sequence([processors.ByteLevel(trim_offsets=True), frame])

    steps = pre.Sequence([regex_split(GPT4), raw(use_regex=False)])
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    made = byte_bpe(steps, special, post=post)
    made.model.ignore_merges = True
    return made


def qwen():
    steps = pre.Sequence([regex_split(QWEN), raw(use_regex=False)])
    post = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    return byte_bpe(
        steps, ["<|endoftext|>", "<|im_start|>"], normalizer=normalizers.NFC(), post=lambda m: post
    )


def starcoder():
    steps = pre.Sequence([pre.Digits(individual_digits=True), raw()])
    post = processors.ByteLevel(trim_offsets=True)
    return byte_bpe(steps, ["<|endoftext|>", "<fim_prefix>"], post=lambda made: post)


def deepseek():
    steps = pre.Sequence(
        [
            regex_split("[\r\n]"),
            regex_split(r"\s?\p{L}+"),
            regex_split(r"\s?\p{P}+"),
            regex_split("[一-龥ࠀ-一가-퟿]+"),
            pre.Digits(individual_digits=True),
            raw(use_regex=False),
        ]
    )
    special = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"]
    made = byte_bpe(steps, special, normalizer=normalizers.Sequence([]), post=template(special[:1]))
    made.add_tokens([rust.AddedToken("<｜User｜>", normalized=False), "ﷻ zoster"])
    return made


def falcon():
    steps = pre.Sequence(
        [
            pre.Punctuation("contiguous"),
            raw(),
            pre.Digits(individual_digits=False),
            regex_split("[0-9][0-9][0-9]"),
        ]
    )
    return byte_bpe(steps, [">>TITLE<<", "<|endoftext|>"])


def bloom():
    steps = pre.Sequence([regex_split(BLOOM), raw(use_regex=False)])
    post = processors.ByteLevel(add_prefix_space=True, trim_offsets=False, use_regex=False)
    return byte_bpe(steps, ["<unk>", "<s>", "</s>", "<pad>"], post=lambda made: post)


def phi():
    made = byte_bpe(raw(), ["<|endoftext|>"], post=lambda made: processors.ByteLevel())
    made.add_tokens([rust.AddedToken(" " * n, normalized=True) for n in range(8, 1, -1)])
    made.add_tokens([rust.AddedToken("\t\t", normalized=False)])
    return made


def pythia():
    made = byte_bpe(
        raw(),
        ["<|endoftext|>", "<|padding|>"],
        normalizer=normalizers.NFC(),
        post=lambda made: processors.ByteLevel(trim_offsets=True),
    )
    made.add_tokens([rust.AddedToken(" " * n, normalized=True) for n in range(8, 1, -1)])
    return made


def smollm():
    """Digits before byte level; some byte tokens are missing."""
    made = byte_bpe(pre.Sequence([pre.Digits(individual_digits=True), raw()]), ["<|endoftext|>"])
    content = json.loads(made.to_str())
    vocab = content["model"]["vocab"]
    for missing in [c for c in vocab if len(c) == 1 and c in "ĄĆēĔĖĝÁò"]:
        used = any(missing in merge for merge in content["model"]["merges"])
        if not used:
            del vocab[missing]
    return rust.Tokenizer.from_str(json.dumps(content))


def character_bpe(special, *, normalizer=None, pre_tokenizer=None, decoder, post=None, **options):
    made = rust.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if normalizer is not None:
        made.normalizer = normalizer
    # Learned on words, or it would take for ever; used as the file says.
    made.pre_tokenizer = pre.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=[*special, *(f"<0x{b:02X}>" for b in range(256))],
        limit_alphabet=110,
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    content = json.loads(made.to_str())
    content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] in special]
    content["pre_tokenizer"] = None
    content["model"] |= options
    made = rust.Tokenizer.from_str(json.dumps(content))
    if pre_tokenizer is not None:
        made.pre_tokenizer = pre_tokenizer
    made.decoder = decoder
    if post is not None:
        made.post_processor = post(made)
    return made


LLAMA_DECODER = decoders.Sequence(
    [
        decoders.Replace(SPACE, " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
        decoders.Strip(" ", 1, 0),
    ]
)
LLAMA_SPECIAL = ["<unk>", "<s>", "</s>"]


def llama2():
    normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    return character_bpe(
        LLAMA_SPECIAL, normalizer=normalizer, decoder=LLAMA_DECODER, post=template(["<s>"])
    )


def llama1():
    normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    return character_bpe(
        LLAMA_SPECIAL,
        normalizer=normalizer,
        decoder=LLAMA_DECODER,
        post=template(["<s>"], ["</s>"]),
    )


def mistral():
    metaspace = pre.Metaspace(prepend_scheme="first", split=False)
    special = [*LLAMA_SPECIAL, "[INST]", "[/INST]"]
    return character_bpe(
        special, pre_tokenizer=metaspace, decoder=LLAMA_DECODER, post=template(["<s>"])
    )


def gemma():
    decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return character_bpe(
        ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>"],
        normalizer=normalizers.Replace(" ", SPACE),
        pre_tokenizer=pre.Split(" ", "merged_with_previous"),
        decoder=decoder,
        post=template(["<bos>"]),
    )


def bert(*, lowercase, strip_accents=None, chinese=True, cleanup=True):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = rust.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    made.pre_tokenizer = pre.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=700, special_tokens=special, limit_alphabet=150, show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    made.decoder = decoders.WordPiece(cleanup=cleanup)
    made.post_processor = template(["[CLS]"], ["[SEP]"])(made)
    return made


def charsmap():
    """The character map that T5's file carries, out of a freshly trained model."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TOPICS),
        model_writer=written,
        vocab_size=200,
        minloglevel=2,
        normalization_rule_name="nmt_nfkc",
        num_threads=1,
    )
    normalizer = field(written.getvalue(), 3)
    return base64.b64encode(field(normalizer, 2)).decode()


def field(message, wanted):
    """The bytes of one field of a protocol buffer's message."""

    def number(at):
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 128:
                return value, at

    at = 0
    while True:
        key, at = number(at)
        if key & 7 == 0:
            _, at = number(at)
        elif key & 7 == 5:
            at += 4
        else:
            size, at = number(at)
            if key >> 3 == wanted:
                return message[at : at + size]
            at += size


def unigram(pre_tokenizer, decoder, special, *, normalizer=None, post=None):
    made = rust.Tokenizer(models.Unigram())
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizer
    trainer = trainers.UnigramTrainer(
        vocab_size=500, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    made.decoder = decoder
    if post is not None:
        made.post_processor = post(made)
    return made


def t5():
    normalizer = normalizers.Precompiled(base64.b64decode(charsmap()))
    steps = pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace()])
    special = ["<pad>", "</s>", "<unk>", "<extra_id_1>", "<extra_id_0>"]
    return unigram(
        steps, decoders.Metaspace(), special, normalizer=normalizer, post=template([], ["</s>"])
    )


def xlm_roberta():
    normalizer = normalizers.Precompiled(base64.b64decode(charsmap()))
    made = unigram(
        pre.Metaspace(),
        decoders.Metaspace(),
        ["<s>", "<pad>", "</s>", "<unk>"],
        normalizer=normalizer,
        post=template(["<s>"], ["</s>"]),
    )
    made.add_special_tokens([rust.AddedToken("<mask>", lstrip=True, normalized=False)])
    return made


def albert():
    normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace(rust.Regex(" {2,}"), " "),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
        ]
    )
    steps = pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace()])
    return unigram(
        steps,
        decoders.Metaspace(),
        ["<pad>", "<unk>", "[CLS]", "[SEP]"],
        normalizer=normalizer,
        post=template(["[CLS]"], ["[SEP]"]),
    )


def gpt1():
    made = rust.Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    made.decoder = decoders.BPEDecoder(suffix="</w>")
    return made


def clip():
    normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Replace(rust.Regex(r"\s+"), " "),
            normalizers.Lowercase(),
        ]
    )
    split = regex_split(r"'s|'t|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", "removed", invert=True)
    made = rust.Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    made.normalizer, made.pre_tokenizer = normalizer, pre.Sequence([split, raw()])
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        end_of_word_suffix="</w>",
        initial_alphabet=pre.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    made.decoder = decoders.ByteLevel()
    made.post_processor = template(["<|startoftext|>"], ["<|endoftext|>"])(made)
    return made


def word_level():
    made = rust.Tokenizer(models.WordLevel(unk_token="<unk>"))
    made.pre_tokenizer = pre.Whitespace()
    trainer = trainers.WordLevelTrainer(
        vocab_size=300, special_tokens=["<unk>", "</s>"], show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    made.enable_truncation(40)
    return made


FAMILIES = {
    "llama1": llama1,
    "llama2": llama2,
    "llama3": llama3,
    "qwen": qwen,
    "mistral": mistral,
    "starcoder": starcoder,
    "deepseek": deepseek,
    "falcon": falcon,
    "gpt2": gpt2,
    "gpt4": gpt4,
    "bert-cased": lambda: bert(lowercase=False),
    "bert-uncased": lambda: bert(lowercase=True),
    "bert-multilingual": lambda: bert(lowercase=True, strip_accents=False, cleanup=False),
    "t5": t5,
    "roberta": roberta,
    "bloom": bloom,
    "gemma": gemma,
    "phi": phi,
    # Neighbours.
    "pythia": pythia,
    "smollm": smollm,
    "bert-no-chinese": lambda: bert(lowercase=False, strip_accents=True, chinese=False),
    "xlm-roberta": xlm_roberta,
    "albert": albert,
    "gpt1": gpt1,
    "clip": clip,
    "word-level": word_level,
}
