"""The SQL memo passes the conformance kit."""

import pytest

from conformance.memo import MemoConformance
from trivium.store.memo import SqlMemo
from trivium.store.records import migrate, open_engine


class TestSqlMemo(MemoConformance):
    @pytest.fixture
    def memo(self, tmp_path):
        engine = open_engine(f"sqlite:///{tmp_path}/trivium.db", durable=False)
        migrate(engine)
        yield SqlMemo(engine)
        engine.dispose()
