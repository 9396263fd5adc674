"""Chapter 07: what its exercises compute their keys from."""

from __future__ import annotations

import numpy as np

LOGITS = np.array([2.0, 1.0, 0.5, -1.0])
