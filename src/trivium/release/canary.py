"""Which rows the canary answers: a sticky hash of the entity. Not the route, which says who the canary is."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def in_canary(row_ids: Sequence[str], *, share: float, salt: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mark the rows that the canary answers.

    Args:
        row_ids: the entities asked about, shape (n,); equal ids are always on the same side.
        share: of entities in the canary, 0 to 1. A greater share keeps all those in who were in before.
        salt: the model or the rollout; another salt draws another, independent part.

    Returns:
        Booleans, shape (n,). The same in every process, on every machine and Python version (BLAKE2b, RFC 7693).
    """
    if share <= 0 or not len(row_ids):
        return np.zeros(len(row_ids), dtype=np.bool_)
    if share >= 1:
        return np.ones(len(row_ids), dtype=np.bool_)
    salted = hashlib.blake2b(salt.encode() + b"\0", digest_size=8)
    digests = []
    for row_id in row_ids:
        one = salted.copy()
        one.update(row_id.encode())
        digests.append(one.digest())
    places = np.frombuffer(b"".join(digests), dtype=">u8")
    return np.asarray(places < np.uint64(int(share * 2.0**64)))
