"""Judge a typed answer: choices, numbers with units, matches and orders."""
