"""Ranks as processes: start them, run functions on them, end them."""
