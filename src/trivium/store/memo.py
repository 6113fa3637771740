"""The memo on SQL: which blob holds the result of a step. A cache; emptied, it costs time only."""

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

    def remember(self, key: str, value: dict[str, Any]) -> None:
        """Remember plain values under a key; the first to come stays."""
        row = insert(memo).values(key=key, value=msgspec.json.encode(value).decode())
        with writing(self._engine) as connection:
            connection.execute(row.on_conflict_do_nothing(index_elements=["key"]))
