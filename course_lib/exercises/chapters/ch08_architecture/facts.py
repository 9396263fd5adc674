"""Chapter 08: what its exercises compute their keys from."""

from __future__ import annotations

D, LAYERS, VOCABULARY, POSITIONS = 768, 12, 50_257, 1_024
