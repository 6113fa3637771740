"""`init` and `doctor`."""

from pathlib import Path

import msgspec

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import table


def init(folder: Path, *, template: str = "blank") -> Answer:
    """Make a working project in a new or empty folder.

    Parameters
    ----------
    folder
        Where to make it.
    template
        `blank` for a small project on made-up data, `flights` for a year of real flights.
    """
    from trivium.loop.init import initialise

    written = [str(path.relative_to(folder)) for path in initialise(folder, template=template)]
    return Answer(
        {"folder": str(folder), "template": template, "written": written},
        [
            f"{folder}: a project from the template {template!r}, {len(written)} files",
            f"next: trivium --project {folder} doctor, then trivium --project {folder} rehearse",
        ],
    )


def doctor() -> Answer:
    """Report all problems of the project, its code, its files, its store and the environment at once."""
    from trivium.loop.doctor import examine

    report = examine(workspace)
    rows = [(part, "ok" if not problems else f"{len(problems)} to mend") for part, problems in report.items()]
    problems = [problem for found in report.values() for problem in found]
    return Answer(
        {"healthy": not problems, "examined": list(report), "problems": msgspec.to_builtins(problems)},
        [table("Examined", ("part", "state"), rows), *(str(problem) for problem in problems)],
        exit_code=2 if problems else 0,
    )
