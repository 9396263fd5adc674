"""Mutants of references that behave like the original, each with the reason."""

SURVIVORS: dict[str, dict[str, str]] = {}
