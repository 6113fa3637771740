"""All of a project's tables as one source: each table's rows come from its files, its query or its pushes."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime

from trivium.core.problems import Problem
from trivium.loop.inbox import PushedSource
from trivium.loop.sources import Delivery, FileSource, Passed, Source
from trivium.loop.workspace import Workspace


class ProjectSource:
    """What `collect`, `tick` and the rest ask, for a project whose store is open."""

    def __init__(self, ws: Workspace, *, environ: Mapping[str, str] = os.environ) -> None:
        self._ws = ws
        self._environ = environ
        self.files = FileSource(ws.folder, ws.project, memo=ws.memo, scratch=ws.blobs.scratch)

    def deliveries(
        self, table: str, *, now: datetime, seen: Mapping[str, str]
    ) -> Iterator[Delivery | Passed | Problem]:
        """See `Source`."""
        yield from self.of(table).deliveries(table, now=now, seen=seen)

    def reach(self, table: str) -> list[Problem]:
        """See `Source`."""
        return self.of(table).reach(table)

    def of(self, table: str) -> Source:
        """Find where a table's rows come from."""
        settings = self._ws.project.tables[table]
        if settings.push:
            return PushedSource(self._ws.project, self._ws.blobs, self._ws.state.inbox)
        if settings.sql is not None:
            from trivium.loop.sql_source import SqlSource

            folder = str(self._ws.folder.resolve())
            return SqlSource(self._ws.project, self._environ, folder=folder, scratch=self._ws.blobs.scratch)
        return self.files
