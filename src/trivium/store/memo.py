"""The memo on SQL: which blob holds the result of a step. A cache; emptied, it costs time only."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.sqlite import insert

from trivium.store.records import memo, reading, writing


class SqlMemo:
    """`core.ports.Memo` on a migrated engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, key: str) -> dict[str, Any] | None:
        """Return what was remembered, or None."""
        with reading(self._engine) as connection:
            value = connection.execute(select(memo.c.value).where(memo.c.key == key)).scalar()
        return None if value is None else msgspec.json.decode(value, type=dict[str, Any])

    def all(self) -> list[dict[str, Any]]:
        """Give everything that is remembered."""
        with reading(self._engine) as connection:
            values = connection.execute(select(memo.c.value)).scalars().all()
        return [msgspec.json.decode(value, type=dict[str, Any]) for value in values]

    def clear(self) -> list[dict[str, Any]]:
        """Forget everything; return what was remembered, so that its blobs can go too."""
        with writing(self._engine) as connection:
            values = connection.execute(select(memo.c.value)).scalars().all()
            connection.execute(delete(memo))
        return [msgspec.json.decode(value, type=dict[str, Any]) for value in values]

    def forget(self, prefix: str, *, but: Collection[str] = ()) -> list[dict[str, Any]]:
        """Forget what stands under keys that begin so, but for those that begin with one of `but`; return it."""
        begins = memo.c.key.startswith(prefix, autoescape=True)
        with reading(self._engine) as connection:
            held = connection.execute(select(memo.c.key, memo.c.value).where(begins)).all()
        gone = {key: value for key, value in held if key.startswith(prefix) and not key.startswith(tuple(but))}
        if gone:
            with writing(self._engine) as connection:
                connection.execute(delete(memo).where(memo.c.key.in_(list(gone))))
        return [msgspec.json.decode(value, type=dict[str, Any]) for value in gone.values()]

    def remember(self, key: str, value: dict[str, Any]) -> None:
        """Remember plain values under a key; the first to come stays."""
        row = insert(memo).values(key=key, value=msgspec.json.encode(value).decode())
        with writing(self._engine) as connection:
            connection.execute(row.on_conflict_do_nothing(index_elements=["key"]))
