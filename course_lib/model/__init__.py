"""The transformer: one block, three families, every scheme of order."""
