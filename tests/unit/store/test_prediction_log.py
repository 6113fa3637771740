"""The prediction log's writer and its segments, on a disk that works."""

import asyncio
import os
import threading
from datetime import UTC, datetime

import pytest

from trivium.core.problems import StoreError
from trivium.store.framing import framed
from trivium.store.prediction_log import Writer
from trivium.store.segments import log_folder, open_segment, read, segment_at, segments, sweep_unborn, writer_name


@pytest.fixture
def writer(tmp_path):
    made = []

    def make(**words):
        made.append(Writer(tmp_path, **words))
        return made[-1]

    yield make
    for one in made:
        one.close()


def held(folder):
    """Read all records of a folder, segment by segment."""
    return [record for segment in segments(folder) for record in read(segment).records]


def test_what_is_appended_is_in_the_file_at_once(writer, tmp_path):
    """Records can be read as soon as append has returned, in their order; the segment is not closed yet."""
    log = writer()
    log.append([b"one", b"two"])
    log.append([b"three"])
    [segment] = segments(tmp_path)
    found = read(segment)
    assert found.records == [b"one", b"two", b"three"]
    assert (found.is_closed, found.torn, found.damaged) == (False, 0, ())
    assert found.end == segment.path.stat().st_size


def test_a_closed_segment_is_told(writer, tmp_path):
    """Once its writer is closed, a segment is closed for good."""
    log = writer()
    log.append([b"one"])
    log.close()
    assert read(segments(tmp_path)[0]).is_closed
    log.close()


def test_append_after_the_end(writer, tmp_path):
    """A writer that is closed takes nothing: counted at level os, refused at level sync."""
    log, strict = writer(), writer(level="sync")
    log.close()
    strict.close()
    log.append([b"late"])
    assert log.stats().lost == 1
    with pytest.raises(StoreError, match="TV-STORE-003"):
        strict.append([b"late"])
    assert held(tmp_path) == []


def test_append_nothing(writer, tmp_path):
    """No records, no write."""
    log = writer()
    assert log.append([]) == 0
    assert held(tmp_path) == []


def test_reading_goes_on_where_it_stopped(writer, tmp_path):
    """A reader that knows where it stopped reads what has come since; a limit stops it at a whole record."""
    log = writer()
    log.append([b"one", b"two"])
    segment = segments(tmp_path)[0]
    first = read(segment, most_bytes=20)
    assert first.records == [b"one"]
    second = read(segment, start=first.end)
    assert second.records == [b"two"]
    log.append([b"three"])
    assert read(segment, start=second.end).records == [b"three"]
    assert read(segment, most_bytes=1).records == [b"one"]


def test_rolls(writer, tmp_path):
    """A segment that is full is closed and the next begun; nothing is lost between them."""
    log = writer(roll_bytes=2_000)
    records = [b"%04d" % place * 20 for place in range(600)]
    for record in records:
        log.append([record])
    log.close()
    assert len(segments(tmp_path)) > 1
    assert [segment.number for segment in segments(tmp_path)] == list(range(len(segments(tmp_path))))
    assert held(tmp_path) == records
    assert log.stats().records == 600


def test_ids_are_given_once(writer):
    """Ids carry the writer's name and count on."""
    log, other = writer(), writer()
    ids = log.next_ids(2) + log.next_ids(1)
    assert ids == [f"p{log.name}-00000{place}" for place in range(3)]
    assert not set(ids) & set(other.next_ids(3))


def test_level_sync_answers_after_the_disk(writer):
    """At level sync `durable` returns once a sync has covered the mark, and those who wait together share syncs."""
    log = writer(level="sync")

    async def one(place):
        await log.durable(log.append([b"%d" % place]))

    async def many():
        await asyncio.gather(*(one(place) for place in range(200)))
        await log.durable(0)

    asyncio.run(many())
    stats = log.stats()
    assert stats.records == 200
    assert 1 <= stats.syncs < 200


def test_level_sync_waits_for_no_timer(writer):
    """One record after the other, each is synced by itself: nothing has to come along for that."""
    log = writer(level="sync")

    async def in_turn():
        for place in range(5):
            await log.durable(log.append([b"%d" % place]))
        return log.stats().syncs

    assert asyncio.run(in_turn()) == 5


def test_a_client_that_has_gone(writer):
    """Somebody who no longer waits is passed over, and the others are told."""
    log = writer(level="sync")

    async def go():
        gone = asyncio.create_task(log.durable(log.append([b"gone"])))
        await asyncio.sleep(0)
        gone.cancel()
        await log.durable(log.append([b"here"]))

    asyncio.run(go())


def test_level_os_waits_for_nobody(writer):
    """At level os `durable` returns at once, and the thread brings the file to the disk all the same."""
    log = writer()
    asyncio.run(log.durable(log.append([b"one"])))
    log.close()
    assert log.stats().syncs >= 1


def test_many_threads(writer, tmp_path):
    """Threads may append at once: each record is there once."""
    log = writer(roll_bytes=5_000)

    def work(name):
        for place in range(300):
            log.append([b"%s %d" % (name, place)])

    threads = [threading.Thread(target=work, args=(name,)) for name in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert sorted(held(tmp_path)) == sorted(
        b"%s %d" % (name, place) for name in (b"a", b"b", b"c") for place in range(300)
    )


def test_stats(writer):
    """The counts tell what was written."""
    log = writer()
    log.append([b"abc"])
    stats = log.stats()
    assert (stats.records, stats.written_bytes, stats.held, stats.lost) == (1, 15, 0, 0)
    assert stats.segment_age_s >= 0
    log.close()
    assert log.stats().unsynced_s == 0


def test_a_torn_tail_is_cut_once_the_writer_is_gone(tmp_path):
    """Half a record at the end is left for later while there is a writer, and counted as torn when there is none."""
    segment, handle = open_segment(tmp_path, writer=writer_name(datetime(2024, 1, 1, tzinfo=UTC)), number=0)
    os.write(handle, framed(b"whole", segment.marker) + framed(b"half of it", segment.marker)[:-3])
    assert (read(segment).records, read(segment).torn) == ([b"whole"], 0)
    os.close(handle)
    found = read(segment)
    assert (found.records, found.torn, found.is_closed) == ([b"whole"], 19, True)


def test_damage_at_the_end_waits_too(tmp_path):
    """What is unreadable at the end is told as damaged only once nothing can follow it."""
    segment, handle = open_segment(tmp_path, writer=writer_name(datetime(2024, 1, 1, tzinfo=UTC)), number=0)
    os.write(handle, framed(b"whole", segment.marker) + b"rubbish of some length")
    assert (read(segment).end, read(segment).damaged) == (17, ())
    os.close(handle)
    assert read(segment).damaged == ((17, 39),)


def test_names(tmp_path):
    """A segment's name tells its writer, its start, its number and its marker; other files are passed over."""
    segment = segment_at(tmp_path / "20241124T193000.k3x9f2ab.0001.c15f3a9c.seg")
    assert (segment.name, segment.number, segment.marker) == ("20241124T193000.k3x9f2ab.0001", 1, b"\xc1\x5f\x3a\x9c")
    assert segment.began == datetime(2024, 11, 24, 19, 30, tzinfo=UTC)
    (tmp_path / "notes.txt").write_text("mine")
    assert segments(tmp_path) == []
    assert segments(tmp_path / "none") == []
    assert read(segment) is None
    assert log_folder(tmp_path, "outcomes") == tmp_path / "log" / "outcomes"


def test_unborn_files_are_swept(tmp_path):
    """The empty file of a writer that was killed before it had a name goes after an hour, not before."""
    path = tmp_path / "20241124T193000.k3x9f2ab.0000.c15f3a9c.new"
    path.touch()
    sweep_unborn(tmp_path, now_s=path.stat().st_mtime + 60)
    assert path.exists()
    sweep_unborn(tmp_path, now_s=path.stat().st_mtime + 4000)
    assert not path.exists()
    sweep_unborn(tmp_path / "none", now_s=0)
