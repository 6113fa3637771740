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

    def test_cleared(self, memo):
        """Cleared, it gives back what it held, and finds nothing any more."""
        memo.remember("a", {"blob": "x"})
        memo.remember("b", {"blob": "y"})
        assert sorted(value["blob"] for value in memo.clear()) == ["x", "y"]
        assert memo.find("a") is None
        assert memo.clear() == []
