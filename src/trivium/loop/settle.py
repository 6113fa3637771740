"""Settle: a setting is written into trivium.toml where it belongs, and all else of the file stays as it was."""

from collections.abc import Sequence

from trivium.core.problems import Problem, ProjectError
from trivium.core.project import read_project
from trivium.loop.workspace import PROJECT_FILE, Workspace
from trivium.store.disk import write_whole

ASIDE = ".trivium/aside"


def settle(ws: Workspace, place: Sequence[str], value: float | str, *, because: str = "") -> None:
    """Set one value of the project file, by its section and key; comments, order and spacing of the rest stay.

    A section that is not there yet is added at the end. The file is whole at every moment.

    Raises:
        ProjectError: TV-RUN-005 the file cannot be read or written; TV-PROJ-… it would no longer be a project file.
    """
    import tomlkit

    path = ws.folder / PROJECT_FILE
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        inside = document
        for section in place[:-1]:
            if section not in inside:
                inside[section] = tomlkit.table()
            inside = inside[section]
        item = tomlkit.item(value)
        if because:
            item.comment(because)
        inside[place[-1]] = item
        text = tomlkit.dumps(document)
        read_project(text)
        mode = path.stat().st_mode
        # Beside the file, not in the store, which may be on another disk: a rename must not cross one.
        write_whole(path, text.encode(), aside=ws.folder / ASIDE, durable=ws.durable)
        path.chmod(mode)
    except OSError as error:
        raise ProjectError(
            Problem(
                code="TV-RUN-005",
                what="the project file cannot be written",
                where=str(path),
                seen=error.strerror or str(error),
                fix="make it a writable UTF-8 file",
            )
        ) from None
