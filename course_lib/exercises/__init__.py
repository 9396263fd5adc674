"""Exercises: load one, answer it, have it judged."""
