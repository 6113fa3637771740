"""What any `core.ports.Memo` must do. Subclass `MemoConformance` and override the fixture `memo`."""

import pytest

from trivium.core.ports import Memo


class MemoConformance:
    @pytest.fixture
    def memo(self) -> Memo:
        raise NotImplementedError("override this fixture: return an empty memo")

    def test_unknown_key(self, memo):
        """A key that was never remembered is None."""
        assert memo.find("a") is None

    @pytest.mark.parametrize("value", [{}, {"blob": "x", "rows": 3, "parts": [1.5, None, {"é": True}]}])
    def test_what_is_remembered_is_found(self, memo, value):
        """Plain values come back as they were, the empty dict too."""
        memo.remember("a", value)
        assert memo.find("a") == value
        assert memo.find("b") is None

    def test_what_begins_so_is_forgotten(self, memo):
        """But for what is spared; what was forgotten is handed back, and may be remembered anew."""
        for key in ("a/1", "a/2", "a/20", "ab", "b/1"):
            memo.remember(key, {"key": key})
        assert [known["key"] for known in memo.forget("a/", but=["a/2"])] == ["a/1"]
        assert [memo.find(key) is None for key in ("a/1", "a/2", "a/20", "ab", "b/1")] == [True, *[False] * 4]
        assert memo.forget("a/", but=["a/2"]) == []
        memo.remember("a/1", {"n": 2})
        assert memo.find("a/1") == {"n": 2}

    def test_the_first_stays(self, memo):
        """A second value under the same key changes nothing and raises nothing."""
        memo.remember("a", {"n": 1})
        memo.remember("a", {"n": 2})
        assert memo.find("a") == {"n": 1}
