"""Checkpoints of sharded training, for any number of ranks."""
