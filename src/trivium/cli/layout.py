"""How findings are laid out on a terminal: tables that break no number and no word, and named values, one a line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.values import iso, moment

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

# A word that is longer may be broken: an address, a path.
LONGEST_WORD = 27
# What the box takes beside the cells: at both edges, and between two columns.
EDGES, GAP = 2, 3
NOTHING = "–"
_FRACTION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under named columns.

    Where the terminal is too narrow for them, columns in which nothing stands are left out; where it still is, the rows
    are told one below the other.
    """

    title: str
    columns: tuple[str, ...]
    cells: list[list[str]]
    # By column: may it not be broken at spaces, and does it stand to the right.
    whole: tuple[bool, ...]
    right: tuple[bool, ...]

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> Iterator["RenderableType"]:
        """Draw it as wide as the console is."""
        from rich.text import Text

        yield Text(self.title, style="bold")
        for one in (self, self._filled()):
            widths = one.widths(options.max_width)
            if widths is not None:
                yield one._drawn(widths)
                return
        yield from self._stacked()

    def widths(self, room: int) -> list[int] | None:
        """Share the room out: each column has its longest word, then what is left goes to those that would break.

        None where the longest words alone are wider.
        """
        needs, wants = [], []
        for place, name in enumerate(self.columns):
            texts = [name, *(row[place] for row in self.cells)]
            want = max(map(len, texts))
            words = max((len(word) for text in texts for word in text.split()), default=0)
            needs.append(want if self.whole[place] else min(words, LONGEST_WORD))
            wants.append(want)
        left = room - EDGES - GAP * (len(needs) - 1) - sum(needs)
        if left < 0:
            return None
        more = [want - need for want, need in zip(wants, needs, strict=True)]
        share = min(1.0, left / sum(more)) if sum(more) else 0.0
        return [need + int(share * extra) for need, extra in zip(needs, more, strict=True)]

    def _filled(self) -> "Table":
        """Leave the columns out in which nothing stands."""
        kept = [place for place in range(len(self.columns)) if any(row[place] != NOTHING for row in self.cells)]
        return Table(
            title=self.title,
            columns=tuple(self.columns[place] for place in kept),
            cells=[[row[place] for place in kept] for row in self.cells],
            whole=tuple(self.whole[place] for place in kept),
            right=tuple(self.right[place] for place in kept),
        )

    def _drawn(self, widths: Sequence[int]) -> Any:
        from rich import box
        from rich.table import Table as Drawn
        from rich.text import Text

        made = Drawn(box=box.SIMPLE_HEAD, pad_edge=False)
        for name, width, right in zip(self.columns, widths, self.right, strict=True):
            made.add_column(name, width=width, justify="right" if right else "left", overflow="fold")
        for row in self.cells:
            made.add_row(*map(Text, row))
        return made

    def _stacked(self) -> Iterator[Any]:
        from rich.padding import Padding
        from rich.text import Text

        yield ""
        for first, *others in self.cells:
            yield Text(first)
            told = zip(self.columns[1:], others, strict=True)
            line = " · ".join(f"{name} {value}".strip() for name, value in told if value != NOTHING)
            yield Padding(Text(line), (0, 0, 0, 2))
        yield ""


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, whole: str | None = None) -> Table:
    """Lay rows out as a table; numbers to the right, None as a dash; the column `whole` is not broken, to be copied.

    Times are told to the second, rounded up: by then it had happened, whatever asks for the state `--at` it.
    """
    cells = [[_in_seconds(cell(value)) for value in row] for row in rows]
    right = tuple(
        bool(rows) and all(isinstance(row[place], int | float | None) for row in rows) for place in range(len(columns))
    )
    unbroken = tuple(name == whole or number for name, number in zip(columns, right, strict=True))
    return Table(title=title, columns=tuple(columns), cells=cells, whole=unbroken, right=right)


def pairs(title: str, values: Mapping[str, Any]) -> Any:
    """Lay named values out, one a line."""
    from rich import box
    from rich.console import Group
    from rich.table import Table as Drawn
    from rich.text import Text

    made = Drawn(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in values.items():
        made.add_row(Text(name), Text(cell(value)))
    return Group(Text(title, style="bold"), made)


def cell(value: Any) -> str:
    """Write a value: numbers short, nothing as a dash."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def as_written(values: Mapping[str, Any]) -> dict[str, str | None]:
    """Write data as it was sent, and not as a count: flight 2590 is no 2,590."""
    return {name: None if value is None else _written(value) for name, value in values.items()}


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()


def _in_seconds(text: str) -> str:
    if not _FRACTION.fullmatch(text):
        return text
    return iso(moment(text).replace(microsecond=0) + timedelta(seconds=1))
