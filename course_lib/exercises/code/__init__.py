"""Judge a program by properties against a reference; it runs wherever NumPy does."""
