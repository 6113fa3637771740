"""What any `core.ports.Blobs` must do. Subclass `BlobsConformance` and override the fixture `blobs`."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from trivium.core.ports import Blobs
from trivium.core.problems import StoreError


class BlobsConformance:
    @pytest.fixture
    def blobs(self) -> Blobs:
        raise NotImplementedError("override this fixture: return an empty store of blobs")

    @pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)) * 5000], ids=["empty", "one byte", "1.3 MB"])
    def test_what_is_put_comes_back(self, blobs, content):
        """Bytes come back by their sha256, whatever they are."""
        digest = blobs.put(content)
        assert digest == hashlib.sha256(content).hexdigest()
        assert blobs.get(digest) == content
        assert blobs.has(digest)

    def test_putting_twice_is_putting_once(self, blobs):
        """The same bytes have one name, however often they are put."""
        assert blobs.put(b"a") == blobs.put(b"a")
        assert blobs.get(blobs.put(b"a")) == b"a"

    def test_missing(self, blobs):
        """Bytes that were never put are missing: `has` says so, `get` raises TV-STORE-005."""
        blobs.put(b"a")
        digest = hashlib.sha256(b"b").hexdigest()
        assert not blobs.has(digest)
        with pytest.raises(StoreError, match="TV-STORE-005"):
            blobs.get(digest)

    @pytest.mark.parametrize("name", ["", "x", "../" * 20 + "etc/passwd", "A" * 64, "0" * 63 + "\n"])
    def test_a_name_that_is_no_digest_is_missing(self, blobs, name):
        """No text leads outside the store."""
        assert not blobs.has(name)
        with pytest.raises(StoreError, match="TV-STORE-005"):
            blobs.get(name)

    def test_threads(self, blobs):
        """Many threads that put the same and different bytes lose none."""
        contents = [str(n % 20).encode() * 1000 for n in range(200)]
        with ThreadPoolExecutor(8) as pool:
            digests = list(pool.map(blobs.put, contents))
        assert [blobs.get(digest) for digest in digests] == contents
