"""Sharding: plain data parallelism, and ZeRO stages 1, 2 and 3."""
