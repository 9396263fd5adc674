"""The classes of the `transformers` library that a `tokenizer_config.json` can name.

An option there is one of a class: the plain ones take the pipeline of `tokenizer.json` as it is and
pass over what only other classes know; the others build theirs anew from the vocabulary.
"""

from __future__ import annotations

_MODEL_OF = {
    "WordPiece": "Bert ConvBert DistilBert DPRContextEncoder DPRQuestionEncoder DPRReader Electra "
    "Funnel LayoutLM LayoutLMv2 Lxmert MPNet MobileBert Splinter SqueezeBert",
    "BPE": "Bart Blenderbot BlenderbotSmall CLIP CodeGen CodeLlama Cohere Deberta GPT2 GPTNeoX "
    "Gemma Herbert LED Llama Longformer Luke OpenAIGPT Qwen2 Reformer Roberta Whisper",
    "Unigram": "Albert BigBird DebertaV2 FNet MBart MBart50 Pegasus RemBert T5 XGLM XLMRoberta "
    "XLNet",
}
_BYTES = (
    "Bart Blenderbot CodeGen Cohere Deberta GPT2 GPTNeoX LED Longformer Luke Qwen2 Roberta Whisper"
)
_OTHER = (
    "Barthez Camembert Esmc LayoutLMv3 LayoutXLM MLuke MarkupLM Nllb Nougat Parakeet RoFormer "
    "SeamlessM4T Siglip2 Tipsv2 Udop VideoPrism"
)
_OWN_PROGRAM = (
    "BartphoTokenizer BertGeneration BertJapanese Bertweet BioGpt ByT5 CTRL Canine Clvp Cpm CpmAnt "
    "Dia Esm FSMT FastSpeech2Conformer Flaubert GPTNeoXJapanese GPTSw3 M2M100 Marian Mgpstr MyT5 "
    "PLBart Perceiver Phobert Pop2Piano ProphetNet RoCBert Speech2Text SpeechT5 Tapas Vits "
    "Wav2Vec2CTC Wav2Vec2PhonemeCTC XLM"
)


# Types of models whose folders are read as the file says, whatever class is declared beside it.
_AS_THE_FILE_SAYS = (
    "arctic aria bigbird_pegasus ernie4_5 ernie4_5_moe flex_olmo fuyu glm glm4 glm4_moe "
    "glm4_moe_lite glm4v glm4v_moe glm_image gpt_bigcode granite granitemoe granitemoehybrid "
    "granitemoeshared hyperclovax internlm2 internlm3 jamba kimi_k25 kimi_linear kosmos-2 llava "
    "llava_next minicpm3 minicpmv minimax_m2 ministral ministral3 mistral mistral3 mixtral "
    "modernbert modernbert-decoder molmo molmo2 nemotron nystromformer olmo2 olmo3 olmo_hybrid "
    "pegasus_x persimmon phi3 phi3_v phimoe pix2struct pixtral smolvlm stablelm umt5 vipllava "
    "voxtral xlm-roberta-xl"
)


def read_as_they_are(model_type: object) -> bool:
    """Whether folders of this type of model, as their `config.json` says, need no class.

    Source: `TOKENIZER_MAPPING_NAMES` of `transformers` 5.23, what stands there as the plain one.
    """
    return isinstance(model_type, str) and model_type in _AS_THE_FILE_SAYS.split()


def stem(name: str) -> str:
    """`bert` of `BertTokenizer`, of `BertTokenizerFast` and of a model's type `bert`."""
    plain = name.removesuffix("Fast").removesuffix("Tokenizer")
    return plain.replace("-", "").replace("_", "").lower()


def is_known(name: str) -> bool:
    """Whether it is a class that builds its pipeline anew; all others read the file's."""
    known = " ".join([*_MODEL_OF.values(), _OTHER, _OWN_PROGRAM])
    return stem(name) in _names(known)


def misfit(name: str, model: str, byte_level: bool) -> str:
    """What a class wants that this `tokenizer.json` is not; empty if it fits or nobody knows.

    Args:
        name: such as `GPT2Tokenizer`.
        model: type of the file's model.
        byte_level: whether its pre-tokenizer spells text in bytes.
    """
    short = stem(name)
    if short in _names(_OWN_PROGRAM):
        return "files of its own, which it reads by a program of its own"
    wanted = next((kind for kind, names in _MODEL_OF.items() if short in _names(names)), model)
    if wanted != model:
        return f"a {wanted} model"
    return "byte-level BPE" if short in _names(_BYTES) and not byte_level else ""


def _names(listed: str) -> list[str]:
    return listed.lower().split()
