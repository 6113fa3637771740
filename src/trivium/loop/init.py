"""Make a working project in a folder: copy a template's files and write its data."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from trivium.core.problems import Problem, ProjectError, shown, unknown_name

TEMPLATES = ("blank", "flights")
BLANK_STARTS = datetime(2024, 1, 1, tzinfo=UTC)
BLANK_DAYS, BLANK_ROWS_A_DAY = 60, 200


def initialise(target: Path, *, template: str = "blank") -> list[Path]:
    """Make a project in `target`, which is created where it does not exist; no file there is ever replaced.

    The data is written first and `trivium.toml` last, so that an attempt cut short can be repeated.

    Returns:
        Every file written, in alphabetical order.

    Raises:
        ProjectError: TV-CLI-010 the folder holds a project, or a file in the way of the template's; TV-CLI-011 there
            is no such template; TV-CLI-012 the data of `flights` is not installed.
    """
    if template not in TEMPLATES:
        raise ProjectError(unknown_name("TV-CLI-011", "template", template, TEMPLATES, where="trivium init --template"))
    source = files("trivium") / "templates" / template
    contents = {file.name: file.read_bytes() for file in source.iterdir() if file.is_file()}
    in_the_way = [name for name in sorted(contents) if (target / name).exists()]
    if in_the_way or (target.exists() and not target.is_dir()):
        raise ProjectError(
            Problem(
                code="TV-CLI-010",
                what="the folder is not free for a new project",
                where=str(target),
                seen=shown(in_the_way) or "a file",
                fix="name an empty or a new folder",
            )
        )
    target.mkdir(parents=True, exist_ok=True)
    if template == "flights":
        from trivium.loop import flights_data

        flights_data.write(target)
    else:
        _write_blank(target)
    for name in sorted(contents, key=lambda name: (name == "trivium.toml", name)):
        (target / name).write_bytes(contents[name])
    return sorted([*(target / name for name in contents), *(target / "data").rglob("*.parquet")])


def _write_blank(folder: Path) -> None:
    """Write 60 days of 200 orders each, and whether they were returned; the same in every run."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(0)
    rows = BLANK_DAYS * BLANK_ROWS_A_DAY
    minutes = np.arange(rows) * (24 * 60 // BLANK_ROWS_A_DAY) + np.arange(rows) // BLANK_ROWS_A_DAY * (
        24 * 60 % BLANK_ROWS_A_DAY
    )
    price, items = random.uniform(5, 200, rows).round(2), random.integers(1, 6, rows)
    odds = np.exp(-2.5 + 0.5 * (items - 1) + 0.006 * price)
    ordered = [BLANK_STARTS + timedelta(minutes=int(minute)) for minute in minutes]
    orders = pl.DataFrame(
        {"order_id": [f"order-{n:05}" for n in range(rows)], "ordered_at": ordered, "price": price, "items": items}
    )
    returns = orders.select(
        "order_id",
        known_at=pl.col("ordered_at") + timedelta(days=1),
        was_returned=pl.Series(random.uniform(size=rows) < odds / (1 + odds)),
    )
    for name, frame in (("orders", orders), ("returns", returns)):
        (folder / "data" / name).mkdir(parents=True, exist_ok=True)
        frame.write_parquet(folder / "data" / name / f"{name}.parquet")
