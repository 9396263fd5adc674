import pydoc_data.topics

import pytest


@pytest.fixture(scope="session")
def topics():
    """The help texts that come with Python: 466 kB of real English with code."""
    return list(pydoc_data.topics.topics.values())


HARD = {
    "empty": "",
    "emoji": "family 👨‍👩‍👧‍👦, flag 🇨🇭, skin 👍🏽, keycap 1️⃣ 😀😀😀",
    "cjk": "日本語のテキスト。汉字测试，한국어 문장 ，𠜎𠜱",
    "combining": "e\u0301le\u0300ve cafe\u0301 n\u0303 Z\u0351\u036b\u0343a\u0301\u0302\u0303lgo",
    "nul": "a\0b\0\0 \0",
    "crlf": "one\r\ntwo\r\n\r\n  three\rfour\n\n\nfive \r\n",
    "controls": "\x1c\x1d\x1e\x1f \x85 \u2028\u2029 \ufeff \u200b\u00a0\u3000x \x7f\x80",
    "letters": "a" * 3000,
    "spaces": " " * 3000 + "x" + "\t" * 500,
    "signs": "=" * 2500 + "-*" * 700,
    "digits": "3.14159265358979 1234567890 ٣٤٥ Ⅷ ½ ²",
    "contractions": "I'm you'RE he'S 'll 'LL don't it's'd '''s",
    "long": "abcdefghij" * 1000,
    "rtl": "שלום עולם مرحبا بالعالم",
    "indic": "नमस्ते दुनिया สวัสดีชาวโลก",
    "odd": "ǅ ﬁ ſ İ ı ß \U0010ffff \ufffd \ue000",
}


@pytest.fixture(params=list(HARD), ids=list(HARD))
def hard(request):
    """Texts on which tokenizers have been wrong."""
    return HARD[request.param]


@pytest.fixture(scope="session")
def hard_texts():
    """All of them by name."""
    return dict(HARD)
