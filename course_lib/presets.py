"""Published models as configs: a size, then only what differs from a relative.

Chapter: 09_transformer_models
"""

import difflib
from dataclasses import replace
from typing import Any

from course_lib.config import TransformerConfig as Config


class UnknownPresetError(KeyError, ValueError):
    """No preset has this name."""

    def __str__(self) -> str:
        """Return the message as it was given, where `KeyError` would quote it."""
        return str(self.args[0])


class Presets(dict[str, Config]):
    """Configs by name; a name it does not know is answered with the nearest ones."""

    def __missing__(self, name: str) -> Config:
        """Refuse the name."""
        near = difflib.get_close_matches(str(name).lower(), self, n=4, cutoff=0.5)
        hint = f"the nearest are {', '.join(near)}" if near else f"known are {', '.join(self)}"
        raise UnknownPresetError(f"no preset named {name!r}; {hint}")


# Devlin et al. 2019. Vocabulary of the uncased model.
_bert = Config(
    vocab_size=30522,
    d_model=768,
    n_heads=12,
    max_seq_len=512,
    n_encoder_layers=12,
    n_segments=2,
    norm_placement="post",
    norm_eps=1e-12,
    activation="gelu",
    embedding_norm=True,
    final_norm=False,
    head_transform=True,
    head_bias="learned",
    dropout=0.1,
)
_bert_large = replace(_bert, d_model=1024, n_heads=16, n_encoder_layers=24)

# Liu et al. 2019. BERT, except: one segment, bytes as vocabulary, positions from row 2.
_roberta = replace(
    _bert, vocab_size=50265, n_segments=1, position_offset=2, position_pad_id=1, norm_eps=1e-5
)
_roberta_large = replace(_roberta, d_model=1024, n_heads=16, n_encoder_layers=24)

# Radford et al. 2019.
_gpt2 = Config(
    vocab_size=50257, d_model=768, n_heads=12, max_seq_len=1024, n_decoder_layers=12, dropout=0.1
)
# Radford et al. 2018: the norm comes after, as in BERT.
_gpt1 = replace(_gpt2, vocab_size=40478, max_seq_len=512, norm_placement="post", final_norm=False)
# Brown et al. 2020, table 2.1. Some layers attend to a band only; that pattern is not published.
# Two rows are mended: XL has 16 heads (24 do not divide 2048), 13B is 5120 wide (not 5140).
_gpt3 = replace(_gpt2, max_seq_len=2048)
# Lieber et al. 2021. "256K" words are taken as 2 ** 18.
_jurassic = replace(_gpt3, vocab_size=2**18)

# BigScience 2022.
_bloom = replace(
    _gpt3,
    vocab_size=250880,
    d_model=14336,
    n_heads=112,
    n_decoder_layers=70,
    position="alibi",
    embedding_norm=True,
    dropout=0.0,
)
# Wu et al. 2023.
_bloomberggpt = replace(_bloom, vocab_size=131072, d_model=7680, n_heads=40)

# Touvron et al. 2023.
_llama = Config(
    vocab_size=32000,
    d_model=4096,
    n_heads=32,
    max_seq_len=2048,
    n_decoder_layers=32,
    d_ff=11008,
    position="rotary",
    norm="rms",
    norm_eps=1e-6,
    bias=False,
    activation="silu",
    gated=True,
    tie_embeddings=False,
)
_llama_13b = replace(_llama, d_model=5120, n_heads=40, n_decoder_layers=40, d_ff=13824)
_llama_65b = replace(
    _llama, d_model=8192, n_heads=64, n_decoder_layers=80, d_ff=22016, norm_eps=1e-5
)
# Touvron et al. 2023 (the second): longer context; the largest shares keys between heads.
_llama2: dict[str, Any] = {"max_seq_len": 4096, "norm_eps": 1e-5}
_llama2_70b = replace(_llama_65b, n_kv_heads=8, d_ff=28672, max_seq_len=4096)
# Llama team 2024.
_llama3: dict[str, Any] = {"vocab_size": 128256, "max_seq_len": 8192, "rope_theta": 500_000.0}
_llama3_8b = replace(_llama, **_llama3, norm_eps=1e-5, n_kv_heads=8, d_ff=14336)
_llama3_70b = replace(_llama2_70b, **_llama3)
_llama31: dict[str, Any] = {"max_seq_len": 131072, "rope_factor": 8.0}
_llama32_1b = replace(
    _llama3_8b,
    d_model=2048,
    n_decoder_layers=16,
    d_ff=8192,
    max_seq_len=131072,
    rope_factor=32.0,
    tie_embeddings=True,
)

# Vaswani et al. 2017. The paper's vocabulary is "about 37000".
_transformer = Config(
    vocab_size=37000,
    d_model=512,
    n_heads=8,
    max_seq_len=512,
    n_encoder_layers=6,
    n_decoder_layers=6,
    position="sinusoidal",
    norm_placement="post",
    activation="relu",
    scale_embedding=True,
    final_norm=False,
    dropout=0.1,
)
# Lewis et al. 2020.
_bart = replace(
    _transformer,
    vocab_size=50265,
    d_model=768,
    n_heads=12,
    max_seq_len=1024,
    position="learned",
    position_offset=2,
    activation="gelu",
    scale_embedding=False,
    embedding_norm=True,
    head_bias="fixed",
)

# Raffel et al. 2020.
_t5 = Config(
    vocab_size=32128,
    d_model=512,
    n_heads=8,
    max_seq_len=512,
    n_encoder_layers=6,
    n_decoder_layers=6,
    d_head=64,
    d_ff=2048,
    position="relative",
    norm="rms",
    norm_eps=1e-6,
    bias=False,
    activation="relu",
    scale_scores=False,
    scale_head=True,
    dropout=0.1,
)
_t5_large = replace(
    _t5, d_model=1024, n_heads=16, n_encoder_layers=24, n_decoder_layers=24, d_ff=4096
)
_t5_3b = replace(_t5_large, n_heads=32, d_head=128, d_ff=16384)
# The second release: a gate in the feed-forward, a head of its own, no dropout.
_t5_v11 = replace(
    _t5,
    n_heads=6,
    n_encoder_layers=8,
    n_decoder_layers=8,
    d_ff=1024,
    activation="gelu_tanh",
    gated=True,
    tie_embeddings=False,
    scale_head=False,
    dropout=0.0,
)
_t5_v11_large = replace(
    _t5_v11, d_model=1024, n_heads=16, n_encoder_layers=24, n_decoder_layers=24, d_ff=2816
)

presets = Presets(
    {
        "bert-base": _bert,
        "bert-base-cased": replace(_bert, vocab_size=28996),
        "bert-large": _bert_large,
        "bert-large-cased": replace(_bert_large, vocab_size=28996),
        "roberta-base": _roberta,
        "roberta-large": _roberta_large,
        "gpt1": _gpt1,
        "gpt2": _gpt2,
        "gpt2-medium": replace(_gpt2, d_model=1024, n_heads=16, n_decoder_layers=24),
        "gpt2-large": replace(_gpt2, d_model=1280, n_heads=20, n_decoder_layers=36),
        "gpt2-xl": replace(_gpt2, d_model=1600, n_heads=25, n_decoder_layers=48),
        "gpt3-small": _gpt3,
        "gpt3-medium": replace(_gpt3, d_model=1024, n_heads=16, n_decoder_layers=24),
        "gpt3-large": replace(_gpt3, d_model=1536, n_heads=16, n_decoder_layers=24),
        "gpt3-xl": replace(_gpt3, d_model=2048, n_heads=16, n_decoder_layers=24),
        "gpt3-2.7b": replace(_gpt3, d_model=2560, n_heads=32, n_decoder_layers=32),
        "gpt3-6.7b": replace(_gpt3, d_model=4096, n_heads=32, n_decoder_layers=32),
        "gpt3-13b": replace(_gpt3, d_model=5120, n_heads=40, n_decoder_layers=40),
        "gpt3-175b": replace(_gpt3, d_model=12288, n_heads=96, n_decoder_layers=96),
        "jurassic-1-large": replace(_jurassic, d_model=4096, n_heads=32, n_decoder_layers=32),
        "jurassic-1-jumbo": replace(_jurassic, d_model=13824, n_heads=96, n_decoder_layers=76),
        "bloom-560m": replace(_bloom, d_model=1024, n_heads=16, n_decoder_layers=24),
        "bloom-1b1": replace(_bloom, d_model=1536, n_heads=16, n_decoder_layers=24),
        "bloom-1b7": replace(_bloom, d_model=2048, n_heads=16, n_decoder_layers=24),
        "bloom-3b": replace(_bloom, d_model=2560, n_heads=32, n_decoder_layers=30),
        "bloom-7b1": replace(_bloom, d_model=4096, n_heads=32, n_decoder_layers=30),
        "bloom": _bloom,
        "bloomberggpt": _bloomberggpt,
        "llama-7b": _llama,
        "llama-13b": _llama_13b,
        "llama-33b": replace(_llama, d_model=6656, n_heads=52, n_decoder_layers=60, d_ff=17920),
        "llama-65b": _llama_65b,
        "llama-2-7b": replace(_llama, **_llama2),
        "llama-2-13b": replace(_llama_13b, **_llama2),
        "llama-2-70b": _llama2_70b,
        "llama-3-8b": _llama3_8b,
        "llama-3-70b": _llama3_70b,
        "llama-3.1-8b": replace(_llama3_8b, **_llama31),
        "llama-3.1-70b": replace(_llama3_70b, **_llama31),
        "llama-3.1-405b": replace(
            _llama3_70b, **_llama31, d_model=16384, n_heads=128, n_decoder_layers=126, d_ff=53248
        ),
        "llama-3.2-1b": _llama32_1b,
        "llama-3.2-3b": replace(_llama32_1b, d_model=3072, n_heads=24, n_decoder_layers=28),
        "transformer-base": _transformer,
        "transformer-big": replace(_transformer, d_model=1024, n_heads=16, dropout=0.3),
        "bart-base": _bart,
        "bart-large": replace(
            _bart, d_model=1024, n_heads=16, n_encoder_layers=12, n_decoder_layers=12
        ),
        "t5-small": _t5,
        "t5-base": replace(
            _t5, d_model=768, n_heads=12, n_encoder_layers=12, n_decoder_layers=12, d_ff=3072
        ),
        "t5-large": _t5_large,
        "t5-3b": _t5_3b,
        "t5-11b": replace(_t5_3b, n_heads=128, d_ff=65536),
        "t5-v1.1-small": _t5_v11,
        "t5-v1.1-base": replace(
            _t5_v11, d_model=768, n_heads=12, n_encoder_layers=12, n_decoder_layers=12, d_ff=2048
        ),
        "t5-v1.1-large": _t5_v11_large,
        "t5-v1.1-xl": replace(_t5_v11_large, d_model=2048, n_heads=32, d_ff=5120),
        "t5-v1.1-xxl": replace(_t5_v11_large, d_model=4096, n_heads=64, d_ff=10240),
    }
)
