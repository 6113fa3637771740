"""Frames under damage: a cut or a flipped bit costs the record that it struck, and is never taken for one."""

from hypothesis import assume, given
from hypothesis import strategies as st

from trivium.store.framing import HEAD, framed, scan

MARKER = b"\xc1\x5f\x3a\x9c"
# Records that hold the marker, whole frames with other markers, and zeros: what could mislead a reader.
RECORDS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=60),
        st.binary(max_size=20).map(lambda rest: rest + MARKER + rest),
        st.binary(min_size=1, max_size=20).map(lambda rest: framed(rest, b"\xc1abc")),
        st.integers(1, 40).map(bytes),
    ),
    max_size=8,
)


def written(records):
    return b"".join(framed(record, MARKER) for record in records)


def ends(records):
    """Tell where each record's frame ends."""
    at, found = 0, []
    for record in records:
        at += HEAD.size + len(record)
        found.append(at)
    return found


@given(RECORDS)
def test_what_was_written_is_read(records):
    """All records come back, in their order, and nothing is torn or damaged."""
    content = written(records)
    found = scan(content, MARKER)
    assert (found.records, found.end, found.torn, found.damaged) == (records, len(content), 0, ())


@given(RECORDS, st.data())
def test_any_cut(records, data):
    """A file cut anywhere gives the records before the cut, whole; the rest of the cut one is torn, none is damaged."""
    content = written(records)
    cut = data.draw(st.integers(0, len(content)))
    whole = [record for record, end in zip(records, ends(records), strict=True) if end <= cut]
    found = scan(content[:cut], MARKER)
    assert found.records == whole
    assert found.damaged == ()
    assert found.end + found.torn == cut


@given(RECORDS, st.data())
def test_any_flipped_bit(records, data):
    """One flipped bit costs the record it is in, and no other; it is told as damaged, or as torn at the very end."""
    assume(records)
    content = bytearray(written(records))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    struck = next(place for place, end in enumerate(ends(records)) if bit // 8 < end)
    found = scan(bytes(content), MARKER)
    assert found.records == [record for place, record in enumerate(records) if place != struck]
    begin = ends(records)[struck] - HEAD.size - len(records[struck])
    if found.damaged:
        assert (found.damaged, found.torn) == (((begin, ends(records)[struck]),), 0)
    else:
        assert struck == len(records) - 1
        assert (found.end, found.torn) == (begin, len(content) - begin)


@given(RECORDS, RECORDS, st.binary(min_size=1, max_size=80))
def test_any_rubbish_between(before, after, rubbish):
    """Whatever stands between records, those before and after it are read."""
    assume(MARKER not in rubbish)
    assume(after)
    found = scan(written(before) + rubbish + written(after), MARKER)
    assert found.records == before + after
    assert len(found.damaged) == 1


@given(RECORDS, st.binary(max_size=80))
def test_zeros_and_rubbish_at_the_end(records, rubbish):
    """What a power cut leaves at the end, zeros or rubbish, is no record."""
    assume(MARKER not in rubbish)
    found = scan(written(records) + rubbish, MARKER)
    assert found.records == records
    assert found.torn + sum(end - start for start, end in found.damaged) == len(rubbish)


@given(RECORDS, RECORDS)
def test_another_file_s_frames_are_none(mine, theirs):
    """Frames with another marker, as a client might send them in a text, are never read as records."""
    inside = b"".join(framed(record, b"\xc1abc") for record in theirs)
    found = scan(written(mine) + inside, MARKER)
    assert found.records == mine


@given(RECORDS, st.data())
def test_reading_on_from_any_record(records, data):
    """Read in two goes, from where the first ended, a file gives what it gives in one."""
    content = written(records)
    cut = data.draw(st.integers(0, len(content)))
    first = scan(content[:cut], MARKER)
    assert first.records + scan(content, MARKER, start=first.end).records == records
