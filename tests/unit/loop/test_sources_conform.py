"""Every source keeps the port: files of each kind, queries of SQLite and PostgreSQL, pushes, and a rehearsal's history."""

import polars as pl
import pytest
from sqlalchemy import create_engine, text

import postgres
from conformance.sources import FAR, TABLE, SourceConformance, project_of
from trivium.core.clock import VirtualClock
from trivium.core.project import Table
from trivium.loop.history import HistorySource
from trivium.loop.inbox import PushedSource
from trivium.loop.push import push_into
from trivium.loop.sources import FileSource
from trivium.loop.sql_source import SqlSource
from trivium.loop.workspace import Workspace

QUERY = "select id, at, x, word from visits order by at, id"
WINDOW = "select id, at, x, word from visits where at >= :since and at < :until order by at, id"


class _Files:
    def __init__(self, folder, kind):
        self.path = folder / f"all.{kind}"

    def put(self, rows):
        rows = (
            rows.with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
            if self.path.suffix != ".parquet"
            else rows
        )
        writers = {".parquet": rows.write_parquet, ".csv": rows.write_csv, ".jsonl": rows.write_ndjson}
        writers[self.path.suffix](self.path)


class TestFiles(SourceConformance):
    @pytest.fixture(params=["parquet", "csv", "jsonl"])
    def place(self, tmp_path, request):
        return _Files(tmp_path, request.param)

    @pytest.fixture
    def source(self, place):
        table = Table(files=place.path.name, time="at", key=("id",))
        return FileSource(place.path.parent, project_of(table))


class _Database:
    def __init__(self, url):
        self.engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))

    def put(self, rows):
        kind = "timestamptz" if self.engine.dialect.name == "postgresql" else "text"
        with self.engine.begin() as connection:
            connection.execute(text("drop table if exists visits"))
            connection.execute(text(f"create table visits (id text, at {kind}, x double precision, word text)"))
            given = rows.with_columns(pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S+00:00"))
            connection.execute(text("insert into visits values (:id, :at, :x, :word)"), given.to_dicts())
        self.engine.dispose()


class _SqlConformance(SourceConformance):
    @pytest.fixture(params=[QUERY, WINDOW], ids=["whole", "window"])
    def source(self, place, url, request):
        table = Table(sql=request.param, url="env:WAREHOUSE", time="at", key=("id",), revisit="500d")
        return SqlSource(project_of(table), {"WAREHOUSE": url}, folder="/")


class TestSqlite(_SqlConformance):
    @pytest.fixture
    def url(self, tmp_path):
        return f"sqlite:///{tmp_path}/warehouse.db"

    @pytest.fixture
    def place(self, url):
        return _Database(url)


@pytest.fixture(scope="module")
def server():
    with postgres.server() as url:
        yield url


class TestPostgres(_SqlConformance):
    @pytest.fixture
    def url(self, server):
        return server

    @pytest.fixture
    def place(self, url):
        return _Database(url)


class _OneTable(Workspace):
    """A workspace whose project is one table, written down nowhere."""

    def __init__(self, folder, table):
        super().__init__(folder, clock=VirtualClock(FAR), store=folder, durable=False)
        self.project = project_of(table)


class _Pushes:
    def __init__(self, ws):
        self.ws = ws

    def put(self, rows):
        push_into(self.ws, TABLE, rows)


class TestPushes(SourceConformance):
    @pytest.fixture
    def place(self, tmp_path):
        return _Pushes(_OneTable(tmp_path, Table(push=True, time="at", key=("id",))))

    @pytest.fixture
    def source(self, place):
        return PushedSource(place.ws.project, place.ws.blobs, place.ws.state.inbox)


class _Lazy:
    """A history is read when it is made: so it is made when it is first asked."""

    def __init__(self, make):
        self.make, self.made = make, None

    def deliveries(self, table, **words):
        self.made = self.made or self.make()
        yield from self.made.deliveries(table, **words)

    def reach(self, table):
        return self.make().reach(table)


class TestHistory(SourceConformance):
    @pytest.fixture
    def place(self, tmp_path):
        return _Files(tmp_path, "parquet")

    @pytest.fixture
    def source(self, place):
        project = project_of(Table(files=place.path.name, time="at", key=("id",)))
        return _Lazy(lambda: HistorySource(FileSource(place.path.parent, project), project, faults=(), seed=0))

    test_late_and_corrected = None
    test_chunks_share_their_columns_and_types = None
