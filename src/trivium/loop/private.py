"""Private: the hider of a project's requests, made once a process."""

from trivium.core.private import Hider
from trivium.loop.workspace import Workspace
from trivium.store.private_key import private_key


def hider_of(ws: Workspace) -> Hider:
    """Make what hides the private columns of the requests' table; draws the project's key only if there are any."""
    if "hider" not in ws.cache:
        table = ws.project.tables[ws.project.requests]
        columns = {name: column.type for name, column in table.columns.items() if column.private}
        key = private_key(ws.root) if columns else bytes(32)
        ws.cache["hider"] = Hider(columns, key=key, way=ws.project.serve.private)
    hider = ws.cache["hider"]
    assert isinstance(hider, Hider)
    return hider
