"""Artifact: the bytes of a model's body, and how far two bodies disagree. Pure: bytes in, bytes out."""
