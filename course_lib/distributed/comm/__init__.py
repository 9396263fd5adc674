"""Collectives: what ranks say to each other, counted and checked."""
