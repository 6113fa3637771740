"""Settle: a setting is written into trivium.toml where it belongs, and all else of the file stays as it was."""

from collections.abc import Sequence

from trivium.core.problems import Problem, ProjectError
from trivium.loop.project_text import with_value, write_project
from trivium.loop.workspace import PROJECT_FILE, Workspace


def settle(ws: Workspace, place: Sequence[str], value: float | str, *, because: str = "") -> None:
    """Set one value of the project file, by its section and key; comments, order and spacing of the rest stay.

    A section that is not there yet is added at the end. The file is whole at every moment.

    Raises:
        ProjectError: TV-RUN-005 the file cannot be read or written; TV-PROJ-… it would no longer be a project file, it
            cannot be edited as it is written (-009), or somebody changed it meanwhile (-010).
    """
    path = ws.folder / PROJECT_FILE
    try:
        before = path.read_bytes().decode()
        write_project(ws.folder, with_value(before, place, value, because=because), before=before)
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
