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


def test_written_frame_by_frame(blobs):
    """A table written in frames of any size has the digest, and the rows, of one put whole; nothing is left aside."""
    size = 300_000
    frame = pl.DataFrame({"n": range(size), "checks": [["a"] * (n % 3) for n in range(size)]})
    digest = blobs.put_frame(frame)
    blobs.path(digest).unlink()
    for cut in (50_000, 131_072, 299_999):
        with blobs.frame_writer() as writer:
            for start in range(0, size, cut):
                writer.write(frame.slice(start, cut))
            assert writer.keep() == digest
        assert writer.rows == size
    assert_frame_equal(blobs.get_frame(digest), frame)
    assert blobs.verified_path(digest) == blobs.path(digest)
    assert list((blobs.path(digest).parent.parent / "new").iterdir()) == []


@pytest.mark.parametrize("rows", [0, 1, 131_072, 131_073])
def test_small_tables_written_frame_by_frame(blobs, rows):
    """At the edges of a row group too, and without rows, the writer's blob is the one put whole."""
    frame = pl.DataFrame({"n": range(rows)}, schema={"n": pl.Int64})
    with blobs.frame_writer() as writer:
        writer.write(frame.clear())
        writer.write(frame)
        assert writer.keep() == blobs.put_frame(frame)


def test_what_a_writer_does_not_keep_is_gone(blobs, tmp_path):
    """A writer that is left before `keep`, by an exception or not, leaves no file, however far it had got."""
    frame = pl.DataFrame({"n": range(200_000)})
    with pytest.raises(ZeroDivisionError), blobs.frame_writer() as writer:
        writer.write(frame)
        writer.write(frame)
        raise ZeroDivisionError
    with blobs.frame_writer() as writer:
        writer.write(frame)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_sweep_spares_what_is_held(blobs, tmp_path):
    """Unfinished files go when nobody writes, and stay while anybody does."""
    with blobs.scratch() as folder:
        (folder / "half").write_bytes(b"x")
        (tmp_path / "blobs" / "new" / "left").write_bytes(b"y")
        assert blobs.sweep() == 0
    assert blobs.sweep() == 1
    assert blobs.sweep() == 0
    assert not folder.exists()


def test_damaged_blobs_are_not_told_of(blobs):
    """The place of a blob is told only where its bytes are what they were."""
    digest = blobs.put(b"abc")
    blobs.path(digest).write_bytes(b"abd")
    with pytest.raises(StoreError, match="TV-STORE-006"):
        blobs.verified_path(digest)
    with pytest.raises(StoreError, match="TV-STORE-005"):
        blobs.verified_path("0" * 64)


def test_the_few_rows_of_many_frames_keep_no_more_than_themselves(blobs):
    """Rows filtered out of large frames wait in memory of their own, and are the same."""
    texts = [f"a text that is longer than twelve bytes {n}" for n in range(20_000)]
    with blobs.frame_writer() as writer:
        for part in range(20):
            writer.write(pl.DataFrame({"n": range(20_000), "t": texts}).filter(pl.col("n") == part))
        held = sum(frame.estimated_size() for frame in writer._waiting)
        assert held < 20 * 1_000_000
        assert len(writer._waiting) < 8
        digest = writer.keep()
    assert blobs.get_frame(digest).rows() == [(n, texts[n]) for n in range(20)]
