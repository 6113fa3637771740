"""Deciding whether data, scores and objectives are as they should be, and whether a person must know."""
