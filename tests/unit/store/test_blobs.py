"""Blobs as files: the conformance kit, frames, damage and garbage."""

import os
from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from conformance.blobs import BlobsConformance
from trivium.core.problems import StoreError
from trivium.store.blobs import FileBlobs


@pytest.fixture(params=[True, False], ids=["durable", "fast"])
def blobs(tmp_path, request):
    return FileBlobs(tmp_path, durable=request.param)


class TestFileBlobs(BlobsConformance):
    @pytest.fixture
    def blobs(self, tmp_path):
        return FileBlobs(tmp_path / "not" / "yet", durable=True)


FRAME = pl.DataFrame(
    {
        "n": [3, None, 1],
        "x": [0.5, float("nan"), None],
        "text": ["é", None, ""],
        "flag": [True, False, None],
        "at": [datetime(2013, 1, 1, tzinfo=UTC), None, datetime(2013, 1, 2, 3, 4, 5, 6, tzinfo=UTC)],
        "checks": [["a", "b"], [], None],
    },
    schema_overrides={"at": pl.Datetime("us", "UTC")},
)


def age(path, seconds):
    at = path.stat().st_mtime - seconds
    os.utime(path, (at, at))


def test_place_on_disk(blobs, tmp_path):
    """A blob lies under the first two digits of its name, alone, and nothing is left aside."""
    digest = blobs.put(b"a")
    assert blobs.path(digest) == tmp_path / "blobs" / digest[:2] / digest[2:]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [blobs.path(digest)]


def test_a_blob_that_is_there_is_not_written_again(blobs):
    """The second put of the same bytes leaves the file as it is."""
    path = blobs.path(blobs.put(b"a"))
    before = path.stat().st_ino
    blobs.put(b"a")
    assert path.stat().st_ino == before


def test_damaged(blobs):
    """Bytes that changed under their name are not handed out: TV-STORE-006."""
    path = blobs.path(blobs.put(b"abc"))
    path.write_bytes(b"abd")
    with pytest.raises(StoreError, match="TV-STORE-006"):
        blobs.get(path.parent.name + path.name)


def test_a_torn_file_is_written_again(blobs):
    """A file of the wrong size, as a power cut may leave, is mended by the next put."""
    digest = blobs.put(b"abc")
    blobs.path(digest).write_bytes(b"a")
    blobs.put(b"abc")
    assert blobs.get(digest) == b"abc"


@pytest.mark.parametrize("frame", [FRAME, FRAME.clear(), pl.DataFrame()], ids=["rows", "no rows", "no columns"])
def test_frames_come_back(blobs, frame):
    """A table comes back with its rows, their order, types, nulls and NaN."""
    assert_frame_equal(blobs.get_frame(blobs.put_frame(frame)), frame)


def test_some_columns(blobs):
    """The columns asked for come in the order asked; those not held are left out."""
    digest = blobs.put_frame(FRAME)
    assert_frame_equal(blobs.get_frame(digest, columns=["text", "none", "n"]), FRAME.select("text", "n"))


def test_equal_frames_have_one_digest(blobs):
    """How a frame came about, in chunks, by a slice or by a filter, does not show in its bytes."""
    ways = [
        FRAME,
        pl.concat([FRAME[:1], FRAME[1:]], rechunk=False),
        pl.concat([FRAME, FRAME])[3:],
        pl.concat([FRAME, FRAME]).with_row_index("i").filter(pl.col("i") < 3).drop("i"),
    ]
    assert len({blobs.put_frame(frame) for frame in ways}) == 1


def test_large_frames(blobs):
    """Past one row group too, chunks do not show: without care, they do in columns of lists."""
    size = 200_000
    columns = {
        "n": range(size),
        "t": [str(n * n) for n in range(size)],
        "checks": [["a"] * (n % 3) for n in range(size)],
    }
    frame = pl.DataFrame(columns)
    digest = blobs.put_frame(frame)
    for cut in (1000, 150_000):
        assert blobs.put_frame(pl.concat([frame[:cut], frame[cut:]], rechunk=False)) == digest
    assert_frame_equal(blobs.get_frame(digest), frame)


def test_bytes_that_are_no_table(blobs):
    """A blob that is not Parquet says so: TV-STORE-009."""
    digest = blobs.put(b"no table at all")
    for columns in (None, ["n"]):
        with pytest.raises(StoreError, match="TV-STORE-009"):
            blobs.get_frame(digest, columns=columns)


def test_garbage(blobs):
    """Old blobs that nothing names go; live and young ones stay."""
    live, young, old = blobs.put(b"live"), blobs.put(b"young"), blobs.put(b"old")
    age(blobs.path(live), 100)
    age(blobs.path(old), 100)
    assert blobs.collect_garbage({live}, older_than_s=50) == 1
    assert [blobs.has(digest) for digest in (live, young, old)] == [True, True, False]
    assert blobs.collect_garbage({live}, older_than_s=50) == 0


def test_garbage_of_an_empty_store(blobs):
    """A store without a folder has no garbage."""
    assert blobs.collect_garbage(set(), older_than_s=0) == 0


def test_putting_makes_young(blobs):
    """An old blob that is put again is spared: its event is about to come."""
    path = blobs.path(blobs.put(b"a"))
    age(path, 100)
    blobs.put(b"a")
    assert blobs.collect_garbage(set(), older_than_s=50) == 0
