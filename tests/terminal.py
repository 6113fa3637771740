"""The command line, called in this process: what it printed and how it ended."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivium.cli.main import run


@dataclass(frozen=True)
class Said:
    """What a command said: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output; more than one, or anything else beside it, is an error."""
        return json.loads(self.out)

    @property
    def problems(self) -> list[dict[str, str]]:
        """The problems of a refused command, each with its five fields."""
        return self.document["problems"]


def say(*words: object, project: Path | None = None, as_json: bool = True) -> Said:
    """Call a command; with `--json` unless told otherwise."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    meant = [*(["--project", str(project)] if project else []), *map(str, words), *(["--json"] if as_json else [])]
    with redirect_stdout(out), redirect_stderr(err):
        code = run(meant)
    out.flush()
    assert sys.stdout is not out
    return Said(code, out.buffer.getvalue().decode(), err.getvalue())
