"""What a `post_processor` section puts around the ids of a text, and does to their spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.tokenizers.align import Span
from course_lib.tokenizers.byte_spelling import CHARACTER_OF
from course_lib.tokenizers.files.section import Section, Unsupported


class Framing:
    """Ids before and after a text, and whether its spans lose the blanks at their edges.

    Args:
        section: a `post_processor` section; None does nothing.
        where: what messages call it.

    Raises:
        Unsupported: a type that is not known here.
        ValueError: a part is missing or of the wrong kind.
    """

    def __init__(self, section: Mapping[str, Any] | None, where: str = "post_processor") -> None:
        self.before: list[int] = []
        self.after: list[int] = []
        self._trims: list[bool] = []  # for each trimming: whether a prefix space was added
        if section is not None:
            self._read(Section(section, where))

    def _read(self, section: Section) -> None:
        kind = section.text("type")
        if kind == "Sequence":
            for part in section.sections("processors"):
                self._read(part)
        elif kind == "ByteLevel":
            section.flag("use_regex", True)  # of the pre-tokenizer; here the library reads it not
            self._trim(section, section.flag("add_prefix_space", True))
        elif kind in ("BertProcessing", "RobertaProcessing"):
            (_, cls), (_, sep) = section.named_id("cls"), section.named_id("sep")
            if kind == "RobertaProcessing":
                self._trim(section, section.flag("add_prefix_space", True))
            self._add([cls], [sep])
        elif kind == "TemplateProcessing":
            self._template(section)
        else:
            raise Unsupported(f"{section.where} of type {kind} is not supported")
        section.done()

    def _trim(self, section: Section, prefix: bool) -> None:
        if section.flag("trim_offsets", True):
            self._trims.append(prefix)

    def _add(self, before: list[int], after: list[int]) -> None:
        self.before, self.after = before + self.before, self.after + after

    def _template(self, section: Section) -> None:
        ids: dict[str, list[int]] = {}
        for name, token in section.inside("special_tokens").sections_by_name():
            token.texts("tokens")
            token.must_be("id", name)
            ids[name] = token.numbers("ids")
            token.done()
        self._pieces(section, "pair", ids, {"A", "B"})  # `save` writes it again
        pieces = self._pieces(section, "single", ids, {"A"})
        if (n := pieces.count(None)) != 1:
            raise Unsupported(f"{section.where}: a template holds its text once, not {n} times")
        at = pieces.index(None)
        before = [i for piece in pieces[:at] if piece is not None for i in piece]
        self._add(before, [i for piece in pieces[at + 1 :] if piece is not None for i in piece])

    @staticmethod
    def _pieces(
        section: Section, key: str, ids: Mapping[str, list[int]], texts: set[str]
    ) -> list[list[int] | None]:
        """The ids of the special tokens of a template, and None for each text in it."""
        made: list[list[int] | None] = []
        seen = set()
        for piece in section.sections(key):
            (kind,) = piece.content if len(piece.content) == 1 else ("",)
            if kind not in ("SpecialToken", "Sequence"):
                raise ValueError(f"{piece.where} = {dict(piece.content)!r:.80} is no piece")
            inner = piece.inside(kind)
            name = inner.text("id")
            inner.number("type_id", 0)
            if name not in (texts if kind == "Sequence" else ids):
                raise ValueError(f"{inner.where}: id={name!r:.60} is not known")
            if kind == "Sequence":
                seen.add(name)
            made.append(None if kind == "Sequence" else list(ids[name]))
            inner.done()
        if seen != texts:
            raise ValueError(f"{section.where}: {key} lacks a text: {sorted(texts - seen)}")
        return made

    def put_around(self, ids: list[int]) -> list[int]:
        """The ids of a text with what belongs before and after them."""
        return [*self.before, *ids, *self.after]

    def trim(self, spans: Sequence[Span], spellings: Sequence[str]) -> list[Span]:
        """The spans without the blanks that a byte-level token begins or ends with.

        Args:
            spans: of the text's own tokens.
            spellings: of these tokens, byte by byte.
        """
        result = list(spans)
        for prefix in self._trims:
            for n, ((start, end), spelling) in enumerate(zip(result, spellings, strict=True)):
                blanks = len(spelling) - len(spelling.lstrip(_BLANKS))
                if blanks == 1 and prefix and (n == 0 or start == 0):
                    blanks = 0  # it is the one that was put in front; several were there before
                trailing = len(spelling) - len(spelling.rstrip(_BLANKS))
                start = min(start + blanks, end)
                if trailing and end >= trailing:
                    end = max(end - trailing, start)
                result[n] = (start, end)
        return result

    @property
    def trims(self) -> bool:
        """Whether `trim` changes anything."""
        return bool(self._trims)


_WIDE = "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_BLANKS = CHARACTER_OF[32] + " \t\n\r\x0b\x0c\x85\xa0\u1680" + _WIDE
