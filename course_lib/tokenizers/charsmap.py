"""The compiled character map of SentencePiece, which T5's files carry.

A trie in two arrays folded into one (a "double array"): a node is an index, its child by byte `b`
is at `offset ^ b`, and each 32-bit unit packs the offset, the byte it stands for, and whether a
string ends there. What a string turns into is read from a table behind the trie.

Source: the file format of the SentencePiece program and of the Darts-clone library it uses.
"""

from __future__ import annotations

import struct

import regex

# A run of printable ASCII but for its last character, which may carry marks; or one grapheme.
_PIECE = regex.compile(r"[ -~]+(?=[ -~])|\X")


class CharacterMap:
    """Replaces characters, and short sequences of them, by what the map says.

    Args:
        blob: the map as bytes: length of the trie, the trie, the replacements ending in zeros.

    Raises:
        ValueError: the bytes are no such map.
    """

    def __init__(self, blob: bytes) -> None:
        if len(blob) < 4:
            raise ValueError(f"character map must begin with its length, got {len(blob)} bytes")
        (size,) = struct.unpack_from("<I", blob)
        if size % 4 or 4 + size > len(blob):
            raise ValueError(f"character map says {size} bytes of trie, but has {len(blob) - 4}")
        self._units = struct.unpack_from(f"<{size // 4}I", blob, 4)
        self._offsets = [(unit >> 10) << ((unit & 0x200) >> 6) for unit in self._units]
        self._replacements = blob[4 + size :]
        self._check()
        ascii_text = "".join(map(chr, range(32, 127)))
        self._ascii_stays = "".join(map(self._character, ascii_text)) == ascii_text

    def _check(self) -> None:
        """Refuse a map of which an end leads nowhere, or to bytes that are no text."""
        units, n_units = self._units, len(self._units)
        fine: set[int] = set()  # many ends lead to one replacement
        for node, unit in enumerate(units):
            if unit & 0x80000100 != 0x100:
                continue
            leaf = node ^ self._offsets[node]
            at = units[leaf] & 0x7FFFFFFF if leaf < n_units else len(self._replacements)
            if at in fine:
                continue
            try:
                self._replacements[at : self._replacements.index(0, at)].decode()
            except (ValueError, UnicodeDecodeError):
                raise ValueError(f"character map is damaged: entry {node} leads nowhere") from None
            fine.add(at)

    def _prefix(self, key: bytes) -> str | None:
        """What the shortest known beginning of the key turns into, None if no beginning is known.

        The shortest, not the longest, as in the Rust library.
        """
        units = self._units
        node = self._offsets[0]
        for byte in key:
            node ^= byte
            if node >= len(units) or units[node] & 0x800000FF != byte:
                return None
            ends = units[node] >> 8 & 1
            node ^= self._offsets[node]
            if ends:
                at = units[node] & 0x7FFFFFFF
                return self._replacements[at : self._replacements.index(0, at)].decode()
        return None

    def __call__(self, text: str) -> str:
        """The normalized text: whole graphemes of up to five bytes first, then characters."""
        parts: list[str] = []
        for piece in _PIECE.findall(text):
            if self._ascii_stays and piece.isascii() and piece.isprintable():
                parts.append(piece)
            elif (found := self._whole(piece)) is not None:
                parts.append(found)
            else:
                parts.extend(map(self._character, piece))
        return "".join(parts)

    def changes(self, text: str) -> list[tuple[str, int]]:
        """The characters of the normalized text, and how each came to be (see `align.follow`)."""
        made: list[tuple[str, int]] = []
        for piece in _PIECE.findall(text):
            whole = self._whole(piece)
            pairs = (
                [(piece, whole)]
                if whole is not None
                else [(character, self._character(character)) for character in piece]
            )
            for old, new in pairs:
                made += [(character, 0) for character in new]
                n_more = len(new) - len(old)
                if n_more > 0:
                    made[-n_more:] = [(character, 1) for character, _ in made[-n_more:]]
                elif n_more and made:  # what vanishes at the very beginning is not counted there
                    made[-1] = (made[-1][0], made[-1][1] + n_more)
        return made

    def _whole(self, piece: str) -> str | None:
        if piece.isascii() and piece.isprintable():
            return None
        key = piece.encode()
        return self._prefix(key) if len(key) < 6 else None

    def _character(self, character: str) -> str:
        found = self._prefix(character.encode())
        return character if found is None else found
