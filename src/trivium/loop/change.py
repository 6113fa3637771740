"""Change: the project file is read anew at each tick; what differs from last time is put on record as a cause to be."""

import msgspec

from trivium.core.events import Event
from trivium.core.values import digest
from trivium.loop.kept_contracts import keep_contract
from trivium.loop.workspace import Workspace


def note_changes(ws: Workspace) -> list[Event]:
    """Record which tables' contracts and checks are not what they were; once per change, the first sight included."""
    ws.refresh()
    contracts = _contracts(ws)
    journal = ws.state.journal
    if contracts == journal.contracts:
        return []
    differs = sorted(name for name in contracts if contracts[name] != journal.contracts.get(name))
    # Numbered, so that a contract that is changed back is on record as well.
    key = f"changed/{journal.changes + 1}/{digest(contracts)}"
    return ws.unit(
        key,
        lambda: [
            ws.event(
                "changed",
                ws.project.model.name,
                contracts=contracts,
                differs=differs,
                kept={name: keep_contract(ws, name) for name in differs if name in ws.project.tables},
            )
        ],
    )


def _contracts(ws: Workspace) -> dict[str, str]:
    """Digest what each table's rows are held to."""
    return {
        name: digest(
            msgspec.to_builtins(table), [msgspec.to_builtins(check) for check in ws.project.checks if check.on == name]
        )
        for name, table in ws.project.tables.items()
    }
