"""`erase`: every row of one entity, wherever the store holds them."""

from trivium.cli.door import Answer, workspace


def erase(column: str, value: str, /, *, because: str) -> Answer:
    """Erase all rows in which COLUMN has VALUE, and what was answered and logged about them; there is no way back."""
    from trivium.loop.erase import erase_entity

    event = erase_entity(workspace(), column, value, because=because)
    rows, tables = (0, 0) if event is None else (event.body["rows"], len(event.body["replaced"]))
    said = f"{rows:,} rows erased from {tables:,} tables and logs" if rows else "nothing holds it: nothing was erased"
    return Answer({"column": column, "rows": rows, "blobs": tables}, [said])
