"""`erase`: every row of one entity, wherever the store holds them."""

from trivium.cli.door import Answer, workspace
from trivium.cli.options import Reason


def erase(column: str, value: str, /, *, because: Reason) -> Answer:
    """Erase all rows in which COLUMN has VALUE, and what was answered and logged about them; there is no way back.

    Parameters
    ----------
    column
        The column, of any table.
    value
        What it holds in the rows to erase, as text; a private column's value too.
    because
        Why, for the ledger, which keeps neither the rows nor the value.
    """
    from trivium.loop.erase import erase_entity

    event = erase_entity(workspace(), column, value, because=because)
    rows, tables = (0, 0) if event is None else (event.body["rows"], len(event.body["replaced"]))
    said = f"{rows:,} rows erased from {tables:,} tables and logs" if rows else "nothing holds it: nothing was erased"
    return Answer({"column": column, "rows": rows, "blobs": tables}, [said])
